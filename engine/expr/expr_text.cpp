#include "engine/data/text_format.h"
#include "engine/expr/expr.h"

/// Expressions as text, for EXPLAIN and golden tests.
namespace forebay::expr {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "'";
  for (char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

std::string literal_text(const Datum& datum) {
  if (datum.is_null()) return "NULL";
  if (const auto* value = std::get_if<bool>(&datum.value)) return *value ? "true" : "false";
  std::string text;
  data::format_datum(datum, text);
  switch (datum.type.id) {
    case data::TypeId::kSmallint:
    case data::TypeId::kReal:
    case data::TypeId::kInteger:
    case data::TypeId::kBigint:
    case data::TypeId::kNumeric:
    case data::TypeId::kDouble:
      return text;
    case data::TypeId::kText:
    case data::TypeId::kVarchar:
    case data::TypeId::kUnknown:
      return quoted(text);
    default:
      return quoted(text) + "::" + datum.type.name();
  }
}

using Names = std::vector<std::string>;

std::string joined(const std::vector<ExprRef>& children, size_t first, std::string_view separator,
                   const Names& names) {
  std::string out;
  for (size_t i = first; i < children.size(); ++i) {
    if (i > first) out += separator;
    out += to_string(*children[i], names);
  }
  return out;
}

std::string call_text(const Expr& expr, const Names& names) {
  const std::string_view name = expr.function->name;
  const auto& children = expr.children;
  if (name == "cast") return to_string(*children[0], names) + "::" + expr.type.name();
  const char first = name.front();
  const bool is_operator = !((first >= 'a' && first <= 'z') || first == '_');
  if (!is_operator) return std::string(name) + "(" + joined(children, 0, ", ", names) + ")";
  std::string_view shown = name;
  if (name == "~~") shown = "LIKE";
  if (name == "!~~") shown = "NOT LIKE";
  if (name == "~~*") shown = "ILIKE";
  if (name == "!~~*") shown = "NOT ILIKE";
  if (children.size() == 1) {
    return "(" + std::string(shown) + to_string(*children[0], names) + ")";
  }
  std::string out = "(" + to_string(*children[0], names) + " " + std::string(shown) + " " +
                    to_string(*children[1], names);
  if (children.size() == 3) out += " ESCAPE " + to_string(*children[2], names);
  return out + ")";
}

std::string case_text(const Expr& expr, const Names& names) {
  std::string out = "CASE";
  size_t i = 0;
  for (; i + 1 < expr.children.size(); i += 2) {
    out += " WHEN " + to_string(*expr.children[i], names);
    out += " THEN " + to_string(*expr.children[i + 1], names);
  }
  if (i < expr.children.size()) out += " ELSE " + to_string(*expr.children[i], names);
  return out + " END";
}

}  // namespace

std::string to_string(const Expr& expr, const Names& names) {
  const auto& children = expr.children;
  auto child = [&](size_t i) { return to_string(*children[i], names); };
  switch (expr.kind) {
    case ExprKind::kColumn:
      return expr.column < names.size() ? names[expr.column] : "#" + std::to_string(expr.column);
    case ExprKind::kLiteral:
      return literal_text(expr.literal);
    case ExprKind::kParameter:
      return "$" + std::to_string(expr.column + 1);
    case ExprKind::kCall:
      return call_text(expr, names);
    case ExprKind::kAnd:
      return "(" + joined(children, 0, " AND ", names) + ")";
    case ExprKind::kOr:
      return "(" + joined(children, 0, " OR ", names) + ")";
    case ExprKind::kNot:
      return "(NOT " + child(0) + ")";
    case ExprKind::kIsNull:
      return "(" + child(0) + " IS NULL)";
    case ExprKind::kIsNotNull:
      return "(" + child(0) + " IS NOT NULL)";
    case ExprKind::kIsDistinctFrom:
      return "(" + child(0) + " IS DISTINCT FROM " + child(1) + ")";
    case ExprKind::kIsNotDistinctFrom:
      return "(" + child(0) + " IS NOT DISTINCT FROM " + child(1) + ")";
    case ExprKind::kCase:
      return case_text(expr, names);
    case ExprKind::kCoalesce:
      return "coalesce(" + joined(children, 0, ", ", names) + ")";
    case ExprKind::kInList:
      return "(" + child(0) + " IN (" + joined(children, 1, ", ", names) + "))";
  }
  return {};
}

}  // namespace forebay::expr
