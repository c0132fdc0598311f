// The engine's life: opening, threads, catalog records, shutting down.

#include "engine/runtime/engine.h"

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {
constexpr int64_t kIdleNanos = 100'000'000;
}

std::vector<state::DroppedTable> tables_of(const Fragment& fragment) {
  std::vector<state::DroppedTable> tables;
  for (const CircuitNode& node : fragment.nodes) {
    if (const auto* spec = std::get_if<operators::SpecRef>(&node.what)) {
      for (const state::DroppedTable& table : (*spec)->tables()) tables.push_back(table);
    }
  }
  return tables;
}

const LeafWatermark* watermark_of(const CircuitNode& node) {
  const std::optional<LeafWatermark>* declared = nullptr;
  if (const auto* source = std::get_if<SourceInput>(&node.what)) declared = &source->watermark;
  if (const auto* table = std::get_if<TableInput>(&node.what)) declared = &table->watermark;
  return declared != nullptr && *declared ? &**declared : nullptr;
}

Result<std::unique_ptr<Engine>> make_engine(std::unique_ptr<state::Store> store,
                                            const EngineOptions& options) {
  auto engine = std::make_unique<EngineImpl>(std::move(store), options);
  FOREBAY_RETURN_IF_ERROR(engine->open());
  return std::unique_ptr<Engine>(std::move(engine));
}

EngineImpl::EngineImpl(std::unique_ptr<state::Store> store, const EngineOptions& options)
    : options_(options),
      clock_(options.clock ? options.clock : std::make_shared<data::SystemClock>()),
      store_(std::move(store)),
      pump_(clock_.get()) {
  for (uint16_t worker = 0; worker < options_.workers; ++worker) {
    workers_.push_back(std::make_unique<Worker>(worker));
  }
}

EngineImpl::~EngineImpl() { (void)shut_down(); }

Status EngineImpl::open() {
  auto snapshot = store_->snapshot();
  FOREBAY_ASSIGN_OR_RETURN(ids_, read_ids(*snapshot));
  FOREBAY_RETURN_IF_ERROR(errors_.load(*snapshot));
  FOREBAY_ASSIGN_OR_RETURN(epoch_time_, read_epoch_time(*snapshot));
  next_epoch_ = store_->last_committed().next();
  return Status::ok();
}

ObjectId EngineImpl::allocate_object() {
  std::lock_guard lock(mutex_);
  ids_changed_ = true;
  return ObjectId(++ids_.object);
}

TableId EngineImpl::allocate_table() {
  std::lock_guard lock(mutex_);
  ids_changed_ = true;
  return TableId(++ids_.table);
}

uint64_t EngineImpl::allocate_row_ids(uint64_t count) {
  std::lock_guard lock(mutex_);
  uint64_t first = ids_.row + 1;
  ids_.row += count;
  ids_changed_ = true;
  return first;
}

Result<std::vector<CatalogRecord>> EngineImpl::catalog_records() {
  return read_catalog_records(*store_->snapshot());
}

Status EngineImpl::change_catalog(std::vector<CatalogRecord> put, std::vector<ObjectId> remove) {
  Lock lock(mutex_);
  FOREBAY_RETURN_IF_ERROR(take_ddl_turn(lock, nullptr));
  Status status = commit_catalog(lock, {std::move(put), std::move(remove), {}});
  ddl_busy_ = false;
  changed_.notify_all();
  return status;
}

Status EngineImpl::commit_catalog(Lock& lock, CatalogChange change) {
  CommitRequest request;
  request.outcome = std::make_shared<std::optional<Status>>();
  auto outcome = request.outcome;
  write_catalog_change(std::move(change), request);
  commit_queue_.push_back(std::move(request));
  committer_notifier_.notify();
  FOREBAY_RETURN_IF_ERROR(await(lock, nullptr, [&] { return outcome->has_value(); }));
  return std::move(**outcome);
}

Status EngineImpl::start() {
  {
    Lock lock(mutex_);
    WorkerLocks workers = lock_workers(lock);
    std::vector<RunningObject*> objects;
    for (auto& [id, object] : objects_) objects.push_back(object.get());
    share_equal_readers(objects);
    started_ = true;
    for (auto& pipeline : pipelines_) release(*pipeline);
    for (auto& [id, object] : objects_) start_sources(*object);
  }
  if (!options_.threads) return Status::ok();
  for (auto& worker : workers_) {
    worker_threads_.emplace_back([this, &worker] { run_worker_thread(*worker); });
  }
  service_threads_.emplace_back([this] { run_coordinator_thread(); });
  service_threads_.emplace_back([this] { run_committer_thread(); });
  service_threads_.emplace_back([this] { run_pump_thread(); });
  return Status::ok();
}

void EngineImpl::run_worker_thread(Worker& worker) {
  while (!workers_stopping_) {
    uint64_t ticket = worker.notifier().ticket();
    if (worker.run_once()) continue;
    worker.notifier().wait(ticket, kIdleNanos);
  }
}

void EngineImpl::run_coordinator_thread() {
  while (!workers_stopping_) {
    uint64_t ticket = coordinator_notifier_.ticket();
    int64_t idle_ns = kIdleNanos;
    if (run_coordinator(idle_ns)) continue;
    coordinator_notifier_.wait(ticket, idle_ns);
  }
}

void EngineImpl::run_committer_thread() {
  while (!workers_stopping_) {
    uint64_t ticket = committer_notifier_.ticket();
    if (run_committer()) continue;
    committer_notifier_.wait(ticket, kIdleNanos);
  }
}

void EngineImpl::run_pump_thread() {
  while (!workers_stopping_) {
    uint64_t ticket = pump_.notifier().ticket();
    if (pump_.run_once()) continue;
    pump_.notifier().wait(ticket, pump_.idle_nanos());
  }
}

bool EngineImpl::run_one(uint64_t choice) {
  size_t actors = workers_.size() + 3;
  for (size_t i = 0; i < actors; ++i) {
    size_t actor = (choice + i) % actors;
    bool progress = false;
    if (actor < workers_.size()) {
      progress = workers_[actor]->run_once();
    } else if (actor == workers_.size()) {
      int64_t idle_ns = 0;
      progress = run_coordinator(idle_ns);
    } else if (actor == workers_.size() + 1) {
      progress = run_committer();
    } else {
      progress = pump_.run_once();
    }
    if (progress) return true;
  }
  return false;
}

Status EngineImpl::shut_down() {
  if (stopping_) return Status::ok();
  Status flushed;
  {
    Lock lock(mutex_);
    if (!started_) {
      stopping_ = true;
      return Status::ok();
    }
  }
  if (options_.threads) {
    // Sources stop first, then what was read so far is committed.
    {
      std::lock_guard lock(mutex_);
      joins_ended_ = true;
      for (auto& [id, object] : objects_) {
        for (const SourceQueueRef& source : object->inputs.sources) {
          if (source != nullptr) pump_.remove(source.get());
        }
      }
    }
    flushed = flush({}, nullptr);
    Lock lock(mutex_);
    if (store_failure_.is_ok()) {
      // A row that ON ERROR FAIL refuses would be refused again; all the rest is committed.
      if (!flushed.is_ok() && flushed.error().fault == data::Fault::kUser) flushed = Status::ok();
      if (ids_changed_) (void)commit_catalog(lock, {});
    }
  }
  stopping_ = true;
  workers_stopping_ = true;
  changed_.notify_all();
  wake_workers();
  coordinator_notifier_.notify();
  committer_notifier_.notify();
  pump_.notifier().notify();
  for (std::thread& thread : worker_threads_) thread.join();
  for (std::thread& thread : service_threads_) thread.join();
  worker_threads_.clear();
  service_threads_.clear();
  return flushed;
}

void EngineImpl::wake_workers() {
  for (auto& worker : workers_) worker->wake();
}

void EngineImpl::post(uint16_t to, LaneMessage message) { workers_[to]->post(std::move(message)); }

Pipeline* EngineImpl::pipeline_of(const Lane& lane) const {
  for (const auto& pipeline : pipelines_) {
    if (pipeline->lanes[lane.worker()].get() == &lane) return pipeline.get();
  }
  return nullptr;
}

RunningObject* EngineImpl::find_object(ObjectId id) const {
  auto found = objects_.find(id);
  if (found != objects_.end()) return found->second.get();
  for (const auto& [maker, object] : objects_) {
    const auto& late = object->fragment.late;
    if (late && late->object == id) return object.get();
  }
  return nullptr;
}

}  // namespace forebay::runtime
