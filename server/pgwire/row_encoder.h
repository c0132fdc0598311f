#pragma once

#include <span>
#include <vector>

#include "engine/data/change_batch.h"
#include "engine/data/type.h"
#include "server/pgwire/wire.h"

/// Rows of a result as DataRow messages.
namespace forebay::server::pgwire {

/// Appends RowDescription. `formats`: one per column (0 text, 1 binary).
void write_row_description(const data::Schema& schema, std::span<const int16_t> formats,
                           MessageWriter& out);

/// Encodes rows of one schema; what to do for a column is decided once.
class RowEncoder {
 public:
  /// `formats`: one per column, 0 or 1.
  void prepare(const data::Schema& schema, std::span<const int16_t> formats);

  /// Looks up the columns' memory; once per batch, before write_row.
  void start_batch(const data::ChangeBatch& batch);
  /// Appends physical row `row` of that batch, once.
  void write_row(uint32_t row, MessageWriter& out) const;

 private:
  enum class Form : uint8_t {
    kTextBoolean,
    kTextInt32,
    kTextVector,
    kBinaryVector,
    kTextInt64,
    kTextDouble,
    kTextNumeric,
    kTextDate,
    kTextTimestamp,
    kTextTimestampTz,
    kTextInterval,
    kString,
    kBinaryBoolean,
    kBinary32,
    kBinary64,
    kBinaryDouble,
    kBinaryNumeric,
    kBinaryInterval,
    // The formats of all other types.
    kText,
    kBinary,
  };
  struct Target {
    data::Type type;
    Form form;
  };
  static Form form_of(data::TypeId id, bool binary);
  static void append_value(const Target& target, const data::ColumnView& view, uint32_t row,
                           MessageWriter& out);

  std::vector<Target> targets_;
  std::vector<data::ColumnView> views_;
};

}  // namespace forebay::server::pgwire
