#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <random>

#include "engine/data/row_codec.h"
#include "engine/operators/specs.h"
#include "engine/operators/stored_relation.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/query.h"
#include "tests/support/seed.h"
#include "tests/unit/runtime/fake_log.h"
#include "udfs/registry.h"

/// Circuits by hand for the tests of the runtime.
namespace forebay::runtime::testing {

using data::kBigintType;
using data::kTextType;

inline constexpr ObjectId kTable{20};
inline constexpr ObjectId kView{21};

inline CircuitNode node(operators::SpecRef spec, std::vector<NodeInput> inputs) {
  std::vector<Type> types = spec->output_types();
  return {std::move(spec), std::move(inputs), std::move(types)};
}

// CREATE TABLE names (k bigint PRIMARY KEY, name text)
inline Fragment table_fragment(ObjectId object = kTable) {
  operators::MaterializeParameters rows{.types = {kBigintType, kTextType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(object.value + 10)};
  Fragment fragment{object, "names", {}, operators::stored_materialize(rows)};
  fragment.nodes.push_back({TableInput{}, {}, rows.types});
  fragment.nodes.push_back(node(operators::make_materialize(rows), {{0, Exchange{{0}}}}));
  return fragment;
}

inline const udfs::AggregateFunction* aggregate(std::string_view name) {
  for (const auto* function : udfs::find_aggregate(name)) {
    if (function->arguments.empty() || function->arguments[0] == data::TypeId::kBigint ||
        function->arguments[0] == data::TypeId::kUnknown) {
      return function;
    }
  }
  return nullptr;
}

// SELECT k, count, sum, k, name FROM (SELECT k, count(*), sum(v) FROM log GROUP BY k) JOIN names
inline Fragment view_fragment(std::shared_ptr<FakeLog> log, const Fragment& table) {
  operators::AggregateParameters groups;
  groups.input_types = {kBigintType, kBigintType};
  groups.group_columns = {0};
  groups.aggregates = {{aggregate("count"), {}, false, -1, kBigintType},
                       {aggregate("sum"), {1}, false, -1, data::kNumericType}};
  groups.groups = TableId(31);
  groups.value_tables = {TableId(32), TableId(33)};
  operators::JoinParameters join;
  join.left_types = {kBigintType, kBigintType, data::kNumericType};
  join.right_types = {kBigintType, kTextType};
  join.left_keys = {0};
  join.right_keys = {0};
  join.null_safe = {0};
  join.left_rows = TableId(34);
  join.right_rows = TableId(35);
  operators::SpecRef join_spec = operators::make_join(join);
  operators::MaterializeParameters rows{
      .types = join_spec->output_types(), .key_columns = {0}, .has_key = true, .rows = TableId(36)};
  Fragment fragment{kView, "view", {}, operators::stored_materialize(rows)};
  SourceInput source{ObjectId(19), "log", std::make_shared<FakeSource>(log), {}};
  fragment.nodes.push_back({source, {}, groups.input_types});
  fragment.nodes.push_back(node(operators::make_aggregate(groups), {{0, Exchange{{0}}}}));
  fragment.nodes.push_back({ObjectInput{kTable, table.relation, {}}, {}, join.right_types});
  fragment.nodes.push_back(node(join_spec, {{1, Exchange{{0}}}, {2, Exchange{{0}}}}));
  fragment.nodes.push_back(node(operators::make_materialize(rows), {{3, Exchange{{0}}}}));
  return fragment;
}

inline std::vector<std::string> rows_of(const operators::StoredRelation& relation,
                                        const state::Snapshot& snapshot) {
  std::vector<std::string> rows;
  EXPECT_TRUE(relation
                  .scan(snapshot, 0, data::kShardCount, 1000,
                        [&](ChangeBatch batch) {
                          batch.for_each([&](uint32_t row) {
                            rows.push_back(operators::error_row_text(batch, row));
                          });
                          return true;
                        })
                  .is_ok());
  std::sort(rows.begin(), rows.end());
  return rows;
}

/// What a test sees of, and does to, an operator that passes its rows on.
struct Script {
  /// Before a batch is taken; an error fails the pipeline.
  std::function<Status(const ChangeBatch&)> on_take;
  std::function<void()> on_seal;
  /// Files each row as an error instead of passing it on.
  bool rejects = false;
};

class ScriptedSpec final : public operators::OperatorSpec {
 public:
  ScriptedSpec(std::vector<Type> types, std::shared_ptr<Script> script)
      : types_(std::move(types)), script_(std::move(script)) {}
  std::string_view name() const override { return "scripted"; }
  std::string describe() const override { return {}; }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<operators::Operator> instantiate(
      const operators::OperatorContext&) const override {
    return std::make_unique<Scripted>(script_);
  }

 private:
  class Scripted final : public operators::Operator {
   public:
    explicit Scripted(std::shared_ptr<Script> script) : script_(std::move(script)) {}
    Result<operators::Progress> take(uint32_t, ChangeBatch batch,
                                     operators::Output& output) override {
      if (script_->on_take) FOREBAY_RETURN_IF_ERROR(script_->on_take(batch));
      if (!script_->rejects) {
        output.emit(std::move(batch));
        return operators::Progress::kDone;
      }
      batch.for_each([&](uint32_t row) {
        operators::ErrorRow error;
        error.sqlstate = data::sqlstate::kInternalError;
        error.reason = "rejected";
        error.raw = operators::error_row_text(batch, row);
        error.weight = batch.weight(row);
        output.error(std::move(error));
      });
      return operators::Progress::kDone;
    }
    void seal(state::SealedRun&) override {
      if (script_->on_seal) script_->on_seal();
    }

   private:
    std::shared_ptr<Script> script_;
  };

  std::vector<Type> types_;
  std::shared_ptr<Script> script_;
};

/// SELECT * FROM names, through a scripted operator; with `second`: UNION ALL SELECT * FROM second.
/// Its rows are the state table `object + 100`.
inline Fragment scripted_fragment(ObjectId object, const Fragment& table,
                                  std::shared_ptr<Script> script,
                                  const Fragment* second = nullptr) {
  operators::MaterializeParameters rows{.types = {kBigintType, kTextType},
                                        .key_columns = {0},
                                        .has_key = true,
                                        .rows = TableId(object.value + 100)};
  Fragment fragment{object, "scripted", {}, operators::stored_materialize(rows)};
  fragment.nodes.push_back({ObjectInput{table.object, table.relation, {}}, {}, rows.types});
  std::vector<NodeInput> inputs{{0, {}}};
  if (second != nullptr) {
    fragment.nodes.push_back({ObjectInput{second->object, second->relation, {}}, {}, rows.types});
    inputs.push_back({1, {}});
  }
  fragment.nodes.push_back(
      node(std::make_shared<ScriptedSpec>(rows.types, std::move(script)), std::move(inputs)));
  uint32_t last = static_cast<uint32_t>(fragment.nodes.size()) - 1;
  fragment.nodes.push_back(node(operators::make_materialize(rows), {{last, Exchange{{0}}}}));
  return fragment;
}

/// One row for `names`.
inline ChangeBatch name_row(int64_t key, std::string_view name, data::Weight weight = 1) {
  data::BatchBuilder rows({kBigintType, kTextType});
  rows.column(0).append(key);
  rows.column(1).append_string(name);
  rows.end_row(weight);
  return rows.finish();
}

/// Writes a batch in a gate of its own; returns the ticket, 0 when refused.
inline uint64_t put(Engine& engine, ObjectId table, ChangeBatch batch) {
  auto gate = engine.enter_gate(table, nullptr);
  if (!gate.is_ok()) return 0;
  auto ticket = (*gate)->write(std::move(batch), {});
  return ticket.is_ok() ? *ticket : 0;
}

/// A model store that calls `on_commit` before each commit.
class WatchedStore final : public state::Store {
 public:
  explicit WatchedStore(std::function<void()> on_commit) : on_commit_(std::move(on_commit)) {}
  Status commit(data::Epoch epoch, std::vector<state::SealedRun> runs,
                std::vector<state::DroppedTable> dropped) override {
    on_commit_();
    return store_->commit(epoch, std::move(runs), std::move(dropped));
  }
  Status resume() override { return store_->resume(); }
  data::Epoch last_committed() const override { return store_->last_committed(); }
  std::shared_ptr<const state::Snapshot> snapshot() const override { return store_->snapshot(); }
  state::StoreFigures figures() const override { return store_->figures(); }

 private:
  std::unique_ptr<state::Store> store_ = state::make_model_store();
  std::function<void()> on_commit_;
};

/// An engine that is not started. With a clock it has no threads: run_one() does its work.
inline std::unique_ptr<Engine> new_engine(uint16_t workers, std::shared_ptr<data::Clock> clock,
                                          std::unique_ptr<state::Store> store) {
  EngineOptions options;
  options.workers = workers;
  options.threads = clock == nullptr;
  options.clock = std::move(clock);
  auto engine = make_engine(std::move(store), options);
  EXPECT_TRUE(engine.is_ok()) << engine.error().message;
  return std::move(engine).value();
}
/// A started engine over an empty model store; without threads when a clock is given.
inline std::unique_ptr<Engine> open_engine(
    uint16_t workers, std::shared_ptr<data::Clock> clock = nullptr,
    std::unique_ptr<state::Store> store = state::make_model_store()) {
  auto engine = new_engine(workers, std::move(clock), std::move(store));
  EXPECT_TRUE(engine->start().is_ok());
  return engine;
}

inline bool has_record(Engine& engine, ObjectId id) {
  auto records = engine.catalog_records();
  EXPECT_TRUE(records.is_ok());
  return std::any_of(records->begin(), records->end(),
                     [&](const CatalogRecord& record) { return record.id == id; });
}

}  // namespace forebay::runtime::testing
