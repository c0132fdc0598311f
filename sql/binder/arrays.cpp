#include <fmt/format.h>

#include <algorithm>

#include "engine/data/array.h"
#include "sql/binder/binder.h"

/// Arrays in expressions: ARRAY[...], subscripts (of jsonb too), x op ANY (array).
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<ExprRef> Binder::bind_array(const ast::Array& array, Type element,
                                   const ExprContext& context) {
  if (array.items.empty()) {
    if (element.id == TypeId::kUnknown) {
      return error(state::kIndeterminateDatatype, "cannot determine type of empty array",
                   array.position)
          .with_hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].");
    }
    const std::string bytes = data::encode_array(*data::ColumnBuilder(Type{element.id}).finish());
    return expr::literal({Type{data::array_of(element.id), element.modifier}, bytes});
  }
  std::vector<ExprRef> items;
  for (const auto& item : array.items) {
    if (item->kind == ast::ExprKind::kArray) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef inner,
                               bind_array(ast::as<ast::Array>(*item), element, context));
      items.push_back(std::move(inner));
      continue;
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, context));
    if (element.id != TypeId::kUnknown) {
      const Type type =
          value->type.is_array() ? Type{data::array_of(element.id), element.modifier} : element;
      FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(value, type, Coercion::kExplicit));
      if (!cast) {
        return error(state::kCannotCoerce,
                     fmt::format("cannot cast type {} to {}", Type{value->type.id}.name(),
                                 Type{type.id}.name()),
                     item->position);
      }
      value = std::move(cast);
    }
    items.push_back(std::move(value));
  }
  Type common;
  FOREBAY_RETURN_IF_ERROR(unify(items, "ARRAY", &common));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef built,
                           call_named("array_build", std::move(items), array.position));
  const Type wanted{built->type.id, element.id == TypeId::kUnknown ? -1 : element.modifier};
  if (wanted.modifier < 0) return built;
  return expr::call(built->function, wanted, built->children);
}

Result<ExprRef> Binder::bind_json_subscript(ExprRef value,
                                            const std::vector<const ast::Subscript*>& chain,
                                            const ExprContext& context) {
  for (const ast::Subscript* subscript : chain) {
    if (subscript->slice) {
      return error(state::kDatatypeMismatch, "jsonb subscript does not support slices",
                   subscript->position);
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef key, bind(*subscript->lower, context));
    const Type type = key->type.id == TypeId::kUnknown || key->type.is_string()
                          ? data::kTextType
                          : data::kIntegerType;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef step, coerce(key, type, Coercion::kAssignment));
    if (!step) {
      return error(state::kDatatypeMismatch,
                   fmt::format("subscript type {} is not supported", Type{key->type.id}.name()),
                   subscript->lower->position)
          .with_hint("jsonb subscript must be coercible to either integer or text.");
    }
    FOREBAY_ASSIGN_OR_RETURN(value, call_named("->", {value, step}, subscript->position));
  }
  return value;
}

Result<ExprRef> Binder::bind_subscript(const ast::Subscript& subscript,
                                       const ExprContext& context) {
  std::vector<const ast::Subscript*> chain{&subscript};
  while (chain.back()->operand->kind == ast::ExprKind::kSubscript) {
    const auto& inner = ast::as<ast::Subscript>(*chain.back()->operand);
    if (inner.closed) break;
    chain.push_back(&inner);
  }
  const ast::Expr& bottom = *chain.back()->operand;
  std::reverse(chain.begin(), chain.end());
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(bottom, context));
  if (value->type.id == TypeId::kJsonb) return bind_json_subscript(value, chain, context);
  if (!value->type.is_array()) {
    return error(state::kDatatypeMismatch,
                 fmt::format("cannot subscript type {} because it does not support subscripting",
                             Type{value->type.id}.name()),
                 bottom.position);
  }
  const bool slice =
      std::any_of(chain.begin(), chain.end(), [](const ast::Subscript* one) { return one->slice; });
  std::vector<ExprRef> arguments{value};
  const auto add = [&](const ast::Expr* bound) -> Status {
    if (bound == nullptr) {
      arguments.push_back(expr::literal(data::Datum::null(data::kIntegerType)));
      return Status::ok();
    }
    FOREBAY_ASSIGN_OR_RETURN(ExprRef number, bind(*bound, context));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef cast,
                             coerce(number, data::kIntegerType, Coercion::kAssignment));
    if (!cast) {
      return error(state::kDatatypeMismatch, "array subscript must have type integer",
                   bound->position);
    }
    arguments.push_back(std::move(cast));
    return Status::ok();
  };
  for (const ast::Subscript* one : chain) {
    if (slice && !one->slice) {
      // a[1:2][3] is a[1:2][1:3].
      arguments.push_back(expr::literal({data::kIntegerType, int32_t{1}}));
      FOREBAY_RETURN_IF_ERROR(add(one->lower.get()));
      continue;
    }
    FOREBAY_RETURN_IF_ERROR(add(one->lower.get()));
    if (slice) FOREBAY_RETURN_IF_ERROR(add(one->upper.get()));
  }
  return call_named(slice ? "array_slice" : "array_get", std::move(arguments), subscript.position);
}

Result<ExprRef> Binder::bind_quantified_array(const ast::Quantified& quantified, ExprRef array,
                                              const ExprContext& context) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef operand, bind(*quantified.operand, context));
  if (array->type.id == TypeId::kUnknown) {
    const TypeId element = operand->type.id == TypeId::kUnknown || operand->type.is_string()
                               ? TypeId::kText
                               : operand->type.id;
    FOREBAY_ASSIGN_OR_RETURN(array,
                             coerce(array, Type{data::array_of(element)}, Coercion::kImplicit));
    FOREBAY_CHECK(array != nullptr, "an untyped value takes any type");
  }
  const std::string op = quantified.op.symbol == "!=" ? "<>" : quantified.op.symbol;
  const std::string name = fmt::format("array_{}_{}", quantified.all ? "all" : "any", op);
  if (udfs::find_scalar(name).empty()) {
    return unsupported(fmt::format("{} ANY and {} ALL over an array value are", op, op),
                       quantified.array->position, "Write the array as ARRAY[...].");
  }
  const TypeId types[] = {operand->type.id, array->type.id};
  FunctionMatch match;
  if (match_scalar(name, types, false, &match) != MatchOutcome::kFound) {
    return error(state::kUndefinedFunction,
                 fmt::format("operator does not exist: {} {} {}", Type{types[0]}.name(), op,
                             Type{data::element_of(types[1])}.name()),
                 quantified.position)
        .with_hint(
            "No operator matches the given name and argument types. You might need to add "
            "explicit type casts.");
  }
  return call_function(match, {operand, array}, quantified.position);
}

}  // namespace forebay::sql::binder
