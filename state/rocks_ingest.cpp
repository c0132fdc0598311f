#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "state/rocks_support.h"

namespace forebay::state {

namespace {

/// Larger epochs become several files with disjoint ranges. Compaction takes each file in level 0
/// for a sorted run of its own: with smaller files every other large epoch would set off a merge of
/// nearly all there is.
constexpr uint64_t kFileBytes = uint64_t{1} << 30;

/// Sets what is compared first: 16 bytes of the key behind its first `skipped`.
void set_prefix(SortedChange& sorted, size_t skipped) {
  char bytes[16] = {};
  std::string_view key = sorted.change->key;
  key.remove_prefix(std::min(skipped, key.size()));
  std::memcpy(bytes, key.data(), std::min<size_t>(key.size(), sizeof bytes));
  std::memcpy(sorted.prefix, bytes, sizeof bytes);
  sorted.prefix[0] = __builtin_bswap64(sorted.prefix[0]);
  sorted.prefix[1] = __builtin_bswap64(sorted.prefix[1]);
}

bool comes_before(const SortedChange& a, const SortedChange& b) {
  if (a.prefix[0] != b.prefix[0]) return a.prefix[0] < b.prefix[0];
  if (a.prefix[1] != b.prefix[1]) return a.prefix[1] < b.prefix[1];
  return a.change->key < b.change->key;
}

/// Brings kTouched changes into the cache. They lie all over the runs, on pages that the TLB does
/// not know, where a prefetch may do nothing (measured on an EPYC); loads in a row wait together.
constexpr size_t kTouched = 32;
void touch(std::span<const SortedChange> changes, size_t from) {
  const size_t count = std::min(kTouched, changes.size() - from);
  unsigned char sum = 0;
  const char* keys[kTouched];
  for (size_t i = 0; i < count; ++i) keys[i] = changes[from + i].change->key.data();
  for (size_t i = 0; i < count; ++i) {
    sum ^= static_cast<unsigned char>(*keys[i]);  // keys have a prefix: none is empty
    __builtin_prefetch(keys[i] + 64);
    __builtin_prefetch(keys[i] + 128);
    __builtin_prefetch(keys[i] + 192);
  }
  asm volatile("" : : "r"(sum));
}

/// Sorts the changes of one table and shard: what all their keys begin with, such as the name of a
/// partition, is left out of the comparisons.
void sort_table(std::span<SortedChange> changes) {
  const std::string_view first = changes.front().change->key;
  size_t same = first.size();
  for (const SortedChange& change : changes) {
    const std::string_view key = change.change->key;
    const auto end = std::mismatch(first.begin(), first.begin() + static_cast<ptrdiff_t>(same),
                                   key.begin(), key.end());
    same = static_cast<size_t>(end.first - first.begin());
  }
  for (SortedChange& change : changes) set_prefix(change, same);
  // What is only added often comes in order.
  if (!std::is_sorted(changes.begin(), changes.end(), comes_before)) {
    std::sort(changes.begin(), changes.end(), comes_before);
  }
}

/// Sorts the changes of one table and shard, whose prefixes are set. Where these say nothing, as
/// all changes are of one partition, what is behind them does.
void sort_places(std::span<SortedChange> changes) {
  if (changes.size() < 2) return;
  const auto same_prefix = [&](const SortedChange& change) {
    return change.prefix[0] == changes[0].prefix[0] && change.prefix[1] == changes[0].prefix[1];
  };
  if (std::all_of(changes.begin(), changes.end(), same_prefix)) return sort_table(changes);
  // What is only added often comes in order.
  if (!std::is_sorted(changes.begin(), changes.end(), comes_before)) {
    std::sort(changes.begin(), changes.end(), comes_before);
  }
}

/// The changes of one table: how many of each shard, and what all their keys have in common.
struct TableChanges {
  std::string_view head;  // of a key, without the shard
  std::string_view first;
  size_t same;  // bytes of `first`
  size_t places[256] = {};
};

/// The tables that changes are of. An operator seals its tables one after the other, so it is
/// nearly always the one of the change before.
class ChangedTables {
 public:
  TableChanges& table_of(std::string_view key) {
    const std::string_view head = key.substr(1, kStoreKeyPrefixBytes - 1);
    if (last_ != nullptr && last_->head == head) return *last_;
    const auto found = std::find_if(tables_.begin(), tables_.end(),
                                    [&](const auto& table) { return table->head == head; });
    if (found != tables_.end()) {
      last_ = found->get();
    } else {
      tables_.push_back(std::make_unique<TableChanges>());
      last_ = tables_.back().get();
      last_->head = head;
      last_->first = key;
      last_->same = key.size();
    }
    return *last_;
  }
  void count(std::string_view key) {
    TableChanges& table = table_of(key);
    ++table.places[static_cast<uint8_t>(key.front())];
    // All but the shard, in which keys differ.
    const size_t most = std::min(table.same, key.size());
    size_t same = std::min<size_t>(1, most);
    while (same < most && key[same] == table.first[same]) ++same;
    table.same = same;
  }
  /// Turns numbers into places, by shard and table; returns how many there are in all.
  size_t place() {
    std::sort(tables_.begin(), tables_.end(),
              [](const auto& a, const auto& b) { return a->head < b->head; });
    size_t next = 0;
    for (size_t shard = 0; shard < 256; ++shard) {
      for (auto& table : tables_) next += std::exchange(table->places[shard], next);
    }
    return next;
  }
  const std::vector<std::unique_ptr<TableChanges>>& tables() const { return tables_; }

 private:
  std::vector<std::unique_ptr<TableChanges>> tables_;
  TableChanges* last_ = nullptr;
};

/// All at once: not worth a look at shards and tables.
std::vector<SortedChange> sort_few(std::span<const SealedRun> runs, size_t family) {
  std::vector<SortedChange> sorted;
  for (const SealedRun& run : runs) {
    for (const auto& change : run.changes[family]) {
      sorted.emplace_back().change = &change;
      set_prefix(sorted.back(), 0);
    }
  }
  std::sort(sorted.begin(), sorted.end(), comes_before);
  return sorted;
}

/// By shard and table first (two passes over the changes as they lie), then each shard of a table
/// by itself, which fits into the cache, and mostly without a look at the keys.
std::vector<SortedChange> sort_by_table(std::span<const SealedRun> runs, size_t f) {
  ChangedTables tables;
  for (const SealedRun& run : runs) {
    for (const auto& change : run.changes[f]) tables.count(change.key);
  }
  std::vector<SortedChange> sorted(tables.place());
  for (const SealedRun& run : runs) {
    for (const auto& change : run.changes[f]) {
      TableChanges& table = tables.table_of(change.key);
      SortedChange& place = sorted[table.places[static_cast<uint8_t>(change.key.front())]++];
      place.change = &change;
      set_prefix(place, table.same);
    }
  }
  // Places are where the next one begins now.
  size_t from = 0;
  for (size_t shard = 0; shard < 256; ++shard) {
    for (const auto& table : tables.tables()) {
      sort_places(std::span(sorted).subspan(from, table->places[shard] - from));
      from = table->places[shard];
    }
  }
  return sorted;
}

}  // namespace

std::vector<SortedChange> sort_changes(std::span<const SealedRun> runs, Family family) {
  constexpr size_t kFew = 1024;
  auto f = static_cast<size_t>(family);
  size_t count = 0;
  for (const SealedRun& run : runs) count += run.changes[f].size();
  std::vector<SortedChange> sorted = count < kFew ? sort_few(runs, f) : sort_by_table(runs, f);
#ifndef NDEBUG
  for (size_t i = 1; i < sorted.size(); ++i) {
    FOREBAY_CHECK(sorted[i - 1].change->key != sorted[i].change->key, "two changes of one key");
  }
#endif
  return sorted;
}

IngestFiles::~IngestFiles() {
  for (const auto& files : files_) {
    for (const std::string& file : files) {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
    }
  }
}

Status IngestFiles::write(Family family, std::span<const SortedChange> changes, Epoch epoch) {
  auto f = static_cast<size_t>(family);
  rocksdb::ColumnFamilyHandle* handle = database_.family(family);
  rocksdb::Options options = database_.db->GetOptions(handle);
  size_t next = 0;
  while (next < changes.size()) {
    files_[f].push_back(directory_ + "/" + std::to_string(epoch.value) + "-" + kFamilyNames[f] +
                        "-" + std::to_string(files_[f].size()) + ".sst");
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options, handle);
    rocksdb::Status status = writer.Open(files_[f].back());
    uint64_t bytes = 0;
    for (; status.ok() && next < changes.size() && bytes < kFileBytes; ++next) {
      if (next % kTouched == 0) touch(changes, next);
      const SealedRun::Change& change = *changes[next].change;
      status = change.tombstone ? writer.Delete(slice(change.key))
                                : writer.Put(slice(change.key), slice(change.value));
      bytes += change.key.size() + change.value.size();
    }
    rocksdb::ExternalSstFileInfo info;
    if (status.ok()) status = writer.Finish(&info);
    if (!status.ok()) return to_status(status, "write an epoch's state file");
    bytes_ += info.file_size;
  }
  return {};
}

Status IngestFiles::ingest() {
  std::vector<rocksdb::IngestExternalFileArg> arguments;
  for (size_t f = 0; f < kFamilyCount; ++f) {
    if (files_[f].empty()) continue;
    rocksdb::IngestExternalFileArg argument;
    argument.column_family = database_.families[f];
    argument.external_files = files_[f];
    argument.options.move_files = true;
    argument.options.failed_move_fall_back_to_copy = true;
    argument.options.snapshot_consistency = true;
    argument.options.allow_global_seqno = true;
    argument.options.allow_blocking_flush = true;
    argument.options.write_global_seqno = false;
    arguments.push_back(std::move(argument));
  }
  return to_status(database_.db->IngestExternalFiles(arguments), "commit an epoch");
}

}  // namespace forebay::state
