#include <fmt/format.h>

#include "connectors/json/json_record.h"
#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/data/text_format.h"

/// The complete way through a record, and the conversion of any JSON value to any type.
namespace forebay::connectors {

using data::TypeId;

namespace {

Status invalid_for(const data::Type& type, std::string_view text) {
  constexpr size_t kShown = 100;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) {
    // Cut before a character, not inside it.
    while (!shown.empty() && (static_cast<uint8_t>(text[shown.size()]) & 0xc0) == 0x80) {
      shown.pop_back();
    }
    shown += "...";
  }
  return Status(data::sqlstate::kInvalidText,
                fmt::format("invalid input syntax for type {}: \"{}\"", type.name(), shown));
}

JsonDefect defect_at(const char* what, uint32_t position) {
  return {data::sqlstate::kInvalidText, what, position};
}

Status describe(const JsonDefect& defect, uint32_t line_begin) {
  return Status(defect.sqlstate, fmt::format("invalid JSON: {} at byte {}", defect.what,
                                             defect.position - line_begin + 1));
}

}  // namespace

Status JsonRecordParser::parse_slow(const char* base, const uint32_t* begin, const uint32_t* end,
                                    uint32_t line_begin, uint32_t line_end, uint32_t row,
                                    std::string& column) {
  column.clear();
  tokens_.assign(begin, end);
  tokens_.insert(tokens_.end(), 4, line_end);
  std::string_view line(base + line_begin, line_end - line_begin);
  bool escapes = line.find('\\') != std::string_view::npos;
  last_value_.assign(columns_.size(), -1);
  JsonDefect defect;
  const uint32_t* first = tokens_.data();
  const uint32_t* last = first + (end - begin);
  if (!walk_slow(base, first, last, escapes, defect)) return describe(defect, line_begin);
  for (size_t i = 0; i < columns_.size(); ++i) {
    Status status;
    if (last_value_[i] < 0) {
      status = columns_[i].set_missing(row);
    } else {
      const uint32_t* t = first + last_value_[i];
      status = convert(columns_[i], base, t, skip_json_value(base, t, last, escapes, defect), row);
    }
    if (!status) {
      column = columns_[i].field().name;
      return status;
    }
  }
  return Status::ok();
}

/// Checks the structure of the whole record and notes the last value of every projected column.
Status JsonRecordParser::walk_slow(const char* base, const uint32_t* t, const uint32_t* end,
                                   bool escapes, JsonDefect& defect) {
  const uint32_t* const first = t;
  auto fail = [&](const uint32_t* at, const char* what) {
    defect = at < end ? defect_at(what, *at) : defect_at("the record ends too early", *end);
    return Status(defect.sqlstate, defect.what);
  };
  if (base[*t] != '{') return fail(t, "a record must be an object");
  ++t;
  if (t < end && base[*t] == '}') {
    ++t;
  } else {
    while (true) {
      if (t >= end || base[*t] != '"') return fail(t, "expected a name in double quotes");
      std::string_view name = token_text(base, t);
      if (!unescape_json(name.substr(1, name.size() - 2), scratch_)) {
        return fail(t, "invalid escape in a string");
      }
      int32_t column = find_column(scratch_);
      ++t;
      if (t >= end || base[*t] != ':') return fail(t, "expected \":\"");
      ++t;
      if (column != kSkipped) last_value_[static_cast<size_t>(column)] = t - first;
      t = skip_json_value(base, t, end, escapes, defect);
      if (t == nullptr) return Status(defect.sqlstate, defect.what);
      if (t >= end) return fail(t, "");
      char c = base[*t++];
      if (c == '}') break;
      if (c != ',') return fail(t - 1, "expected \",\" or \"}\"");
    }
  }
  if (t < end) return fail(t, "something follows the record");
  return Status::ok();
}

Status JsonRecordParser::convert(ColumnWriter& column, const char* base, const uint32_t* t,
                                 const uint32_t* next, uint32_t row) {
  const data::Type& type = column.field().type;
  char c = base[*t];
  if (type.id == TypeId::kJsonb) {
    // Any value; null is SQL's NULL, as a missing member is.
    if (c == 'n') return column.set_missing(row);
    const bool container = c == '{' || c == '[';
    return column.set_text(
        row, container ? std::string_view(base + *t, next[-1] + 1 - *t) : token_text(base, t));
  }
  if (c == '{' || c == '[') {
    std::string_view raw(base + *t, next[-1] + 1 - *t);
    return type.is_string() ? column.set_text(row, raw) : invalid_for(type, raw);
  }
  std::string_view text = token_text(base, t);
  if (c == '"') {
    std::string_view content = text.substr(1, text.size() - 2);
    if (content.find('\\') == std::string_view::npos) return column.set_text(row, content);
    std::string unescaped;
    unescape_json(content, unescaped);
    const size_t length = unescaped.size();
    unescaped.append(32, '\0');  // set_text may read beyond
    return column.set_text(row, std::string_view(unescaped).substr(0, length));
  }
  if (c == 'n') return column.set_missing(row);
  if (c == 't' || c == 'f') {
    if (type.is_string()) return column.set_text(row, text);
    if (type.id != TypeId::kBoolean) return invalid_for(type, text);
    column.set<uint8_t>(row, c == 't');
    return Status::ok();
  }
  return convert_number(column, text, row);
}

Status JsonRecordParser::convert_number(ColumnWriter& column, std::string_view text, uint32_t row) {
  const data::Type& type = column.field().type;
  if (type.is_string()) return column.set_text(row, text);
  if (text.size() > kMaxJsonNumberBytes) {
    return Status(data::sqlstate::kNumericOutOfRange, "number has more than 1000 digits");
  }
  switch (type.id) {
    case TypeId::kBigint:
    case TypeId::kSmallint:
    case TypeId::kInteger: {
      if (text.find_first_of(".eE") == std::string_view::npos) return column.set_text(row, text);
      FOREBAY_ASSIGN_OR_RETURN(data::Numeric number, data::parse_numeric(text));
      FOREBAY_ASSIGN_OR_RETURN(int64_t rounded, data::to_int64(number));
      if (compare(number, data::numeric_from(rounded)) != 0) return invalid_for(type, text);
      if (type.id == TypeId::kBigint) {
        column.set(row, rounded);
      } else {
        FOREBAY_ASSIGN_OR_RETURN(int32_t narrow, data::to_int32(number));
        if (type.id == TypeId::kSmallint && narrow != static_cast<int16_t>(narrow)) {
          return Status(data::sqlstate::kNumericOutOfRange, "smallint out of range");
        }
        column.set(row, narrow);
      }
      return Status::ok();
    }
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return convert_epoch_ms(column, text, row);
    case TypeId::kOid:
    case TypeId::kReal:
    case TypeId::kDouble:
    case TypeId::kNumeric:
      return column.set_text(row, text);
    default:
      return invalid_for(type, text);
  }
}

Status JsonRecordParser::convert_epoch_ms(ColumnWriter& column, std::string_view text,
                                          uint32_t row) {
  FOREBAY_ASSIGN_OR_RETURN(data::Numeric milliseconds, data::parse_numeric(text));
  Result<data::Numeric> scaled = data::multiply(milliseconds, data::numeric_from(int64_t{1000}));
  Status out_of_range(data::sqlstate::kDatetimeOverflow,
                      fmt::format("timestamp out of range: \"{}\"", text));
  if (!scaled) return out_of_range;
  Result<int64_t> unix_microseconds = data::to_int64(*scaled);
  // 4714-11-24 BC as Unix microseconds; the upper end lies beyond bigint.
  constexpr int64_t kLeast = -210'866'803'200'000'000;
  if (!unix_microseconds || *unix_microseconds < kLeast) return out_of_range;
  int64_t value = *unix_microseconds - data::kUnixEpochOffsetSeconds * data::kMicrosPerSecond;
  if (int32_t digits = column.field().type.modifier; digits >= 0 && digits < 6) {
    int64_t unit = 1;
    for (int32_t i = digits; i < 6; ++i) unit *= 10;
    value = (value >= 0 ? value + unit / 2 : value - unit / 2) / unit * unit;
  }
  column.set(row, value);
  return Status::ok();
}

}  // namespace forebay::connectors
