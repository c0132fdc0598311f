// Conditions with now() in what runs on, and rows that go some time after they came.

#include "sql/plan/temporal.h"

#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"

namespace forebay::sql::lowering {

using expr::ExprRef;

Result<Stream> Lowering::lower_temporal(Stream from, const plan::Columns& columns,
                                        const ExprRef& condition) {
  std::vector<ExprRef> conjuncts, rest;
  plan::split_conjuncts(condition, conjuncts);
  from = exactly(std::move(from), columns);
  operators::TemporalFilterParameters temporal;
  for (const ExprRef& conjunct : conjuncts) {
    if (!plan::uses_now(conjunct)) {
      rest.push_back(conjunct);
      continue;
    }
    const std::optional<plan::TemporalBound> bound = plan::temporal_bound(conjunct);
    if (!bound) {
      return Status(data::sqlstate::kFeatureNotSupported,
                    "this use of now() in a materialized view is not supported")
          .with_hint("Compare a time of the row with it in WHERE.");
    }
    temporal.bounds.push_back({to_positions(bound->time, from), bound->offset_us, bound->is_until});
  }
  if (!rest.empty()) {
    operators::MapParameters map;
    map.input_types = from.types;
    map.predicate = to_positions(plan::make_conjunction(std::move(rest)), from);
    for (uint32_t i = 0; i < from.types.size(); ++i) {
      map.projection.push_back(expr::column(i, from.types[i]));
      map.names.push_back(columns[i].name);
    }
    from.node = add(operators::make_map(std::move(map)), {{from.node, std::nullopt}});
  }
  temporal.types = from.types;
  temporal.events = next_table();
  from.node = add(operators::make_temporal_filter(std::move(temporal)), {by_row(from)});
  from.hashed.reset();
  return from;
}

Result<Stream> Lowering::lower_expiry(const plan::Scan& scan) {
  const bool is_source = scan.object->kind == catalog::ObjectKind::kSource;
  FOREBAY_ASSIGN_OR_RETURN(Stream out, is_source ? lower_source(scan) : lower_scan(scan));
  out = exactly(std::move(out), scan.columns);
  operators::ExpiryParameters parameters;
  parameters.types = out.types;
  parameters.ttl_us = scan.ttl_us;
  parameters.append_only = is_source || scan.object->append_only;
  parameters.calendar = next_table();
  if (!parameters.append_only) parameters.rows = next_table();
  out.node = add(operators::make_expiry(std::move(parameters)), {by_row(out)});
  out.hashed.reset();
  return out;
}

}  // namespace forebay::sql::lowering
