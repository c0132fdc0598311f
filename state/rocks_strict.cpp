#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include "state/rocks_support.h"

namespace forebay::state {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

/// A log or manifest. Appended to and synced by one thread at a time.
class StrictFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  explicit StrictFile(std::unique_ptr<rocksdb::FSWritableFile>&& file)
      : FSWritableFileOwnerWrapper(std::move(file)) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  IODebugContext* debug) override {
    if (!error_.ok()) return error_;
    return appended(data.size(), target()->Append(data, options, debug));
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& info, IODebugContext* debug) override {
    if (!error_.ok()) return error_;
    return appended(data.size(), target()->Append(data, options, info, debug));
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return error_.ok() ? synced(target()->Sync(options, debug)) : error_;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return error_.ok() ? synced(target()->Fsync(options, debug)) : error_;
  }

 private:
  IOStatus appended(uint64_t bytes, IOStatus status) {
    if (!status.ok()) return give_up(std::move(status));
    bytes_ += bytes;
    return status;
  }
  IOStatus synced(IOStatus status) {
    if (!status.ok()) return give_up(std::move(status));
    synced_bytes_ = bytes_;
    return status;
  }
  IOStatus give_up(IOStatus status) {
    error_ = status;
    // Best effort: where not even this works, recovery judges what is there.
    target()->Truncate(synced_bytes_, IOOptions(), nullptr).PermitUncheckedError();
    return status;
  }

  uint64_t bytes_ = 0, synced_bytes_ = 0;
  IOStatus error_;
};

class StrictFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "ForebayStrict"; }

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext* debug) override {
    IOStatus status = target()->NewWritableFile(name, options, file, debug);
    const size_t slash = name.rfind('/');
    const std::string_view base =
        std::string_view(name).substr(slash == std::string::npos ? 0 : slash + 1);
    if (status.ok() && (base.ends_with(".log") || base.starts_with("MANIFEST-"))) {
      *file = std::make_unique<StrictFile>(std::move(*file));
    }
    return status;
  }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_strict_env(rocksdb::Env* base) {
  return rocksdb::NewCompositeEnv(std::make_shared<StrictFileSystem>(
      base == nullptr ? rocksdb::FileSystem::Default() : base->GetFileSystem()));
}

}  // namespace forebay::state
