// What system tables and metrics show.

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {

/// Objects that don't follow their sources: steady nanoseconds since when.
using StaleSince = std::map<ObjectId, int64_t>;

/// Since when the object does not see all that it reads; nullopt: it does.
std::optional<int64_t> stale_since_of(const RunningObject& object, const StaleSince& stale_since) {
  std::optional<int64_t> stale;
  auto is_stale_since = [&](int64_t since) { stale = std::min(stale.value_or(since), since); };
  for (const SourceQueueRef& source : object.inputs.sources) {
    if (source == nullptr) continue;
    if (auto since = source->paused_since_ns()) is_stale_since(*since);
  }
  for (const CircuitNode& node : object.fragment.nodes) {
    const auto* input = std::get_if<ObjectInput>(&node.what);
    if (input == nullptr) continue;
    if (auto found = stale_since.find(input->object); found != stale_since.end()) {
      is_stale_since(found->second);
    }
  }
  return stale;
}

/// It reads sources, and all of them are paused.
bool are_all_paused(const FragmentInputs& inputs) {
  size_t readers = 0, paused = 0;
  for (const SourceQueueRef& source : inputs.sources) {
    if (source == nullptr) continue;
    ++readers;
    if (source->paused_since_ns()) ++paused;
  }
  return readers > 0 && paused == readers;
}

/// What EMIT LATE INTO made, which the circuit of its view keeps.
ObjectFigures figures_of_late(ObjectId late, const ObjectFigures& view) {
  ObjectFigures out;
  out.object = late;
  out.pipeline = view.pipeline;
  out.rows_in = out.rows_out = view.late;
  out.epoch = view.epoch;
  out.freshness_ms = view.freshness_ms;
  return out;
}

void append_sources(const FragmentInputs& inputs, std::vector<SourceFigures>& figures) {
  for (size_t i = 0; i < inputs.sources.size(); ++i) {
    const SourceQueueRef& source = inputs.sources[i];
    if (source == nullptr) continue;
    const SourceUse& use = *inputs.uses[i];
    SourceQueue::Show show = source->show();
    if (show.positions.empty()) show.positions.emplace_back();
    for (connectors::PartitionPosition& position : show.positions) {
      figures.push_back({source->input().source, use.object, std::move(position),
                         use.records.load(), use.bytes.load(), use.errors.load(), show.finished,
                         show.status, show.reason});
    }
  }
}

}  // namespace

Figures EngineImpl::figures() const {
  std::lock_guard lock(mutex_);
  Figures figures;
  int64_t now = clock_->steady_nanos();
  StaleSince stale_since;
  for (const auto& pipeline : pipelines_) {
    PipelineFigures shown;
    std::set<const SourceQueue*> queues;
    bool is_reading = false;
    shown.id = pipeline->id;
    shown.epoch = pipeline->store_epoch;
    shown.epoch_ms = pipeline->last_epoch_ms;
    shown.commit_ms = pipeline->last_commit_ns / 1'000'000;
    bool busy = pipeline->in_flight() || pipeline->signals.changed.load();
    shown.status = pipeline->is_failed() ? "failed"
                   : pipeline->hold      ? "held"
                   : busy                ? "running"
                                         : "idle";
    if (pipeline->is_failed()) shown.reason = pipeline->failure.error().message;
    for (const auto& lane : pipeline->lanes) {
      shown.dirty_keys += lane->dirty_entries();
      shown.memory_bytes += lane->memory_bytes();
      lane->append_figures(figures.operators);
    }
    for (const RunningObject* object : pipeline->objects) {
      ObjectFigures of_object;
      of_object.object = object->fragment.object;
      of_object.pipeline = pipeline->id;
      of_object.epoch = pipeline->store_epoch;
      of_object.failing = errors_.count(of_object.object);
      of_object.late = object->late;
      of_object.counted_ms = (now - object->since_ns) / 1'000'000;
      const std::optional<int64_t> stale = stale_since_of(*object, stale_since);
      if (stale) stale_since[of_object.object] = *stale;
      of_object.is_paused = are_all_paused(object->inputs);
      // Fresh when nothing waits; else as old as the last commit.
      of_object.freshness_ms =
          busy ? (now - pipeline->last_committed_at_ns) / 1'000'000 : int64_t{0};
      if (stale) {
        of_object.freshness_ms = std::max(of_object.freshness_ms, (now - *stale) / 1'000'000);
      }
      for (const auto& lane : pipeline->lanes) {
        Lane::Traffic traffic = lane->traffic(object->fragment.object);
        of_object.rows_in += traffic.rows_in;
        of_object.rows_out += traffic.rows_out;
        of_object.errors += traffic.errors;
      }
      figures.objects.push_back(of_object);
      if (const auto& late = object->fragment.late) {
        figures.objects.push_back(figures_of_late(late->object, of_object));
      }
      shown.objects.push_back(object->fragment.object);
      append_sources(object->inputs, figures.sources);
      for (const SourceQueueRef& source : object->inputs.sources) {
        if (source == nullptr) continue;
        is_reading |= !source->is_paused();
        if (queues.insert(source.get()).second) shown.memory_bytes += source->memory_bytes();
      }
    }
    if (!queues.empty() && !is_reading && shown.status == "idle") shown.status = "paused";
    append_watermarks(*pipeline, figures.watermarks);
    figures.pipelines.push_back(std::move(shown));
  }
  return figures;
}

void EngineImpl::append_watermarks(const Pipeline& pipeline,
                                   std::vector<WatermarkFigures>& figures) const {
  for_each_tracker(pipeline, [&](const WatermarkTracker& tracker, const SourceQueue* source) {
    WatermarkFigures shown;
    shown.object = tracker.id().object;
    shown.source = source != nullptr ? source->input().source : shown.object;
    shown.watermark = tracker.watermark();
    std::vector<WatermarkTracker::Shown> partitions = tracker.partitions();
    for (const auto& partition : partitions) shown.far_future += partition.far_future;
    figures.push_back(shown);
    for (WatermarkTracker::Shown& partition : partitions) {
      shown.partition = std::move(partition.partition);
      shown.watermark = partition.most;
      shown.is_idle = partition.is_idle;
      shown.holds_back_since = partition.holds_back_since;
      shown.far_future = partition.far_future;
      figures.push_back(shown);
    }
  });
}

Result<std::vector<StoredError>> EngineImpl::errors() const {
  return ErrorTable::read(*store_->snapshot());
}

}  // namespace forebay::runtime
