#include "sql/ast/print.h"

namespace forebay::sql::ast {
namespace {

/// How good a name is: a cast's type gives way to the name of what is cast.
enum class Strength : uint8_t { kNone, kWeak, kStrong };

struct Found {
  Strength strength = Strength::kNone;
  std::string name;
};

/// PostgreSQL's FigureColnameInternal (src/backend/parser/parse_target.c).
Found find_name(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kColumnRef:
      return {Strength::kStrong, as<ColumnRef>(expr).names.back()};
    case ExprKind::kField:
      if (!as<Field>(expr).name.empty()) return {Strength::kStrong, as<Field>(expr).name};
      return find_name(*as<Field>(expr).operand);
    case ExprKind::kSubscript:
      return find_name(*as<Subscript>(expr).operand);
    case ExprKind::kCollate:
      return find_name(*as<Collate>(expr).operand);
    case ExprKind::kFunction:
      return {Strength::kStrong, as<Function>(expr).name.back()};
    case ExprKind::kArray:
      return {Strength::kStrong, "array"};
    case ExprKind::kRow:
      return {Strength::kStrong, "row"};
    case ExprKind::kLiteral:
      if (as<Literal>(expr).literal == LiteralKind::kBoolean) return {Strength::kWeak, "bool"};
      return {};
    case ExprKind::kCast: {
      Found found = find_name(*as<Cast>(expr).operand);
      if (found.strength == Strength::kStrong) return found;
      return {Strength::kWeak, as<Cast>(expr).type.names.back()};
    }
    case ExprKind::kCase: {
      const ExprPtr& otherwise = as<Case>(expr).otherwise;
      Found found = otherwise != nullptr ? find_name(*otherwise) : Found{};
      if (found.strength == Strength::kStrong) return found;
      return {Strength::kWeak, "case"};
    }
    case ExprKind::kSubquery: {
      const auto& subquery = as<Subquery>(expr);
      if (subquery.subquery == SubqueryKind::kExists) return {Strength::kStrong, "exists"};
      if (subquery.subquery == SubqueryKind::kArray) return {Strength::kStrong, "array"};
      const Query* query = subquery.query.get();
      while (query->kind == QueryKind::kSetOperation) query = query->left.get();
      if (query->kind == QueryKind::kValues) return {Strength::kStrong, "column1"};
      if (query->select->items.empty()) return {};
      const SelectItem& item = query->select->items[0];
      if (!item.alias.empty()) return {Strength::kStrong, item.alias};
      return find_name(*item.value);
    }
    default:
      return {};
  }
}

}  // namespace

std::string output_name(const Expr& expr) {
  Found found = find_name(expr);
  return found.strength == Strength::kNone ? "?column?" : std::move(found.name);
}

}  // namespace forebay::sql::ast
