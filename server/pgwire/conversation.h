#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/pgwire/row_encoder.h"
#include "server/pgwire/startup.h"
#include "server/pgwire/wire.h"
#include "server/session.h"

/// One client's conversation: whole messages in, answers out. Knows nothing of sockets and threads:
/// it runs on whichever query thread has the connection, one at a time; cancel() from any.
namespace forebay::server::pgwire {

/// Where answers go.
class Transport {
 public:
  virtual ~Transport() = default;
  /// Sends all bytes; blocks while the client reads slowly. An error when the client is gone.
  virtual data::Status send(std::string_view bytes) = 0;
  /// The next message, for a statement that takes them itself (COPY FROM): kIncomplete when none
  /// has come for a while, an error when none will. Its body lives until the next call; that of the
  /// message that is being handled does not live on.
  virtual data::Result<Frame> receive() = 0;
  /// True when the client is gone. Any thread.
  virtual bool is_gone() const = 0;
};

/// Output is sent when this much has come together.
inline constexpr size_t kSendBytes = size_t{64} << 10;

class Conversation {
 public:
  Conversation(Database& database, Transport& transport, StartupPacket startup, BackendKey key);
  ~Conversation();

  /// Answers the startup packet. False: the client was refused and the connection is to be closed.
  bool greet();
  /// Handles one message. False: the conversation is over.
  bool handle(char type, std::string_view body);
  /// Sends a FATAL error, the last message of a conversation.
  void end_with(const data::Error& error);

  /// Gives buffers back that were large; between messages.
  void release_memory() { out_.release_memory(); }

  /// Ends the statement that is running, if one is: 57014. Any thread.
  void cancel();

 private:
  /// A statement of the extended protocol.
  struct Statement {
    PreparedRef prepared;
    /// What the client was told, or said, of each parameter.
    std::vector<uint32_t> parameter_oids;
  };
  using StatementRef = std::shared_ptr<const Statement>;
  struct Portal;
  class Sink;
  class Running;

  // conversation.cpp
  void simple_query(std::string_view body);
  void ready_for_query();
  void write_parameter_status(bool all);
  void command_complete(std::string_view tag);
  void send_error(const data::Error& error);
  data::Status flush();
  data::Status apply_startup_settings();
  data::Status end_implicit();
  template <typename F>
  data::Status guarded(F&& run);

  // extended.cpp
  data::Status handle_extended(char type, std::string_view body);
  data::Status parse(std::string_view body);
  data::Status bind(std::string_view body);
  data::Status describe(std::string_view body);
  data::Status execute(std::string_view body);
  void run_deferred(bool alone);
  data::Status execute_portal(Portal& portal, int32_t max_rows);
  data::Status continue_portal(Portal& portal, int32_t max_rows);
  data::Status close(std::string_view body);
  data::Result<StatementRef> find_statement(std::string_view name);
  data::Status read_parameters(MessageReader& reader, const Statement& statement,
                               std::span<const int16_t> formats, std::vector<data::Datum>& values);

  Database& database_;
  Transport& transport_;
  const StartupPacket startup_;
  const BackendKey key_;
  Session session_;
  MessageWriter out_;
  /// After an error of the extended protocol messages are skipped up to Sync.
  bool skipping_ = false;
  bool lost_ = false;  // sending failed
  /// An Execute of a write waits for the next message: before a Sync it is a transaction of its
  /// own, otherwise the first of one that ends at Sync.
  struct Deferred {
    std::string portal;
    int32_t max_rows;
  };
  std::optional<Deferred> deferred_;
  StatementRef unnamed_;
  std::unordered_map<std::string, StatementRef> statements_;
  std::unordered_map<std::string, std::unique_ptr<Portal>> portals_;
  std::vector<std::pair<const SettingDescriptor*, std::string>> reported_;

  std::mutex running_mutex_;
  bool running_ = false;  // running_mutex_
};

}  // namespace forebay::server::pgwire
