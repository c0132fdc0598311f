// LookupJoin: each left row with the right rows of its key as they are when its epoch ends.
//
// Input: 0 is left, 1 is right, any changes, both hashed by their keys.
//
// Output: at the end of an epoch its left rows with the right rows that are there then. Later
// changes of the right side change nothing. A left row that goes takes out what was given for it.
// Rows with a NULL key match nothing.
//
// State: an OrderedTable key -> right rows (append_row bytes) with their counts. Unless the left
// side is append-only a second one of what was given: (key, left row) -> entries; suffix = number
// of the time it was given (4 bytes) and the right row, or nothing where there was none; count =
// how many such left rows; value = how often the right row was there (LEB128). Of equal left rows
// the last one that came goes first.
//
// Cost: the left rows of the epoch wait for its end; per left row a lookup and its matches; per
// right change an insertion.

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/epoch_index.h"
#include "engine/operators/specs.h"

namespace forebay::operators {

namespace {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

constexpr size_t kNumberBytes = 4;

void append_number(uint32_t number, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}
uint32_t number_of(std::string_view suffix) {
  uint32_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) {
    number = number << 8 | static_cast<uint8_t>(suffix[i]);
  }
  return number;
}

class LookupJoin final : public Operator {
 public:
  LookupJoin(const LookupJoinParameters& parameters, const OperatorContext& context)
      : parameters_(parameters),
        context_(context),
        left_columns_(all_columns(parameters.left_types.size())),
        right_(context.table(parameters.right_rows, state::Family::kLog)),
        given_(context.table(parameters.given, state::Family::kLog)) {
    for (size_t i = 0; i < parameters.left_keys.size(); ++i) {
      if (i < parameters.null_safe.size() && parameters.null_safe[i] != 0) continue;
      strict_keys_[0].push_back(parameters.left_keys[i]);
      strict_keys_[1].push_back(parameters.right_keys[i]);
    }
    for (const Type& type : parameters.left_types) left_builders_.emplace_back(type);
    for (const Type& type : parameters.right_types) right_builders_.emplace_back(type);
  }

  Result<Progress> take(uint32_t input, ChangeBatch batch, Output& output) override {
    take_nulls(input, batch, output);
    if (batch.empty()) return Progress::kDone;
    if (input == 1) {
      FOREBAY_RETURN_IF_ERROR(take_right(batch));
    } else if (parameters_.left_append_only) {
      waiting_rows_ += batch.rows();
      waiting_.push_back(std::move(batch));
    } else {
      note_left(batch);
    }
    return Progress::kDone;
  }

  Result<Progress> end_epoch(Output& output) override {
    for (const OrderedTable::Entry* entry : suspects_) {
      if (OrderedTable::count(entry) >= 0) continue;
      fail_negative("lookup_join",
                    stored_row_text(parameters_.right_types, OrderedTable::suffix(entry)),
                    OrderedTable::count(entry));
    }
    std::sort(changes_.begin(), changes_.end(),
              [&](const Change& a, const Change& b) { return key_of(a) < key_of(b); });
    return resume(output);
  }

  Result<Progress> resume(Output& output) override {
    if (parameters_.left_append_only) return join_waiting(output);
    return flush_changes(output);
  }

  void seal(state::SealedRun& run) override {
    right_.seal(run);
    given_.seal(run);
    suspects_.clear();
    waiting_.clear();
    waiting_rows_ = next_batch_ = next_row_ = 0;
    changes_.clear();
    bytes_.clear();
    next_change_ = 0;
    emitted_ = false;
  }
  size_t memory_bytes() const override {
    return right_.memory_bytes() + given_.memory_bytes() + bytes_.capacity() +
           changes_.capacity() * sizeof(Change);
  }
  size_t dirty_entries() const override {
    return right_.dirty_entries() + given_.dirty_entries() + waiting_rows_ + changes_.size();
  }
  size_t state_rows() const override {
    return right_.resident_entries() + given_.resident_entries();
  }

 private:
  /// A change of a left row: its key and then its columns (kExact) are in bytes_.
  struct Change {
    size_t at;
    uint32_t key_size;
    uint32_t size;
    uint64_t hash;  // of the key
    Weight weight;
  };
  /// A right row that a left one was given.
  struct Given {
    std::string row;
    int64_t times;
  };

  std::string_view key_of(const Change& change) const {
    return std::string_view(bytes_).substr(change.at, change.size);
  }

  /// Rows with a NULL key leave the batch.
  void take_nulls(uint32_t input, ChangeBatch& batch, Output& output) {
    bool nullable = false;
    for (uint32_t column : strict_keys_[input]) nullable |= batch.column(column).has_nulls();
    if (!nullable) return;
    data::encode_keys(batch, strict_keys_[input], KeyMode::kGrouping, keys_);
    data::mark_nulls(batch, strict_keys_[input], keys_);
    data::Selection kept, alone;
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      (keys_.has_null[i] ? alone : kept).push_back(batch.physical(i));
    }
    if (input == 0 && parameters_.outer && !alone.empty()) {
      ChangeBatch passed = batch.share();
      passed.set_selection(std::move(alone));
      for (const Type& type : parameters_.right_types) {
        passed.mutable_columns().push_back(
            data::Column::constant(data::Datum::null(type), passed.physical_rows()));
      }
      emit_in_pieces(std::move(passed), context_.batch_rows, output);
    }
    batch.set_selection(std::move(kept));
  }

  Status take_right(const ChangeBatch& batch) {
    data::encode_keys(batch, parameters_.right_keys, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    groups_.resize(keys_.rows());
    FOREBAY_RETURN_IF_ERROR(right_.load(keys_, groups_));
    for (uint32_t i = 0; i < groups_.size(); ++i) {
      const uint32_t row = batch.physical(i);
      row_.clear();
      data::append_row(batch, row, row_);
      OrderedTable::Entry* entry = right_.upsert(groups_[i], row_);
      const int64_t count = add_weights(OrderedTable::count(entry), batch.weight(row));
      right_.set_count(groups_[i], entry, count);
      if (count < 0) suspects_.push_back(entry);
    }
    return Status::ok();
  }

  // --- append-only left side: rows wait as they came

  Result<Progress> join_waiting(Output& output) {
    while (next_batch_ < waiting_.size()) {
      const ChangeBatch& batch = waiting_[next_batch_];
      if (next_row_ == 0 && entry_ == nullptr) {
        data::encode_keys(batch, parameters_.left_keys, KeyMode::kGrouping, keys_);
        data::add_hashes(keys_);
        groups_.resize(keys_.rows());
        FOREBAY_RETURN_IF_ERROR(right_.find(keys_, groups_));
      }
      FOREBAY_RETURN_IF_ERROR(join_some(batch));
      put_pairs(batch, output);
      if (next_row_ < groups_.size()) return Progress::kMore;
      waiting_[next_batch_++] = ChangeBatch();
      next_row_ = 0;
      return Progress::kMore;
    }
    return Progress::kDone;
  }

  /// Pairs of the batch's rows until they are enough.
  Status join_some(const ChangeBatch& batch) {
    for (; next_row_ < groups_.size(); ++next_row_) {
      const OrderedTable::Group* group = groups_[next_row_];
      const uint32_t row = batch.physical(next_row_);
      if (entry_ == nullptr && group != nullptr) entry_ = OrderedTable::first(group);
      if (entry_ == nullptr) {
        if (!parameters_.outer) continue;
        if (pair_rows_.size() >= context_.batch_rows) return Status::ok();
        for (data::ColumnBuilder& builder : right_builders_) builder.append_null();
        pair_rows_.push_back(row);
        weights_.push_back(batch.weight(row));
        continue;
      }
      while (entry_ != nullptr) {
        if (pair_rows_.size() >= context_.batch_rows) return Status::ok();
        std::string_view bytes = OrderedTable::suffix(entry_);
        FOREBAY_RETURN_IF_ERROR(data::decode_row(bytes, right_builders_));
        pair_rows_.push_back(row);
        weights_.push_back(multiply_weights(batch.weight(row), OrderedTable::count(entry_)));
        entry_ = OrderedTable::next(group, entry_);
      }
    }
    return Status::ok();
  }

  void put_pairs(const ChangeBatch& batch, Output& output) {
    if (pair_rows_.empty()) return;
    const auto count = static_cast<uint32_t>(pair_rows_.size());
    std::vector<data::ColumnRef> columns;
    for (const data::ColumnRef& column : batch.columns()) {
      if (column->is_constant()) {
        columns.push_back(data::Column::constant(column->datum(0), count));
        continue;
      }
      data::ColumnBuilder builder(column->type(), count);
      builder.append_selected(*column, pair_rows_);
      columns.push_back(builder.finish());
    }
    pair_rows_.clear();
    put_out(std::move(columns), output);
  }

  /// The left columns with what the right builders hold.
  void put_out(std::vector<data::ColumnRef> columns, Output& output) {
    for (data::ColumnBuilder& builder : right_builders_) columns.push_back(builder.finish());
    ChangeBatch pairs(std::move(columns), static_cast<uint32_t>(weights_.size()));
    const bool inserts_only =
        std::all_of(weights_.begin(), weights_.end(), [](Weight weight) { return weight == 1; });
    if (!inserts_only) pairs.set_weights(weights_);
    weights_.clear();
    output.emit(std::move(pairs));
  }

  // --- changing left side: what was given is kept

  void note_left(const ChangeBatch& batch) {
    data::encode_keys(batch, parameters_.left_keys, KeyMode::kGrouping, keys_);
    data::add_hashes(keys_);
    data::encode_keys(batch, left_columns_, KeyMode::kExact, left_rows_);
    for (uint32_t i = 0; i < keys_.rows(); ++i) {
      const std::string_view key = keys_.key(i);
      const std::string_view row = left_rows_.key(i);
      changes_.push_back({bytes_.size(), static_cast<uint32_t>(key.size()),
                          static_cast<uint32_t>(key.size() + row.size()), keys_.hashes[i],
                          batch.weight(batch.physical(i))});
      bytes_.append(key).append(row);
    }
  }

  Result<Progress> flush_changes(Output& output) {
    while (next_change_ < changes_.size()) {
      if (std::exchange(emitted_, false)) return Progress::kMore;
      const Change& first = changes_[next_change_];
      Weight net = 0;
      for (; next_change_ < changes_.size() && key_of(changes_[next_change_]) == key_of(first);
           ++next_change_) {
        net += changes_[next_change_].weight;
      }
      if (net == 0) continue;
      keys_.bytes = key_of(first);
      keys_.offsets = {0, first.size};
      keys_.hashes = {first.hash};  // in the shard of its key
      OrderedTable::Group* given = nullptr;
      FOREBAY_RETURN_IF_ERROR(given_.load(keys_, {&given, 1}));
      const std::string_view row = key_of(first).substr(first.key_size);
      FOREBAY_RETURN_IF_ERROR(net > 0 ? give(first, given, row, net, output)
                                      : take_back(given, row, -net, output));
    }
    put_changes(output);
    return Progress::kDone;
  }

  void put_changes(Output& output) {
    if (weights_.empty()) return;
    std::vector<data::ColumnRef> left;
    for (data::ColumnBuilder& builder : left_builders_) left.push_back(builder.finish());
    put_out(std::move(left), output);
    emitted_ = true;
  }

  Status give(const Change& change, OrderedTable::Group* given, std::string_view left, Weight net,
              Output& output) {
    keys_.bytes = key_of(change).substr(0, change.key_size);
    keys_.offsets = {0, change.key_size};
    OrderedTable::Group* right = nullptr;
    FOREBAY_RETURN_IF_ERROR(right_.find(keys_, {&right, 1}));
    std::vector<Given> matches;
    if (right != nullptr) {
      OrderedTable::for_each(right, [&](const OrderedTable::Entry* entry) {
        matches.push_back({std::string(OrderedTable::suffix(entry)), OrderedTable::count(entry)});
      });
    }
    const bool has_none = matches.empty();
    if (has_none) matches.push_back({"", 0});
    const OrderedTable::Entry* last = OrderedTable::last(given);
    const uint32_t number = last == nullptr ? 0 : number_of(OrderedTable::suffix(last)) + 1;
    for (const Given& match : matches) {
      row_.clear();
      append_number(number, row_);
      row_ += match.row;
      OrderedTable::Entry* entry = given_.upsert(given, row_);
      std::string times;
      data::append_varint(static_cast<uint64_t>(match.times), times);
      given_.set_value(given, entry, times);
      given_.set_count(given, entry, net);
      FOREBAY_RETURN_IF_ERROR(emit(left, match, net, output));
    }
    return Status::ok();
  }

  Status take_back(OrderedTable::Group* given, std::string_view left, Weight count,
                   Output& output) {
    while (count > 0) {
      const OrderedTable::Entry* last = OrderedTable::last(given);
      if (last == nullptr) fail_negative("lookup_join", left_text(left), -count);
      const Weight goes = std::min(count, OrderedTable::count(last));
      const std::string number(OrderedTable::suffix(last).substr(0, kNumberBytes));
      std::vector<OrderedTable::Entry*> entries;
      for (OrderedTable::Entry* entry = OrderedTable::lower_bound(given, number); entry != nullptr;
           entry = OrderedTable::next(given, entry)) {
        entries.push_back(entry);
      }
      for (OrderedTable::Entry* entry : entries) {
        std::string_view value = OrderedTable::value(entry);
        uint64_t times = 0;
        if (!data::read_varint(value, times)) return Status::internal("lookup_join: bad value");
        const Given match{std::string(OrderedTable::suffix(entry).substr(kNumberBytes)),
                          static_cast<int64_t>(times)};
        FOREBAY_RETURN_IF_ERROR(emit(left, match, -goes, output));
        OrderedTable::Entry* dirty = given_.upsert(given, OrderedTable::suffix(entry));
        given_.set_count(given, dirty, OrderedTable::count(dirty) - goes);
      }
      count -= goes;
    }
    return Status::ok();
  }

  Status emit(std::string_view left, const Given& match, Weight weight, Output& output) {
    if (match.times == 0 && !parameters_.outer) return Status::ok();
    for (data::ColumnBuilder& builder : left_builders_) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(left, KeyMode::kExact, builder));
    }
    if (match.times == 0) {
      for (data::ColumnBuilder& builder : right_builders_) builder.append_null();
      weights_.push_back(weight);
    } else {
      std::string_view row = match.row;
      FOREBAY_RETURN_IF_ERROR(data::decode_row(row, right_builders_));
      weights_.push_back(multiply_weights(weight, match.times));
    }
    if (weights_.size() >= context_.batch_rows) put_changes(output);
    return Status::ok();
  }

  std::string left_text(std::string_view row) const {
    std::vector<data::ColumnRef> columns;
    for (const Type& type : parameters_.left_types) {
      data::ColumnBuilder builder(type);
      if (!data::decode_key(row, KeyMode::kExact, builder).is_ok())
        return "(bytes that are no row)";
      columns.push_back(builder.finish());
    }
    return error_row_text(ChangeBatch(std::move(columns), 1), 0);
  }

  LookupJoinParameters parameters_;
  OperatorContext context_;
  std::vector<uint32_t> left_columns_;
  std::vector<uint32_t> strict_keys_[2];  // key columns where NULL matches nothing

  OrderedTable right_;
  OrderedTable given_;

  // The epoch.
  std::vector<const OrderedTable::Entry*> suspects_;  // whose count went below 0 at some time
  std::vector<ChangeBatch> waiting_;
  size_t waiting_rows_ = 0;
  std::vector<Change> changes_;
  std::string bytes_;

  // The flush: batches before next_batch_ are done, and rows of that one before next_row_ but for
  // the matches from entry_ on; or changes before next_change_.
  size_t next_batch_ = 0;
  size_t next_row_ = 0;
  OrderedTable::Entry* entry_ = nullptr;
  size_t next_change_ = 0;
  bool emitted_ = false;
  std::vector<uint32_t> pair_rows_;
  std::vector<Weight> weights_;
  std::vector<data::ColumnBuilder> left_builders_, right_builders_;

  // Scratch.
  KeyRows keys_, left_rows_;
  std::vector<OrderedTable::Group*> groups_;
  std::string row_;
};

class LookupJoinSpec final : public OperatorSpec {
 public:
  explicit LookupJoinSpec(LookupJoinParameters parameters) : parameters_(std::move(parameters)) {
    types_ = parameters_.left_types;
    types_.insert(types_.end(), parameters_.right_types.begin(), parameters_.right_types.end());
  }
  std::string_view name() const override { return "lookup_join"; }
  std::string describe() const override {
    std::string text =
        fmt::format("kind={} left_keys={} right_keys={}", parameters_.outer ? "left" : "inner",
                    column_list(parameters_.left_keys), column_list(parameters_.right_keys));
    text += null_safe_text(parameters_.null_safe);
    if (parameters_.left_append_only) text += " append-only";
    return text;
  }
  const std::vector<Type>& output_types() const override { return types_; }
  std::unique_ptr<Operator> instantiate(const OperatorContext& context) const override {
    return std::make_unique<LookupJoin>(parameters_, context);
  }
  std::vector<state::DroppedTable> tables() const override {
    std::vector<state::DroppedTable> tables{{state::Family::kLog, parameters_.right_rows}};
    if (!parameters_.left_append_only) tables.push_back({state::Family::kLog, parameters_.given});
    return tables;
  }

 private:
  LookupJoinParameters parameters_;
  std::vector<Type> types_;
};

}  // namespace

SpecRef make_lookup_join(LookupJoinParameters parameters) {
  return std::make_shared<LookupJoinSpec>(std::move(parameters));
}

}  // namespace forebay::operators
