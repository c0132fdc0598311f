#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/data/datetime.h"
#include "sql/binder/binder.h"
#include "udfs/registry.h"

/// TUMBLE, HOP, CUMULATE and SESSION: the rows of a relation with the windows that they are in.
/// Written by position, `HOP(t, ts, slide, size)`, or as Flink does, `HOP(TABLE t, DESCRIPTOR(ts),
/// ...)`, perhaps with names. A row whose time is NULL is in no window.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

namespace {

/// 1970-01-01, from which windows without offset are counted, since 2000-01-01.
constexpr int64_t kOrigin = -946'684'800'000'000;
constexpr int64_t kMillisecond = 1000;

/// The parameters of a function in their order; those from `required` on may be left out.
struct Signature {
  std::string_view name;
  std::array<std::string_view, 5> parameters;
  size_t required;
};
constexpr Signature kSignatures[] = {
    {"tumble", {"data", "timecol", "size", "offset", ""}, 3},
    {"hop", {"data", "timecol", "slide", "size", "offset"}, 4},
    {"cumulate", {"data", "timecol", "step", "size", "offset"}, 4},
    {"session", {"data", "timecol", "gap", "", ""}, 3},
};

const Signature* find_signature(std::string_view name) {
  for (const Signature& signature : kSignatures) {
    if (signature.name == name) return &signature;
  }
  return nullptr;
}

std::string usage(const Signature& signature) {
  std::string text = fmt::format("Write {}(", signature.name);
  for (size_t i = 0; i < signature.parameters.size(); ++i) {
    std::string_view word = signature.parameters[i];
    if (word.empty()) break;
    if (word == "data") word = "table";
    if (word == "timecol") word = "time_column";
    text += fmt::format("{}{}{}", i < signature.required ? "" : "[", i == 0 ? "" : ", ", word);
    if (i >= signature.required) text += "]";
  }
  return text + ").";
}

ExprRef interval_literal(int64_t micros) {
  return expr::literal({data::Type{TypeId::kInterval}, data::Interval{micros, 0, 0}});
}

}  // namespace

bool is_window_function(const std::vector<std::string>& name) {
  return name.size() == 1 && find_signature(name[0]) != nullptr;
}

/// A call at work: `plan` gives the rows so far.
struct Binder::WindowCall {
  const Signature* signature = nullptr;
  /// By parameter; nullptr: left out.
  std::array<const ast::Expr*, 5> arguments{};
  /// PARTITION BY, behind whichever argument it stands.
  std::vector<const ast::Expr*> partition;
  Scope scope;
  NodeRef plan;
  ExprRef time;
  int64_t offset = 0;
  int32_t position = 0;
  std::vector<Column> windows;
};

namespace {

/// Puts the arguments in their places.
Status place_arguments(const ast::Function& call, const Signature& signature,
                       std::array<const ast::Expr*, 5>& out,
                       std::vector<const ast::Expr*>& partition) {
  auto wrong = [&](std::string message, int32_t position) {
    return Status(state::kInvalidParameterValue, std::move(message))
        .with_hint(usage(signature))
        .at(position);
  };
  for (size_t i = 0; i < call.args.size(); ++i) {
    const ast::FunctionArg& argument = call.args[i];
    size_t at = i;
    if (!argument.name.empty()) {
      auto found =
          std::find(signature.parameters.begin(), signature.parameters.end(), argument.name);
      if (found == signature.parameters.end()) {
        return wrong(fmt::format("{} has no parameter \"{}\"", signature.name, argument.name),
                     argument.value->position);
      }
      at = static_cast<size_t>(found - signature.parameters.begin());
    }
    if (at >= out.size() || signature.parameters[at].empty() || out[at] != nullptr) {
      return wrong(fmt::format("too many arguments for {}", signature.name),
                   argument.value->position);
    }
    if (!argument.partition_by.empty() && signature.name == "session") {
      for (const auto& column : argument.partition_by) partition.push_back(column.get());
    } else if (!argument.partition_by.empty()) {
      return Status(state::kFeatureNotSupported,
                    fmt::format("PARTITION BY in {} is not supported", signature.name))
          .with_hint("Leave it out: windows are the same for all partitions.")
          .at(argument.partition_by[0]->position);
    }
    out[at] = argument.value.get();
  }
  for (size_t i = 0; i < signature.required; ++i) {
    if (out[i] == nullptr) {
      return wrong(fmt::format("{} needs more arguments", signature.name), call.position);
    }
  }
  return Status::ok();
}

}  // namespace

Result<Binder::FromItem> Binder::bind_window_table(const ast::FunctionTable& table,
                                                   const Scope* lateral) {
  const std::string& name = table.call->name.back();
  WindowCall call;
  call.signature = find_signature(name);
  call.position = table.position;
  if (Status placed = place_arguments(*table.call, *call.signature, call.arguments, call.partition);
      !placed.is_ok()) {
    if (view_depth_ > 0) return std::move(placed).at(0);
    return placed;
  }
  FOREBAY_ASSIGN_OR_RETURN(FromItem item, bind_window_input(*call.arguments[0], lateral));
  if (table.with_ordinality) {
    return unsupported(fmt::format("WITH ORDINALITY of {} is", name), table.position,
                       "Leave it out.");
  }
  call.scope = item.scope;
  call.plan = item.plan;
  FOREBAY_RETURN_IF_ERROR(bind_window_time(*call.arguments[1], call));
  call.plan = plan::make_filter(call.plan, expr::logical(expr::ExprKind::kIsNotNull, {call.time}));
  FOREBAY_RETURN_IF_ERROR(name == "session" ? add_sessions(call) : add_windows(name, call));
  ScopeRelation relation;
  relation.alias = item.scope.relations[0].alias.empty() ? name : item.scope.relations[0].alias;
  relation.columns = item.scope.visible;
  for (const Column& column : call.windows) {
    relation.columns.push_back({column.name, plan::column_ref(column)});
  }
  FOREBAY_RETURN_IF_ERROR(rename_columns(relation, table.alias, table.position));
  FromItem out;
  out.plan = std::move(call.plan);
  out.scope.visible = relation.columns;
  out.scope.relations.push_back(std::move(relation));
  return out;
}

Result<Binder::FromItem> Binder::bind_window_input(const ast::Expr& argument,
                                                   const Scope* lateral) {
  auto bind_name = [&](const std::vector<std::string>& name, int32_t position) {
    ast::NamedTable named(position);
    named.name = name;
    named.alias.name = name.back();
    return bind_named(named);
  };
  if (argument.kind == ast::ExprKind::kColumnRef) {
    return bind_name(ast::as<ast::ColumnRef>(argument).names, argument.position);
  }
  if (argument.kind != ast::ExprKind::kSubquery ||
      ast::as<ast::Subquery>(argument).subquery != ast::SubqueryKind::kScalar) {
    return error(state::kSyntaxError, "a window needs the name of a table or a query",
                 argument.position);
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query,
                           bind_query(*ast::as<ast::Subquery>(argument).query, lateral));
  return bind_derived(std::move(query), "", {}, argument.position);
}

Status Binder::bind_window_time(const ast::Expr& argument, WindowCall& call) {
  const ast::Expr* named = &argument;
  if (argument.kind == ast::ExprKind::kFunction) {
    const auto& function = ast::as<ast::Function>(argument);
    if (function.name.size() == 1 && function.name[0] == "descriptor" &&
        function.args.size() == 1) {
      named = function.args[0].value.get();
    }
  }
  if (named->kind != ast::ExprKind::kColumnRef) {
    return error(state::kSyntaxError, "the time of a window must be a column", named->position)
        .with_hint("Compute it in a query: TUMBLE((SELECT ...), column, size).");
  }
  ExprContext context{&call.scope, Clause::kFunctionInFrom, nullptr, nullptr};
  FOREBAY_ASSIGN_OR_RETURN(call.time, bind(*named, context));
  if (call.time->type.id == TypeId::kDate) {
    FOREBAY_ASSIGN_OR_RETURN(
        call.time, coerce(call.time, data::Type{TypeId::kTimestamp}, Coercion::kImplicit));
  }
  if (call.time->type.id != TypeId::kTimestamp && call.time->type.id != TypeId::kTimestampTz) {
    return error(
        state::kDatatypeMismatch,
        fmt::format("the time of a window must be a timestamp, not {}", call.time->type.name()),
        named->position);
  }
  return Status::ok();
}

Result<int64_t> Binder::bind_window_interval(const ast::Expr& argument, std::string_view word,
                                             bool positive) {
  Scope none;
  ExprContext context{&none, Clause::kFunctionInFrom, nullptr, nullptr};
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind(argument, context));
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value,
                           coerce(bound, data::Type{TypeId::kInterval}, Coercion::kImplicit));
  if (value == nullptr) {
    return error(
        state::kDatatypeMismatch,
        fmt::format("the {} of a window must be an interval, not {}", word, bound->type.name()),
        argument.position);
  }
  if (!plan::is_constant(value)) {
    return unsupported(fmt::format("a {} of windows that is not constant is", word),
                       argument.position, "Write INTERVAL '10 seconds', for example.");
  }
  auto constant = expr::evaluate_constant(value, {});
  if (!constant.is_ok()) return constant.take_status().at(place(argument.position));
  if (constant->is_null()) {
    return error(state::kInvalidParameterValue, fmt::format("the {} of a window is NULL", word),
                 argument.position);
  }
  const data::Interval interval = std::get<data::Interval>(constant->value);
  if (interval.months != 0) {
    return unsupported(fmt::format("a {} of windows in months or years is", word),
                       argument.position,
                       "They differ in length: group by date_trunc('month', ...) instead.");
  }
  int64_t micros = 0;
  if (__builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, interval.microseconds, &micros)) {
    return error(state::kDatetimeOverflow, "interval out of range", argument.position);
  }
  if (positive && micros <= 0) {
    return error(state::kInvalidParameterValue,
                 fmt::format("the {} of a window must be greater than zero", word),
                 argument.position);
  }
  return micros;
}

Result<ExprRef> Binder::plus_interval(ExprRef time, int64_t micros, int32_t position) {
  if (micros == 0) return time;
  return apply_operator("+", {std::move(time), interval_literal(micros)}, position);
}

Result<ExprRef> Binder::window_bin(const WindowCall& call, ExprRef time, int64_t width,
                                   int32_t position) {
  ExprRef origin = expr::literal({call.time->type, kOrigin + call.offset % width});
  return call_named("date_bin", {interval_literal(width), std::move(time), std::move(origin)},
                    position);
}

void Binder::add_window_column(WindowCall& call, std::string name, ExprRef value) {
  Columns columns = call.plan->columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  columns.push_back(columns_.make(std::move(name), value->type));
  values.push_back(std::move(value));
  call.windows.push_back(columns.back());
  call.plan = plan::make_project(std::move(call.plan), std::move(columns), std::move(values));
}

Result<Column> Binder::add_time_series(WindowCall& call, std::string name, ExprRef from, ExprRef to,
                                       int64_t step) {
  plan::TableFunction model;
  for (const udfs::TableFunction* function : udfs::find_table_function("generate_series")) {
    if (function->arguments[0] == from->type.id) model.function = function;
  }
  FOREBAY_CHECK(model.function != nullptr, "no series of " + from->type.name());
  model.results = {columns_.make(std::move(name), from->type)};
  call.plan = plan::make_table_function(call.plan, model,
                                        {std::move(from), std::move(to), interval_literal(step)});
  return model.results[0];
}

Status Binder::add_windows(std::string_view name, WindowCall& call) {
  const bool tumbles = name == "tumble";
  const ast::Expr* sizes = call.arguments[tumbles ? 2 : 3];
  FOREBAY_ASSIGN_OR_RETURN(const int64_t size, bind_window_interval(*sizes, "size", true));
  int64_t step = size;
  if (!tumbles) {
    FOREBAY_ASSIGN_OR_RETURN(
        step, bind_window_interval(*call.arguments[2], name == "hop" ? "slide" : "step", true));
  }
  if (const ast::Expr* offset = call.arguments[tumbles ? 3 : 4]) {
    FOREBAY_ASSIGN_OR_RETURN(call.offset, bind_window_interval(*offset, "offset", false));
  }
  const int32_t position = sizes->position;
  if (size % step != 0) {
    return error(state::kInvalidParameterValue,
                 fmt::format("the size of the windows is not a multiple of their {}",
                             name == "hop" ? "slide" : "step"),
                 position)
        .with_hint("Take a size that is, so that every row is in the same number of windows.");
  }
  ExprRef start, end;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef first, window_bin(call, call.time, step, position));
  if (tumbles) {
    add_window_column(call, "window_start", first);
    start = plan::column_ref(call.windows[0]);
    FOREBAY_ASSIGN_OR_RETURN(end, plus_interval(start, size, position));
    add_window_column(call, "window_end", end);
  } else if (name == "hop") {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef from, plus_interval(first, step - size, position));
    FOREBAY_ASSIGN_OR_RETURN(Column started,
                             add_time_series(call, "window_start", from, first, step));
    call.windows.push_back(started);
    start = plan::column_ref(started);
    FOREBAY_ASSIGN_OR_RETURN(end, plus_interval(start, size, position));
    add_window_column(call, "window_end", end);
  } else {
    FOREBAY_ASSIGN_OR_RETURN(const ExprRef longest, window_bin(call, call.time, size, position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef from, plus_interval(first, step, position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef to, plus_interval(longest, size, position));
    FOREBAY_ASSIGN_OR_RETURN(Column ended, add_time_series(call, "window_end", from, to, step));
    // The start follows from the end, so that windows depend on the row in the series alone.
    FOREBAY_ASSIGN_OR_RETURN(ExprRef inside, plus_interval(plan::column_ref(ended), -1, position));
    FOREBAY_ASSIGN_OR_RETURN(start, window_bin(call, std::move(inside), size, position));
    add_window_column(call, "window_start", start);
    call.windows.push_back(ended);
  }
  return add_window_time(call);
}

/// The last instant of the window, as Flink counts it.
Status Binder::add_window_time(WindowCall& call) {
  FOREBAY_ASSIGN_OR_RETURN(
      ExprRef time, plus_interval(plan::column_ref(call.windows[1]), -kMillisecond, call.position));
  add_window_column(call, "window_time", std::move(time));
  return Status::ok();
}

Status Binder::add_sessions(WindowCall& call) {
  plan::Session model;
  FOREBAY_ASSIGN_OR_RETURN(model.gap, bind_window_interval(*call.arguments[2], "gap", true));
  if (call.time->kind != expr::ExprKind::kColumn) {
    return unsupported("SESSION over a date is", call.arguments[1]->position,
                       "Cast the date to timestamp in a query: SESSION((SELECT ...), ...).");
  }
  model.time = call.time->column;
  ExprContext context{&call.scope, Clause::kFunctionInFrom, nullptr, nullptr};
  std::vector<ColumnId> partition;
  for (const ast::Expr* item : call.partition) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef column, bind(*item, context));
    if (column->kind != expr::ExprKind::kColumn) {
      return error(state::kSyntaxError, "PARTITION BY of a window takes columns", item->position)
          .with_hint("Compute it in a query: SESSION((SELECT ...) PARTITION BY column, ...).");
    }
    if (std::find(partition.begin(), partition.end(), column->column) == partition.end()) {
      partition.push_back(column->column);
    }
  }
  model.start = columns_.make("window_start", call.time->type);
  model.end = columns_.make("window_end", call.time->type);
  call.plan = plan::make_session(call.plan, model, std::move(partition));
  call.windows = {model.start, model.end};
  return add_window_time(call);
}

}  // namespace forebay::sql::binder
