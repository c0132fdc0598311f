#include "engine/data/array.h"
#include "engine/data/binary_format.h"
#include "engine/data/text_format.h"
#include "engine/data/text_scan.h"

/// Arrays in text ('{1,2}') and binary format.
namespace forebay::data {

namespace {

constexpr size_t kMostDimensions = 6;
constexpr int64_t kMostElements = 134'217'727;

class ArrayParser {
 public:
  ArrayParser(std::string_view text, Type element)
      : text_(text), content_(text), builder_(element) {}

  Result<std::string> parse() {
    FOREBAY_RETURN_IF_ERROR(bounds());
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '{') {
      return malformed(bounds_.empty()
                           ? "Array value must start with \"{\" or dimension information."
                           : "Array contents must start with \"{\".");
    }
    content_ = text_.substr(at_);
    FOREBAY_RETURN_IF_ERROR(braces(0));
    skip_blanks();
    if (at_ != text_.size()) return malformed("Junk after closing right brace.");
    const ColumnRef elements = builder_.finish();
    content_ = text_;
    if (elements->size() == 0 && bounds_.empty()) return encode_array(*elements);
    std::vector<ArrayDimension> dimensions;
    for (const int64_t length : lengths_) dimensions.push_back({static_cast<int32_t>(length), 1});
    if (!bounds_.empty()) {
      bool same = bounds_.size() == dimensions.size();
      for (size_t i = 0; same && i < bounds_.size(); ++i) {
        same = bounds_[i].length == dimensions[i].length;
      }
      if (!same) return malformed("Specified array dimensions do not match array contents.");
      dimensions = bounds_;
    }
    return encode_array(dimensions, *elements);
  }

 private:
  Status malformed(std::string detail) const {
    return Status(Error{.sqlstate = sqlstate::kInvalidText,
                        .message = "malformed array literal: \"" + std::string(content_) + "\"",
                        .detail = std::move(detail)});
  }
  Status unexpected(char c) const {
    return malformed(std::string("Unexpected \"") + c + "\" character.");
  }
  Status ended() const { return malformed("Unexpected end of input."); }

  void skip_blanks() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  /// [1:2][0:3]=
  Status bounds() {
    skip_blanks();
    while (at_ < text_.size() && text_[at_] == '[') {
      ++at_;
      if (bounds_.size() == kMostDimensions) {
        return Status(sqlstate::kProgramLimit,
                      "number of array dimensions exceeds the maximum allowed (6)");
      }
      int64_t first = 0;
      int64_t last = 0;
      size_t start = at_;
      bool fits = scan_int64(text_, at_, first);
      if (at_ == start)
        return malformed("\"[\" must introduce explicitly-specified array dimensions.");
      if (at_ < text_.size() && text_[at_] == ':') {
        start = ++at_;
        fits &= scan_int64(text_, at_, last);
        if (at_ == start) return malformed("Missing array dimension value.");
      } else {
        last = first;
        first = 1;
      }
      if (at_ == text_.size() || text_[at_] != ']') {
        return malformed("Missing \"]\" after array dimensions.");
      }
      ++at_;
      if (!fits || last - first >= kMostElements || first != static_cast<int32_t>(first) ||
          last != static_cast<int32_t>(last)) {
        return Status(sqlstate::kProgramLimit,
                      "array size exceeds the maximum allowed (134217727)");
      }
      if (last < first) {
        return Status(SqlState{"2202E"}, "upper bound cannot be less than lower bound");
      }
      bounds_.push_back({static_cast<int32_t>(last - first + 1), static_cast<int32_t>(first)});
      skip_blanks();
    }
    if (bounds_.empty()) return Status::ok();
    if (at_ == text_.size() || text_[at_] != '=') {
      return malformed("Missing \"=\" after array dimensions.");
    }
    ++at_;
    return Status::ok();
  }

  /// {a,b} at `level`; all of a level have the same length.
  Status braces(size_t level) {
    if (level == kMostDimensions) {
      return Status(sqlstate::kProgramLimit,
                    "number of array dimensions exceeds the maximum allowed (6)");
    }
    if (level == lengths_.size()) {
      if (has_leaf_) return mismatch();
      lengths_.push_back(-1);
    }
    ++at_;
    int64_t length = 0;
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '}' && level == 0) {
      ++at_;
      return Status::ok();
    }
    while (true) {
      skip_blanks();
      if (at_ == text_.size()) return ended();
      if (text_[at_] == '{') {
        FOREBAY_RETURN_IF_ERROR(braces(level + 1));
      } else {
        if (text_[at_] == '}' && length == 0) {
          // {} inside braces has no elements: refused unless everything is empty.
          return unexpected('}');
        }
        if (level + 1 != lengths_.size()) return mismatch();
        has_leaf_ = true;
        FOREBAY_RETURN_IF_ERROR(element());
      }
      ++length;
      skip_blanks();
      if (at_ == text_.size()) return ended();
      const char c = text_[at_++];
      if (c == '}') break;
      if (c != ',') return c == '{' ? unexpected('{') : malformed("Unexpected array element.");
    }
    if (lengths_[level] >= 0 && lengths_[level] != length) return mismatch();
    lengths_[level] = length;
    return Status::ok();
  }

  Status mismatch() const {
    return malformed("Multidimensional arrays must have sub-arrays with matching dimensions.");
  }

  Status element() {
    std::string content;
    bool quoted = false;
    size_t kept = 0;  // of the content, which ends with the last character that is no blank
    if (text_[at_] == '"') {
      quoted = true;
      for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\' && ++at_ == text_.size()) return ended();
        content += text_[at_];
      }
      if (at_ == text_.size()) return ended();
      ++at_;
      kept = content.size();
    } else {
      while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
        if (text_[at_] == '{' || text_[at_] == '"') return unexpected(text_[at_]);
        const bool escaped = text_[at_] == '\\';
        if (escaped && ++at_ == text_.size()) return ended();
        content += text_[at_];
        if (escaped || !is_space(text_[at_])) kept = content.size();
        quoted |= escaped;
        ++at_;
      }
      if (at_ == text_.size()) return ended();
      if (kept == 0) return unexpected(text_[at_]);
    }
    content.resize(kept);
    if (!quoted && equals_ignoring_case(content, "null")) {
      builder_.append_null();
      return Status::ok();
    }
    FOREBAY_ASSIGN_OR_RETURN(const Datum value, parse_datum(content, builder_.type()));
    builder_.append_datum(value);
    return Status::ok();
  }

  std::string_view text_;
  std::string_view content_;  // what errors show: inside the braces all but the bounds
  size_t at_ = 0;
  ColumnBuilder builder_;
  std::vector<ArrayDimension> bounds_;
  std::vector<int64_t> lengths_;  // -1: not known yet
  bool has_leaf_ = false;
};

bool needs_quotes(std::string_view text) {
  if (text.empty() || equals_ignoring_case(text, "null")) return true;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '{' || c == '}' || c == ',' || is_space(c)) return true;
  }
  return false;
}

void append_element(const Column& elements, uint32_t row, std::string& out) {
  if (elements.is_null(row)) {
    out += "NULL";
    return;
  }
  std::string text;
  format_value(elements.type(), elements.view(), row, text);
  if (!needs_quotes(text)) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_level(const Array& array, size_t level, uint32_t& next, std::string& out) {
  out += '{';
  for (int32_t i = 0; i < array.dimensions[level].length; ++i) {
    if (i > 0) out += ',';
    if (level + 1 < array.dimensions.size()) {
      append_level(array, level + 1, next, out);
    } else {
      append_element(*array.elements, next++, out);
    }
  }
  out += '}';
}

void append_i32(int32_t value, std::string& out) { append_binary_int32(value, out); }

bool take_i32(std::string_view& bytes, int32_t& value) {
  if (bytes.size() < 4) return false;
  uint32_t bits = 0;
  for (size_t i = 0; i < 4; ++i) bits = bits << 8 | static_cast<unsigned char>(bytes[i]);
  value = static_cast<int32_t>(bits);
  bytes.remove_prefix(4);
  return true;
}

}  // namespace

Result<std::string> parse_array(std::string_view text, Type element) {
  return ArrayParser(text, element).parse();
}

void format_array(std::string_view bytes, Type element, std::string& out) {
  const Result<Array> array = decode_array(bytes, element);
  if (!array.is_ok()) return;
  if (array->dimensions.empty()) {
    out += "{}";
    return;
  }
  bool plain = true;
  for (const ArrayDimension& dimension : array->dimensions) plain &= dimension.lower == 1;
  if (!plain) {
    for (const ArrayDimension& dimension : array->dimensions) {
      out.append(1, '[').append(std::to_string(dimension.lower)).append(1, ':');
      out.append(std::to_string(dimension.upper())).append(1, ']');
    }
    out += '=';
  }
  uint32_t next = 0;
  append_level(*array, 0, next, out);
}

void append_binary_array(std::string_view bytes, Type element, std::string& out) {
  const Result<Array> array = decode_array(bytes, element);
  if (!array.is_ok()) return;
  const Column& elements = *array->elements;
  append_i32(static_cast<int32_t>(array->dimensions.size()), out);
  append_i32(elements.has_nulls() ? 1 : 0, out);
  append_i32(static_cast<int32_t>(type_oid(element.id)), out);
  for (const ArrayDimension& dimension : array->dimensions) {
    append_i32(dimension.length, out);
    append_i32(dimension.lower, out);
  }
  std::string value;
  for (uint32_t i = 0; i < elements.size(); ++i) {
    if (elements.is_null(i)) {
      append_i32(-1, out);
      continue;
    }
    value.clear();
    append_binary_value(elements.type(), elements.view(), i, value);
    append_i32(static_cast<int32_t>(value.size()), out);
    out += value;
  }
}

Result<std::string> parse_binary_array(std::string_view bytes, Type element) {
  const Status wrong(sqlstate::kInvalidBinary, "incorrect binary data format");
  int32_t count = 0;
  int32_t flags = 0;
  int32_t oid = 0;
  if (!take_i32(bytes, count) || !take_i32(bytes, flags) || !take_i32(bytes, oid)) {
    return wrong.clone();
  }
  if (count < 0 || static_cast<size_t>(count) > kMostDimensions) {
    return Status(sqlstate::kInvalidBinary,
                  "invalid number of dimensions: " + std::to_string(count));
  }
  if (static_cast<uint32_t>(oid) != type_oid(element.id)) {
    return Status(sqlstate::kDatatypeMismatch, "binary data has array element type " +
                                                   std::to_string(oid) + " instead of " +
                                                   std::to_string(type_oid(element.id)));
  }
  std::vector<ArrayDimension> dimensions;
  int64_t total = count == 0 ? 0 : 1;
  for (int32_t i = 0; i < count; ++i) {
    ArrayDimension dimension;
    if (!take_i32(bytes, dimension.length) || !take_i32(bytes, dimension.lower)) {
      return wrong.clone();
    }
    if (dimension.length < 0 || (total *= dimension.length) > kMostElements) return wrong.clone();
    dimensions.push_back(dimension);
  }
  if (total == 0) dimensions.clear();
  ColumnBuilder builder(element);
  for (int64_t i = 0; i < total; ++i) {
    int32_t size = 0;
    if (!take_i32(bytes, size)) return wrong.clone();
    if (size == -1) {
      builder.append_null();
      continue;
    }
    if (size < 0 || static_cast<size_t>(size) > bytes.size()) return wrong.clone();
    FOREBAY_ASSIGN_OR_RETURN(const Datum value,
                             parse_binary(bytes.substr(0, static_cast<size_t>(size)), element));
    builder.append_datum(value);
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  if (!bytes.empty()) return wrong.clone();
  return encode_array(dimensions, *builder.finish());
}

}  // namespace forebay::data
