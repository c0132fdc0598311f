#include "sql/plan/print.h"

#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "engine/data/text_format.h"
#include "sql/plan/expressions.h"

namespace forebay::sql::plan {

ColumnNames::ColumnNames(const NodeRef& root) { add(root); }

void ColumnNames::add(const NodeRef& node) {
  for (const NodeRef& input : node->inputs) add(input);
  for (const Column& column : node->columns) {
    auto [at, is_new] = names_.try_emplace(column.id, column.name);
    if (is_new) ++uses_[column.name];
  }
}

std::string ColumnNames::of(ColumnId id) const {
  auto found = names_.find(id);
  if (found == names_.end()) return fmt::format("outer#{}", id);
  auto uses = uses_.find(found->second);
  if (found->second.empty() || uses->second > 1) return fmt::format("{}#{}", found->second, id);
  return found->second;
}

std::string ColumnNames::of(const ExprRef& expr) const {
  // to_string takes names by position: give it an expression over few positions.
  std::vector<std::string> names;
  std::unordered_map<ColumnId, uint32_t> positions;
  ExprRef renumbered = transform(expr, [&](const ExprRef& part) -> ExprRef {
    if (part->kind != expr::ExprKind::kColumn) return nullptr;
    auto [at, is_new] = positions.try_emplace(part->column, static_cast<uint32_t>(names.size()));
    if (is_new) names.push_back(of(part->column));
    return expr::column(at->second, part->type);
  });
  return expr::to_string(*renumbered, names);
}

std::string ColumnNames::list(const std::vector<ColumnId>& ids) const {
  std::vector<std::string> out;
  for (ColumnId id : ids) out.push_back(of(id));
  return fmt::format("[{}]", fmt::join(out, ", "));
}

namespace {

std::string_view join_word(JoinKind kind) {
  switch (kind) {
    case JoinKind::kInner:
      return "inner";
    case JoinKind::kLeft:
      return "left";
    case JoinKind::kRight:
      return "right";
    case JoinKind::kFull:
      return "full";
    case JoinKind::kSemi:
      return "semi";
    case JoinKind::kAnti:
      return "anti";
  }
  return "";
}

std::string columns_text(const Node& node, const ColumnNames& names) {
  std::vector<ColumnId> ids;
  for (const Column& column : node.columns) ids.push_back(column.id);
  return names.list(ids);
}

std::string project_text(const Project& project, const ColumnNames& names) {
  std::vector<std::string> items;
  for (size_t i = 0; i < project.columns.size(); ++i) {
    std::string name = names.of(project.columns[i].id);
    if (is_column(project.expressions[i], project.columns[i].id)) {
      items.push_back(std::move(name));
    } else {
      items.push_back(fmt::format("{} = {}", name, names.of(project.expressions[i])));
    }
  }
  return fmt::format("Project [{}]", fmt::join(items, ", "));
}

std::string order_text(const std::vector<SortItem>& items, const ColumnNames& names) {
  std::vector<std::string> order;
  for (const SortItem& item : items) {
    order.push_back(fmt::format("{}{}{}", names.of(item.column), item.descending ? " desc" : "",
                                item.nulls_first == item.descending ? ""
                                : item.nulls_first                  ? " nulls first"
                                                                    : " nulls last"));
  }
  return fmt::format("[{}]", fmt::join(order, ", "));
}

std::string aggregate_text(const Aggregate& aggregate, const ColumnNames& names) {
  std::vector<std::string> calls;
  for (const AggregateCall& call : aggregate.aggregates) {
    std::vector<std::string> arguments;
    for (const data::Datum& value : call.direct) {
      arguments.push_back(expr::to_string(*expr::literal(value)));
    }
    for (ColumnId id : call.arguments) arguments.push_back(names.of(id));
    std::string text =
        fmt::format("{} = {}({}{})", names.of(call.output.id), call.function->name,
                    call.distinct ? "distinct " : "",
                    arguments.empty() ? "*" : fmt::format("{}", fmt::join(arguments, ", ")));
    if (!call.order.empty()) text += " order=" + order_text(call.order, names);
    if (call.filter) text += fmt::format(" filter {}", names.of(*call.filter));
    calls.push_back(std::move(text));
  }
  std::string keys = aggregate.scalar ? "" : fmt::format(" keys={}", names.list(aggregate.groups));
  return fmt::format("Aggregate{} [{}]{}", keys, fmt::join(calls, ", "),
                     aggregate.on_close  ? " on window close"
                     : aggregate.bounded ? " bounded by " + names.of(aggregate.groups[0])
                                         : "");
}

std::string join_text(const Join& join, const ColumnNames& names) {
  std::vector<std::string> keys;
  for (const JoinKey& key : join.keys) {
    keys.push_back(fmt::format("{} {} {}", names.of(key.left), key.null_safe ? "is" : "=",
                               names.of(key.right)));
  }
  std::string text = fmt::format("Join {}", join_word(join.join));
  if (!keys.empty()) text += fmt::format(" on [{}]", fmt::join(keys, ", "));
  if (join.condition) text += fmt::format(" if {}", names.of(join.condition));
  return text;
}

std::string top_n_text(const TopN& top, const ColumnNames& names) {
  std::string text = "TopN";
  if (!top.partition.empty()) text += fmt::format(" partition={}", names.list(top.partition));
  text += " order=" + order_text(top.order, names);
  if (top.limit) text += fmt::format(" limit={}", names.of(top.limit));
  if (top.offset) text += fmt::format(" offset={}", names.of(top.offset));
  if (top.with_ties) text += " with ties";
  if (top.number) text += fmt::format(" number={}", names.list({top.number->id}));
  return text;
}

std::string over_text(const Over& over, const ColumnNames& names) {
  std::vector<std::string> calls;
  for (const OverCall& call : over.calls) {
    std::vector<std::string> arguments;
    for (ColumnId id : call.arguments) arguments.push_back(names.of(id));
    operators::OverCall model;
    model.function = call.function;
    model.aggregate = call.aggregate;
    model.number = call.number;
    model.frame = call.frame;
    std::string text =
        fmt::format("{} = {}", names.of(call.output.id), operators::call_text(model, arguments));
    if (call.fallback) text += " else " + names.of(*call.fallback);
    if (call.filter) text += " filter " + names.of(*call.filter);
    calls.push_back(std::move(text));
  }
  std::string text = "Over";
  if (!over.partition.empty()) text += fmt::format(" partition={}", names.list(over.partition));
  return fmt::format("{} order={} [{}]", text, order_text(over.order, names),
                     fmt::join(calls, ", "));
}

std::string duration_text(int64_t micros) {
  data::Interval interval;
  interval.microseconds = micros;
  std::string text;
  data::format_interval(interval, text);
  return text;
}

std::string scan_text(const Scan& scan, const ColumnNames& names) {
  std::string text = fmt::format("Scan {} {} {}", catalog::kind_name(scan.object->kind),
                                 scan.object->name, columns_text(scan, names));
  if (scan.ttl_us > 0) text += " ttl=" + duration_text(scan.ttl_us);
  if (scan.index) {
    const IndexUse& use = *scan.index;
    std::vector<std::string> parts;
    auto name = [&](size_t i) { return use.index->columns[i].name; };
    for (size_t i = 0; i < use.equal.size(); ++i) {
      parts.push_back(fmt::format("{} = {}", name(i), names.of(use.equal[i])));
    }
    for (auto [bound, sign] : {std::pair(&use.lower, ">"), {&use.upper, "<"}}) {
      if (bound->value == nullptr) continue;
      parts.push_back(fmt::format("{} {}{} {}", name(use.equal.size()), sign,
                                  bound->inclusive ? "=" : "", names.of(bound->value)));
    }
    text += fmt::format(" index {} [{}]", use.index->name, fmt::join(parts, ", "));
  }
  if (scan.key.empty()) return text;
  std::vector<std::string> key;
  for (const ExprRef& value : scan.key) key.push_back(names.of(value));
  return text + fmt::format(" key=[{}]", fmt::join(key, ", "));
}

std::string values_text(const Values& values, const ColumnNames& names) {
  constexpr size_t kShown = 3;
  std::vector<std::string> rows;
  for (const auto& row : values.rows) {
    if (rows.size() == kShown) {
      rows.push_back(fmt::format("... {} rows", values.rows.size()));
      break;
    }
    std::vector<std::string> cells;
    for (const ExprRef& cell : row) cells.push_back(names.of(cell));
    rows.push_back(fmt::format("({})", fmt::join(cells, ", ")));
  }
  return fmt::format("Values {} {}", columns_text(values, names), fmt::join(rows, ", "));
}

std::string expand_text(const Expand& expand, const ColumnNames& names) {
  std::vector<std::string> sets;
  for (const std::vector<bool>& set : expand.sets) {
    std::vector<ColumnId> ids;
    for (size_t i = 0; i < set.size(); ++i) {
      if (set[i]) ids.push_back(expand.sources[i]);
    }
    sets.push_back(names.list(ids));
  }
  return fmt::format("Expand sets=[{}]", fmt::join(sets, ", "));
}

std::string table_function_text(const TableFunction& call, const ColumnNames& names) {
  std::vector<std::string> arguments;
  for (const ExprRef& argument : call.arguments) arguments.push_back(names.of(argument));
  std::vector<ColumnId> results;
  for (const Column& column : call.results) results.push_back(column.id);
  if (call.ordinality) results.push_back(call.ordinality->id);
  return fmt::format("TableFunction {} = {}({}){}", names.list(results), call.function->name,
                     fmt::join(arguments, ", "), call.outer ? " outer" : "");
}

std::string session_text(const Session& session, const ColumnNames& names) {
  return fmt::format(
      "Session {} time={} gap={}{}{}", names.list({session.start.id, session.end.id}),
      names.of(session.time),
      expr::to_string(
          *expr::literal({data::Type{data::TypeId::kInterval}, data::Interval{session.gap, 0, 0}})),
      session.partition.empty() ? "" : fmt::format(" partition={}", names.list(session.partition)),
      session.on_close  ? " on window close"
      : session.bounded ? " bounded by " + names.of(session.time)
                        : "");
}

std::string asof_join_text(const AsofJoin& join, const ColumnNames& names) {
  std::vector<std::string> matches;
  for (const JoinKey& key : join.keys) {
    matches.push_back(fmt::format("{} {} {}", names.of(key.left), key.null_safe ? "<=>" : "=",
                                  names.of(key.right)));
  }
  static constexpr const char* kSigns[] = {">=", ">", "<=", "<"};
  if (join.mode != AsofMode::kEpochEnd) {
    matches.push_back(fmt::format("{} {} {}", names.of(join.left_time),
                                  kSigns[static_cast<size_t>(join.order)],
                                  names.of(join.right_time)));
  }
  static constexpr const char* kModes[] = {"AsofJoin", "AsofJoin versions", "LookupJoin"};
  return fmt::format("{} {} on {}", kModes[static_cast<size_t>(join.mode)],
                     join.outer ? "left" : "inner", fmt::join(matches, ", "));
}

std::string node_text(const Node& node, const ColumnNames& names) {
  switch (node.kind) {
    case NodeKind::kScan:
      return scan_text(as<Scan>(node), names);
    case NodeKind::kValues:
      return values_text(as<Values>(node), names);
    case NodeKind::kFilter:
      return fmt::format("Filter {}", names.of(as<Filter>(node).predicate));
    case NodeKind::kProject:
      return project_text(as<Project>(node), names);
    case NodeKind::kAggregate:
      return aggregate_text(as<Aggregate>(node), names);
    case NodeKind::kJoin:
      return join_text(as<Join>(node), names);
    case NodeKind::kDistinct:
      return "Distinct " + columns_text(node, names);
    case NodeKind::kUnion:
      return "Union " + columns_text(node, names);
    case NodeKind::kTopN:
      return top_n_text(as<TopN>(node), names);
    case NodeKind::kOver:
      return over_text(as<Over>(node), names);
    case NodeKind::kSingleRow:
      return "SingleRow keys=" + names.list(as<SingleRow>(node).keys);
    case NodeKind::kRepeat:
      return "Repeat count=" + names.of(as<Repeat>(node).count);
    case NodeKind::kExpand:
      return expand_text(as<Expand>(node), names);
    case NodeKind::kTableFunction:
      return table_function_text(as<TableFunction>(node), names);
    case NodeKind::kSession:
      return session_text(as<Session>(node), names);
    case NodeKind::kAsofJoin:
      return asof_join_text(as<AsofJoin>(node), names);
    case NodeKind::kHold:
      return "Hold until the watermark has passed " + names.of(as<Hold>(node).time);
    case NodeKind::kLate:
      return "Late " + names.of(as<Late>(node).time);
    case NodeKind::kDependentJoin: {
      const auto& join = as<DependentJoin>(node);
      std::string text = fmt::format("DependentJoin {}", join_word(join.join));
      if (join.condition) text += fmt::format(" if {}", names.of(join.condition));
      return text;
    }
  }
  return "?";
}

void print(const NodeRef& node, const ColumnNames& names, size_t depth,
           const std::function<std::string(const Node&, size_t)>& note,
           std::unordered_set<const Node*>& printed, std::string& out) {
  out += std::string(2 * depth, ' ') + node_text(*node, names);
  if (!node->inputs.empty() && !printed.insert(node.get()).second) {
    out += ", as above\n";
    return;
  }
  out += "\n";
  for (size_t i = 0; i < node->inputs.size(); ++i) {
    std::string between = note ? note(*node, i) : "";
    size_t next = depth + 1;
    if (!between.empty()) out += std::string(2 * next++, ' ') + between + "\n";
    print(node->inputs[i], names, next, note, printed, out);
  }
}

}  // namespace

std::string to_text(const NodeRef& node,
                    const std::function<std::string(const Node&, size_t)>& note) {
  ColumnNames names(node);
  std::string out;
  std::unordered_set<const Node*> printed;
  print(node, names, 0, note, printed, out);
  return out;
}

}  // namespace forebay::sql::plan
