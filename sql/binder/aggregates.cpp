#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"

/// Calls of aggregates: arguments, DISTINCT, ORDER BY, WITHIN GROUP, FILTER.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using udfs::AggregateKind;

namespace {

bool nulls_first(const ast::SortItem& item) {
  return item.nulls == ast::NullsOrder::kDefault ? item.descending
                                                 : item.nulls == ast::NullsOrder::kFirst;
}

bool is_ordered_set(std::string_view name) {
  auto functions = udfs::find_aggregate(name);
  return !functions.empty() && functions[0]->ordered_set;
}

Status no_such_aggregate(Status status, bool none) {
  return std::move(status).with_hint(
      none ? "No function matches the given name and argument types. You might need to add "
             "explicit type casts."
           : "Could not choose a best candidate function. You might need to add explicit type "
             "casts.");
}

}  // namespace

Status Binder::bind_aggregate_order(const ast::Function& function, const ExprContext& inner,
                                    BoundAggregate& call) {
  for (const ast::SortItem& item : function.order_by) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item.value, inner));
    // An argument that is ordered by is coerced as the argument is.
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    if (function.distinct &&
        std::none_of(call.arguments.begin(), call.arguments.end(),
                     [&](const ExprRef& argument) { return expr::equal(*argument, *value); })) {
      return error(state::kInvalidColumnReference,
                   "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument "
                   "list",
                   leftmost_position(*item.value));
    }
    call.order.push_back({std::move(value), item.descending, nulls_first(item)});
  }
  return Status::ok();
}

Status Binder::bind_within_group(const ast::Function& function, const std::string& name,
                                 const ExprContext& inner, BoundAggregate& call) {
  if (!function.within_group) {
    return error(state::kWrongObjectType,
                 fmt::format("WITHIN GROUP is required for ordered-set aggregate {}", name),
                 function.position);
  }
  if (function.distinct) {
    return error(state::kSyntaxError, "cannot use DISTINCT with WITHIN GROUP", function.position);
  }
  for (const ast::SortItem& item : function.order_by) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item.value, inner));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    call.order.push_back({value, item.descending, nulls_first(item)});
    call.arguments.push_back(std::move(value));
  }
  return Status::ok();
}

Status Binder::take_direct_arguments(const ast::Function& function, BoundAggregate& call) {
  for (size_t i = 0; i + 1 < call.arguments.size(); ++i) {
    const ExprRef folded = expr::fold_constants(call.arguments[i]);
    const int32_t position = leftmost_position(*function.args[i].value);
    if (folded->kind != expr::ExprKind::kLiteral) {
      return unsupported("an argument of an ordered-set aggregate that is no constant is", position,
                         "Write the fraction as a number.");
    }
    if (const auto* fraction = std::get_if<double>(&folded->literal.value);
        fraction != nullptr && !folded->literal.is_null() && !(*fraction >= 0 && *fraction <= 1)) {
      return error(state::kNumericOutOfRange,
                   fmt::format("percentile value {} is not between 0 and 1", *fraction), 0);
    }
    call.direct.push_back(folded->literal);
  }
  call.arguments.erase(call.arguments.begin(), call.arguments.end() - 1);
  // What is ordered is the argument as it is taken.
  call.order[0].value = call.arguments[0];
  return Status::ok();
}

Result<ExprRef> Binder::bind_aggregate(const ast::Function& function, const std::string& name,
                                       const ExprContext& context) {
  if (context.clause == Clause::kAggregateArgument) {
    return error(state::kGroupingError, "aggregate function calls cannot be nested",
                 function.position);
  }
  ExprContext inner = context;
  inner.clause = Clause::kAggregateArgument;
  inner.aggregates = nullptr;
  inner.windows = nullptr;
  PendingSubqueries below;
  if (inner.subqueries != nullptr) inner.subqueries = &below;
  Type result;
  FOREBAY_ASSIGN_OR_RETURN(BoundAggregate call,
                           bind_aggregate_call(function, name, inner, &result));
  return add_aggregate(std::move(call), context, std::move(below), function.position, result);
}

Result<BoundAggregate> Binder::bind_aggregate_call(const ast::Function& function,
                                                   const std::string& name, ExprContext inner,
                                                   Type* result_type) {
  BoundAggregate call;
  for (const ast::FunctionArg& argument : function.args) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, inner));
    call.arguments.push_back(std::move(value));
  }
  if (is_ordered_set(name)) {
    FOREBAY_RETURN_IF_ERROR(bind_within_group(function, name, inner, call));
  } else if (function.within_group) {
    return error(
        state::kWrongObjectType,
        fmt::format("{} is not an ordered-set aggregate, so it cannot have WITHIN GROUP", name),
        function.position);
  }
  std::vector<TypeId> types;
  for (const ExprRef& value : call.arguments) types.push_back(value->type.id);
  if (function.star && name != "count") {
    return no_such_aggregate(
        error(state::kUndefinedFunction, fmt::format("function {}() does not exist", name),
              function.position),
        true);
  }
  if (!function.star && types.empty() && name == "count") {
    return error(state::kWrongObjectType,
                 "count(*) must be used to call a parameterless aggregate function",
                 function.position);
  }
  FunctionMatch match;
  MatchOutcome outcome = match_aggregate(name, types, &match);
  if (outcome != MatchOutcome::kFound) {
    const bool none = outcome == MatchOutcome::kNone;
    return no_such_aggregate(error(none ? state::kUndefinedFunction : state::kAmbiguousFunction,
                                   fmt::format("function {}({}) {}", name, type_list(types),
                                               none ? "does not exist" : "is not unique"),
                                   function.position),
                             none);
  }
  Type result{match.result};
  for (size_t i = 0; i < call.arguments.size(); ++i) {
    Type target{match.arguments[i]};
    if (call.arguments[i]->type.id == target.id) target = call.arguments[i]->type;
    FOREBAY_ASSIGN_OR_RETURN(call.arguments[i],
                             coerce(call.arguments[i], target, Coercion::kImplicit));
    FOREBAY_CHECK(call.arguments[i] != nullptr, "a matched aggregate takes its arguments");
  }
  call.function = match.aggregate;
  const AggregateKind kind = match.aggregate->kind;
  const bool extreme = kind == AggregateKind::kMinimum || kind == AggregateKind::kMaximum;
  const bool picks = extreme || match.aggregate->result == TypeId::kUnknown;
  if (picks && call.arguments.back()->type.id == result.id) result = call.arguments.back()->type;
  call.distinct = (function.distinct || match.aggregate->always_distinct) && !extreme;
  if (match.aggregate->ordered_set) {
    FOREBAY_RETURN_IF_ERROR(take_direct_arguments(function, call));
  } else {
    FOREBAY_RETURN_IF_ERROR(bind_aggregate_order(function, inner, call));
    if (kind != AggregateKind::kOrdered) call.order.clear();
  }
  if (function.filter) {
    inner.clause = Clause::kFilter;
    inner.aggregates = nullptr;
    FOREBAY_ASSIGN_OR_RETURN(call.filter, bind_condition(*function.filter, inner, "FILTER"));
  }
  *result_type = result;
  return call;
}

namespace {

bool same(const ExprRef& a, const ExprRef& b) { return a && b ? expr::equal(*a, *b) : !a && !b; }

bool same_call(const BoundAggregate& a, const BoundAggregate& b) {
  if (a.function != b.function || a.distinct != b.distinct || !same(a.filter, b.filter) ||
      a.arguments.size() != b.arguments.size() || a.order.size() != b.order.size() ||
      a.direct.size() != b.direct.size()) {
    return false;
  }
  for (size_t i = 0; i < a.arguments.size(); ++i) {
    if (!same(a.arguments[i], b.arguments[i])) return false;
  }
  for (size_t i = 0; i < a.direct.size(); ++i) {
    if (!same(expr::literal(a.direct[i]), expr::literal(b.direct[i]))) return false;
  }
  for (size_t i = 0; i < a.order.size(); ++i) {
    if (!same(a.order[i].value, b.order[i].value) ||
        a.order[i].descending != b.order[i].descending ||
        a.order[i].nulls_first != b.order[i].nulls_first) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<ExprRef> Binder::add_aggregate(BoundAggregate call, const ExprContext& context,
                                      PendingSubqueries below, int32_t position, Type result) {
  FOREBAY_ASSIGN_OR_RETURN(AggregateState * owner, aggregate_owner(call, context, position));
  owner->below.insert(owner->below.end(), below.begin(), below.end());
  // The same aggregate twice is computed once.
  for (const BoundAggregate& other : owner->calls) {
    if (same_call(other, call)) return plan::column_ref(other.output);
  }
  call.output = columns_.make(std::string(call.function->name), result);
  owner->calls.push_back(call);
  return plan::column_ref(call.output);
}

}  // namespace forebay::sql::binder
