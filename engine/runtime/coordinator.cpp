// The coordinator: decides when epochs end, gathers what lanes have sealed, restarts failed
// pipelines.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/data/datetime.h"
#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {
constexpr int64_t kMillisecond = 1'000'000;
// A pipeline that has caught up ends its epoch this long after the epoch's first change, or after
// this many times the cost of the last commit, whichever is longer: fresh when there is little to
// do, large epochs when there is much.
constexpr int64_t kCaughtUpPaceNanos = 10 * kMillisecond;
constexpr int64_t kCommitPaceFactor = 3;
// Epochs hold so much that their ends, once named, take no longer than this; but for
// kLeastDirtyEntries.
constexpr int64_t kLongEndNanos = 2'000 * kMillisecond;
constexpr uint64_t kLeastDirtyEntries = 10'000;
constexpr int64_t kFirstRestartMs = 100;
constexpr int64_t kLongestRestartMs = 30'000;
}  // namespace

bool EngineImpl::run_coordinator(int64_t& idle_ns) {
  Lock lock(mutex_);
  if (!started_ || !store_failure_.is_ok()) return false;
  bool progress = false;
  int64_t now = clock_->steady_nanos();
  for (size_t i = 0; i < pipelines_.size(); ++i) {
    Pipeline& pipeline = *pipelines_[i];
    if (pipeline.in_flight()) {
      if (pipeline.is_ending() && pipeline.sealed.size() == workers_.size()) {
        if (Status refused = refused_by_policy(pipeline); refused.is_ok()) {
          request_commit(pipeline);
        } else {
          refuse(pipeline, std::move(refused));
        }
        progress = true;
      }
      continue;
    }
    if (pipeline.is_failed()) continue;
    if (pipeline.hold || !should_end(pipeline, now, idle_ns)) continue;
    name_end(pipeline);
    progress = true;
  }
  progress |= run_joins(lock, idle_ns);
  return restart_due(lock, idle_ns) || progress;
}

// Restarts at most one failed pipeline whose time has come. A statement that holds pipelines cleans
// up by itself.
bool EngineImpl::restart_due(Lock& lock, int64_t& idle_ns) {
  if (ddl_busy_) return false;
  int64_t now = clock_->steady_nanos();
  for (size_t i = 0; i < pipelines_.size(); ++i) {
    Pipeline& pipeline = *pipelines_[i];
    if (!pipeline.is_failed() || pipeline.is_ending()) continue;
    // A statement in the gate relies on what was accepted before it: it must see the failure first.
    if (pipeline.gate_busy) continue;
    if (now < pipeline.restart_at_ns) {
      idle_ns = std::min(idle_ns, pipeline.restart_at_ns - now);
      continue;
    }
    ddl_busy_ = true;
    WorkerLocks workers = lock_workers(lock);
    restart(pipeline);
    ddl_busy_ = false;
    return true;
  }
  return false;
}

bool EngineImpl::should_end(Pipeline& pipeline, int64_t now, int64_t& idle_ns) {
  if (!pipeline.signals.changed.load()) {
    if (!is_time_due(pipeline, idle_ns)) return false;
    pipeline.signals.changed.store(true);
  }
  if (pipeline.wanted) return true;
  if (pipeline.epoch_start_ns == 0) pipeline.epoch_start_ns = now;
  int64_t age = now - pipeline.epoch_start_ns;
  int64_t interval = settings_.checkpoint_interval_ms.load() * kMillisecond;
  if (age >= interval) return true;
  size_t dirty = 0;
  bool caught_up = true;
  for (const auto& lane : pipeline.lanes) {
    dirty += lane->dirty_entries();
    if (lane->is_full()) return true;
    caught_up = caught_up && lane->is_idle();
  }
  if (dirty >= settings_.max_dirty_entries.load()) return true;
  if (dirty >= pipeline.signals.most_dirty.load()) return true;
  int64_t pace =
      std::min(interval, std::max(kCaughtUpPaceNanos, kCommitPaceFactor * pipeline.last_commit_ns));
  if (age < pace) {
    idle_ns = std::min(idle_ns, pace - age);
    return false;
  }
  for (const RunningObject* object : pipeline.objects) {
    for (const SourceQueueRef& source : object->inputs.sources) {
      if (source != nullptr && !source->empty()) caught_up = false;
    }
  }
  if (caught_up) return true;
  idle_ns = std::min({idle_ns, interval - age, kCaughtUpPaceNanos});
  return false;
}

// Closes the open epoch: from now on lanes take input for the next one only.
void EngineImpl::name_end(Pipeline& pipeline) {
  int64_t now = clock_->steady_nanos();
  if (pipeline.epoch_start_ns == 0) pipeline.epoch_start_ns = now;
  pipeline.last_epoch_ms = (now - pipeline.epoch_start_ns) / kMillisecond;
  pipeline.named_at_ns = now;
  pipeline.named_dirty = 0;
  for (const auto& lane : pipeline.lanes) pipeline.named_dirty += lane->dirty_entries();
  pipeline.epoch_start_ns = 0;
  pipeline.wanted = false;
  pipeline.named_ticket = pipeline.last_ticket;
  pipeline.signals.changed.store(false);
  name_watermarks(pipeline);
  epoch_time_ = epoch_clock();
  pipeline.signals.named_time.store(epoch_time_);
  pipeline.signals.named_end.store(pipeline.open_epoch, std::memory_order_release);
  ++pipeline.open_epoch;
  wake_workers();
}

void EngineImpl::want(Pipeline& pipeline) {
  pipeline.wanted = true;
  coordinator_notifier_.notify();
}

void EngineImpl::sealed(Lane& lane, uint64_t epoch, SealedLane sealed) {
  std::lock_guard lock(mutex_);
  Pipeline* pipeline = pipeline_of(lane);
  FOREBAY_CHECK(pipeline != nullptr && epoch + 1 == pipeline->open_epoch,
                fmt::format("epoch {} sealed", epoch));
  pipeline->sealed.push_back(std::move(sealed));
  if (pipeline->sealed.size() < workers_.size()) return;
  find_length(*pipeline);
  coordinator_notifier_.notify();
}

// How much the next epochs may hold so that their ends don't take long: what a row makes of others,
// in windows and joins, is made when its epoch ends. Ends that are long whatever an epoch holds, as
// a partition is computed anew or a watermark closes windows, come as seldom as they can.
void EngineImpl::find_length(Pipeline& pipeline) {
  const uint64_t dirty = pipeline.named_dirty;
  if (pipeline.filling || dirty < kLeastDirtyEntries) return;
  const int64_t took = std::max<int64_t>(1, clock_->steady_nanos() - pipeline.named_at_ns);
  const uint64_t most = pipeline.signals.most_dirty.load();
  const double to_long = static_cast<double>(kLongEndNanos) / static_cast<double>(took);
  uint64_t next = most;
  if (took <= kLongEndNanos) {
    pipeline.long_end_ns = 0;
    pipeline.ends_alike = false;
    if (dirty >= most / 2 && most < settings_.max_dirty_entries.load()) {
      next = static_cast<uint64_t>(static_cast<double>(most) * std::min(to_long, 2.0));
    }
  } else if (!pipeline.ends_alike || took > 2 * pipeline.long_end_ns) {
    const bool was_shortened = pipeline.long_end_ns > 0 && 4 * dirty <= 3 * pipeline.long_end_dirty;
    pipeline.ends_alike = was_shortened && 4 * took >= 3 * pipeline.long_end_ns;  // for nothing
    pipeline.long_end_ns = took;
    pipeline.long_end_dirty = dirty;
    next = pipeline.ends_alike ? UINT64_MAX
                               : static_cast<uint64_t>(static_cast<double>(dirty) * to_long);
  }
  pipeline.signals.most_dirty.store(std::max(next, kLeastDirtyEntries));
}

void EngineImpl::failed(Lane& lane, Status status) {
  std::lock_guard lock(mutex_);
  Pipeline* pipeline = pipeline_of(lane);
  if (pipeline == nullptr) return;
  if (pipeline->is_failed()) {
    pipeline->failed_epoch = std::min(pipeline->failed_epoch, lane.epoch());
    changed_.notify_all();
    return;
  }
  fail(*pipeline, std::move(status), lane.epoch());
}

void EngineImpl::fail(Pipeline& pipeline, Status status, uint64_t epoch) {
  pipeline.failure = std::move(status);
  pipeline.failed_epoch = epoch;
  pipeline.restart_backoff_ms =
      std::min(kLongestRestartMs, std::max(kFirstRestartMs, pipeline.restart_backoff_ms * 2));
  pipeline.restart_at_ns = clock_->steady_nanos() + pipeline.restart_backoff_ms * kMillisecond;
  changed_.notify_all();
  coordinator_notifier_.notify();
}

// Fails at an epoch that a row keeps from being committed. Without sources a statement made that
// row, and it is lost: the pipeline need not wait.
void EngineImpl::refuse(Pipeline& pipeline, Status status) {
  fail(pipeline, std::move(status), pipeline.open_epoch - 1);
  const bool has_source = std::any_of(
      pipeline.objects.begin(), pipeline.objects.end(), [](const RunningObject* object) {
        return std::any_of(object->inputs.sources.begin(), object->inputs.sources.end(),
                           [](const SourceQueueRef& source) { return source != nullptr; });
      });
  if (!has_source) pipeline.restart_at_ns = clock_->steady_nanos();
}

// ON ERROR FAIL: an error that is left at the end of the sealed epoch. Errors that were taken back
// inside it are none, and none was committed before.
Status EngineImpl::refused_by_policy(const Pipeline& pipeline) const {
  std::map<ObjectId, int64_t> left;
  const operators::ErrorRow* shown = nullptr;
  for (const SealedLane& lane : pipeline.sealed) {
    for (const operators::ErrorRow& error : lane.errors) {
      if (error.policy == operators::ErrorPolicy::kFail) left[error.object] += error.weight;
    }
  }
  for (const SealedLane& lane : pipeline.sealed) {
    for (const operators::ErrorRow& error : lane.errors) {
      if (error.policy != operators::ErrorPolicy::kFail || error.weight < 0) continue;
      if (left[error.object] <= 0) continue;
      // The least row, whatever the workers' order.
      if (shown == nullptr || error.raw < shown->raw) shown = &error;
    }
  }
  if (shown == nullptr) return Status::ok();
  const auto object = objects_.find(shown->object);
  const bool is_record = !shown->source.empty();
  const std::string place = is_record ? fmt::format("; the record is at {} of {}",
                                                    shown->source_offset, shown->source_partition)
                                      : "";
  return Status(data::Error{
      .sqlstate = shown->sqlstate,
      .message = fmt::format("{} \"{}\" is ON ERROR FAIL: {}{}", is_record ? "source" : "view",
                             is_record                  ? shown->source
                             : object != objects_.end() ? object->second->fragment.name
                                                        : "",
                             shown->reason, place),
      .detail = fmt::format("{}: {}", is_record ? "Record" : "Row", shown->raw),
      .hint =
          "Nothing of the epoch with it was committed. Mend it, or create the object without ON "
          "ERROR FAIL."});
}

void EngineImpl::input_taken(Lane&, bool first) {
  pump_.notifier().notify();
  if (first) coordinator_notifier_.notify();
}

// Puts together what the lanes and the outside of one epoch have to commit.
void EngineImpl::request_commit(Pipeline& pipeline) {
  uint64_t epoch = pipeline.open_epoch - 1;
  CommitRequest request;
  request.pipeline = &pipeline;
  request.errors_at = data::timestamp_from_unix_nanos(clock_->unix_nanos());
  request.epoch_time = pipeline.signals.named_time.load();
  for (SealedLane& lane : pipeline.sealed) {
    for (operators::ErrorRow& error : lane.errors) request.errors.push_back(std::move(error));
    if (lane.run.count() > 0) request.runs.push_back(std::move(lane.run));
  }
  state::SealedRun meta;
  write_positions(pipeline, epoch, request, meta);
  write_watermarks(pipeline, epoch, meta);
  pipeline.sealed.clear();
  if (meta.count() > 0) request.runs.push_back(std::move(meta));
  CatalogChange catalog = std::move(pipeline.catalog);
  pipeline.catalog = {};
  write_catalog_change(std::move(catalog), request);
  pipeline.committing = true;
  commit_queue_.push_back(std::move(request));
  committer_notifier_.notify();
}

// What the epoch took from each queue becomes the position of every use of it.
void EngineImpl::write_positions(Pipeline& pipeline, uint64_t epoch, CommitRequest& request,
                                 state::SealedRun& meta) {
  std::map<const SourceQueue*, connectors::Positions> taken;
  for (const RunningObject* object : pipeline.objects) {
    for (size_t i = 0; i < object->inputs.sources.size(); ++i) {
      const SourceQueueRef& source = object->inputs.sources[i];
      if (source == nullptr) continue;
      auto [found, is_new] = taken.try_emplace(source.get());
      if (is_new) {
        found->second = source->take_positions(epoch);
        if (!found->second.empty()) request.positions.emplace_back(source, found->second);
      }
      write_positions_of(*source, found->second, *object->inputs.uses[i], meta);
    }
  }
}

void EngineImpl::write_positions_of(const SourceQueue& source, const connectors::Positions& taken,
                                    SourceUse& use, state::SealedRun& meta) {
  if (taken.empty()) return;
  std::map<data::PartitionId, const connectors::PartitionPosition*> changed;
  connectors::Positions committed;
  if (use.renumbered) {
    committed = source.committed_positions();
    for (const connectors::PartitionPosition& position : committed) {
      changed[position.id] = &position;
    }
  }
  for (const connectors::PartitionPosition& position : taken) changed[position.id] = &position;
  if (use.renumbered) {
    for (data::PartitionId id : use.stored) {
      if (!changed.contains(id)) remove_position(use.object, use.node, id, meta);
    }
    use.stored.clear();
    use.renumbered = false;
  }
  for (const auto& [id, position] : changed) {
    put_position(use.object, use.node, *position, meta);
    use.stored.insert(id);
  }
}

void EngineImpl::write_catalog_change(CatalogChange change, CommitRequest& request) {
  state::SealedRun run;
  request.changes_catalog = !change.empty();
  for (const CatalogRecord& record : change.put) put_catalog_record(record, run);
  for (ObjectId id : change.remove) {
    remove_catalog_record(id, run);
    errors_.drop(id, run);
    if (RunningObject* object = find_object(id)) {
      if (object->late > 0) remove_late(id, run);
      for (const WatermarkTrackerRef& tracker : object->inputs.trackers) {
        if (tracker != nullptr) tracker->remove(run);
      }
      for (const SourceUseRef& use : object->inputs.uses) {
        if (use == nullptr) continue;
        for (data::PartitionId id : use->stored) remove_position(use->object, use->node, id, run);
      }
    }
  }
  if (run.count() > 0) request.runs.push_back(std::move(run));
  request.dropped = std::move(change.dropped);
}

// Brings a failed pipeline back to its last committed epoch, with cold state.
void EngineImpl::restart(Pipeline& pipeline) {
  const auto failure = std::make_shared<const Status>(pipeline.failure.clone());
  for (RunningObject* object : pipeline.objects) {
    for (const SourceQueueRef& source : object->inputs.sources) {
      if (source != nullptr) pump_.remove(source.get());
    }
    if (object->table != nullptr) object->table->clear();
    object->pending_keys.clear();
    object->pending_order.clear();
    // Statements that were accepted and not committed are lost; wait() tells.
    if (auto& open = object->open_tickets; !open.empty()) {
      object->losses.push_back({*open.begin(), *open.rbegin(), failure});
      open.clear();
      if (object->losses.size() > RunningObject::kMostLosses) object->losses.pop_front();
    }
  }
  ++pipeline.restarts;
  pipeline.sealed.clear();
  pipeline.open_epoch = pipeline.committed + 1;
  pipeline.signals.named_end.store(pipeline.committed);
  pipeline.signals.changed.store(false);
  make_lanes(pipeline);
  for (RunningObject* object : pipeline.objects) {
    Result<FragmentInputs> inputs = make_inputs(object->fragment);
    if (!inputs.is_ok()) {
      pipeline.failure = inputs.take_status();
      pipeline.restart_at_ns = clock_->steady_nanos() + kLongestRestartMs * kMillisecond;
      return;
    }
    object->inputs = std::move(inputs).value();
    object->since_ns = clock_->steady_nanos();
    for (const WatermarkTrackerRef& tracker : object->inputs.trackers) {
      if (tracker != nullptr) tracker->renumber(pipeline.open_epoch);
    }
    register_trackers(*object);
    mark_paused(*object);
    object->table = nullptr;
    for (const TableQueueRef& table : object->inputs.tables) {
      if (table != nullptr) object->table = table;
    }
    for (auto& lane : pipeline.lanes) lane->add(object->fragment, object->inputs, false);
  }
  share_equal_readers(pipeline.objects);
  for (RunningObject* object : pipeline.objects) start_sources(*object);
  pipeline.failure = Status();
  pipeline.committed_ticket = pipeline.last_ticket;
  pipeline.named_ticket = pipeline.last_ticket;
  wake_workers();
  changed_.notify_all();
}

}  // namespace forebay::runtime
