// The gate: DML of a pipeline passes one statement at a time.

#include <fmt/format.h>

#include <algorithm>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {

Status no_such_table() {
  return Status(data::sqlstate::kUndefinedTable, "the table was dropped meanwhile");
}

}  // namespace

class EngineImpl::GateImpl final : public Engine::Gate {
 public:
  GateImpl(EngineImpl* engine, RunningObject* object) : engine_(engine), object_(object) {}
  ~GateImpl() override {
    std::lock_guard lock(engine_->mutex_);
    object_->pipeline->gate_busy = false;
    engine_->changed_.notify_all();
    if (object_->pipeline->is_failed()) engine_->coordinator_notifier_.notify();  // may restart now
  }

  Status settle(const CancelToken* cancel) override {
    Lock lock(engine_->mutex_);
    Pipeline& pipeline = *object_->pipeline;
    if (pipeline.committed_ticket >= pipeline.last_ticket) return Status::ok();
    engine_->want(pipeline);
    FOREBAY_RETURN_IF_ERROR(engine_->await(lock, cancel, [&] {
      return pipeline.committed_ticket >= pipeline.last_ticket || pipeline.is_failed();
    }));
    return pipeline.failure.clone();
  }

  std::optional<bool> pending_key(std::string_view key) const override {
    std::lock_guard lock(engine_->mutex_);
    auto found = object_->pending_keys.find(std::string(key));
    if (found == object_->pending_keys.end()) return std::nullopt;
    return found->second.exists;
  }

  Result<uint64_t> write(ChangeBatch change,
                         std::vector<std::pair<std::string, bool>> keys) override {
    std::vector<TableChange> changes(1);
    changes[0] = {object_->fragment.object, std::move(change), std::move(keys)};
    return write_all(std::move(changes));
  }

  Result<uint64_t> write_all(std::vector<TableChange> changes) override {
    std::lock_guard lock(engine_->mutex_);
    Pipeline& pipeline = *object_->pipeline;
    if (pipeline.is_failed()) return pipeline.failure.clone();
    uint64_t ticket = engine_->next_ticket_++;
    for (TableChange& change : changes) {
      RunningObject* object = engine_->find_object(change.table);
      if (object == nullptr || object->pipeline != &pipeline) return no_such_table();
    }
    for (TableChange& change : changes) {
      RunningObject& object = *engine_->find_object(change.table);
      put_slices(object, std::move(change.change), pipeline.open_epoch);
      object.open_tickets.insert(ticket);
      for (auto& [key, exists] : change.keys) {
        object.pending_order.emplace_back(ticket, key);
        object.pending_keys[std::move(key)] = {exists, ticket};
      }
    }
    pipeline.last_ticket = ticket;
    pipeline.signals.changed.store(true);
    engine_->workers_[ticket % engine_->workers_.size()]->wake();
    engine_->coordinator_notifier_.notify();
    return ticket;
  }

 private:
  // Operators expect batches of about batch_rows; the slices share the statement's columns.
  void put_slices(RunningObject& object, ChangeBatch change, uint64_t epoch) {
    uint32_t slice_rows = engine_->settings_.batch_rows.load();
    if (change.rows() <= slice_rows) {
      object.table->put(epoch, std::move(change));
      return;
    }
    for (uint32_t begin = 0; begin < change.rows(); begin += slice_rows) {
      data::Selection rows;
      uint32_t end = std::min(change.rows(), begin + slice_rows);
      for (uint32_t i = begin; i < end; ++i) rows.push_back(change.physical(i));
      ChangeBatch slice = change.share();
      slice.set_selection(std::move(rows));
      object.table->put(epoch, std::move(slice));
    }
  }

  EngineImpl* const engine_;
  RunningObject* const object_;
};

Result<std::unique_ptr<Engine::Gate>> EngineImpl::enter_gate(ObjectId table,
                                                             const CancelToken* cancel) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(await(lock, cancel, [&] {
    RunningObject* object = find_object(table);
    if (object == nullptr) return true;
    const Pipeline& pipeline = *object->pipeline;
    // What is about to restart is worth waiting for.
    const bool restarts = pipeline.is_failed() && store_failure_.is_ok() &&
                          pipeline.restart_at_ns <= clock_->steady_nanos();
    return !pipeline.gate_busy && !restarts;
  }));
  RunningObject* object = find_object(table);
  if (object == nullptr || object->table == nullptr) return no_such_table();
  if (object->pipeline->is_failed()) return object->pipeline->failure.clone();
  object->pipeline->gate_busy = true;
  return std::unique_ptr<Gate>(std::make_unique<GateImpl>(this, object));
}

Result<std::vector<Pipeline*>> EngineImpl::pipelines_of(const std::vector<ObjectId>& tables) {
  std::vector<Pipeline*> pipelines;
  for (ObjectId table : tables) {
    RunningObject* object = find_object(table);
    if (object == nullptr || object->table == nullptr) return no_such_table();
    if (std::find(pipelines.begin(), pipelines.end(), object->pipeline) == pipelines.end()) {
      pipelines.push_back(object->pipeline);
    }
  }
  return pipelines;
}

// Merges the pipelines of the tables, held behind committed epochs.
Status EngineImpl::bring_together(Lock& lock, const std::vector<ObjectId>& tables,
                                  const CancelToken* cancel) {
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, cancel));
  Result<std::vector<Pipeline*>> pipelines = pipelines_of(tables);
  Status status = pipelines.take_status();
  if (status.is_ok() && pipelines->size() > 1) {
    status = hold_all(lock, *pipelines, false, cancel);
    if (status.is_ok()) {
      WorkerLocks workers = lock_workers(lock);
      Pipeline& into = *pipelines->front();
      for (size_t i = 1; i < pipelines->size(); ++i) merge(into, *(*pipelines)[i]);
      into.gate_busy = false;
      release(into);
    }
  }
  end_ddl_turn();
  return status;
}

Result<std::unique_ptr<Engine::Gate>> EngineImpl::enter_gates(const std::vector<ObjectId>& tables,
                                                              const CancelToken* cancel) {
  while (true) {
    {
      Lock lock(mutex_);
      FOREBAY_ASSIGN_OR_RETURN(std::vector<Pipeline*> pipelines, pipelines_of(tables));
      if (pipelines.size() > 1) FOREBAY_RETURN_IF_ERROR(bring_together(lock, tables, cancel));
    }
    FOREBAY_ASSIGN_OR_RETURN(std::unique_ptr<Gate> gate, enter_gate(tables.front(), cancel));
    Lock lock(mutex_);
    FOREBAY_ASSIGN_OR_RETURN(std::vector<Pipeline*> pipelines, pipelines_of(tables));
    if (pipelines.size() == 1) return gate;
    lock.unlock();  // a restart has parted them again
  }
}

const RunningObject::Loss* RunningObject::loss_of(uint64_t ticket) const {
  for (const Loss& loss : losses) {
    if (loss.first <= ticket && ticket <= loss.last) return &loss;
  }
  return nullptr;
}

// Committed or lost.
bool EngineImpl::is_decided(ObjectId table, uint64_t ticket) {
  RunningObject* object = find_object(table);
  if (object == nullptr || object->pipeline->committed_ticket >= ticket) return true;
  const Pipeline& pipeline = *object->pipeline;
  // A failure of the next epoch says nothing about the one that is about to be committed.
  return pipeline.is_failed() && !(pipeline.is_ending() && ticket <= pipeline.named_ticket);
}

Status EngineImpl::fate(ObjectId table, uint64_t ticket) {
  RunningObject* object = find_object(table);
  if (object == nullptr) return Status::ok();  // committed, then dropped
  Pipeline& pipeline = *object->pipeline;
  if (pipeline.is_failed() && pipeline.committed_ticket < ticket) return pipeline.failure.clone();
  if (const RunningObject::Loss* loss = object->loss_of(ticket)) {
    const Status& why = *loss->why;
    if (!why.is_ok() && why.error().fault != data::Fault::kInternal) return why.clone();
    return Status::internal("the statement was lost when its pipeline failed and restarted");
  }
  return Status::ok();
}

Status EngineImpl::wait(ObjectId table, uint64_t ticket, const CancelToken* cancel) {
  Lock lock(mutex_);
  if (RunningObject* object = find_object(table)) {
    if (object->pipeline->committed_ticket < ticket) want(*object->pipeline);
  }
  FOREBAY_RETURN_IF_ERROR(await(lock, cancel, [&] { return is_decided(table, ticket); }));
  return fate(table, ticket);
}

Status EngineImpl::check(std::vector<AcceptedWrite>& writes) {
  Lock lock(mutex_);
  Status status;
  std::erase_if(writes, [&](const AcceptedWrite& write) {
    if (!is_decided(write.table, write.ticket)) return false;
    if (status.is_ok()) status = fate(write.table, write.ticket);
    return true;
  });
  return status;
}

Status EngineImpl::flush(std::vector<AcceptedWrite> writes, const CancelToken* cancel) {
  struct Target {
    PipelineId pipeline;
    uint64_t restarts;
    uint64_t epoch;
  };
  Lock lock(mutex_);
  // Of the tickets of one table in one pipeline the last one is decided last.
  for (const auto& [id, object] : objects_) {
    if (object->open_tickets.empty()) continue;
    writes.push_back({object->fragment.object, *object->open_tickets.rbegin()});
  }
  std::vector<Target> targets;
  for (auto& pipeline : pipelines_) {
    // What was accepted before a fill is committed already.
    if (pipeline->is_failed() || pipeline->filling) continue;
    if (pipeline->signals.changed.load()) {
      targets.push_back({pipeline->id, pipeline->restarts, pipeline->open_epoch});
      want(*pipeline);
    } else if (pipeline->in_flight()) {
      targets.push_back({pipeline->id, pipeline->restarts, pipeline->open_epoch - 1});
    }
  }
  FOREBAY_RETURN_IF_ERROR(await(lock, cancel, [&] {
    for (const Target& target : targets) {
      for (const auto& pipeline : pipelines_) {
        if (pipeline->id == target.pipeline && pipeline->restarts == target.restarts &&
            !pipeline->is_failed() && pipeline->committed < target.epoch) {
          return false;
        }
      }
    }
    return std::all_of(writes.begin(), writes.end(), [&](const AcceptedWrite& write) {
      return is_decided(write.table, write.ticket);
    });
  }));
  for (const AcceptedWrite& write : writes) {
    FOREBAY_RETURN_IF_ERROR(fate(write.table, write.ticket));
  }
  return Status::ok();
}

Status EngineImpl::wait_finished(const CancelToken* cancel) {
  Lock lock(mutex_);
  Status failure;
  FOREBAY_RETURN_IF_ERROR(await(lock, cancel, [&] {
    for (const auto& [id, object] : objects_) {
      for (const SourceQueueRef& source : object->inputs.sources) {
        if (source == nullptr || !source->input().connector->is_bounded()) continue;
        SourceQueue::Show show = source->show();
        if (show.status == "failed") {
          failure = Status::environment(
              data::sqlstate::kIoError,
              fmt::format("source \"{}\" failed: {}", source->input().source_name, show.reason));
          return true;
        }
        if (!show.finished && show.status != "paused") return false;
      }
    }
    for (const auto& pipeline : pipelines_) {
      if (pipeline->is_failed()) {
        failure = pipeline->failure.clone();
        return true;
      }
      int64_t idle_ns = 0;
      const bool has_more = pipeline->in_flight() || pipeline->signals.changed.load();
      if (has_more || (is_time_due(*pipeline, idle_ns) && !pipeline->is_failed())) {
        pipeline->wanted = true;
        coordinator_notifier_.notify();
        return false;
      }
    }
    return true;
  }));
  return failure;
}

}  // namespace forebay::runtime
