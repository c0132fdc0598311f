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
  return !parameters.append_only;
}

ValueTable::ValueTable(std::string_view operator_name, const AggregatePayload& payload, size_t call,
                       const OperatorContext& context)
    : operator_name_(operator_name),
      call_(payload.parameters().aggregates[call]),
      distinct_(payload.call_state(call) != CallState::kExtreme),
      table_(context.table(payload.parameters().value_tables[call], state::Family::kLog)) {
  for (uint32_t argument : call_.arguments) {
    types_.push_back(payload.parameters().input_types[argument]);
  }
  scaled_ = distinct_ && types_.size() == 1 && types_[0].id == data::TypeId::kNumeric &&
            types_[0].modifier < 0;
}

Status ValueTable::count(const data::KeyRows& group_keys, const ChangeBatch& batch,
                         const CallRows& rows, std::span<PointTable::Entry* const> groups) {
  ChangeBatch seen = batch.share();
  seen.set_selection(data::Selection(rows.rows.begin(), rows.rows.end()));
  data::encode_keys(seen, call_.arguments, distinct_ ? KeyMode::kGrouping : KeyMode::kExact, keys_);
  groups_.resize(group_keys.rows());
  FOREBAY_RETURN_IF_ERROR(table_.load(group_keys, groups_));
  bool one_group = group_keys.rows() < groups.size();
  for (uint32_t i = 0; i < rows.rows.size(); ++i) {
    OrderedTable::Group* group = groups_[one_group ? 0 : rows.places[i]];
    OrderedTable::Entry* value = table_.upsert(group, keys_.key(i));
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

void ValueTable::seal(state::SealedRun& run) {
  table_.seal(run);
  touched_.clear();
  place_.clear();
  suspects_.clear();
}

}  // namespace forebay::operators
