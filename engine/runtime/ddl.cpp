// Objects that come and go: attaching at opening, CREATE with its fill epoch, DROP. A pipeline that
// changes is held between two epochs, and all workers are locked while its lanes change.

#include <algorithm>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

EngineImpl::WorkerLocks EngineImpl::lock_workers(Lock& lock) {
  lock.unlock();
  WorkerLocks locks;
  for (auto& worker : workers_) locks.push_back(worker->lock());
  lock.lock();
  return locks;
}

Status EngineImpl::take_ddl_turn(Lock& lock, const CancelToken* cancel) {
  ++ddl_waiting_;  // readers that join give way
  Status status = await(lock, cancel, [&] { return !ddl_busy_; });
  --ddl_waiting_;
  if (status.is_ok()) ddl_busy_ = true;
  return status;
}

void EngineImpl::end_ddl_turn() {
  ddl_busy_ = false;
  changed_.notify_all();
  coordinator_notifier_.notify();
}

Pipeline* EngineImpl::new_pipeline() {
  auto pipeline = std::make_unique<Pipeline>();
  pipeline->id = PipelineId(next_pipeline_++);
  make_lanes(*pipeline);
  pipelines_.push_back(std::move(pipeline));
  return pipelines_.back().get();
}

// Makes the lanes anew, empty, at the open epoch. Needs the workers' locks.
void EngineImpl::make_lanes(Pipeline& pipeline) {
  for (size_t w = 0; w < pipeline.lanes.size(); ++w) {
    workers_[w]->drop_messages(pipeline.lanes[w].get());
    workers_[w]->remove_lane(pipeline.lanes[w].get());
  }
  pipeline.lanes.clear();
  std::vector<Lane*> peers;
  for (auto& worker : workers_) {
    pipeline.lanes.push_back(std::make_unique<Lane>(worker->index(), options_.workers, store_.get(),
                                                    &pipeline.signals, this, &settings_,
                                                    clock_.get(), &watermarks_));
    pipeline.lanes.back()->set_epoch(pipeline.open_epoch);
    peers.push_back(pipeline.lanes.back().get());
    worker->add_lane(peers.back());
  }
  for (auto& lane : pipeline.lanes) lane->set_peers(peers);
}

void EngineImpl::delete_pipeline(Pipeline* pipeline) {
  for (size_t w = 0; w < pipeline->lanes.size(); ++w) {
    workers_[w]->drop_messages(pipeline->lanes[w].get());
    workers_[w]->remove_lane(pipeline->lanes[w].get());
  }
  std::erase_if(pipelines_, [&](const auto& other) { return other.get() == pipeline; });
}

// Both are held. What `from` has goes behind what `into` has: objects never read later ones.
void EngineImpl::merge(Pipeline& into, Pipeline& from) {
  for (size_t w = 0; w < into.lanes.size(); ++w) into.lanes[w]->absorb(*from.lanes[w]);
  for_each_tracker(from, [&](WatermarkTracker& tracker, const SourceQueue*) {
    tracker.renumber(into.open_epoch);
  });
  for (RunningObject* object : from.objects) {
    object->pipeline = &into;
    into.objects.push_back(object);
  }
  into.last_ticket = std::max(into.last_ticket, from.last_ticket);
  into.committed_ticket = std::max(into.committed_ticket, from.committed_ticket);
  into.named_ticket = into.committed_ticket;
  into.gate_busy |= from.gate_busy;
  delete_pipeline(&from);
}

std::vector<Pipeline*> EngineImpl::pipelines_read_by(const Fragment& fragment) {
  std::vector<Pipeline*> pipelines;
  for (const CircuitNode& node : fragment.nodes) {
    const auto* input = std::get_if<ObjectInput>(&node.what);
    RunningObject* object = input != nullptr ? find_object(input->object) : nullptr;
    if (object == nullptr) continue;
    if (std::find(pipelines.begin(), pipelines.end(), object->pipeline) == pipelines.end()) {
      pipelines.push_back(object->pipeline);
    }
  }
  return pipelines;
}

Result<FragmentInputs> EngineImpl::make_inputs(const Fragment& fragment) {
  FragmentInputs inputs;
  inputs.sources.resize(fragment.nodes.size());
  inputs.uses.resize(fragment.nodes.size());
  inputs.tables.resize(fragment.nodes.size());
  inputs.trackers.resize(fragment.nodes.size());
  auto snapshot = store_->snapshot();
  for (uint32_t i = 0; i < fragment.nodes.size(); ++i) {
    if (const LeafWatermark* declared = watermark_of(fragment.nodes[i])) {
      const WatermarkId id{fragment.object, i};
      FOREBAY_ASSIGN_OR_RETURN(StoredWatermark stored, read_watermark(*snapshot, id));
      inputs.trackers[i] = std::make_shared<WatermarkTracker>(id, *declared, std::move(stored));
    }
    if (const auto* source = std::get_if<SourceInput>(&fragment.nodes[i].what)) {
      FOREBAY_ASSIGN_OR_RETURN(auto positions, read_positions(*snapshot, fragment.object, i));
      inputs.uses[i] = std::make_shared<SourceUse>();
      inputs.uses[i]->object = fragment.object;
      inputs.uses[i]->node = i;
      for (const auto& position : positions) inputs.uses[i]->stored.insert(position.id);
      inputs.sources[i] = std::make_shared<SourceQueue>(*source, std::move(positions));
    } else if (std::holds_alternative<TableInput>(fragment.nodes[i].what)) {
      inputs.tables[i] = std::make_shared<TableQueue>();
    }
  }
  return inputs;
}

// Puts an object into the (held) pipeline of what it reads, merged where there are several. Needs
// the workers' locks.
Pipeline* EngineImpl::join(const Fragment& fragment, const FragmentInputs& inputs,
                           bool starts_empty) {
  std::vector<Pipeline*> pipelines = pipelines_read_by(fragment);
  Pipeline* pipeline = pipelines.empty() ? new_pipeline() : pipelines.front();
  for (size_t i = 1; i < pipelines.size(); ++i) merge(*pipeline, *pipelines[i]);
  auto object = std::make_unique<RunningObject>();
  object->fragment = fragment;
  object->inputs = inputs;
  object->since_ns = clock_->steady_nanos();
  object->pipeline = pipeline;
  for (const TableQueueRef& table : inputs.tables) {
    if (table != nullptr) object->table = table;
  }
  for (auto& lane : pipeline->lanes) lane->add(fragment, inputs, starts_empty);
  pipeline->objects.push_back(object.get());
  mark_paused(*object);
  register_trackers(*object);
  objects_[fragment.object] = std::move(object);
  return pipeline;
}

void EngineImpl::start_sources(const RunningObject& object) {
  for (const SourceQueueRef& source : object.inputs.sources) {
    if (source == nullptr || source->is_paused()) continue;
    feed(source);
  }
}

void EngineImpl::feed(const SourceQueueRef& source) {
  pump_.add(source, [this] {
    wake_workers();
    coordinator_notifier_.notify();
    changed_.notify_all();
  });
}

// Ends the readers that no other object uses.
void EngineImpl::stop_sources(const RunningObject& object) {
  for (const SourceQueueRef& source : object.inputs.sources) {
    if (source == nullptr) continue;
    bool is_used = std::any_of(objects_.begin(), objects_.end(), [&](const auto& other) {
      const auto& sources = other.second->inputs.sources;
      return other.second.get() != &object &&
             std::find(sources.begin(), sources.end(), source) != sources.end();
    });
    if (!is_used) pump_.remove(source.get());
  }
}

Status EngineImpl::attach(Fragment fragment) {
  Lock lock(mutex_);
  FOREBAY_ASSIGN_OR_RETURN(FragmentInputs inputs, make_inputs(fragment));
  FOREBAY_ASSIGN_OR_RETURN(uint64_t late, read_late(*store_->snapshot(), fragment.object));
  WorkerLocks workers = lock_workers(lock);
  join(fragment, inputs, false);
  find_object(fragment.object)->late = late;
  return Status::ok();
}

// Brings the pipeline to a stand behind a committed epoch. A failed one stands, too: nothing of it
// is committed any more before its restart.
Status EngineImpl::hold(Lock& lock, Pipeline& pipeline, const CancelToken* cancel) {
  auto settled = [&] { return !pipeline.is_ending(); };
  pipeline.hold = true;
  FOREBAY_RETURN_IF_ERROR(await(lock, cancel, settled));
  if (pipeline.is_failed()) return Status::ok();
  pipeline.signals.released.store(pipeline.open_epoch);
  name_end(pipeline);
  return await(lock, nullptr, settled);
}

// Takes the gates and holds all; on an error none is held. A failed pipeline is an error
// unless it `may_be_broken`.
Status EngineImpl::hold_all(Lock& lock, const std::vector<Pipeline*>& pipelines, bool may_be_broken,
                            const CancelToken* cancel) {
  Status status;
  std::vector<Pipeline*> taken;
  for (Pipeline* pipeline : pipelines) {
    status = await(lock, cancel, [&] { return !pipeline->gate_busy; });
    if (!status.is_ok()) break;
    pipeline->gate_busy = true;
    taken.push_back(pipeline);
    status = hold(lock, *pipeline, cancel);
    if (status.is_ok() && !may_be_broken) status = pipeline->failure.clone();
    if (!status.is_ok()) break;
  }
  if (status.is_ok()) return status;
  for (Pipeline* pipeline : taken) {
    pipeline->gate_busy = false;
    release(*pipeline);
  }
  return status;
}

void EngineImpl::release(Pipeline& pipeline) {
  pipeline.hold = false;
  pipeline.filling = false;
  pipeline.signals.released.store(UINT64_MAX, std::memory_order_release);
  wake_workers();
  coordinator_notifier_.notify();
  changed_.notify_all();
}

Status EngineImpl::create(Fragment fragment, CatalogRecord record, const CancelToken* cancel) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, cancel));
  Result<FragmentInputs> inputs = make_inputs(fragment);
  Status status = inputs.take_status();
  if (status.is_ok()) {
    status = hold_all(lock, pipelines_read_by(fragment), false, cancel);
    if (status.is_ok()) {
      WorkerLocks workers = lock_workers(lock);
      Pipeline* pipeline = join(fragment, *inputs, true);
      share_equal_readers({find_object(fragment.object)});
      pipeline->hold = true;
      pipeline->gate_busy = true;
      workers.clear();
      status = fill(lock, *pipeline, fragment.object, std::move(record), cancel);
      pipeline->gate_busy = false;
      bool is_empty = pipeline->objects.empty();
      if (!is_empty) {
        release(*pipeline);
      } else {
        workers = lock_workers(lock);
        delete_pipeline(pipeline);
      }
    }
  }
  end_ddl_turn();
  return status;
}

// Runs one epoch in which only the new object works, and commits it with the object's record.
Status EngineImpl::fill(Lock& lock, Pipeline& pipeline, ObjectId object, CatalogRecord record,
                        const CancelToken* cancel) {
  pipeline.filling = true;
  pipeline.catalog.put.push_back(std::move(record));
  WorkerLocks workers = lock_workers(lock);
  for (auto& lane : pipeline.lanes) lane->start_fill(object, store_->snapshot());
  pipeline.signals.released.store(pipeline.open_epoch);
  name_end(pipeline);
  workers.clear();
  auto done = [&] { return !pipeline.is_ending(); };
  Status status = await(lock, cancel, done);
  if (!status.is_ok() && !give_up(lock, pipeline)) status = pipeline.failure.clone();
  if (status.is_ok()) status = pipeline.failure.clone();
  if (status.is_ok()) {
    start_sources(*find_object(object));
    return status;
  }
  workers = lock_workers(lock);
  abandon(pipeline, object);
  return status;
}

// Keeps the named epoch from being committed; false: it is with the committer, and its outcome is
// known on return. Decided in one go under the mutex, so that no commit can begin afterwards.
bool EngineImpl::give_up(Lock& lock, Pipeline& pipeline) {
  size_t queued = std::erase_if(
      commit_queue_, [&](const CommitRequest& request) { return request.pipeline == &pipeline; });
  if (queued == 0 && pipeline.committing) {
    changed_.wait(lock, [&] { return !pipeline.committing; });
    return false;
  }
  pipeline.committing = false;
  pipeline.given_up = true;
  return true;
}

// Takes back an object whose fill failed; the others of the pipeline have not moved meanwhile.
void EngineImpl::abandon(Pipeline& pipeline, ObjectId object) {
  pipeline.sealed.clear();
  pipeline.catalog = {};
  pipeline.open_epoch = pipeline.committed + 1;
  pipeline.signals.named_end.store(pipeline.committed);
  pipeline.signals.released.store(pipeline.committed);
  pipeline.failure = Status();
  pipeline.given_up = false;
  for (auto& lane : pipeline.lanes) {
    workers_[lane->worker()]->drop_messages(lane.get());
    lane->remove({object});
    lane->reset(pipeline.open_epoch);
  }
  forget({object});
  for_each_tracker(pipeline, [&](WatermarkTracker& tracker, const SourceQueue*) {
    tracker.renumber(pipeline.open_epoch);
  });
}

void EngineImpl::forget(const std::vector<ObjectId>& objects) {
  for (ObjectId id : objects) {
    RunningObject* object = find_object(id);
    if (object == nullptr) continue;
    stop_sources(*object);
    watermarks_.remove(id);
    std::erase(object->pipeline->objects, object);
    objects_.erase(id);
  }
}

Status EngineImpl::drop(std::vector<ObjectId> objects) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, nullptr));
  std::vector<Pipeline*> pipelines;
  CatalogChange change;
  change.remove = objects;
  for (ObjectId id : objects) {
    RunningObject* object = find_object(id);
    if (object == nullptr) continue;
    for (const state::DroppedTable& table : tables_of(object->fragment)) {
      change.dropped.push_back(table);
    }
    if (std::find(pipelines.begin(), pipelines.end(), object->pipeline) == pipelines.end()) {
      pipelines.push_back(object->pipeline);
    }
  }
  Status status = hold_all(lock, pipelines, true, nullptr);
  if (status.is_ok()) {
    status = commit_catalog(lock, std::move(change));
    WorkerLocks workers = lock_workers(lock);
    if (status.is_ok()) forget(objects);
    for (Pipeline* pipeline : pipelines) {
      pipeline->gate_busy = false;
      if (pipeline->objects.empty()) {
        delete_pipeline(pipeline);
        continue;
      }
      if (status.is_ok() && pipeline->is_failed()) {
        restart(*pipeline);  // its lanes stand in the middle of an epoch: made anew, without the
                             // objects
      } else if (status.is_ok()) {
        for (auto& lane : pipeline->lanes) lane->remove(objects);
      }
      release(*pipeline);
    }
  }
  end_ddl_turn();
  return status;
}

}  // namespace forebay::runtime
