#include "server/row_sort.h"

#include <algorithm>

#include "engine/data/row_codec.h"

namespace forebay::server {

namespace {
constexpr size_t kBatchRows = 4096;

struct Row {
  std::string_view key;
  uint32_t batch;
  uint32_t physical;
};

// Strings are copied: a batch of sorted rows would hold the arenas of all the others otherwise.
void append_copy(const data::ColumnView& from, uint32_t row, data::ColumnBuilder& to) {
  bool is_string = data::layout_of(to.type().id) == data::Layout::kString;
  if (is_string && !from.is_null(row)) {
    to.append_string(from.at<data::StringView>(row).view());
  } else {
    to.append_from(from, row);
  }
}

}  // namespace

data::Status RowSort::add(data::ChangeBatch batch) {
  FOREBAY_RETURN_IF_ERROR(memory_.grow(batch.bytes()));
  batches_.push_back(std::move(batch));
  return data::Status::ok();
}

data::Status RowSort::finish(const std::function<data::Status(const data::ChangeBatch&)>& visit) {
  if (batches_.empty()) return data::Status::ok();
  // The sort's columns first, then every column as a tie-break.
  std::vector<uint32_t> columns;
  std::vector<data::KeyOrder> orders;
  for (const operators::SortKey& key : order_) {
    columns.push_back(key.column);
    orders.push_back({key.descending, key.nulls_first});
  }
  size_t sort_columns = columns.size();
  for (uint32_t c = 0; c < batches_.front().columns().size(); ++c) {
    columns.push_back(c);
    orders.emplace_back();
  }
  std::vector<data::KeyRows> keys(batches_.size());
  std::vector<data::KeyRows> ties(batches_.size());
  std::vector<Row> rows;
  for (uint32_t b = 0; b < batches_.size(); ++b) {
    data::encode_keys(batches_[b], std::span(columns).first(sort_columns), data::KeyMode::kGrouping,
                      keys[b], std::span(orders).first(sort_columns));
    data::encode_keys(batches_[b], std::span(columns).subspan(sort_columns), data::KeyMode::kExact,
                      ties[b]);
    FOREBAY_RETURN_IF_ERROR(
        memory_.grow(keys[b].bytes.capacity() + ties[b].bytes.capacity() +
                     batches_[b].rows() * (sizeof(Row) + 2 * sizeof(uint32_t))));
    for (uint32_t i = 0; i < batches_[b].rows(); ++i) rows.push_back({keys[b].key(i), b, i});
  }
  std::sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (int order = a.key.compare(b.key); order != 0) return order < 0;
    return ties[a.batch].key(a.physical) < ties[b.batch].key(b.physical);
  });
  std::vector<data::Type> types;
  for (const data::ColumnRef& column : batches_.front().columns()) types.push_back(column->type());
  data::BatchBuilder builder(types);
  for (size_t i = 0; i < rows.size(); ++i) {
    const data::ChangeBatch& from = batches_[rows[i].batch];
    uint32_t physical = from.physical(rows[i].physical);
    for (size_t c = 0; c < types.size(); ++c) {
      append_copy(from.column(c).view(), physical, builder.column(c));
    }
    builder.end_row(from.weight(physical));
    if (builder.rows() == kBatchRows || i + 1 == rows.size()) {
      FOREBAY_RETURN_IF_ERROR(visit(builder.finish()));
    }
  }
  return data::Status::ok();
}

}  // namespace forebay::server
