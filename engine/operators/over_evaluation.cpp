#include "engine/operators/over_evaluation.h"

#include "engine/operators/emission.h"

namespace forebay::operators {

using data::KeyMode;
using data::KeyRows;
using state::OrderedTable;

namespace {
constexpr uint32_t kMostRows = 1u << 30;
}  // namespace

const GroupFailure* OverEvaluation::Version::failure_of(uint32_t row) const {
  if (failed.empty() || failed[row] < 0) return nullptr;
  return &failures[static_cast<size_t>(failed[row])];
}

OverEvaluation::OverEvaluation(const OverParameters& parameters, const OverOrder& order,
                               const expr::EvalContext* context)
    : parameters_(parameters), order_(order), context_(context) {
  const auto read = [&](uint32_t column) {
    if (column + 1 > read_.size()) read_.resize(column + 1, 0);
    read_[column] = 1;
  };
  for (const OverCall& call : parameters.calls) {
    for (uint32_t argument : call.arguments) read(argument);
    if (call.filter_column >= 0) read(static_cast<uint32_t>(call.filter_column));
    if (call.fallback_column >= 0) read(static_cast<uint32_t>(call.fallback_column));
    peers_ |= needs_peers(call);
  }
}

Status OverEvaluation::read(const std::vector<Item>& items) {
  items_ = &items;
  inputs_ = OverItems();
  has_places_ = false;
  std::vector<data::ColumnBuilder> builders;
  for (size_t i = 0; i < read_.size(); ++i) builders.emplace_back(parameters_.types[i]);
  for (const Item& item : items) {
    const std::string_view suffix = OrderedTable::suffix(item.entry);
    if (peers_ || !read_.empty()) {
      const std::string_view key = order_.key_of(suffix);
      if (peers_) inputs_.keys.push_back(key);
      std::string_view rest = suffix.substr(key.size());
      for (data::ColumnBuilder& builder : builders) {
        FOREBAY_RETURN_IF_ERROR(data::decode_key(rest, KeyMode::kExact, builder));
      }
    }
  }
  for (data::ColumnBuilder& builder : builders) inputs_.columns.push_back(builder.finish());
  inputs_.count = static_cast<uint32_t>(items.size());
  return Status::ok();
}

void OverEvaluation::find_places(size_t index, OverPlaces& places) {
  const OverFrame& frame = parameters_.calls[index].frame;
  if (frame.lower.value == nullptr && frame.upper.value == nullptr) return;
  const data::ColumnRef values = order_.values_of(inputs_.keys);
  const auto find = [&](const FrameBound& bound, KeyRows& keys, std::vector<uint8_t>& failed) {
    if (bound.value == nullptr) return;
    expr::Evaluator evaluator(bound.value);
    order_.places_of(evaluator, values, *context_, keys, failed);
  };
  find(frame.lower, places.lower, places.lower_failed);
  find(frame.upper, places.upper, places.upper_failed);
}

/// The rows of items_ before or now; those of the items [from, to) are wanted.
Status OverEvaluation::list_rows(bool now, uint32_t from, uint32_t to, OverRows& rows) const {
  rows.item.clear();
  rows.group.clear();
  rows.group_start.clear();
  uint32_t last = 0;  // item with rows
  for (uint32_t i = 0; i < items_->size(); ++i) {
    if (i == from) rows.from = rows.count();
    const Item& item = (*items_)[i];
    const int64_t count = now ? item.now : item.before;
    if (count > int64_t{kMostRows} - rows.count()) {
      return Status(data::sqlstate::kProgramLimit,
                    "a window function has to look at too many rows at once");
    }
    rows.item.insert(rows.item.end(), static_cast<size_t>(count), i);
    if (count > 0 && peers_) {
      const bool is_new = rows.group.empty() || inputs_.keys[last] != inputs_.keys[i];
      if (is_new) {
        rows.group_start.push_back(rows.count() - static_cast<uint32_t>(count));
      }
      const auto group = static_cast<uint32_t>(rows.group_start.size() - 1);
      rows.group.insert(rows.group.end(), static_cast<size_t>(count), group);
      last = i;
    }
    if (i + 1 == to) rows.to = rows.count();
  }
  rows.group_start.push_back(rows.count());
  return Status::ok();
}

Status OverEvaluation::evaluate(bool now, uint32_t from, uint32_t to, const OverBase& base,
                                Version& version) {
  if (!has_places_) {
    has_places_ = true;
    places_.assign(parameters_.calls.size(), OverPlaces());
    for (size_t i = 0; i < places_.size(); ++i) find_places(i, places_[i]);
  }
  FOREBAY_RETURN_IF_ERROR(list_rows(now, from, to, version.rows));
  const uint32_t rows = version.rows.to - version.rows.from;
  version.values.clear();
  version.failures.clear();
  version.failed.clear();
  for (size_t i = 0; i < parameters_.calls.size(); ++i) {
    data::ColumnBuilder builder(parameters_.calls[i].result_type);
    FOREBAY_RETURN_IF_ERROR(append_over_values(parameters_, i, inputs_, version.rows, base,
                                               places_[i], context_, builder, version.failures));
    version.values.push_back(builder.finish());
  }
  data::encode_keys(ChangeBatch(version.values, rows), all_columns(version.values.size()),
                    KeyMode::kExact, version.keys);
  if (!version.failures.empty()) version.failed.assign(rows, -1);
  for (size_t i = version.failures.size(); i-- > 0;) {
    version.failed[version.failures[i].index] = static_cast<int32_t>(i);
  }
  return Status::ok();
}

Status OverEvaluation::advance(bool now, OverBase& base) {
  FOREBAY_RETURN_IF_ERROR(list_rows(now, 0, inputs_.count, advanced_));
  operators::advance(parameters_, inputs_, advanced_, advanced_.count(), base);
  return Status::ok();
}

bool OverEvaluation::same(const Version& a, uint32_t row_of_a, const Version& b,
                          uint32_t row_of_b) {
  const GroupFailure* left = a.failure_of(row_of_a);
  const GroupFailure* right = b.failure_of(row_of_b);
  if (left != nullptr && right != nullptr) {
    return left->message == right->message && left->column == right->column;
  }
  return left == right && a.keys.key(row_of_a) == b.keys.key(row_of_b);
}

Status OverEvaluation::decode(const OverPartition::Entry* entry,
                              std::span<data::ColumnBuilder> out) const {
  const std::string_view suffix = OrderedTable::suffix(entry);
  std::string_view rest = suffix.substr(order_.key_of(suffix).size());
  for (data::ColumnBuilder& builder : out) {
    FOREBAY_RETURN_IF_ERROR(data::decode_key(rest, KeyMode::kExact, builder));
  }
  return Status::ok();
}

std::string OverEvaluation::row_text(const OverPartition::Entry* entry) const {
  std::vector<data::ColumnBuilder> builders(parameters_.types.begin(), parameters_.types.end());
  if (!decode(entry, builders).is_ok()) return "(bytes that are no row)";
  std::vector<data::ColumnRef> columns;
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return error_row_text(ChangeBatch(std::move(columns), 1), 0);
}

}  // namespace forebay::operators
