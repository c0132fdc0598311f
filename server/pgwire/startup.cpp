#include "server/pgwire/startup.h"

#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "server/pgwire/wire.h"

namespace forebay::server::pgwire {

using data::Status;

namespace {

StartupPacket bad(Status error) {
  StartupPacket packet;
  packet.kind = StartupPacket::Kind::kBad;
  packet.error = std::move(error);
  return packet;
}

Status invalid_layout() {
  return Status(
      data::Error{.sqlstate = data::sqlstate::kProtocolViolation,
                  .message = "invalid startup packet layout: expected terminator as last byte"});
}

// The words of `options`: separated by white space, a backslash takes the next character as it is.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    words.back() += text[i];
  }
  return words;
}

// `-c name=value`, `-cname=value` and `--name=value`.
Status add_options(std::string_view text, StartupPacket& packet) {
  std::vector<std::string> words = split_words(text);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (word == "-c" && i + 1 < words.size()) {
      word = words[++i];
    } else if (word.starts_with("-c") || word.starts_with("--")) {
      word = word.substr(2);
    } else {
      word.clear();
    }
    size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status(data::Error{
          .sqlstate = data::sqlstate::kSyntaxError,
          .message = fmt::format("invalid command-line argument for server process: {}", words[i]),
          .hint = "Settings are given as -c name=value."});
    }
    std::string name = word.substr(0, equals);
    for (char& c : name) {
      if (c == '-') c = '_';
    }
    packet.settings.emplace_back(std::move(name), word.substr(equals + 1));
  }
  return Status::ok();
}

Status add_parameters(MessageReader& reader, StartupPacket& packet) {
  while (true) {
    std::string_view name = reader.text();
    if (!reader.check().is_ok()) return invalid_layout();
    if (name.empty()) break;
    std::string_view value = reader.text();
    if (!reader.check().is_ok()) return invalid_layout();
    if (!data::is_valid_text(name) || !data::is_valid_text(value)) {
      return Status(data::sqlstate::kInvalidCharacter,
                    "startup packet holds text that is not UTF-8");
    }
    if (name == "user") {
      packet.user = value;
    } else if (name == "database") {
      packet.database = value;
    } else if (name == "options") {
      FOREBAY_RETURN_IF_ERROR(add_options(value, packet));
    } else if (name == "replication") {
      if (value != "false" && value != "off" && value != "0" && value != "no") {
        return Status(data::sqlstate::kFeatureNotSupported,
                      "replication connections are not supported");
      }
    } else if (name.starts_with("_pq_.")) {
      packet.unknown_options.emplace_back(name);
    } else {
      packet.settings.emplace_back(name, value);
    }
  }
  if (reader.left() != 0) return invalid_layout();
  if (packet.user.empty()) {
    return Status(data::SqlState("28000"), "no PostgreSQL user name specified in startup packet");
  }
  if (packet.database.empty()) packet.database = packet.user;
  return Status::ok();
}

}  // namespace

StartupPacket parse_startup(std::string_view input) {
  if (input.size() < 4) return {};
  int64_t length = MessageReader(input).int32();
  if (length < static_cast<int64_t>(kMinStartupBytes) ||
      length > static_cast<int64_t>(kMaxStartupBytes)) {
    return bad(Status(data::sqlstate::kProtocolViolation, "invalid length of startup packet"));
  }
  StartupPacket packet;
  packet.size = static_cast<size_t>(length);
  if (input.size() < packet.size) return packet;
  MessageReader reader(input.substr(4, packet.size - 4));
  int32_t code = reader.int32();
  if (code == kSslRequest || code == kGssRequest) {
    if (reader.left() != 0) return bad(invalid_layout());
    packet.kind = code == kSslRequest ? StartupPacket::Kind::kSsl : StartupPacket::Kind::kGss;
    return packet;
  }
  if (code == kCancelRequest) {
    packet.key.process_id = reader.int32();
    packet.key.secret = reader.int32();
    if (!reader.finish().is_ok()) return bad(invalid_layout());
    packet.kind = StartupPacket::Kind::kCancel;
    return packet;
  }
  int32_t major = code >> 16;
  packet.minor_version = code & 0xFFFF;
  if (major != 3) {
    return bad(Status(data::sqlstate::kFeatureNotSupported,
                      fmt::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.0",
                                  static_cast<uint32_t>(code) >> 16, packet.minor_version)));
  }
  if (Status status = add_parameters(reader, packet); !status.is_ok())
    return bad(std::move(status));
  packet.kind = StartupPacket::Kind::kStartup;
  return packet;
}

}  // namespace forebay::server::pgwire
