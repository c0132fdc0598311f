#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
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

Result<std::optional<int64_t>> Binder::bind_window_number(const ast::Expr& value,
                                                          const std::string& name,
                                                          const ExprContext& inner) {
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind(value, inner));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef number, coerce(bound, data::kBigintType, Coercion::kImplicit));
  if (!number) {
    return error(state::kDatatypeMismatch,
                 fmt::format("argument of {} must be type integer, not type {}", name,
                             Type{bound->type.id}.name()),
                 value.position);
  }
  number = expr::fold_constants(number);
  if (number->kind != expr::ExprKind::kLiteral) {
    return unsupported(fmt::format("a number for {} that is no constant is", name), value.position,
                       "Write it as a number.");
  }
  if (number->literal.is_null()) return std::optional<int64_t>();
  return std::optional<int64_t>(std::get<int64_t>(number->literal.value));
}

Result<ExprRef> Binder::bind_lag(const ast::Function& function, const std::string& name,
                                 const ExprContext& inner, BoundOver& bound) {
  std::vector<ExprRef> values;
  for (size_t i = 0; i < function.args.size(); ++i) {
    if (i == 1) continue;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*function.args[i].value, inner));
    values.push_back(std::move(value));
  }
  Type type;
  FOREBAY_RETURN_IF_ERROR(unify(values, name, &type));
  std::optional<int64_t> rows = 1;
  if (function.args.size() > 1) {
    FOREBAY_ASSIGN_OR_RETURN(rows, bind_window_number(*function.args[1].value, name, inner));
  }
  if (!rows) return expr::literal(data::Datum::null(type));
  constexpr int64_t kFar = int64_t{1} << 40;
  bound.call.number = std::clamp(name == "lead" ? -std::max(*rows, -kFar) : *rows, -kFar, kFar);
  bound.call.output.type = type;
  bound.arguments.push_back(values[0]);
  if (values.size() > 1) bound.fallback = values[1];
  return ExprRef();
}

Result<ExprRef> Binder::bind_window_function(const ast::Function& function, const std::string& name,
                                             const ExprContext& inner, BoundOver& bound) {
  const udfs::WindowFunction& kind = *udfs::find_window_function(name);
  const size_t count = function.args.size();
  if (function.filter) {
    return error(state::kFeatureNotSupported,
                 "FILTER is not implemented for non-aggregate window functions", function.position);
  }
  if (count + kind.optional < kind.arguments.size() || count > kind.arguments.size() ||
      function.star) {
    std::vector<TypeId> types;
    for (const ast::FunctionArg& argument : function.args) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, inner));
      types.push_back(value->type.id);
    }
    return error(state::kUndefinedFunction,
                 fmt::format("function {}({}) does not exist", name, type_list(types)),
                 function.position)
        .with_hint(
            "No function matches the given name and argument types. You might need to add explicit "
            "type casts.");
  }
  bound.call.function = function_of(name);
  bound.call.output.type = Type{kind.result};
  if (bound.call.function == OverFunction::kLag) return bind_lag(function, name, inner, bound);
  const bool numbered = name == "ntile" || name == "nth_value";
  if (kind.result == TypeId::kUnknown) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*function.args[0].value, inner));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    bound.call.output.type = value->type;
    bound.arguments.push_back(std::move(value));
  }
  if (!numbered) return ExprRef();
  FOREBAY_ASSIGN_OR_RETURN(std::optional<int64_t> number,
                           bind_window_number(*function.args.back().value, name, inner));
  if (!number) return expr::literal(data::Datum::null(bound.call.output.type));
  if (*number <= 0) {
    return Status(name == "ntile" ? kInvalidNtile : kInvalidNthValue,
                  fmt::format("argument of {} must be greater than zero", name));
  }
  bound.call.number = *number;
  return ExprRef();
}

Result<ExprRef> Binder::bind_over(const ast::Function& function, const std::string& name,
                                  const ExprContext& context) {
  const bool aggregate = !udfs::find_aggregate(name).empty();
  if (!aggregate && !is_window_function(name)) {
    if (udfs::find_scalar(name).empty()) return bind_scalar_call(function, name, context);
    return error(
        state::kWrongObjectType,
        fmt::format("OVER specified, but {} is not a window function nor an aggregate function",
                    name),
        function.position);
  }
  if (context.windows == nullptr) {
    if (context.clause == Clause::kAggregateArgument) {
      return error(state::kGroupingError,
                   "aggregate function calls cannot contain window function calls",
                   function.position);
    }
    return error(
        kWindowingError,
        context.clause == Clause::kWindowArgument
            ? "window function calls cannot be nested"
            : fmt::format("window functions are not allowed in {}", clause_words(context.clause)),
        function.position);
  }
  if (function.distinct) {
    return error(state::kFeatureNotSupported, "DISTINCT is not implemented for window functions",
                 function.position);
  }
  if (function.within_group) {
    return error(state::kFeatureNotSupported,
                 fmt::format("OVER is not supported for ordered-set aggregate {}", name),
                 function.position);
  }
  if (!function.order_by.empty()) {
    return error(state::kFeatureNotSupported,
                 "aggregate ORDER BY is not implemented for window functions", function.position);
  }
  ExprContext inner = context;
  inner.windows = nullptr;
  inner.clause = Clause::kWindowArgument;
  BoundOver bound;
  if (aggregate) {
    bound.call.function = OverFunction::kAggregate;
    FOREBAY_ASSIGN_OR_RETURN(BoundAggregate call,
                             bind_aggregate_call(function, name, inner, &bound.call.output.type));
    if (call.function->always_distinct) {
      return unsupported(fmt::format("{} as a window function is", name), function.position,
                         "Compute it with GROUP BY.");
    }
    bound.call.aggregate = call.function;
    bound.arguments = std::move(call.arguments);
    bound.filter = std::move(call.filter);
  } else {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef constant, bind_window_function(function, name, inner, bound));
    if (constant) return constant;
  }
  FOREBAY_ASSIGN_OR_RETURN(Window window, resolve_window(*function.over, *context.windows->named));
  inner.clause = Clause::kWindowDefinition;
  FOREBAY_RETURN_IF_ERROR(bind_window(window, function.over->position, inner, bound));
  bound.call.output = columns_.make(name, bound.call.output.type);
  context.windows->calls.push_back(bound);
  return plan::column_ref(bound.call.output);
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

/// The input's columns and what windows compute over them.
class OverInput {
 public:
  OverInput(plan::ColumnFactory& factory, NodeRef input)
      : factory_(factory), input_(std::move(input)), columns_(input_->columns) {
    for (const Column& column : columns_) expressions_.push_back(plan::column_ref(column));
  }
  ColumnId place(const ExprRef& value) {
    for (size_t i = 0; i < expressions_.size(); ++i) {
      if (expr::equal(*expressions_[i], *value)) return columns_[i].id;
    }
    columns_.push_back(factory_.make("", value->type));
    expressions_.push_back(value);
    return columns_.back().id;
  }
  NodeRef finish() {
    if (columns_.size() == input_->columns.size()) return input_;
    return plan::make_project(input_, columns_, expressions_);
  }

 private:
  plan::ColumnFactory& factory_;
  NodeRef input_;
  Columns columns_;
  std::vector<ExprRef> expressions_;
};

}  // namespace

NodeRef Binder::apply_windows(NodeRef plan, const std::vector<BoundOver>& calls) {
  std::vector<uint8_t> done(calls.size(), 0);
  for (size_t first = 0; first < calls.size(); ++first) {
    if (done[first] != 0) continue;
    OverInput input(columns_, std::move(plan));
    std::vector<ColumnId> partition;
    for (const ExprRef& value : calls[first].partition) partition.push_back(input.place(value));
    std::vector<plan::SortItem> order;
    for (const BoundAggregate::Order& item : calls[first].order) {
      order.push_back({input.place(item.value), item.descending, item.nulls_first});
    }
    std::vector<plan::OverCall> together;
    for (size_t i = first; i < calls.size(); ++i) {
      if (done[i] != 0 || !same_window(calls[first], calls[i])) continue;
      done[i] = 1;
      plan::OverCall call = calls[i].call;
      for (const ExprRef& value : calls[i].arguments) call.arguments.push_back(input.place(value));
      if (calls[i].filter) call.filter = input.place(calls[i].filter);
      if (calls[i].fallback) call.fallback = input.place(calls[i].fallback);
      together.push_back(std::move(call));
    }
    plan = plan::make_over(input.finish(), std::move(partition), std::move(order),
                           std::move(together));
  }
  return plan;
}

}  // namespace forebay::sql::binder
