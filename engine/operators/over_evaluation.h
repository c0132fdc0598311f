#pragma once

#include <vector>

#include "engine/operators/over_partition.h"
#include "engine/operators/over_values.h"

/// Window functions over some entries of a partition, as they were before an epoch and as they are.
namespace forebay::operators {

class OverEvaluation {
 public:
  using Item = OverPartition::Item;
  /// The results of one stretch, before or now.
  struct Version {
    OverRows rows;
    std::vector<data::ColumnRef> values;  // one per call
    data::KeyRows keys;                   // of the values
    std::vector<int32_t> failed;          // place in `failures` per row, or -1; empty: none failed
    std::vector<GroupFailure> failures;

    const GroupFailure* failure_of(uint32_t row) const;
  };

  /// All of them outlive this.
  OverEvaluation(const OverParameters& parameters, const OverOrder& order,
                 const expr::EvalContext* context);
  OverEvaluation(const OverEvaluation&) = delete;

  /// Some function looks at peers.
  bool has_peers() const { return peers_; }
  /// What is asked for next is about these items, which stay until then.
  Status read(const std::vector<Item>& items);
  /// The results of items [from, to). `base`: of the rows before the items.
  Status evaluate(bool now, uint32_t from, uint32_t to, const OverBase& base, Version& version);
  /// Takes up all items, which are whole groups of peers.
  Status advance(bool now, OverBase& base);

  static bool same(const Version& a, uint32_t row_of_a, const Version& b, uint32_t row_of_b);

  /// All columns of an entry.
  Status decode(const OverPartition::Entry* entry, std::span<data::ColumnBuilder> out) const;
  std::string row_text(const OverPartition::Entry* entry) const;

 private:
  void find_places(size_t index, OverPlaces& places);
  Status list_rows(bool now, uint32_t from, uint32_t to, OverRows& rows) const;

  const OverParameters& parameters_;
  const OverOrder& order_;
  const expr::EvalContext* context_;
  /// 1: some function reads this input column; up to the last such one.
  std::vector<uint8_t> read_;
  bool peers_ = false;

  const std::vector<Item>* items_ = nullptr;
  OverItems inputs_;
  std::vector<OverPlaces> places_;
  bool has_places_ = false;
  OverRows advanced_;  // scratch
};

}  // namespace forebay::operators
