// The committer: every sealed epoch that waits goes into one atomic operation of the store. After a
// full disk it tries to go on.

#include <algorithm>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {
constexpr int64_t kFirstResumeMs = 100;
constexpr int64_t kLongestResumeMs = 1'000;
}  // namespace

bool EngineImpl::run_committer() {
  std::deque<CommitRequest> requests;
  std::vector<state::SealedRun> runs;
  Epoch epoch;
  {
    Lock lock(mutex_);
    if (!store_failure_.is_ok()) {
      lock.unlock();
      return resume_commits();
    }
    if (commit_queue_.empty()) return false;
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
  int64_t epoch_time = INT64_MIN;
  for (CommitRequest& request : requests) {
    epoch_time = std::max(epoch_time, request.epoch_time);
    for (state::SealedRun& run : request.runs) runs.push_back(std::move(run));
    for (const state::DroppedTable& table : request.dropped) dropped.push_back(table);
  }
  // With whatever depends on it.
  if (!runs.empty() && epoch_time != INT64_MIN) put_epoch_time(epoch_time, runs.emplace_back());
  int64_t begin = clock_->steady_nanos();
  Status status;
  // An epoch that changed nothing needs no number: nobody can tell it from the one before.
  bool writes = !runs.empty() || !dropped.empty();
  if (writes) status = store_->commit(epoch, std::move(runs), std::move(dropped));
  int64_t duration_ns = clock_->steady_nanos() - begin;
  std::lock_guard lock(mutex_);
  if (!status.is_ok()) {
    stop_commits(status, requests);
  } else {
    if (writes) next_epoch_ = epoch.next();
    for (CommitRequest& request : requests) {
      finish_commit(request, status, store_->last_committed(), duration_ns);
    }
  }
  changed_.notify_all();
  coordinator_notifier_.notify();
  return true;
}

void EngineImpl::stop_commits(const Status& status, std::deque<CommitRequest>& requests) {
  store_failure_ = status.clone();
  catalog_in_doubt_ =
      std::any_of(requests.begin(), requests.end(),
                  [](const CommitRequest& request) { return request.changes_catalog; });
  for (std::deque<CommitRequest>* queue : {&requests, &commit_queue_}) {
    for (CommitRequest& request : *queue) finish_commit(request, status, {}, 0);
  }
  commit_queue_.clear();
  // Whoever waits is told that his statement failed: no epoch that is under way may come after all.
  for (auto& pipeline : pipelines_) {
    if (!pipeline->is_failed()) pipeline->failure = status.clone();
    pipeline->failed_epoch = 0;
  }
  resume_backoff_ms_ = kFirstResumeMs;
  resume_at_ns_ = clock_->steady_nanos() + resume_backoff_ms_ * 1'000'000;
}

bool EngineImpl::resume_commits() {
  {
    std::lock_guard lock(mutex_);
    if (store_failure_.error().sqlstate != data::sqlstate::kDiskFull) return false;
    if (clock_->steady_nanos() < resume_at_ns_) return false;
  }
  Status status = store_->resume();
  std::lock_guard lock(mutex_);
  if (status.is_ok()) status = errors_.load(*store_->snapshot());
  if (!status.is_ok()) {
    resume_backoff_ms_ = std::min(kLongestResumeMs, 2 * resume_backoff_ms_);
    resume_at_ns_ = clock_->steady_nanos() + resume_backoff_ms_ * 1'000'000;
    return false;
  }
  const Epoch last = store_->last_committed();
  if (last >= next_epoch_ && catalog_in_doubt_) {
    store_failure_ = Status::environment(
                         data::sqlstate::kIoError,
                         "a change of the catalog that was reported as failed has become durable")
                         .with_hint("Restart the server.");
    return true;
  }
  // What was handed over meanwhile was refused as well.
  std::deque<CommitRequest> late;
  late.swap(commit_queue_);
  for (CommitRequest& request : late) finish_commit(request, store_failure_, {}, 0);
  next_epoch_ = last.next();
  ids_changed_ = true;
  store_failure_ = Status();
  for (auto& pipeline : pipelines_) pipeline->restart_at_ns = clock_->steady_nanos();
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
  for_each_tracker(pipeline, [&](WatermarkTracker& tracker, const SourceQueue*) {
    tracker.committed(pipeline.committed);
  });
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
