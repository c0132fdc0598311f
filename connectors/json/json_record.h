#pragma once

#include <immintrin.h>

#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/column_writer.h"
#include "connectors/json/json_tokens.h"

/// From the tokens of one record to one row.
namespace forebay::connectors {

/// Two ways through a record that accept the same records with the same rows: parse_fast, which
/// remembers the keys of the record before and expects them in the same order, and gives up on
/// anything unusual; and parse_slow, which does everything and says what is wrong. Cost: parse_fast
/// is a few instructions per token, unprojected values are only checked.
class JsonRecordParser {
 public:
  /// `writer` outlives the parser.
  JsonRecordParser(const DecodeRequest& request, BatchWriter& writer);

  /// Writes row `row` out of the record that starts at token `t` and sets `t` behind its last
  /// token. False: unusual or bad; the row's slots may have been written. Never true for a bad
  /// record, provided that the caller checks that the last token lies in the record's line and that
  /// the next one doesn't. `escapes`: a backslash stands in the line.
  bool parse_fast(const char* base, const uint32_t*& t, const uint32_t* end, bool escapes,
                  uint32_t row);
  /// The same for the tokens [begin, end) of one line that ends at `line_end`. On an error `column`
  /// is the column that it is about, or empty.
  Status parse_slow(const char* base, const uint32_t* begin, const uint32_t* end,
                    uint32_t line_begin, uint32_t line_end, uint32_t row, std::string& column);

 private:
  static constexpr int32_t kSkipped = -1;
  /// What the inner loop distinguishes; kGeneral goes through convert().
  enum class Kind : uint8_t {
    kSkipped,
    kBigint,
    kInteger,
    kDouble,
    kNumeric,
    kTimestamp,
    kString,
    kGeneral
  };

  /// A key as it stands in records, with its closing quote, and the column that it is for.
  struct KeySlot {
    alignas(32) char bytes[32] = {};
    uint32_t mask = 0;    // one bit per byte of `bytes` that counts
    uint32_t length = 0;  // of the key and its closing quote
    int32_t column = kSkipped;
    Kind kind = Kind::kGeneral;
    const char* all_bytes = nullptr;

    bool matches(const char* text) const {
      __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
      __m256i mine = _mm256_load_si256(reinterpret_cast<const __m256i*>(bytes));
      uint32_t equal = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(here, mine)));
      if ((equal & mask) != mask) return false;
      return length <= 32 || std::memcmp(text + 32, all_bytes + 32, length - 32) == 0;
    }
  };

  const uint32_t* parse_value(const char* base, const uint32_t* t, const uint32_t* end,
                              bool escapes, uint32_t row, const KeySlot& slot);
  const uint32_t* parse_general(const char* base, const uint32_t* t, const uint32_t* end,
                                bool escapes, uint32_t row, int32_t column);
  const uint32_t* parse_skipped(const char* base, const uint32_t* t, const uint32_t* end,
                                bool escapes);
  /// Puts the key at token `t` at position `index` of the expected ones. False: give up.
  bool learn_key(const char* base, const uint32_t* t, size_t index);
  /// Sets NULL what the `count` keys don't name. False: a repeated key, or NOT NULL.
  bool finish_record(size_t count, bool as_expected, uint32_t row);
  int32_t find_column(std::string_view name) const;
  Kind kind_of(int32_t column) const;

  Status walk_slow(const char* base, const uint32_t* begin, const uint32_t* end, bool escapes,
                   JsonDefect& defect);
  Status convert(ColumnWriter& column, const char* base, const uint32_t* t, const uint32_t* next,
                 uint32_t row);
  Status convert_number(ColumnWriter& column, std::string_view text, uint32_t row);
  Status convert_epoch_ms(ColumnWriter& column, std::string_view text, uint32_t row);

  BatchWriter& writer_;
  std::vector<ColumnWriter>& columns_;
  std::unordered_map<std::string, int32_t> exact_names_;
  std::unordered_map<std::string, int32_t> folded_names_;

  // The record before: its keys in order, and the columns that they leave out.
  std::vector<KeySlot> expected_;
  size_t expected_count_ = 0;
  bool expected_repeats_ = false;
  std::vector<uint32_t> missing_;
  std::vector<uint8_t> seen_;
  std::unordered_map<std::string, KeySlot> known_keys_;

  // parse_slow: the tokens of the record with a proper end, and the last value of each column.
  std::vector<uint32_t> tokens_;
  std::vector<int64_t> last_value_;
  std::string scratch_;
};

}  // namespace forebay::connectors
