#include <map>
#include <mutex>
#include <set>

#include "state/failpoint.h"
#include "state/store.h"

namespace forebay::state {

namespace {

/// All that was ever committed, as versions per key; shared by stores and snapshots.
struct Contents {
  struct Version {
    uint64_t epoch;
    std::optional<std::string> value;
  };
  using Versions = std::vector<Version>;  // ascending epochs

  mutable std::mutex mutex;
  std::map<std::string, Versions, std::less<>> families[kFamilyCount];
  Epoch last;
  std::multiset<uint64_t> watched;  // epochs of living snapshots

  static const std::optional<std::string>* at(const Versions& versions, uint64_t epoch) {
    for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
      if (version->epoch <= epoch) return &version->value;
    }
    return nullptr;
  }
  /// Adds a version and drops those that nobody can see any more.
  void change(Family family, std::string_view key, std::optional<std::string> value, Epoch epoch) {
    auto& map = families[static_cast<int>(family)];
    auto found = map.find(key);
    if (found == map.end()) found = map.emplace(std::string(key), Versions()).first;
    Versions& versions = found->second;
    uint64_t oldest = watched.empty() ? last.value : std::min(*watched.begin(), last.value);
    while (versions.size() > 1 && versions[1].epoch <= oldest) versions.erase(versions.begin());
    versions.push_back({epoch.value, std::move(value)});
  }
  void drop(const DroppedTable& dropped, Epoch epoch) {
    auto& map = families[static_cast<int>(dropped.family)];
    for (uint16_t shard = 0; shard < data::kShardCount; ++shard) {
      std::string prefix = store_key_prefix(shard, dropped.table);
      for (auto it = map.lower_bound(prefix); it != map.end() && it->first.starts_with(prefix);
           ++it) {
        it->second.push_back({epoch.value, std::nullopt});
      }
    }
  }
};

class ModelSnapshot final : public Snapshot {
 public:
  /// Locks `contents`.
  ModelSnapshot(std::shared_ptr<Contents> contents, Epoch epoch)
      : contents_(std::move(contents)), epoch_(epoch) {
    std::lock_guard lock(contents_->mutex);
    contents_->watched.insert(epoch_.value);
  }
  ~ModelSnapshot() override {
    std::lock_guard lock(contents_->mutex);
    contents_->watched.erase(contents_->watched.find(epoch_.value));
  }

  Epoch epoch() const override { return epoch_; }
  Result<std::optional<std::string>> get(Family family, std::string_view key) const override {
    std::lock_guard lock(contents_->mutex);
    const auto& map = contents_->families[static_cast<int>(family)];
    auto found = map.find(key);
    if (found == map.end()) return std::optional<std::string>();
    const auto* value = Contents::at(found->second, epoch_.value);
    return value == nullptr ? std::optional<std::string>() : *value;
  }
  Status multi_get(Family family, std::span<const std::string_view> keys,
                   std::vector<std::optional<std::string>>& values) const override {
    values.clear();
    for (std::string_view key : keys) {
      FOREBAY_ASSIGN_OR_RETURN(auto value, get(family, key));
      values.push_back(std::move(value));
    }
    return {};
  }
  std::unique_ptr<Cursor> scan(Family family, std::string_view lower,
                               std::string_view upper) const override;

 private:
  friend class ModelCursor;
  std::shared_ptr<Contents> contents_;
  Epoch epoch_;
};

/// Looks its next key up anew each time, so that commits may happen meanwhile.
class ModelCursor final : public Cursor {
 public:
  ModelCursor(std::shared_ptr<Contents> contents, Epoch epoch, Family family,
              std::string_view lower, std::string_view upper)
      : contents_(std::move(contents)),
        epoch_(epoch),
        family_(family),
        lower_(lower),
        upper_(upper) {
    seek(lower);
  }
  bool valid() const override { return valid_; }
  void next() override { move(key_, true); }
  void seek(std::string_view key) override {
    move(std::string(std::max<std::string_view>(key, lower_)), false);
  }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  Status status() const override { return {}; }

 private:
  void move(const std::string& from, bool beyond) {
    std::lock_guard lock(contents_->mutex);
    const auto& map = contents_->families[static_cast<int>(family_)];
    auto it = beyond ? map.upper_bound(from) : map.lower_bound(from);
    for (; it != map.end() && (upper_.empty() || it->first < upper_); ++it) {
      const auto* value = Contents::at(it->second, epoch_.value);
      if (value == nullptr || !value->has_value()) continue;
      key_ = it->first;
      value_ = **value;
      valid_ = true;
      return;
    }
    valid_ = false;
  }

  std::shared_ptr<Contents> contents_;
  Epoch epoch_;
  Family family_;
  std::string lower_, upper_;
  std::string key_, value_;
  bool valid_ = false;
};

std::unique_ptr<Cursor> ModelSnapshot::scan(Family family, std::string_view lower,
                                            std::string_view upper) const {
  return std::make_unique<ModelCursor>(contents_, epoch_, family, lower, upper);
}

class ModelStore final : public Store {
 public:
  explicit ModelStore(std::shared_ptr<Contents> contents) : contents_(std::move(contents)) {
    snapshot_ = std::make_shared<ModelSnapshot>(contents_, contents_->last);
  }

  Status commit(Epoch epoch, std::vector<SealedRun> runs,
                std::vector<DroppedTable> dropped) override {
    if (refused_ || is_full_) return fail("the store was closed by an earlier failure");
    FOREBAY_CHECK(epoch > last_committed(), std::to_string(epoch.value));
    if (hit_failpoint("commit.no_space")) {
      is_full_ = true;
      return Status::environment(data::sqlstate::kDiskFull, "fail point");
    }
    if (hit_failpoint("commit.before_write")) return fail("fail point");
    {
      std::lock_guard lock(contents_->mutex);
      for (const DroppedTable& table : dropped) contents_->drop(table, epoch);
      std::set<std::pair<int, std::string_view>> keys;
      for (const SealedRun& run : runs) {
        for (int family = 0; family < kFamilyCount; ++family) {
          for (const SealedRun::Change& change : run.changes[family]) {
            FOREBAY_CHECK(keys.emplace(family, change.key).second, "two changes of one key");
          }
        }
        apply(run, epoch);
      }
      contents_->last = epoch;
    }
    if (hit_failpoint("commit.before_snapshot")) return fail("fail point");
    auto snapshot = std::make_shared<const ModelSnapshot>(contents_, epoch);
    std::lock_guard lock(snapshot_mutex_);
    snapshot_ = std::move(snapshot);
    return {};
  }
  Status resume() override {
    if (refused_) return fail("the store was closed by an earlier failure");
    if (is_full_ && hit_failpoint("resume.no_space")) {
      return Status::environment(data::sqlstate::kDiskFull, "fail point");
    }
    is_full_ = false;
    return {};
  }
  Epoch last_committed() const override { return snapshot()->epoch(); }
  std::shared_ptr<const Snapshot> snapshot() const override {
    std::lock_guard lock(snapshot_mutex_);
    return snapshot_;
  }
  StoreFigures figures() const override {
    StoreFigures figures;
    std::lock_guard lock(contents_->mutex);
    for (const auto& map : contents_->families) {
      for (const auto& [key, versions] : map) {
        const auto& value = versions.back().value;
        if (value.has_value()) figures.data_bytes += key.size() + value->size();
      }
    }
    figures.memory_bytes = figures.data_bytes;
    return figures;
  }
  std::shared_ptr<Contents> crash() {
    refused_ = true;
    return contents_;
  }

 private:
  Status fail(std::string message) {
    refused_ = true;
    return Status::environment(data::sqlstate::kIoError, std::move(message));
  }
  void apply(const SealedRun& run, Epoch epoch) {
    for (int family = 0; family < kFamilyCount; ++family) {
      for (const SealedRun::Change& change : run.changes[family]) {
        std::optional<std::string> value;
        if (!change.tombstone) value = std::string(change.value);
        contents_->change(static_cast<Family>(family), change.key, std::move(value), epoch);
      }
    }
  }

  std::shared_ptr<Contents> contents_;
  mutable std::mutex snapshot_mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  bool refused_ = false;
  bool is_full_ = false;
};

}  // namespace

std::unique_ptr<Store> make_model_store() {
  return std::make_unique<ModelStore>(std::make_shared<Contents>());
}

std::unique_ptr<Store> reopen_model_store(Store& crashed) {
  auto* model = dynamic_cast<ModelStore*>(&crashed);
  FOREBAY_CHECK(model != nullptr, "not a model store");
  return std::make_unique<ModelStore>(model->crash());
}

}  // namespace forebay::state
