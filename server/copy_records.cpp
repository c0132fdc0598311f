#include "server/copy_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "connectors/json/structural_index.h"

namespace forebay::server {

using data::Result;
using data::Status;

namespace {

/// What a parser of values may read beyond its text.
constexpr size_t kPadding = 32;
constexpr size_t kMaxRecordBytes = size_t{100} << 20;

Status bad_format(std::string message) {
  return Status(data::sqlstate::kBadCopyFormat, std::move(message));
}

size_t character_bytes(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : byte < 0xF8 ? 4 : 1;
}

/// Names the first character that isn't one.
Status bad_encoding(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && text[at] != '\0') {
    const size_t bytes = character_bytes(text[at]);
    if (!connectors::is_valid_utf8(text.substr(at, bytes))) break;
    at += bytes;
  }
  std::string shown;
  for (char c : text.substr(at, character_bytes(text[at]))) {
    shown += fmt::format("{}0x{:02x}", shown.empty() ? "" : " ", static_cast<unsigned char>(c));
  }
  return Status(data::sqlstate::kInvalidCharacter,
                fmt::format("invalid byte sequence for encoding \"UTF8\": {}", shown));
}

bool is_valid(std::string_view text) {
  return connectors::is_valid_utf8(text) && std::memchr(text.data(), 0, text.size()) == nullptr;
}

bool contains(std::string_view text, char c) {
  return std::memchr(text.data(), c, text.size()) != nullptr;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

}  // namespace

void CopyRecords::add(std::string_view bytes) {
  if (ended_) return;
  buffer_.resize(size_);
  buffer_.erase(0, at_);
  scanned_ -= at_;
  at_ = 0;
  buffer_.append(bytes);
  size_ = buffer_.size();
  buffer_.append(kPadding, '\0');
}

size_t CopyRecords::find_end() {
  const char* data = buffer_.data();
  while (true) {
    const void* found = std::memchr(data + scanned_, '\n', size_ - scanned_);
    const size_t end =
        found == nullptr ? size_ : static_cast<size_t>(static_cast<const char*>(found) - data);
    bool is_end = found != nullptr;
    if (!format_.csv) {
      size_t slashes = 0;
      while (end > at_ + slashes && data[end - 1 - slashes] == '\\') ++slashes;
      is_end = is_end && slashes % 2 == 0;
    } else if (in_quotes_ || contains({data + scanned_, end - scanned_}, format_.quote)) {
      // As PostgreSQL: an escape that is also the quote needs no care here, it closes and opens.
      const char escape = format_.escape == format_.quote ? '\0' : format_.escape;
      for (size_t i = scanned_; i < end; ++i) {
        const char c = data[i];
        if (in_quotes_ && escape != '\0' && c == escape) after_escape_ = !after_escape_;
        if (c == format_.quote && !after_escape_) in_quotes_ = !in_quotes_;
        if (c != escape) after_escape_ = false;
      }
      if (is_end && in_quotes_) {
        ++line_;
        is_end = false;
      }
    }
    if (is_end) {
      scanned_ = end + 1;
      return end;
    }
    scanned_ = found == nullptr ? size_ : end + 1;
    if (found != nullptr) continue;
    return input_ended_ && at_ < size_ ? size_ : std::string::npos;
  }
}

// Takes the line end off, and judges what is left: line ends of one kind, valid text.
Status CopyRecords::take_line(size_t end) {
  ++line_;
  text_ = std::string_view(buffer_).substr(at_, end - at_);
  const bool has_newline = end < size_;
  at_ = has_newline ? end + 1 : end;
  in_quotes_ = after_escape_ = false;
  const bool has_return = text_.ends_with('\r');
  if (line_end_ == LineEnd::kUnknown && has_newline) {
    line_end_ = has_return ? LineEnd::kCarriageNewline : LineEnd::kNewline;
  }
  if (line_end_ == LineEnd::kCarriageNewline && has_return) {
    text_.remove_suffix(1);
  } else if (line_end_ == LineEnd::kCarriageNewline && has_newline) {
    return format_.csv ? bad_format("unquoted newline found in data")
                             .with_hint("Use quoted CSV field to represent newline.")
                       : bad_format("literal newline found in data")
                             .with_hint("Use \"\\n\" to represent newline.");
  }
  if (contains(text_, '\r') && !(format_.csv && contains(text_, format_.quote))) {
    return format_.csv ? bad_format("unquoted carriage return found in data")
                             .with_hint("Use quoted CSV field to represent carriage return.")
                       : bad_format("literal carriage return found in data")
                             .with_hint("Use \"\\r\" to represent carriage return.");
  }
  return is_valid(text_) ? Status::ok() : bad_encoding(text_);
}

Result<bool> CopyRecords::next() {
  if (ended_) return false;
  const size_t end = find_end();
  if (end == std::string::npos) {
    if (size_ - at_ <= kMaxRecordBytes) return false;
    has_text_ = false;
    ++line_;
    return Status(data::sqlstate::kProgramLimit, "a line of COPY is longer than 100 MB");
  }
  has_text_ = false;
  FOREBAY_RETURN_IF_ERROR(take_line(end));
  has_text_ = true;
  if (text_ == "\\.") {
    ended_ = true;
    return false;
  }
  fields_.clear();
  scratch_used_ = 0;
  // Unescaping never makes text longer; each field that needs it takes its padding besides.
  FOREBAY_RETURN_IF_ERROR(format_.csv ? split_csv() : split_text());
  return true;
}

char* CopyRecords::scratch(size_t size) {
  if (scratch_used_ == 0) {
    // Once for the whole record, so that earlier fields stay where they are.
    const auto fields =
        static_cast<size_t>(std::count(text_.begin(), text_.end(), format_.delimiter) + 1);
    const size_t most = text_.size() + fields * kPadding;
    if (scratch_.size() < most) scratch_.resize(most);
  }
  char* place = scratch_.data() + scratch_used_;
  scratch_used_ += size + kPadding;
  return place;
}

void CopyRecords::push(std::string_view raw) { fields_.push_back({raw, raw == format_.null_text}); }

Status CopyRecords::split_text() {
  const char* at = text_.data();
  const char* const end = at + text_.size();
  const char delimiter = format_.delimiter;
  while (true) {
    const char* begin = at;
    bool escaped = false;
    while (at < end && *at != delimiter) {
      if (*at == '\\') {
        escaped = true;
        ++at;
        if (at == end) break;
      }
      ++at;
    }
    std::string_view raw(begin, static_cast<size_t>(at - begin));
    if (escaped && raw != format_.null_text) {
      FOREBAY_RETURN_IF_ERROR(unescape(raw));
    } else {
      push(raw);
    }
    if (at == end) return Status::ok();
    ++at;
  }
}

Status CopyRecords::unescape(std::string_view raw) {
  char* const begin = scratch(raw.size());
  char* out = begin;
  bool made_bytes = false;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\' || i + 1 == raw.size()) {
      *out++ = raw[i];
      continue;
    }
    const char c = raw[++i];
    constexpr std::string_view kLetters = "bfnrtv";
    constexpr std::string_view kMeanings = "\b\f\n\r\t\v";
    if (size_t letter = kLetters.find(c); letter != std::string_view::npos) {
      *out++ = kMeanings[letter];
    } else if (is_octal(c)) {
      int value = c - '0';
      for (int digits = 1; digits < 3 && i + 1 < raw.size() && is_octal(raw[i + 1]); ++digits) {
        value = value * 8 + (raw[++i] - '0');
      }
      *out++ = static_cast<char>(value);
      made_bytes = true;
    } else if (c == 'x' && i + 1 < raw.size() && hex_digit(raw[i + 1]) >= 0) {
      int value = hex_digit(raw[++i]);
      if (i + 1 < raw.size() && hex_digit(raw[i + 1]) >= 0)
        value = value * 16 + hex_digit(raw[++i]);
      *out++ = static_cast<char>(value);
      made_bytes = true;
    } else {
      *out++ = c;
    }
  }
  std::string_view text(begin, static_cast<size_t>(out - begin));
  if (made_bytes && !is_valid(text)) return bad_encoding(text);
  fields_.push_back({text, false});
  return Status::ok();
}

Status CopyRecords::split_csv() {
  const char* at = text_.data();
  const char* const end = at + text_.size();
  while (true) {
    const char* begin = at;
    while (at < end && *at != format_.delimiter && *at != format_.quote) ++at;
    if (at == end || *at == format_.delimiter) {
      push({begin, static_cast<size_t>(at - begin)});
    } else {
      // Quotes may stand anywhere in a field; between them everything is itself.
      char* const text = scratch(static_cast<size_t>(end - begin));
      char* out = std::copy(begin, at, text);
      bool quoted = false;
      for (; at < end && (quoted || *at != format_.delimiter); ++at) {
        if (quoted && *at == format_.escape && at + 1 < end &&
            (at[1] == format_.escape || at[1] == format_.quote)) {
          *out++ = *++at;
        } else if (*at == format_.quote) {
          quoted = !quoted;
        } else {
          *out++ = *at;
        }
      }
      if (quoted) return bad_format("unterminated CSV quoted field");
      const auto used = static_cast<size_t>(out - text);
      scratch_used_ -= static_cast<size_t>(end - begin) - used;
      fields_.push_back({{text, used}, false});
    }
    if (at == end) return Status::ok();
    ++at;
  }
}

}  // namespace forebay::server
