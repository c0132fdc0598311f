#include "engine/operators/asof_matches.h"

#include <algorithm>

namespace forebay::operators {

using state::OrderedTable;

std::string after_prefix(std::string_view prefix) {
  std::string out(prefix);
  while (!out.empty() && out.back() == '\xFF') out.pop_back();
  if (!out.empty()) out.back() = static_cast<char>(static_cast<uint8_t>(out.back()) + 1);
  return out;
}

AsofMatches::Match AsofMatches::shown(const Entry* entry) {
  if (entry == nullptr) return std::nullopt;
  const std::string_view suffix = OrderedTable::suffix(entry);
  if (suffix[0] == kHidden) return std::nullopt;
  return suffix;
}

void AsofMatches::begin(const Group* group, std::span<const AsofChange> changes) {
  group_ = group;
  changes_.clear();
  for (const AsofChange& change : changes) {
    if ((change.before > 0) != (change.now > 0)) {
      changes_.push_back({change.suffix, change.now > 0});
    }
  }
  // From the last one back, so that a run of rows that go is walked once.
  first_now_.assign(changes_.size(), std::nullopt);
  for (size_t i = changes_.size(); i-- > 0;) {
    if (changes_[i].comes) {
      first_now_[i] = changes_[i].suffix;
      continue;
    }
    const Match stored =
        shown(OrderedTable::next(group_, OrderedTable::get(group_, changes_[i].suffix)));
    const bool changed = i + 1 < changes_.size() && (!stored || changes_[i + 1].suffix <= *stored);
    first_now_[i] = changed ? first_now_[i + 1] : stored;
  }
}

AsofMatches::Match AsofMatches::before(std::string_view bound) const {
  return shown(OrderedTable::lower_bound(group_, bound));
}

AsofMatches::Match AsofMatches::now(std::string_view bound) const {
  const Match stored = before(bound);
  const size_t at = find_change(bound);
  const bool changed = at < changes_.size() && (!stored || changes_[at].suffix <= *stored);
  return changed ? first_now_[at] : stored;
}

size_t AsofMatches::find_change(std::string_view bound) const {
  auto found = std::lower_bound(
      changes_.begin(), changes_.end(), bound,
      [](const Change& change, std::string_view value) { return change.suffix < value; });
  return static_cast<size_t>(found - changes_.begin());
}

AsofMatches::Match AsofMatches::last_before(std::string_view bound) const {
  const Entry* entry = OrderedTable::lower_bound(group_, bound);
  entry = entry != nullptr ? OrderedTable::previous(group_, entry) : OrderedTable::last(group_);
  // A row is before the bound unless it is hidden.
  while (entry != nullptr && !shown(entry)) entry = OrderedTable::previous(group_, entry);
  return shown(entry);
}

}  // namespace forebay::operators
