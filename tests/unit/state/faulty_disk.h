#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>

/// A disk that fails on command, under RocksDB.
namespace forebay::state::testing {

class FaultyDisk final : public rocksdb::FileSystemWrapper {
 public:
  enum class Fault { kNone, kNoSpace, kWrite, kSync, kRead };

  FaultyDisk() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "FaultyDisk"; }

  /// From the operation after the next `good` ones of its kind on, `fault`, until the next call.
  void set(Fault fault, int64_t good = 0) {
    good_ = good;
    fault_ = fault;
  }
  /// Syncs of files whose sync had failed before.
  int64_t repeated_syncs() const { return repeated_syncs_; }

  rocksdb::IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (fails(Fault::kNoSpace)) return no_space();
    rocksdb::IOStatus status = target()->NewWritableFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), *this);
    return status;
  }
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        rocksdb::IODebugContext* debug) override {
    rocksdb::IOStatus status = target()->NewRandomAccessFile(name, options, file, debug);
    if (status.ok()) *file = std::make_unique<ReadFile>(std::move(*file), *this);
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& file, FaultyDisk& disk)
        : FSWritableFileOwnerWrapper(std::move(file)), disk_(disk) {}
    using FSWritableFileOwnerWrapper::Append;
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
      rocksdb::IOStatus status = disk_.before_write();
      return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, debug) : status;
    }
    rocksdb::IOStatus Append(const rocksdb::Slice& data, const rocksdb::IOOptions& options,
                             const rocksdb::DataVerificationInfo& info,
                             rocksdb::IODebugContext* debug) override {
      rocksdb::IOStatus status = disk_.before_write();
      return status.ok() ? FSWritableFileOwnerWrapper::Append(data, options, info, debug) : status;
    }
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                           rocksdb::IODebugContext* debug) override {
      return is_lost() ? error() : FSWritableFileOwnerWrapper::Sync(options, debug);
    }
    rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                            rocksdb::IODebugContext* debug) override {
      return is_lost() ? error() : FSWritableFileOwnerWrapper::Fsync(options, debug);
    }
    rocksdb::IOStatus Allocate(uint64_t, uint64_t, const rocksdb::IOOptions&,
                               rocksdb::IODebugContext*) override {
      return rocksdb::IOStatus::OK();
    }

   private:
    bool is_lost() {
      if (was_lost_) ++disk_.repeated_syncs_;
      was_lost_ = was_lost_ || disk_.fails(Fault::kSync);
      return was_lost_;
    }
    FaultyDisk& disk_;
    std::atomic<bool> was_lost_{false};
  };
  class ReadFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
   public:
    ReadFile(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, FaultyDisk& disk)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), disk_(disk) {}
    rocksdb::IOStatus Read(uint64_t offset, size_t bytes, const rocksdb::IOOptions& options,
                           rocksdb::Slice* result, char* scratch,
                           rocksdb::IODebugContext* debug) const override {
      if (disk_.fails(Fault::kRead)) return error();
      return FSRandomAccessFileOwnerWrapper::Read(offset, bytes, options, result, scratch, debug);
    }
    rocksdb::IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count,
                                const rocksdb::IOOptions& options,
                                rocksdb::IODebugContext* debug) override {
      if (disk_.fails(Fault::kRead)) return error();
      return FSRandomAccessFileOwnerWrapper::MultiRead(requests, count, options, debug);
    }

   private:
    FaultyDisk& disk_;
  };

  static rocksdb::IOStatus error() { return rocksdb::IOStatus::IOError("Input/output error"); }
  static rocksdb::IOStatus no_space() {
    return rocksdb::IOStatus::NoSpace("No space left on device");
  }
  rocksdb::IOStatus before_write() {
    if (fails(Fault::kNoSpace)) return no_space();
    return fails(Fault::kWrite) ? error() : rocksdb::IOStatus::OK();
  }
  bool fails(Fault fault) { return fault_ == fault && good_.fetch_sub(1) <= 0; }

  std::atomic<Fault> fault_{Fault::kNone};
  std::atomic<int64_t> good_{0};
  std::atomic<int64_t> repeated_syncs_{0};
};

}  // namespace forebay::state::testing
