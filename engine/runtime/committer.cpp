// The committer: every sealed epoch that waits goes into one atomic operation of the store.

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

bool EngineImpl::run_committer() {
  std::deque<CommitRequest> requests;
  std::vector<state::SealedRun> runs;
  Epoch epoch;
  {
    std::lock_guard lock(mutex_);
    if (commit_queue_.empty() || !store_failure_.is_ok()) return false;
    requests.swap(commit_queue_);
    epoch = next_epoch_;
    // Once for all requests: a store commit has at most one change per key.
    if (ids_changed_) {
      put_ids(ids_, runs.emplace_back());
      ids_changed_ = false;
    }
    for (CommitRequest& request : requests) {
      if (request.errors.empty()) continue;
      state::SealedRun run;
      errors_.apply(std::move(request.errors), request.errors_at, epoch, run);
      if (run.count() > 0) runs.push_back(std::move(run));
    }
  }
  std::vector<state::DroppedTable> dropped;
  for (CommitRequest& request : requests) {
    for (state::SealedRun& run : request.runs) runs.push_back(std::move(run));
    for (const state::DroppedTable& table : request.dropped) dropped.push_back(table);
  }
  int64_t begin = clock_->steady_nanos();
  Status status;
  // An epoch that changed nothing needs no number: nobody can tell it from the one before.
  bool writes = !runs.empty() || !dropped.empty();
  if (writes) status = store_->commit(epoch, std::move(runs), std::move(dropped));
  int64_t duration_ns = clock_->steady_nanos() - begin;
  std::lock_guard lock(mutex_);
  if (!status.is_ok()) {
    store_failure_ = status.clone();
  } else if (writes) {
    next_epoch_ = epoch.next();
  }
  for (CommitRequest& request : requests) {
    finish_commit(request, status, store_->last_committed(), duration_ns);
  }
  changed_.notify_all();
  coordinator_notifier_.notify();
  return true;
}

void EngineImpl::finish_commit(CommitRequest& request, const Status& status, Epoch epoch,
                               int64_t duration_ns) {
  if (request.outcome != nullptr) *request.outcome = status.clone();
  if (request.pipeline == nullptr) return;
  Pipeline& pipeline = *request.pipeline;
  pipeline.committing = false;
  if (!status.is_ok()) {
    pipeline.failure = status.clone();
    pipeline.failed_epoch = 0;
    return;
  }
  pipeline.committed = pipeline.open_epoch - 1;
  pipeline.committed_ticket = pipeline.named_ticket;
  pipeline.store_epoch = epoch;
  pipeline.last_commit_ns = duration_ns;
  pipeline.last_committed_at_ns = clock_->steady_nanos();
  pipeline.restart_backoff_ms = 0;
  for (auto& [source, positions] : request.positions) source->committed(positions);
  for (RunningObject* object : pipeline.objects) {
    auto& open = object->open_tickets;
    open.erase(open.begin(), open.upper_bound(pipeline.committed_ticket));
    auto& order = object->pending_order;
    while (!order.empty() && order.front().first <= pipeline.committed_ticket) {
      auto found = object->pending_keys.find(order.front().second);
      if (found != object->pending_keys.end() &&
          found->second.ticket <= pipeline.committed_ticket) {
        object->pending_keys.erase(found);
      }
      order.pop_front();
    }
  }
}

}  // namespace forebay::runtime
