#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "engine/operators/asof_versions.h"

/// The changes that an ASOF join gets in an epoch, as they come, to be looked at when it ends.
namespace forebay::operators {

class AsofDeltas {
 public:
  /// A change of the row with suffix `head` + `row`, of the key with this number.
  void add(uint32_t key, uint32_t side, std::string_view head, std::string_view row,
           int64_t weight) {
    deltas_.push_back({key, static_cast<uint8_t>(side),
                       static_cast<uint32_t>(head.size() + row.size()), bytes_.size(), weight});
    bytes_.append(head).append(row);
  }

  /// By key, side and suffix; then next() goes through the rows.
  void sort() {
    std::sort(deltas_.begin(), deltas_.end(), [&](const Delta& a, const Delta& b) {
      if (a.key != b.key) return a.key < b.key;
      if (a.side != b.side) return a.side < b.side;
      return suffix_of(a) < suffix_of(b);
    });
  }
  bool is_done() const { return next_ == deltas_.size(); }
  /// Of the next row; not when it is done.
  uint32_t key() const { return deltas_[next_].key; }
  uint8_t side() const { return deltas_[next_].side; }
  /// The sum of the next row's changes. The suffix stays until clear().
  VersionArrival next() {
    const Delta first = deltas_[next_];
    VersionArrival sum{suffix_of(first), 0, 0};
    for (; next_ < deltas_.size() && deltas_[next_].key == first.key &&
           deltas_[next_].side == first.side && suffix_of(deltas_[next_]) == sum.suffix;
         ++next_) {
      const int64_t weight = deltas_[next_].weight;
      (weight > 0 ? sum.came : sum.went) += weight > 0 ? weight : -weight;
    }
    return sum;
  }

  void clear() {
    deltas_.clear();
    bytes_.clear();
    next_ = 0;
  }
  size_t size() const { return deltas_.size(); }
  size_t memory_bytes() const { return bytes_.capacity() + deltas_.capacity() * sizeof(Delta); }

 private:
  struct Delta {
    uint32_t key;
    uint8_t side;
    uint32_t size;
    size_t at;
    int64_t weight;
  };
  std::string_view suffix_of(const Delta& delta) const {
    return std::string_view(bytes_).substr(delta.at, delta.size);
  }

  std::vector<Delta> deltas_;
  std::string bytes_;
  size_t next_ = 0;
};

}  // namespace forebay::operators
