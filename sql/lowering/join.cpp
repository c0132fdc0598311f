#include "sql/lowering/distribution.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/join_time.h"
#include "sql/plan/properties.h"
#include "sql/plan/temporal.h"

/// Joins, and what bounds their state.
namespace forebay::sql::lowering {

using plan::ColumnId;
using runtime::NodeInput;

Result<Stream> Lowering::lower_join(const plan::Join& join) {
  FOREBAY_ASSIGN_OR_RETURN(Stream left, lower(join.inputs[0]));
  FOREBAY_ASSIGN_OR_RETURN(Stream right, lower(join.inputs[1]));
  left = exactly(std::move(left), join.inputs[0]->columns);
  right = exactly(std::move(right), join.inputs[1]->columns);
  operators::JoinParameters parameters;
  parameters.kind = join.join;
  parameters.left_types = left.types;
  parameters.right_types = right.types;
  std::vector<ColumnId> left_keys, right_keys;
  for (const plan::JoinKey& key : join.keys) {
    left_keys.push_back(key.left);
    right_keys.push_back(key.right);
    parameters.null_safe.push_back(key.null_safe);
  }
  parameters.left_keys = left.positions(left_keys);
  parameters.right_keys = right.positions(right_keys);
  Stream both = left;
  both.columns.insert(both.columns.end(), right.columns.begin(), right.columns.end());
  both.types.insert(both.types.end(), right.types.begin(), right.types.end());
  if (is_continuous_ && join.condition && plan::uses_now(join.condition)) {
    return Status(data::sqlstate::kFeatureNotSupported,
                  "now() in a condition of a join in a materialized view is not supported")
        .with_hint("Compare with it in a view of one side, or above the join.");
  }
  parameters.condition = to_positions(join.condition, both);
  parameters.left_append_only = plan::is_append_only(join.inputs[0]);
  parameters.right_append_only = plan::is_append_only(join.inputs[1]);
  parameters.left_rows = next_table();
  parameters.right_rows = next_table();
  if (join.time) parameters.time = time_of(join, left, right);
  const bool left_only = join.join == plan::JoinKind::kSemi || join.join == plan::JoinKind::kAnti;
  Stream out = left_only ? left : both;
  out.hashed = distribution_after(join.join, left, left_keys, right, right_keys);
  std::vector<NodeInput> inputs{hashed_input(join, 0, left, left_keys),
                                hashed_input(join, 1, right, right_keys)};
  out.node = add(operators::make_join(std::move(parameters)), std::move(inputs));
  return out;
}

operators::JoinTime Lowering::time_of(const plan::Join& join, const Stream& left,
                                      const Stream& right) {
  const Stream* streams[2] = {&left, &right};
  const plan::TimeBounds bounds[2] = {plan::time_bounds(join.inputs[0]),
                                      plan::time_bounds(join.inputs[1])};
  operators::JoinTime time;
  time.by_key = join.time->by_key;
  for (int side : {0, 1}) {
    const plan::JoinTime::Side& from = join.time->sides[side];
    operators::JoinTime::Side& to = time.sides[side];
    for (ColumnId column : from.late) {
      plan::BoundTerms terms = bounds[side].at(column);
      if (time.by_key) {
        terms = bounds[0].at(join.keys[0].left);
        plan::add_terms(terms, bounds[1].at(join.keys[0].right));
      }
      to.late.push_back(bound_of(streams[side]->position(column), terms));
    }
    if (!from.needed) continue;
    to.needed =
        bound_of(streams[side]->position(from.needed->high), plan::needed_terms(join, side));
    for (auto [reach, out] : {std::pair(&from.lower, &to.lower), {&from.upper, &to.upper}}) {
      if (!*reach) continue;
      *out = {streams[1 - side]->position((*reach)->column), (*reach)->offset_us};
    }
    to.timers = next_table();
  }
  return time;
}

}  // namespace forebay::sql::lowering
