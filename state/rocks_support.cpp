#include "state/rocks_support.h"

#include <fmt/format.h>

#include <chrono>

namespace forebay::state {

Status no_space(std::string message) {
  return Status::environment(data::sqlstate::kDiskFull, std::move(message))
      .with_hint("Free some disk space: writing goes on by itself then.");
}

Status to_status(const rocksdb::Status& status, std::string_view action) {
  if (status.ok()) return {};
  std::string message = fmt::format("could not {}: {}", action, status.ToString());
  if (status.IsCorruption()) return {data::sqlstate::kDataCorrupted, std::move(message)};
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) {
    return no_space(std::move(message));
  }
  if (status.IsIOError() || status.IsPathNotFound()) {
    return Status::environment(data::sqlstate::kIoError, std::move(message));
  }
  return Status::internal(std::move(message));
}

void BackgroundWatch::OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) {
  std::lock_guard lock(mutex_);
  if (error_.ok()) error_ = *error;
  ++jobs_;
  progress_.notify_all();
}

void BackgroundWatch::OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                                           bool* auto_recovery) {
  *auto_recovery = false;
}

void BackgroundWatch::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) {
  std::lock_guard lock(mutex_);
  bytes_written_ += job.stats.total_output_bytes;
  ++jobs_;
  progress_.notify_all();
}

void BackgroundWatch::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& job) {
  std::lock_guard lock(mutex_);
  bytes_written_ += job.table_properties.data_size + job.table_properties.index_size +
                    job.table_properties.filter_size;
  ++jobs_;
  progress_.notify_all();
}

Status BackgroundWatch::first_error() const {
  std::lock_guard lock(mutex_);
  return to_status(error_, "keep the state store in order");
}

uint64_t BackgroundWatch::bytes_written() const {
  std::lock_guard lock(mutex_);
  return bytes_written_;
}

void BackgroundWatch::wait_for_progress() {
  std::unique_lock lock(mutex_);
  uint64_t before = jobs_;
  progress_.wait_for(lock, std::chrono::milliseconds(20), [&] { return jobs_ != before; });
}

Database::~Database() {
  if (db != nullptr) {
    for (rocksdb::ColumnFamilyHandle* handle : families) {
      if (handle != nullptr) (void)db->DestroyColumnFamilyHandle(handle);
    }
    (void)db->Close();
    db.reset();
  }
  closed->store(true, std::memory_order_release);
}

std::string format_record_key() { return store_key_prefix(0, TableId(0)) + "format"; }
std::string identity_record_prefix() { return store_key_prefix(0, TableId(0)) + "identity/"; }
std::string epoch_record_key() { return store_key_prefix(0, TableId(0)) + "epoch"; }

}  // namespace forebay::state
