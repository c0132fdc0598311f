#include <fmt/format.h>

#include <algorithm>

#include "engine/data/datetime.h"
#include "engine/data/text_format.h"
#include "sql/binder/binder.h"
#include "sql/plan/properties.h"

/// WITH (...) of CREATE MATERIALIZED VIEW.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

namespace {

/// Microseconds of '1 hour'; nullopt: it isn't an interval of fixed length above zero.
std::optional<int64_t> parse_ttl(const ast::Option& option) {
  if (option.kind != ast::OptionValueKind::kString) return std::nullopt;
  auto interval = data::parse_interval(option.value);
  if (!interval.is_ok() || interval->months != 0) return std::nullopt;
  int64_t micros = 0;
  if (__builtin_mul_overflow(int64_t{interval->days}, data::kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, interval->microseconds, &micros) || micros <= 0) {
    return std::nullopt;
  }
  return micros;
}

/// FOR SYSTEM_TIME AS OF a time: what goes from a table would end a version.
bool reads_versions(const NodeRef& node) {
  if (node->kind == plan::NodeKind::kAsofJoin &&
      plan::as<plan::AsofJoin>(*node).mode == plan::AsofMode::kVersion) {
    return true;
  }
  return std::any_of(node->inputs.begin(), node->inputs.end(), reads_versions);
}

}  // namespace

Status Binder::bind_view_options(const ast::CreateView& create) {
  FOREBAY_RETURN_IF_ERROR(check_repeated(create.options));
  for (const ast::Option& option : create.options) {
    if (option.key != "ttl") {
      return unsupported(fmt::format("option \"{}\" of views is", option.key), option.position,
                         "Leave it out.");
    }
    if (!create.materialized) {
      return unsupported("option \"ttl\" of a view that keeps no rows is", option.position,
                         "CREATE MATERIALIZED VIEW.");
    }
    const std::optional<int64_t> ttl = parse_ttl(option);
    if (!ttl) {
      return error(state::kInvalidParameterValue,
                   fmt::format("invalid value for option \"ttl\": \"{}\"", option.value),
                   option.value_position > 0 ? option.value_position : option.position)
          .with_hint("Give an interval above zero without months and years, like '1 hour'.");
    }
    if (create.emit_on_window_close) {
      return unsupported("EMIT ON WINDOW CLOSE of a view with a ttl is", create.emit_position,
                         "Leave the ttl out: the watermark bounds the view's state.");
    }
    if (!create.late_into.parts.empty()) {
      return unsupported("EMIT LATE INTO of a view with a ttl is", create.late_into.position,
                         "Leave the ttl out: the watermark bounds the view's state.");
    }
    ttl_us_ = *ttl;
  }
  return Status::ok();
}

Status Binder::check_lives(const ast::CreateView& create, const NodeRef& plan) {
  if (!reads_versions(plan)) return Status::ok();
  return unsupported("FOR SYSTEM_TIME AS OF a time in a view with a ttl is",
                     create.options[0].position,
                     "Leave the ttl out: the watermarks bound the view's state.");
}

}  // namespace forebay::sql::binder
