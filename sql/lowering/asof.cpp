// Joins by time: ASOF, and FOR SYSTEM_TIME AS OF.

#include <algorithm>

#include "sql/lowering/distribution.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/properties.h"
#include "sql/plan/watermarks.h"

namespace forebay::sql::lowering {

using plan::ColumnId;

namespace {

/// The right side's columns with those that decide between rows of equal time in front.
plan::Columns with_ties_first(const plan::Columns& columns, const std::vector<ColumnId>& ties) {
  plan::Columns out;
  for (ColumnId id : ties) out.push_back(columns[plan::find_column(columns, id)]);
  for (const plan::Column& column : columns) {
    if (std::find(ties.begin(), ties.end(), column.id) == ties.end()) out.push_back(column);
  }
  return out;
}

}  // namespace

Result<Stream> Lowering::lower_asof_join(const plan::AsofJoin& join) {
  FOREBAY_ASSIGN_OR_RETURN(Stream left, lower(join.inputs[0]));
  FOREBAY_ASSIGN_OR_RETURN(Stream right, lower(join.inputs[1]));
  left = exactly(std::move(left), join.inputs[0]->columns);
  right = exactly(std::move(right), with_ties_first(join.inputs[1]->columns, join.ties));
  std::vector<ColumnId> left_keys, right_keys;
  std::vector<uint32_t> left_places, right_places;
  std::vector<uint8_t> null_safe;
  for (const plan::JoinKey& key : join.keys) {
    left_keys.push_back(key.left);
    right_keys.push_back(key.right);
    left_places.push_back(left.position(key.left));
    right_places.push_back(right.position(key.right));
    null_safe.push_back(key.null_safe);
  }
  std::vector<runtime::NodeInput> inputs{hashed_input(join, 0, left, left_keys),
                                         hashed_input(join, 1, right, right_keys)};
  Stream out = left;
  out.columns.insert(out.columns.end(), right.columns.begin(), right.columns.end());
  out.types.insert(out.types.end(), right.types.begin(), right.types.end());
  out.hashed = distribution_after(join.outer ? plan::JoinKind::kLeft : plan::JoinKind::kInner, left,
                                  left_keys, right, right_keys);
  if (join.mode == plan::AsofMode::kEpochEnd) {
    operators::LookupJoinParameters parameters{join.outer,  left.types,   right.types,
                                               left_places, right_places, null_safe};
    parameters.left_append_only = plan::is_append_only(join.inputs[0]);
    parameters.right_rows = next_table();
    if (!parameters.left_append_only) parameters.given = next_table();
    out.node = add(operators::make_lookup_join(std::move(parameters)), std::move(inputs));
    return out;
  }
  operators::AsofJoinParameters parameters{join.outer,  left.types,   right.types,
                                           left_places, right_places, null_safe};
  parameters.left_time = left.position(join.left_time);
  parameters.right_time = right.position(join.right_time);
  parameters.order = join.order;
  parameters.left_rows = next_table();
  parameters.right_rows = next_table();
  if (join.mode == plan::AsofMode::kVersion) {
    parameters.versions = true;
    parameters.right_append_only = plan::is_append_only(join.inputs[1]);
    parameters.timers = next_table();
    parameters.left_bound = bound_in(join.inputs[0], left, join.left_time);
    parameters.right_bound = bound_in(join.inputs[1], right, join.right_time);
  } else if (is_continuous_ && plan::forgets(join)) {
    parameters.timers = next_table();
    parameters.left_bound = bound_in(join.inputs[0], left, join.left_time);
    parameters.right_bound = bound_in(join.inputs[1], right, join.right_time);
  }
  out.node = add(operators::make_asof_join(std::move(parameters)), std::move(inputs));
  return out;
}

}  // namespace forebay::sql::lowering
