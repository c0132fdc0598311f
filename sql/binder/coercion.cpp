#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// Casts: untyped literals and parameters get their types here.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;
using udfs::CastContext;

Result<ExprRef> Binder::coerce_literal(const ExprRef& value, Type type) {
  if (value->literal.is_null()) {
    ExprRef null = expr::literal(data::Datum::null(type));
    remember(null, position_of(value));
    return null;
  }
  const std::string& text = std::get<std::string>(value->literal.value);
  Type parsed = type;
  // varchar(n) as a cast cuts; as an assignment it refuses: left to the cast function.
  if (type.is_string()) parsed.modifier = -1;
  Result<data::Datum> datum = data::parse_datum(text, parsed);
  if (!datum.is_ok()) {
    Status status = datum.take_status();
    return std::move(status).at(place(position_of(value)));
  }
  ExprRef literal = expr::literal(std::move(*datum));
  remember(literal, position_of(value));
  return literal;
}

Result<ExprRef> Binder::coerce(const ExprRef& value, Type type, Coercion coercion) {
  ExprRef source = value;
  if (source->type.id == TypeId::kUnknown) {
    if (source->kind == ExprKind::kLiteral) {
      FOREBAY_ASSIGN_OR_RETURN(source, coerce_literal(source, type));
    } else if (source->kind == ExprKind::kParameter) {
      Type& known = parameters_[source->column];
      if (known.id == TypeId::kUnknown) known = Type{type.id};
      ExprRef typed = expr::parameter(source->column, known);
      remember(typed, position_of(source));
      source = typed;
    } else {
      return ExprRef();
    }
  }
  if (source->type.id == type.id) {
    if (type.modifier < 0 || source->type.modifier == type.modifier) return source;
    const udfs::Cast* same = udfs::find_cast(type.id, type.id);
    if (same == nullptr) return source;
    return expr::call(coercion == Coercion::kAssignment ? same->assignment : same->function, type,
                      {source});
  }
  const udfs::Cast* cast = udfs::find_cast(source->type.id, type.id);
  if (cast == nullptr) return ExprRef();
  if (coercion == Coercion::kImplicit && cast->context != CastContext::kImplicit) return ExprRef();
  if (coercion == Coercion::kAssignment && cast->context == CastContext::kExplicit)
    return ExprRef();
  ExprRef call = expr::call(coercion == Coercion::kAssignment ? cast->assignment : cast->function,
                            type, {source});
  remember(call, position_of(source));
  return call;
}

Result<ExprRef> Binder::coerce_assignment(const ExprRef& value, const data::Field& target) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef done, coerce(value, target.type, Coercion::kAssignment));
  if (done) return done;
  return error(state::kDatatypeMismatch,
               fmt::format("column \"{}\" is of type {} but expression is of type {}", target.name,
                           Type{target.type.id}.name(), Type{value->type.id}.name()),
               position_of(value))
      .with_hint("You will need to rewrite or cast the expression.");
}

Result<ExprRef> Binder::settle_unknown(const ExprRef& value) {
  if (value->type.id != TypeId::kUnknown) return value;
  return coerce(value, data::kTextType, Coercion::kImplicit);
}

Result<NodeRef> Binder::retype(const NodeRef& node, ColumnId id, Type type) {
  size_t at = plan::find_column(node->columns, id);
  if (at == plan::kNoColumn || node->columns[at].type.id != TypeId::kUnknown) return node;
  std::vector<NodeRef> inputs = node->inputs;
  Columns columns = node->columns;
  columns[at].type = type;
  switch (node->kind) {
    case plan::NodeKind::kProject: {
      std::vector<ExprRef> expressions = plan::as<plan::Project>(*node).expressions;
      if (expressions[at]->kind == ExprKind::kColumn) {
        ColumnId source = expressions[at]->column;
        FOREBAY_ASSIGN_OR_RETURN(inputs[0], retype(inputs[0], source, type));
        expressions[at] = expr::column(source, type);
      } else {
        FOREBAY_ASSIGN_OR_RETURN(ExprRef typed,
                                 coerce(expressions[at], type, Coercion::kAssignment));
        FOREBAY_CHECK(typed != nullptr, "untyped expression that is no literal");
        expressions[at] = typed;
      }
      return plan::make_project(inputs[0], columns, expressions);
    }
    case plan::NodeKind::kValues: {
      auto rows = plan::as<plan::Values>(*node).rows;
      for (auto& row : rows) {
        FOREBAY_ASSIGN_OR_RETURN(row[at], coerce(row[at], type, Coercion::kAssignment));
      }
      return plan::make_values(columns, std::move(rows));
    }
    case plan::NodeKind::kUnion: {
      const auto& sources = plan::as<plan::Union>(*node).sources;
      for (size_t i = 0; i < inputs.size(); ++i) {
        FOREBAY_ASSIGN_OR_RETURN(inputs[i], retype(inputs[i], sources[i][at], type));
      }
      return plan::make_union(std::move(inputs), columns, sources);
    }
    default: {
      for (NodeRef& input : inputs) {
        FOREBAY_ASSIGN_OR_RETURN(input, retype(input, id, type));
      }
      return plan::with_inputs(node, std::move(inputs));
    }
  }
}

}  // namespace forebay::sql::binder
