// What looks at the rows of a partition together: Top-N, OVER, SESSION, and the guard of a scalar
// subquery.

#include "sql/lowering/distribution.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/properties.h"
#include "sql/plan/watermarks.h"

namespace forebay::sql::lowering {

using expr::ExprRef;
using plan::ColumnId;
using runtime::NodeInput;

namespace {

/// LIMIT and OFFSET after parameters were put in.
Result<uint64_t> count_of(const ExprRef& expr, bool is_limit, uint64_t none) {
  if (!expr) return none;
  FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(expr, {}));
  if (value.is_null()) return none;
  int64_t number = std::get<int64_t>(value.value);
  if (number >= 0) return static_cast<uint64_t>(number);
  return is_limit ? Status(data::sqlstate::kInvalidLimit, "LIMIT must not be negative")
                  : Status(data::sqlstate::kInvalidOffset, "OFFSET must not be negative");
}

}  // namespace

Result<Stream> Lowering::lower_top_n(const plan::TopN& top) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(top.inputs[0]));
  operators::TopNParameters parameters;
  FOREBAY_ASSIGN_OR_RETURN(parameters.limit, count_of(top.limit, true, UINT64_MAX));
  FOREBAY_ASSIGN_OR_RETURN(parameters.offset, count_of(top.offset, false, 0));
  if (parameters.limit == UINT64_MAX && parameters.offset == 0 && !top.number) return from;
  from = exactly(std::move(from), top.input().columns);
  parameters.types = from.types;
  parameters.numbered = top.number.has_value();
  std::vector<ColumnId> partition = top.partition;
  parameters.time = bound_partition(top, from, partition);
  parameters.partition_columns = from.positions(partition);
  parameters.order = sort_keys(top.order, from);
  parameters.with_ties = top.with_ties;
  parameters.append_only = parameters.limit != UINT64_MAX && plan::is_append_only(top.inputs[0]);
  parameters.rows = next_table();
  NodeInput input = hashed_input(top, 0, from, partition);
  Stream out = from;
  out.hashed = distribution_of(partition);
  if (top.number) {
    out.columns.push_back(top.number->id);
    out.types.push_back(top.number->type);
  }
  out.node = add(operators::make_top_n(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_over(const plan::Over& over) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(over.inputs[0]));
  from = exactly(std::move(from), over.input().columns);
  operators::OverParameters parameters;
  parameters.types = from.types;
  std::vector<ColumnId> partition = over.partition;
  parameters.time = bound_partition(over, from, partition);
  parameters.in_order = bound_order(over, from);
  parameters.partition_columns = from.positions(partition);
  parameters.order = sort_keys(over.order, from);
  Stream out = from;
  for (const plan::OverCall& call : over.calls) {
    operators::OverCall spec;
    spec.function = call.function;
    spec.aggregate = call.aggregate;
    spec.arguments = from.positions(call.arguments);
    if (call.filter) spec.filter_column = static_cast<int32_t>(from.position(*call.filter));
    if (call.fallback) {
      spec.fallback_column = static_cast<int32_t>(from.position(*call.fallback));
    }
    spec.number = call.number;
    spec.frame = call.frame;
    spec.result_type = call.output.type;
    parameters.calls.push_back(std::move(spec));
    out.columns.push_back(call.output.id);
    out.types.push_back(call.output.type);
  }
  parameters.rows = next_table();
  parameters.waits =
      parameters.in_order.has_value() && (plan::looks_ahead(over) || plan::goes_with_time(over));
  if (parameters.waits) parameters.timers = next_table();
  NodeInput input = hashed_input(over, 0, from, partition);
  out.hashed = distribution_of(partition);
  out.node = add(operators::make_over(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_session(const plan::Session& session) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(session.inputs[0]));
  from = exactly(std::move(from), session.input().columns);
  operators::SessionParameters parameters;
  parameters.types = from.types;
  parameters.partition_columns = from.positions(session.partition);
  parameters.time_column = from.position(session.time);
  parameters.gap = session.gap;
  parameters.rows = next_table();
  parameters.timers = next_table();
  if (session.bounded) {
    parameters.time = bound_in(session.inputs[0], from, session.time);
    FOREBAY_CHECK(parameters.time.has_value(), "a bounded session without a bound");
    parameters.on_close = session.on_close;
  }
  NodeInput input = hashed_input(session, 0, from, session.partition);
  Stream out = from;
  for (const plan::Column* column : {&session.start, &session.end}) {
    out.columns.push_back(column->id);
    out.types.push_back(column->type);
  }
  out.hashed = distribution_of(session.partition);
  out.node = add(operators::make_session(std::move(parameters)), {std::move(input)});
  return out;
}

Result<Stream> Lowering::lower_single_row(const plan::SingleRow& guard) {
  FOREBAY_ASSIGN_OR_RETURN(Stream from, lower(guard.inputs[0]));
  from = exactly(std::move(from), guard.columns);
  operators::SingleRowParameters parameters{from.types, from.positions(guard.keys), next_table()};
  NodeInput input = hashed_input(guard, 0, from, guard.keys);
  Stream out = from;
  out.hashed = distribution_of(guard.keys);
  out.node = add(operators::make_single_row(std::move(parameters)), {std::move(input)});
  return out;
}

}  // namespace forebay::sql::lowering
