// Figures of single operators, in memory: nanoseconds per input row, flush and seal included,
// commit not; processor time of the thread. Usage: operators_bench [rows per epoch [word]]; a word:
// only lines that contain it.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>

#include "engine/operators/specs.h"
#include "udfs/registry.h"

namespace {

using namespace forebay;
using data::ChangeBatch;
using data::kBigintType;
using operators::Operator;
using operators::Progress;

constexpr uint32_t kBatchRows = 4096;

struct Count final : operators::Output {
  void emit(ChangeBatch batch) override { rows += batch.rows(); }
  void error(operators::ErrorRow) override { ++errors; }
  uint64_t rows = 0;
  uint64_t errors = 0;
};

/// Processor time of this thread: other programs on the machine count little.
class Stopwatch {
 public:
  void start() { from_ = now(); }
  void stop() { total_ += now() - from_; }
  double seconds() const { return total_; }

 private:
  static double now() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  double from_ = 0;
  double total_ = 0;
};

struct Timing {
  Stopwatch take, flush, seal;
  uint64_t rows = 0;
  void print(const char* name, const Operator& op, const Count& out) const {
    auto each = [&](const Stopwatch& watch) {
      return watch.seconds() * 1e9 / static_cast<double>(rows);
    };
    std::printf(
        "%-34s %7.1f ns/row  (take %.1f, flush %.1f, seal %.1f)  %.1f M rows in, "
        "%.1f M out, %.0f MB\n",
        name, each(take) + each(flush) + each(seal), each(take), each(flush), each(seal),
        static_cast<double>(rows) / 1e6, static_cast<double>(out.rows) / 1e6,
        static_cast<double>(op.memory_bytes()) / 1e6);
  }
};

void finish(Operator& op, operators::Result<Progress> progress, Count& out) {
  while (progress.is_ok() && *progress == Progress::kMore) progress = op.resume(out);
  if (!progress.is_ok()) std::abort();
}

void end_epoch(Operator& op, Count& out, Timing& timing) {
  timing.flush.start();
  finish(op, op.end_epoch(out), out);
  timing.flush.stop();
  timing.seal.start();
  state::SealedRun run;
  op.seal(run);
  timing.seal.stop();
}

ChangeBatch two_columns(const std::vector<int64_t>& keys, size_t from, size_t count) {
  data::BatchBuilder builder({kBigintType, kBigintType});
  auto* key = builder.column(0).resize_for_write<int64_t>(static_cast<uint32_t>(count));
  auto* value = builder.column(1).resize_for_write<int64_t>(static_cast<uint32_t>(count));
  for (size_t i = 0; i < count; ++i) {
    key[i] = keys[from + i];
    value[i] = static_cast<int64_t>((from + i) % 1000);
  }
  for (size_t i = 0; i < count; ++i) builder.end_row();
  return builder.finish();
}

const udfs::AggregateFunction* find_function(const char* name,
                                             std::vector<data::TypeId> arguments) {
  const udfs::AggregateFunction* any = nullptr;
  for (const udfs::AggregateFunction* found : udfs::find_aggregate(name)) {
    if (found->arguments == arguments) return found;
    if (found->arguments.size() == arguments.size()) any = found;
  }
  if (any == nullptr) std::abort();
  return any;
}

void aggregate(const char* name, uint64_t keys, uint64_t rows, uint64_t epoch_rows) {
  operators::AggregateParameters p;
  p.input_types = {kBigintType, kBigintType};
  p.group_columns = {0};
  const auto* sum = find_function("sum", {data::TypeId::kBigint});
  p.aggregates = {{find_function("count", {}), {}, false, -1, kBigintType},
                  {sum, {1}, false, -1, data::Type{sum->result}},
                  {find_function("max", {data::TypeId::kBigint}), {1}, false, -1, kBigintType}};
  p.append_only = true;
  p.groups = data::TableId(1);
  p.value_tables.resize(3);
  operators::OperatorContext context;
  context.batch_rows = kBatchRows;
  auto op = operators::make_aggregate(p)->instantiate(context);
  Count out;
  Timing timing;
  std::mt19937_64 random(1);
  std::vector<int64_t> batch_keys(kBatchRows);
  uint64_t in_epoch = 0;
  while (timing.rows < rows) {
    for (int64_t& key : batch_keys) key = static_cast<int64_t>(random() % keys);
    ChangeBatch batch = two_columns(batch_keys, 0, kBatchRows);
    timing.take.start();
    finish(*op, op->take(0, std::move(batch), out), out);
    timing.take.stop();
    timing.rows += kBatchRows;
    in_epoch += kBatchRows;
    if (in_epoch >= epoch_rows) {
      end_epoch(*op, out, timing);
      in_epoch = 0;
    }
  }
  end_epoch(*op, out, timing);
  timing.print(name, *op, out);
}

void join(const char* name, operators::JoinKind kind, uint64_t keys, uint64_t epoch_rows) {
  operators::JoinParameters p;
  p.kind = kind;
  p.left_types = p.right_types = {kBigintType, kBigintType};
  p.left_keys = p.right_keys = {0};
  p.null_safe = {0};
  p.left_rows = data::TableId(1);
  p.right_rows = data::TableId(2);
  operators::OperatorContext context;
  context.batch_rows = kBatchRows;
  auto op = operators::make_join(p)->instantiate(context);
  std::mt19937_64 random(1);
  std::vector<int64_t> sides[2];
  for (auto& side : sides) {
    for (uint64_t i = 0; i < keys; ++i) side.push_back(static_cast<int64_t>(i));
    std::shuffle(side.begin(), side.end(), random);
  }
  Count out;
  Timing timing;
  uint64_t in_epoch = 0;
  for (uint64_t from = 0; from < keys; from += kBatchRows) {
    for (uint32_t side : {0u, 1u}) {
      size_t count = std::min<uint64_t>(kBatchRows, keys - from);
      ChangeBatch batch = two_columns(sides[side], from, count);
      timing.take.start();
      finish(*op, op->take(side, std::move(batch), out), out);
      timing.take.stop();
      timing.rows += count;
      in_epoch += count;
    }
    if (in_epoch >= epoch_rows) {
      end_epoch(*op, out, timing);
      in_epoch = 0;
    }
  }
  end_epoch(*op, out, timing);
  timing.print(name, *op, out);
}

void materialize(const char* name, bool has_key, uint64_t rows, uint64_t epoch_rows) {
  operators::MaterializeParameters p;
  p.types = {kBigintType, kBigintType};
  if (has_key) p.key_columns = {0};
  p.has_key = has_key;
  p.rows = data::TableId(1);
  operators::OperatorContext context;
  context.batch_rows = kBatchRows;
  auto op = operators::make_materialize(p)->instantiate(context);
  Count out;
  Timing timing;
  std::vector<int64_t> keys(kBatchRows);
  uint64_t in_epoch = 0;
  while (timing.rows < rows) {
    for (uint32_t i = 0; i < kBatchRows; ++i) {
      keys[i] = static_cast<int64_t>((timing.rows + i) * 0x9E3779B97F4A7C15ull);
    }
    ChangeBatch batch = two_columns(keys, 0, kBatchRows);
    timing.take.start();
    finish(*op, op->take(0, std::move(batch), out), out);
    timing.take.stop();
    timing.rows += kBatchRows;
    in_epoch += kBatchRows;
    if (in_epoch >= epoch_rows) {
      end_epoch(*op, out, timing);
      in_epoch = 0;
    }
  }
  end_epoch(*op, out, timing);
  timing.print(name, *op, out);
}

/// One partition of a million rows, then epochs in each of which the value of one row changes.
void one_partition(const char* name, const operators::SpecRef& spec) {
  constexpr int64_t kRows = 1'000'000;
  constexpr int kChanges = 300;
  operators::OperatorContext context;
  context.batch_rows = kBatchRows;
  auto op = spec->instantiate(context);
  Count out;
  Timing timing, filling;
  for (int64_t from = 0; from < kRows; from += kBatchRows) {
    std::vector<int64_t> keys;
    for (int64_t i = from; i < std::min<int64_t>(from + kBatchRows, kRows); ++i) keys.push_back(i);
    filling.take.start();
    finish(*op, op->take(0, two_columns(keys, 0, keys.size()), out), out);
    filling.take.stop();
  }
  end_epoch(*op, out, filling);
  out.rows = 0;
  std::mt19937_64 random(1);
  std::vector<int64_t> values(kRows);
  for (int64_t i = 0; i < kRows; ++i) values[i] = i % kBatchRows % 1000;
  for (int change = 0; change < kChanges; ++change) {
    const auto key = static_cast<int64_t>(random() % (spec->name() == "top_n" ? 10 : kRows));
    data::BatchBuilder builder({kBigintType, kBigintType});
    for (data::Weight weight : {-1, 1}) {
      builder.column(0).append(key);
      builder.column(1).append(values[key]);
      builder.end_row(weight);
      values[key] += 1;
    }
    values[key] -= 1;
    timing.take.start();
    finish(*op, op->take(0, builder.finish(), out), out);
    timing.take.stop();
    end_epoch(*op, out, timing);
  }
  const auto each = [&](const Stopwatch& watch) { return watch.seconds() * 1e6 / kChanges; };
  std::printf(
      "%-34s %7.1f us/change  (take %.1f, flush %.1f, seal %.1f), %.1f rows out each; "
      "filled in %.2f s\n",
      name, each(timing.take) + each(timing.flush) + each(timing.seal), each(timing.take),
      each(timing.flush), each(timing.seal), static_cast<double>(out.rows) / kChanges,
      filling.take.seconds() + filling.flush.seconds() + filling.seal.seconds());
}

operators::OverCall window_call(operators::OverFunction function, const char* aggregate) {
  operators::OverCall call;
  call.function = function;
  if (aggregate != nullptr) call.aggregate = find_function(aggregate, {data::TypeId::kBigint});
  if (function >= operators::OverFunction::kLag) call.arguments = {1};
  call.number = 1;
  call.result_type = call.aggregate == nullptr || call.aggregate->result == data::TypeId::kUnknown
                         ? kBigintType
                         : data::Type{call.aggregate->result};
  return call;
}

void over(const char* name, std::vector<operators::OverCall> calls) {
  operators::OverParameters p;
  p.types = {kBigintType, kBigintType};
  p.order = {{0, false, false}};
  p.calls = std::move(calls);
  p.rows = data::TableId(1);
  one_partition(name, operators::make_over(p));
}

void windows(const std::function<bool(const char*)>& wanted) {
  using operators::FrameBound;
  using operators::OverFunction;
  operators::OverCall lead = window_call(OverFunction::kLag, nullptr);
  lead.number = -1;
  if (wanted("over lag, lead")) {
    over("over lag, lead", {window_call(OverFunction::kLag, nullptr), lead});
  }
  for (int64_t rows : {10, 100, 1000}) {
    const std::string name = "over sum, max, " + std::to_string(rows) + " rows";
    if (!wanted(name.c_str())) continue;
    std::vector<operators::OverCall> calls{window_call(OverFunction::kAggregate, "sum"),
                                           window_call(OverFunction::kAggregate, "max")};
    for (operators::OverCall& call : calls) {
      call.frame.unit = operators::FrameUnit::kRows;
      call.frame.lower = {FrameBound::Edge::kOffset, -rows, nullptr};
    }
    over(name.c_str(), std::move(calls));
  }
  if (wanted("over row_number, count so far")) {
    over("over row_number, count so far", {window_call(OverFunction::kRowNumber, nullptr),
                                           window_call(OverFunction::kAggregate, "count")});
  }
  if (wanted("top_n, 10 rows")) {
    operators::TopNParameters p;
    p.types = {kBigintType, kBigintType};
    p.order = {{0, false, false}};
    p.limit = 10;
    p.rows = data::TableId(1);
    p.numbered = true;
    one_partition("top_n, 10 rows", operators::make_top_n(p));
  }
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t epoch_rows = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  std::printf("%llu rows per epoch, batches of %u rows\n",
              static_cast<unsigned long long>(epoch_rows), kBatchRows);
  auto wanted = [&](const char* name) {
    return argc <= 2 || std::string_view(name).find(argv[2]) != std::string_view::npos;
  };
  if (wanted("aggregate, 100 k keys"))
    aggregate("aggregate, 100 k keys", 100'000, 20'000'000, epoch_rows);
  if (wanted("aggregate, 10 M keys"))
    aggregate("aggregate, 10 M keys", 10'000'000, 30'000'000, epoch_rows);
  if (wanted("inner join 1:1, 5 M each"))
    join("inner join 1:1, 5 M each", operators::JoinKind::kInner, 5'000'000, epoch_rows);
  if (wanted("left join 1:1, 5 M each"))
    join("left join 1:1, 5 M each", operators::JoinKind::kLeft, 5'000'000, epoch_rows);
  if (wanted("materialize, key")) materialize("materialize, key", true, 5'000'000, epoch_rows);
  if (wanted("materialize, multiset"))
    materialize("materialize, multiset", false, 5'000'000, epoch_rows);
  windows(wanted);
}
