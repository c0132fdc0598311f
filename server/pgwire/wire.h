#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/data/status.h"

/// Bytes of PostgreSQL's protocol, version 3: reading a message in place, writing messages into one
/// buffer.
namespace forebay::server::pgwire {

/// Reads the body of one message. An overrun or a string without its end makes the reader fail, for
/// good; what is read then is 0 or empty. Views point into the message.
class MessageReader {
 public:
  explicit MessageReader(std::string_view body) : rest_(body) {}

  uint8_t byte() { return static_cast<uint8_t>(number(1)); }
  int16_t int16() { return static_cast<int16_t>(number(2)); }
  int32_t int32() { return static_cast<int32_t>(number(4)); }
  int64_t int64() { return static_cast<int64_t>(number(8)); }
  /// The next `count` bytes.
  std::string_view bytes(size_t count);
  /// Up to a zero byte, which is skipped.
  std::string_view text();
  size_t left() const { return rest_.size(); }
  /// 08P01 when reading failed or bytes are left over.
  data::Status finish() const;
  /// 08P01 when reading failed so far.
  data::Status check() const;

 private:
  uint64_t number(size_t bytes);
  std::string_view rest_;
  const char* failure_ = nullptr;
};

/// Collects messages. A message is begun, filled and ended; several lie one after the other.
class MessageWriter {
 public:
  void begin(char type) {
    buffer_.push_back(type);
    start_ = buffer_.size();
    buffer_.append(4, '\0');
  }
  void end() { put_int32(start_, static_cast<int32_t>(buffer_.size() - start_)); }

  void byte(char value) { buffer_.push_back(value); }
  void int16(int16_t value) { big_endian(static_cast<uint16_t>(value)); }
  void int32(int32_t value) { big_endian(static_cast<uint32_t>(value)); }
  void int64(int64_t value) { big_endian(static_cast<uint64_t>(value)); }
  void bytes(std::string_view value) { buffer_.append(value); }
  /// The text up to its first zero byte, and a zero byte.
  void text(std::string_view value) {
    buffer_.append(value.substr(0, value.find('\0')));
    buffer_.push_back('\0');
  }
  void put_int32(size_t at, int32_t value) {
    uint32_t swapped = __builtin_bswap32(static_cast<uint32_t>(value));
    buffer_.replace(at, 4, reinterpret_cast<const char*>(&swapped), 4);
  }
  /// All that was written; may be appended to within a message.
  std::string& buffer() { return buffer_; }
  const std::string& buffer() const { return buffer_; }
  /// Forgets what was written.
  void clear() { buffer_.clear(); }
  /// Gives memory back when it is much; nothing may be written.
  void release_memory();

 private:
  void big_endian(uint16_t value) { raw(__builtin_bswap16(value)); }
  void big_endian(uint32_t value) { raw(__builtin_bswap32(value)); }
  void big_endian(uint64_t value) { raw(__builtin_bswap64(value)); }
  template <typename T>
  void raw(T value) {
    buffer_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  std::string buffer_;
  size_t start_ = 0;
};

/// What lies at the head of the bytes that a client has sent.
struct Frame {
  enum class Kind : uint8_t { kIncomplete, kMessage, kBad } kind = Kind::kIncomplete;
  char type = 0;
  std::string_view body;
  /// Bytes of the whole message.
  size_t size = 0;
  /// kBad: 08P01 or 54000; the connection is to be closed.
  data::Status error;
};

/// Looks at the head of `input`. The type and the announced length are judged as soon as they are
/// there; a message is complete only when all of it is.
Frame next_frame(std::string_view input, size_t max_message_bytes);

/// Appends an ErrorResponse ('E') or NoticeResponse ('N').
void write_error(MessageWriter& out, std::string_view severity, const data::Error& error);

}  // namespace forebay::server::pgwire
