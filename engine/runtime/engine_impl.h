#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "engine/runtime/error_table.h"
#include "engine/runtime/meta_records.h"
#include "engine/runtime/pipeline.h"
#include "engine/runtime/reader_join.h"
#include "engine/runtime/source_pump.h"
#include "engine/runtime/worker.h"

/// The engine behind engine.h, in parts: engine.cpp (opening, threads, catalog), ddl.cpp (create,
/// drop, hold), dml.cpp (the gate), coordinator.cpp (epochs), event_time.cpp (watermarks),
/// reader_join.cpp (views that come to share a reader), pause.cpp, committer.cpp, figures.cpp.
namespace forebay::runtime {

class EngineImpl final : public Engine, public LaneHost {
 public:
  EngineImpl(std::unique_ptr<state::Store> store, const EngineOptions& options);
  ~EngineImpl() override;
  Status open();

  // Engine
  ObjectId allocate_object() override;
  TableId allocate_table() override;
  Result<std::vector<CatalogRecord>> catalog_records() override;
  Status change_catalog(std::vector<CatalogRecord> put, std::vector<ObjectId> remove) override;
  Status attach(Fragment fragment) override;
  Status start() override;
  Status create(Fragment fragment, CatalogRecord record, const CancelToken* cancel) override;
  Status drop(std::vector<ObjectId> objects) override;
  Status set_paused(ObjectId id, bool paused, CatalogRecord record) override;
  void attach_paused(ObjectId id) override;
  Status refresh(ObjectId id, const CancelToken* cancel) override;
  Status rewrite(Rewrite rewrite, const CancelToken* cancel) override;
  Result<std::unique_ptr<Gate>> enter_gate(ObjectId table, const CancelToken* cancel) override;
  Result<std::unique_ptr<Gate>> enter_gates(const std::vector<ObjectId>& tables,
                                            const CancelToken* cancel) override;
  Status wait(ObjectId table, uint64_t ticket, const CancelToken* cancel) override;
  Status check(std::vector<AcceptedWrite>& writes) override;
  Status flush(std::vector<AcceptedWrite> writes, const CancelToken* cancel) override;
  uint64_t allocate_row_ids(uint64_t count) override;
  std::shared_ptr<const state::Snapshot> snapshot() const override { return store_->snapshot(); }
  Status wait_finished(const CancelToken* cancel) override;
  Figures figures() const override;
  Result<std::vector<StoredError>> errors() const override;
  RuntimeSettings& settings() override { return settings_; }
  const data::Clock& clock() const override { return *clock_; }
  uint16_t workers() const override { return options_.workers; }
  Status shut_down() override;
  bool run_one(uint64_t choice) override;

  // LaneHost
  void post(uint16_t to, LaneMessage message) override;
  void sealed(Lane& lane, uint64_t epoch, SealedLane sealed) override;
  void failed(Lane& lane, Status status) override;
  void input_taken(Lane& lane, bool first) override;

 private:
  class GateImpl;
  class DdlTurn;
  using Lock = std::unique_lock<std::mutex>;

  // Waiting. `ready` is evaluated under the mutex.
  template <typename Ready>
  Status await(Lock& lock, const CancelToken* cancel, Ready ready);

  // Pipelines (ddl.cpp).
  Pipeline* new_pipeline();
  void make_lanes(Pipeline& pipeline);
  void delete_pipeline(Pipeline* pipeline);
  void merge(Pipeline& into, Pipeline& from);
  Result<std::vector<Pipeline*>> pipelines_of(const std::vector<ObjectId>& tables);
  Status bring_together(Lock& lock, const std::vector<ObjectId>& tables, const CancelToken* cancel);
  Result<FragmentInputs> make_inputs(const Fragment& fragment);
  std::vector<Pipeline*> pipelines_read_by(const Fragment& fragment);
  Status hold(Lock& lock, Pipeline& pipeline, const CancelToken* cancel);
  Status hold_all(Lock& lock, const std::vector<Pipeline*>& pipelines, bool may_be_broken,
                  const CancelToken* cancel);
  void release(Pipeline& pipeline);
  Pipeline* join(const Fragment& fragment, const FragmentInputs& inputs, bool starts_empty);
  Status fill(Lock& lock, Pipeline& pipeline, ObjectId object, CatalogRecord record,
              const CancelToken* cancel);
  bool give_up(Lock& lock, Pipeline& pipeline);
  void abandon(Pipeline& pipeline, ObjectId object);
  void forget(const std::vector<ObjectId>& objects);
  /// Locks all workers, then the engine again: the order in which they must be taken.
  using WorkerLocks = std::vector<std::unique_lock<std::mutex>>;
  WorkerLocks lock_workers(Lock& lock);
  void start_sources(const RunningObject& object);
  void stop_sources(const RunningObject& object);
  Status commit_catalog(Lock& lock, CatalogChange change);
  Status take_ddl_turn(Lock& lock, const CancelToken* cancel);
  /// Wakes who waits for it, and the coordinator.
  void end_ddl_turn();

  // What does not read (pause.cpp).
  bool is_paused(const RunningObject& object, const SourceQueue& queue) const;
  void mark_paused(RunningObject& object);
  void apply_paused(RunningObject& object);
  std::vector<SourceQueueRef> sources_behind(ObjectId id) const;

  // Readers that join (reader_join.cpp).
  static std::map<ObjectId, std::vector<SharedUse>> readers_of(
      const std::vector<RunningObject*>& objects);
  void share_equal_readers(const std::vector<RunningObject*>& objects);
  void unite(const SharedUse& main, const SharedUse& other);
  bool run_joins(Lock& lock, int64_t& idle_ns);
  bool look_for_joins(int64_t now);
  static bool is_near(ReaderPair& pair, int64_t now);
  bool start_join(const SharedUse& a, const SharedUse& b, int64_t now);
  std::vector<Pipeline*> joining_pipelines() const;
  bool advance_join(Lock& lock, int64_t now, int64_t& idle_ns);
  void judge_join(Lock& lock, bool gives_up, bool has_failed, int64_t now);
  void close_epoch(Pipeline& pipeline);
  void catch_up(const connectors::Positions& target, int64_t now);
  void end_join(int64_t now, bool joined);
  void feed(const SourceQueueRef& source);

  // Epochs (coordinator.cpp).
  bool run_coordinator(int64_t& idle_ns);
  bool should_end(Pipeline& pipeline, int64_t now, int64_t& idle_ns);
  void name_end(Pipeline& pipeline);
  void find_length(Pipeline& pipeline);
  // Event time (event_time.cpp).
  /// Each leaf with a watermark, and what it reads.
  template <typename F>
  static void for_each_tracker(const Pipeline& pipeline, F&& visit);
  void register_trackers(const RunningObject& object);
  void name_watermarks(Pipeline& pipeline);
  /// Epoch time now: never before that of an epoch that was named.
  int64_t epoch_clock() const;
  bool is_time_due(const Pipeline& pipeline, int64_t& idle_ns) const;
  void append_watermarks(const Pipeline& pipeline, std::vector<WatermarkFigures>& figures) const;
  void write_watermarks(Pipeline& pipeline, uint64_t epoch, state::SealedRun& meta);
  void request_commit(Pipeline& pipeline);
  void write_positions(Pipeline& pipeline, uint64_t epoch, CommitRequest& request,
                       state::SealedRun& meta);
  void write_positions_of(const SourceQueue& source, const connectors::Positions& taken,
                          SourceUse& use, state::SealedRun& meta);
  void want(Pipeline& pipeline);
  void restart(Pipeline& pipeline);
  /// The pipeline stops at the epoch before `epoch` and restarts after a while.
  void fail(Pipeline& pipeline, Status status, uint64_t epoch);
  void refuse(Pipeline& pipeline, Status status);
  Status refused_by_policy(const Pipeline& pipeline) const;
  bool restart_due(Lock& lock, int64_t& idle_ns);
  void write_catalog_change(CatalogChange change, CommitRequest& request);

  // Commit (committer.cpp).
  bool run_committer();
  void finish_commit(CommitRequest& request, const Status& status, Epoch epoch,
                     int64_t duration_ns);
  /// A commit failed: nothing that was accepted is committed any more, and everybody learns it.
  void stop_commits(const Status& status, std::deque<CommitRequest>& requests);
  /// After a full disk: goes on from the last committed epoch when there is space again.
  bool resume_commits();

  // Threads (engine.cpp).
  void run_worker_thread(Worker& worker);
  void run_coordinator_thread();
  void run_committer_thread();
  void run_pump_thread();
  Pipeline* pipeline_of(const Lane& lane) const;
  /// What EMIT LATE INTO made is part of the object that made it.
  RunningObject* find_object(ObjectId id) const;
  bool is_decided(ObjectId table, uint64_t ticket);
  Status fate(ObjectId table, uint64_t ticket);
  void wake_workers();

  const EngineOptions options_;
  const std::shared_ptr<const data::Clock> clock_;
  std::unique_ptr<state::Store> store_;
  RuntimeSettings settings_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;                   // anything that await() may wait for
  IdCounters ids_;                                    // mutex_
  bool ids_changed_ = false;                          // mutex_
  std::vector<std::unique_ptr<Pipeline>> pipelines_;  // mutex_
  std::map<ObjectId, std::unique_ptr<RunningObject>> objects_;  // mutex_
  uint32_t next_pipeline_ = 1;                                  // mutex_
  uint64_t next_ticket_ = 1;                                    // mutex_
  ErrorTable errors_;                                           // mutex_
  WatermarkRegistry watermarks_;
  int64_t epoch_time_ = INT64_MIN;          // mutex_; of the epoch that was named last
  std::deque<CommitRequest> commit_queue_;  // mutex_
  Epoch next_epoch_{1};                     // mutex_
  Status store_failure_;                    // mutex_
  int64_t resume_at_ns_ = 0;                // mutex_
  int64_t resume_backoff_ms_ = 0;           // mutex_
  bool catalog_in_doubt_ = false;           // mutex_; the commit that failed changed the catalog
  bool started_ = false;                    // mutex_
  std::set<ObjectId> paused_;               // mutex_; sources and views

  bool ddl_busy_ = false;           // mutex_
  uint32_t ddl_waiting_ = 0;        // mutex_
  std::optional<ReaderJoin> join_;  // mutex_; has the DDL turn
  std::vector<ReaderPair> pairs_;   // mutex_
  int64_t next_look_ns_ = 0;        // mutex_
  bool joins_ended_ = false;        // mutex_
  std::vector<std::unique_ptr<Worker>> workers_;
  SourcePump pump_;
  Notifier coordinator_notifier_;
  Notifier committer_notifier_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> workers_stopping_{false};
  std::vector<std::thread> worker_threads_;
  std::vector<std::thread> service_threads_;
  std::mt19937_64 random_{1};  // run_one's choices while a call waits without threads
};

template <typename F>
void EngineImpl::for_each_tracker(const Pipeline& pipeline, F&& visit) {
  for (const RunningObject* object : pipeline.objects) {
    const FragmentInputs& inputs = object->inputs;
    for (size_t i = 0; i < inputs.trackers.size(); ++i) {
      if (inputs.trackers[i] != nullptr) visit(*inputs.trackers[i], inputs.sources[i].get());
    }
  }
}

template <typename Ready>
Status EngineImpl::await(Lock& lock, const CancelToken* cancel, Ready ready) {
  while (!ready()) {
    if (!store_failure_.is_ok()) return store_failure_.clone();
    if (stopping_) return Status(data::sqlstate::kAdminShutdown, "the server is shutting down");
    if (cancel != nullptr) FOREBAY_RETURN_IF_ERROR(cancel->check());
    if (options_.threads) {
      // Cancellation has no notification of its own: it is looked for now and then.
      changed_.wait_for(lock, std::chrono::milliseconds(cancel != nullptr ? 50 : 1000));
    } else {
      lock.unlock();
      run_one(random_());
      lock.lock();
    }
  }
  return Status::ok();
}

}  // namespace forebay::runtime
