#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/operators/emission.h"
#include "engine/operators/specs.h"

/// What one group of an aggregate (or distinct) operator keeps, in memory and as bytes. Shared by
/// the operator and by the reader of its state.
namespace forebay::operators {

/// Whether min/max of a call keep one value in the payload instead of all in a value table.
enum class CallState : uint8_t {
  kRowCount,     // count(*) without FILTER: the group's row count
  kAccumulator,  // the function's own state bytes
  kExtreme,      // min, max: the value now (or none)
};

/// A group that has no value because an aggregate failed (overflow).
struct GroupFailure {
  uint32_t index;
  data::SqlState sqlstate;
  std::string message;
  std::string column;
};

/// How many of the numerics in an accumulator have which display scale, as far as one scale is
/// enough; the rest is in the call's scale table (aggregate_scales.h).
struct ScaleWords {
  /// The scale that `base_count` counts, plus 1; 0: none yet.
  uint64_t base_plus_one;
  int64_t base_count;
  /// Values of other scales, together.
  int64_t other_count;
};

/// The layout of a group's payload, in 8-byte words:
///
///     row count | exists, display scales | calls: accumulators and fixed-width extremes | string
///     extremes
///
/// The second word: byte 0 is 1 once a group without key columns was made; from byte 2 on, two
/// bytes per unconstrained numeric key column hold the largest display scale seen (up to three
/// columns; more words follow for more columns). A fixed-width extreme is a word that is 1 when
/// there is a value, and the value; a string extreme is a pointer and its size + 1. An accumulator
/// of counts_scales() has ScaleWords in front of its state.
///
/// As bytes (persisted, DO NOT CHANGE): the words but the string extremes, each as zigzag without
/// its leading zero bytes: first the byte counts, two per byte, then the bytes; then per string
/// extreme a LEB128 of size + 1 (0: none) and its bytes.
class AggregatePayload final : public state::PayloadCodec {
 public:
  explicit AggregatePayload(const AggregateParameters& parameters);

  uint32_t bytes() const { return bytes_; }
  bool has_keys() const { return !parameters_.group_columns.empty(); }
  /// Types of the key columns, in order.
  const std::vector<Type>& key_types() const { return key_types_; }
  const std::vector<Type>& output_types() const { return output_types_; }
  const AggregateParameters& parameters() const { return parameters_; }

  static int64_t row_count(const char* payload) { return load(payload); }
  static void add_rows(char* payload, int64_t weight) {
    int64_t count = add_weights(load(payload), weight);
    std::memcpy(payload, &count, 8);
  }
  /// True when the group has a row in the output.
  bool exists(const char* payload) const {
    return has_keys() ? row_count(payload) > 0 : payload[8] != 0;
  }
  static void mark_exists(char* payload) { payload[8] = 1; }

  /// Key columns of type numeric without scale, as indexes into key_types().
  const std::vector<uint32_t>& scaled_keys() const { return scaled_keys_; }
  static uint16_t scale(const char* payload, size_t scaled_key) {
    uint16_t scale;
    std::memcpy(&scale, payload + kScales + 2 * scaled_key, 2);
    return scale;
  }
  static void raise_scale(char* payload, size_t scaled_key, uint16_t seen) {
    if (seen > scale(payload, scaled_key)) {
      std::memcpy(payload + kScales + 2 * scaled_key, &seen, 2);
    }
  }
  bool same_scales(const char* a, const char* b) const {
    return std::memcmp(a + kScales, b + kScales, 2 * scaled_keys_.size()) == 0;
  }

  CallState call_state(size_t call) const { return calls_[call].state; }
  /// Where an accumulator's state starts.
  uint32_t state_offset(size_t call) const { return calls_[call].offset; }
  /// Where the ScaleWords of a call with a scale table start.
  uint32_t scale_offset(size_t call) const {
    return calls_[call].offset - static_cast<uint32_t>(sizeof(ScaleWords));
  }

  /// For every i: the value of `column` at rows[i] becomes the extreme of payloads[i] if it is
  /// further out. NULLs were left out. A string that is replaced is added to `retired`: free it
  /// once no copy of the payload is left.
  void offer_extremes(size_t call, const data::ColumnView& column, std::span<const uint32_t> rows,
                      std::span<char* const> payloads, std::vector<char*>& retired) const;
  /// Replaces the extreme by the value of `column` at `row`.
  void set_extreme(size_t call, const data::ColumnView& column, uint32_t row, char* payload,
                   std::vector<char*>& retired) const;
  void clear_extreme(size_t call, char* payload, std::vector<char*>& retired) const;

  /// Appends the values of `call` for these payloads; groups without one get NULL and a failure.
  void finish(size_t call, std::span<const char* const> payloads, data::ColumnBuilder& out,
              std::vector<GroupFailure>& failures) const;
  /// Appends the key columns of one group from its key bytes.
  Status decode_key_columns(std::string_view key, const char* payload,
                            std::span<data::ColumnBuilder> out) const;

  void encode(const char* payload, std::string& out) const override;
  Status decode(std::string_view bytes, char* payload) const override;
  void destroy(char* payload) const override;

 private:
  struct Call {
    CallState state;
    uint32_t offset;
    data::Layout layout;  // of an extreme
  };
  static constexpr size_t kScales = 10;
  static int64_t load(const char* at) {
    int64_t value;
    std::memcpy(&value, at, 8);
    return value;
  }
  void offer_string(size_t index, bool maximum, std::string_view offered, char* payload,
                    std::vector<char*>& retired) const;
  void finish_extreme(const Call& call, std::span<const char* const> payloads,
                      data::ColumnBuilder& out) const;

  AggregateParameters parameters_;
  std::vector<Type> key_types_;
  std::vector<Type> output_types_;
  std::vector<uint32_t> scaled_keys_;
  std::vector<int32_t> scaled_index_;  // per key column: place in scaled_keys_ or -1
  std::vector<Call> calls_;
  std::vector<uint32_t> string_extremes_;  // offsets
  uint32_t fixed_words_ = 0;
  uint32_t bytes_ = 0;
};

/// DISTINCT as GROUP BY all columns.
AggregateParameters distinct_as_aggregate(const DistinctParameters& parameters);

}  // namespace forebay::operators
