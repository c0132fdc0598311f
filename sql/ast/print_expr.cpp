#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sql/ast/printer.h"

namespace forebay::sql::ast {

Precedence precedence_of(const Expr& node) {
  switch (node.kind) {
    case ExprKind::kLiteral: {
      // -1 binds as the unary minus it is read back as.
      const auto& literal = as<Literal>(node);
      const bool number =
          literal.literal == LiteralKind::kInteger || literal.literal == LiteralKind::kNumeric;
      return number && literal.text.starts_with('-') ? Precedence::kSign : Precedence::kPrimary;
    }
    case ExprKind::kUnary: {
      const auto& unary = as<Unary>(node);
      const bool sign = unary.op.symbol == "-" || unary.op.symbol == "+";
      return sign ? Precedence::kSign : Precedence::kOther;
    }
    case ExprKind::kBinary: {
      const auto& binary = as<Binary>(node);
      return binary.op.schema.empty() ? infix_precedence(binary.op.symbol) : Precedence::kOther;
    }
    case ExprKind::kLogical:
      return as<Logical>(node).is_or ? Precedence::kOr : Precedence::kAnd;
    case ExprKind::kNot:
      return Precedence::kNot;
    case ExprKind::kIsTest:
    case ExprKind::kDistinctFrom:
      return Precedence::kIs;
    case ExprKind::kBetween:
    case ExprKind::kIn:
    case ExprKind::kLike:
      return Precedence::kBetween;
    case ExprKind::kQuantified:
      return Precedence::kComparison;
    case ExprKind::kCollate:
      return Precedence::kCollate;
    case ExprKind::kCast:
      return as<Cast>(node).style == CastStyle::kDoubleColon ? Precedence::kPostfix
                                                             : Precedence::kPrimary;
    case ExprKind::kFunction:
      return as<Function>(node).syntax == CallSyntax::kAtTimeZone ? Precedence::kAtTimeZone
                                                                  : Precedence::kPrimary;
    case ExprKind::kSubscript:
    case ExprKind::kField:
      return Precedence::kPostfix;
    default:
      return Precedence::kPrimary;
  }
}

void Printer::expr(const Expr& node, Precedence least) {
  if (precedence_of(node) >= least) {
    expr_inside(node);
    return;
  }
  add("(");
  expr_inside(node);
  add(")");
}

void Printer::expr_inside(const Expr& node) {
  switch (node.kind) {
    case ExprKind::kLiteral:
      return literal(as<Literal>(node));
    case ExprKind::kColumnRef:
      return name(as<ColumnRef>(node).names);
    case ExprKind::kStar:
      name(as<Star>(node).qualifier);
      return add(as<Star>(node).qualifier.empty() ? "*" : ".*");
    case ExprKind::kParameter:
      return add(fmt::format("${}", as<Parameter>(node).index));
    case ExprKind::kUnary:
      op(as<Unary>(node).op);
      add(" ");
      return expr(*as<Unary>(node).operand, next(precedence_of(node)));
    case ExprKind::kBinary:
      return binary(as<Binary>(node));
    case ExprKind::kLogical:
      return logical(as<Logical>(node));
    case ExprKind::kNot:
      add("NOT ");
      return expr(*as<Not>(node).operand, Precedence::kNot);
    case ExprKind::kIsTest:
      return is_test(as<IsTest>(node));
    case ExprKind::kDistinctFrom:
      expr(*as<DistinctFrom>(node).left, next(Precedence::kIs));
      add(as<DistinctFrom>(node).negated ? " IS NOT DISTINCT FROM " : " IS DISTINCT FROM ");
      return expr(*as<DistinctFrom>(node).right, next(Precedence::kIs));
    case ExprKind::kBetween: {
      const auto& between = as<Between>(node);
      expr(*between.operand, next(Precedence::kBetween));
      add(between.negated ? " NOT BETWEEN " : " BETWEEN ");
      if (between.symmetric) add("SYMMETRIC ");
      expr(*between.low, next(Precedence::kBetween));
      add(" AND ");
      return expr(*between.high, next(Precedence::kBetween));
    }
    case ExprKind::kIn:
      return in(as<In>(node));
    case ExprKind::kLike:
      return like(as<Like>(node));
    case ExprKind::kCase:
      return case_of(as<Case>(node));
    case ExprKind::kCast:
      return cast(as<Cast>(node));
    case ExprKind::kCollate:
      expr(*as<Collate>(node).operand, Precedence::kCollate);
      add(" COLLATE ");
      return name(as<Collate>(node).collation);
    case ExprKind::kFunction:
      return function(as<Function>(node));
    case ExprKind::kSubquery: {
      static constexpr std::array kWords{"(", "EXISTS (", "ARRAY("};
      add(kWords[static_cast<size_t>(as<Subquery>(node).subquery)]);
      query(*as<Subquery>(node).query);
      return add(")");
    }
    case ExprKind::kQuantified:
      return quantified(as<Quantified>(node));
    case ExprKind::kRow:
      add(as<Row>(node).explicit_row || as<Row>(node).items.size() < 2 ? "ROW(" : "(");
      exprs(as<Row>(node).items);
      return add(")");
    case ExprKind::kArray:
      add("ARRAY[");
      exprs(as<Array>(node).items);
      return add("]");
    case ExprKind::kSubscript:
      return subscript(as<Subscript>(node));
    case ExprKind::kField:
      add("(");
      expr(*as<Field>(node).operand);
      add(").");
      return as<Field>(node).name.empty() ? add("*") : identifier(as<Field>(node).name);
    case ExprKind::kDefault:
      return add("DEFAULT");
  }
}

void Printer::literal(const Literal& node) {
  switch (node.literal) {
    case LiteralKind::kNull:
      return add("NULL");
    case LiteralKind::kBoolean:
      return add(node.boolean ? "true" : "false");
    case LiteralKind::kInteger:
    case LiteralKind::kNumeric:
      return add(node.text);
    case LiteralKind::kString:
      return add(quote_literal(node.text));
  }
}

void Printer::op(const OperatorName& name) {
  if (name.schema.empty()) return add(name.symbol);
  add(fmt::format("OPERATOR({}.{})", quote_identifier(name.schema), name.symbol));
}

void Printer::binary(const Binary& node) {
  const Precedence own = precedence_of(node);
  expr(*node.left, own == Precedence::kComparison ? next(own) : own);
  add(" ");
  op(node.op);
  add(" ");
  expr(*node.right, next(own));
}

void Printer::logical(const Logical& node) {
  const Precedence own = precedence_of(node);
  bool first = true;
  for (const ExprPtr& operand : node.operands) {
    if (!first) add(node.is_or ? " OR " : " AND ");
    first = false;
    expr(*operand, next(own));
  }
}

void Printer::is_test(const IsTest& node) {
  static constexpr std::array kWords{"NULL", "TRUE", "FALSE", "UNKNOWN"};
  expr(*node.operand, next(Precedence::kIs));
  add(node.negated ? " IS NOT " : " IS ");
  add(kWords[static_cast<size_t>(node.test)]);
}

void Printer::like(const Like& node) {
  static constexpr std::array kWords{"LIKE ", "ILIKE ", "SIMILAR TO "};
  expr(*node.operand, next(Precedence::kBetween));
  add(node.negated ? " NOT " : " ");
  add(kWords[static_cast<size_t>(node.like)]);
  expr(*node.pattern, next(Precedence::kBetween));
  if (node.escape == nullptr) return;
  add(" ESCAPE ");
  expr(*node.escape, next(Precedence::kBetween));
}

void Printer::in(const In& node) {
  expr(*node.operand, next(Precedence::kBetween));
  add(node.negated ? " NOT IN (" : " IN (");
  if (node.query != nullptr) {
    query(*node.query);
  } else {
    exprs(node.items);
  }
  add(")");
}

void Printer::quantified(const Quantified& node) {
  static constexpr std::array<std::array<std::string_view, 2>, 4> kLikes{
      {{"~~", "LIKE"}, {"~~*", "ILIKE"}, {"!~~", "NOT LIKE"}, {"!~~*", "NOT ILIKE"}}};
  expr(*node.operand, next(Precedence::kBetween));
  add(" ");
  OperatorName shown = node.op;
  for (const auto& [symbol, words] : kLikes) {
    if (node.op.schema.empty() && node.op.symbol == symbol) shown.symbol = words;
  }
  op(shown);
  add(node.all ? " ALL (" : " ANY (");
  if (node.query != nullptr) {
    query(*node.query);
  } else {
    expr(*node.array);
  }
  add(")");
}

void Printer::cast(const Cast& node) {
  switch (node.style) {
    case CastStyle::kCast:
      add("CAST(");
      expr(*node.operand);
      add(" AS ");
      type(node.type);
      return add(")");
    case CastStyle::kDoubleColon:
      expr(*node.operand, Precedence::kPostfix);
      add("::");
      return type(node.type);
    case CastStyle::kTypedLiteral:
      // INTERVAL '1' DAY has its fields behind the string.
      if (node.type.names.size() == 1 && node.type.names[0] == "interval" &&
          !node.type.interval_fields.empty()) {
        add("INTERVAL ");
        expr(*node.operand);
        add(" " + node.type.interval_fields);
        if (!node.type.modifiers.empty()) add(fmt::format("({})", node.type.modifiers[0]));
        return;
      }
      type(node.type);
      add(" ");
      return expr(*node.operand);
  }
}

void Printer::case_of(const Case& node) {
  add("CASE");
  if (node.subject != nullptr) {
    add(" ");
    expr(*node.subject);
  }
  for (const CaseBranch& branch : node.branches) {
    add(" WHEN ");
    expr(*branch.condition);
    add(" THEN ");
    expr(*branch.result);
  }
  if (node.otherwise != nullptr) {
    add(" ELSE ");
    expr(*node.otherwise);
  }
  add(" END");
}

void Printer::function(const Function& node) {
  if (node.syntax == CallSyntax::kAtTimeZone) {
    expr(*node.args[1].value, Precedence::kAtTimeZone);
    add(" AT TIME ZONE ");
    return expr(*node.args[0].value, next(Precedence::kAtTimeZone));
  }
  if (node.syntax == CallSyntax::kExtract) {
    add("EXTRACT(" + quote_identifier(as<Literal>(*node.args[0].value).text) + " FROM ");
    expr(*node.args[1].value);
    return add(")");
  }
  if (node.syntax == CallSyntax::kNoParens) {
    for (const char c : node.name.back())
      out_ += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (node.args.empty()) return;
  } else {
    // Words that only functions may be named by are no reason to quote here.
    static constexpr std::array<std::string_view, 12> kBare{
        "coalesce",  "nullif",   "greatest", "least",    "left",    "right",
        "substring", "position", "overlay",  "grouping", "extract", "trim"};
    const bool bare =
        node.name.size() == 1 && std::find(kBare.begin(), kBare.end(), node.name[0]) != kBare.end();
    bare ? add(node.name[0]) : name(node.name);
  }
  add("(");
  if (node.star) add("*");
  if (node.distinct) add("DISTINCT ");
  list(node.args, [&](const FunctionArg& arg) {
    if (!arg.name.empty()) add(quote_identifier(arg.name) + " => ");
    if (arg.variadic) add("VARIADIC ");
    expr(*arg.value);
    if (arg.partition_by.empty()) return;
    add(" PARTITION BY (");
    list(arg.partition_by, [&](const ExprPtr& column) { expr(*column); });
    add(")");
  });
  if (!node.within_group && !node.order_by.empty()) {
    add(" ");
    order_by(node.order_by);
  }
  add(")");
  if (node.within_group) {
    add(" WITHIN GROUP (");
    order_by(node.order_by);
    add(")");
  }
  if (node.filter != nullptr) {
    add(" FILTER (WHERE ");
    expr(*node.filter);
    add(")");
  }
  if (node.over != nullptr) {
    add(" OVER ");
    window(*node.over);
  }
}

void Printer::subscript(const Subscript& node) {
  // Only names, calls, parameters and other subscripts may stand before "[" without doubt.
  const ExprKind kind = node.operand->kind;
  const bool bare = kind == ExprKind::kColumnRef || kind == ExprKind::kParameter ||
                    (kind == ExprKind::kSubscript && !as<Subscript>(*node.operand).closed);
  if (!bare) add("(");
  expr(*node.operand);
  if (!bare) add(")");
  add("[");
  if (node.lower != nullptr) expr(*node.lower);
  if (node.slice) add(":");
  if (node.upper != nullptr) expr(*node.upper);
  add("]");
}

void Printer::order_by(const std::vector<SortItem>& items) {
  add("ORDER BY ");
  sort_items(items);
}

void Printer::sort_items(const std::vector<SortItem>& items) {
  list(items, [&](const SortItem& item) {
    expr(*item.value);
    if (item.descending) add(" DESC");
    if (item.nulls != NullsOrder::kDefault)
      add(item.nulls == NullsOrder::kFirst ? " NULLS FIRST" : " NULLS LAST");
  });
}

void Printer::window(const WindowSpec& spec) {
  if (spec.reference_only) return identifier(spec.existing);
  add("(");
  const char* gap = "";
  if (!spec.existing.empty()) {
    identifier(spec.existing);
    gap = " ";
  }
  if (!spec.partition_by.empty()) {
    add(gap);
    add("PARTITION BY ");
    exprs(spec.partition_by);
    gap = " ";
  }
  if (!spec.order_by.empty()) {
    add(gap);
    order_by(spec.order_by);
    gap = " ";
  }
  if (spec.frame.has_value()) {
    add(gap);
    frame(*spec.frame);
  }
  add(")");
}

void Printer::frame(const WindowFrame& frame) {
  static constexpr std::array kUnits{"ROWS", "RANGE", "GROUPS"};
  static constexpr std::array kExclusions{"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP",
                                          " EXCLUDE TIES"};
  add(kUnits[static_cast<size_t>(frame.unit)]);
  add(" BETWEEN ");
  frame_bound(frame.lower);
  add(" AND ");
  frame_bound(frame.upper);
  add(kExclusions[static_cast<size_t>(frame.exclusion)]);
}

void Printer::frame_bound(const FrameBound& bound) {
  switch (bound.kind) {
    case FrameBoundKind::kUnboundedPreceding:
      return add("UNBOUNDED PRECEDING");
    case FrameBoundKind::kCurrentRow:
      return add("CURRENT ROW");
    case FrameBoundKind::kUnboundedFollowing:
      return add("UNBOUNDED FOLLOWING");
    case FrameBoundKind::kPreceding:
    case FrameBoundKind::kFollowing:
      expr(*bound.offset);
      return add(bound.kind == FrameBoundKind::kPreceding ? " PRECEDING" : " FOLLOWING");
  }
}

std::string to_sql(const Expr& expr) {
  Printer printer;
  printer.expr(expr);
  return printer.take();
}

}  // namespace forebay::sql::ast
