#include "sql/plan/expressions.h"

#include <algorithm>

namespace forebay::sql::plan {

using expr::Expr;
using expr::ExprKind;

ExprRef transform(const ExprRef& expr, const std::function<ExprRef(const ExprRef&)>& replace) {
  if (!expr) return expr;
  if (ExprRef replaced = replace(expr)) return replaced;
  std::vector<ExprRef> children;
  bool changed = false;
  children.reserve(expr->children.size());
  for (const ExprRef& child : expr->children) {
    children.push_back(transform(child, replace));
    changed |= children.back() != child;
  }
  if (!changed) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  copy->children = std::move(children);
  return copy;
}

ExprRef replace_columns(const ExprRef& expr, const Replacements& replacements) {
  if (replacements.empty()) return expr;
  return transform(expr, [&](const ExprRef& part) -> ExprRef {
    if (part->kind != ExprKind::kColumn) return nullptr;
    auto found = replacements.find(part->column);
    return found == replacements.end() ? nullptr : found->second;
  });
}

void visit(const ExprRef& expr, const std::function<void(const Expr&)>& visitor) {
  if (!expr) return;
  visitor(*expr);
  for (const ExprRef& child : expr->children) visit(child, visitor);
}

void add_columns(const ExprRef& expr, ColumnSet& out) {
  if (!expr) return;
  if (expr->kind == ExprKind::kColumn) out.insert(expr->column);
  for (const ExprRef& child : expr->children) add_columns(child, out);
}

ColumnSet columns_in(const ExprRef& expr) {
  ColumnSet out;
  add_columns(expr, out);
  return out;
}

bool uses_only(const ExprRef& expr, const ColumnSet& columns) {
  if (!expr) return true;
  if (expr->kind == ExprKind::kColumn && !columns.contains(expr->column)) return false;
  return std::all_of(expr->children.begin(), expr->children.end(),
                     [&](const ExprRef& child) { return uses_only(child, columns); });
}

bool uses_any(const ExprRef& expr, const ColumnSet& columns) {
  if (!expr) return false;
  if (expr->kind == ExprKind::kColumn && columns.contains(expr->column)) return true;
  return std::any_of(expr->children.begin(), expr->children.end(),
                     [&](const ExprRef& child) { return uses_any(child, columns); });
}

ExprRef column_ref(const Column& column) { return expr::column(column.id, column.type); }

bool is_column(const ExprRef& expr, ColumnId id) {
  return expr->kind == ExprKind::kColumn && expr->column == id;
}

ExprRef boolean_literal(bool value) {
  return expr::literal(data::Datum{data::kBooleanType, value});
}

bool is_literal_true(const ExprRef& expr) {
  if (expr->kind != ExprKind::kLiteral) return false;
  const bool* value = std::get_if<bool>(&expr->literal.value);
  return value != nullptr && *value;
}

bool is_literal_not_true(const ExprRef& expr) {
  return expr->kind == ExprKind::kLiteral && !is_literal_true(expr);
}

bool is_constant(const ExprRef& expr) {
  return columns_in(expr).empty() && expr::volatility(*expr) == udfs::Volatility::kImmutable;
}

void split_conjuncts(const ExprRef& expr, std::vector<ExprRef>& out) {
  if (!expr) return;
  if (expr->kind == ExprKind::kAnd) {
    for (const ExprRef& child : expr->children) split_conjuncts(child, out);
  } else if (!is_literal_true(expr)) {
    out.push_back(expr);
  }
}

ExprRef make_conjunction(std::vector<ExprRef> conjuncts) {
  if (conjuncts.empty()) return nullptr;
  if (conjuncts.size() == 1) return conjuncts[0];
  return expr::logical(ExprKind::kAnd, std::move(conjuncts));
}

bool is_equality(const ExprRef& expr, ExprRef* left, ExprRef* right) {
  if (expr->kind != ExprKind::kCall || expr->function->name != "=" || expr->children.size() != 2) {
    return false;
  }
  *left = expr->children[0];
  *right = expr->children[1];
  return true;
}

bool is_null_safe_equality(const ExprRef& expr, ExprRef* left, ExprRef* right) {
  if (expr->kind != ExprKind::kIsNotDistinctFrom) return false;
  *left = expr->children[0];
  *right = expr->children[1];
  return true;
}

ExprRef injective_source(const ExprRef& expr) {
  if (expr->kind == ExprKind::kColumn) return expr;
  if (expr->kind != ExprKind::kCall || expr->children.size() != 1 || expr->type.modifier >= 0 ||
      expr->function->category != "cast") {
    return nullptr;
  }
  using data::TypeId;
  const TypeId from = expr->children[0]->type.id;
  const TypeId to = expr->type.id;
  const bool injective =
      (from == TypeId::kSmallint &&
       (to == TypeId::kInteger || to == TypeId::kBigint || to == TypeId::kNumeric ||
        to == TypeId::kReal || to == TypeId::kDouble)) ||
      (from == TypeId::kReal && to == TypeId::kDouble) ||
      (from == TypeId::kVarchar && to == TypeId::kText) ||
      (from == TypeId::kInteger &&
       (to == TypeId::kBigint || to == TypeId::kNumeric || to == TypeId::kDouble)) ||
      (from == TypeId::kBigint && to == TypeId::kNumeric) ||
      (from == TypeId::kDate && to == TypeId::kTimestamp);
  return injective ? injective_source(expr->children[0]) : nullptr;
}

void strip_text_casts(ExprRef& left, ExprRef& right) {
  auto is_text_cast = [](const ExprRef& value) {
    return value->kind == ExprKind::kCall && value->children.size() == 1 &&
           value->type.id == data::TypeId::kText && value->function->category == "cast" &&
           value->children[0]->type.id == data::TypeId::kVarchar;
  };
  if (!is_text_cast(left) || !is_text_cast(right)) return;
  left = left->children[0];
  right = right->children[0];
}

bool is_null_when(const ExprRef& expr, const ColumnSet& nulls) {
  switch (expr->kind) {
    case ExprKind::kColumn:
      return nulls.contains(expr->column);
    case ExprKind::kLiteral:
      return expr->literal.is_null();
    case ExprKind::kCall:
      return expr->function->null_rule == udfs::NullRule::kStrict &&
             std::any_of(expr->children.begin(), expr->children.end(),
                         [&](const ExprRef& child) { return is_null_when(child, nulls); });
    case ExprKind::kNot:
      return is_null_when(expr->children[0], nulls);
    case ExprKind::kInList:
      return is_null_when(expr->children[0], nulls);
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kCoalesce:
      return std::all_of(expr->children.begin(), expr->children.end(),
                         [&](const ExprRef& child) { return is_null_when(child, nulls); });
    default:
      return false;
  }
}

bool rejects_nulls(const ExprRef& condition, const ColumnSet& nulls) {
  if (is_null_when(condition, nulls)) return true;
  switch (condition->kind) {
    case ExprKind::kLiteral:
      return is_literal_not_true(condition);
    case ExprKind::kAnd:
      return std::any_of(condition->children.begin(), condition->children.end(),
                         [&](const ExprRef& child) { return rejects_nulls(child, nulls); });
    case ExprKind::kOr:
      return std::all_of(condition->children.begin(), condition->children.end(),
                         [&](const ExprRef& child) { return rejects_nulls(child, nulls); });
    case ExprKind::kIsNotNull:
      return is_null_when(condition->children[0], nulls);
    case ExprKind::kIsNotDistinctFrom: {
      // x IS NOT DISTINCT FROM true, x NULL: false.
      const ExprRef& a = condition->children[0];
      const ExprRef& b = condition->children[1];
      auto is_value = [](const ExprRef& e) {
        return e->kind == ExprKind::kLiteral && !e->literal.is_null();
      };
      return (is_null_when(a, nulls) && is_value(b)) || (is_null_when(b, nulls) && is_value(a));
    }
    default:
      return false;
  }
}

}  // namespace forebay::sql::plan
