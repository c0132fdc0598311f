#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "server/pgwire/conversation.h"
#include "server/pgwire/query_pool.h"
#include "server/pgwire/server.h"

/// One socket. The network thread reads it and hands what came to a query thread, one at a time;
/// the query thread answers straight into the socket. Private to server/pgwire.
namespace forebay::server::pgwire {

class Connection;

/// What connections need of the server that they belong to. Called on the network thread unless
/// said.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual Database& database() = 0;
  virtual const ServerOptions& options() const = 0;
  virtual boost::asio::io_context& network() = 0;
  virtual QueryPool& pool() = 0;
  /// A startup packet has come: admits the session and gives it its key, or the reason why not.
  virtual data::Result<BackendKey> admit(const std::shared_ptr<Connection>& connection) = 0;
  virtual void cancel(const BackendKey& key) = 0;
  virtual void closed(Connection& connection) = 0;
};

class Connection final : public Transport,
                         public Task,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionOwner& owner, boost::asio::ip::tcp::socket socket, uint64_t number);
  ~Connection() override;

  // Network thread.
  void start();
  /// Ends the statement that runs, if one does.
  void cancel_statement();
  /// The server stops: no further message is taken.
  void stop_reading();
  /// Tells the client why and closes; when a query thread is at work, it does so when done.
  void terminate(const data::Error& reason);
  /// Sends no more: a query thread that waits for the client goes on.
  void abandon() { set_gone(); }
  /// Closes without a word.
  void close_now() { close(); }
  bool is_working();
  bool is_session() const { return admitted_; }
  const BackendKey& key() const { return key_; }
  /// Ascending in the order of acceptance.
  uint64_t number() const { return number_; }

  // Transport; query threads.
  data::Status send(std::string_view bytes) override;
  data::Result<Frame> receive() override;
  bool is_gone() const override { return gone_.load(std::memory_order_acquire); }

  // Task: a query thread's turn.
  void run() override;

 private:
  // Network thread.
  void wait_readable();
  void readable();
  void watch_while_paused();
  void starting(std::string_view bytes);
  bool take_startup_packet();
  void begin_session(StartupPacket packet);
  void refuse(const data::Error& error);
  void take_input(std::string_view bytes);
  void client_gone();
  void close();
  /// Any thread.
  void set_gone();

  // Query thread.
  bool take_pending();
  /// Appends what has come to input_; true: reading had stopped. Under mutex_.
  bool move_pending();
  void resume_reading();
  void release_memory();
  bool converse();

  ConnectionOwner& owner_;
  const uint64_t number_;

  // Network thread only.
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer deadline_;
  std::string startup_;
  bool admitted_ = false;
  bool reading_ = true;
  BackendKey key_;

  const int fd_;
  std::atomic<bool> gone_{false};

  std::condition_variable arrived_;  // pending_, farewell_ or gone_ has changed
  std::mutex mutex_;                 // guards the following
  std::string pending_;
  bool scheduled_ = false;
  bool paused_ = false;
  bool over_ = false;  // the conversation has ended
  bool closed_ = false;
  std::unique_ptr<data::Error> farewell_;

  // Query thread (one at a time).
  std::string input_;
  size_t consumed_ = 0;
  bool greeted_ = false;
  std::unique_ptr<Conversation> conversation_;
};

}  // namespace forebay::server::pgwire
