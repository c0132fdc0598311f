#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/data/text_format.h"
#include "engine/operators/stored_relation.h"

/// Drives one operator as the runtime does (exchange, epochs, seal, commit, restarts) and keeps the
/// sum of what it emits, so that a test can compare it with an obvious reference at every epoch.
namespace forebay::operators::testing {

using data::Datum;
using Row = std::vector<Datum>;

inline std::string text_of(const Row& row) {
  std::string text;
  for (const Datum& value : row) {
    text += text.empty() ? "" : "|";
    if (value.is_null()) {
      text += "NULL";
    } else {
      data::format_datum(value, text);
    }
  }
  return text;
}

/// A multiset of rows; weights may be negative in between.
class Relation {
 public:
  struct Rows {
    Row row;
    Weight weight = 0;
  };
  void add(const Row& row, Weight weight) {
    Rows& rows = rows_[text_of(row)];
    rows.row = row;
    rows.weight += weight;
    if (rows.weight == 0) rows_.erase(text_of(row));
  }
  const std::map<std::string, Rows>& rows() const { return rows_; }
  bool empty() const { return rows_.empty(); }
  /// Every row `weight` times, for references.
  std::vector<Row> expanded() const {
    std::vector<Row> all;
    for (const auto& [text, rows] : rows_) all.insert(all.end(), rows.weight, rows.row);
    return all;
  }
  /// "row xN" lines.
  std::string text() const {
    std::string out;
    for (const auto& [text, rows] : rows_) out += text + " x" + std::to_string(rows.weight) + "\n";
    return out;
  }

 private:
  std::map<std::string, Rows> rows_;
};

inline Row row_of(const ChangeBatch& batch, uint32_t row) {
  Row values;
  for (size_t c = 0; c < batch.columns().size(); ++c) values.push_back(batch.column(c).datum(row));
  return values;
}

/// Adds up what an operator emits.
class Sum final : public Output {
 public:
  explicit Sum(const std::vector<Type>& types, uint32_t most_rows)
      : types_(types), most_rows_(most_rows) {}
  void emit(ChangeBatch batch) override {
    ASSERT_EQ(batch.columns().size(), types_.size());
    for (size_t c = 0; c < types_.size(); ++c) {
      ASSERT_EQ(batch.column(c).type(), types_[c]);
      ASSERT_GE(batch.column(c).size(), batch.physical_rows());
    }
    if (limit_rows) {
      EXPECT_LE(batch.rows(), most_rows_);
    }
    batch.for_each([&](uint32_t row) {
      EXPECT_NE(batch.weight(row), 0);
      rows.add(row_of(batch, row), batch.weight(row));
      ++emitted;
    });
  }
  void late(uint64_t rows) override { late_rows += rows; }
  void error(ErrorRow error) override {
    Datum text{data::kTextType, std::string(error.sqlstate.view()) + " " + error.reason + " " +
                                    error.column + " " + error.raw};
    errors.add({text}, error.weight);
  }

  Relation rows;
  Relation errors;
  size_t emitted = 0;
  uint64_t late_rows = 0;
  bool limit_rows = true;

 private:
  std::vector<Type> types_;
  uint32_t most_rows_;
};

/// How the rows of one input come to the workers.
struct InputKeys {
  std::vector<Type> types;
  std::vector<uint32_t> columns;
  data::KeyMode mode = data::KeyMode::kGrouping;
};

struct Change {
  Row row;
  Weight weight;
};

class Driver {
 public:
  /// `watermarks` outlives the driver; nullptr: as in a private circuit.
  Driver(SpecRef spec, std::vector<InputKeys> inputs, uint32_t batch_rows,
         std::shared_ptr<state::Store> store, const Watermarks* watermarks = nullptr)
      : sum(spec->output_types(), batch_rows),
        spec_(std::move(spec)),
        inputs_(std::move(inputs)),
        batch_rows_(batch_rows),
        store_(std::move(store)),
        watermarks_(watermarks),
        committed_sum_(sum) {
    make_workers(1);
    begin();
  }

  /// Sends changes in batches of at most batch_rows, some with rows that are not selected.
  void send(uint32_t input, const std::vector<Change>& changes, std::mt19937_64& random) {
    size_t at = 0;
    while (at < changes.size()) {
      size_t count = std::min<size_t>(batch_rows_, changes.size() - at);
      std::vector<std::vector<Change>> parts(workers_.size());
      for (size_t i = at; i < at + count; ++i) {
        parts[worker_of(input, changes[i].row)].push_back(changes[i]);
      }
      for (size_t w = 0; w < workers_.size(); ++w) {
        if (!parts[w].empty()) take(w, input, make_batch(input, parts[w], random));
      }
      at += count;
    }
  }

  void end_epoch() {
    for (auto& worker : workers_) finish(*worker, worker->end_epoch(sum));
    std::vector<state::SealedRun> runs(workers_.size());
    for (size_t w = 0; w < workers_.size(); ++w) {
      workers_[w]->seal(runs[w]);
      EXPECT_EQ(workers_[w]->dirty_entries(), 0u);
    }
    commit();
    epoch_ = epoch_.next();
    sealed_ = std::move(runs);
    sealed_sum_ = sum;
    if (!lags) commit();
  }

  /// Commits what is sealed.
  void commit() {
    if (!sealed_sum_) return;
    if (store_ != nullptr) {
      Status status = store_->commit(epoch_, std::move(sealed_), {});
      ASSERT_TRUE(status.is_ok()) << status.to_string();
    }
    committed_sum_ = *sealed_sum_;
    sealed_sum_.reset();
  }
  /// An epoch is committed when the next one is sealed, as late as it can be.
  bool lags = false;

  /// Starts cold from the last committed epoch with another number of workers; what came since is
  /// lost, output included.
  void restart(uint16_t worker_count) {
    commit();
    starts_empty_ = epoch_ == data::Epoch(0);
    sum = committed_sum_;
    make_workers(worker_count);
    if (starts_empty_) begin();
  }
  /// Half of a commit: the flush was made and sealed, then everything was lost.
  void lose_epoch(uint16_t worker_count) {
    for (auto& worker : workers_) finish(*worker, worker->end_epoch(sum));
    for (auto& worker : workers_) {
      state::SealedRun run;
      worker->seal(run);
    }
    restart(worker_count);
  }
  size_t state_rows() const {
    size_t rows = 0;
    for (const auto& worker : workers_) rows += worker->state_rows();
    return rows;
  }
  uint16_t worker_count() const { return static_cast<uint16_t>(workers_.size()); }

  /// The rows of a stored relation at the last epoch.
  Relation stored(const StoredRelationRef& relation, uint32_t batch_rows) {
    commit();
    Relation rows;
    auto snapshot = store_->snapshot();
    Status status =
        relation->scan(*snapshot, 0, data::kShardCount, batch_rows, [&](ChangeBatch batch) {
          EXPECT_LE(batch.rows(), batch_rows);
          batch.for_each([&](uint32_t row) { rows.add(row_of(batch, row), batch.weight(row)); });
          return true;
        });
    EXPECT_TRUE(status.is_ok());
    return rows;
  }

  Sum sum;

 private:
  void begin() {
    for (auto& worker : workers_) EXPECT_TRUE(worker->begin(sum).is_ok());
  }

  void make_workers(uint16_t count) {
    workers_.clear();
    for (uint16_t w = 0; w < count; ++w) {
      OperatorContext context;
      context.worker = w;
      context.worker_count = count;
      context.store = store_.get();
      context.starts_empty = starts_empty_;
      context.batch_rows = batch_rows_;
      context.eval = &eval_;
      context.watermarks = watermarks_;
      workers_.push_back(spec_->instantiate(context));
    }
  }

  size_t worker_of(uint32_t input, const Row& row) const {
    std::string key;
    for (uint32_t column : inputs_[input].columns) {
      data::append_key(row[column], inputs_[input].mode, key);
    }
    return data::worker_of_shard(data::shard_of_hash(data::hash_key(key)), worker_count());
  }

  ChangeBatch make_batch(uint32_t input, const std::vector<Change>& changes,
                         std::mt19937_64& random) {
    data::BatchBuilder builder(inputs_[input].types);
    data::Selection selection;
    bool select = random() % 3 == 0;
    for (const Change& change : changes) {
      // A row that is not selected must not be looked at.
      int copies = select && random() % 2 == 0 ? 2 : 1;
      for (int copy = 0; copy < copies; ++copy) {
        for (size_t c = 0; c < change.row.size(); ++c) {
          builder.column(c).append_datum(change.row[c]);
        }
        builder.end_row(change.weight);
      }
      selection.push_back(builder.rows() - 1);
    }
    ChangeBatch batch = builder.finish();
    if (select) batch.set_selection(std::move(selection));
    return batch;
  }

  void take(size_t worker, uint32_t input, ChangeBatch batch) {
    finish(*workers_[worker], workers_[worker]->take(input, std::move(batch), sum));
  }
  void finish(Operator& worker, Result<Progress> progress) {
    while (true) {
      ASSERT_TRUE(progress.is_ok()) << progress.error().message;
      if (*progress == Progress::kDone) return;
      progress = worker.resume(sum);
    }
  }

  SpecRef spec_;
  std::vector<InputKeys> inputs_;
  uint32_t batch_rows_;
  std::shared_ptr<state::Store> store_;
  bool starts_empty_ = true;
  const Watermarks* watermarks_ = nullptr;
  data::Epoch epoch_;
  std::vector<state::SealedRun> sealed_;
  std::optional<Sum> sealed_sum_;
  Sum committed_sum_;
  expr::EvalContext eval_;
  std::vector<std::unique_ptr<Operator>> workers_;
};

/// Random rows over small domains, and changelogs that never take out what is not there (at the end
/// of an epoch; in between they may).
class Generator {
 public:
  Generator(uint64_t seed, std::vector<Type> types) : random(seed), types_(std::move(types)) {}

  Datum value(Type type) {
    if (random() % 7 == 0) return Datum::null(type);
    auto number = static_cast<int64_t>(random() % domain);
    switch (data::layout_of(type.id)) {
      case data::Layout::kBool:
        return {type, number % 2 == 0};
      case data::Layout::kInt32:
        return {type, static_cast<int32_t>(number)};
      case data::Layout::kInt64:
        return {type, number - 1};
      case data::Layout::kDouble:
        return {type, static_cast<double>(number) / 4};
      case data::Layout::kNumeric:
        return {type, data::Numeric(data::Int128{number * 10}, 2)};
      case data::Layout::kString: {
        static const char* const kTexts[] = {"", "a", "a somewhat longer text", "b\\\"(", "zz"};
        return {type, std::string(kTexts[number % 5])};
      }
      case data::Layout::kInterval:
        return {type, data::Interval{number, static_cast<int32_t>(number % 2), 0}};
    }
    return Datum::null(type);
  }
  Row row() {
    Row values;
    for (const Type& type : types_) values.push_back(value(type));
    return values;
  }

  /// About `count` changes, applied to `relation`, in random order.
  std::vector<Change> changes(Relation& relation, size_t count, bool append_only = false) {
    std::vector<Change> changes;
    for (size_t i = 0; i < count; ++i) {
      Weight weight = random() % 10 == 0 ? 2 : 1;
      if (append_only || relation.empty() || random() % 100 < 55) {
        changes.push_back({row(), weight});
      } else {
        auto at = std::next(relation.rows().begin(),
                            static_cast<long>(random() % relation.rows().size()));
        changes.push_back({at->second.row, -std::min(weight, at->second.weight)});
        if (random() % 4 == 0) {  // taken out and put back
          relation.add(changes.back().row, changes.back().weight);
          changes.push_back({changes.back().row, -changes.back().weight});
        }
      }
      relation.add(changes.back().row, changes.back().weight);
    }
    std::shuffle(changes.begin(), changes.end(), random);
    return changes;
  }

  std::mt19937_64 random;
  uint64_t domain = 4;

 private:
  std::vector<Type> types_;
};

/// A store on disk in a directory of its own, which goes with it.
inline std::shared_ptr<state::Store> make_rocks_store() {
  std::string pattern = (std::filesystem::temp_directory_path() / "forebay-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  auto store = state::open_rocks_store(pattern, {.ingest_least_changes = 10});
  if (!store.is_ok()) throw std::runtime_error(store.error().message);
  return std::shared_ptr<state::Store>(std::move(store).value().release(),
                                       [pattern](state::Store* opened) {
                                         delete opened;
                                         std::filesystem::remove_all(pattern);
                                       });
}

/// The seed of a random test: FOREBAY_SEED, or `fallback`.
inline uint64_t seed_or(uint64_t fallback) {
  const char* text = std::getenv("FOREBAY_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : fallback;
}

}  // namespace forebay::operators::testing
