// Conditions with now() in what runs on.

#include "sql/plan/temporal.h"

#include <numeric>

#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"

namespace forebay::sql::lowering {

using expr::ExprRef;
using runtime::Exchange;

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
  std::vector<uint32_t> all(from.types.size());
  std::iota(all.begin(), all.end(), 0);
  from.node = add(operators::make_temporal_filter(std::move(temporal)),
                  {{from.node, Exchange{std::move(all), data::KeyMode::kExact}}});
  from.hashed.reset();
  return from;
}

}  // namespace forebay::sql::lowering
