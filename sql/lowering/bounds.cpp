#include <algorithm>

#include "sql/lowering/lowering.h"

/// What watermarks say about columns, with the numbers of the circuit's leaves.
namespace forebay::sql::lowering {

operators::TimeBound Lowering::bound_of(uint32_t column, const plan::BoundTerms& terms) const {
  operators::TimeBound bound;
  bound.column = column;
  for (const plan::BoundTerm& term : terms) {
    operators::WatermarkId id = term.id;
    if (term.source != nullptr) {
      auto scan = lowered_.find(term.source);
      FOREBAY_CHECK(scan != lowered_.end(), "the watermark of a scan that was not lowered");
      // Below what computes generated columns.
      uint32_t leaf = scan->second.node;
      while (!nodes_[leaf].inputs.empty()) leaf = nodes_[leaf].inputs[0].node;
      id = {self_, leaf};
    }
    bound.terms.push_back({id, term.shift});
  }
  return bound;
}

std::optional<operators::TimeBound> Lowering::bound_in(const plan::NodeRef& input,
                                                       const Stream& from,
                                                       plan::ColumnId time) const {
  const plan::TimeBounds bounds = plan::time_bounds(input);
  auto bound = bounds.find(time);
  if (bound == bounds.end()) return std::nullopt;
  return bound_of(from.position(time), bound->second);
}

std::optional<operators::TimeBound> Lowering::bound_partition(
    const plan::Node& node, const Stream& from, std::vector<plan::ColumnId>& partition) const {
  if (!is_continuous_) return std::nullopt;
  const std::optional<plan::ColumnId> time = plan::bounded_partition(node);
  if (!time) return std::nullopt;
  const auto at = std::find(partition.begin(), partition.end(), *time);
  std::rotate(partition.begin(), at, at + 1);
  return bound_in(node.inputs[0], from, *time);
}

std::optional<operators::TimeBound> Lowering::bound_order(const plan::Over& over,
                                                          const Stream& from) const {
  if (!is_continuous_ || !plan::closes_in_order(over)) return std::nullopt;
  return bound_in(over.inputs[0], from, over.order[0].column);
}

Result<Stream> Lowering::lower_hold(const plan::Hold& hold) {
  FOREBAY_ASSIGN_OR_RETURN(Stream out, lower(hold.inputs[0]));
  out = exactly(std::move(out), hold.columns);
  const auto bound = bound_in(hold.inputs[0], out, hold.time);
  FOREBAY_CHECK(bound.has_value(), "a hold without a bound");
  operators::HoldParameters parameters{out.types, *bound, next_table()};
  out.node = add(operators::make_hold(std::move(parameters)), {by_row(out)});
  out.hashed.reset();
  return out;
}

Result<Stream> Lowering::lower_late(const plan::Late& late) {
  FOREBAY_ASSIGN_OR_RETURN(Stream out, lower(late.inputs[0]));
  const auto bound = bound_in(late.inputs[0], out, late.time);
  FOREBAY_CHECK(bound.has_value(), "late rows without a bound");
  operators::LateRowsParameters parameters{out.types, *bound};
  for (const plan::Column* column : {&late.operation, &late.watermark}) {
    out.columns.push_back(column->id);
    out.types.push_back(column->type);
  }
  out.node = add(operators::make_late_rows(std::move(parameters)), {{out.node, std::nullopt}});
  return out;
}

void loosen(operators::TimeBound& bound, int64_t micros) {
  for (auto& term : bound.terms) {
    FOREBAY_CHECK(term.shift != nullptr, "panes are cut from times");
    term.shift = plan::earlier(term.shift, micros);
  }
}

}  // namespace forebay::sql::lowering
