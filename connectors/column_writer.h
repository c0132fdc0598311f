#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/source.h"

/// Filling the columns of a decoded batch by row number, shared by all formats.
namespace forebay::connectors {

using data::Layout;
using data::StringView;

/// One projected column while its batch is being filled. A row is written at its number and may be
/// written again (a bad record leaves its slot to the next one).
class ColumnWriter {
 public:
  ColumnWriter(data::Field field, uint32_t capacity);

  const data::Field& field() const { return field_; }
  Layout layout() const { return layout_; }
  bool not_null() const { return field_.not_null; }

  /// Makes room for a new batch; all rows are valid until set_null.
  void begin();
  template <typename T>
  void set(uint32_t row, const T& value) {
    reinterpret_cast<T*>(values_)[row] = value;
  }
  /// mantissa * 10^-scale into a numeric column. False when it has to be rounded or may not fit:
  /// then set_text does it.
  bool set_decimal(uint32_t row, int64_t mantissa, uint32_t scale) {
    if (column_scale_ >= 0) {
      uint32_t missing = static_cast<uint32_t>(column_scale_) - scale;
      if (missing > 2) return false;
      static constexpr int64_t kFactors[3] = {1, 10, 100};
      mantissa *= kFactors[missing];  // at most 18 digits
      scale += missing;
      if (mantissa >= mantissa_limit_ || mantissa <= -mantissa_limit_) return false;
    }
    set(row, data::Numeric(mantissa, static_cast<uint16_t>(scale)));
    return true;
  }
  /// Long strings must live in arena() or something given to keep().
  void set_string(uint32_t row, std::string_view bytes) { set(row, StringView(bytes)); }
  void set_string_copy(uint32_t row, std::string_view bytes) {
    if (bytes.size() > StringView::kInlineBytes) bytes = builder_.arena().copy(bytes);
    set(row, StringView(bytes));
  }
  /// Takes no note of NOT NULL.
  void set_null(uint32_t row) {
    any_null_ = true;
    validity_[row >> 6] &= ~(uint64_t{1} << (row & 63));
  }
  /// Undoes set_null for a row that is about to be written again.
  void set_valid(uint32_t row) {
    if (any_null_) validity_[row >> 6] |= uint64_t{1} << (row & 63);
  }
  data::Arena& arena() { return builder_.arena(); }
  void keep(data::ArenaRef arena) { builder_.keep(std::move(arena)); }

  /// Stores the value that PostgreSQL reads out of `text` (valid UTF-8; followed by 32 readable
  /// bytes). Errors are those of text_format.h, 22021 for a NUL byte.
  Status set_text(uint32_t row, std::string_view text);
  /// NULL, or 23502.
  Status set_missing(uint32_t row);

  data::ColumnRef finish(uint32_t rows);

 private:
  Status set_parsed(uint32_t row, std::string_view text);

  const data::Field field_;
  const Layout layout_;
  const uint32_t capacity_;
  int32_t column_scale_ = -1;   // of numeric(p,s), else -1
  int64_t mantissa_limit_ = 0;  // 10^p, or what fits 18 digits
  data::ColumnBuilder builder_;
  char* values_ = nullptr;
  std::vector<uint64_t> validity_;
  bool any_null_ = false;
};

/// The columns of one decoder: the projection, then metadata.
class BatchWriter {
 public:
  explicit BatchWriter(const DecodeRequest& request);

  std::vector<ColumnWriter>& columns() { return columns_; }
  uint32_t capacity() const { return capacity_; }
  /// `raw_owner` keeps alive what zero-copy strings point into.
  void begin(const data::ArenaRef& raw_owner);
  /// Where row `row` comes from: `record` is its index in the raw batch's table of records, if any.
  void set_origin(uint32_t row, uint64_t offset, size_t record) {
    if (!wants_origin_) return;
    offsets_[row] = static_cast<int64_t>(offset);
    records_[row] = static_cast<uint32_t>(record);
  }
  /// Forgets what a bad record wrote into `row`.
  void reset_row(uint32_t row) {
    for (ColumnWriter& column : columns_) column.set_valid(row);
  }
  ChangeBatch finish(uint32_t rows, const RawBatch& raw);

 private:
  data::ColumnRef metadata_column(const std::string& name, uint32_t rows, const RawBatch& raw);

  uint32_t capacity_;
  std::vector<ColumnWriter> columns_;
  std::vector<std::string> metadata_;
  bool wants_origin_ = false;
  std::vector<int64_t> offsets_;
  std::vector<uint32_t> records_;
};

/// Keeps a raw batch's buffer alive behind strings that point into it, and counts its bytes.
data::ArenaRef arena_of(const RawBatch& raw);

/// Makes a BadRecord of a record's bytes and its error; `bytes` are cut at 64 KiB.
BadRecord make_bad_record(const RawBatch& raw, uint64_t offset, std::string_view bytes,
                          const data::Error& error, std::string column);

/// What an oversized raw batch holds: 54000.
BadRecord oversized_record(const RawBatch& raw, std::string reason);

}  // namespace forebay::connectors
