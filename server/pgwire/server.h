#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/data/status.h"
#include "server/database.h"

/// PostgreSQL's wire protocol over TCP: one event loop thread for the network, which runs no query,
/// and a pool of query threads.
namespace forebay::server::pgwire {

struct ServerOptions {
  /// "127.0.0.1:4566", "[::1]:4566", "localhost:0"; port 0 takes any free one.
  std::string listen = "127.0.0.1:4566";
  /// Sessions at a time; one more gets 53300.
  uint32_t max_sessions = 10'000;
  /// Connections that have not sent their startup packet yet; one more closes the oldest of them.
  uint32_t max_starting = 1'000;
  /// Time to send the startup packet.
  uint32_t startup_timeout_ms = 10'000;
  /// Longest message of a client.
  size_t max_message_bytes = size_t{16} << 20;
  /// A client that takes no byte of an answer for so long is given up.
  uint32_t stalled_timeout_ms = 300'000;
  /// Statements that run or wait at a time; so many at once, more when those make no progress.
  uint32_t prompt_query_threads = 16;
  uint32_t max_query_threads = 256;
};

/// The host part of a listen address; 22023 when it is none.
struct ListenAddress {
  std::string host;
  uint16_t port = 0;
  bool is_loopback = false;
};
data::Result<ListenAddress> parse_listen_address(const std::string& text);

class Server {
 public:
  /// Listens and starts the network thread. The database outlives the server.
  static data::Result<std::unique_ptr<Server>> start(Database& database,
                                                     const ServerOptions& options);
  virtual ~Server() = default;
  /// "127.0.0.1:4566", with the port that was taken.
  virtual std::string address() const = 0;
  /// Stops accepting, lets statements that run end for `grace_ms`, cancels those that still run,
  /// tells every client 57P01 and closes.
  virtual void stop(uint32_t grace_ms) = 0;
};

}  // namespace forebay::server::pgwire
