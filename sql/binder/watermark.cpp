// WATERMARK FOR column AS expression, of sources and tables.

#include "sql/binder/watermark.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/text_format.h"
#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/plan/expressions.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::DeclaredWatermark;

namespace {

constexpr std::string_view kIdleTimeout = "idle_timeout";
constexpr std::string_view kMaxFuture = "watermark.max_future";
/// Flink's name of the first.
constexpr std::string_view kFlinkIdleTimeout = "scan.watermark.idle-timeout";

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

bool is_timestamp(Type type) {
  return type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz;
}

/// Milliseconds of '10 seconds' or 'infinity'; nullopt: neither, or below zero.
std::optional<int64_t> parse_duration_ms(const std::string& text) {
  if (lower(text) == "infinity") return DeclaredWatermark::kForever;
  auto interval = data::parse_interval(text);
  if (!interval.is_ok()) return std::nullopt;
  constexpr int64_t kDayMs = 86'400'000;
  const int64_t days = int64_t{interval->months} * 30 + interval->days;
  const int64_t ms = days * kDayMs + interval->microseconds / 1000;
  if (ms < 0 || interval->microseconds < 0 || days < 0) return std::nullopt;
  return ms;
}

}  // namespace

bool is_watermark_option(const ast::Option& option) {
  const std::string key = lower(option.key);
  return key == kIdleTimeout || key == kMaxFuture || key == kFlinkIdleTimeout;
}

bool has_only_watermark_options(const ast::RelationDef& definition) {
  return !definition.options.empty() &&
         std::all_of(definition.options.begin(), definition.options.end(), is_watermark_option);
}

Result<bool> Binder::bind_watermark_option(const ast::Option& option,
                                           DeclaredWatermark& watermark) const {
  if (!is_watermark_option(option)) return false;
  const std::optional<int64_t> ms = parse_duration_ms(option.value);
  if (!ms) {
    return error(state::kInvalidParameterValue,
                 fmt::format("invalid value for option \"{}\": \"{}\"", option.key, option.value),
                 option.value_position)
        .with_hint("Give an interval, like '10 seconds', or 'infinity'.");
  }
  if (lower(option.key) != kMaxFuture) {
    watermark.idle_timeout_ms = *ms;
  } else {
    watermark.max_future_ms = *ms;
  }
  return true;
}

Result<ExprRef> Binder::bind_watermark_value(const ast::Expr& value, const CatalogObject& object,
                                             Type type) {
  plan::Replacements places;
  const Scope scope = row_scope(object, {}, places);
  FOREBAY_ASSIGN_OR_RETURN(ExprRef bound,
                           bind(value, {&scope, Clause::kWatermark, nullptr, nullptr}));
  const int32_t position = leftmost_position(value);
  if (!parameters_.empty()) {
    return error(state::kUndefinedParameter, "there is no parameter $1", position);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef cast, coerce(bound, type, Coercion::kAssignment));
  if (!cast) {
    return error(state::kDatatypeMismatch,
                 fmt::format("the watermark is of type {} but its expression is of type {}",
                             type.name(), Type{bound->type.id}.name()),
                 position)
        .with_hint("You will need to rewrite or cast the expression.");
  }
  if (expr::volatility(*cast) != udfs::Volatility::kImmutable) {
    return unsupported("a WATERMARK that depends on the clock or on chance is", position,
                       "Compute it from columns: c - INTERVAL '5 seconds'.");
  }
  return expr::fold_constants(plan::replace_columns(cast, places));
}

Status Binder::bind_watermark(const ast::RelationDef& definition, CatalogObject& object) {
  if (definition.watermarks.empty()) {
    for (const ast::Option& option : definition.options) {
      if (!is_watermark_option(option)) continue;
      return error(state::kInvalidParameterValue,
                   fmt::format("option \"{}\" needs a WATERMARK", option.key), option.position)
          .with_hint("Add WATERMARK FOR c AS c - INTERVAL '5 seconds' behind the columns.");
    }
    return Status::ok();
  }
  if (definition.watermarks.size() > 1) {
    return error(state::kInvalidTableDefinition,
                 fmt::format("multiple watermarks for {} \"{}\" are not allowed",
                             catalog::kind_name(object.kind), object.name),
                 definition.watermarks[1].position);
  }
  const ast::Watermark& declared = definition.watermarks[0];
  DeclaredWatermark watermark;
  const auto found =
      std::find_if(object.columns.begin(), object.columns.end(),
                   [&](const data::Field& field) { return field.name == declared.column.name; });
  if (found == object.columns.end()) {
    return error(
        state::kUndefinedColumn,
        fmt::format("column \"{}\" named in WATERMARK does not exist", declared.column.name),
        declared.column.position);
  }
  if (!is_timestamp(found->type)) {
    return error(state::kDatatypeMismatch,
                 fmt::format("the watermark column \"{}\" must be of type timestamp or timestamp "
                             "with time zone, not {}",
                             found->name, found->type.name()),
                 declared.column.position);
  }
  watermark.column = static_cast<uint32_t>(found - object.columns.begin());
  FOREBAY_ASSIGN_OR_RETURN(watermark.value,
                           bind_watermark_value(*declared.value, object, Type{found->type.id}));
  watermark.text = ast::to_sql(*declared.value);
  for (size_t i = 0; i < definition.options.size(); ++i) {
    const ast::Option& option = definition.options[i];
    FOREBAY_ASSIGN_OR_RETURN(bool is_ours, bind_watermark_option(option, watermark));
    for (size_t j = 0; is_ours && j < i; ++j) {
      if (lower(definition.options[j].key) != lower(option.key)) continue;
      return error(state::kSyntaxError,
                   fmt::format("option \"{}\" provided more than once", option.key),
                   option.position);
    }
  }
  object.watermark = std::move(watermark);
  return Status::ok();
}

}  // namespace forebay::sql::binder
