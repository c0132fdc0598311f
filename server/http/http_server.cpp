#include "server/http/http_server.h"

#include <fmt/format.h>
#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>
#include <utility>

#include "server/http/metrics.h"
#include "server/log.h"
#include "server/pgwire/server.h"

namespace forebay::server::http {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;
using Request = beast::http::request<beast::http::string_body>;
using Response = beast::http::response<beast::http::string_body>;

namespace {

constexpr std::chrono::seconds kTimeout{15};
constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr uint32_t kMaxHeaderBytes = 16 << 10;
constexpr uint64_t kMaxBodyBytes = 64 << 10;
constexpr size_t kMaxConnections = 256;

Response text_response(const Request& request, beast::http::status status, std::string type,
                       std::string body) {
  Response response(status, request.version());
  response.set(beast::http::field::content_type, type);
  response.set(beast::http::field::cache_control, "no-store");
  response.keep_alive(request.keep_alive());
  response.body() = std::move(body);
  response.prepare_payload();
  // The header of a HEAD says how long the body would be.
  if (request.method() == beast::http::verb::head) response.body().clear();
  return response;
}

Response answer(Database& database, const Request& request) {
  using beast::http::status;
  const std::string plain = "text/plain; charset=utf-8";
  std::string path(request.target().substr(0, request.target().find('?')));
  bool known = path == "/" || path == "/metrics" || path == "/health";
  if (!known) {
    return text_response(request, status::not_found, plain, "There are /metrics and /health.\n");
  }
  if (request.method() != beast::http::verb::get && request.method() != beast::http::verb::head) {
    Response response =
        text_response(request, status::method_not_allowed, plain, "Only GET and HEAD.\n");
    response.set(beast::http::field::allow, "GET, HEAD");
    return response;
  }
  if (path == "/metrics") {
    return text_response(request, status::ok, "text/plain; version=0.0.4; charset=utf-8",
                         metrics_text(database));
  }
  if (path == "/health") {
    return text_response(request, status::ok, "application/json", health_json(database));
  }
  return text_response(request, status::ok, plain, "Forebay. See /metrics and /health.\n");
}

// One client; lives as long as something of it is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Database& database, tcp::socket socket, std::shared_ptr<size_t> count)
      : database_(database), stream_(std::move(socket)), count_(std::move(count)) {
    ++*count_;
  }
  ~Connection() { --*count_; }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(kMaxBodyBytes);
    stream_.expires_after(kTimeout);
    beast::http::async_read(stream_, buffer_, *parser_,
                            [self = shared_from_this()](error_code error, size_t) {
                              if (!error) return self->write(self->parser_->release());
                              self->refuse(error);
                            });
  }

 private:
  void write(const Request& request) { send(answer(database_, request)); }

  void refuse(error_code error) {
    // Only what isn't HTTP or is too long is worth an answer: others have gone or sleep.
    const auto& of_http = make_error_code(beast::http::error::end_of_stream).category();
    if (error.category() != of_http || error == beast::http::error::end_of_stream ||
        error == beast::http::error::partial_message) {
      return;
    }
    Request none;
    none.keep_alive(false);
    send(text_response(none, beast::http::status::bad_request, "text/plain; charset=utf-8",
                       error.message() + "\n"));
  }

  void send(Response response) {
    auto kept = std::make_shared<Response>(std::move(response));
    stream_.expires_after(kTimeout);
    beast::http::async_write(stream_, *kept,
                             [self = shared_from_this(), kept](error_code error, size_t) {
                               if (error) return;
                               if (kept->keep_alive()) return self->read();
                               error_code ignored;
                               self->stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
                             });
  }

  Database& database_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::shared_ptr<size_t> count_;  // connections there are
};

class BeastServer final : public HttpServer {
 public:
  explicit BeastServer(Database& database) : database_(database) {}
  ~BeastServer() override {
    network_.stop();
    if (thread_.joinable()) thread_.join();
  }

  data::Status open(const std::string& listen);
  std::string address() const override { return address_; }

 private:
  void accept();

  Database& database_;
  std::shared_ptr<size_t> count_ = std::make_shared<size_t>(0);  // before what destroys connections
  asio::io_context network_{1};
  tcp::acceptor acceptor_{network_};
  asio::steady_timer retry_{network_};
  std::thread thread_;
  std::string address_;
};

data::Status BeastServer::open(const std::string& listen) {
  FOREBAY_ASSIGN_OR_RETURN(pgwire::ListenAddress at, pgwire::parse_listen_address(listen));
  auto failed = [&](const error_code& error) {
    return data::Status(data::sqlstate::kIoError,
                        fmt::format("cannot listen on {}: {}", listen, error.message()));
  };
  error_code error;
  tcp::endpoint endpoint(asio::ip::make_address(at.host, error), at.port);
  if (error) return failed(error);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return failed(error);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_.bind(endpoint, error);
  if (error) return failed(error);
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed(error);
  uint16_t port = acceptor_.local_endpoint(error).port();
  bool is_v6 = at.host.find(':') != std::string::npos;
  address_ = is_v6 ? fmt::format("[{}]:{}", at.host, port) : fmt::format("{}:{}", at.host, port);
  accept();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "http");
    while (true) {
      try {
        network_.run();
        return;
      } catch (const std::exception& failure) {  // no memory: that client's connection ends
        log_error(fmt::format("http: {}", failure.what()));
      }
    }
  });
  return data::Status::ok();
}

void BeastServer::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted) return;
    if (!error) {
      if (*count_ < kMaxConnections) {
        std::make_shared<Connection>(database_, std::move(socket), count_)->read();
      }
      return accept();
    }
    // Out of file descriptors, most likely.
    retry_.expires_after(kAcceptRetry);
    retry_.async_wait([this](error_code ended) {
      if (!ended) accept();
    });
  });
}

}  // namespace

data::Result<std::unique_ptr<HttpServer>> HttpServer::start(Database& database,
                                                            const std::string& listen) {
  auto server = std::make_unique<BeastServer>(database);
  FOREBAY_RETURN_IF_ERROR(server->open(listen));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace forebay::server::http
