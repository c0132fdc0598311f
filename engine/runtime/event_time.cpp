// Watermarks as the coordinator sees them: fixed when the end of an epoch is named, committed with
// it, and the reason for epochs without input.

#include <algorithm>

#include "engine/data/datetime.h"
#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {

WatermarkTracker::Input input_of(const SourceQueue* source) {
  WatermarkTracker::Input input;
  if (source == nullptr) return input;  // a table
  input.partitions = source->partitions();
  input.is_finished = source->is_finished();
  return input;
}

// An epoch that is due later is looked at again: the clock may jump.
constexpr int64_t kLongestWaitUs = 1'000'000;

}  // namespace

int64_t EngineImpl::epoch_clock() const {
  return std::max(epoch_time_, data::timestamp_from_unix_nanos(clock_->unix_nanos()));
}

void EngineImpl::register_trackers(const RunningObject& object) {
  for (const WatermarkTrackerRef& tracker : object.inputs.trackers) {
    if (tracker != nullptr) watermarks_.put(tracker);
  }
}

// Before the end of the open epoch is made known.
void EngineImpl::name_watermarks(Pipeline& pipeline) {
  const uint64_t epoch = pipeline.open_epoch;
  const int64_t now_us = data::timestamp_from_unix_nanos(clock_->unix_nanos());
  for_each_tracker(pipeline, [&](WatermarkTracker& tracker, const SourceQueue* source) {
    if (pipeline.filling) {
      tracker.name_rest(epoch);
    } else {
      tracker.name_end(epoch, options_.workers, input_of(source), now_us);
    }
  });
}

// True when an epoch without input would move a watermark; else `idle_ns` is when to look again.
bool EngineImpl::is_time_due(const Pipeline& pipeline, int64_t& idle_ns) const {
  const int64_t now_us = epoch_clock();
  for (const auto& lane : pipeline.lanes) {
    const int64_t due = lane->due();
    if (due <= now_us) return true;
    if (due == INT64_MAX) continue;
    const int64_t wait_us = std::min<int64_t>(due - now_us, kLongestWaitUs);
    idle_ns = std::min(idle_ns, wait_us * 1000);
  }
  bool is_due = false;
  for_each_tracker(pipeline, [&](const WatermarkTracker& tracker, const SourceQueue* source) {
    if (is_due || source == nullptr) return;
    const std::optional<int64_t> wait = tracker.due_ns(input_of(source));
    if (wait) idle_ns = std::min(idle_ns, *wait);
    is_due = wait == 0;
  });
  return is_due;
}

// What the sealed epoch brings: watermarks, and the numbers of late rows.
void EngineImpl::write_watermarks(Pipeline& pipeline, uint64_t epoch, state::SealedRun& meta) {
  for_each_tracker(
      pipeline, [&](WatermarkTracker& tracker, const SourceQueue*) { tracker.write(epoch, meta); });
  std::map<ObjectId, uint64_t> late;
  for (const SealedLane& lane : pipeline.sealed) {
    for (const auto& [object, rows] : lane.late) late[object] += rows;
  }
  for (const auto& [id, rows] : late) {
    RunningObject* object = find_object(id);
    if (object == nullptr || rows == 0) continue;
    object->late += rows;
    put_late(id, object->late, meta);
  }
}

}  // namespace forebay::runtime
