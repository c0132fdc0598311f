#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/data/status.h"

/// The packets that come before a session: they have no type byte.
namespace forebay::server::pgwire {

inline constexpr size_t kMinStartupBytes = 8;
inline constexpr size_t kMaxStartupBytes = 10'000;
inline constexpr int32_t kCancelRequest = 80877102;
inline constexpr int32_t kSslRequest = 80877103;
inline constexpr int32_t kGssRequest = 80877104;

/// What a connection is known by to CancelRequest.
struct BackendKey {
  int32_t process_id = 0;
  int32_t secret = 0;
};

struct StartupPacket {
  enum class Kind : uint8_t { kIncomplete, kBad, kStartup, kCancel, kSsl, kGss };
  Kind kind = Kind::kIncomplete;
  /// Bytes of the packet.
  size_t size = 0;

  // kStartup.
  int32_t minor_version = 0;
  /// Protocol extensions that we don't know (`_pq_.x`).
  std::vector<std::string> unknown_options;
  std::string user;
  std::string database;
  /// The other parameters and those of `options` (-c name=value), in order: settings.
  std::vector<std::pair<std::string, std::string>> settings;

  // kCancel.
  BackendKey key;

  /// kBad: what to tell the client; when it has no message the connection is closed without a word.
  data::Status error;
};

/// Reads the packet at the head of `input`; its length is judged as soon as it is there.
StartupPacket parse_startup(std::string_view input);

}  // namespace forebay::server::pgwire
