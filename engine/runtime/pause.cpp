// Readers that stand still for a while (PAUSE, RESUME), what waits for them (REFRESH), and objects
// that get another form (ALTER TABLE).

#include <fmt/format.h>

#include <algorithm>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

bool EngineImpl::is_paused(const RunningObject& object, const SourceQueue& queue) const {
  return paused_.contains(queue.input().source) || paused_.contains(object.fragment.object);
}

// For queues that were just made, and that one object uses.
void EngineImpl::mark_paused(RunningObject& object) {
  for (const SourceQueueRef& queue : object.inputs.sources) {
    if (queue != nullptr && is_paused(object, *queue)) queue->pause(clock_->steady_nanos());
  }
}

// Brings the readers of an object, held behind a committed epoch, to what paused_ says. One that
// others use, too, and that they use on, is left to them. Needs the workers' locks.
void EngineImpl::apply_paused(RunningObject& object) {
  for (size_t i = 0; i < object.inputs.sources.size(); ++i) {
    SourceQueueRef queue = object.inputs.sources[i];
    if (queue == nullptr) continue;
    const bool wanted = is_paused(object, *queue);
    if (queue->is_paused() == wanted) continue;
    const bool is_shared = std::any_of(objects_.begin(), objects_.end(), [&](const auto& other) {
      const auto& sources = other.second->inputs.sources;
      return is_paused(*other.second, *queue) != wanted &&
             std::find(sources.begin(), sources.end(), queue) != sources.end();
    });
    if (is_shared) {
      const auto& input = std::get<SourceInput>(object.fragment.nodes[i].what);
      auto own = std::make_shared<SourceQueue>(input, queue->committed_positions());
      for (auto& lane : object.pipeline->lanes) {
        lane->replace_source(queue.get(), own, object.fragment.object);
      }
      std::replace(object.inputs.sources.begin(), object.inputs.sources.end(), queue, own);
      queue = std::move(own);
    }
    if (wanted) {
      pump_.remove(queue.get());
      queue->pause(clock_->steady_nanos());
    } else {
      queue->resume();
      feed(queue);
    }
  }
}

void EngineImpl::attach_paused(ObjectId id) {
  std::lock_guard lock(mutex_);
  paused_.insert(id);
}

Status EngineImpl::set_paused(ObjectId id, bool paused, CatalogRecord record) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, nullptr));
  std::vector<RunningObject*> objects;
  std::vector<Pipeline*> pipelines;
  for (auto& [other, object] : objects_) {
    const auto& sources = object->inputs.sources;
    const bool reads = std::any_of(sources.begin(), sources.end(), [&](const auto& queue) {
      return queue != nullptr && (other == id || queue->input().source == id);
    });
    if (!reads) continue;
    objects.push_back(object.get());
    if (std::find(pipelines.begin(), pipelines.end(), object->pipeline) == pipelines.end()) {
      pipelines.push_back(object->pipeline);
    }
  }
  Status status = hold_all(lock, pipelines, true, nullptr);
  if (status.is_ok()) {
    CatalogChange change;
    change.put.push_back(std::move(record));
    status = commit_catalog(lock, std::move(change));
    WorkerLocks workers = lock_workers(lock);
    if (status.is_ok()) {
      if (paused) {
        paused_.insert(id);
      } else {
        paused_.erase(id);
      }
    }
    for (Pipeline* pipeline : pipelines) {
      pipeline->gate_busy = false;
      if (status.is_ok() && pipeline->is_failed()) restart(*pipeline);
    }
    for (RunningObject* object : objects) apply_paused(*object);
    for (Pipeline* pipeline : pipelines) release(*pipeline);
  }
  end_ddl_turn();
  return status;
}

// The readers whose records come to an object, through whatever stands between.
std::vector<SourceQueueRef> EngineImpl::sources_behind(ObjectId id) const {
  std::vector<ObjectId> wanted{id};
  std::vector<SourceQueueRef> queues;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const RunningObject* object = find_object(wanted[i]);
    if (object == nullptr) continue;
    for (const SourceQueueRef& queue : object->inputs.sources) {
      if (queue == nullptr || std::find(queues.begin(), queues.end(), queue) != queues.end()) {
        continue;
      }
      queues.push_back(queue);
    }
    for (const CircuitNode& node : object->fragment.nodes) {
      const auto* input = std::get_if<ObjectInput>(&node.what);
      if (input == nullptr ||
          std::find(wanted.begin(), wanted.end(), input->object) != wanted.end()) {
        continue;
      }
      wanted.push_back(input->object);
    }
  }
  return queues;
}

Status EngineImpl::refresh(ObjectId id, const CancelToken* cancel) {
  {
    Lock lock(mutex_);
    std::map<const SourceQueue*, SourceQueue::Mark> marks;
    Status failure;
    FOREBAY_RETURN_IF_ERROR(await(lock, cancel, [&] {
      RunningObject* object = find_object(id);
      if (object == nullptr) return true;  // dropped meanwhile
      if (object->pipeline->is_failed()) {
        failure = object->pipeline->failure.clone();
        return true;
      }
      bool is_fresh = true;
      // Readers come to be shared: looked up each time, a new one is asked anew.
      for (const SourceQueueRef& queue : sources_behind(id)) {
        const SourceQueue::Show show = queue->show();
        if (show.status == "paused" || show.status == "failed") {
          failure = Status(data::Error{
              .sqlstate = data::sqlstate::kNotInPrerequisiteState,
              .message = fmt::format("source \"{}\" {}", queue->input().source_name,
                                     show.status == "paused" ? "is paused here" : "has failed"),
              .detail = show.reason,
              .hint = show.status == "paused" ? "ALTER ... RESUME lets it go on." : ""});
          return true;
        }
        auto [mark, is_new] = marks.try_emplace(queue.get());
        if (is_new) mark->second = queue->mark();
        is_fresh = queue->is_fresh(mark->second) && is_fresh;
      }
      if (!is_fresh && object->pipeline->signals.changed.load()) want(*object->pipeline);
      return is_fresh;
    }));
    FOREBAY_RETURN_IF_ERROR(std::move(failure));
  }
  return flush({}, cancel);
}

Status EngineImpl::rewrite(Rewrite rewrite, const CancelToken* cancel) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, cancel));
  std::vector<Pipeline*> pipelines;
  for (const Fragment& fragment : rewrite.fragments) {
    RunningObject* object = find_object(fragment.object);
    if (object == nullptr) continue;
    if (std::find(pipelines.begin(), pipelines.end(), object->pipeline) == pipelines.end()) {
      pipelines.push_back(object->pipeline);
    }
  }
  Status status = hold_all(lock, pipelines, false, cancel);
  if (status.is_ok()) {
    CommitRequest request;
    request.outcome = std::make_shared<std::optional<Status>>();
    auto outcome = request.outcome;
    state::SealedRun rows;
    lock.unlock();  // nothing moves: the pipelines are held
    status = rewrite.fill(*store_->snapshot(), rows);
    lock.lock();
    if (status.is_ok()) {
      if (rows.count() > 0) request.runs.push_back(std::move(rows));
      CatalogChange change;
      change.put = std::move(rewrite.records);
      change.dropped = std::move(rewrite.dropped);
      write_catalog_change(std::move(change), request);
      commit_queue_.push_back(std::move(request));
      committer_notifier_.notify();
      status = await(lock, nullptr, [&] { return outcome->has_value(); });
      if (status.is_ok()) status = std::move(**outcome);
    }
    if (status.is_ok()) rewrite.publish();
    WorkerLocks workers = lock_workers(lock);
    if (status.is_ok()) {
      for (Fragment& fragment : rewrite.fragments) {
        if (RunningObject* object = find_object(fragment.object)) {
          object->fragment = std::move(fragment);
        }
      }
      for (Pipeline* pipeline : pipelines) restart(*pipeline);
    }
    for (Pipeline* pipeline : pipelines) {
      pipeline->gate_busy = false;
      release(*pipeline);
    }
  }
  end_ddl_turn();
  return status;
}

}  // namespace forebay::runtime
