#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "sql/binder/binder.h"
#include "sql/plan/properties.h"

/// Subqueries: as values (scalar, EXISTS, IN, ANY, ALL anywhere) and as conditions (semi and anti
/// joins). Everything is a dependent join of the plan below the expression; decorrelation comes
/// later.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;
using plan::JoinKind;

NodeRef Binder::marks_of(NodeRef plan, ExprRef condition, Column* mark) {
  *mark = columns_.make("exists", data::kBooleanType);
  plan = plan::make_filter(std::move(plan), std::move(condition));
  return plan::make_distinct(
      plan::make_project(std::move(plan), {*mark}, {plan::boolean_literal(true)}));
}

ExprRef Binder::exists_mark(NodeRef plan, ExprRef condition, const ExprContext& context,
                            int32_t position) {
  Column mark;
  NodeRef marks = marks_of(std::move(plan), std::move(condition), &mark);
  context.subqueries->push_back({JoinKind::kLeft, std::move(marks), position});
  return expr::logical(ExprKind::kIsNotNull, {plan::column_ref(mark)});
}

namespace {

Columns columns_of(const QueryPlan& query) {
  Columns columns;
  for (const OutputColumn& output : query.columns) columns.push_back(output.column);
  return columns;
}

}  // namespace

Result<ExprRef> Binder::bind_subquery(const ast::Subquery& subquery, const ExprContext& context) {
  if (context.subqueries == nullptr) {
    const bool is_default = context.clause == Clause::kDefault;
    return error(state::kFeatureNotSupported,
                 is_default ? "cannot use subquery in DEFAULT expression"
                            : "subqueries are not supported here",
                 subquery.position)
        .with_hint("Compute the value in a query first.");
  }
  if (subquery.subquery == ast::SubqueryKind::kArray) {
    return bind_array_query(subquery, context);
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, bind_query(*subquery.query, context.scope));
  if (subquery.subquery == ast::SubqueryKind::kExists) {
    return exists_mark(query.plan, nullptr, context, subquery.position);
  }
  if (query.columns.size() != 1) {
    return error(state::kSyntaxError, "subquery must return only one column", subquery.position);
  }
  NodeRef plan = plan::make_single_row(plan::make_narrow(query.plan, columns_of(query)), {});
  Column value = query.columns[0].column;
  context.subqueries->push_back({JoinKind::kLeft, std::move(plan), subquery.position});
  ExprRef result = plan::column_ref(value);
  remember(result, subquery.position);
  return result;
}

Result<Binder::Comparison> Binder::bind_comparison(const ast::Expr& operand, std::string_view op,
                                                   const ast::Query& query, int32_t position,
                                                   const ExprContext& context) {
  std::vector<ExprRef> left;
  if (operand.kind == ast::ExprKind::kRow) {
    for (const auto& item : ast::as<ast::Row>(operand).items) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, context));
      left.push_back(std::move(value));
    }
  } else {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(operand, context));
    left.push_back(std::move(value));
  }
  if (context.subqueries == nullptr) {
    return unsupported("subqueries here are", position, "Compute the value in a query first.");
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound, bind_query(query, context.scope));
  if (bound.columns.size() != left.size()) {
    return error(state::kSyntaxError,
                 bound.columns.size() > left.size() ? "subquery has too many columns"
                                                    : "subquery has too few columns",
                 position);
  }
  if (left.size() > 1 && op != "=" && op != "<>") {
    return unsupported(fmt::format("row {} with a subquery is", op), position,
                       "Rows are compared with subqueries by = and <>.");
  }
  Comparison out;
  out.plan = plan::make_narrow(bound.plan, columns_of(bound));
  std::vector<ExprRef> parts;
  for (size_t i = 0; i < left.size(); ++i) {
    ExprRef right = plan::column_ref(bound.columns[i].column);
    FOREBAY_ASSIGN_OR_RETURN(ExprRef part, apply_operator(op, {left[i], right}, position));
    parts.push_back(std::move(part));
  }
  if (parts.size() == 1) {
    out.condition = parts[0];
    if (op == "=" && parts[0]->kind == ExprKind::kCall) {
      out.left = parts[0]->children[0];
      out.right = parts[0]->children[1];
    }
  } else {
    out.condition = expr::logical(op == "=" ? ExprKind::kAnd : ExprKind::kOr, std::move(parts));
  }
  return out;
}

Result<ExprRef> Binder::bind_in_query(const ast::In& in, const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(Comparison test,
                           bind_comparison(*in.operand, "=", *in.query, in.position, context));
  ExprRef found = exists_mark(test.plan, test.condition, context, in.position);
  ExprRef open;
  if (test.left) {
    // x = y is NULL when y is NULL, or x is and there is any row.
    ExprRef empty_y = exists_mark(test.plan, expr::logical(ExprKind::kIsNull, {test.right}),
                                  context, in.position);
    ExprRef any_row = exists_mark(test.plan, nullptr, context, in.position);
    ExprRef empty_x = expr::logical(ExprKind::kIsNull, {test.left});
    open =
        expr::logical(ExprKind::kOr, {empty_y, expr::logical(ExprKind::kAnd, {empty_x, any_row})});
  } else {
    open = exists_mark(test.plan, expr::logical(ExprKind::kIsNull, {test.condition}), context,
                       in.position);
  }
  ExprRef result =
      expr::case_when(data::kBooleanType, {found, plan::boolean_literal(!in.negated), open,
                                           expr::literal(data::Datum::null(data::kBooleanType)),
                                           plan::boolean_literal(in.negated)});
  return result;
}

Result<ExprRef> Binder::bind_quantified(const ast::Quantified& quantified,
                                        const ExprContext& context) {
  if (quantified.array) return bind_quantified_list(quantified, context);
  std::string op = quantified.op.symbol == "!=" ? "<>" : quantified.op.symbol;
  FOREBAY_ASSIGN_OR_RETURN(
      Comparison test,
      bind_comparison(*quantified.operand, op, *quantified.query, quantified.position, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef condition,
                           to_condition(test.condition, quantified.position, op));
  // ANY: is there a row that says yes? ALL: is there one that says no? Else: one that says NULL?
  ExprRef decides = quantified.all ? expr::logical(ExprKind::kNot, {condition}) : condition;
  ExprRef found = exists_mark(test.plan, decides, context, quantified.position);
  ExprRef open = exists_mark(test.plan, expr::logical(ExprKind::kIsNull, {condition}), context,
                             quantified.position);
  return expr::case_when(data::kBooleanType, {found, plan::boolean_literal(!quantified.all), open,
                                              expr::literal(data::Datum::null(data::kBooleanType)),
                                              plan::boolean_literal(quantified.all)});
}

namespace {

/// The elements of '{a,"b c",NULL}'; false when it is not of this form.
bool parse_array_text(std::string_view text, std::vector<data::Datum>& out) {
  if (text.size() < 2 || text.front() != '{' || text.back() != '}') return false;
  text = text.substr(1, text.size() - 2);
  size_t at = 0;
  while (at < text.size()) {
    std::string item;
    bool quoted = false;
    if (text[at] == '"') {
      quoted = true;
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        item += text[at];
      }
      if (at++ >= text.size()) return false;
    } else {
      while (at < text.size() && text[at] != ',') item += text[at++];
    }
    if (!quoted && item.find_first_of("{}") != std::string::npos) return false;
    if (!quoted && (item == "NULL" || item == "null")) {
      out.push_back(data::Datum::null(data::kUnknownType));
    } else {
      out.push_back({data::kUnknownType, item});
    }
    if (at < text.size() && text[at++] != ',') return false;
  }
  return true;
}

}  // namespace

Result<ExprRef> Binder::bind_quantified_list(const ast::Quantified& quantified,
                                             const ExprContext& context) {
  std::vector<ExprRef> items;
  const ast::Expr* array = quantified.array.get();
  while (array->kind == ast::ExprKind::kCast) array = ast::as<ast::Cast>(*array).operand.get();
  if (array->kind == ast::ExprKind::kArray) {
    for (const auto& item : ast::as<ast::Array>(*array).items) {
      if (item->kind == ast::ExprKind::kArray) return bind_any_of_array(quantified, context);
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, context));
      items.push_back(std::move(value));
    }
  } else if (array->kind == ast::ExprKind::kLiteral &&
             ast::as<ast::Literal>(*array).literal == ast::LiteralKind::kString) {
    std::vector<data::Datum> values;
    // One of more dimensions, or none at all.
    if (!parse_array_text(ast::as<ast::Literal>(*array).text, values)) {
      return bind_any_of_array(quantified, context);
    }
    for (data::Datum& value : values) {
      items.push_back(expr::literal(std::move(value)));
      remember(items.back(), array->position);
    }
  } else {
    return bind_any_of_array(quantified, context);
  }
  std::string op = quantified.op.symbol == "!=" ? "<>" : quantified.op.symbol;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*quantified.operand, context));
  if (items.empty()) return plan::boolean_literal(quantified.all);
  if (op == "=" && !quantified.all)
    return in_list(operand, std::move(items), false, quantified.position);
  std::vector<ExprRef> parts;
  for (const ExprRef& item : items) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef part,
                             apply_operator(op, {operand, item}, quantified.position));
    parts.push_back(std::move(part));
  }
  if (parts.size() == 1) return parts[0];
  return expr::logical(quantified.all ? ExprKind::kAnd : ExprKind::kOr, std::move(parts));
}

Status Binder::bind_in_step(const ast::In& in, const ExprContext& context, bool negated,
                            ConditionSteps& out) {
  ConditionStep step;
  ExprContext inner = context;
  inner.subqueries = &step.pending;
  FOREBAY_ASSIGN_OR_RETURN(Comparison test,
                           bind_comparison(*in.operand, "=", *in.query, in.position, inner));
  step.plan = test.plan;
  step.predicate = test.condition;
  step.position = in.position;
  step.join = negated ? JoinKind::kAnti : JoinKind::kSemi;
  if (!negated) {
    out.push_back(std::move(step));
    return Status::ok();
  }
  if (!test.left) {
    // NOT IN of rows: no row for which the comparison is true or NULL.
    step.predicate =
        expr::logical(ExprKind::kIsDistinctFrom, {test.condition, plan::boolean_literal(false)});
    out.push_back(std::move(step));
    return Status::ok();
  }
  out.push_back(std::move(step));
  // ... and no NULL in the subquery, and no row at all when the operand is NULL.
  const bool right_may_be_null = !plan::is_never_null(test.plan, test.right);
  const bool left_may_be_null =
      !(test.left->kind == ExprKind::kLiteral && !test.left->literal.is_null());
  Column mark;
  if (right_may_be_null) {
    NodeRef nulls = marks_of(test.plan, expr::logical(ExprKind::kIsNull, {test.right}), &mark);
    out.push_back({{}, nullptr, std::move(nulls), JoinKind::kAnti, in.position});
  }
  if (left_may_be_null) {
    NodeRef any = marks_of(test.plan, nullptr, &mark);
    out.push_back({{},
                   expr::logical(ExprKind::kIsNull, {test.left}),
                   std::move(any),
                   JoinKind::kAnti,
                   in.position});
  }
  return Status::ok();
}

Result<bool> Binder::bind_subquery_step(const ast::Expr& conjunct, const ExprContext& context,
                                        bool negated, ConditionSteps& out) {
  switch (conjunct.kind) {
    case ast::ExprKind::kNot:
      return bind_subquery_step(*ast::as<ast::Not>(conjunct).operand, context, !negated, out);
    case ast::ExprKind::kSubquery: {
      const auto& subquery = ast::as<ast::Subquery>(conjunct);
      if (subquery.subquery != ast::SubqueryKind::kExists) return false;
      FOREBAY_ASSIGN_OR_RETURN(QueryPlan query, bind_query(*subquery.query, context.scope));
      out.push_back({{},
                     nullptr,
                     query.plan,
                     negated ? JoinKind::kAnti : JoinKind::kSemi,
                     subquery.position});
      return true;
    }
    case ast::ExprKind::kIn: {
      const auto& in = ast::as<ast::In>(conjunct);
      if (!in.query) return false;
      FOREBAY_RETURN_IF_ERROR(bind_in_step(in, context, negated != in.negated, out));
      return true;
    }
    case ast::ExprKind::kQuantified: {
      const auto& quantified = ast::as<ast::Quantified>(conjunct);
      if (!quantified.query || negated) return false;
      ConditionStep step;
      ExprContext inner = context;
      inner.subqueries = &step.pending;
      std::string op = quantified.op.symbol == "!=" ? "<>" : quantified.op.symbol;
      FOREBAY_ASSIGN_OR_RETURN(
          Comparison test,
          bind_comparison(*quantified.operand, op, *quantified.query, quantified.position, inner));
      FOREBAY_ASSIGN_OR_RETURN(step.predicate,
                               to_condition(test.condition, quantified.position, op));
      if (quantified.all) {
        step.predicate =
            expr::logical(ExprKind::kIsDistinctFrom, {step.predicate, plan::boolean_literal(true)});
      }
      step.plan = test.plan;
      step.join = quantified.all ? JoinKind::kAnti : JoinKind::kSemi;
      step.position = quantified.position;
      out.push_back(std::move(step));
      return true;
    }
    default:
      return false;
  }
}

Status Binder::bind_steps(const ast::Expr& condition, const ExprContext& context,
                          std::string_view word, ConditionSteps& out) {
  if (condition.kind == ast::ExprKind::kLogical && !ast::as<ast::Logical>(condition).is_or) {
    for (const auto& operand : ast::as<ast::Logical>(condition).operands) {
      FOREBAY_RETURN_IF_ERROR(bind_steps(*operand, context, "AND", out));
    }
    return Status::ok();
  }
  FOREBAY_ASSIGN_OR_RETURN(bool done, bind_subquery_step(condition, context, false, out));
  if (done) return Status::ok();
  ConditionStep step;
  ExprContext inner = context;
  inner.subqueries = &step.pending;
  FOREBAY_ASSIGN_OR_RETURN(step.predicate, bind_condition(condition, inner, word));
  step.position = condition.position;
  out.push_back(std::move(step));
  return Status::ok();
}

NodeRef Binder::apply_pending(NodeRef plan, const PendingSubqueries& pending) {
  for (const PendingSubquery& subquery : pending) {
    plan = plan::make_dependent_join(subquery.join, std::move(plan), subquery.plan, nullptr);
  }
  return plan;
}

NodeRef Binder::apply_steps(NodeRef plan, const ConditionSteps& steps) {
  const Columns columns = plan->columns;
  // Plain filters first: they make the rest cheaper.
  std::vector<ExprRef> plain;
  for (const ConditionStep& step : steps) {
    if (!step.plan && step.pending.empty()) plain.push_back(step.predicate);
  }
  plan = plan::make_filter(std::move(plan), plan::make_conjunction(std::move(plain)));
  for (const ConditionStep& step : steps) {
    if (!step.plan && step.pending.empty()) continue;
    plan = apply_pending(std::move(plan), step.pending);
    if (step.plan) {
      plan = plan::make_dependent_join(step.join, std::move(plan), step.plan, step.predicate);
    } else {
      plan = plan::make_filter(std::move(plan), step.predicate);
    }
  }
  // Later steps of a NOT IN use the operand's subqueries, too.
  return plan::make_narrow(std::move(plan), columns);
}

}  // namespace forebay::sql::binder
