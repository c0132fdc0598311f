#include "engine/runtime/watermark_tracker.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/status.h"
#include "engine/runtime/meta_records.h"

namespace forebay::runtime {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
// A source that does not answer is looked at again after this long.
constexpr int64_t kLeastWaitNanos = 10 * kMillisecond;
// Lanes are in the named epoch or the one behind it, and ask for the one before theirs.
constexpr uint64_t kKeptEpochs = 3;

bool is_equal(const Observation& a, const Observation& b) {
  return a.most == b.most && a.far_future == b.far_future;
}

void add(Observation& to, const Observation& seen) {
  to.most = std::max(to.most, seen.most);
  to.far_future += seen.far_future;
}

}  // namespace

WatermarkTracker::WatermarkTracker(WatermarkId id, const LeafWatermark& spec,
                                   StoredWatermark stored)
    : id_(id),
      idle_timeout_ns_(spec.idle_timeout_ms ? std::optional(std::min(*spec.idle_timeout_ms,
                                                                     INT64_MAX / kMillisecond) *
                                                            kMillisecond)
                                            : std::nullopt),
      written_(stored.watermark),
      shown_(stored.watermark) {
  values_[0] = stored.watermark;
  for (const auto& [name, seen] : stored.partitions) {
    Partition& partition = partitions_[name];
    partition.settled = partition.written = partition.shown = seen;
  }
}

void WatermarkTracker::observe(uint64_t epoch, const std::string& partition,
                               const Observation& seen) {
  std::lock_guard lock(mutex_);
  FOREBAY_CHECK(epoch > settled_, fmt::format("a batch of epoch {} behind W({})", epoch, settled_));
  add(partitions_[partition].open[epoch], seen);
}

void WatermarkTracker::end(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  ++ended_[epoch];
}

int64_t WatermarkTracker::at(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  if (epoch > settled_ && epoch <= named_) settle(epoch);
  auto found = values_.upper_bound(epoch);
  FOREBAY_CHECK(found != values_.begin(), fmt::format("W({}) is forgotten", epoch));
  return std::prev(found)->second;
}

WatermarkTracker::Judged WatermarkTracker::judge(const SourceQueue::Partition& seen) const {
  if (!seen.is_read) return {true, false};
  const auto known = partitions_.find(seen.name);
  int64_t most = kNoWatermark;
  if (known != partitions_.end()) {
    most = known->second.settled.most;
    for (const auto& [epoch, open] : known->second.open) most = std::max(most, open.most);
  }
  const bool is_idle = idle_timeout_ns_ && seen.quiet_ns >= *idle_timeout_ns_;
  return {most != kNoWatermark && !is_idle, is_idle};
}

// W over what is settled. A partition that has nothing and counts keeps it from moving.
int64_t WatermarkTracker::least(const std::set<std::string>& left_out) const {
  int64_t least = kEndOfTime, most = kNoWatermark;
  bool any = false;
  for (const auto& [name, partition] : partitions_) {
    most = std::max(most, partition.settled.most);
    if (left_out.contains(name)) continue;
    any = true;
    least = std::min(least, partition.settled.most);
  }
  return any ? least : most;
}

void WatermarkTracker::name_end(uint64_t epoch, uint16_t lanes, const Input& input,
                                int64_t now_us) {
  std::lock_guard lock(mutex_);
  named_ = epoch;
  rests_ = false;
  lanes_ = lanes;
  finished_ = input.is_finished;
  for (const SourceQueue::Partition& seen : input.partitions) {
    const Judged judged = judge(seen);
    Partition& partition = partitions_[seen.name];
    partition.counts = judged.counts;
    partition.is_idle = judged.is_idle;
  }
  note_holder(now_us);
}

void WatermarkTracker::name_rest(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  named_ = epoch;
  rests_ = true;
  finished_ = false;
}

// Folds the named epoch's observations in and fixes its W.
void WatermarkTracker::settle(uint64_t epoch) {
  const int64_t before = values_.rbegin()->second;
  int64_t now = before;
  if (!rests_) {
    FOREBAY_CHECK(ended_[epoch] == lanes_,
                  fmt::format("{} of {} lanes have ended epoch {} at the leaf", ended_[epoch],
                              lanes_, epoch));
    std::set<std::string> left_out;
    for (auto& [name, partition] : partitions_) {
      bool is_active = false;
      for (auto open = partition.open.begin();
           open != partition.open.end() && open->first <= epoch;) {
        add(partition.settled, open->second);
        is_active = is_active || open->second.most != kNoWatermark;
        open = partition.open.erase(open);
      }
      if (is_active) partition.is_idle = false;
      if (!partition.counts && !is_active) left_out.insert(name);
    }
    now = finished_ ? kEndOfTime : std::max(before, least(left_out));
  }
  settled_ = epoch;
  values_[epoch] = now;
  while (values_.size() > 1 && std::next(values_.begin())->first + kKeptEpochs <= epoch) {
    values_.erase(values_.begin());
  }
  ended_.erase(ended_.begin(), ended_.upper_bound(epoch));
}

std::optional<int64_t> WatermarkTracker::due_ns(const Input& input) const {
  std::lock_guard lock(mutex_);
  const int64_t present = values_.rbegin()->second;
  if (present == kEndOfTime) return std::nullopt;
  if (input.is_finished) return 0;
  if (input.partitions.size() < 2) return std::nullopt;
  std::set<std::string> left_out;
  std::optional<int64_t> wait;
  bool holds = false;  // one that has nothing, or is not known
  for (const SourceQueue::Partition& seen : input.partitions) {
    const Judged judged = judge(seen);
    if (!judged.counts) {
      left_out.insert(seen.name);
      continue;
    }
    holds = holds || !partitions_.contains(seen.name);
    if (!seen.is_read || !idle_timeout_ns_) continue;
    wait = std::min(wait.value_or(INT64_MAX),
                    std::max(kLeastWaitNanos, *idle_timeout_ns_ - seen.quiet_ns));
  }
  if (!holds && least(left_out) > present) return 0;
  return wait;
}

void WatermarkTracker::write(uint64_t epoch, state::SealedRun& run) {
  const int64_t now = at(epoch);
  std::lock_guard lock(mutex_);
  if (now != written_) {
    put_watermark(id_, now, run);
    written_ = now;
  }
  for (auto& [name, partition] : partitions_) {
    if (is_equal(partition.settled, partition.written)) continue;
    put_partition_watermark(id_, name, partition.settled, run);
    partition.written = partition.settled;
  }
}

void WatermarkTracker::committed(uint64_t epoch) {
  const int64_t now = at(epoch);
  std::lock_guard lock(mutex_);
  shown_ = now;
  for (auto& [name, partition] : partitions_) partition.shown = partition.written;
}

void WatermarkTracker::renumber(uint64_t epoch) {
  std::lock_guard lock(mutex_);
  for (auto& [name, partition] : partitions_) {
    FOREBAY_CHECK(partition.open.empty(), "an epoch is open");
  }
  const int64_t now = values_.rbegin()->second;
  values_.clear();
  values_[0] = now;
  ended_.clear();
  settled_ = named_ = epoch - 1;
}

void WatermarkTracker::remove(state::SealedRun& run) const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, partition] : partitions_) names.push_back(name);
  remove_watermarks(id_, names, run);
}

// Who holds the others back now: the only one that counts and has the least, while another has
// more, or the one that counts and has nothing yet.
void WatermarkTracker::note_holder(int64_t now_us) {
  auto most_of = [](const Partition& partition) {
    int64_t most = partition.settled.most;
    for (const auto& [epoch, open] : partition.open) most = std::max(most, open.most);
    return most;
  };
  const std::string* holder = nullptr;
  int64_t least = kEndOfTime, most = kNoWatermark;
  for (const auto& [name, partition] : partitions_) {
    const int64_t own = most_of(partition);
    most = std::max(most, own);
    if (!partition.counts || own >= least) continue;
    least = own;
    holder = &name;
  }
  if (holder == nullptr || least == most) {
    holder_.clear();
    holder_since_.reset();
  } else if (!holder_since_ || holder_ != *holder) {
    holder_ = *holder;
    holder_since_ = now_us;
  }
}

int64_t WatermarkTracker::watermark() const {
  std::lock_guard lock(mutex_);
  return shown_;
}

std::vector<WatermarkTracker::Shown> WatermarkTracker::partitions() const {
  std::lock_guard lock(mutex_);
  std::vector<Shown> shown;
  for (const auto& [name, partition] : partitions_) {
    Shown& one = shown.emplace_back();
    one.partition = name;
    one.most = partition.shown.most;
    one.far_future = partition.shown.far_future;
    one.is_idle = partition.is_idle;
    if (holder_since_ && holder_ == name) one.holds_back_since = holder_since_;
  }
  return shown;
}

void WatermarkRegistry::put(const WatermarkTrackerRef& tracker) {
  std::lock_guard lock(mutex_);
  trackers_[tracker->id()] = tracker;
}

void WatermarkRegistry::remove(ObjectId object) {
  std::lock_guard lock(mutex_);
  std::erase_if(trackers_, [&](const auto& entry) { return entry.first.object == object; });
}

WatermarkTrackerRef WatermarkRegistry::find(WatermarkId id) const {
  std::lock_guard lock(mutex_);
  auto found = trackers_.find(id);
  return found == trackers_.end() ? nullptr : found->second;
}

WatermarkTracker& LaneWatermarks::tracker(WatermarkId id) const {
  const WatermarkTrackerRef found = registry_.find(id);
  FOREBAY_CHECK(found != nullptr,
                fmt::format("object {} has no watermark at node {}", id.object.value, id.node));
  return *found;
}

int64_t LaneWatermarks::previous(WatermarkId id) const {
  return fills_ ? kNoWatermark : tracker(id).at(epoch_ - 1);
}

int64_t LaneWatermarks::current(WatermarkId id) const { return tracker(id).at(epoch_); }

}  // namespace forebay::runtime
