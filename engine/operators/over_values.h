#pragma once

#include <string>
#include <vector>

#include "engine/data/row_codec.h"
#include "engine/operators/aggregate_payload.h"
#include "engine/operators/over_partition.h"

/// The values of window functions over a stretch of a partition's rows.
namespace forebay::operators {

/// What is the same for the rows before an epoch and after it: a row of `values` per item.
struct OverItems {
  /// Columns that functions read, at the input's places; others are nullptr.
  std::vector<data::ColumnRef> columns;
  /// Order keys; empty unless peers are asked for.
  std::vector<std::string_view> keys;
  uint32_t count = 0;

  data::ColumnView view(uint32_t column) const { return columns[column]->view(); }
};

/// The rows themselves, in order: duplicates stand one after the other.
struct OverRows {
  std::vector<uint32_t> item;  // of each row
  /// If peers are asked for: the number of each row's peer group, and the row at which each group
  /// starts, with one more at the end.
  std::vector<uint32_t> group;
  std::vector<uint32_t> group_start;
  /// The rows whose values are wanted.
  uint32_t from = 0;
  uint32_t to = 0;

  uint32_t count() const { return static_cast<uint32_t>(item.size()); }
  uint32_t peers_from(uint32_t row) const { return group_start[group[row]]; }
  uint32_t peers_to(uint32_t row) const { return group_start[group[row] + 1]; }
};

/// What functions over all rows from the partition's start on (running ones) know of the rows
/// before a stretch.
struct OverBase {
  struct Running {
    std::vector<uint64_t> state;  // of an accumulator
    std::string extreme;          // min, max: kExact bytes; empty: none
    std::vector<std::string>
        first;  // first_value, nth_value: kExact bytes, as many as are asked for
    bool operator==(const Running&) const = default;
  };
  int64_t rows = 0;
  int64_t groups = 0;
  std::vector<Running> calls;  // one per call
  bool operator==(const OverBase&) const = default;
  size_t bytes() const;
};
/// Takes up the first `count` rows, which are whole groups.
void advance(const OverParameters& parameters, const OverItems& items, const OverRows& rows,
             uint32_t count, OverBase& base);

/// Whether a call looks at peer groups.
bool needs_peers(const OverCall& call);

/// The places that RANGE bounds of one call have in the order, per item; empty without an offset.
struct OverPlaces {
  data::KeyRows lower, upper;
  /// Beyond all values of the type.
  std::vector<uint8_t> lower_failed, upper_failed;

  /// In front of all values, and behind them; NULLs stand outside.
  static constexpr std::string_view kFront = "\x02";
  static constexpr std::string_view kBack = "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  static std::string_view beyond(bool forward) { return forward ? kBack : kFront; }
};

/// Appends a value per row wanted of call `index`. `base`: of the rows before the stretch. Rows
/// without one (overflow) get NULL and a failure, whose index counts from the first row wanted.
/// 54000, 53200: a text too long.
Status append_over_values(const OverParameters& parameters, size_t index, const OverItems& items,
                          const OverRows& rows, const OverBase& base, const OverPlaces& places,
                          const expr::EvalContext* context, data::ColumnBuilder& out,
                          std::vector<GroupFailure>& failures);

}  // namespace forebay::operators
