#include "engine/operators/aggregate_values.h"

#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"

namespace forebay::operators {

using data::KeyMode;
using state::OrderedTable;
using state::PointTable;

namespace {

uint16_t scale_of(const OrderedTable::Entry* value) {
  uint16_t scale = 0;
  std::string_view bytes = OrderedTable::value(value);
  if (bytes.size() == sizeof scale) std::memcpy(&scale, bytes.data(), sizeof scale);
  return scale;
}

}  // namespace

bool needs_value_table(const AggregateParameters& parameters, const AggregateCallSpec& call) {
  if (call.function->kind == udfs::AggregateKind::kAccumulator) return call.distinct;
  if (call.function->kind == udfs::AggregateKind::kOrdered) return true;
  return !parameters.append_only;
}

ValueTable::ValueTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
                       const OperatorContext& context)
    : operator_name_(operator_name),
      call_(payload.parameters().aggregates[call]),
      eval_(context.eval),
      distinct_(payload.call_state(call) != CallState::kExtreme),
      ordered_(call_.function->kind == udfs::AggregateKind::kOrdered),
      table_(context.table(payload.parameters().value_tables[call], state::Family::kLog)) {
  for (uint32_t argument : call_.arguments) {
    types_.push_back(payload.parameters().input_types[argument]);
  }
  for (const SortKey& key : call_.order) {
    order_columns_.push_back(key.column);
    order_types_.push_back(payload.parameters().input_types[key.column]);
    orders_.push_back({key.descending, key.nulls_first});
  }
  scaled_ = distinct_ && types_.size() == 1 && types_[0].id == data::TypeId::kNumeric &&
            types_[0].modifier < 0;
}

Status ValueTable::count(const data::KeyRows& group_keys, const ChangeBatch& batch,
                         const CallRows& rows, std::span<PointTable::Entry* const> groups) {
  ChangeBatch seen = batch.share();
  seen.set_selection(data::Selection(rows.rows.begin(), rows.rows.end()));
  data::encode_keys(seen, call_.arguments, distinct_ ? KeyMode::kGrouping : KeyMode::kExact, keys_);
  if (!order_columns_.empty()) {
    data::encode_keys(seen, order_columns_, KeyMode::kGrouping, order_keys_, orders_);
  }
  groups_.resize(group_keys.rows());
  FOREBAY_RETURN_IF_ERROR(table_.load(group_keys, groups_));
  bool one_group = group_keys.rows() < groups.size();
  for (uint32_t i = 0; i < rows.rows.size(); ++i) {
    OrderedTable::Group* group = groups_[one_group ? 0 : rows.places[i]];
    std::string_view suffix = keys_.key(i);
    if (!order_columns_.empty()) {
      suffix_.assign(order_keys_.key(i));
      suffix_.append(suffix);
      suffix = suffix_;
    }
    OrderedTable::Entry* value = table_.upsert(group, suffix);
    if (distinct_) note(groups[rows.places[i]], value);
    if (scaled_) {
      const data::Column& column = batch.column(call_.arguments[0]);
      raise_scale(group, value, column.at<data::Numeric>(rows.rows[i]).scale);
    }
    int64_t now = OrderedTable::count(value) + rows.weights[i];
    table_.set_count(group, value, now);
    if (now < 0) suspects_.push_back(value);
  }
  return Status::ok();
}

void ValueTable::note(PointTable::Entry* group, OrderedTable::Entry* value) {
  auto next = static_cast<uint32_t>(touched_.size());
  auto same = [&](uint32_t at) { return touched_[at].value == value; };
  if (place_.find_or_add(EpochIndex::hash_of(value), next, same) != next) return;
  touched_.push_back({group, value, OrderedTable::count(value)});
}

void ValueTable::raise_scale(OrderedTable::Group* group, OrderedTable::Entry* value,
                             uint16_t seen) {
  if (seen <= scale_of(value)) return;
  table_.set_value(group, value, {reinterpret_cast<const char*>(&seen), sizeof seen});
}

Status ValueTable::check() const {
  for (const OrderedTable::Entry* value : suspects_) {
    if (OrderedTable::count(value) >= 0) continue;
    std::vector<data::ColumnRef> columns;
    std::string_view key = OrderedTable::suffix(value);
    FOREBAY_RETURN_IF_ERROR(skip_order(key));
    for (const Type& type : types_) {
      data::ColumnBuilder builder(type);
      FOREBAY_RETURN_IF_ERROR(
          data::decode_key(key, distinct_ ? KeyMode::kGrouping : KeyMode::kExact, builder));
      columns.push_back(builder.finish());
    }
    fail_negative(operator_name_, error_row_text(ChangeBatch(std::move(columns), 1), 0),
                  OrderedTable::count(value));
  }
  return Status::ok();
}

Status ValueTable::transitions(size_t from, size_t to, std::vector<data::ColumnRef>& columns,
                               std::vector<char*>& payloads, std::vector<Weight>& weights) const {
  std::vector<data::ColumnBuilder> builders(types_.begin(), types_.end());
  payloads.clear();
  weights.clear();
  for (size_t i = from; i < std::min(touched_.size(), to); ++i) {
    bool was = touched_[i].count_before > 0;
    bool is = OrderedTable::count(touched_[i].value) > 0;
    if (was == is) continue;
    int32_t scale = scaled_ ? scale_of(touched_[i].value) : -1;
    std::string_view key = OrderedTable::suffix(touched_[i].value);
    for (data::ColumnBuilder& builder : builders) {
      FOREBAY_RETURN_IF_ERROR(
          data::decode_key(key, KeyMode::kGrouping, builder, data::KeyOrder{}, scale));
    }
    payloads.push_back(PointTable::payload(touched_[i].group));
    weights.push_back(is ? 1 : -1);
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

void ValueTable::seal(state::SealedRun& run) {
  table_.seal(run);
  collected_bytes_ = 0;
  touched_.clear();
  place_.clear();
  suspects_.clear();
}

}  // namespace forebay::operators
