#include "engine/operators/operator.h"

#include "engine/data/text_format.h"

namespace forebay::operators {

namespace {

constexpr size_t kMostErrorRowBytes = 64 * 1024;

/// Appends one field of PostgreSQL's composite text form, quoted where it must be.
void append_field(std::string_view text, std::string& out) {
  bool quote = text.empty();
  for (char c : text) {
    quote |= c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || c == ' ' ||
             (c >= '\t' && c <= '\r');
  }
  if (!quote) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (char c : text) {
    if (c == '"' || c == '\\') out.push_back(c);
    out.push_back(c);
  }
  out.push_back('"');
}

/// Cuts `text` to at most `most` bytes without splitting a character.
void cut_text(std::string& text, size_t most) {
  if (text.size() <= most) return;
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xC0) == 0x80) --most;
  text.resize(most);
}

}  // namespace

std::string error_row_text(const ChangeBatch& batch, uint32_t physical_row) {
  std::string out = "(";
  std::string field;
  for (size_t c = 0; c < batch.columns().size() && out.size() <= kMostErrorRowBytes; ++c) {
    if (c > 0) out.push_back(',');
    const data::Column& column = batch.column(c);
    if (column.is_null(physical_row)) continue;
    field.clear();
    data::format_datum(column.datum(physical_row), field);
    append_field(field, out);
  }
  out.push_back(')');
  cut_text(out, kMostErrorRowBytes);
  return out;
}

}  // namespace forebay::operators
