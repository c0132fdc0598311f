#include "sql/ast/clone.h"

namespace forebay::sql::ast {
namespace {

template <typename T>
std::unique_ptr<T> blank(const T& node) {
  auto copy = std::make_unique<T>(node.position);
  copy->depth = node.depth;
  return copy;
}

std::vector<ExprPtr> clone_all(const std::vector<ExprPtr>& list) {
  std::vector<ExprPtr> copy;
  copy.reserve(list.size());
  for (const ExprPtr& item : list) copy.push_back(clone(item.get()));
  return copy;
}

std::vector<SortItem> clone_all(const std::vector<SortItem>& list) {
  std::vector<SortItem> copy;
  for (const SortItem& item : list) copy.push_back(clone(item));
  return copy;
}

std::vector<TableRefPtr> clone_all(const std::vector<TableRefPtr>& list) {
  std::vector<TableRefPtr> copy;
  for (const TableRefPtr& item : list) copy.push_back(clone(item.get()));
  return copy;
}

GroupItem clone_group(const GroupItem& item) {
  GroupItem copy;
  copy.kind = item.kind;
  copy.position = item.position;
  copy.expressions = clone_all(item.expressions);
  for (const GroupItem& set : item.sets) copy.sets.push_back(clone_group(set));
  return copy;
}

std::unique_ptr<Select> clone_select(const Select& node) {
  auto copy = std::make_unique<Select>();
  copy->position = node.position;
  copy->distinct = node.distinct;
  copy->distinct_on = clone_all(node.distinct_on);
  for (const SelectItem& item : node.items)
    copy->items.push_back({clone(item.value.get()), item.alias});
  copy->from = clone_all(node.from);
  copy->where = clone(node.where.get());
  copy->group_distinct = node.group_distinct;
  copy->grouped = node.grouped;
  for (const GroupItem& item : node.group_by) copy->group_by.push_back(clone_group(item));
  copy->having = clone(node.having.get());
  for (const NamedWindow& window : node.windows)
    copy->windows.push_back({window.name, clone(window.spec)});
  return copy;
}

std::unique_ptr<Function> clone_function(const Function& node) {
  auto copy = blank(node);
  copy->syntax = node.syntax;
  copy->name = node.name;
  for (const FunctionArg& arg : node.args) {
    copy->args.push_back({arg.name, arg.variadic, clone(arg.value.get())});
    for (const ExprPtr& column : arg.partition_by) {
      copy->args.back().partition_by.push_back(clone(column.get()));
    }
  }
  copy->star = node.star;
  copy->distinct = node.distinct;
  copy->order_by = clone_all(node.order_by);
  copy->within_group = node.within_group;
  copy->filter = clone(node.filter.get());
  if (node.over != nullptr) copy->over = std::make_unique<WindowSpec>(clone(*node.over));
  return copy;
}

ExprPtr clone_literal(const Literal& node) {
  auto copy = blank(node);
  copy->literal = node.literal;
  copy->boolean = node.boolean;
  copy->integer = node.integer;
  copy->text = node.text;
  return copy;
}

ExprPtr clone_case(const Case& node) {
  auto copy = blank(node);
  copy->subject = clone(node.subject.get());
  for (const CaseBranch& branch : node.branches) {
    copy->branches.push_back({clone(branch.condition.get()), clone(branch.result.get())});
  }
  copy->otherwise = clone(node.otherwise.get());
  return copy;
}

ExprPtr clone_like(const Like& node) {
  auto copy = blank(node);
  copy->like = node.like;
  copy->negated = node.negated;
  copy->operand = clone(node.operand.get());
  copy->pattern = clone(node.pattern.get());
  copy->escape = clone(node.escape.get());
  return copy;
}

ExprPtr clone_quantified(const Quantified& node) {
  auto copy = blank(node);
  copy->op = node.op;
  copy->all = node.all;
  copy->operand = clone(node.operand.get());
  copy->array = clone(node.array.get());
  copy->query = clone(node.query.get());
  return copy;
}

/// The kinds that are an operator on one, two or three operands.
ExprPtr clone_operation(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kUnary: {
      auto copy = blank(as<Unary>(expr));
      copy->op = as<Unary>(expr).op;
      copy->operand = clone(as<Unary>(expr).operand.get());
      return copy;
    }
    case ExprKind::kBinary: {
      auto copy = blank(as<Binary>(expr));
      copy->op = as<Binary>(expr).op;
      copy->left = clone(as<Binary>(expr).left.get());
      copy->right = clone(as<Binary>(expr).right.get());
      return copy;
    }
    case ExprKind::kLogical: {
      auto copy = blank(as<Logical>(expr));
      copy->is_or = as<Logical>(expr).is_or;
      copy->operands = clone_all(as<Logical>(expr).operands);
      return copy;
    }
    case ExprKind::kNot: {
      auto copy = blank(as<Not>(expr));
      copy->operand = clone(as<Not>(expr).operand.get());
      return copy;
    }
    case ExprKind::kIsTest: {
      auto copy = blank(as<IsTest>(expr));
      copy->test = as<IsTest>(expr).test;
      copy->negated = as<IsTest>(expr).negated;
      copy->operand = clone(as<IsTest>(expr).operand.get());
      return copy;
    }
    case ExprKind::kDistinctFrom: {
      auto copy = blank(as<DistinctFrom>(expr));
      copy->negated = as<DistinctFrom>(expr).negated;
      copy->left = clone(as<DistinctFrom>(expr).left.get());
      copy->right = clone(as<DistinctFrom>(expr).right.get());
      return copy;
    }
    default: {
      const auto& node = as<Between>(expr);
      auto copy = blank(node);
      copy->negated = node.negated;
      copy->symmetric = node.symmetric;
      copy->operand = clone(node.operand.get());
      copy->low = clone(node.low.get());
      copy->high = clone(node.high.get());
      return copy;
    }
  }
}

}  // namespace

SortItem clone(const SortItem& item) {
  return {clone(item.value.get()), item.descending, item.nulls};
}

WindowSpec clone(const WindowSpec& spec) {
  WindowSpec copy;
  copy.position = spec.position;
  copy.reference_only = spec.reference_only;
  copy.existing = spec.existing;
  copy.partition_by = clone_all(spec.partition_by);
  copy.order_by = clone_all(spec.order_by);
  if (spec.frame.has_value()) {
    WindowFrame& frame = copy.frame.emplace();
    frame.position = spec.frame->position;
    frame.unit = spec.frame->unit;
    for (auto bound : {&WindowFrame::lower, &WindowFrame::upper}) {
      const FrameBound& from = (*spec.frame).*bound;
      frame.*bound = {from.position, from.kind, clone(from.offset.get())};
    }
    frame.exclusion = spec.frame->exclusion;
  }
  return copy;
}

ExprPtr clone(const Expr* expr) {
  if (expr == nullptr) return nullptr;
  switch (expr->kind) {
    case ExprKind::kLiteral:
      return clone_literal(as<Literal>(*expr));
    case ExprKind::kColumnRef: {
      auto copy = blank(as<ColumnRef>(*expr));
      copy->names = as<ColumnRef>(*expr).names;
      return copy;
    }
    case ExprKind::kStar: {
      auto copy = blank(as<Star>(*expr));
      copy->qualifier = as<Star>(*expr).qualifier;
      return copy;
    }
    case ExprKind::kParameter: {
      auto copy = blank(as<Parameter>(*expr));
      copy->index = as<Parameter>(*expr).index;
      return copy;
    }
    case ExprKind::kIn: {
      auto copy = blank(as<In>(*expr));
      copy->negated = as<In>(*expr).negated;
      copy->operand = clone(as<In>(*expr).operand.get());
      copy->items = clone_all(as<In>(*expr).items);
      copy->query = clone(as<In>(*expr).query.get());
      return copy;
    }
    case ExprKind::kLike:
      return clone_like(as<Like>(*expr));
    case ExprKind::kCase:
      return clone_case(as<Case>(*expr));
    case ExprKind::kCast: {
      auto copy = blank(as<Cast>(*expr));
      copy->style = as<Cast>(*expr).style;
      copy->operand = clone(as<Cast>(*expr).operand.get());
      copy->type = as<Cast>(*expr).type;
      return copy;
    }
    case ExprKind::kCollate: {
      auto copy = blank(as<Collate>(*expr));
      copy->operand = clone(as<Collate>(*expr).operand.get());
      copy->collation = as<Collate>(*expr).collation;
      return copy;
    }
    case ExprKind::kFunction:
      return clone_function(as<Function>(*expr));
    case ExprKind::kSubquery: {
      auto copy = blank(as<Subquery>(*expr));
      copy->subquery = as<Subquery>(*expr).subquery;
      copy->query = clone(as<Subquery>(*expr).query.get());
      return copy;
    }
    case ExprKind::kQuantified:
      return clone_quantified(as<Quantified>(*expr));
    case ExprKind::kRow: {
      auto copy = blank(as<Row>(*expr));
      copy->explicit_row = as<Row>(*expr).explicit_row;
      copy->items = clone_all(as<Row>(*expr).items);
      return copy;
    }
    case ExprKind::kArray: {
      auto copy = blank(as<Array>(*expr));
      copy->items = clone_all(as<Array>(*expr).items);
      return copy;
    }
    case ExprKind::kSubscript: {
      auto copy = blank(as<Subscript>(*expr));
      copy->slice = as<Subscript>(*expr).slice;
      copy->closed = as<Subscript>(*expr).closed;
      copy->operand = clone(as<Subscript>(*expr).operand.get());
      copy->lower = clone(as<Subscript>(*expr).lower.get());
      copy->upper = clone(as<Subscript>(*expr).upper.get());
      return copy;
    }
    case ExprKind::kField: {
      auto copy = blank(as<Field>(*expr));
      copy->operand = clone(as<Field>(*expr).operand.get());
      copy->name = as<Field>(*expr).name;
      return copy;
    }
    case ExprKind::kDefault:
      return blank(as<Default>(*expr));
    default:
      return clone_operation(*expr);
  }
}

TableRefPtr clone(const TableRef* ref) {
  if (ref == nullptr) return nullptr;
  TableRefPtr result;
  switch (ref->kind) {
    case TableRefKind::kTable: {
      auto copy = std::make_unique<NamedTable>(ref->position);
      copy->name = as<NamedTable>(*ref).name;
      copy->as_of = clone(as<NamedTable>(*ref).as_of.get());
      result = std::move(copy);
      break;
    }
    case TableRefKind::kSubquery: {
      auto copy = std::make_unique<SubqueryTable>(ref->position);
      copy->query = clone(as<SubqueryTable>(*ref).query.get());
      result = std::move(copy);
      break;
    }
    case TableRefKind::kFunction: {
      auto copy = std::make_unique<FunctionTable>(ref->position);
      copy->call = clone_function(*as<FunctionTable>(*ref).call);
      copy->with_ordinality = as<FunctionTable>(*ref).with_ordinality;
      result = std::move(copy);
      break;
    }
    case TableRefKind::kJoin: {
      const auto& node = as<JoinTable>(*ref);
      auto copy = std::make_unique<JoinTable>(ref->position);
      copy->join = node.join;
      copy->natural = node.natural;
      copy->asof = node.asof;
      copy->left = clone(node.left.get());
      copy->right = clone(node.right.get());
      copy->condition = clone(node.condition.get());
      copy->using_columns = node.using_columns;
      copy->using_positions = node.using_positions;
      copy->using_alias = node.using_alias;
      result = std::move(copy);
      break;
    }
  }
  result->lateral = ref->lateral;
  result->alias = ref->alias;
  return result;
}

QueryPtr clone(const Query* query) {
  if (query == nullptr) return nullptr;
  auto copy = std::make_unique<Query>();
  copy->position = query->position;
  copy->recursive = query->recursive;
  for (const CommonTable& table : query->with) {
    copy->with.push_back(
        {table.position, table.name, table.columns, table.materialized, clone(table.query.get())});
  }
  copy->kind = query->kind;
  if (query->select != nullptr) copy->select = clone_select(*query->select);
  for (const std::vector<ExprPtr>& row : query->values) copy->values.push_back(clone_all(row));
  copy->set_operator = query->set_operator;
  copy->set_all = query->set_all;
  copy->left = clone(query->left.get());
  copy->right = clone(query->right.get());
  copy->order_by = clone_all(query->order_by);
  copy->limit = clone(query->limit.get());
  copy->offset = clone(query->offset.get());
  copy->with_ties = query->with_ties;
  copy->locking_position = query->locking_position;
  return copy;
}

}  // namespace forebay::sql::ast
