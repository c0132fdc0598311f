#include "sql/plan/node.h"

#include <fmt/format.h>

#include "sql/plan/expressions.h"

namespace forebay::sql::plan {

size_t find_column(const Columns& columns, ColumnId id) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].id == id) return i;
  }
  return kNoColumn;
}

ColumnSet column_set(const Columns& columns) {
  ColumnSet out;
  for (const Column& column : columns) out.insert(column.id);
  return out;
}

NodeRef make_scan(CatalogObjectRef object, Columns columns, std::vector<uint32_t> positions,
                  int64_t ttl_us) {
  auto node = std::make_shared<Scan>();
  node->object = std::move(object);
  node->columns = std::move(columns);
  node->positions = std::move(positions);
  node->ttl_us = ttl_us;
  return node;
}

NodeRef make_values(Columns columns, std::vector<std::vector<ExprRef>> rows) {
  auto node = std::make_shared<Values>();
  node->columns = std::move(columns);
  node->rows = std::move(rows);
  return node;
}

NodeRef make_unit() { return make_values({}, {{}}); }

NodeRef make_filter(NodeRef input, ExprRef predicate) {
  if (!predicate || is_literal_true(predicate)) return input;
  auto node = std::make_shared<Filter>();
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  node->predicate = std::move(predicate);
  return node;
}

NodeRef make_project(NodeRef input, Columns columns, std::vector<ExprRef> expressions) {
  FOREBAY_CHECK(columns.size() == expressions.size(),
                fmt::format("{} columns, {} expressions", columns.size(), expressions.size()));
  auto node = std::make_shared<Project>();
  node->inputs = {std::move(input)};
  node->columns = std::move(columns);
  node->expressions = std::move(expressions);
  return node;
}

NodeRef make_narrow(NodeRef input, const Columns& columns) {
  bool same = input->columns.size() == columns.size();
  for (size_t i = 0; same && i < columns.size(); ++i) same = input->columns[i].id == columns[i].id;
  if (same) return input;
  std::vector<ExprRef> expressions;
  for (const Column& column : columns) expressions.push_back(column_ref(column));
  return make_project(std::move(input), columns, std::move(expressions));
}

NodeRef make_aggregate(NodeRef input, std::vector<ColumnId> groups,
                       std::vector<AggregateCall> aggregates, bool scalar) {
  auto node = std::make_shared<Aggregate>();
  for (ColumnId group : groups) {
    size_t at = find_column(input->columns, group);
    FOREBAY_CHECK(at != kNoColumn, fmt::format("group column {}", group));
    node->columns.push_back(input->columns[at]);
  }
  for (const AggregateCall& call : aggregates) node->columns.push_back(call.output);
  node->inputs = {std::move(input)};
  node->groups = std::move(groups);
  node->aggregates = std::move(aggregates);
  node->scalar = scalar;
  return node;
}

namespace {

Columns join_columns(JoinKind kind, const Node& left, const Node& right) {
  Columns columns = left.columns;
  if (kind != JoinKind::kSemi && kind != JoinKind::kAnti) {
    columns.insert(columns.end(), right.columns.begin(), right.columns.end());
  }
  return columns;
}

}  // namespace

NodeRef make_aggregate(NodeRef input, const Aggregate& model,
                       std::vector<AggregateCall> aggregates) {
  auto node = std::make_shared<Aggregate>(as<Aggregate>(
      *make_aggregate(std::move(input), model.groups, std::move(aggregates), model.scalar)));
  node->bounded = model.bounded;
  node->on_close = model.on_close;
  node->slack = model.slack;
  return node;
}

NodeRef make_join(JoinKind kind, NodeRef left, NodeRef right, std::vector<JoinKey> keys,
                  ExprRef condition) {
  auto node = std::make_shared<Join>();
  node->join = kind;
  node->columns = join_columns(kind, *left, *right);
  node->inputs = {std::move(left), std::move(right)};
  node->keys = std::move(keys);
  node->condition = condition && is_literal_true(condition) ? nullptr : std::move(condition);
  return node;
}

NodeRef make_distinct(NodeRef input) {
  auto node = std::make_shared<Distinct>();
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  return node;
}

NodeRef make_union(std::vector<NodeRef> inputs, Columns columns,
                   std::vector<std::vector<ColumnId>> sources) {
  auto node = std::make_shared<Union>();
  node->inputs = std::move(inputs);
  node->columns = std::move(columns);
  node->sources = std::move(sources);
  return node;
}

NodeRef make_top_n(NodeRef input, std::vector<ColumnId> partition, std::vector<SortItem> order,
                   ExprRef limit, ExprRef offset, bool with_ties, std::optional<Column> number) {
  auto node = std::make_shared<TopN>();
  node->columns = input->columns;
  if (number) node->columns.push_back(*number);
  node->inputs = {std::move(input)};
  node->partition = std::move(partition);
  node->order = std::move(order);
  node->limit = std::move(limit);
  node->offset = std::move(offset);
  node->with_ties = with_ties;
  node->number = std::move(number);
  return node;
}

NodeRef make_over(NodeRef input, std::vector<ColumnId> partition, std::vector<SortItem> order,
                  std::vector<OverCall> calls) {
  auto node = std::make_shared<Over>();
  node->columns = input->columns;
  for (const OverCall& call : calls) node->columns.push_back(call.output);
  node->inputs = {std::move(input)};
  node->partition = std::move(partition);
  node->order = std::move(order);
  node->calls = std::move(calls);
  return node;
}

NodeRef make_single_row(NodeRef input, std::vector<ColumnId> keys) {
  auto node = std::make_shared<SingleRow>();
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  node->keys = std::move(keys);
  return node;
}

NodeRef make_repeat(NodeRef input, ColumnId count) {
  auto node = std::make_shared<Repeat>();
  node->columns = input->columns;
  std::erase_if(node->columns, [&](const Column& column) { return column.id == count; });
  node->inputs = {std::move(input)};
  node->count = count;
  return node;
}

NodeRef make_expand(NodeRef input, const Expand& model) {
  auto node = std::make_shared<Expand>();
  node->columns = input->columns;
  node->columns.insert(node->columns.end(), model.copies.begin(), model.copies.end());
  node->columns.push_back(model.set);
  node->inputs = {std::move(input)};
  node->sources = model.sources;
  node->copies = model.copies;
  node->sets = model.sets;
  node->set = model.set;
  return node;
}

NodeRef make_table_function(NodeRef input, const TableFunction& model,
                            std::vector<ExprRef> arguments) {
  auto node = std::make_shared<TableFunction>();
  node->columns = input->columns;
  node->columns.insert(node->columns.end(), model.results.begin(), model.results.end());
  if (model.ordinality) node->columns.push_back(*model.ordinality);
  node->inputs = {std::move(input)};
  node->function = model.function;
  node->arguments = std::move(arguments);
  node->results = model.results;
  node->ordinality = model.ordinality;
  node->outer = model.outer;
  return node;
}

NodeRef make_session(NodeRef input, const Session& model, std::vector<ColumnId> partition) {
  auto node = std::make_shared<Session>(model);
  node->columns = input->columns;
  node->columns.push_back(model.start);
  node->columns.push_back(model.end);
  node->inputs = {std::move(input)};
  node->partition = std::move(partition);
  return node;
}

NodeRef make_asof_join(NodeRef left, NodeRef right, const AsofJoin& model) {
  auto node = std::make_shared<AsofJoin>(model);
  node->columns = join_columns(JoinKind::kLeft, *left, *right);
  node->inputs = {std::move(left), std::move(right)};
  return node;
}

NodeRef make_hold(NodeRef input, ColumnId time) {
  auto node = std::make_shared<Hold>();
  node->columns = input->columns;
  node->inputs = {std::move(input)};
  node->time = time;
  return node;
}

NodeRef make_late(NodeRef input, ColumnId time, Column operation, Column watermark) {
  auto node = std::make_shared<Late>();
  node->columns = input->columns;
  node->columns.push_back(operation);
  node->columns.push_back(watermark);
  node->inputs = {std::move(input)};
  node->time = time;
  node->operation = std::move(operation);
  node->watermark = std::move(watermark);
  return node;
}

NodeRef make_join(NodeRef left, NodeRef right, const Join& model, ExprRef condition) {
  auto node = std::make_shared<Join>(model);
  node->columns = join_columns(model.join, *left, *right);
  node->inputs = {std::move(left), std::move(right)};
  node->condition = std::move(condition);
  return node;
}

NodeRef make_dependent_join(JoinKind kind, NodeRef left, NodeRef right, ExprRef condition) {
  auto node = std::make_shared<DependentJoin>();
  node->join = kind;
  node->columns = join_columns(kind, *left, *right);
  node->inputs = {std::move(left), std::move(right)};
  node->condition = std::move(condition);
  return node;
}

NodeRef with_inputs(const NodeRef& node, std::vector<NodeRef> inputs) {
  if (node->inputs == inputs) return node;
  switch (node->kind) {
    case NodeKind::kScan:
    case NodeKind::kValues:
      return node;
    case NodeKind::kFilter:
      return make_filter(inputs[0], as<Filter>(*node).predicate);
    case NodeKind::kProject:
      return make_project(inputs[0], node->columns, as<Project>(*node).expressions);
    case NodeKind::kAggregate: {
      const auto& aggregate = as<Aggregate>(*node);
      return make_aggregate(inputs[0], aggregate, aggregate.aggregates);
    }
    case NodeKind::kJoin: {
      const auto& join = as<Join>(*node);
      return make_join(inputs[0], inputs[1], join, join.condition);
    }
    case NodeKind::kDistinct:
      return make_distinct(inputs[0]);
    case NodeKind::kUnion:
      return make_union(std::move(inputs), node->columns, as<Union>(*node).sources);
    case NodeKind::kTopN: {
      const auto& top = as<TopN>(*node);
      return make_top_n(inputs[0], top.partition, top.order, top.limit, top.offset, top.with_ties,
                        top.number);
    }
    case NodeKind::kOver: {
      const auto& over = as<Over>(*node);
      return make_over(inputs[0], over.partition, over.order, over.calls);
    }
    case NodeKind::kSingleRow:
      return make_single_row(inputs[0], as<SingleRow>(*node).keys);
    case NodeKind::kRepeat:
      return make_repeat(inputs[0], as<Repeat>(*node).count);
    case NodeKind::kExpand:
      return make_expand(inputs[0], as<Expand>(*node));
    case NodeKind::kTableFunction:
      return make_table_function(inputs[0], as<TableFunction>(*node),
                                 as<TableFunction>(*node).arguments);
    case NodeKind::kSession:
      return make_session(inputs[0], as<Session>(*node), as<Session>(*node).partition);
    case NodeKind::kAsofJoin:
      return make_asof_join(inputs[0], inputs[1], as<AsofJoin>(*node));
    case NodeKind::kHold:
      return make_hold(inputs[0], as<Hold>(*node).time);
    case NodeKind::kLate: {
      const auto& late = as<Late>(*node);
      return make_late(inputs[0], late.time, late.operation, late.watermark);
    }
    case NodeKind::kDependentJoin: {
      const auto& join = as<DependentJoin>(*node);
      return make_dependent_join(join.join, inputs[0], inputs[1], join.condition);
    }
  }
  return node;
}

std::vector<ExprRef> expressions_of(const Node& node) {
  std::vector<ExprRef> out;
  auto add = [&](const ExprRef& expr) {
    if (expr) out.push_back(expr);
  };
  switch (node.kind) {
    case NodeKind::kScan:
      for (const ExprRef& expr : as<Scan>(node).key) add(expr);
      if (const auto& use = as<Scan>(node).index) {
        for (const ExprRef& expr : use->equal) add(expr);
        if (use->lower.value) add(use->lower.value);
        if (use->upper.value) add(use->upper.value);
      }
      break;
    case NodeKind::kValues:
      for (const auto& row : as<Values>(node).rows) {
        for (const ExprRef& expr : row) add(expr);
      }
      break;
    case NodeKind::kFilter:
      add(as<Filter>(node).predicate);
      break;
    case NodeKind::kProject:
      for (const ExprRef& expr : as<Project>(node).expressions) add(expr);
      break;
    case NodeKind::kJoin:
      add(as<Join>(node).condition);
      break;
    case NodeKind::kDependentJoin:
      add(as<DependentJoin>(node).condition);
      break;
    case NodeKind::kTableFunction:
      for (const ExprRef& expr : as<TableFunction>(node).arguments) add(expr);
      break;
    case NodeKind::kTopN:
      add(as<TopN>(node).limit);
      add(as<TopN>(node).offset);
      break;
    default:
      break;
  }
  return out;
}

namespace {

NodeRef map_own_expressions(const NodeRef& node, std::vector<NodeRef> inputs,
                            const std::function<ExprRef(const ExprRef&)>& rewrite) {
  auto apply = [&](const ExprRef& expr) { return expr ? rewrite(expr) : expr; };
  auto apply_all = [&](std::vector<ExprRef> list) {
    for (ExprRef& expr : list) expr = apply(expr);
    return list;
  };
  switch (node->kind) {
    case NodeKind::kScan: {
      const auto& scan = as<Scan>(*node);
      if (scan.key.empty() && scan.index == nullptr) return node;
      auto copy = std::make_shared<Scan>(scan);
      copy->key = apply_all(scan.key);
      if (scan.index) {
        auto use = std::make_shared<IndexUse>(*scan.index);
        use->equal = apply_all(std::move(use->equal));
        use->lower.value = apply(use->lower.value);
        use->upper.value = apply(use->upper.value);
        copy->index = std::move(use);
      }
      return copy;
    }
    case NodeKind::kValues: {
      auto rows = as<Values>(*node).rows;
      for (auto& row : rows) row = apply_all(std::move(row));
      return make_values(node->columns, std::move(rows));
    }
    case NodeKind::kFilter: {
      auto copy = std::make_shared<Filter>();
      copy->columns = inputs[0]->columns;
      copy->inputs = std::move(inputs);
      copy->predicate = apply(as<Filter>(*node).predicate);
      return copy;
    }
    case NodeKind::kProject:
      return make_project(inputs[0], node->columns, apply_all(as<Project>(*node).expressions));
    case NodeKind::kJoin: {
      const auto& join = as<Join>(*node);
      return make_join(inputs[0], inputs[1], join, apply(join.condition));
    }
    case NodeKind::kDependentJoin: {
      const auto& join = as<DependentJoin>(*node);
      return make_dependent_join(join.join, inputs[0], inputs[1], apply(join.condition));
    }
    case NodeKind::kTableFunction: {
      const auto& call = as<TableFunction>(*node);
      return make_table_function(inputs[0], call, apply_all(call.arguments));
    }
    case NodeKind::kTopN: {
      const auto& top = as<TopN>(*node);
      return make_top_n(inputs[0], top.partition, top.order, apply(top.limit), apply(top.offset),
                        top.with_ties, top.number);
    }
    default:
      return with_inputs(node, std::move(inputs));
  }
}

}  // namespace

NodeRef map_own_expressions(const NodeRef& node,
                            const std::function<ExprRef(const ExprRef&)>& rewrite) {
  bool changed = false;
  NodeRef rewritten = map_own_expressions(node, node->inputs, [&](const ExprRef& expr) {
    ExprRef result = rewrite(expr);
    changed |= result != expr;
    return result;
  });
  return changed ? rewritten : node;
}

NodeRef map_expressions(const NodeRef& node,
                        const std::function<ExprRef(const ExprRef&)>& rewrite) {
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) inputs.push_back(map_expressions(input, rewrite));
  return map_own_expressions(node, std::move(inputs), rewrite);
}

void add_used_columns(const Node& node, ColumnSet& out) {
  for (const ExprRef& expr : expressions_of(node)) add_columns(expr, out);
  switch (node.kind) {
    case NodeKind::kAggregate: {
      const auto& aggregate = as<Aggregate>(node);
      out.insert(aggregate.groups.begin(), aggregate.groups.end());
      for (const AggregateCall& call : aggregate.aggregates) {
        out.insert(call.arguments.begin(), call.arguments.end());
        for (const SortItem& item : call.order) out.insert(item.column);
        if (call.filter) out.insert(*call.filter);
      }
      break;
    }
    case NodeKind::kJoin:
      for (const JoinKey& key : as<Join>(node).keys) {
        out.insert(key.left);
        out.insert(key.right);
      }
      break;
    case NodeKind::kUnion:
      for (const auto& source : as<Union>(node).sources) out.insert(source.begin(), source.end());
      break;
    case NodeKind::kTopN: {
      const auto& top = as<TopN>(node);
      out.insert(top.partition.begin(), top.partition.end());
      for (const SortItem& item : top.order) out.insert(item.column);
      break;
    }
    case NodeKind::kOver: {
      const auto& over = as<Over>(node);
      out.insert(over.partition.begin(), over.partition.end());
      for (const SortItem& item : over.order) out.insert(item.column);
      for (const OverCall& call : over.calls) {
        out.insert(call.arguments.begin(), call.arguments.end());
        if (call.filter) out.insert(*call.filter);
        if (call.fallback) out.insert(*call.fallback);
      }
      break;
    }
    case NodeKind::kRepeat:
      out.insert(as<Repeat>(node).count);
      break;
    case NodeKind::kExpand:
      out.insert(as<Expand>(node).sources.begin(), as<Expand>(node).sources.end());
      break;
    case NodeKind::kSession:
      out.insert(as<Session>(node).partition.begin(), as<Session>(node).partition.end());
      out.insert(as<Session>(node).time);
      break;
    case NodeKind::kAsofJoin: {
      const auto& join = as<AsofJoin>(node);
      for (const JoinKey& key : join.keys) {
        out.insert(key.left);
        out.insert(key.right);
      }
      out.insert(join.ties.begin(), join.ties.end());
      if (join.mode == AsofMode::kEpochEnd) break;
      out.insert(join.left_time);
      out.insert(join.right_time);
      break;
    }
    case NodeKind::kHold:
      out.insert(as<Hold>(node).time);
      break;
    case NodeKind::kLate:
      out.insert(as<Late>(node).time);
      break;
    case NodeKind::kSingleRow:
      out.insert(as<SingleRow>(node).keys.begin(), as<SingleRow>(node).keys.end());
      break;
    default:
      break;
  }
}

namespace {

void add_free(const NodeRef& node, ColumnSet& used, ColumnSet& given) {
  add_used_columns(*node, used);
  for (const Column& column : node->columns) given.insert(column.id);
  for (const NodeRef& input : node->inputs) add_free(input, used, given);
}

}  // namespace

ColumnSet free_columns(const NodeRef& node) {
  ColumnSet used, given, out;
  add_free(node, used, given);
  for (ColumnId id : used) {
    if (!given.contains(id)) out.insert(id);
  }
  return out;
}

}  // namespace forebay::sql::plan
