#include "server/pgwire/connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "server/log.h"

namespace forebay::server::pgwire {

namespace asio = boost::asio;
using boost::system::error_code;
using data::Status;

namespace {

constexpr size_t kReadBytes = size_t{64} << 10;
/// Input that waits for a query thread; above, the socket is not read.
constexpr size_t kMaxPendingBytes = size_t{1} << 20;
constexpr size_t kKeptInputBytes = size_t{8} << 10;
constexpr int kPollMs = 200;
/// How long receive() waits before its caller looks whether the statement was cancelled.
constexpr int kReceiveMs = 50;

}  // namespace

Connection::Connection(ConnectionOwner& owner, asio::ip::tcp::socket socket, uint64_t number)
    : owner_(owner),
      number_(number),
      socket_(std::move(socket)),
      deadline_(owner.network()),
      fd_(socket_.native_handle()) {}

Connection::~Connection() = default;

void Connection::start() {
  deadline_.expires_after(std::chrono::milliseconds(owner_.options().startup_timeout_ms));
  deadline_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && !self->admitted_) self->close();
  });
  wait_readable();
}

void Connection::wait_readable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](error_code error) {
                       if (!error) self->readable();
                     });
}

void Connection::readable() {
  // One buffer for all connections: an idle one costs none.
  static thread_local auto buffer = std::make_unique<char[]>(kReadBytes);
  if (!reading_ || !socket_.is_open()) return;
  ssize_t count = ::recv(fd_, buffer.get(), kReadBytes, MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return wait_readable();
  if (count <= 0) return client_gone();
  std::string_view bytes(buffer.get(), static_cast<size_t>(count));
  if (admitted_) {
    take_input(bytes);
  } else {
    starting(bytes);
  }
}

void Connection::starting(std::string_view bytes) {
  startup_ += bytes;
  while (!admitted_ && socket_.is_open()) {
    if (!take_startup_packet()) break;
  }
  if (!socket_.is_open()) return;
  if (!admitted_) return wait_readable();
  std::string rest = std::move(startup_);
  startup_ = std::string();
  take_input(rest);
}

// Handles the packet at the head of startup_. False: more bytes are needed, or the connection is
// closed.
bool Connection::take_startup_packet() {
  StartupPacket packet = parse_startup(startup_);
  switch (packet.kind) {
    case StartupPacket::Kind::kIncomplete:
      return false;
    case StartupPacket::Kind::kBad:
      refuse(packet.error.error());
      return false;
    case StartupPacket::Kind::kCancel:
      owner_.cancel(packet.key);
      close();
      return false;
    case StartupPacket::Kind::kSsl:
    case StartupPacket::Kind::kGss: {
      bool sent = ::send(fd_, "N", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
      startup_.erase(0, packet.size);
      if (!sent) close();
      return sent;
    }
    case StartupPacket::Kind::kStartup:
      break;
  }
  startup_.erase(0, packet.size);
  begin_session(std::move(packet));
  return false;
}

void Connection::begin_session(StartupPacket packet) {
  auto key = owner_.admit(shared_from_this());
  if (!key.is_ok()) return refuse(key.error());
  key_ = *key;
  admitted_ = true;
  deadline_.cancel();
  conversation_ = std::make_unique<Conversation>(owner_.database(), *this, std::move(packet), key_);
}

void Connection::refuse(const data::Error& error) {
  MessageWriter out;
  write_error(out, "FATAL", error);
  (void)!::send(fd_, out.buffer().data(), out.buffer().size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  close();
}

void Connection::take_input(std::string_view bytes) {
  bool schedule = false;
  bool pause = false;
  {
    std::lock_guard lock(mutex_);
    if (over_) return;
    pending_ += bytes;
    schedule = !scheduled_;
    scheduled_ = true;
    pause = pending_.size() > kMaxPendingBytes;
    paused_ = pause;
  }
  if (!schedule) arrived_.notify_one();
  if (schedule) owner_.pool().submit(shared_from_this());
  if (pause) {
    watch_while_paused();
  } else {
    wait_readable();
  }
}

// Nothing is read until the query thread has caught up, but a reset must still be noticed.
void Connection::watch_while_paused() {
  socket_.async_wait(asio::ip::tcp::socket::wait_error,
                     [self = shared_from_this()](error_code error) {
                       if (!error && self->socket_.is_open()) self->client_gone();
                     });
}

void Connection::set_gone() {
  {
    std::lock_guard lock(mutex_);
    gone_.store(true, std::memory_order_release);
  }
  arrived_.notify_one();
}

void Connection::client_gone() {
  set_gone();
  reading_ = false;
  bool working;
  {
    std::lock_guard lock(mutex_);
    working = scheduled_;
    pending_ = std::string();
  }
  if (working) {
    conversation_->cancel();  // the query thread closes when it is done
  } else {
    close();
  }
}

void Connection::close() {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    closed_ = true;
    over_ = true;
  }
  reading_ = false;
  deadline_.cancel();
  error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  // What the client sent and nobody read would turn the close into a reset, and lose our last
  // words.
  char rest[4096];
  for (int i = 0; i < 16 && ::recv(fd_, rest, sizeof rest, MSG_DONTWAIT) > 0; ++i) {
  }
  socket_.close(ignored);
  owner_.closed(*this);
}

void Connection::cancel_statement() {
  bool working;
  {
    std::lock_guard lock(mutex_);
    working = scheduled_;
  }
  if (working) conversation_->cancel();
}

void Connection::stop_reading() { reading_ = false; }

bool Connection::is_working() {
  std::lock_guard lock(mutex_);
  return scheduled_;
}

void Connection::terminate(const data::Error& reason) {
  reading_ = false;
  {
    std::lock_guard lock(mutex_);
    if (over_) return;
    if (scheduled_) {
      farewell_ = std::make_unique<data::Error>(reason);
      arrived_.notify_one();
      return;
    }
  }
  refuse(reason);
}

Status Connection::send(std::string_view bytes) {
  auto gone = [&] {
    set_gone();
    return Status(data::SqlState("08006"), "the client is gone");
  };
  uint32_t stalled_ms = 0;
  while (!bytes.empty()) {
    if (is_gone()) return gone();
    ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
      stalled_ms = 0;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return gone();
    pollfd wanted{fd_, POLLOUT, 0};
    if (::poll(&wanted, 1, kPollMs) == 0) {
      stalled_ms += kPollMs;
      if (stalled_ms >= owner_.options().stalled_timeout_ms) {
        log_warning("closing a connection: its client takes no more bytes");
        return gone();
      }
    }
  }
  return Status::ok();
}

void Connection::run() {
  bool goes_on = true;
  try {
    do {
      goes_on = converse();
    } while (goes_on && take_pending());
  } catch (const std::exception& error) {  // no memory for what the client sends
    log_error(fmt::format("closing a connection: {}", error.what()));
    goes_on = false;
  }
  if (goes_on) return;  // idle: the network thread calls again
  asio::post(owner_.network(), [self = shared_from_this()] { self->close(); });
}

// Takes what has come. False when there is nothing: then the connection is idle, and no longer
// ours.
bool Connection::take_pending() {
  bool resume;
  {
    std::lock_guard lock(mutex_);
    if (farewell_ != nullptr || gone_) return true;
    if (pending_.empty()) {
      release_memory();
      scheduled_ = false;
      return false;
    }
    resume = move_pending();
  }
  if (resume) resume_reading();
  return true;
}

bool Connection::move_pending() {
  if (consumed_ == input_.size()) {
    input_.swap(pending_);
    consumed_ = 0;
    if (pending_.capacity() > kKeptInputBytes) pending_ = std::string();
    pending_.clear();
  } else {
    input_.erase(0, consumed_);
    consumed_ = 0;
    input_ += pending_;
    pending_.clear();
  }
  return std::exchange(paused_, false);
}

void Connection::resume_reading() {
  asio::post(owner_.network(), [self = shared_from_this()] {
    if (!self->socket_.is_open()) return;
    error_code ignored;
    self->socket_.cancel(ignored);
    self->wait_readable();
  });
}

data::Result<Frame> Connection::receive() {
  while (true) {
    Frame frame =
        next_frame(std::string_view(input_).substr(consumed_), owner_.options().max_message_bytes);
    if (frame.kind == Frame::Kind::kBad) return std::move(frame.error);
    if (frame.kind == Frame::Kind::kMessage) {
      consumed_ += frame.size;
      return frame;
    }
    bool resume;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait_for(lock, std::chrono::milliseconds(kReceiveMs),
                        [&] { return !pending_.empty() || gone_ || farewell_ != nullptr; });
      if (gone_) return Status(data::SqlState("08006"), "the client is gone");
      if (farewell_ != nullptr) return Status(*farewell_);
      if (pending_.empty()) return frame;
      resume = move_pending();
    }
    if (resume) resume_reading();
  }
}

// An idle connection keeps no more memory than small statements need.
void Connection::release_memory() {
  if (consumed_ == input_.size()) {
    consumed_ = 0;
    input_.clear();
    if (input_.capacity() > kKeptInputBytes) input_ = std::string();
  }
  conversation_->release_memory();
}

// Handles the messages that are complete. False: the conversation is over.
bool Connection::converse() {
  if (!greeted_) {
    greeted_ = true;
    if (!conversation_->greet()) return false;
  }
  while (true) {
    if (is_gone()) return false;
    {
      std::lock_guard lock(mutex_);
      if (farewell_ != nullptr) break;
    }
    std::string_view rest = std::string_view(input_).substr(consumed_);
    Frame frame = next_frame(rest, owner_.options().max_message_bytes);
    if (frame.kind == Frame::Kind::kIncomplete) return true;
    if (frame.kind == Frame::Kind::kBad) {
      conversation_->end_with(frame.error.error());
      return false;
    }
    consumed_ += frame.size;
    if (!conversation_->handle(frame.type, frame.body)) return false;
  }
  conversation_->end_with(*farewell_);
  return false;
}

}  // namespace forebay::server::pgwire
