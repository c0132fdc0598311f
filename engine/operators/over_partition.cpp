#include "engine/operators/over_partition.h"

#include <algorithm>

#include "engine/operators/emission.h"

namespace forebay::operators {

using data::KeyMode;

namespace {

/// How many bytes the first value of a key has, where that is plain to see; 0: it must be decoded.
size_t plain_length(std::string_view key, Type type, data::KeyOrder order) {
  constexpr char kValue = 0x02;
  if (key.empty()) return 0;
  if (key[0] != kValue) return 1;
  switch (data::layout_of(type.id)) {
    case data::Layout::kBool:
      return 2;
    case data::Layout::kInt32:
      return 5;
    case data::Layout::kInt64:
    case data::Layout::kDouble:
      return 9;
    case data::Layout::kInterval:
      return 13;
    case data::Layout::kString: {
      if (type.id == data::TypeId::kJsonb || type.is_array()) return 0;
      const char zero = order.descending ? '\xff' : '\0';
      const char end = order.descending ? '\xfe' : '\x01';
      for (size_t at = key.find(zero, 1); at + 1 < key.size(); at = key.find(zero, at + 2)) {
        if (key[at + 1] == end) return at + 2;
      }
      return 0;
    }
    case data::Layout::kNumeric: {
      if (key.size() < 2) return 0;
      const uint8_t mask = order.descending ? 0xff : 0;
      const auto kind = static_cast<uint8_t>(static_cast<uint8_t>(key[1]) ^ mask);
      if (kind != 0x20 && kind != 0x40) return 2;
      const auto end = static_cast<char>(kind == 0x40 ? mask : mask ^ 0xff);
      const size_t at = key.find(end, 4);
      return at == std::string_view::npos ? 0 : at + 1;
    }
  }
  return 0;
}

void add_bound(const OverFrame& frame, const FrameBound& bound, OverReaches& reaches) {
  if (bound.edge == FrameBound::Edge::kPartitionStart) {
    reaches.behind.all = true;
    return;
  }
  if (bound.edge == FrameBound::Edge::kPartitionEnd) {
    reaches.ahead.all = true;
    return;
  }
  OverReach& side = bound.offset < 0 ? reaches.behind : reaches.ahead;
  const int64_t distance = bound.offset < 0 ? -bound.offset : bound.offset;
  switch (frame.unit) {
    case FrameUnit::kRows:
      side.rows = std::max(side.rows, distance);
      return;
    case FrameUnit::kGroups:
      side.groups = std::max(side.groups, distance);
      reaches.behind.groups = std::max<int64_t>(reaches.behind.groups, 0);
      reaches.ahead.groups = std::max<int64_t>(reaches.ahead.groups, 0);
      return;
    case FrameUnit::kRange:
      if (bound.value != nullptr) side.places.push_back(bound.value);
      reaches.behind.groups = std::max<int64_t>(reaches.behind.groups, 0);
      reaches.ahead.groups = std::max<int64_t>(reaches.ahead.groups, 0);
      return;
  }
}

/// Of a call whose frame begins with the partition: its value follows from what it knows of the
/// rows before and from those near by.
bool can_run(const OverCall& call) {
  constexpr int64_t kMostFirstValues = 64;
  const bool excludes = call.frame.exclusion != FrameExclusion::kNoOthers;
  if (call.function == OverFunction::kNthValue) return call.number <= kMostFirstValues;
  if (call.function == OverFunction::kLastValue) return !excludes;
  if (call.function != OverFunction::kAggregate) return true;
  if (call.aggregate->kind == udfs::AggregateKind::kOrdered) return false;
  return !excludes || call.aggregate->set_scale == nullptr;
}

/// What functions of a frame are.
bool has_frame(const OverCall& call) { return call.function >= OverFunction::kFirstValue; }

OverReaches reaches_of(const OverCall& call) {
  OverReaches reaches;
  switch (call.function) {
    case OverFunction::kRowNumber:
      reaches.behind.all = true;
      return reaches;
    case OverFunction::kRank:
    case OverFunction::kDenseRank:
      reaches.behind.all = true;
      reaches.behind.groups = 0;
      return reaches;
    case OverFunction::kPercentRank:
    case OverFunction::kCumeDist:
    case OverFunction::kNtile:
      reaches.behind.all = reaches.ahead.all = true;
      return reaches;
    case OverFunction::kLag:
      (call.number < 0 ? reaches.ahead : reaches.behind).rows =
          call.number < 0 ? -call.number : call.number;
      return reaches;
    default:
      break;
  }
  add_bound(call.frame, call.frame.lower, reaches);
  add_bound(call.frame, call.frame.upper, reaches);
  if (call.frame.exclusion == FrameExclusion::kGroup ||
      call.frame.exclusion == FrameExclusion::kTies) {
    reaches.behind.groups = std::max<int64_t>(reaches.behind.groups, 0);
    reaches.ahead.groups = std::max<int64_t>(reaches.ahead.groups, 0);
  }
  return reaches;
}

std::vector<expr::Evaluator> evaluators_of(const std::vector<ExprRef>& places) {
  std::vector<expr::Evaluator> out;
  for (const ExprRef& place : places) out.emplace_back(place);
  return out;
}

}  // namespace

void OverReach::add(const OverReach& other) {
  all |= other.all;
  rows = std::max(rows, other.rows);
  groups = std::max(groups, other.groups);
  places.insert(places.end(), other.places.begin(), other.places.end());
}

OverReaches reaches_of(const OverParameters& parameters) {
  OverReaches reaches;
  for (const OverCall& call : parameters.calls) {
    OverReaches own = reaches_of(call);
    reaches.behind.add(own.behind);
    reaches.ahead.add(own.ahead);
    // What can't run is computed from the whole partition.
    reaches.ahead.all |= own.behind.all && has_frame(call) && !can_run(call);
  }
  return reaches;
}

OverReach ahead_of(const OverParameters& parameters) {
  OverReach ahead;
  for (const OverCall& call : parameters.calls) ahead.add(reaches_of(call).ahead);
  return ahead;
}

OverOrder::OverOrder(const std::vector<Type>& types, const std::vector<SortKey>& order) {
  for (const SortKey& key : order) {
    columns_.push_back(key.column);
    types_.push_back(types[key.column]);
    orders_.push_back({key.descending, key.nulls_first});
  }
}

std::string_view OverOrder::key_of(std::string_view suffix) const {
  std::string_view rest = suffix;
  for (size_t i = 0; i < types_.size(); ++i) {
    if (const size_t length = plain_length(rest, types_[i], orders_[i]); length != 0) {
      rest.remove_prefix(length);
      continue;
    }
    data::ColumnBuilder skipped(types_[i]);
    const Status status = data::decode_key(rest, KeyMode::kGrouping, skipped, orders_[i]);
    FOREBAY_CHECK(status.is_ok(), "over: bytes that are no row");
  }
  return suffix.substr(0, suffix.size() - rest.size());
}

data::ColumnRef OverOrder::values_of(std::span<const std::string_view> order_keys) const {
  data::ColumnBuilder builder(types_[0]);
  for (std::string_view key : order_keys) {
    const Status status = data::decode_key(key, KeyMode::kGrouping, builder, orders_[0]);
    FOREBAY_CHECK(status.is_ok(), "over: bytes that are no row");
  }
  return builder.finish();
}

void OverOrder::places_of(expr::Evaluator& place, const data::ColumnRef& values,
                          const expr::EvalContext& context, data::KeyRows& keys,
                          std::vector<uint8_t>& failed) const {
  const uint32_t rows = values->size();
  ChangeBatch input({values}, rows);
  std::vector<expr::RowError> errors;
  data::ColumnRef places = place.evaluate(input, context, errors);
  failed.assign(rows, 0);
  for (const expr::RowError& error : errors) failed[error.row] = 1;
  const uint32_t first[] = {0};
  data::encode_keys(ChangeBatch({std::move(places)}, rows), first, KeyMode::kGrouping, keys,
                    std::span(orders_).first(1));
}

std::optional<std::string> OverOrder::least_place(std::span<const ExprRef> places,
                                                  const data::Datum& value,
                                                  const expr::EvalContext& context) const {
  data::ColumnBuilder builder(value.type);
  builder.append_datum(value);
  const data::ColumnRef values = builder.finish();
  std::optional<std::string> least;
  for (const ExprRef& place : places) {
    expr::Evaluator evaluator(place);
    data::KeyRows keys;
    std::vector<uint8_t> failed;
    places_of(evaluator, values, context, keys, failed);
    if (failed[0] != 0) return std::nullopt;
    if (!least || keys.key(0) < *least) least = std::string(keys.key(0));
  }
  return least;
}

OverPartition::OverPartition(const Table::Group* group, std::span<const Touched> touched,
                             const OverOrder& order, const OverReaches& reaches,
                             const expr::EvalContext& context)
    : group_(group),
      touched_(touched),
      order_(order),
      reaches_(reaches),
      context_(context),
      behind_places_(evaluators_of(reaches.behind.places)),
      ahead_places_(evaluators_of(reaches.ahead.places)) {
  for (const Touched& touch : touched_) {
    auto next = static_cast<uint32_t>(&touch - touched_.data());
    place_.find_or_add(EpochIndex::hash_of(touch.entry), next, [](uint32_t) { return false; });
    if (Table::count(touch.entry) == 0) gone_.push_back(touch.entry);
  }
}

namespace {

using Entry = state::OrderedTable::Entry;

bool is_before(const Entry* a, const Entry* b) { return OverPartition::is_before(a, b); }

/// Of two entries, either of which may be none.
const Entry* earlier(const Entry* a, const Entry* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return is_before(a, b) ? a : b;
}
const Entry* later(const Entry* a, const Entry* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  return is_before(a, b) ? b : a;
}

}  // namespace

const OverPartition::Entry* OverPartition::first() const {
  return earlier(Table::first(group_), gone_.empty() ? nullptr : gone_.front());
}

const OverPartition::Entry* OverPartition::last() const {
  return later(Table::last(group_), gone_.empty() ? nullptr : gone_.back());
}

const OverPartition::Entry* OverPartition::next(const Entry* entry) const {
  const auto gone = std::upper_bound(gone_.begin(), gone_.end(), entry, is_before);
  return earlier(Table::next(group_, entry), gone == gone_.end() ? nullptr : *gone);
}

const OverPartition::Entry* OverPartition::previous(const Entry* entry) const {
  const auto gone = std::lower_bound(gone_.begin(), gone_.end(), entry, is_before);
  return later(Table::previous(group_, entry), gone == gone_.begin() ? nullptr : *(gone - 1));
}

const OverPartition::Entry* OverPartition::at_or_after(std::string_view suffix) const {
  const auto gone = std::lower_bound(
      gone_.begin(), gone_.end(), suffix,
      [](const Entry* entry, std::string_view bound) { return Table::suffix(entry) < bound; });
  return earlier(Table::lower_bound(group_, suffix), gone == gone_.end() ? nullptr : *gone);
}

const OverPartition::Entry* OverPartition::group_start(const Entry* entry) const {
  return at_or_after(key_of(entry));
}

int64_t OverPartition::kept(const Entry* entry) const {
  const uint32_t at = place_.find(EpochIndex::hash_of(entry),
                                  [&](uint32_t i) { return touched_[i].entry == entry; });
  const int64_t now = Table::count(entry);
  return at == EpochIndex::kNone ? now : std::min(now, touched_[at].before);
}

class OverPartition::Walk {
 public:
  /// From where rows are seen: entries that `places` puts at or beyond `origin`.
  Walk(OverPartition& partition, const OverReach& reach, std::vector<expr::Evaluator>& places,
       bool forward)
      : partition_(partition), reach_(reach), places_(places), forward_(forward) {}

  void start(const Entry* origin) {
    rows_left_ = reach_.rows;
    groups_passed_ = 0;
    group_is_kept_ = true;  // its own
    if (reach_.groups >= 0 || !places_.empty()) {
      origin_key_ = partition_.key_of(origin);
      last_key_ = origin_key_;
    }
  }

  /// Whether the row's results depend on the origin.
  bool sees(const Entry* entry) {
    if (reach_.all || within_count(entry)) return true;
    for (expr::Evaluator& place : places_) {
      if (reaches_origin(place, entry)) return true;
    }
    return false;
  }
  /// By rows and groups alone.
  bool within_count(const Entry* entry) {
    bool within = rows_left_ > 0;
    const int64_t kept = partition_.kept(entry);
    rows_left_ -= std::min(rows_left_, kept);
    if (reach_.groups < 0) return within;
    const std::string_view key = partition_.key_of(entry);
    if (key != last_key_) {
      groups_passed_ += group_is_kept_ ? 1 : 0;
      group_is_kept_ = false;
      last_key_ = key;
    }
    group_is_kept_ |= kept > 0;
    return within || groups_passed_ <= reach_.groups;
  }

 private:
  bool reaches_origin(expr::Evaluator& place, const Entry* entry) {
    const std::string_view key[] = {partition_.key_of(entry)};
    partition_.order_.places_of(place, partition_.order_.values_of(key), partition_.context_, keys_,
                                failed_);
    if (failed_[0] != 0) return true;
    return forward_ ? keys_.key(0) <= origin_key_ : keys_.key(0) >= origin_key_;
  }

  OverPartition& partition_;
  const OverReach& reach_;
  std::vector<expr::Evaluator>& places_;
  const bool forward_;
  int64_t rows_left_ = 0;
  int64_t groups_passed_ = 0;
  bool group_is_kept_ = true;
  std::string_view origin_key_, last_key_;
  data::KeyRows keys_;
  std::vector<uint8_t> failed_;
};

std::vector<OverPartition::Stretch> OverPartition::affected() {
  std::vector<Stretch> out;
  const OverReach& behind = reaches_.behind;
  const OverReach& ahead = reaches_.ahead;
  for (size_t i = 0; i < touched_.size(); ++i) {
    // Rows before that look ahead.
    const Entry* from = touched_[i].entry;
    if (ahead.all) {
      from = first();
    } else if (!ahead.none()) {
      Walk back(*this, ahead, ahead_places_, false);
      back.start(from);
      const Entry* stop = out.empty() ? nullptr : out.back().to;
      for (const Entry* at = previous(from); at != nullptr && at != stop && back.sees(at);
           at = previous(at)) {
        from = at;
      }
    }
    // Rows after that look behind; from one touched row to the next as long as they meet.
    const Entry* to = touched_[i].entry;
    if (behind.all) {
      to = last();
      i = touched_.size() - 1;
    } else {
      Walk on(*this, behind, behind_places_, true);
      on.start(to);
      for (const Entry* at = next(to); at != nullptr; at = next(at)) {
        if (i + 1 < touched_.size() && at == touched_[i + 1].entry) {
          on.start(touched_[++i].entry);
        } else if (!on.sees(at)) {
          break;
        }
        to = at;
      }
    }
    const bool joins = !out.empty() && !is_before(out.back().to, from);
    if (joins) {
      out.back().to = to;
    } else {
      out.push_back({from, to});
    }
  }
  return out;
}

OverPartition::Stretch OverPartition::seen_from(const Stretch& stretch, bool running) {
  Stretch seen = stretch;
  const auto extend = [&](const OverReach& reach, std::vector<expr::Evaluator>& places,
                          bool forward, const Entry*& end) {
    if (reach.none()) return;
    if (reach.all && !(running && !forward)) {
      end = forward ? last() : first();
      return;
    }
    // The places that the outermost row looks at.
    std::vector<std::string> wanted;
    bool everything = false;
    for (expr::Evaluator& place : places) {
      const std::string_view key[] = {key_of(end)};
      data::KeyRows keys;
      std::vector<uint8_t> failed;
      order_.places_of(place, order_.values_of(key), context_, keys, failed);
      everything |= failed[0] != 0;
      wanted.emplace_back(keys.key(0));
    }
    std::vector<expr::Evaluator> none;
    Walk walk(*this, reach, none, forward);
    walk.start(end);
    for (const Entry* at = forward ? next(end) : previous(end); at != nullptr;
         at = forward ? next(at) : previous(at)) {
      const bool counted = walk.within_count(at);
      const bool placed = std::any_of(wanted.begin(), wanted.end(), [&](const std::string& place) {
        return forward ? key_of(at) <= place : key_of(at) >= place;
      });
      if (!counted && !placed && !everything) return;
      end = at;
    }
  };
  extend(reaches_.behind, behind_places_, false, seen.from);
  extend(reaches_.ahead, ahead_places_, true, seen.to);
  return seen;
}

void OverPartition::collect(const Entry* from, const Entry* to, size_t most, std::vector<Item>& out,
                            const Entry** next) const {
  out.clear();
  *next = nullptr;
  // Merges the table's entries with the touched ones, some of which it passes over.
  auto touch = std::lower_bound(
      touched_.begin(), touched_.end(), from,
      [](const Touched& touched, const Entry* entry) { return is_before(touched.entry, entry); });
  Entry* entries[Table::kReadAtOnce];
  const Entry* start = Table::count(from) != 0 ? from : Table::next(group_, from);
  size_t count = start == nullptr ? 0 : Table::read(group_, start, entries);
  size_t at = 0;
  while (at < count || touch != touched_.end()) {
    const Entry* entry = at < count ? entries[at] : nullptr;
    if (touch != touched_.end() && (entry == nullptr || !is_before(entry, touch->entry))) {
      if (entry != touch->entry) {
        entry = touch->entry;
      } else {
        ++at;
      }
      if (is_before(to, entry)) return;
      if (out.size() == most) {
        *next = entry;
        return;
      }
      out.push_back({entry, touch->before, Table::count(entry)});
      ++touch;
    } else {
      if (is_before(to, entry)) return;
      if (out.size() == most) {
        *next = entry;
        return;
      }
      out.push_back({entry, Table::count(entry), Table::count(entry)});
      ++at;
    }
    if (at == count && count == Table::kReadAtOnce) {
      start = Table::next(group_, entries[count - 1]);
      count = start == nullptr ? 0 : Table::read(group_, start, entries);
      at = 0;
    }
  }
}

}  // namespace forebay::operators
