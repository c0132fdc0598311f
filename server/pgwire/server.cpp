#include "server/pgwire/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <future>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "server/log.h"
#include "server/pgwire/connection.h"

namespace forebay::server::pgwire {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using data::Result;
using data::Status;

namespace {

constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr std::chrono::milliseconds kStopPoll{5};
constexpr std::chrono::milliseconds kStopUnread{2000};
constexpr int kKeepIdleSeconds = 60, kKeepIntervalSeconds = 10, kKeepProbes = 3;

Status bad_address(const std::string& text) {
  return Status(data::Error{.sqlstate = data::sqlstate::kInvalidParameterValue,
                            .message = fmt::format("\"{}\" is not an address to listen on", text),
                            .hint = "Write it as 127.0.0.1:4566, [::1]:4566 or localhost:4566."});
}

Status io_error(const std::string& what, const error_code& error) {
  return Status(data::sqlstate::kIoError, fmt::format("{}: {}", what, error.message()));
}

int32_t random_secret() {
  int32_t secret = 0;
  FOREBAY_CHECK(::getrandom(&secret, sizeof secret, 0) == sizeof secret, "getrandom failed");
  return secret;
}

class AsioServer final : public Server, public ConnectionOwner {
 public:
  AsioServer(Database& database, const ServerOptions& options)
      : database_(database),
        options_(options),
        pool_(options.prompt_query_threads, options.max_query_threads) {}
  ~AsioServer() override { stop(0); }

  Status open();
  std::string address() const override { return address_; }
  void stop(uint32_t grace_ms) override;

  Database& database() override { return database_; }
  const ServerOptions& options() const override { return options_; }
  asio::io_context& network() override { return network_; }
  QueryPool& pool() override { return pool_; }
  Result<BackendKey> admit(const std::shared_ptr<Connection>& connection) override;
  void cancel(const BackendKey& key) override;
  void closed(Connection& connection) override;

 private:
  void accept();
  void accepted(tcp::socket socket);
  template <typename F>
  auto on_network(F&& run);

  Database& database_;
  const ServerOptions options_;
  asio::io_context network_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  tcp::acceptor acceptor_{network_};
  asio::steady_timer accept_timer_{network_};
  QueryPool pool_;
  std::thread thread_;
  std::string address_;
  bool stopped_ = false;

  // Network thread only.
  bool stopping_ = false;
  int32_t next_process_id_ = 1;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::unordered_map<int32_t, Connection*> sessions_;
  uint64_t last_number_ = 0;
  std::map<uint64_t, Connection*> starting_;  // oldest first
};

Status AsioServer::open() {
  FOREBAY_ASSIGN_OR_RETURN(ListenAddress listen, parse_listen_address(options_.listen));
  error_code error;
  tcp::endpoint endpoint(asio::ip::make_address(listen.host, error), listen.port);
  if (error) return bad_address(options_.listen);
  std::string what = fmt::format("cannot listen on {}", options_.listen);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return io_error(what, error);
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  acceptor_.bind(endpoint, error);
  if (error) return io_error(what, error);
  acceptor_.listen(4096, error);
  if (error) return io_error(what, error);
  uint16_t port = acceptor_.local_endpoint(error).port();
  address_ = listen.host.find(':') == std::string::npos ? fmt::format("{}:{}", listen.host, port)
                                                        : fmt::format("[{}]:{}", listen.host, port);
  work_.emplace(network_.get_executor());
  accept();
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "network");
    while (true) {
      try {
        network_.run();
        return;
      } catch (const std::exception& error) {  // no memory: what was at hand is lost, others go on
        log_error(fmt::format("network: {}", error.what()));
      }
    }
  });
  return Status::ok();
}

void AsioServer::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (stopping_ || error == asio::error::operation_aborted) return;
    if (!error) {
      accepted(std::move(socket));
      return accept();
    }
    // Out of file descriptors, most likely: connections that end make room.
    log_warning(fmt::format("cannot accept a connection: {}", error.message()));
    accept_timer_.expires_after(kAcceptRetry);
    accept_timer_.async_wait([this](error_code ended) {
      if (!ended && !stopping_) accept();
    });
  });
}

void AsioServer::accepted(tcp::socket socket) {
  if (starting_.size() >= options_.max_starting) starting_.begin()->second->close_now();
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  int fd = socket.native_handle();
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &kKeepIdleSeconds, sizeof(int));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &kKeepIntervalSeconds, sizeof(int));
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &kKeepProbes, sizeof(int));
  auto connection = std::make_shared<Connection>(*this, std::move(socket), ++last_number_);
  connections_.insert(connection);
  starting_[connection->number()] = connection.get();
  connection->start();
}

Result<BackendKey> AsioServer::admit(const std::shared_ptr<Connection>& connection) {
  if (stopping_) {
    return Status(data::SqlState("57P03"), "the database system is shutting down");
  }
  if (sessions_.size() >= options_.max_sessions) {
    return Status(data::sqlstate::kTooManyConnections, "sorry, too many clients already");
  }
  while (sessions_.count(next_process_id_) > 0) ++next_process_id_;
  BackendKey key{next_process_id_, random_secret()};
  next_process_id_ = next_process_id_ == INT32_MAX ? 1 : next_process_id_ + 1;
  sessions_[key.process_id] = connection.get();
  starting_.erase(connection->number());
  return key;
}

void AsioServer::cancel(const BackendKey& key) {
  auto found = sessions_.find(key.process_id);
  // One comparison of all bits at once: its time tells nothing.
  bool matches = found != sessions_.end() && (found->second->key().secret ^ key.secret) == 0;
  if (matches) found->second->cancel_statement();
}

void AsioServer::closed(Connection& connection) {
  if (connection.is_session()) sessions_.erase(connection.key().process_id);
  starting_.erase(connection.number());
  connections_.erase(connection.shared_from_this());
}

template <typename F>
auto AsioServer::on_network(F&& run) {
  std::packaged_task<decltype(run())()> task(std::forward<F>(run));
  auto result = task.get_future();
  asio::post(network_, [&] { task(); });
  return result.get();
}

void AsioServer::stop(uint32_t grace_ms) {
  if (stopped_ || !thread_.joinable()) return;
  stopped_ = true;
  on_network([&] {
    stopping_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    accept_timer_.cancel();
    for (const auto& connection : connections_) connection->stop_reading();
  });
  auto working = [&] {
    return on_network([&] {
      return std::any_of(connections_.begin(), connections_.end(),
                         [](const auto& connection) { return connection->is_working(); });
    });
  };
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(grace_ms);
  while (std::chrono::steady_clock::now() < end && working())
    std::this_thread::sleep_for(kStopPoll);
  on_network([&] {
    auto all = std::vector<std::shared_ptr<Connection>>(connections_.begin(), connections_.end());
    for (const auto& connection : all) {
      connection->terminate({.sqlstate = data::sqlstate::kAdminShutdown,
                             .message = "terminating connection due to administrator command"});
      connection->cancel_statement();
    }
  });
  // Whoever does not read what it is told is left alone.
  end = std::chrono::steady_clock::now() + kStopUnread;
  while (std::chrono::steady_clock::now() < end && working())
    std::this_thread::sleep_for(kStopPoll);
  on_network([&] {
    for (const auto& connection : connections_) connection->abandon();
  });
  pool_.stop();
  on_network([&] {
    auto all = std::vector<std::shared_ptr<Connection>>(connections_.begin(), connections_.end());
    for (const auto& connection : all) connection->close_now();
  });
  work_.reset();
  network_.stop();
  thread_.join();
}

}  // namespace

Result<ListenAddress> parse_listen_address(const std::string& text) {
  size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad_address(text);
  ListenAddress address;
  address.host = text.substr(0, colon);
  if (address.host.size() > 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  }
  if (address.host == "localhost") address.host = "127.0.0.1";
  const char* begin = text.data() + colon + 1;
  const char* end = text.data() + text.size();
  auto [stopped, failure] = std::from_chars(begin, end, address.port);
  error_code error;
  auto ip = asio::ip::make_address(address.host, error);
  if (failure != std::errc() || stopped != end || begin == end || error) return bad_address(text);
  address.is_loopback = ip.is_loopback();
  return address;
}

Result<std::unique_ptr<Server>> Server::start(Database& database, const ServerOptions& options) {
  auto server = std::make_unique<AsioServer>(database, options);
  FOREBAY_RETURN_IF_ERROR(server->open());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace forebay::server::pgwire
