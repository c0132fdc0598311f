#pragma once

#include <memory>
#include <string>

#include "engine/data/status.h"
#include "server/database.h"

/// HTTP for those who watch a server: GET /metrics (Prometheus' text format) and /health (JSON).
namespace forebay::server::http {

class HttpServer {
 public:
  /// Listens on "127.0.0.1:4567" (port 0: a free one) and starts its one thread. The database
  /// outlives the server. 22023 for a bad address, 58030 when the address can't be had.
  static data::Result<std::unique_ptr<HttpServer>> start(Database& database,
                                                         const std::string& listen);
  /// Ends its connections and its thread.
  virtual ~HttpServer() = default;
  /// "127.0.0.1:4567", with the port that was taken.
  virtual std::string address() const = 0;
};

}  // namespace forebay::server::http
