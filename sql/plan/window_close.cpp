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

/// Every row is final once there are so many rows after it, or the watermark is so far.
bool waits_only_so_long(const OverCall& call) {
  using operators::OverFunction;
  switch (call.function) {
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
    case OverFunction::kNtile:
      return false;
    case OverFunction::kRowNumber:
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
    case OverFunction::kLag:
      return true;
    default:
      return call.frame.upper.edge == operators::FrameBound::Edge::kOffset;
  }
}

/// The column that a TopN or Over whose rows are final some day is ordered by, NULLs last.
std::optional<ColumnId> ordering_time(const Node& node) {
  const std::vector<SortItem>* order = nullptr;
  if (node.kind == NodeKind::kTopN) order = &as<TopN>(node).order;
  if (node.kind == NodeKind::kOver) {
    const auto& calls = as<Over>(node).calls;
    if (std::all_of(calls.begin(), calls.end(), waits_only_so_long)) order = &as<Over>(node).order;
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

bool looks_ahead(const Over& over) {
  return !std::all_of(over.calls.begin(), over.calls.end(),
                      [](const OverCall& call) { return looks_back(call, true); });
}

bool goes_with_time(const Over& over) {
  using Edge = operators::FrameBound::Edge;
  return std::all_of(over.calls.begin(), over.calls.end(), [](const OverCall& call) {
    return call.function >= operators::OverFunction::kFirstValue &&
           call.frame.unit == operators::FrameUnit::kRange &&
           call.frame.lower.edge == Edge::kOffset && call.frame.upper.edge == Edge::kOffset;
  });
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

/// A relation below with a watermark, and its time column.
std::pair<std::string, std::string> timed_relation(const NodeRef& node) {
  if (node->kind == NodeKind::kScan) {
    const catalog::CatalogObject& object = *as<Scan>(*node).object;
    if (object.watermark) return {object.name, object.columns[object.watermark->column].name};
    if (!object.time_bounds.empty()) {
      return {object.name, object.columns[object.time_bounds[0].column].name};
    }
  }
  for (const NodeRef& input : node->inputs) {
    auto found = timed_relation(input);
    if (!found.first.empty()) return found;
  }
  return {};
}

/// What PARTITION BY makes rows final: "PARTITION BY item, window_start, window_end", and
/// ", with rows FROM TUMBLE(bid, at, INTERVAL '1 hour')" where there are no windows yet.
std::pair<std::string, std::string> windowed_partition(const NodeRef& node,
                                                       const std::vector<ColumnId>& partition) {
  const ColumnNames names(node);
  std::string text = "PARTITION BY ";
  for (ColumnId id : partition) text += names.of(id) + ", ";
  const TimeBounds bounds = time_bounds(node->inputs[0]);
  for (const Column& column : node->input().columns) {
    auto bound = bounds.find(column.id);
    if (bound != bounds.end() && coarseness(bound->second) > 0) {
      return {text + names.of(column.id), ""};
    }
  }
  const auto [relation, time] = timed_relation(node);
  return {text + "window_start, window_end",
          fmt::format(", with rows FROM TUMBLE({}, {}, INTERVAL '1 hour')", relation, time)};
}

Status never_final(const NodeRef& node) {
  if (node->kind == NodeKind::kTopN) {
    const auto [partition, rows] = windowed_partition(node, as<TopN>(*node).partition);
    return cannot_close(
        "which rows are first is never final",
        fmt::format("Number the rows of windows: row_number() OVER ({} ORDER BY ...){}; or order "
                    "by the time column that has the watermark, ascending.",
                    partition, rows));
  }
  const auto [partition, rows] = windowed_partition(node, as<Over>(*node).partition);
  return cannot_close(
      "the window functions see rows that may still come",
      fmt::format("Order by the time column that has the watermark, ascending, with frames that "
                  "end with the row or so far behind it; or {}{}.",
                  partition, rows));
}

bool is_full_join(const Node& node) {
  return node.kind == NodeKind::kJoin && as<Join>(node).join == JoinKind::kFull;
}

/// Columns that an outer join below, or the node, has filled with NULLs in rows without a match.
ColumnSet padded_columns(const NodeRef& node) {
  ColumnSet padded;
  for (const NodeRef& input : node->inputs) padded.merge(padded_columns(input));
  const auto add_side = [&](size_t side) {
    for (const Column& column : node->inputs[side]->columns) padded.insert(column.id);
  };
  switch (node->kind) {
    case NodeKind::kJoin: {
      const JoinKind kind = as<Join>(*node).join;
      if (kind == JoinKind::kLeft || kind == JoinKind::kFull) add_side(1);
      if (kind == JoinKind::kRight || kind == JoinKind::kFull) add_side(0);
      break;
    }
    case NodeKind::kAsofJoin:
      if (as<AsofJoin>(*node).outer) add_side(1);
      break;
    case NodeKind::kProject: {
      const auto& project = as<Project>(*node);
      for (size_t i = 0; i < project.columns.size(); ++i) {
        const ColumnSet read = columns_in(project.expressions[i]);
        const bool reads_padded =
            std::any_of(read.begin(), read.end(), [&](ColumnId id) { return padded.contains(id); });
        if (reads_padded) padded.insert(project.columns[i].id);
      }
      break;
    }
    case NodeKind::kUnion:
      for (size_t i = 0; i < node->columns.size(); ++i) {
        for (const NodeRef& input : node->inputs) {
          if (padded.contains(input->columns[i].id)) padded.insert(node->columns[i].id);
        }
      }
      break;
    default:
      break;
  }
  return padded;
}

/// Its rows are those of its inputs, changed or fewer, as soon as they come.
bool passes_on(const Node& node) {
  return node.kind == NodeKind::kFilter || node.kind == NodeKind::kProject ||
         node.kind == NodeKind::kUnion || node.kind == NodeKind::kExpand ||
         node.kind == NodeKind::kTableFunction;
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
      if (!reads_watermark(node)) return no_bound(node, {});
      return never_final(node);
    default:
      if (passes_on(*node)) break;
      if (is_full_join(*node)) {
        return cannot_close("watermarks do not bound times of both sides of the FULL JOIN",
                            "Join by window_start and window_end of both sides, or make a view of "
                            "the windows first.");
      }
      if (!padded_columns(node).empty()) {
        return cannot_close(
            "no watermark bounds a column of the join that the view shows and that "
            "rows without a match have",
            "Show the time of the side that keeps all its rows.");
      }
      return cannot_close("no watermark bounds a column of the join that the view shows",
                          "Join by window_start and window_end of both sides, or make a view of "
                          "the windows first.");
  }
  for (const NodeRef& input : node->inputs) FOREBAY_RETURN_IF_ERROR(check_closes(input));
  return Status::ok();
}

/// The coarsest of `columns` that `bounds` has and that is never filled with NULLs by an outer
/// join below; nullptr: none.
const Column* coarsest(const Columns& columns, const TimeBounds& bounds, const ColumnSet& padded) {
  const Column* found = nullptr;
  for (const Column& column : columns) {
    if (!bounds.contains(column.id) || padded.contains(column.id)) continue;
    if (found == nullptr || coarseness(bounds.at(column.id)) > coarseness(bounds.at(found->id))) {
      found = &column;
    }
  }
  return found;
}

/// The rows of a FULL JOIN by the time of the left side, or of the right one in rows that have no
/// match there. nullptr: watermarks don't bound both.
NodeRef hold_by_either(const NodeRef& join, ColumnFactory& columns) {
  const TimeBounds bounds = time_bounds(join);
  std::vector<ExprRef> times;
  for (const NodeRef& input : join->inputs) {
    const Column* time = coarsest(input->columns, bounds, padded_columns(input));
    if (time == nullptr) return nullptr;
    times.push_back(column_ref(*time));
  }
  const Type type = times[0]->type;
  if (times[1]->type.id != type.id) return nullptr;
  Columns shown = join->columns;
  std::vector<ExprRef> values;
  for (const Column& column : shown) values.push_back(column_ref(column));
  shown.push_back(columns.make("time", type));
  values.push_back(expr::coalesce(type, std::move(times)));
  const ColumnId time = shown.back().id;
  NodeRef timed = make_project(join, std::move(shown), std::move(values));
  return make_narrow(make_hold(std::move(timed), time), join->columns);
}

/// Its rows wait for others, which may come at any time: they are in no order that is known.
bool waits_for_rows(const Over& over) {
  return std::any_of(over.calls.begin(), over.calls.end(), [](const OverCall& call) {
    return !looks_back(call, true) && (call.function == operators::OverFunction::kLag ||
                                       call.frame.unit != operators::FrameUnit::kRange);
  });
}

bool reads_results(const Over& over, const Over& of) {
  ColumnSet read(over.partition.begin(), over.partition.end());
  for (const SortItem& item : over.order) read.insert(item.column);
  for (const OverCall& call : over.calls) {
    read.insert(call.arguments.begin(), call.arguments.end());
    if (call.filter) read.insert(*call.filter);
    if (call.fallback) read.insert(*call.fallback);
  }
  return std::any_of(of.calls.begin(), of.calls.end(),
                     [&](const OverCall& call) { return read.contains(call.output.id); });
}

/// Without projections that only leave columns out.
NodeRef whole(NodeRef node) {
  while (node->kind == NodeKind::kProject) {
    const auto& project = as<Project>(*node);
    for (size_t i = 0; i < project.columns.size(); ++i) {
      if (!is_column(project.expressions[i], project.columns[i].id)) return node;
    }
    node = project.inputs[0];
  }
  return node;
}

/// Of window functions over each other those whose rows wait for others come last.
NodeRef waiting_last(const NodeRef& node) {
  if (node->kind != NodeKind::kOver) return node;
  const NodeRef input = whole(node->inputs[0]);
  if (input->kind != NodeKind::kOver) return node;
  const NodeRef same = with_inputs(node, {waiting_last(input)});
  const auto& above = as<Over>(*same);
  const auto& below = as<Over>(same->input());
  if (!waits_for_rows(below) || waits_for_rows(above) || reads_results(above, below)) return same;
  NodeRef moved = make_over(below.inputs[0], above.partition, above.order, above.calls);
  return make_over(waiting_last(moved), below.partition, below.order, below.calls);
}

/// nullptr: some rows are never final.
NodeRef hold_rows(const NodeRef& given, ColumnFactory& columns) {
  const NodeRef node = waiting_last(given);
  if (check_closes(node).is_ok()) return node;
  // What the coarsest shows is closed for all others, too.
  if (const Column* time = coarsest(node->columns, time_bounds(node), padded_columns(node))) {
    return make_hold(node, time->id);
  }
  if (node->kind == NodeKind::kTopN || node->kind == NodeKind::kOver) {
    const std::optional<ColumnId> time = ordering_time(*node);
    if (!time) return nullptr;
    NodeRef input = node->inputs[0];
    if (!time_bounds(input).contains(*time)) {
      // Of window functions over others, say.
      input = hold_rows(input, columns);
      if (input == nullptr || !time_bounds(input).contains(*time)) return nullptr;
    }
    if (padded_columns(input).contains(*time)) return nullptr;
    return with_inputs(node, {make_hold(std::move(input), *time)});
  }
  if (is_full_join(*node)) return hold_by_either(node, columns);
  if (!passes_on(*node)) return nullptr;
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) {
    inputs.push_back(hold_rows(input, columns));
    if (inputs.back() == nullptr) return nullptr;
  }
  return with_inputs(node, std::move(inputs));
}

}  // namespace

Result<NodeRef> close_windows(const NodeRef& plan, ColumnFactory& columns) {
  if (NodeRef held = hold_rows(plan, columns)) return make_narrow(std::move(held), plan->columns);
  return check_closes(plan);
}

}  // namespace forebay::sql::plan
