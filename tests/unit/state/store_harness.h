#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include "engine/data/row_codec.h"
#include "state/store.h"
#include "tests/support/seed.h"

/// What the tests of the state library share.
namespace forebay::state::testing {

/// A directory of its own that goes away with the object.
class TemporaryDirectory {
 public:
  /// `parent` empty: where temporary files go.
  explicit TemporaryDirectory(const std::filesystem::path& parent = {}) {
    std::string pattern = ((parent.empty() ? std::filesystem::temp_directory_path() : parent) /
                           "forebay_state_XXXXXX")
                              .string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

enum class Kind { kModel, kRocksBatch, kRocksIngest, kRocksMixed };

/// A store that can be opened anew, of either kind.
class Harness {
 public:
  explicit Harness(Kind kind) : kind_(kind) { reset(); }
  /// Begins anew with an empty store.
  void reset() {
    store_.reset();
    if (kind_ != Kind::kModel) directory_.emplace();
    reopen();
  }
  Store& store() { return *store_; }
  void reopen() {
    if (kind_ == Kind::kModel) {
      store_ = store_ == nullptr ? make_model_store() : reopen_model_store(*store_);
      return;
    }
    store_.reset();
    StoreOptions options;
    options.memtable_bytes = 1 << 20;
    options.block_cache_bytes = 8 << 20;
    options.ingest_least_changes = kind_ == Kind::kRocksBatch    ? UINT64_MAX
                                   : kind_ == Kind::kRocksIngest ? 0
                                                                 : 100;
    auto opened = open_rocks_store(directory_->path(), options);
    ASSERT_TRUE(opened.is_ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }
  void commit(std::vector<SealedRun> runs, std::vector<DroppedTable> dropped = {}) {
    Status status =
        store_->commit(store_->last_committed().next(), std::move(runs), std::move(dropped));
    ASSERT_TRUE(status.is_ok()) << status.error().message;
  }
  void commit(SealedRun run) {
    std::vector<SealedRun> runs;
    runs.push_back(std::move(run));
    commit(std::move(runs));
  }

 private:
  Kind kind_;
  std::optional<TemporaryDirectory> directory_;
  std::unique_ptr<Store> store_;
};

/// All keys and values of a family in a snapshot.
inline std::map<std::string, std::string> contents(const Snapshot& snapshot, Family family) {
  std::map<std::string, std::string> map;
  auto cursor = snapshot.scan(family, {}, {});
  std::string last;
  for (; cursor->valid(); cursor->next()) {
    EXPECT_TRUE(map.empty() || last < cursor->key());
    last = cursor->key();
    map[last] = cursor->value();
  }
  EXPECT_TRUE(cursor->status().is_ok());
  return map;
}

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t bound) { return engine_() % bound; }

 private:
  std::mt19937_64 engine_;
};

inline data::KeyRows key_rows(const std::vector<std::string>& keys) {
  data::KeyRows rows;
  rows.offsets.push_back(0);
  for (const std::string& key : keys) {
    rows.bytes += key;
    rows.offsets.push_back(static_cast<uint32_t>(rows.bytes.size()));
  }
  data::add_hashes(rows);
  return rows;
}

/// The n-th key of a domain: self-delimiting, of uneven length.
inline std::string key_of(uint64_t number) {
  data::Datum text{data::kTextType, std::string(number % 37, 'x') + std::to_string(number)};
  std::string key;
  data::append_key(text, data::KeyMode::kGrouping, key);
  return key;
}

}  // namespace forebay::state::testing
