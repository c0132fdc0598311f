#pragma once

#include <memory>
#include <string>

#include "connectors/buffer_pool.h"
#include "connectors/format.h"

struct stat;

namespace forebay::connectors {

/// A stretch of whole records that was read but not yet given away.
struct FileChunk {
  std::shared_ptr<char[]> buffer;
  size_t size = 0;      // bytes of whole records
  size_t consumed = 0;  // given away so far
  bool oversized = false;
  uint64_t skip_to = 0;  // oversized: where the next record starts
  bool is_empty() const { return consumed >= size; }
};

/// Sizes that tests make small.
struct FileLimits {
  size_t chunk_bytes = size_t{1} << 20;
  size_t max_record_bytes = size_t{100} << 20;
};

/// One file of a source: how far it has been read, and whether it is still the file that we began
/// with. Identity is judged by content: the hashes of the first and the last 4 KiB before the
/// position, besides the size. The inode only says when to look.
class TrackedFile {
 public:
  TrackedFile(PartitionId id, std::string path, const Format& format, FileLimits limits);
  ~TrackedFile();
  TrackedFile(const TrackedFile&) = delete;
  TrackedFile& operator=(const TrackedFile&) = delete;

  PartitionId id() const { return id_; }
  const std::string& path() const { return path_; }
  uint64_t next() const { return next_; }
  uint64_t known_size() const { return size_; }
  const std::shared_ptr<const std::string>& header() const { return header_; }

  /// Continues where `position` says. The content is checked at the first read.
  Status restore(const PartitionPosition& position);
  /// Looks at the file's size and inode. `exists` tells whether there is one.
  Status refresh(bool& exists);
  /// Input beyond the present size is not read.
  void set_end(uint64_t end) { end_ = end; }
  /// There may be something to read that was not tried yet.
  bool may_have_more() const { return next_ < limit() && tried_size_ != limit(); }
  /// Reads whole records into an empty `chunk`. False: no whole record at the moment.
  Result<bool> read(BufferPool& pool, FileChunk& chunk);
  /// Notes that the bytes [from, from + size) of `chunk` were given away; returns the position's
  /// state.
  std::string advance(const FileChunk& chunk, size_t from, size_t size);
  void close();

 private:
  uint64_t limit() const { return bounded() ? end_ : size_; }
  bool bounded() const { return end_ != UINT64_MAX; }
  Status open();
  Status verify();
  Result<bool> read_start(BufferPool& pool);
  Result<size_t> read_bytes(char* target, size_t bytes, uint64_t offset);
  Result<bool> read_oversized(const std::shared_ptr<char[]>& buffer, size_t size, FileChunk& chunk);
  Status io_error(const char* what) const;
  Status changed(std::string what) const;

  const PartitionId id_;
  const std::string path_;
  const Format& format_;
  const FileLimits limits_;

  uint64_t next_ = 0;
  uint64_t size_ = 0;
  uint64_t end_ = UINT64_MAX;
  uint64_t tried_size_ = UINT64_MAX;  // a limit up to which no whole record was found
  uint64_t skipped_to_ = 0;           // an endless record: no newline before this
  int fd_ = -1;
  uint64_t inode_ = 0;
  bool verified_ = true;
  bool started_ = false;  // header and byte order mark are read
  std::shared_ptr<const std::string> header_;

  // What stood before next_.
  std::string tail_;        // the last at most 4 KiB
  uint64_t head_hash_ = 0;  // of the first 4 KiB; 0 while next_ is below
  uint64_t restored_tail_hash_ = 0;
};

}  // namespace forebay::connectors
