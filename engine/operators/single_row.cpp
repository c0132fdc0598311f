// SingleRow: a scalar subquery's guard, at most one row per key.
//
// Input: any changes, hashed by the key columns.
//
// Output: at the end of an epoch, -old +new of keys that have exactly one row; a key with more is
// one error row 21000 and gives no row.
//
// State: an OrderedTable key -> rows (append_row bytes) with their counts.
//
// Invariant: what a touched key gave when the epoch began is remembered by entry.
//
// Cost: per change one insertion; per touched key and epoch its first two rows, twice.

#include <fmt/format.h>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

class SingleRow final : public Operator {
 public:
  SingleRow(const SingleRowParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        rows_(context.table(parameters.rows, state::Family::kLog)) {}

  Result<Progress> take(uint32_t, ChangeBatch batch, Output&) override {
    data::encode_keys(batch, parameters_.key_columns, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(rows_.load(keys_, groups_));
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      note(groups_[i]);
      row_.clear();
      data::append_row(batch, batch.physical(i), row_);
      OrderedTable::Entry* entry = rows_.upsert(groups_[i], row_);
      int64_t count = add_weights(OrderedTable::count(entry), batch.weight(batch.physical(i)));
      rows_.set_count(groups_[i], entry, count);
      if (count < 0) suspects_.push_back(entry);
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (const OrderedTable::Entry* entry : suspects_) {
      if (OrderedTable::count(entry) >= 0) continue;
      fail_negative("single_row", stored_row_text(parameters_.types, OrderedTable::suffix(entry)),
                    OrderedTable::count(entry));
    }
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    data::BatchBuilder builder(parameters_.types);
    for (; next_ < touched_.size() && builder.rows() < context_.batch_rows; ++next_) {
      Touched& key = touched_[next_];
      Answer now = answer_of(key.group);
      if (key.old_left) {  // -old was the last row of the batch before
        key.old_left = false;
      } else {
        if (key.old == now) continue;
        report_too_many(key, now, output);
        FOREBAY_RETURN_IF_ERROR(add(key.old.row, -1, builder));
        if (now.row != nullptr && builder.rows() == context_.batch_rows) {
          key.old_left = true;
          break;
        }
      }
      FOREBAY_RETURN_IF_ERROR(add(now.row, 1, builder));
    }
    if (builder.rows() > 0) output.emit(builder.finish());
    return next_ < touched_.size() ? Progress::kMore : Progress::kDone;
  }

  void seal(state::SealedRun& run) override {
    rows_.seal(run);
    touched_.clear();
    place_.clear();
    suspects_.clear();
    next_ = 0;
  }
  size_t memory_bytes() const override { return rows_.memory_bytes(); }
  size_t dirty_entries() const override { return rows_.dirty_entries(); }
  size_t state_rows() const override { return rows_.resident_entries(); }

 private:
  /// What a key gives: a row, an error, or nothing.
  struct Answer {
    const OrderedTable::Entry* row = nullptr;
    bool too_many = false;
    friend bool operator==(const Answer&, const Answer&) = default;
  };
  struct Touched {
    OrderedTable::Group* group;
    Answer old;
    bool old_left = false;  // in the flush: -old is out, +new is not
  };

  static Answer answer_of(const OrderedTable::Group* group) {
    const OrderedTable::Entry* first = OrderedTable::first(group);
    if (first == nullptr) return {};
    if (OrderedTable::size(group) > 1 || OrderedTable::count(first) > 1) return {nullptr, true};
    return {first, false};
  }

  void note(OrderedTable::Group* group) {
    auto next = static_cast<uint32_t>(touched_.size());
    auto same = [&](uint32_t i) { return touched_[i].group == group; };
    if (place_.find_or_add(EpochIndex::hash_of(group), next, same) != next) return;
    touched_.push_back({group, answer_of(group)});
  }

  Status add(const OrderedTable::Entry* row, Weight weight, data::BatchBuilder& builder) const {
    if (row == nullptr) return Status::ok();
    std::string_view bytes = OrderedTable::suffix(row);
    std::span columns(&builder.column(0), parameters_.types.size());
    FOREBAY_RETURN_IF_ERROR(data::decode_row(bytes, columns));
    builder.end_row(weight);
    return Status::ok();
  }

  void report_too_many(const Touched& key, const Answer& now, Output& output) const {
    if (key.old.too_many == now.too_many) return;
    ErrorRow error;
    error.sqlstate = data::sqlstate::kCardinalityViolation;
    error.reason = "more than one row returned by a subquery used as an expression";
    error.raw = key_text(OrderedTable::group_key(key.group));
    error.weight = now.too_many ? 1 : -1;
    output.error(std::move(error));
  }

  std::string key_text(std::string_view key) const {
    std::vector<data::ColumnRef> columns;
    for (uint32_t column : parameters_.key_columns) {
      data::ColumnBuilder builder(parameters_.types[column]);
      if (!data::decode_key(key, KeyMode::kGrouping, builder)) return "(bytes that are no key)";
      columns.push_back(builder.finish());
    }
    return error_row_text(ChangeBatch(std::move(columns), 1), 0);
  }

  SingleRowParameters parameters_;
  OperatorContext context_;
  OrderedTable rows_;
  std::vector<Touched> touched_;
  EpochIndex place_;  // of groups in touched_
  std::vector<const OrderedTable::Entry*> suspects_;
  size_t next_ = 0;

  // Scratch.
  KeyRows keys_;
  std::vector<OrderedTable::Group*> groups_;
  std::string row_;
};

class SingleRowSpec final : public OperatorSpec {
 public:
  explicit SingleRowSpec(SingleRowParameters parameters) : parameters_(std::move(parameters)) {}
  std::string_view name() const override { return "single_row"; }
  std::string describe() const override { return "keys=" + column_list(parameters_.key_columns); }
  const std::vector<Type>& output_types() const override { return parameters_.types; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<SingleRow>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    return {{state::Family::kLog, parameters_.rows}};
  }

 private:
  SingleRowParameters parameters_;
};

}  // namespace

SpecRef make_single_row(SingleRowParameters parameters) {
  return std::make_shared<SingleRowSpec>(std::move(parameters));
}

}  // namespace forebay::operators
