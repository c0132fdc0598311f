#include "server/pgwire/conversation.h"

#include <fmt/format.h>

#include "engine/data/session_zone.h"
#include "engine/data/text_format.h"
#include "server/log.h"
#include "server/pgwire/sink.h"

namespace forebay::server::pgwire {

using data::Status;

namespace {

constexpr std::string_view kDatabaseName = "dev";

}  // namespace

Conversation::Conversation(Database& database, Transport& transport, StartupPacket startup,
                           BackendKey key)
    : database_(database),
      transport_(transport),
      startup_(std::move(startup)),
      key_(key),
      session_(database, startup_.user, startup_.database) {}

Conversation::~Conversation() = default;

bool Conversation::greet() {
  if (startup_.database != kDatabaseName) {
    end_with({.sqlstate = data::sqlstate::kInvalidDatabaseName,
              .message = fmt::format("database \"{}\" does not exist", startup_.database),
              .hint = fmt::format("The database is called \"{}\".", kDatabaseName)});
    return false;
  }
  if (Status status = apply_startup_settings(); !status.is_ok()) {
    end_with(status.error());
    return false;
  }
  if (startup_.minor_version > 0 || !startup_.unknown_options.empty()) {
    out_.begin('v');
    out_.int32(0);
    out_.int32(static_cast<int32_t>(startup_.unknown_options.size()));
    for (const std::string& option : startup_.unknown_options) out_.text(option);
    out_.end();
  }
  out_.begin('R');
  out_.int32(0);
  out_.end();
  write_parameter_status(true);
  out_.begin('K');
  out_.int32(key_.process_id);
  out_.int32(key_.secret);
  out_.end();
  ready_for_query();
  return !lost_;
}

Status Conversation::apply_startup_settings() {
  for (const auto& [name, value] : startup_.settings) {
    const SettingDescriptor* setting = find_setting(name);
    if (setting == nullptr) {
      if (is_foreign_setting(name)) continue;
      return Status(data::sqlstate::kUndefinedObject,
                    fmt::format("unrecognized configuration parameter \"{}\"", name));
    }
    if (setting->scope != SettingScope::kSession) {
      return Status(data::sqlstate::kCannotChangeParameter,
                    fmt::format("parameter \"{}\" cannot be changed", setting->name));
    }
    data::Result<std::string> checked = setting->check(setting->name, value);
    if (!checked.is_ok()) return checked.take_status();
    session_.settings().set(*setting, std::move(*checked));
  }
  return Status::ok();
}

void Conversation::write_parameter_status(bool all) {
  if (all) {
    for (const SettingDescriptor& setting : all_settings()) {
      if (!setting.reported_as.empty()) reported_.emplace_back(&setting, std::string());
    }
  }
  for (auto& [setting, sent] : reported_) {
    std::string value = setting->name == "session_authorization"
                            ? session_.user()
                            : session_.settings().get(*setting);
    if (!all && value == sent) continue;
    sent = std::move(value);
    out_.begin('S');
    out_.text(setting->reported_as);
    out_.text(sent);
    out_.end();
  }
}

bool Conversation::handle(char type, std::string_view body) {
  const data::SessionZoneScope zone(session_.settings().time_zone());
  if (type == 'X') return false;
  if (deferred_) run_deferred(type == 'S');
  if (type == 'S') {
    skipping_ = false;
    if (Status status = end_implicit(); !status.is_ok()) send_error(status.error());
    if (session_.transaction_status() == TransactionStatus::kIdle) portals_.clear();
    ready_for_query();
    return !lost_;
  }
  if (skipping_) return true;
  switch (type) {
    case 'Q':
      simple_query(body);
      break;
    case 'd':
    case 'c':
    case 'f':
      break;  // a client that goes on after a refused COPY
    case 'p':
      end_with(
          {.sqlstate = data::sqlstate::kProtocolViolation, .message = "no password was asked for"});
      return false;
    case 'F':
      send_error({.sqlstate = data::sqlstate::kFeatureNotSupported,
                  .message = "function calls of the protocol are not supported",
                  .hint = "Call the function in a SELECT."});
      ready_for_query();
      break;
    default:
      if (Status status = handle_extended(type, body); !status.is_ok()) {
        send_error(status.error());
        skipping_ = true;
      }
  }
  // Without Sync or Flush, too: a client that doesn't read waits here, and its answers nowhere.
  if (out_.buffer().size() >= kSendBytes) (void)flush();
  return !lost_;
}

Status Conversation::end_implicit() {
  if (!session_.is_implicit()) return Status::ok();
  Running running(*this);
  Sink sink(*this, nullptr, false);
  return session_.end_implicit(sink);
}

void Conversation::simple_query(std::string_view body) {
  unnamed_.reset();
  portals_.erase("");
  Status status = guarded([&]() -> Status {
    MessageReader reader(body);
    std::string sql(reader.text());  // COPY FROM takes further messages meanwhile
    FOREBAY_RETURN_IF_ERROR(reader.finish());
    Running running(*this);
    Sink sink(*this, nullptr, false);
    return session_.run(sql, sink, [&](const std::string& tag) {
      command_complete(tag);
      return Status::ok();
    });
  });
  if (!status.is_ok()) send_error(status.error());
  if (session_.transaction_status() == TransactionStatus::kIdle) portals_.clear();
  ready_for_query();
}

void Conversation::command_complete(std::string_view tag) {
  out_.begin(tag.empty() ? 'I' : 'C');  // EmptyQueryResponse
  if (!tag.empty()) out_.text(tag);
  out_.end();
  if (out_.buffer().size() >= kSendBytes) (void)flush();
  if (tag.starts_with("SET") || tag.starts_with("RESET") || tag.starts_with("DISCARD") ||
      tag.starts_with("ROLLBACK")) {
    write_parameter_status(false);
  }
}

void Conversation::ready_for_query() {
  out_.begin('Z');
  out_.byte(static_cast<char>(session_.transaction_status()));
  out_.end();
  (void)flush();
}

void Conversation::send_error(const data::Error& error) {
  if (error.sqlstate == data::sqlstate::kInternalError) {
    log_error(fmt::format("internal error: {}", error.message));
  }
  write_error(out_, "ERROR", error);
  session_.fail_transaction();
}

void Conversation::end_with(const data::Error& error) {
  write_error(out_, "FATAL", error);
  (void)flush();
}

Status Conversation::flush() {
  if (out_.buffer().empty()) return Status::ok();
  Status status = transport_.send(out_.buffer());
  out_.clear();
  if (!status.is_ok()) lost_ = true;
  return status;
}

void Conversation::cancel() {
  std::lock_guard lock(running_mutex_);
  if (running_) session_.cancel();
}

Conversation::Running::Running(Conversation& conversation) : conversation_(conversation) {
  std::lock_guard lock(conversation.running_mutex_);
  conversation.running_ = true;
  conversation.session_.clear_cancel();
  // Whoever noticed that the client is gone may have come before us.
  if (conversation.transport_.is_gone()) conversation.session_.cancel();
}

Conversation::Running::~Running() {
  std::lock_guard lock(conversation_.running_mutex_);
  conversation_.running_ = false;
}

Status Conversation::Sink::begin_rows(const data::Schema& schema) {
  std::vector<int16_t> formats = portal_ != nullptr ? portal_->formats_for(schema.size())
                                                    : std::vector<int16_t>(schema.size(), 0);
  if (portal_ == nullptr) write_row_description(schema, formats, conversation_.out_);
  encoder_.prepare(schema, formats);
  return Status::ok();
}

Status Conversation::Sink::rows(const data::ChangeBatch& batch) {
  if (keep_) {
    FOREBAY_RETURN_IF_ERROR(portal_->memory.grow(batch.bytes()));
    portal_->kept.push_back(batch.share());
    return Status::ok();
  }
  encoder_.start_batch(batch);
  for (uint32_t i = 0; i < batch.rows(); ++i) {
    uint32_t row = batch.physical(i);
    for (data::Weight left = batch.weight(row); left > 0; --left) {
      encoder_.write_row(row, conversation_.out_);
      if (conversation_.out_.buffer().size() >= kSendBytes) {
        FOREBAY_RETURN_IF_ERROR(conversation_.flush());
      }
    }
  }
  return Status::ok();
}

data::Result<int64_t> Conversation::Sink::send_kept(int64_t max_rows) {
  int64_t sent = 0;
  const data::Schema& schema = *portal_->statement->prepared->schema();
  encoder_.prepare(schema, portal_->formats_for(schema.size()));
  for (; portal_->next_batch < portal_->kept.size(); ++portal_->next_batch) {
    data::ChangeBatch& batch = portal_->kept[portal_->next_batch];
    encoder_.start_batch(batch);
    for (; portal_->next_row < batch.rows(); ++portal_->next_row) {
      uint32_t row = batch.physical(portal_->next_row);
      for (; portal_->repeats_done < batch.weight(row); ++portal_->repeats_done) {
        if (max_rows > 0 && sent == max_rows) return sent;
        encoder_.write_row(row, conversation_.out_);
        ++sent;
        if (conversation_.out_.buffer().size() >= kSendBytes) {
          FOREBAY_RETURN_IF_ERROR(conversation_.flush());
        }
      }
      portal_->repeats_done = 0;
    }
    portal_->next_row = 0;
    portal_->memory.shrink(batch.bytes());
    batch = data::ChangeBatch();
  }
  return sent;
}

Status Conversation::Sink::begin_copy(char type, size_t columns) {
  MessageWriter& out = conversation_.out_;
  out.begin(type);
  out.byte(0);  // text
  out.int16(static_cast<int16_t>(columns));
  for (size_t i = 0; i < columns; ++i) out.int16(0);
  out.end();
  return type == 'G' ? conversation_.flush() : Status::ok();
}

Status Conversation::Sink::copy_out(std::string_view line) {
  MessageWriter& out = conversation_.out_;
  out.begin('d');
  out.bytes(line);
  out.end();
  return out.buffer().size() < kSendBytes ? Status::ok() : conversation_.flush();
}

Status Conversation::Sink::end_copy_out() {
  conversation_.out_.begin('c');
  conversation_.out_.end();
  return Status::ok();
}

data::Result<CopyPiece> Conversation::Sink::next_copy_in() {
  while (true) {
    FOREBAY_ASSIGN_OR_RETURN(Frame frame, conversation_.transport_.receive());
    if (frame.kind == Frame::Kind::kIncomplete) return CopyPiece{};
    switch (frame.type) {
      case 'd':
        return CopyPiece{CopyPiece::Kind::kData, frame.body};
      case 'c':
        return CopyPiece{CopyPiece::Kind::kEnd, {}};
      case 'f': {
        MessageReader reader(frame.body);
        return Status(data::sqlstate::kQueryCanceled,
                      fmt::format("COPY from stdin failed: {}", reader.text()));
      }
      case 'H':
      case 'S':
        break;  // as PostgreSQL: they mean nothing here
      default:
        return Status(data::sqlstate::kProtocolViolation,
                      fmt::format("unexpected message type 0x{:02X} during COPY from stdin",
                                  static_cast<unsigned char>(frame.type)));
    }
  }
}

void Conversation::Sink::notice(const Notice& notice) {
  write_error(conversation_.out_, notice.severity,
              {.sqlstate = notice.sqlstate,
               .message = notice.message,
               .detail = notice.detail,
               .hint = notice.hint});
}

}  // namespace forebay::server::pgwire
