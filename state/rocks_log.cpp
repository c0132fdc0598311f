#include "state/rocks_log.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <ctime>
#include <filesystem>

namespace forebay::state {

namespace {

/// A log above this is renamed at the next opening.
constexpr uint64_t kOldLogBytes = 1 << 20;
/// What one opening writes at most: a disk that is filling up must not be filled by its warnings.
constexpr uint64_t kMostLogBytes = 16 << 20;

}  // namespace

StoreLog::StoreLog(const std::string& directory)
    : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {
  std::string path = directory + "/LOG";
  std::error_code error;
  uint64_t size = std::filesystem::file_size(path, error);
  if (error) size = 0;
  if (size > kOldLogBytes) {
    std::filesystem::rename(path, directory + "/LOG.old", error);
    size = 0;
  }
  file_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  written_ = size;
}

StoreLog::~StoreLog() {
  if (file_ >= 0) close(file_);
}

void StoreLog::Logv(const char* format, va_list arguments) {
  char text[2000];
  if (std::vsnprintf(text, sizeof text, format, arguments) < 0 || file_ < 0) return;
  std::string line =
      fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::gmtime(std::time(nullptr)), text);
  std::lock_guard lock(mutex_);
  if (written_ + line.size() > kMostLogBytes) return;
  ssize_t size = write(file_, line.data(), line.size());
  if (size > 0) written_ += static_cast<uint64_t>(size);
}

}  // namespace forebay::state
