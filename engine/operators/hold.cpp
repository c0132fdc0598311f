// Hold: rows come out when a watermark has passed their time. What EMIT ON WINDOW CLOSE is where no
// operator closes windows by itself.
//
// Input: any changes, hashed (exact) by all columns, with a column that is bounded: changes to come
// have no earlier time.
//
// Output: at the end of an epoch the rows whose time is before W(e), once, and never changed
// afterwards. Rows that are late by W(e-1) are dropped and counted; those without a time never come
// out.
//
// State: a PointTable (time, all columns) -> how often; what comes and goes before its time cancels
// out there.
//
// Cost: per change one lookup; when the bound moves: one seek per shard and one lookup per row that
// comes out.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::PointTable;

/// The key bytes of a time that is there: a mark, then the value in order (state/README.md).
size_t time_bytes(Type type) { return data::layout_of(type.id) == data::Layout::kInt32 ? 5 : 9; }

class Hold final : public Operator {
 public:
  Hold(const HoldParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        columns_(all_columns(parameters.types.size())),
        time_bytes_(time_bytes(parameters.types[parameters.time.column])),
        judge_(parameters_.time, parameters.types[parameters.time.column], context_),
        rows_(context.table(parameters.rows, state::Family::kHot), sizeof(int64_t), nullptr),
        expired_(state::Family::kHot, parameters.rows, context_, time_bytes_),
        out_(parameters.types) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output& output) override {
    if (uint64_t late = judge_.drop_late(batch); late > 0) output.late(late);
    leave_out_timeless(batch);
    if (batch.empty()) return Progress::kDone;
    encode(batch);
    entries_.resize(keys_.rows());
    created_.assign(keys_.rows(), 0);
    FOREBAY_RETURN_IF_ERROR(rows_.find_or_create(keys_, entries_, created_));
    expired_.add(keys_, created_);
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      rows_.mark_dirty(entries_[i]);
      count(entries_[i]) += batch.weight(batch.physical(i));
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (PointTable::Entry* entry : rows_.dirty()) {
      if (PointTable::is_erased(entry)) continue;
      if (count(entry) < 0) fail_negative("hold", row_text(entry), count(entry));
      if (count(entry) == 0) rows_.erase(entry);
    }
    const int64_t from = judge_.previous(), to = judge_.current();
    if (from >= to) return Progress::kDone;
    expired_.begin(judge_.key_of(from), judge_.key_of(to));
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    FOREBAY_RETURN_IF_ERROR(expired_.next(std::max<uint32_t>(1, context_.batch_rows), closing_));
    if (closing_.rows() == 0) return Progress::kDone;
    entries_.resize(closing_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.find(closing_, entries_));
    for (PointTable::Entry* entry : entries_) {
      // A key can come twice.
      if (entry == nullptr || PointTable::is_erased(entry)) continue;
      std::string_view key = PointTable::key(entry).substr(time_bytes_);
      for (size_t i = 0; i < columns_.size(); ++i) {
        FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, out_.column(i)));
      }
      out_.end_row(count(entry));
      rows_.mark_dirty(entry);
      rows_.erase(entry);
    }
    output.emit(out_.finish());
    return Progress::kMore;
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    expired_.seal();
    judge_.end();
  }
  size_t memory_bytes() const override { return rows_.memory_bytes() + expired_.memory_bytes(); }
  size_t dirty_entries() const override { return rows_.dirty_entries(); }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  static int64_t& count(PointTable::Entry* entry) {
    return *reinterpret_cast<int64_t*>(PointTable::payload(entry));
  }

  void leave_out_timeless(ChangeBatch& batch) const {
    const data::ColumnView times = batch.column(parameters_.time.column).view();
    if (times.validity == nullptr) return;
    data::Selection kept;
    batch.for_each([&](uint32_t row) {
      if (!times.is_null(row)) kept.push_back(row);
    });
    if (kept.size() < batch.rows()) batch.set_selection(std::move(kept));
  }

  /// keys_: the time, then the row, by which it is hashed.
  void encode(const ChangeBatch& batch) {
    const uint32_t time[] = {parameters_.time.column};
    data::encode_keys(batch, time, KeyMode::kGrouping, times_);
    data::encode_keys(batch, columns_, KeyMode::kExact, exact_);
    data::add_hashes(exact_);
    keys_.bytes.clear();
    keys_.offsets.assign(1, 0);
    keys_.hashes = exact_.hashes;
    for (uint32_t i = 0; i < exact_.rows(); ++i) {
      keys_.bytes += times_.key(i);
      keys_.bytes += exact_.key(i);
      keys_.offsets.push_back(static_cast<uint32_t>(keys_.bytes.size()));
    }
  }

  std::string row_text(const PointTable::Entry* entry) const {
    data::BatchBuilder row(parameters_.types);
    std::string_view key = PointTable::key(entry).substr(time_bytes_);
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!data::decode_key(key, KeyMode::kExact, row.column(i)).is_ok()) return "(no row)";
    }
    row.end_row(1);
    return error_row_text(row.finish(), 0);
  }

  HoldParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> columns_;
  size_t time_bytes_;
  TimeJudge judge_;

  PointTable rows_;
  ExpiredGroups expired_;
  data::BatchBuilder out_;

  // Scratch.
  KeyRows keys_, times_, exact_, closing_;
  std::vector<PointTable::Entry*> entries_;
  std::vector<uint8_t> created_;
};

class HoldSpec final : public OperatorSpec {
 public:
  explicit HoldSpec(HoldParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "hold"; }
  std::string describe() const override { return "until " + bound_text(parameters_.time); }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<Hold>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{state::Family::kHot, parameters_.rows}};
  }

 private:
  HoldParameters parameters_;
};

}  // namespace

SpecRef make_hold(HoldParameters parameters) {
  return std::make_shared<HoldSpec>(std::move(parameters));
}

}  // namespace forebay::operators
