#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/change_batch.h"

/// Bytes for rows. Key bytes are order-preserving (memcmp order = ORDER BY ... NULLS LAST order, by
/// column; `descending` and `nulls_first` per column where needed) and self-delimiting, so that keys
/// can be prefixes of keys. The byte tables are in state/README.md. DO NOT CHANGE the layouts.
namespace forebay::data {

/// Which values have equal key bytes.
enum class KeyMode : uint8_t {
  /// Equal in SQL's sense: 1.5 and 1.50, 0.0 and -0.0. For grouping, joining, exchanging.
  kGrouping,
  /// Equal to the last detail (display scale, sign of zero). For multisets of whole rows.
  kExact,
};

/// How one column of a key is ordered.
struct KeyOrder {
  bool descending = false;
  /// Where NULLs stand; PostgreSQL's default is last for ascending, first for descending.
  bool nulls_first = false;
};

/// Keys of the rows of one batch, back to back. Row i is the i-th of the batch (selection applied).
struct KeyRows {
  std::string bytes;
  /// rows + 1 offsets into bytes.
  std::vector<uint32_t> offsets;
  /// hash_key of each, when asked for.
  std::vector<uint64_t> hashes;
  /// True where a column of the key is NULL, when asked for (joins skip those).
  std::vector<uint8_t> has_null;
  uint32_t rows() const { return offsets.empty() ? 0 : static_cast<uint32_t>(offsets.size() - 1); }
  std::string_view key(uint32_t i) const {
    return {bytes.data() + offsets[i], offsets[i + 1] - offsets[i]};
  }
};

/// The hash that decides shard and exchange. DO NOT CHANGE: state on disk is placed by it. (XXH3)
uint64_t hash_key(std::string_view key);

/// Encodes the columns `columns` of every row of `batch`. `orders` is empty or one per column.
void encode_keys(const ChangeBatch& batch, std::span<const uint32_t> columns, KeyMode mode,
                 KeyRows& out, std::span<const KeyOrder> orders = {});
void add_hashes(KeyRows& keys);
void mark_nulls(const ChangeBatch& batch, std::span<const uint32_t> columns, KeyRows& keys);

/// Appends the key bytes of one value; for point plans, bounds and cold paths.
void append_key(const Datum& value, KeyMode mode, std::string& out, KeyOrder order = {});
void append_key(const Column& column, uint32_t row, KeyMode mode, std::string& out,
                KeyOrder order = {});

/// Decodes one value from the front of `key`, appends it to `out` and advances. XX001 on bytes that no
/// encoder made. A kGrouping numeric comes back with its type's scale, or the least scale that shows
/// it; give `numeric_scale` >= 0 to say otherwise.
[[nodiscard]] Status decode_key(std::string_view& key, KeyMode mode, ColumnBuilder& out,
                                KeyOrder order = {}, int32_t numeric_scale = -1);

/// Rows as compact, exact bytes (not ordered): state values, wire between processes.
void append_row(const ChangeBatch& batch, std::span<const uint32_t> columns, uint32_t physical_row,
                std::string& out);
void append_row(const ChangeBatch& batch, uint32_t physical_row, std::string& out);
/// Decodes a row made by append_row into one builder per column.
[[nodiscard]] Status decode_row(std::string_view& bytes, std::span<ColumnBuilder> out);

/// Small integers in LEB128, for headers of encodings.
void append_varint(uint64_t value, std::string& out);
[[nodiscard]] bool read_varint(std::string_view& bytes, uint64_t& value);

}  // namespace forebay::data
