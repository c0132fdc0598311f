#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "engine/data/row_codec.h"
#include "state/state_table.h"

/// Figures of the state library: state_bench [point|ordered|sort|commit DIRTY SECONDS
/// [VALUE_BYTES]| read|open] [-d directory]. Without a section: all, in a directory under /var/tmp.

namespace {

using namespace forebay;
using namespace forebay::state;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Processor time of this thread, for what is done in memory: other load on the machine counts
/// less.
struct Work {
  double start = now();
  static double now() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
  }
  double seconds() const { return now() - start; }
};

template <typename T>
T expect(data::Result<T> result) {
  if (!result.is_ok()) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    std::exit(1);
  }
  return std::move(result).value();
}
void expect(const data::Status& status) {
  if (status.is_ok()) return;
  std::fprintf(stderr, "%s\n", status.to_string().c_str());
  std::exit(1);
}

/// Keys of one bigint column.
data::KeyRows keys_of(const std::vector<int64_t>& numbers) {
  data::ColumnBuilder column(data::kBigintType);
  for (int64_t number : numbers) column.append(number);
  std::vector<data::ColumnRef> columns{column.finish()};
  data::ChangeBatch batch(std::move(columns), static_cast<uint32_t>(numbers.size()));
  data::KeyRows keys;
  uint32_t number = 0;
  data::encode_keys(batch, {&number, 1}, data::KeyMode::kGrouping, keys);
  data::add_hashes(keys);
  return keys;
}

constexpr uint32_t kBatch = 4096;

/// Calls visit(keys) for batches of random keys below `domain`.
template <typename F>
double random_batches(uint64_t domain, uint64_t total, F&& visit) {
  std::mt19937_64 random(1);
  double used = 0;
  std::vector<int64_t> numbers(kBatch);
  for (uint64_t done = 0; done < total; done += kBatch) {
    for (int64_t& number : numbers) number = static_cast<int64_t>(random() % domain);
    data::KeyRows keys = keys_of(numbers);
    Work work;
    visit(keys);
    used += work.seconds();
  }
  return static_cast<double>(total) / used / 1e6;
}

void point(uint64_t groups) {
  PointTable table({.id = data::TableId(1)}, 48, nullptr);
  std::vector<PointTable::Entry*> entries(kBatch);
  std::vector<uint8_t> created(kBatch);
  std::vector<int64_t> numbers(kBatch);
  double used = 0;
  for (uint64_t from = 0; from < groups; from += kBatch) {
    for (uint32_t i = 0; i < kBatch; ++i) numbers[i] = static_cast<int64_t>(from + i);
    data::KeyRows keys = keys_of(numbers);
    Work work;
    expect(table.find_or_create(keys, entries, created));
    used += work.seconds();
  }
  std::printf("point, %llu groups: create %.1f M/s", (unsigned long long)groups,
              static_cast<double>(groups) / used / 1e6);
  uint64_t total = std::max<uint64_t>(groups, 4'000'000);
  double found = random_batches(groups, total, [&](const data::KeyRows& keys) {
    expect(table.find_or_create(keys, entries, created));
  });
  double updated = random_batches(groups, total, [&](const data::KeyRows& keys) {
    expect(table.find_or_create(keys, entries, created));
    for (uint32_t i = 0; i < kBatch; ++i) {
      table.mark_dirty(entries[i]);
      int64_t value;
      std::memcpy(&value, PointTable::payload(entries[i]), 8);
      ++value;
      std::memcpy(PointTable::payload(entries[i]), &value, 8);
    }
  });
  size_t dirty = table.dirty_entries();
  Work work;
  SealedRun run;
  table.seal(run);
  std::printf(", find %.1f M/s, find and change %.1f M/s, seal %.1f M/s, %zu bytes each\n", found,
              updated, static_cast<double>(dirty) / work.seconds() / 1e6,
              table.memory_bytes() / table.resident_entries());
}

void ordered(uint64_t groups) {
  OrderedTable table({.id = data::TableId(1), .family = Family::kLog});
  std::vector<OrderedTable::Group*> loaded(kBatch);
  std::vector<int64_t> numbers(kBatch);
  std::string row(60, 'r');
  double used = 0;
  for (uint64_t from = 0; from < groups; from += kBatch) {
    for (uint32_t i = 0; i < kBatch; ++i) numbers[i] = static_cast<int64_t>(from + i);
    data::KeyRows keys = keys_of(numbers);
    Work work;
    expect(table.load(keys, loaded));
    for (uint32_t i = 0; i < kBatch; ++i) {
      OrderedTable::Entry* entry = table.upsert(loaded[i], row);
      table.set_count(loaded[i], entry, OrderedTable::count(entry) + 1);
    }
    used += work.seconds();
  }
  std::printf("ordered, %llu groups of one 60-byte row: upsert %.1f M/s",
              (unsigned long long)groups, static_cast<double>(groups) / used / 1e6);
  double found = random_batches(groups, groups, [&](const data::KeyRows& keys) {
    expect(table.find(keys, loaded));
    for (uint32_t i = 0; i < kBatch; ++i) {
      if (OrderedTable::count(OrderedTable::first(loaded[i])) != 1) std::abort();
    }
  });
  size_t dirty = table.dirty_entries();
  Work work;
  SealedRun run;
  table.seal(run);
  std::printf(", find and read %.1f M/s, seal %.1f M/s, %zu bytes each\n", found,
              static_cast<double>(dirty) / work.seconds() / 1e6,
              table.memory_bytes() / table.resident_entries());
  OrderedTable few({.id = data::TableId(1), .family = Family::kLog});
  constexpr uint64_t kEntries = 2'000'000;
  for (uint64_t per_group : {10, 200, 20'000}) {
    std::mt19937_64 random(1);
    Work inserting;
    for (uint64_t done = 0; done < kEntries; done += per_group) {
      OrderedTable::Group* group;
      expect(
          few.load(keys_of({static_cast<int64_t>(done + per_group * kEntries * 10)}), {&group, 1}));
      for (uint64_t i = 0; i < per_group; ++i) {
        uint64_t suffix = random();
        auto* entry = few.upsert(group, {reinterpret_cast<char*>(&suffix), 8});
        few.set_count(group, entry, 1);
      }
    }
    std::printf("ordered, groups of %llu entries: insert %.1f M/s\n", (unsigned long long)per_group,
                static_cast<double>(kEntries) / inserting.seconds() / 1e6);
  }
}

constexpr uint64_t kDomain = 20'000'000;

/// An epoch of `dirty` random distinct keys, as two workers seal it.
std::vector<SealedRun> epoch_of(std::mt19937_64& random, uint64_t dirty, size_t value_bytes) {
  std::vector<int64_t> numbers(dirty);
  // Distinct: a random stride through the domain.
  uint64_t at = random() % kDomain;
  uint64_t stride = kDomain / dirty;
  for (int64_t& number : numbers) {
    number = static_cast<int64_t>((at + random() % stride) * 0x9E3779B1u % kDomain);
    at += stride;
  }
  data::KeyRows keys = keys_of(numbers);
  std::vector<SealedRun> runs(2);
  std::string value(value_bytes, 'v');
  for (uint32_t i = 0; i < keys.rows(); ++i) {
    uint16_t shard = data::shard_of_hash(keys.hashes[i]);
    for (size_t b = 0; b + 8 <= value_bytes; b += 16) {
      uint64_t bits = random();
      std::memcpy(value.data() + b, &bits, 8);
    }
    runs[data::worker_of_shard(shard, 2)].put(
        Family::kHot, store_key_prefix(shard, data::TableId(1)) + std::string(keys.key(i)), value);
  }
  // Keys that the multiplication made equal go: a commit has one change per key.
  for (SealedRun& run : runs) {
    auto& changes = run.changes[0];
    std::sort(changes.begin(), changes.end(), [](auto& a, auto& b) { return a.key < b.key; });
    changes.erase(std::unique(changes.begin(), changes.end(),
                              [](auto& a, auto& b) { return a.key == b.key; }),
                  changes.end());
    std::shuffle(changes.begin(), changes.end(), random);
  }
  return runs;
}

void commit(const std::string& directory, uint64_t dirty, double seconds, size_t value_bytes,
            bool batches) {
  StoreOptions options;
  if (batches) options.ingest_least_changes = UINT64_MAX;
  auto store = expect(open_rocks_store(directory, options));
  std::mt19937_64 random(7);
  double used = 0, longest = 0, burst_used = 0, processor = 0;
  uint64_t keys = 0, burst_keys = 0;
  uint32_t most_files = 0;
  for (int epochs = 0; used < seconds; ++epochs) {
    auto runs = epoch_of(random, dirty, value_bytes);
    uint64_t count = runs[0].count() + runs[1].count();
    auto start = Clock::now();
    Work work;
    expect(store->commit(store->last_committed().next(), std::move(runs), {}));
    double took = seconds_since(start);
    processor += work.seconds();
    used += took;
    keys += count;
    if (epochs < 15) {
      burst_used += took;
      burst_keys += count;
    }
    longest = std::max(longest, took);
    most_files = std::max(most_files, store->figures().level0_files);
  }
  StoreFigures figures = store->figures();
  double user_bytes = static_cast<double>(keys) * (14.0 + static_cast<double>(value_bytes));
  std::printf(
      "commit of %llu keys, %zu-byte values, %s: burst %.0f k/s, sustained %.0f k/s (%.0f "
      "MB/s; by the committer's processor time %.0f k/s), %.1f bytes written per byte, longest "
      "%.2f s, %u files in level 0 at most, "
      "%.0f MB on disk\n",
      (unsigned long long)dirty, value_bytes, batches ? "batches" : "by size",
      static_cast<double>(burst_keys) / burst_used / 1e3, static_cast<double>(keys) / used / 1e3,
      user_bytes / used / 1e6, static_cast<double>(keys) / processor / 1e3,
      static_cast<double>(figures.bytes_written) / user_bytes, longest, most_files,
      static_cast<double>(figures.data_bytes) / 1e6);
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages >> pages;
  return static_cast<double>(pages) * 4096 / 1e6;
}

/// Opens after a crash: the store is filled in a child that ends without closing.
void open_and_read(const std::string& directory) {
  pid_t child = fork();
  if (child == 0) {
    auto store = expect(open_rocks_store(directory, {}));
    std::mt19937_64 random(3);
    while (store->figures().data_bytes < uint64_t{2'000'000'000}) {
      expect(store->commit(store->last_committed().next(), epoch_of(random, 500'000, 200), {}));
    }
    for (int i = 0; i < 40; ++i) {
      expect(store->commit(store->last_committed().next(), epoch_of(random, 5'000, 200), {}));
    }
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  auto start = Clock::now();
  Work opening;
  auto store = expect(open_rocks_store(directory, {}));
  double opened = seconds_since(start);
  std::printf("open after a crash with %.0f MB: %.3f s (%.3f s of processor), %.0f MB resident\n",
              static_cast<double>(store->figures().data_bytes) / 1e6, opened, opening.seconds(),
              resident_megabytes());
  auto snapshot = store->snapshot();
  for (uint32_t at_once : {1u, 100u, 4096u}) {
    std::mt19937_64 random(5);
    uint64_t reads = 0, hits = 0;
    start = Clock::now();
    double used = 0;
    while (seconds_since(start) < 3) {
      std::vector<int64_t> numbers(at_once);
      for (int64_t& number : numbers) number = static_cast<int64_t>(random() % kDomain);
      data::KeyRows keys = keys_of(numbers);
      std::vector<std::string> store_keys;
      for (uint32_t i = 0; i < at_once; ++i) {
        store_keys.push_back(
            store_key_prefix(data::shard_of_hash(keys.hashes[i]), data::TableId(1)) +
            std::string(keys.key(i)));
      }
      std::sort(store_keys.begin(), store_keys.end());
      std::vector<std::string_view> views(store_keys.begin(), store_keys.end());
      std::vector<std::optional<std::string>> values;
      Work work;
      expect(snapshot->multi_get(Family::kHot, views, values));
      for (const auto& value : values) hits += value.has_value();
      used += work.seconds();
      reads += at_once;
    }
    std::printf(
        "point reads, %u at once, 256 MB of cache: %.0f k/s (processor time), %.0f %% "
        "found\n",
        at_once, static_cast<double>(reads) / used / 1e3,
        100.0 * static_cast<double>(hits) / static_cast<double>(reads));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string base = "/var/tmp/state_bench";
  std::filesystem::remove_all(base);
  std::filesystem::create_directories(base);
  std::string section = words.empty() ? "all" : words[0];
  auto wanted = [&](const char* name) { return section == "all" || section == name; };
  if (wanted("empty")) {
    auto store = expect(open_rocks_store(base + "/empty", {}));
    std::printf("empty store: %.0f MB resident\n", resident_megabytes());
  }
  if (wanted("open")) open_and_read(base + "/open");
  if (wanted("point")) {
    for (uint64_t groups : {100'000, 10'000'000}) point(groups / kBatch * kBatch);
  }
  if (wanted("ordered")) ordered(10'000'000 / kBatch * kBatch);
  if (section == "commit") {
    commit(base + "/commit", std::stoull(words.at(1)), std::stod(words.at(2)),
           words.size() > 3 ? std::stoull(words[3]) : 48, words.size() > 4);
  } else if (section == "all") {
    for (uint64_t dirty : {1'000, 20'000, 200'000, 600'000}) {
      commit(base + "/commit" + std::to_string(dirty), dirty, 20, 48, false);
    }
    commit(base + "/batches", 200'000, 20, 48, true);
    commit(base + "/wide", 200'000, 20, 304, false);
  }
  std::filesystem::remove_all(base);
  return 0;
}
