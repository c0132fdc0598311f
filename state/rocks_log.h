#pragma once

#include <rocksdb/env.h>

#include <mutex>
#include <string>

namespace forebay::state {

/// RocksDB's messages, in the file LOG of the data directory. RocksDB's own logger goes through a
/// file writer that must not be used again after a failed write, and uses it again: on a full disk
/// a build with assertions ends the process. Here a line that can't be written is lost.
class StoreLog final : public rocksdb::Logger {
 public:
  /// Opens <directory>/LOG at its end; a large one is kept once, as LOG.old.
  explicit StoreLog(const std::string& directory);
  ~StoreLog() override;
  using rocksdb::Logger::Logv;
  void Logv(const char* format, va_list arguments) override;

 private:
  std::mutex mutex_;
  int file_;          // -1: nothing is written
  uint64_t written_;  // bytes in the file
};

}  // namespace forebay::state
