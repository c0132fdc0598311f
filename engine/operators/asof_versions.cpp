#include "engine/operators/asof_versions.h"

#include <algorithm>

namespace forebay::operators {

using state::OrderedTable;

namespace {
constexpr char kHidden = AsofMatches::kHidden;
}  // namespace

AsofVersions::Row& AsofVersions::row(std::string_view suffix) {
  auto found = rows_.find(suffix);
  if (found != rows_.end()) return found->second;
  Row& row = rows_.emplace(std::string(suffix), Row()).first->second;
  if (const Entry* entry = OrderedTable::get(group_, suffix)) row.before = kind_of(entry);
  row.is_version = row.before == VersionKind::kPast || row.before == VersionKind::kPresent;
  row.is_end = row.before == VersionKind::kEnd;
  row.present = row.before == VersionKind::kPresent || row.before == VersionKind::kHidden ? 1 : 0;
  return row;
}

void AsofVersions::load_time(std::string_view time) {
  for (const Entry* entry = OrderedTable::lower_bound(group_, time);
       entry != nullptr && OrderedTable::suffix(entry).starts_with(time);
       entry = OrderedTable::next(group_, entry)) {
    row(OrderedTable::suffix(entry));
  }
}

void AsofVersions::replace(std::string_view time) {
  load_time(time);
  const auto first = rows_.lower_bound(time);
  bool has_present = false;
  for (auto at = first; at != rows_.end() && at->first.starts_with(time); ++at) {
    has_present |= at->second.is_version && at->second.present > 0;
  }
  for (auto at = first; at != rows_.end() && at->first.starts_with(time); ++at) {
    at->second.is_end = false;
    at->second.is_version &= has_present ? at->second.present > 0 : at->second.is_new;
  }
}

void AsofVersions::end(std::string_view present) {
  // The latest version, or the end behind it, is the first.
  std::string latest;
  for (const auto& [suffix, row] : rows_) {
    if (!row.is_version && !row.is_end) continue;
    latest = suffix;
    break;
  }
  for (const Entry* entry = OrderedTable::first(group_); entry != nullptr;
       entry = OrderedTable::next(group_, entry)) {
    const std::string_view suffix = OrderedTable::suffix(entry);
    if (suffix[0] == kHidden || (!latest.empty() && suffix >= latest)) break;
    if (rows_.contains(suffix)) continue;
    latest = suffix;
    break;
  }
  if (latest.empty() || latest.size() == kTimeBytes) return;
  const std::string time(time_of(latest));
  if (!present.empty() && present < time) {
    row(present).is_end = true;
    return;
  }
  // It is taken back.
  load_time(time);
  for (auto at = rows_.lower_bound(time); at != rows_.end() && at->first.starts_with(time); ++at) {
    at->second.is_version = false;
  }
  row(time).is_end = true;
}

void AsofVersions::resolve(const Group* group, std::span<const VersionArrival> arrivals,
                           std::string_view present, std::vector<AsofChange>& changes,
                           std::vector<Write>& writes) {
  group_ = group;
  rows_.clear();
  changes.clear();
  writes.clear();
  for (const VersionArrival& arrival : arrivals) row(arrival.suffix).present += arrival.came;
  std::vector<std::string_view> times;
  std::string hidden;
  for (const VersionArrival& arrival : arrivals) {
    Row& of = row(arrival.suffix);
    of.present -= arrival.went;
    if (arrival.suffix[0] == kHidden) {
      of.present = std::max<int64_t>(0, of.present);
      continue;
    }
    if (of.present < 0) {
      // It had come late.
      hidden.assign(1, kHidden).append(arrival.suffix.substr(kTimeBytes));
      Row& late = row(hidden);
      late.present = std::max<int64_t>(0, late.present + of.present);
      of.present = 0;
    }
    if (arrival.came == 0) continue;
    of.is_new = of.is_version = true;
    if (times.empty() || times.back() != time_of(arrival.suffix)) {
      times.push_back(time_of(arrival.suffix));
    }
  }
  if (!append_only_) {
    for (std::string_view time : times) replace(time);
  }
  bool lost = false, has_row = false;
  for (const auto& [suffix, row] : rows_) {
    const bool was_present =
        row.before == VersionKind::kPresent || row.before == VersionKind::kHidden;
    lost |= (was_present || row.is_new) && row.present == 0;
    has_row |= row.present > 0;
  }
  if (lost && !has_row) end(present);
  for (const auto& [suffix, row] : rows_) {
    const bool is_hidden = suffix[0] == kHidden;
    const bool was_shown = row.before != VersionKind::kNone && !is_hidden;
    const bool is_shown = row.is_version || row.is_end;
    const bool is_present = row.present > 0 && !append_only_;
    const VersionKind kind = row.is_end                     ? VersionKind::kEnd
                             : row.is_version && is_present ? VersionKind::kPresent
                             : row.is_version               ? VersionKind::kPast
                             : is_hidden && is_present      ? VersionKind::kHidden
                                                            : VersionKind::kNone;
    if (was_shown != is_shown) changes.push_back({suffix, was_shown, is_shown});
    if (kind != row.before) writes.push_back({suffix, kind});
  }
}

void AsofVersions::forget(OrderedTable& table, Group* group, std::string_view time) {
  const Entry* entry = OrderedTable::lower_bound(group, time);
  if (entry == nullptr || OrderedTable::suffix(entry)[0] == kHidden) return;
  // The one that is valid at that time stays.
  if (kind_of(entry) != VersionKind::kEnd) entry = OrderedTable::next(group, entry);
  std::vector<std::string> over;
  std::vector<std::string> present;
  for (; entry != nullptr && OrderedTable::suffix(entry)[0] != kHidden;
       entry = OrderedTable::next(group, entry)) {
    over.emplace_back(OrderedTable::suffix(entry));
    if (kind_of(entry) == VersionKind::kPresent) present.push_back(over.back());
  }
  for (const std::string& suffix : over) {
    table.set_count(group, table.upsert(group, suffix), 0);
  }
  // Its row is not gone: when it goes, the key ends.
  for (const std::string& suffix : present) {
    const std::string hidden = std::string(1, kHidden) + suffix.substr(kTimeBytes);
    table.set_count(group, table.upsert(group, hidden), static_cast<int64_t>(VersionKind::kHidden));
  }
}

std::string_view AsofVersions::next_to_forget(const Group* group) {
  const Entry* oldest = OrderedTable::last(group);
  while (oldest != nullptr && OrderedTable::suffix(oldest)[0] == kHidden) {
    oldest = OrderedTable::previous(group, oldest);
  }
  if (oldest == nullptr) return {};
  if (kind_of(oldest) != VersionKind::kEnd) oldest = OrderedTable::previous(group, oldest);
  return oldest == nullptr ? std::string_view() : time_of(OrderedTable::suffix(oldest));
}

}  // namespace forebay::operators
