// What system tables and metrics show.

#include <set>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

Figures EngineImpl::figures() const {
  std::lock_guard lock(mutex_);
  Figures figures;
  int64_t now = clock_->steady_nanos();
  for (const auto& pipeline : pipelines_) {
    PipelineFigures shown;
    std::set<const SourceQueue*> queues;
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
      // Fresh when nothing waits; else as old as the last commit.
      of_object.freshness_ms =
          busy ? (now - pipeline->last_committed_at_ns) / 1'000'000 : int64_t{0};
      for (const auto& lane : pipeline->lanes) {
        Lane::Traffic traffic = lane->traffic(object->fragment.object);
        of_object.rows_in += traffic.rows_in;
        of_object.rows_out += traffic.rows_out;
        of_object.errors += traffic.errors;
      }
      figures.objects.push_back(of_object);
      shown.objects.push_back(object->fragment.object);
      for (size_t i = 0; i < object->inputs.sources.size(); ++i) {
        const SourceQueueRef& source = object->inputs.sources[i];
        if (source == nullptr) continue;
        const SourceUse& use = *object->inputs.uses[i];
        SourceQueue::Show show = source->show();
        if (queues.insert(source.get()).second) shown.memory_bytes += source->memory_bytes();
        if (show.positions.empty()) show.positions.emplace_back();
        for (connectors::PartitionPosition& position : show.positions) {
          figures.sources.push_back({source->input().source, use.object, std::move(position),
                                     use.records.load(), use.bytes.load(), use.errors.load(),
                                     show.finished, show.status, show.reason});
        }
      }
    }
    figures.pipelines.push_back(std::move(shown));
  }
  return figures;
}

Result<std::vector<StoredError>> EngineImpl::errors() const {
  return ErrorTable::read(*store_->snapshot());
}

}  // namespace forebay::runtime
