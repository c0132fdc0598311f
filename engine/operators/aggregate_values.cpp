#include "engine/operators/aggregate_values.h"

#include <algorithm>
#include <functional>

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"
#include "engine/operators/expired_groups.h"
#include "engine/operators/group_prefetch.h"

namespace forebay::operators {

using data::KeyMode;
using state::OrderedTable;
using state::PointTable;

namespace {

/// Values that are equal may look different, and the function can tell.
bool has_forms(const AggregateCallSpec& call, const std::vector<Type>& types) {
  if (call.function->counts || types.size() != 1) return false;
  if (types[0].id == data::TypeId::kInterval) return true;
  return types[0].id == data::TypeId::kNumeric && types[0].modifier < 0;
}

}  // namespace

bool needs_value_table(const AggregateParameters& parameters, const AggregateCallSpec& call) {
  if (call.function->kind == udfs::AggregateKind::kAccumulator) return call.distinct;
  if (call.function->kind == udfs::AggregateKind::kOrdered) return true;
  return !parameters.append_only;
}

namespace {

/// DISTINCT values that are counted as they are, under one form.
bool only_counts_values(const AggregateParameters& parameters, const AggregateCallSpec& call) {
  if (!call.distinct || call.function->kind != udfs::AggregateKind::kAccumulator) return false;
  std::vector<Type> types;
  for (uint32_t argument : call.arguments) types.push_back(parameters.input_types[argument]);
  return !has_forms(call, types);
}

bool shares_values(const AggregateParameters& parameters, size_t first, size_t second) {
  const AggregateCallSpec& a = parameters.aggregates[first];
  const AggregateCallSpec& b = parameters.aggregates[second];
  return a.arguments == b.arguments && only_counts_values(parameters, a) &&
         only_counts_values(parameters, b);
}

}  // namespace

size_t values_owner(const AggregateParameters& parameters, size_t index) {
  for (size_t i = 0; i < index; ++i) {
    if (shares_values(parameters, i, index)) return i;
  }
  return index;
}

ValueTable::ValueTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
                       size_t calls, const OperatorContext& context)
    : operator_name_(operator_name),
      call_(payload.parameters().aggregates[call]),
      eval_(context.eval),
      calls_(calls),
      distinct_(payload.call_state(call) != CallState::kExtreme),
      ordered_(call_.function->kind == udfs::AggregateKind::kOrdered),
      table_(context.table(payload.parameters().value_tables[call], state::Family::kLog)),
      transitions_(calls) {
  for (uint32_t argument : call_.arguments) {
    types_.push_back(payload.parameters().input_types[argument]);
  }
  for (const SortKey& key : call_.order) {
    order_columns_.push_back(key.column);
    order_types_.push_back(payload.parameters().input_types[key.column]);
    orders_.push_back({key.descending, key.nulls_first});
  }
  forms_ = distinct_ && has_forms(call_, types_);
}

KeyMode ValueTable::mode() const {
  return distinct_ && !forms_ ? KeyMode::kGrouping : KeyMode::kExact;
}

Status ValueTable::count(size_t nth, const data::KeyRows& group_keys, const ChangeBatch& batch,
                         const CallRows& rows, std::span<PointTable::Entry* const> groups) {
  if (calls_ > 1) return count_shared(nth, group_keys, batch, rows, groups);
  ChangeBatch seen = batch.share();
  seen.set_selection(data::Selection(rows.rows.begin(), rows.rows.end()));
  data::encode_keys(seen, call_.arguments, mode(), keys_);
  if (!order_columns_.empty()) {
    data::encode_keys(seen, order_columns_, KeyMode::kGrouping, order_keys_, orders_);
  }
  groups_.resize(group_keys.rows());
  FOREBAY_RETURN_IF_ERROR(table_.load(group_keys, groups_));
  bool one_group = group_keys.rows() < groups.size();
  for (uint32_t i = 0; i < rows.rows.size(); ++i) {
    if (!one_group) prefetch_groups(groups_, rows.places[i]);
    OrderedTable::Group* group = groups_[one_group ? 0 : rows.places[i]];
    std::string_view suffix = keys_.key(i);
    if (!order_columns_.empty()) {
      suffix_.assign(order_keys_.key(i));
      suffix_.append(suffix);
      suffix = suffix_;
    }
    bool is_first;
    OrderedTable::Entry* value = table_.upsert(group, suffix, is_first);
    if (distinct_ && is_first) note(groups[rows.places[i]], group, value);
    int64_t now = add_weights(OrderedTable::count(value), rows.weights[i]);
    table_.set_count(group, value, now);
    if (now < 0) suspects_.push_back(value);
  }
  return Status::ok();
}

Status ValueTable::count_shared(size_t nth, const data::KeyRows& group_keys,
                                const ChangeBatch& batch, const CallRows& rows,
                                std::span<PointTable::Entry* const> groups) {
  if (found_.empty()) {
    data::encode_keys(batch, call_.arguments, mode(), keys_);
    groups_.resize(group_keys.rows());
    FOREBAY_RETURN_IF_ERROR(table_.load(group_keys, groups_));
    found_.assign(batch.rows(), nullptr);
  }
  const bool one_group = group_keys.rows() < groups.size();
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    const uint32_t place = rows.places[i];
    OrderedTable::Group* group = groups_[one_group ? 0 : place];
    OrderedTable::Entry*& value = found_[place];
    if (value == nullptr) {
      if (!one_group) prefetch_groups(groups_, place);
      bool is_first;
      value = table_.upsert(group, keys_.key(place), is_first);
      if (is_first) note(groups[place], group, value);
    }
    add_to_count(group, value, nth, rows.weights[i]);
  }
  return Status::ok();
}

void ValueTable::counts_of(const OrderedTable::Entry* value, std::span<int64_t> counts) const {
  const std::string_view others = OrderedTable::value(value);
  std::fill(counts.begin(), counts.end(), 0);
  const size_t bytes = std::min(others.size(), (calls_ - 1) * sizeof(int64_t));
  if (bytes > 0) std::memcpy(counts.data() + 1, others.data(), bytes);
  counts[0] = OrderedTable::count(value);
  for (size_t i = 1; i < calls_; ++i) counts[0] -= counts[i];
}

void ValueTable::add_to_count(OrderedTable::Group* group, OrderedTable::Entry* value, size_t nth,
                              int64_t change) {
  if (nth > 0) {
    if (OrderedTable::value(value).empty()) {
      table_.set_value(group, value, std::string((calls_ - 1) * sizeof change, '\0'));
    }
    char* at = table_.edit_value(group, value) + (nth - 1) * sizeof change;
    int64_t count;
    std::memcpy(&count, at, sizeof count);
    count += change;
    std::memcpy(at, &count, sizeof count);
  }
  table_.set_count(group, value, add_weights(OrderedTable::count(value), change));
}

void ValueTable::note(PointTable::Entry* group, OrderedTable::Group* values,
                      OrderedTable::Entry* value) {
  touched_.push_back({group, values, value, OrderedTable::count(value)});
  if (calls_ == 1) return;
  counts_before_.resize(counts_before_.size() + calls_);
  counts_of(value, std::span(counts_before_).last(calls_));
}

Status ValueTable::check() const {
  for (const OrderedTable::Entry* value : suspects_) {
    if (OrderedTable::count(value) >= 0) continue;
    FOREBAY_RETURN_IF_ERROR(fail_below_zero(value, OrderedTable::count(value)));
  }
  return Status::ok();
}

Status ValueTable::fail_below_zero(const OrderedTable::Entry* value, int64_t count) const {
  std::vector<data::ColumnRef> columns;
  std::string_view key = OrderedTable::suffix(value);
  FOREBAY_RETURN_IF_ERROR(skip_order(key));
  for (const Type& type : types_) {
    data::ColumnBuilder builder(type);
    FOREBAY_RETURN_IF_ERROR(data::decode_key(key, mode(), builder));
    columns.push_back(builder.finish());
  }
  fail_negative(operator_name_, error_row_text(ChangeBatch(std::move(columns), 1), 0), count);
  return Status::ok();
}

Status ValueTable::settle_shared() {
  std::vector<int64_t> counts(calls_);
  constexpr size_t kAhead = 8;
  for (size_t i = 0; i < touched_.size(); ++i) {
    if (i + kAhead < touched_.size()) __builtin_prefetch(touched_[i + kAhead].value);
    const Touched& touched = touched_[i];
    counts_of(touched.value, counts);
    for (size_t nth = 0; nth < calls_; ++nth) {
      if (counts[nth] < 0) FOREBAY_RETURN_IF_ERROR(fail_below_zero(touched.value, counts[nth]));
      const bool was = counts_before_[i * calls_ + nth] > 0;
      const bool is = counts[nth] > 0;
      if (was != is) transitions_[nth].push_back({touched.group, touched.value, is ? 1 : -1});
    }
  }
  return Status::ok();
}

Status ValueTable::settle() {
  if (calls_ > 1) return settle_shared();
  FOREBAY_RETURN_IF_ERROR(check());
  if (forms_) return settle_forms();
  for (const Touched& touched : touched_) {
    bool was = touched.count_before > 0;
    bool is = OrderedTable::count(touched.value) > 0;
    if (was != is) transitions_[0].push_back({touched.group, touched.value, is ? 1 : -1});
  }
  return Status::ok();
}

Result<std::string> ValueTable::grouping_of(const OrderedTable::Entry* value) {
  data::ColumnBuilder builder(types_[0]);
  std::string_view key = OrderedTable::suffix(value);
  FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, builder));
  ChangeBatch row({builder.finish()}, 1);
  data::encode_keys(row, all_columns(1), KeyMode::kGrouping, keys_);
  return std::string(keys_.key(0));
}

Status ValueTable::settle_forms() {
  // Forms of one value follow each other.
  std::sort(touched_.begin(), touched_.end(), [](const Touched& a, const Touched& b) {
    if (a.values != b.values) return std::less<>()(a.values, b.values);
    return OrderedTable::suffix(a.value) < OrderedTable::suffix(b.value);
  });
  for (size_t from = 0; from < touched_.size();) {
    const Touched& first = touched_[from];
    FOREBAY_ASSIGN_OR_RETURN(const std::string grouping, grouping_of(first.value));
    auto same_value = [&](const OrderedTable::Entry* entry) {
      return OrderedTable::suffix(entry).starts_with(grouping);
    };
    size_t to = from + 1;
    while (to < touched_.size() && touched_[to].values == first.values &&
           same_value(touched_[to].value)) {
      ++to;
    }
    OrderedTable::Entry* now = OrderedTable::lower_bound(first.values, grouping);
    if (now != nullptr && !same_value(now)) now = nullptr;
    // What stood for the value before: the least of the touched forms that were there and of the
    // others, which are there still.
    OrderedTable::Entry* before = nullptr;
    for (size_t i = from; i < to && before == nullptr; ++i) {
      if (touched_[i].count_before > 0) before = touched_[i].value;
    }
    size_t at = from;
    for (OrderedTable::Entry* other = now; other != nullptr && same_value(other);
         other = OrderedTable::next(first.values, other)) {
      while (at < to && OrderedTable::suffix(touched_[at].value) < OrderedTable::suffix(other))
        ++at;
      if (at < to && touched_[at].value == other) continue;
      if (before == nullptr || OrderedTable::suffix(other) < OrderedTable::suffix(before)) {
        before = other;
      }
      break;
    }
    if (now != before) {
      if (before != nullptr) transitions_[0].push_back({first.group, before, -1});
      if (now != nullptr) transitions_[0].push_back({first.group, now, 1});
    }
    from = to;
  }
  return Status::ok();
}

Status ValueTable::transitions(size_t nth, size_t from, size_t to,
                               std::vector<data::ColumnRef>& columns,
                               std::vector<PointTable::Entry*>& groups,
                               std::vector<Weight>& weights) const {
  const std::vector<Transition>& all = transitions_[nth];
  std::vector<data::ColumnBuilder> builders(types_.begin(), types_.end());
  groups.clear();
  weights.clear();
  for (size_t i = from; i < std::min(all.size(), to); ++i) {
    std::string_view key = OrderedTable::suffix(all[i].value);
    for (data::ColumnBuilder& builder : builders) {
      FOREBAY_RETURN_IF_ERROR(data::decode_key(key, mode(), builder));
    }
    groups.push_back(all[i].group);
    weights.push_back(all[i].weight);
  }
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return Status::ok();
}

Result<data::ColumnRef> ValueTable::extremes(const data::KeyRows& group_keys) {
  if (ordered_) return collected(group_keys);
  bool maximum = call_.function->kind == udfs::AggregateKind::kMaximum;
  groups_.resize(group_keys.rows());
  FOREBAY_RETURN_IF_ERROR(table_.find(group_keys, groups_));
  data::ColumnBuilder builder(call_.result_type, group_keys.rows());
  for (const OrderedTable::Group* group : groups_) {
    const OrderedTable::Entry* value = nullptr;
    if (group != nullptr) value = maximum ? OrderedTable::last(group) : OrderedTable::first(group);
    if (value == nullptr) {
      builder.append_null();
      continue;
    }
    std::string_view key = OrderedTable::suffix(value);
    FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kExact, builder));
  }
  return builder.finish();
}

Status ValueTable::skip_order(std::string_view& key) const {
  for (size_t i = 0; i < order_columns_.size(); ++i) {
    data::ColumnBuilder skipped(order_types_[i]);
    FOREBAY_RETURN_IF_ERROR(data::decode_key(key, KeyMode::kGrouping, skipped, orders_[i]));
  }
  return Status::ok();
}

Result<data::ColumnRef> ValueTable::collected(const data::KeyRows& group_keys) {
  groups_.resize(group_keys.rows());
  FOREBAY_RETURN_IF_ERROR(table_.find(group_keys, groups_));
  data::ColumnBuilder results(call_.result_type, group_keys.rows());
  for (const OrderedTable::Group* group : groups_) {
    if (group == nullptr || OrderedTable::first(group) == nullptr) {
      results.append_null();
      continue;
    }
    FOREBAY_RETURN_IF_ERROR(collect(group, results));
  }
  return results.finish();
}

Status ValueTable::collect(const OrderedTable::Group* group, data::ColumnBuilder& result) {
  std::vector<data::ColumnBuilder> builders(types_.begin(), types_.end());
  std::vector<Weight> counts;
  Status status;
  auto add = [&](const OrderedTable::Entry* entry) {
    std::string_view key = OrderedTable::suffix(entry);
    if (status.is_ok()) status = skip_order(key);
    for (data::ColumnBuilder& builder : builders) {
      if (status.is_ok()) status = data::decode_key(key, KeyMode::kExact, builder);
    }
    counts.push_back(call_.distinct ? 1 : OrderedTable::count(entry));
  };
  if (call_.function->first_only) {
    add(OrderedTable::first(group));
  } else if (call_.function->last_only) {
    add(OrderedTable::last(group));
  } else {
    OrderedTable::for_each(group, add);
  }
  if (!status.is_ok()) return status;
  std::vector<data::ColumnRef> columns;
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  ChangeBatch rows(std::move(columns), static_cast<uint32_t>(counts.size()));
  std::vector<uint8_t> repeats = repeats_of(rows);
  if (call_.distinct) {
    data::Selection firsts;
    for (uint32_t row = 0; row < repeats.size(); ++row) {
      if (repeats[row] == 0) firsts.push_back(row);
    }
    counts.assign(firsts.size(), 1);
    repeats.assign(firsts.size(), 0);
    rows.set_selection(std::move(firsts));
    rows = std::move(rows).compacted();
  }
  std::vector<data::ColumnView> views;
  for (const data::ColumnRef& column : rows.columns()) views.push_back(column->view());
  udfs::CollectCall collect;
  collect.arguments = views.data();
  collect.argument_types = types_.data();
  collect.argument_count = static_cast<uint32_t>(views.size());
  collect.counts = counts.data();
  collect.repeats = repeats.data();
  collect.row_count = rows.rows();
  collect.direct = call_.direct.data();
  collect.direct_count = static_cast<uint32_t>(call_.direct.size());
  collect.out = &result;
  size_t bytes = 0;
  const size_t most = eval_ == nullptr ? SIZE_MAX : eval_->most_bytes;
  const size_t left = most - std::min(most, collected_bytes_);
  collect.text_bytes = &bytes;
  collect.most_bytes = std::min(udfs::kLongestText, left);
  call_.function->collect(collect);
  if (bytes > udfs::kLongestText) {
    return Status(data::sqlstate::kProgramLimit, std::string(udfs::kTextTooLong));
  }
  if (bytes > left) return Status(data::sqlstate::kOutOfMemory, "out of memory");
  collected_bytes_ += bytes;
  return Status::ok();
}

std::vector<uint8_t> ValueTable::repeats_of(const ChangeBatch& rows) {
  std::vector<uint8_t> repeats(rows.rows(), 0);
  data::encode_keys(rows, all_columns(types_.size()), KeyMode::kGrouping, keys_);
  for (uint32_t row = 1; row < repeats.size(); ++row) {
    repeats[row] = keys_.key(row) == keys_.key(row - 1);
  }
  return repeats;
}

Status ValueTable::free(const data::KeyRows& group_keys) {
  return free_groups(table_, group_keys, groups_);
}

void ValueTable::seal(state::SealedRun& run) {
  table_.seal(run);
  collected_bytes_ = 0;
  touched_.clear();
  counts_before_.clear();
  found_.clear();
  for (auto& transitions : transitions_) transitions.clear();
  suspects_.clear();
}

}  // namespace forebay::operators
