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

/// One call while it is bound.
class Binder::WindowCall {
 public:
  /// All that is given outlives it.
  WindowCall(Binder& binder, const ast::FunctionTable& table, const Scope* lateral)
      : binder_(binder),
        table_(table),
        name_(table.call->name.back()),
        signature_(*find_signature(name_)),
        lateral_(lateral) {}

  Result<FromItem> bind();

 private:
  Result<FromItem> bind_input(const ast::Expr& argument);
  Status bind_time(const ast::Expr& argument);
  /// Microseconds; `word` names it in errors.
  Result<int64_t> bind_interval(const ast::Expr& argument, std::string_view word, bool positive);
  Status add_windows();
  Status add_sessions();
  /// The last instant of the window, as Flink counts it.
  Status add_window_time();
  /// The start of the time's bin.
  Result<ExprRef> bin_of(ExprRef time, int64_t width, int32_t position);
  Result<ExprRef> plus_interval(ExprRef time, int64_t micros, int32_t position);
  /// Adds a column that counts through times.
  Result<Column> add_time_series(std::string name, ExprRef from, ExprRef to, int64_t step);
  void add_column(std::string name, ExprRef value);

  Binder& binder_;
  const ast::FunctionTable& table_;
  const std::string& name_;
  const Signature& signature_;
  const Scope* const lateral_;
  /// By parameter; nullptr: left out.
  std::array<const ast::Expr*, 5> arguments_{};
  /// PARTITION BY, behind whichever argument it stands.
  std::vector<const ast::Expr*> partition_;
  Scope scope_;
  /// The rows so far.
  NodeRef plan_;
  ExprRef time_;
  /// Microseconds.
  int64_t offset_ = 0;
  /// window_start, window_end, window_time.
  std::vector<Column> windows_;
};

Result<Binder::FromItem> Binder::bind_window_table(const ast::FunctionTable& table,
                                                   const Scope* lateral) {
  return WindowCall(*this, table, lateral).bind();
}

Result<Binder::FromItem> Binder::WindowCall::bind() {
  if (Status placed = place_arguments(*table_.call, signature_, arguments_, partition_);
      !placed.is_ok()) {
    if (binder_.view_depth_ > 0) return std::move(placed).at(0);
    return placed;
  }
  FOREBAY_ASSIGN_OR_RETURN(FromItem item, bind_input(*arguments_[0]));
  if (table_.with_ordinality) {
    return binder_.unsupported(fmt::format("WITH ORDINALITY of {} is", name_), table_.position,
                               "Leave it out.");
  }
  scope_ = item.scope;
  plan_ = item.plan;
  FOREBAY_RETURN_IF_ERROR(bind_time(*arguments_[1]));
  plan_ = plan::make_filter(plan_, expr::logical(expr::ExprKind::kIsNotNull, {time_}));
  FOREBAY_RETURN_IF_ERROR(name_ == "session" ? add_sessions() : add_windows());
  ScopeRelation relation;
  relation.alias = item.scope.relations[0].alias.empty() ? name_ : item.scope.relations[0].alias;
  relation.columns = item.scope.visible;
  for (const Column& column : windows_) {
    relation.columns.push_back({column.name, plan::column_ref(column)});
  }
  FOREBAY_RETURN_IF_ERROR(binder_.rename_columns(relation, table_.alias, table_.position));
  FromItem out;
  out.plan = std::move(plan_);
  out.scope.visible = relation.columns;
  out.scope.relations.push_back(std::move(relation));
  return out;
}

Result<Binder::FromItem> Binder::WindowCall::bind_input(const ast::Expr& argument) {
  auto bind_name = [&](const std::vector<std::string>& name, int32_t position) {
    ast::NamedTable named(position);
    named.name = name;
    named.alias.name = name.back();
    return binder_.bind_named(named);
  };
  if (argument.kind == ast::ExprKind::kColumnRef) {
    return bind_name(ast::as<ast::ColumnRef>(argument).names, argument.position);
  }
  if (argument.kind != ast::ExprKind::kSubquery ||
      ast::as<ast::Subquery>(argument).subquery != ast::SubqueryKind::kScalar) {
    return binder_.error(state::kSyntaxError, "a window needs the name of a table or a query",
                         argument.position);
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan query,
                           binder_.bind_query(*ast::as<ast::Subquery>(argument).query, lateral_));
  return binder_.bind_derived(std::move(query), "", {}, argument.position);
}

Status Binder::WindowCall::bind_time(const ast::Expr& argument) {
  const ast::Expr* named = &argument;
  if (argument.kind == ast::ExprKind::kFunction) {
    const auto& function = ast::as<ast::Function>(argument);
    if (function.name.size() == 1 && function.name[0] == "descriptor" &&
        function.args.size() == 1) {
      named = function.args[0].value.get();
    }
  }
  if (named->kind != ast::ExprKind::kColumnRef) {
    return binder_
        .error(state::kSyntaxError, "the time of a window must be a column", named->position)
        .with_hint("Compute it in a query: TUMBLE((SELECT ...), column, size).");
  }
  ExprContext context{&scope_, Clause::kFunctionInFrom, nullptr, nullptr};
  FOREBAY_ASSIGN_OR_RETURN(time_, binder_.bind(*named, context));
  if (time_->type.id == TypeId::kDate) {
    FOREBAY_ASSIGN_OR_RETURN(
        time_, binder_.coerce(time_, data::Type{TypeId::kTimestamp}, Coercion::kImplicit));
  }
  if (time_->type.id != TypeId::kTimestamp && time_->type.id != TypeId::kTimestampTz) {
    return binder_.error(
        state::kDatatypeMismatch,
        fmt::format("the time of a window must be a timestamp, not {}", time_->type.name()),
        named->position);
  }
  return Status::ok();
}

Result<int64_t> Binder::WindowCall::bind_interval(const ast::Expr& argument, std::string_view word,
                                                  bool positive) {
  Scope none;
  ExprContext context{&none, Clause::kFunctionInFrom, nullptr, nullptr};
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, binder_.bind(argument, context));
  FOREBAY_ASSIGN_OR_RETURN(
      ExprRef value, binder_.coerce(bound, data::Type{TypeId::kInterval}, Coercion::kImplicit));
  if (value == nullptr) {
    return binder_.error(
        state::kDatatypeMismatch,
        fmt::format("the {} of a window must be an interval, not {}", word, bound->type.name()),
        argument.position);
  }
  if (!plan::is_constant(value)) {
    return binder_.unsupported(fmt::format("a {} of windows that is not constant is", word),
                               argument.position, "Write INTERVAL '10 seconds', for example.");
  }
  auto constant = expr::evaluate_constant(value, {});
  if (!constant.is_ok()) return constant.take_status().at(binder_.place(argument.position));
  if (constant->is_null()) {
    return binder_.error(state::kInvalidParameterValue,
                         fmt::format("the {} of a window is NULL", word), argument.position);
  }
  const data::Interval interval = std::get<data::Interval>(constant->value);
  if (interval.months != 0) {
    return binder_.unsupported(fmt::format("a {} of windows in months or years is", word),
                               argument.position,
                               "They differ in length: group by date_trunc('month', ...) instead.");
  }
  int64_t micros = 0;
  if (__builtin_mul_overflow(int64_t{interval.days}, data::kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, interval.microseconds, &micros)) {
    return binder_.error(state::kDatetimeOverflow, "interval out of range", argument.position);
  }
  if (positive && micros <= 0) {
    return binder_.error(state::kInvalidParameterValue,
                         fmt::format("the {} of a window must be greater than zero", word),
                         argument.position);
  }
  return micros;
}

Result<ExprRef> Binder::WindowCall::plus_interval(ExprRef time, int64_t micros, int32_t position) {
  if (micros == 0) return time;
  return binder_.apply_operator("+", {std::move(time), interval_literal(micros)}, position);
}

Result<ExprRef> Binder::WindowCall::bin_of(ExprRef time, int64_t width, int32_t position) {
  ExprRef origin = expr::literal({time_->type, kOrigin + offset_ % width});
  return binder_.call_named(
      "date_bin", {interval_literal(width), std::move(time), std::move(origin)}, position);
}

void Binder::WindowCall::add_column(std::string name, ExprRef value) {
  Columns columns = plan_->columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  columns.push_back(binder_.columns_.make(std::move(name), value->type));
  values.push_back(std::move(value));
  windows_.push_back(columns.back());
  plan_ = plan::make_project(std::move(plan_), std::move(columns), std::move(values));
}

Result<Column> Binder::WindowCall::add_time_series(std::string name, ExprRef from, ExprRef to,
                                                   int64_t step) {
  plan::TableFunction model;
  for (const udfs::TableFunction* function : udfs::find_table_function("generate_series")) {
    if (function->arguments[0] == from->type.id) model.function = function;
  }
  FOREBAY_CHECK(model.function != nullptr, "no series of " + from->type.name());
  model.results = {binder_.columns_.make(std::move(name), from->type)};
  plan_ = plan::make_table_function(plan_, model,
                                    {std::move(from), std::move(to), interval_literal(step)});
  return model.results[0];
}

Status Binder::WindowCall::add_windows() {
  const bool tumbles = name_ == "tumble";
  const ast::Expr* sizes = arguments_[tumbles ? 2 : 3];
  FOREBAY_ASSIGN_OR_RETURN(const int64_t size, bind_interval(*sizes, "size", true));
  int64_t step = size;
  if (!tumbles) {
    FOREBAY_ASSIGN_OR_RETURN(
        step, bind_interval(*arguments_[2], name_ == "hop" ? "slide" : "step", true));
  }
  if (const ast::Expr* offset = arguments_[tumbles ? 3 : 4]) {
    FOREBAY_ASSIGN_OR_RETURN(offset_, bind_interval(*offset, "offset", false));
  }
  const int32_t position = sizes->position;
  if (size % step != 0) {
    return binder_
        .error(state::kInvalidParameterValue,
               fmt::format("the size of the windows is not a multiple of their {}",
                           name_ == "hop" ? "slide" : "step"),
               position)
        .with_hint("Take a size that is, so that every row is in the same number of windows.");
  }
  ExprRef start, end;
  FOREBAY_ASSIGN_OR_RETURN(ExprRef first, bin_of(time_, step, position));
  if (tumbles) {
    add_column("window_start", first);
    start = plan::column_ref(windows_[0]);
    FOREBAY_ASSIGN_OR_RETURN(end, plus_interval(start, size, position));
    add_column("window_end", end);
  } else if (name_ == "hop") {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef from, plus_interval(first, step - size, position));
    FOREBAY_ASSIGN_OR_RETURN(Column started, add_time_series("window_start", from, first, step));
    windows_.push_back(started);
    start = plan::column_ref(started);
    FOREBAY_ASSIGN_OR_RETURN(end, plus_interval(start, size, position));
    add_column("window_end", end);
  } else {
    FOREBAY_ASSIGN_OR_RETURN(const ExprRef longest, bin_of(time_, size, position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef from, plus_interval(first, step, position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef to, plus_interval(longest, size, position));
    FOREBAY_ASSIGN_OR_RETURN(Column ended, add_time_series("window_end", from, to, step));
    // The start follows from the end, so that windows depend on the row in the series alone.
    FOREBAY_ASSIGN_OR_RETURN(ExprRef inside, plus_interval(plan::column_ref(ended), -1, position));
    FOREBAY_ASSIGN_OR_RETURN(start, bin_of(std::move(inside), size, position));
    add_column("window_start", start);
    windows_.push_back(ended);
  }
  return add_window_time();
}

Status Binder::WindowCall::add_window_time() {
  FOREBAY_ASSIGN_OR_RETURN(
      ExprRef time, plus_interval(plan::column_ref(windows_[1]), -kMillisecond, table_.position));
  add_column("window_time", std::move(time));
  return Status::ok();
}

Status Binder::WindowCall::add_sessions() {
  plan::Session model;
  FOREBAY_ASSIGN_OR_RETURN(model.gap, bind_interval(*arguments_[2], "gap", true));
  if (time_->kind != expr::ExprKind::kColumn) {
    return binder_.unsupported(
        "SESSION over a date is", arguments_[1]->position,
        "Cast the date to timestamp in a query: SESSION((SELECT ...), ...).");
  }
  model.time = time_->column;
  ExprContext context{&scope_, Clause::kFunctionInFrom, nullptr, nullptr};
  std::vector<ColumnId> partition;
  for (const ast::Expr* item : partition_) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef column, binder_.bind(*item, context));
    if (column->kind != expr::ExprKind::kColumn) {
      return binder_
          .error(state::kSyntaxError, "PARTITION BY of a window takes columns", item->position)
          .with_hint("Compute it in a query: SESSION((SELECT ...) PARTITION BY column, ...).");
    }
    if (std::find(partition.begin(), partition.end(), column->column) == partition.end()) {
      partition.push_back(column->column);
    }
  }
  model.start = binder_.columns_.make("window_start", time_->type);
  model.end = binder_.columns_.make("window_end", time_->type);
  plan_ = plan::make_session(plan_, model, std::move(partition));
  windows_ = {model.start, model.end};
  return add_window_time();
}

}  // namespace forebay::sql::binder
