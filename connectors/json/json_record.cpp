#include "connectors/json/json_record.h"

#include <fmt/format.h>

#include "connectors/fast_parse.h"

namespace forebay::connectors {

using data::TypeId;

namespace {

/// Keys remembered at all, and per record; records beyond go the slow way, in bounded memory.
constexpr size_t kMaxKnownKeys = 4096;
constexpr size_t kMaxExpectedKeys = 512;

std::string fold(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return folded;
}

/// The closing quote of the string token t[0].
inline uint32_t closing_quote(const char* base, const uint32_t* t) {
  uint32_t quote = t[1] - 1;
  while (base[quote] != '"') --quote;  // white space only
  return quote;
}

}  // namespace

JsonRecordParser::JsonRecordParser(const DecodeRequest& request, BatchWriter& writer)
    : writer_(writer), columns_(writer.columns()), seen_(columns_.size()) {
  for (size_t i = 0; i < request.projection.size(); ++i) {
    const std::string& name = columns_[i].field().name;
    exact_names_.emplace(name, static_cast<int32_t>(i));
    folded_names_.emplace(fold(name), static_cast<int32_t>(i));
  }
}

int32_t JsonRecordParser::find_column(std::string_view name) const {
  auto exact = exact_names_.find(std::string(name));
  if (exact != exact_names_.end()) return exact->second;
  auto folded = folded_names_.find(fold(name));
  return folded == folded_names_.end() ? kSkipped : folded->second;
}

JsonRecordParser::Kind JsonRecordParser::kind_of(int32_t column) const {
  if (column == kSkipped) return Kind::kSkipped;
  const data::Type& type = columns_[static_cast<size_t>(column)].field().type;
  switch (type.id) {
    case TypeId::kBigint:
      return Kind::kBigint;
    case TypeId::kInteger:
      return Kind::kInteger;
    case TypeId::kDouble:
      return Kind::kDouble;
    case TypeId::kNumeric:
      return Kind::kNumeric;
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
      return type.modifier < 0 ? Kind::kTimestamp : Kind::kGeneral;
    case TypeId::kVarchar:
    case TypeId::kText:
      return type.modifier < 0 ? Kind::kString : Kind::kGeneral;
    default:
      return Kind::kGeneral;
  }
}

bool JsonRecordParser::learn_key(const char* base, const uint32_t* t, size_t index) {
  if (base[*t] != '"' || index >= kMaxExpectedKeys || base[t[1]] != ':') return false;
  uint32_t quote = closing_quote(base, t);
  std::string_view with_quote(base + *t + 1, quote - *t);
  auto known = known_keys_.find(std::string(with_quote));
  if (known == known_keys_.end()) {
    if (known_keys_.size() >= kMaxKnownKeys) return false;
    std::string_view name = with_quote.substr(0, with_quote.size() - 1);
    std::string unescaped;
    if (!unescape_json(name, unescaped)) return false;
    known = known_keys_.emplace(with_quote, KeySlot{}).first;
    KeySlot& slot = known->second;
    slot.all_bytes = known->first.data();
    slot.length = static_cast<uint32_t>(with_quote.size());
    slot.mask = slot.length >= 32 ? ~uint32_t{0} : (uint32_t{1} << slot.length) - 1;
    std::memcpy(slot.bytes, slot.all_bytes, std::min<size_t>(32, slot.length));
    slot.column = find_column(unescaped);
    slot.kind = kind_of(slot.column);
  }
  if (index >= expected_.size()) expected_.resize(index + 1);
  expected_[index] = known->second;
  return true;
}

bool JsonRecordParser::finish_record(size_t count, bool as_expected, uint32_t row) {
  if (!as_expected || count != expected_count_) {
    std::fill(seen_.begin(), seen_.end(), uint8_t{0});
    missing_.clear();
    expected_count_ = count;
    expected_repeats_ = false;
    for (size_t i = 0; i < count; ++i) {
      if (expected_[i].column == kSkipped) continue;
      uint8_t& seen = seen_[static_cast<size_t>(expected_[i].column)];
      expected_repeats_ |= seen != 0;
      seen = 1;
    }
    for (uint32_t i = 0; i < seen_.size(); ++i) {
      if (seen_[i] == 0) missing_.push_back(i);
    }
  }
  if (expected_repeats_) return false;
  for (uint32_t column : missing_) {
    if (!columns_[column].set_missing(row)) return false;
  }
  return true;
}

const uint32_t* JsonRecordParser::parse_skipped(const char* base, const uint32_t* t,
                                                const uint32_t* end, bool escapes) {
  char c = base[*t];
  if (c == '"' && !escapes) return t + 1;
  if (c == '{' || c == '[') {
    JsonDefect defect;
    return skip_json_value(base, t, end, escapes, defect);
  }
  uint32_t length = t[1] - *t;
  int64_t mantissa;
  uint32_t scale;
  if (length < 18 && parse_plain_decimal(base + *t, length, mantissa, scale)) return t + 1;
  return is_json_scalar(token_text(base, t), escapes) ? t + 1 : nullptr;
}

const uint32_t* JsonRecordParser::parse_general(const char* base, const uint32_t* t,
                                                const uint32_t* end, bool escapes, uint32_t row,
                                                int32_t column) {
  if (base[*t] == 'n') {
    ColumnWriter& writer = columns_[static_cast<size_t>(column)];
    return token_text(base, t) == "null" && writer.set_missing(row) ? t + 1 : nullptr;
  }
  JsonDefect defect;
  const uint32_t* next = skip_json_value(base, t, end, escapes, defect);
  if (next == nullptr) return nullptr;
  return convert(columns_[static_cast<size_t>(column)], base, t, next, row) ? next : nullptr;
}

inline const uint32_t* JsonRecordParser::parse_value(const char* base, const uint32_t* t,
                                                     const uint32_t* end, bool escapes,
                                                     uint32_t row, const KeySlot& slot) {
  if (slot.kind == Kind::kSkipped) return parse_skipped(base, t, end, escapes);
  ColumnWriter& column = columns_[static_cast<size_t>(slot.column)];
  const uint32_t at = *t;
  switch (slot.kind) {
    case Kind::kSkipped:
      break;
    case Kind::kBigint:
      if (int64_t value; parse_plain_integer(base + at, t[1] - at, value)) {
        column.set(row, value);
        return t + 1;
      }
      break;
    case Kind::kInteger:
      if (int64_t value; parse_plain_integer(base + at, t[1] - at, value) &&
                         value == static_cast<int32_t>(value)) {
        column.set(row, static_cast<int32_t>(value));
        return t + 1;
      }
      break;
    case Kind::kDouble:
      if (double value; parse_plain_double(base + at, t[1] - at, value)) {
        column.set(row, value);
        return t + 1;
      }
      break;
    case Kind::kNumeric: {
      int64_t mantissa;
      uint32_t scale;
      if (parse_plain_decimal(base + at, t[1] - at, mantissa, scale) &&
          column.set_decimal(row, mantissa, scale)) {
        return t + 1;
      }
      break;
    }
    case Kind::kTimestamp:
      if (base[at] == '"') {
        uint32_t quote = closing_quote(base, t);
        if (int64_t value; parse_plain_timestamp(base + at + 1, quote - at - 1, value)) {
          column.set(row, value);
          return t + 1;
        }
      }
      break;
    case Kind::kString:
      if (base[at] == '"') {
        uint32_t quote = closing_quote(base, t);
        std::string_view content(base + at + 1, quote - at - 1);
        if (!escapes || content.find('\\') == std::string_view::npos) {
          column.set_string(row, content);
          return t + 1;
        }
      }
      break;
    case Kind::kGeneral:
      break;
  }
  return parse_general(base, t, end, escapes, row, slot.column);
}

bool JsonRecordParser::parse_fast(const char* base, const uint32_t*& t, const uint32_t* end,
                                  bool escapes, uint32_t row) {
  if (base[*t] != '{') return false;
  ++t;
  if (base[*t] == '}') {
    ++t;
    return finish_record(0, false, row);
  }
  bool as_expected = true;
  for (size_t index = 0;; ++index) {
    // Name, colon, value and what follows; so nothing below meets the end of the tokens.
    if (end - t < 4) return false;
    const uint32_t at = *t;
    if (index >= expected_count_ || !expected_[index].matches(base + at + 1) || base[at] != '"')
        [[unlikely]] {
      if (as_expected) expected_count_ = 0;  // what follows is learnt anew
      as_expected = false;
      if (index >= expected_.size() || !expected_[index].matches(base + at + 1) ||
          base[at] != '"') {
        if (!learn_key(base, t, index)) return false;
      }
    }
    if (base[t[1]] != ':') return false;
    t = parse_value(base, t + 2, end, escapes, row, expected_[index]);
    if (t == nullptr) return false;
    char c = base[*t++];
    if (c == '}') return finish_record(index + 1, as_expected, row);
    if (c != ',') return false;
  }
}

}  // namespace forebay::connectors
