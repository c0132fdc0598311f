#include "connectors/file/tracked_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace forebay::connectors {

namespace {

constexpr size_t kIdentityBytes = 4096;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

uint64_t hash_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace

TrackedFile::TrackedFile(PartitionId id, std::string path, const Format& format, FileLimits limits)
    : id_(id), path_(std::move(path)), format_(format), limits_(limits) {}

TrackedFile::~TrackedFile() { close(); }

void TrackedFile::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status TrackedFile::io_error(const char* what) const {
  return Status::environment(
      errno == ENOENT ? data::sqlstate::kUndefinedFile : data::sqlstate::kIoError,
      fmt::format("could not {} file \"{}\": {}", what, path_, std::strerror(errno)));
}

Status TrackedFile::changed(std::string what) const {
  return Status(
      data::Error{.sqlstate = data::sqlstate::kNotInPrerequisiteState,
                  .fault = data::Fault::kEnvironment,
                  .retryable = false,
                  .message = fmt::format("file \"{}\" {}", path_, what),
                  .detail = fmt::format("{} bytes of it had been read.", next_),
                  .hint = "Put the old contents back, or drop the source and create it again.",
                  .position = 0});
}

Status TrackedFile::restore(const PartitionPosition& position) {
  next_ = position.next.value;
  started_ = next_ > 0 && !format_.has_header();
  verified_ = next_ == 0;
  if (next_ == 0) return Status::ok();
  int length = 0;
  if (std::sscanf(position.state.c_str(), "1 inode=%" SCNu64 " head=%" SCNx64 " tail=%" SCNx64 "%n",
                  &inode_, &head_hash_, &restored_tail_hash_, &length) != 3 ||
      static_cast<size_t>(length) != position.state.size()) {
    return Status(
        data::sqlstate::kDataCorrupted,
        fmt::format("position of file \"{}\" is not readable: \"{}\"", path_, position.state));
  }
  return Status::ok();
}

Status TrackedFile::refresh(bool& exists) {
  struct stat facts;
  exists = ::stat(path_.c_str(), &facts) == 0;
  if (!exists) {
    if (errno == ENOENT || errno == ENOTDIR) {
      if (next_ < size_ && fd_ < 0) return changed("was removed before its end was read");
      return Status::ok();
    }
    return io_error("look at");
  }
  if (!S_ISREG(facts.st_mode)) {
    return Status(data::sqlstate::kWrongObjectType, fmt::format("\"{}\" is not a file", path_))
        .with_hint("Name a file, or a pattern such as 'folder/*.json'.");
  }
  if (facts.st_ino != inode_) {
    close();
    verified_ = next_ == 0;
  } else if (static_cast<uint64_t>(facts.st_size) != size_ && next_ > 0) {
    verified_ = false;  // it may have been cut and written again
  }
  inode_ = facts.st_ino;
  size_ = static_cast<uint64_t>(facts.st_size);
  if (size_ < next_) return changed(fmt::format("was truncated to {} bytes", size_));
  return Status::ok();
}

Status TrackedFile::open() {
  if (fd_ < 0) {
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return io_error("open");
    struct stat facts;
    if (::fstat(fd_, &facts) != 0) return io_error("look at");
    if (facts.st_ino != inode_) verified_ = next_ == 0;
    inode_ = facts.st_ino;
  }
  return verified_ ? Status::ok() : verify();
}

/// Compares what stands before the position with what was read there.
Status TrackedFile::verify() {
  size_t tail_size = static_cast<size_t>(std::min<uint64_t>(next_, kIdentityBytes));
  std::string bytes(tail_size, '\0');
  FOREBAY_ASSIGN_OR_RETURN(size_t got, read_bytes(bytes.data(), tail_size, next_ - tail_size));
  if (got < tail_size) return changed("was truncated");
  uint64_t expected = tail_.empty() ? restored_tail_hash_ : hash_of(tail_);
  if (hash_of(bytes) != expected) return changed("was replaced");
  tail_ = std::move(bytes);
  if (head_hash_ != 0) {
    char head[kIdentityBytes];
    FOREBAY_ASSIGN_OR_RETURN(size_t head_got, read_bytes(head, kIdentityBytes, 0));
    if (hash_of({head, head_got}) != head_hash_) return changed("was replaced");
  }
  verified_ = true;
  return Status::ok();
}

Result<size_t> TrackedFile::read_bytes(char* target, size_t bytes, uint64_t offset) {
  size_t got = 0;
  while (got < bytes) {
    ssize_t count = ::pread(fd_, target + got, bytes - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io_error("read");
    if (count == 0) break;
    got += static_cast<size_t>(count);
  }
  return got;
}

/// Reads the header and steps over a byte order mark. False: not all there yet.
Result<bool> TrackedFile::read_start(BufferPool& pool) {
  if (!format_.has_header()) {
    char mark[3];
    FOREBAY_ASSIGN_OR_RETURN(size_t got, read_bytes(mark, 3, 0));
    if (std::string_view(mark, got) == kByteOrderMark) {
      next_ = 3;
      tail_ = kByteOrderMark;
    }
    started_ = true;
    return true;
  }
  size_t wanted = static_cast<size_t>(std::min<uint64_t>(limit(), limits_.chunk_bytes));
  std::shared_ptr<char[]> buffer = pool.get(wanted);
  FOREBAY_ASSIGN_OR_RETURN(size_t got, read_bytes(buffer.get(), wanted, 0));
  std::string_view bytes(buffer.get(), got);
  size_t mark = bytes.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  uint64_t count = 0;
  size_t size = format_.first_records(bytes.substr(mark), 1, count) + mark;
  if (count == 0) {
    if (got == limits_.chunk_bytes) {
      return Status(data::sqlstate::kBadCopyFormat,
                    fmt::format("the header of file \"{}\" does not end", path_));
    }
    if (!bounded()) return false;
    size = got;
  }
  header_ = std::make_shared<const std::string>(bytes.substr(mark, size - mark));
  started_ = true;
  if (next_ == 0) {
    next_ = size;
    tail_ = bytes.substr(size - std::min(size, kIdentityBytes), std::min(size, kIdentityBytes));
  }
  return true;
}

Result<bool> TrackedFile::read(BufferPool& pool, FileChunk& chunk) {
  chunk = FileChunk();
  const uint64_t limit_now = limit();
  FOREBAY_RETURN_IF_ERROR(open());
  if (!started_) {
    FOREBAY_ASSIGN_OR_RETURN(bool started, read_start(pool));
    if (!started) {
      tried_size_ = limit_now;
      return false;
    }
  }
  if (next_ >= limit_now) return false;
  size_t capacity = limits_.chunk_bytes;
  while (true) {
    size_t wanted = static_cast<size_t>(std::min<uint64_t>(limit_now - next_, capacity));
    std::shared_ptr<char[]> buffer = pool.get(std::max(wanted, limits_.chunk_bytes));
    FOREBAY_ASSIGN_OR_RETURN(size_t got, read_bytes(buffer.get(), wanted, next_));
    if (got < wanted) return changed("was truncated");
    std::memset(buffer.get() + got, 0, kBufferPadding);
    bool at_end = next_ + got == limit_now;
    size_t size = at_end && bounded() ? got : format_.whole_records({buffer.get(), got});
    if (size > 0) {
      chunk.buffer = std::move(buffer);
      chunk.size = size;
      return true;
    }
    if (at_end) {
      tried_size_ = limit_now;
      return false;
    }
    if (capacity >= limits_.max_record_bytes) return read_oversized(buffer, got, chunk);
    capacity = std::min(capacity * 2, limits_.max_record_bytes);
  }
}

/// A record that does not end within the limit: its first line is given as bad, and reading goes on
/// behind that (an unclosed quote must not take the rest of the file with it).
Result<bool> TrackedFile::read_oversized(const std::shared_ptr<char[]>& buffer, size_t size,
                                         FileChunk& chunk) {
  const void* newline = std::memchr(buffer.get(), '\n', size);
  uint64_t record_end = 0;
  if (newline != nullptr) {
    record_end = next_ + static_cast<size_t>(static_cast<const char*>(newline) - buffer.get()) + 1;
  } else {
    uint64_t at = std::max(next_ + size, skipped_to_);
    std::string window(limits_.chunk_bytes, '\0');
    while (record_end == 0) {
      size_t wanted = static_cast<size_t>(std::min<uint64_t>(limit() - at, window.size()));
      FOREBAY_ASSIGN_OR_RETURN(size_t got, read_bytes(window.data(), wanted, at));
      if (got < wanted) return changed("was truncated");
      size_t found = std::string_view(window.data(), got).find('\n');
      if (found != std::string_view::npos) {
        record_end = at + found + 1;
      } else if (got == 0) {
        skipped_to_ = at;
        tried_size_ = limit();
        if (!bounded()) return false;
        record_end = at;
      }
      at += got;
    }
  }
  chunk.buffer = buffer;
  chunk.size =
      static_cast<size_t>(std::min<uint64_t>({record_end - next_, size, kMaxBadRecordBytes}));
  chunk.oversized = true;
  chunk.skip_to = record_end;
  return true;
}

std::string TrackedFile::advance(const FileChunk& chunk, size_t from, size_t size) {
  next_ = chunk.oversized ? chunk.skip_to : next_ + size;
  if (chunk.oversized) {
    size_t tail_size = static_cast<size_t>(std::min<uint64_t>(next_, kIdentityBytes));
    tail_.resize(tail_size);
    auto got = read_bytes(tail_.data(), tail_size, next_ - tail_size);
    if (!got || *got < tail_size) tail_.clear();
  } else if (size >= kIdentityBytes) {
    tail_.assign(chunk.buffer.get() + from + size - kIdentityBytes, kIdentityBytes);
  } else {
    tail_.append(chunk.buffer.get() + from, size);
    if (tail_.size() > kIdentityBytes) tail_.erase(0, tail_.size() - kIdentityBytes);
  }
  if (head_hash_ == 0 && next_ >= kIdentityBytes) {
    char head[kIdentityBytes];
    auto got = read_bytes(head, kIdentityBytes, 0);
    if (got && *got == kIdentityBytes) head_hash_ = hash_of({head, kIdentityBytes});
  }
  return fmt::format("1 inode={} head={:x} tail={:x}", inode_, head_hash_, hash_of(tail_));
}

}  // namespace forebay::connectors
