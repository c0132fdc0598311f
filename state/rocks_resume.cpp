#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "state/failpoint.h"
#include "state/rocks_store.h"

/// Writing again after a full disk: RocksDB is closed and opened anew. Its own recovery would go on
/// with files whose writes failed.
namespace forebay::state {

namespace {

/// How long readers of the old opening are waited for, and new ones kept waiting.
constexpr std::chrono::milliseconds kPatience{50};

// Whether the disk has `bytes` for us: an opening that finds none would leave nothing to read from.
Status probe(const std::string& directory, uint64_t bytes) {
  if (hit_failpoint("resume.no_space")) return no_space("fail point resume.no_space");
  // Where a crash's leftovers are looked for.
  const std::string path = directory + "/ingest/probe";
  int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return no_space(std::string("could not write: ") + std::strerror(errno));
  const int error = posix_fallocate(file, 0, static_cast<off_t>(bytes));
  close(file);
  unlink(path.c_str());
  if (error == 0) return {};
  return no_space(std::string("could not write: ") + std::strerror(error));
}

class FailedSnapshot final : public Snapshot {
 public:
  FailedSnapshot(Epoch epoch, const Status& error) : epoch_(epoch), error_(error.clone()) {}
  Epoch epoch() const override { return epoch_; }
  Result<std::optional<std::string>> get(Family, std::string_view) const override {
    return error_.clone();
  }
  Status multi_get(Family, std::span<const std::string_view>,
                   std::vector<std::optional<std::string>>&) const override {
    return error_.clone();
  }
  std::unique_ptr<Cursor> scan(Family, std::string_view, std::string_view) const override {
    return std::make_unique<FailedCursor>(error_);
  }

 private:
  class FailedCursor final : public Cursor {
   public:
    explicit FailedCursor(const Status& error) : error_(error.clone()) {}
    bool valid() const override { return false; }
    void next() override {}
    void seek(std::string_view) override {}
    std::string_view key() const override { return {}; }
    std::string_view value() const override { return {}; }
    Status status() const override { return error_.clone(); }

   private:
    const Status error_;
  };

  const Epoch epoch_;
  const Status error_;
};

}  // namespace

std::shared_ptr<const Snapshot> make_failed_snapshot(Epoch epoch, const Status& error) {
  return std::make_shared<const FailedSnapshot>(epoch, error);
}

bool RocksStore::close_database() {
  if (database_ == nullptr) return true;
  const Epoch last = snapshot_->epoch();
  const auto closed = database_->closed;
  const std::weak_ptr<Database> readers = database_;
  snapshot_.reset();
  database_.reset();
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (!closed->load(std::memory_order_acquire)) {
    if (std::chrono::steady_clock::now() >= until) {
      database_ = readers.lock();
      if (database_ != nullptr) {
        snapshot_ = take_rocks_snapshot(database_, last);
        return false;
      }  // else the last reader is closing it just now
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

Status RocksStore::resume() {
  if (!refusal_) return {};
  if (refusal_->sqlstate != data::sqlstate::kDiskFull) return Status(*refusal_);
  // Opening writes what the logs hold to files, and its own.
  FOREBAY_RETURN_IF_ERROR(probe(directory_, options_.memtable_bytes / 2 + (4 << 20)));
  std::lock_guard lock(snapshot_mutex_);
  const Epoch last = snapshot_->epoch();
  if (!close_database()) {
    return no_space("the disk has space again, but reads that began before are still running");
  }
  (void)hit_failpoint("resume.before_open");
  Result<OpenedDatabase> opened = open_database(directory_, options_, true);
  if (!opened.is_ok()) {
    Status status = opened.take_status();
    snapshot_ = make_failed_snapshot(last, status);
    return status;
  }
  adopt(std::move(opened).value());
  mode_ = Mode::kBatch;
  small_epochs_ = 0;
  refusal_.reset();
  return {};
}

}  // namespace forebay::state
