#include <fmt/format.h>

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/print.h"
#include "sql/plan/watermarks.h"

/// EMIT ON WINDOW CLOSE.
namespace forebay::sql::plan {

using data::Result;
using data::Status;

namespace {

/// The column that a TopN or Over that does not look ahead is ordered by, NULLs last.
std::optional<ColumnId> ordering_time(const Node& node) {
  const std::vector<SortItem>* order = nullptr;
  if (node.kind == NodeKind::kTopN) order = &as<TopN>(node).order;
  if (node.kind == NodeKind::kOver) {
    const auto& calls = as<Over>(node).calls;
    const bool back = std::all_of(calls.begin(), calls.end(),
                                  [](const OverCall& call) { return looks_back(call, true); });
    if (back) order = &as<Over>(node).order;
  }
  if (order == nullptr || order->empty()) return std::nullopt;
  const SortItem& first = order->front();
  if (first.descending || first.nulls_first) return std::nullopt;
  return first.column;
}

}  // namespace

bool looks_back(const OverCall& call, bool whole_groups) {
  using operators::FrameUnit;
  using operators::OverFunction;
  switch (call.function) {
    case OverFunction::kRowNumber:
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
      return true;
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
    case OverFunction::kNtile:
      return false;
    case OverFunction::kLag:
      return call.number >= 0;
    default:
      break;
  }
  if (call.frame.upper.edge != operators::FrameBound::Edge::kOffset) return false;
  return call.frame.upper.offset <= 0 && (whole_groups || call.frame.unit == FrameUnit::kRows);
}

bool closes_in_order(const Node& node) {
  if (node.inputs.size() != 1 || node.input().kind != NodeKind::kHold) return false;
  const std::optional<ColumnId> order = ordering_time(node);
  return order && *order == as<Hold>(node.input()).time;
}

namespace {

Status cannot_close(std::string why, std::string hint) {
  return Status(data::sqlstate::kFeatureNotSupported,
                fmt::format("EMIT ON WINDOW CLOSE is not supported: {}", why))
      .with_hint(std::move(hint));
}

void add_relations(const NodeRef& node, std::vector<std::string>& names) {
  if (node->kind == NodeKind::kScan) names.push_back(as<Scan>(*node).object->name);
  for (const NodeRef& input : node->inputs) add_relations(input, names);
}

Status no_bound(const NodeRef& node, const std::vector<ColumnId>& groups) {
  std::vector<std::string> relations;
  add_relations(node, relations);
  if (!reads_watermark(node)) {
    return cannot_close(
        relations.empty() ? "the view reads no relation"
                          : fmt::format("\"{}\" has no watermark", relations[0]),
        "Declare one in CREATE SOURCE or CREATE TABLE: WATERMARK FOR time_column AS time_column - "
        "INTERVAL '5 seconds'.");
  }
  return cannot_close(
      fmt::format("no watermark bounds a column of GROUP BY {}", ColumnNames(node).list(groups)),
      "Group by window_start and window_end of the column that has the watermark, or by that "
      "column.");
}

/// Every row comes from an operator that closes windows.
Status check_closes(const NodeRef& node) {
  switch (node->kind) {
    case NodeKind::kScan:
    case NodeKind::kValues:
      if (!reads_watermark(node)) return no_bound(node, {});
      return cannot_close("no watermark bounds a column of the view",
                          "Show the column that has the watermark, or window_start of it.");
    case NodeKind::kAggregate:
      if (as<Aggregate>(*node).bounded) return Status::ok();
      return no_bound(node, as<Aggregate>(*node).groups);
    case NodeKind::kDistinct: {
      std::vector<ColumnId> groups;
      for (const Column& column : node->columns) groups.push_back(column.id);
      return no_bound(node, groups);
    }
    case NodeKind::kSession:
      if (as<Session>(*node).bounded) return Status::ok();
      return no_bound(node, {as<Session>(*node).time});
    case NodeKind::kHold:
      return Status::ok();
    case NodeKind::kTopN:
    case NodeKind::kOver:
      if (closes_in_order(*node)) return Status::ok();
      return cannot_close(
          node->kind == NodeKind::kOver ? "the window functions see rows that may still come"
                                        : "which rows are first is never final",
          "Order by the time column that has the watermark, ascending, with frames that end with "
          "the current row; or partition by window_start.");
    case NodeKind::kFilter:
    case NodeKind::kProject:
    case NodeKind::kUnion:
    case NodeKind::kExpand:
    case NodeKind::kTableFunction:
      break;
    default:
      return cannot_close("no watermark bounds a column of the join that the view shows",
                          "Join by window_start and window_end of both sides, or make a view of "
                          "the windows first.");
  }
  for (const NodeRef& input : node->inputs) FOREBAY_RETURN_IF_ERROR(check_closes(input));
  return Status::ok();
}

/// The coarsest bounded column, or 0: what it shows is closed for all others, too.
ColumnId holding_column(const NodeRef& node) {
  const TimeBounds bounds = time_bounds(node);
  ColumnId coarsest = 0;
  for (const Column& column : node->columns) {
    if (!bounds.contains(column.id)) continue;
    if (coarsest == 0 || coarseness(bounds.at(column.id)) > coarseness(bounds.at(coarsest))) {
      coarsest = column.id;
    }
  }
  return coarsest;
}

/// nullptr: some rows are never final.
NodeRef hold_rows(const NodeRef& node) {
  if (check_closes(node).is_ok()) return node;
  if (const ColumnId time = holding_column(node); time != 0) return make_hold(node, time);
  switch (node->kind) {
    case NodeKind::kTopN:
    case NodeKind::kOver: {
      const std::optional<ColumnId> time = ordering_time(*node);
      if (!time || !time_bounds(node->inputs[0]).contains(*time)) return nullptr;
      return with_inputs(node, {make_hold(node->inputs[0], *time)});
    }
    case NodeKind::kFilter:
    case NodeKind::kProject:
    case NodeKind::kUnion:
    case NodeKind::kExpand:
    case NodeKind::kTableFunction:
      break;
    default:
      return nullptr;
  }
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) {
    inputs.push_back(hold_rows(input));
    if (inputs.back() == nullptr) return nullptr;
  }
  return with_inputs(node, std::move(inputs));
}

}  // namespace

Result<NodeRef> close_windows(const NodeRef& plan) {
  if (NodeRef held = hold_rows(plan)) return held;
  return check_closes(plan);
}

}  // namespace forebay::sql::plan
