#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/operators/over_values.h"

namespace forebay::operators {

/// Of large partitions: what running functions know of the rows before some rows, so that a change
/// at the end doesn't cost the way there. In memory only; what was dropped is made anew on the way.
class OverCheckpoints {
 public:
  struct Checkpoint {
    std::string suffix;  // of the first row after what the base knows
    OverBase base;
  };

  /// The last one of the partition whose suffix is not behind `suffix`, or nullptr.
  const Checkpoint* last_until(std::string_view partition, std::string_view suffix) const {
    const auto found = lists_.find(std::string(partition));
    if (found == lists_.end()) return nullptr;
    for (size_t i = found->second.size(); i-- > 0;) {
      if (found->second[i].suffix <= suffix) return &found->second[i];
    }
    return nullptr;
  }

  /// Ignored unless it is behind all others of the partition.
  void add(std::string_view partition, std::string_view suffix, const OverBase& base) {
    std::vector<Checkpoint>& list = lists_[std::string(partition)];
    if (!list.empty() && list.back().suffix >= suffix) return;
    list.push_back({std::string(suffix), base});
    bytes_ += bytes_of(list.back());
  }

  /// Takes out those behind `suffix`; forgets everything when it has become too much.
  std::vector<Checkpoint> take_after(std::string_view partition, std::string_view suffix) {
    if (bytes_ > kMostBytes) {
      lists_.clear();
      bytes_ = 0;
    }
    const auto found = lists_.find(std::string(partition));
    if (found == lists_.end()) return {};
    std::vector<Checkpoint>& list = found->second;
    const auto from = std::find_if(list.begin(), list.end(),
                                   [&](const Checkpoint& each) { return each.suffix > suffix; });
    std::vector<Checkpoint> taken(std::make_move_iterator(from),
                                  std::make_move_iterator(list.end()));
    list.erase(from, list.end());
    for (const Checkpoint& each : taken) bytes_ -= bytes_of(each);
    if (list.empty()) lists_.erase(found);
    return taken;
  }

  /// Puts back those that are not before `suffix`.
  void put_back(std::string_view partition, std::string_view suffix,
                const std::vector<Checkpoint>& taken) {
    for (const Checkpoint& each : taken) {
      if (each.suffix >= suffix) add(partition, each.suffix, each.base);
    }
  }

  size_t bytes() const { return bytes_; }

 private:
  static constexpr size_t kMostBytes = size_t{32} << 20;
  static size_t bytes_of(const Checkpoint& checkpoint) {
    return checkpoint.suffix.size() + checkpoint.base.bytes() + sizeof(Checkpoint);
  }

  std::unordered_map<std::string, std::vector<Checkpoint>> lists_;  // by partition, in order
  size_t bytes_ = 0;
};

}  // namespace forebay::operators
