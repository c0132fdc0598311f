#pragma once

#include <vector>

#include "server/pgwire/conversation.h"

/// Parts of Conversation that its two source files share.
namespace forebay::server::pgwire {

/// A bound statement of the extended protocol, ready to be executed.
struct Conversation::Portal {
  explicit Portal(MemoryAccount& account) : memory(account, "What portals keep") {}

  StatementRef statement;
  std::vector<data::Datum> parameters;
  /// As the client gave them: none, one for all, or one per column.
  std::vector<int16_t> result_formats;
  bool started = false;
  /// With a limit of rows: what has not been sent yet, from `next_row` (and `repeats_left` of it)
  /// on.
  std::vector<data::ChangeBatch> kept;
  /// The parameters and `kept`.
  MemoryAccount::Share memory;
  size_t next_batch = 0;
  uint32_t next_row = 0;
  int64_t repeats_done = 0;
  std::string tag;

  std::vector<int16_t> formats_for(size_t columns) const {
    if (result_formats.size() == columns) return result_formats;
    return std::vector<int16_t>(columns, result_formats.empty() ? int16_t{0} : result_formats[0]);
  }
};

/// Encodes rows into the conversation's output and sends it when it has become long.
class Conversation::Sink final : public ResultSink {
 public:
  /// portal: nullptr for simple queries. keep: rows are stored in the portal instead of sent.
  Sink(Conversation& conversation, Portal* portal, bool keep)
      : conversation_(conversation), portal_(portal), keep_(keep) {}

  data::Status begin_rows(const data::Schema& schema) override;
  data::Status rows(const data::ChangeBatch& batch) override;
  void notice(const Notice& notice) override;
  data::Status begin_copy_out(size_t columns) override { return begin_copy('H', columns); }
  data::Status copy_out(std::string_view line) override;
  data::Status end_copy_out() override;
  data::Status begin_copy_in(size_t columns) override { return begin_copy('G', columns); }
  data::Result<CopyPiece> next_copy_in() override;

  /// Sends rows that the portal keeps, at most `max_rows` (0: all); gives how many were sent.
  data::Result<int64_t> send_kept(int64_t max_rows);

 private:
  data::Status begin_copy(char type, size_t columns);

  Conversation& conversation_;
  Portal* portal_;
  const bool keep_;
  RowEncoder encoder_;
};

/// While one lives, cancel() reaches the session.
class Conversation::Running {
 public:
  explicit Running(Conversation& conversation);
  ~Running();

 private:
  Conversation& conversation_;
};

/// Runs `run`, and turns exceptions (our bugs, memory) into errors.
template <typename F>
data::Status Conversation::guarded(F&& run) {
  try {
    return run();
  } catch (const data::CheckFailure& failure) {
    return data::Status::internal(failure.what());
  } catch (const std::bad_alloc&) {
    return data::Status(data::sqlstate::kOutOfMemory, "out of memory");
  } catch (const std::exception& error) {
    return data::Status::internal(error.what());
  }
}

}  // namespace forebay::server::pgwire
