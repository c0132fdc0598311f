#include "sql/binder/over.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/plan/projection.h"
#include "udfs/window_function.h"

/// Calls with OVER: functions, arguments, and the plan over them. What OVER says is in window.cpp.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using operators::OverFunction;

namespace {

constexpr data::SqlState kWindowingError{"42P20"};
constexpr data::SqlState kInvalidNtile{"22014"};
constexpr data::SqlState kInvalidNthValue{"22016"};

OverFunction function_of(std::string_view name) {
  constexpr std::pair<std::string_view, OverFunction> kFunctions[] = {
      {"row_number", OverFunction::kRowNumber},
      {"rank", OverFunction::kRank},
      {"dense_rank", OverFunction::kDenseRank},
      {"percent_rank", OverFunction::kPercentRank},
      {"cume_dist", OverFunction::kCumeDist},
      {"ntile", OverFunction::kNtile},
      {"lag", OverFunction::kLag},
      {"lead", OverFunction::kLag},
      {"first_value", OverFunction::kFirstValue},
      {"last_value", OverFunction::kLastValue},
      {"nth_value", OverFunction::kNthValue},
  };
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  FOREBAY_CHECK(false, "a window function that no operator knows");
}

}  // namespace

bool is_window_function(std::string_view name) {
  return udfs::find_window_function(name) != nullptr;
}

Result<std::optional<int64_t>> Binder::OverBinder::bind_number(const ast::Expr& value) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, binder_.bind(value, inner_));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef number,
                           binder_.coerce(bound, data::kBigintType, Coercion::kImplicit));
  if (!number) {
    return binder_.error(state::kDatatypeMismatch,
                         fmt::format("argument of {} must be type integer, not type {}", name_,
                                     Type{bound->type.id}.name()),
                         value.position);
  }
  number = expr::fold_constants(number);
  if (number->kind != expr::ExprKind::kLiteral) {
    return binder_.unsupported(fmt::format("a number for {} that is no constant is", name_),
                               value.position, "Write it as a number.");
  }
  if (number->literal.is_null()) return std::optional<int64_t>();
  return std::optional<int64_t>(std::get<int64_t>(number->literal.value));
}

Result<ExprRef> Binder::OverBinder::bind_lag() {
  std::vector<ExprRef> values;
  for (size_t i = 0; i < function_.args.size(); ++i) {
    if (i == 1) continue;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*function_.args[i].value, inner_));
    values.push_back(std::move(value));
  }
  Type type;
  FOREBAY_RETURN_IF_ERROR(binder_.unify(values, name_, &type));
  std::optional<int64_t> rows = 1;
  if (function_.args.size() > 1) {
    FOREBAY_ASSIGN_OR_RETURN(rows, bind_number(*function_.args[1].value));
  }
  if (!rows) return expr::literal(data::Datum::null(type));
  constexpr int64_t kFar = int64_t{1} << 40;
  bound_.call.number = std::clamp(name_ == "lead" ? -std::max(*rows, -kFar) : *rows, -kFar, kFar);
  bound_.call.output.type = type;
  bound_.arguments.push_back(values[0]);
  if (values.size() > 1) bound_.fallback = values[1];
  return ExprRef();
}

Result<ExprRef> Binder::OverBinder::bind_function() {
  const udfs::WindowFunction& kind = *udfs::find_window_function(name_);
  const size_t count = function_.args.size();
  if (function_.filter) {
    return binder_.error(state::kFeatureNotSupported,
                         "FILTER is not implemented for non-aggregate window functions",
                         function_.position);
  }
  if (count + kind.optional < kind.arguments.size() || count > kind.arguments.size() ||
      function_.star) {
    std::vector<TypeId> types;
    for (const ast::FunctionArg& argument : function_.args) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*argument.value, inner_));
      types.push_back(value->type.id);
    }
    Status missing = binder_.error(
        state::kUndefinedFunction,
        fmt::format("function {}({}) does not exist", name_, type_list(types)), function_.position);
    return std::move(missing).with_hint(
        "No function matches the given name and argument types. You might need to add explicit "
        "type casts.");
  }
  bound_.call.function = function_of(name_);
  bound_.call.output.type = Type{kind.result};
  if (bound_.call.function == OverFunction::kLag) return bind_lag();
  const bool numbered = name_ == "ntile" || name_ == "nth_value";
  if (kind.result == TypeId::kUnknown) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*function_.args[0].value, inner_));
    FOREBAY_ASSIGN_OR_RETURN(value, binder_.settle_unknown(value));
    bound_.call.output.type = value->type;
    bound_.arguments.push_back(std::move(value));
  }
  if (!numbered) return ExprRef();
  FOREBAY_ASSIGN_OR_RETURN(std::optional<int64_t> number,
                           bind_number(*function_.args.back().value));
  if (!number) return expr::literal(data::Datum::null(bound_.call.output.type));
  if (*number <= 0) {
    return Status(name_ == "ntile" ? kInvalidNtile : kInvalidNthValue,
                  fmt::format("argument of {} must be greater than zero", name_));
  }
  bound_.call.number = *number;
  return ExprRef();
}

Status Binder::OverBinder::check_place() const {
  if (context_.windows == nullptr) {
    if (context_.clause == Clause::kAggregateArgument) {
      return binder_.error(state::kGroupingError,
                           "aggregate function calls cannot contain window function calls",
                           function_.position);
    }
    return binder_.error(
        kWindowingError,
        context_.clause == Clause::kWindowArgument
            ? "window function calls cannot be nested"
            : fmt::format("window functions are not allowed in {}", clause_words(context_.clause)),
        function_.position);
  }
  if (function_.distinct) {
    return binder_.error(state::kFeatureNotSupported,
                         "DISTINCT is not implemented for window functions", function_.position);
  }
  if (function_.within_group) {
    return binder_.error(state::kFeatureNotSupported,
                         fmt::format("OVER is not supported for ordered-set aggregate {}", name_),
                         function_.position);
  }
  if (!function_.order_by.empty()) {
    return binder_.error(state::kFeatureNotSupported,
                         "aggregate ORDER BY is not implemented for window functions",
                         function_.position);
  }
  return Status::ok();
}

Status Binder::OverBinder::bind_aggregate() {
  bound_.call.function = OverFunction::kAggregate;
  FOREBAY_ASSIGN_OR_RETURN(
      BoundAggregate call,
      binder_.bind_aggregate_call(function_, name_, inner_, &bound_.call.output.type));
  if (call.function->always_distinct) {
    return binder_.unsupported(fmt::format("{} as a window function is", name_), function_.position,
                               "Compute it with GROUP BY.");
  }
  bound_.call.aggregate = call.function;
  bound_.arguments = std::move(call.arguments);
  bound_.filter = std::move(call.filter);
  return Status::ok();
}

Result<ExprRef> Binder::OverBinder::bind(bool is_aggregate) {
  FOREBAY_RETURN_IF_ERROR(check_place());
  inner_.windows = nullptr;
  inner_.clause = Clause::kWindowArgument;
  if (is_aggregate) {
    FOREBAY_RETURN_IF_ERROR(bind_aggregate());
  } else {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef constant, bind_function());
    if (constant) return constant;
  }
  FOREBAY_ASSIGN_OR_RETURN(const Window window, resolve(*function_.over));
  inner_.clause = Clause::kWindowDefinition;
  FOREBAY_RETURN_IF_ERROR(bind_window(window));
  bound_.call.output = binder_.columns_.make(name_, bound_.call.output.type);
  context_.windows->calls.push_back(bound_);
  return plan::column_ref(bound_.call.output);
}

Result<ExprRef> Binder::bind_over(const ast::Function& function, const std::string& name,
                                  const ExprContext& context) {
  const bool is_aggregate = !udfs::find_aggregate(name).empty();
  if (!is_aggregate && !is_window_function(name)) {
    if (udfs::find_scalar(name).empty()) return bind_scalar_call(function, name, context);
    return error(
        state::kWrongObjectType,
        fmt::format("OVER specified, but {} is not a window function nor an aggregate function",
                    name),
        function.position);
  }
  return OverBinder(*this, function, name, context).bind(is_aggregate);
}

namespace {

bool same(const std::vector<ExprRef>& a, const std::vector<ExprRef>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const ExprRef& x, const ExprRef& y) { return expr::equal(*x, *y); });
}

bool same_window(const BoundOver& a, const BoundOver& b) {
  return same(a.partition, b.partition) &&
         std::equal(a.order.begin(), a.order.end(), b.order.begin(), b.order.end(),
                    [](const BoundAggregate::Order& x, const BoundAggregate::Order& y) {
                      return x.descending == y.descending && x.nulls_first == y.nulls_first &&
                             expr::equal(*x.value, *y.value);
                    });
}

}  // namespace

NodeRef Binder::apply_windows(NodeRef plan, const std::vector<BoundOver>& calls) {
  std::vector<uint8_t> done(calls.size(), 0);
  for (size_t first = 0; first < calls.size(); ++first) {
    if (done[first] != 0) continue;
    auto input = plan::Projection::behind(std::move(plan), columns_);
    auto place = [&](const ExprRef& value) { return input.find_or_add("", value).id; };
    std::vector<ColumnId> partition;
    for (const ExprRef& value : calls[first].partition) partition.push_back(place(value));
    std::vector<plan::SortItem> order;
    for (const BoundAggregate::Order& item : calls[first].order) {
      order.push_back({place(item.value), item.descending, item.nulls_first});
    }
    std::vector<plan::OverCall> together;
    for (size_t i = first; i < calls.size(); ++i) {
      if (done[i] != 0 || !same_window(calls[first], calls[i])) continue;
      done[i] = 1;
      plan::OverCall call = calls[i].call;
      for (const ExprRef& value : calls[i].arguments) call.arguments.push_back(place(value));
      if (calls[i].filter) call.filter = place(calls[i].filter);
      if (calls[i].fallback) call.fallback = place(calls[i].fallback);
      together.push_back(std::move(call));
    }
    plan = plan::make_over(input.finish(), std::move(partition), std::move(order),
                           std::move(together));
  }
  return plan;
}

}  // namespace forebay::sql::binder
