#include "server/pgwire/wire.h"

#include <fmt/format.h>

namespace forebay::server::pgwire {

using data::Status;

namespace {

constexpr size_t kKeptBufferBytes = size_t{8} << 10;
/// Messages that carry no text or data are never longer; the others may have `max_message_bytes`.
constexpr size_t kMaxShortMessageBytes = 10'000;

enum class Length : uint8_t { kUnknownType, kShort, kLong };

Length allowed_length(char type) {
  switch (type) {
    case 'Q':
    case 'P':
    case 'B':
    case 'F':
    case 'd':
      return Length::kLong;
    case 'E':
    case 'D':
    case 'C':
    case 'H':
    case 'S':
    case 'X':
    case 'c':
    case 'f':
    case 'p':
      return Length::kShort;
    default:
      return Length::kUnknownType;
  }
}

Frame bad(Status error) {
  Frame frame;
  frame.kind = Frame::Kind::kBad;
  frame.error = std::move(error);
  return frame;
}

}  // namespace

uint64_t MessageReader::number(size_t count) {
  uint64_t value = 0;
  for (char c : bytes(count)) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

std::string_view MessageReader::bytes(size_t count) {
  if (failure_ != nullptr || count > rest_.size()) {
    if (failure_ == nullptr) failure_ = "insufficient data left in message";
    rest_ = {};
    return {};
  }
  std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::string_view MessageReader::text() {
  size_t end = rest_.find('\0');
  if (failure_ != nullptr || end == std::string_view::npos) {
    if (failure_ == nullptr) failure_ = "invalid string in message";
    rest_ = {};
    return {};
  }
  std::string_view taken = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return taken;
}

Status MessageReader::check() const {
  if (failure_ != nullptr) return Status(data::sqlstate::kProtocolViolation, failure_);
  return Status::ok();
}

Status MessageReader::finish() const {
  FOREBAY_RETURN_IF_ERROR(check());
  if (rest_.empty()) return Status::ok();
  return Status(data::sqlstate::kProtocolViolation, "invalid message format");
}

void MessageWriter::release_memory() {
  if (buffer_.empty() && buffer_.capacity() > kKeptBufferBytes) buffer_ = std::string();
}

Frame next_frame(std::string_view input, size_t max_message_bytes) {
  if (input.empty()) return {};
  char type = input[0];
  Length allowed = allowed_length(type);
  if (allowed == Length::kUnknownType) {
    return bad(Status(data::sqlstate::kProtocolViolation,
                      fmt::format("invalid frontend message type {}", static_cast<uint8_t>(type))));
  }
  if (input.size() < 5) return {};
  int64_t length = MessageReader(input.substr(1)).int32();
  if (length < 4 ||
      (allowed == Length::kShort && length > static_cast<int64_t>(kMaxShortMessageBytes))) {
    return bad(Status(data::sqlstate::kProtocolViolation, "invalid message length"));
  }
  if (length > static_cast<int64_t>(max_message_bytes)) {
    return bad(Status(data::sqlstate::kProgramLimit,
                      fmt::format("message of {} bytes is longer than the limit of {} bytes",
                                  length, max_message_bytes)));
  }
  Frame frame;
  frame.type = type;
  frame.size = static_cast<size_t>(length) + 1;
  if (input.size() < frame.size) return frame;
  frame.kind = Frame::Kind::kMessage;
  frame.body = input.substr(5, frame.size - 5);
  return frame;
}

void write_error(MessageWriter& out, std::string_view severity, const data::Error& error) {
  bool is_error = severity == "ERROR" || severity == "FATAL" || severity == "PANIC";
  out.begin(is_error ? 'E' : 'N');
  auto field = [&](char code, std::string_view text) {
    out.byte(code);
    out.text(text);
  };
  field('S', severity);
  field('V', severity);
  field('C', error.sqlstate.view());
  field('M', error.message);
  if (!error.detail.empty()) field('D', error.detail);
  if (!error.hint.empty()) field('H', error.hint);
  if (!error.context.empty()) field('W', error.context);
  if (error.position > 0) field('P', fmt::format("{}", error.position));
  out.byte('\0');
  out.end();
}

}  // namespace forebay::server::pgwire
