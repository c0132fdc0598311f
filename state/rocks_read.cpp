#include "state/rocks_support.h"

namespace forebay::state {

namespace {

class RocksCursor final : public Cursor {
 public:
  RocksCursor(std::shared_ptr<const Snapshot> snapshot, const Database& database, Family family,
              const rocksdb::Snapshot* at, std::string_view lower, std::string_view upper)
      : snapshot_(std::move(snapshot)), lower_(lower), upper_(upper), upper_slice_(slice(upper_)) {
    rocksdb::ReadOptions options;
    options.snapshot = at;
    if (!upper_.empty()) options.iterate_upper_bound = &upper_slice_;
    iterator_.reset(database.db->NewIterator(options, database.family(family)));
    iterator_->Seek(slice(lower_));
  }
  bool valid() const override { return iterator_->Valid(); }
  void next() override { iterator_->Next(); }
  void seek(std::string_view key) override {
    iterator_->Seek(slice(std::max<std::string_view>(key, lower_)));
  }
  std::string_view key() const override { return view(iterator_->key()); }
  std::string_view value() const override { return view(iterator_->value()); }
  Status status() const override { return to_status(iterator_->status(), "read the state"); }

 private:
  std::shared_ptr<const Snapshot> snapshot_;  // outlives the iterator
  std::string lower_, upper_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

class RocksSnapshot final : public Snapshot, public std::enable_shared_from_this<RocksSnapshot> {
 public:
  RocksSnapshot(std::shared_ptr<Database> database, Epoch epoch)
      : database_(std::move(database)), epoch_(epoch), at_(database_->db->GetSnapshot()) {}
  ~RocksSnapshot() override { database_->db->ReleaseSnapshot(at_); }

  Epoch epoch() const override { return epoch_; }

  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    rocksdb::PinnableSlice value;
    rocksdb::Status status =
        database_->db->Get(read_options(), database_->family(family), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (!status.ok()) return to_status(status, "read the state");
    return std::optional<std::string>(value.ToString());
  }

  Status multi_get(Family family, std::span<const std::string_view> keys,
                   std::vector<std::optional<std::string>>& values) const override {
    constexpr size_t kAtOnce = 128;
    values.assign(keys.size(), std::nullopt);
    rocksdb::Slice slices[kAtOnce];
    rocksdb::PinnableSlice found[kAtOnce];
    rocksdb::Status statuses[kAtOnce];
    for (size_t from = 0; from < keys.size(); from += kAtOnce) {
      size_t count = std::min(kAtOnce, keys.size() - from);
      for (size_t i = 0; i < count; ++i) slices[i] = slice(keys[from + i]);
      database_->db->MultiGet(read_options(), database_->family(family), count, slices, found,
                              statuses, true);
      for (size_t i = 0; i < count; ++i) {
        if (statuses[i].ok()) {
          values[from + i].emplace(found[i].data(), found[i].size());
        } else if (!statuses[i].IsNotFound()) {
          return to_status(statuses[i], "read the state");
        }
        found[i].Reset();
      }
    }
    return {};
  }

  std::unique_ptr<Cursor> scan(Family family, std::string_view lower,
                               std::string_view upper) const override {
    return std::make_unique<RocksCursor>(shared_from_this(), *database_, family, at_, lower, upper);
  }

 private:
  rocksdb::ReadOptions read_options() const {
    rocksdb::ReadOptions options;
    options.snapshot = at_;
    return options;
  }

  std::shared_ptr<Database> database_;
  Epoch epoch_;
  const rocksdb::Snapshot* at_;
};

}  // namespace

std::shared_ptr<const Snapshot> take_rocks_snapshot(std::shared_ptr<Database> database,
                                                    Epoch epoch) {
  return std::make_shared<const RocksSnapshot>(std::move(database), epoch);
}

}  // namespace forebay::state
