#include "engine/operators/group_changes.h"

#include "engine/operators/emission.h"

namespace forebay::operators {

namespace {

/// Clears same[i] where the column's rows i and i + 1 differ in any bit that can be seen.
template <typename T>
void compare_neighbours(const data::ColumnView& view, std::span<uint8_t> same) {
  for (uint32_t i = 0; i < same.size(); ++i) {
    if (!same[i]) continue;
    bool null = view.is_null(i);
    if (null != view.is_null(i + 1)) {
      same[i] = 0;
    } else if (!null) {
      if constexpr (std::is_same_v<T, data::StringView>) {
        same[i] = view.at<T>(i) == view.at<T>(i + 1);
      } else {
        same[i] = std::memcmp(&view.at<T>(i), &view.at<T>(i + 1), sizeof(T)) == 0;
      }
    }
  }
}

void compare_neighbours(const data::Column& column, std::span<uint8_t> same) {
  switch (data::layout_of(column.type().id)) {
    case data::Layout::kBool:
      return compare_neighbours<uint8_t>(column.view(), same);
    case data::Layout::kInt32:
      return compare_neighbours<int32_t>(column.view(), same);
    case data::Layout::kInt64:
      return compare_neighbours<int64_t>(column.view(), same);
    case data::Layout::kDouble:
      return compare_neighbours<double>(column.view(), same);
    case data::Layout::kNumeric:
      return compare_neighbours<data::Numeric>(column.view(), same);
    case data::Layout::kString:
      return compare_neighbours<data::StringView>(column.view(), same);
    case data::Layout::kInterval:
      return compare_neighbours<data::Interval>(column.view(), same);
  }
}

std::vector<data::ColumnRef> finish_all(std::vector<data::ColumnBuilder>& builders) {
  std::vector<data::ColumnRef> columns;
  columns.reserve(builders.size());
  for (data::ColumnBuilder& builder : builders) columns.push_back(builder.finish());
  return columns;
}

}  // namespace

Status GroupChanges::emit(std::span<const GroupChange> changes, Output& output) {
  collect(changes);
  if (rows_.empty()) return Status::ok();
  std::vector<data::ColumnRef> columns;
  FOREBAY_RETURN_IF_ERROR(decode_keys(columns));
  finish_aggregates(columns);
  drop_unchanged(columns);
  data::Selection kept;
  kept.reserve(rows_.size());
  for (uint32_t i = 0; i < rows_.size(); ++i) {
    if (dropped_[i]) continue;
    if (failed_.empty() || failed_[i] < 0) {
      kept.push_back(i);
      continue;
    }
    const GroupFailure& failure = failures_[failed_[i]];
    ErrorRow error;
    error.sqlstate = failure.sqlstate;
    error.reason = failure.message;
    error.column = failure.column;
    error.raw = group_text(payload_, rows_[i].change->key, rows_[i].payload);
    error.weight = weights_[i];
    output.error(std::move(error));
  }
  ChangeBatch batch(std::move(columns), static_cast<uint32_t>(rows_.size()));
  if (kept.size() < rows_.size()) batch.set_selection(std::move(kept));
  batch.set_weights(weights_);
  emit_in_pieces(std::move(batch), batch_rows_, output);
  return Status::ok();
}

void GroupChanges::collect(std::span<const GroupChange> changes) {
  rows_.clear();
  payloads_.clear();
  weights_.clear();
  groups_ = 0;
  rows_.reserve(2 * changes.size());
  for (const GroupChange& change : changes) {
    bool was = payload_.exists(change.before);
    bool is = payload_.exists(change.now);
    if (!was && !is) continue;
    if (was && is && std::memcmp(change.before, change.now, payload_.bytes()) == 0) continue;
    if (was) {
      rows_.push_back({&change, change.before, groups_});
      payloads_.push_back(change.before);
      weights_.push_back(-1);
    }
    if (is) {
      rows_.push_back({&change, change.now, groups_});
      payloads_.push_back(change.now);
      weights_.push_back(1);
    }
    ++groups_;
  }
}

Status GroupChanges::decode_keys(std::vector<data::ColumnRef>& columns) {
  const std::vector<Type>& types = payload_.key_types();
  if (types.empty()) return Status::ok();
  std::vector<data::ColumnBuilder> builders;
  // Display scales may differ between the row that leaves and the one that comes.
  bool per_row = groups_ == rows_.size() || !payload_.scaled_keys().empty();
  for (const Type& type : types) {
    builders.emplace_back(type, per_row ? static_cast<uint32_t>(rows_.size()) : groups_);
  }
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (!per_row && i > 0 && rows_[i].group == rows_[i - 1].group) continue;
    FOREBAY_RETURN_IF_ERROR(
        payload_.decode_key_columns(rows_[i].change->key, rows_[i].payload, builders));
  }
  columns = finish_all(builders);
  if (per_row) return Status::ok();
  std::vector<uint32_t> group_of_row;
  group_of_row.reserve(rows_.size());
  for (const OutputRow& row : rows_) group_of_row.push_back(row.group);
  for (data::ColumnRef& column : columns) {
    data::ColumnBuilder builder(column->type(), static_cast<uint32_t>(rows_.size()));
    builder.append_selected(*column, group_of_row);
    column = builder.finish();
  }
  return Status::ok();
}

void GroupChanges::finish_aggregates(std::vector<data::ColumnRef>& columns) {
  failures_.clear();
  failed_.clear();
  for (size_t call = 0; call < payload_.parameters().aggregates.size(); ++call) {
    data::ColumnBuilder builder(payload_.parameters().aggregates[call].result_type,
                                static_cast<uint32_t>(rows_.size()));
    size_t first = failures_.size();
    payload_.finish(call, payloads_, builder, failures_);
    columns.push_back(builder.finish());
    if (first == failures_.size()) continue;
    failed_.resize(rows_.size(), -1);
    for (size_t i = first; i < failures_.size(); ++i) {
      int32_t& failed = failed_[failures_[i].index];
      if (failed < 0) failed = static_cast<int32_t>(i);
    }
  }
}

bool GroupChanges::same_failure(size_t row) const {
  if (failed_.empty() || (failed_[row] < 0 && failed_[row + 1] < 0)) return false;
  if (failed_[row] < 0 || failed_[row + 1] < 0) return false;
  const GroupFailure& a = failures_[failed_[row]];
  const GroupFailure& b = failures_[failed_[row + 1]];
  return a.sqlstate == b.sqlstate && a.message == b.message && a.column == b.column;
}

void GroupChanges::drop_unchanged(const std::vector<data::ColumnRef>& columns) {
  size_t count = rows_.size();
  dropped_.assign(count, 0);
  if (groups_ == count) return;
  // same[i]: rows i and i + 1 are one group before and after, with equal values.
  std::vector<uint8_t> same(count - 1, 0);
  for (size_t i = 0; i + 1 < count; ++i) {
    same[i] = is_pair(i) && payload_.same_scales(rows_[i].payload, rows_[i + 1].payload);
  }
  std::vector<uint8_t> pairs = same;
  for (size_t c = payload_.key_types().size(); c < columns.size(); ++c) {
    compare_neighbours(*columns[c], same);
  }
  for (size_t i = 0; i + 1 < count; ++i) {
    bool failed = !failed_.empty() && (failed_[i] >= 0 || failed_[i + 1] >= 0);
    if (failed ? pairs[i] && same_failure(i) : same[i] != 0) dropped_[i] = dropped_[i + 1] = 1;
  }
}

std::string group_text(const AggregatePayload& payload, std::string_view key, const char* group) {
  std::vector<data::ColumnBuilder> builders(payload.key_types().begin(), payload.key_types().end());
  if (!payload.decode_key_columns(key, group, builders)) return "(bytes that are no key)";
  return error_row_text(ChangeBatch(finish_all(builders), 1), 0);
}

}  // namespace forebay::operators
