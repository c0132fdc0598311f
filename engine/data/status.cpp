#include "engine/data/status.h"

#include <fmt/format.h>

namespace forebay::data {

SqlState SqlState::from_text(std::string_view text) {
  SqlState state;
  for (size_t i = 0; i < 5 && i < text.size(); ++i) state.code[i] = text[i];
  return state;
}

std::string Status::to_string() const {
  if (is_ok()) return "OK";
  std::string text = fmt::format("{} ({})", error_->message, error_->sqlstate.view());
  if (!error_->detail.empty()) text += fmt::format(" detail: {}", error_->detail);
  if (!error_->hint.empty()) text += fmt::format(" hint: {}", error_->hint);
  return text;
}

void throw_check_failure(const char* file, int line, const char* condition,
                         const std::string& values) {
  throw CheckFailure(fmt::format("{}:{}: check failed: {} ({})", file, line, condition, values));
}

}  // namespace forebay::data
