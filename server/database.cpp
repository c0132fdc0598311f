#include "server/database.h"

#include <algorithm>

#include "engine/data/datetime.h"
#include "server/settings.h"

namespace forebay::server {

namespace {

using data::Result;
using data::Status;

class EngineIds final : public sql::IdSource {
 public:
  explicit EngineIds(runtime::Engine& engine) : engine_(engine) {}
  data::ObjectId object() override { return engine_.allocate_object(); }
  data::TableId table() override { return engine_.allocate_table(); }

 private:
  runtime::Engine& engine_;
};

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const DatabaseOptions& options) {
  std::unique_ptr<Database> database(new Database(options));
  state::StoreOptions store_options;
  store_options.block_cache_bytes = std::max<uint64_t>(8 << 20, options.memory_bytes / 8);
  store_options.memtable_bytes =
      std::clamp<uint64_t>(options.memory_bytes / 32, 8 << 20, 128 << 20);
  store_options.most_open_files = options.store_files;
  FOREBAY_ASSIGN_OR_RETURN(auto store,
                           state::open_rocks_store(options.data_directory, store_options));
  database->store_ = store.get();
  runtime::EngineOptions engine_options;
  engine_options.workers = options.workers;
  FOREBAY_ASSIGN_OR_RETURN(database->engine_,
                           runtime::make_engine(std::move(store), engine_options));
  for (std::string_view name : {"hot_tier_bytes", "max_epoch_bytes"}) {
    database->set_server_setting(name, std::string(find_setting(name)->default_value));
  }
  for (const auto& [name, value] : options.settings) {
    const SettingDescriptor* setting = find_setting(name);
    if (setting == nullptr) {
      return Status(data::sqlstate::kUndefinedObject,
                    "unrecognized configuration parameter \"" + name + "\"");
    }
    FOREBAY_ASSIGN_OR_RETURN(std::string checked, setting->check(setting->name, value));
    database->set_server_setting(setting->name, checked);
  }
  add_system_tables(*database);
  add_pg_catalog(*database);
  FOREBAY_ASSIGN_OR_RETURN(auto records, database->engine_->catalog_records());
  sql::BindOptions bind_options;
  bind_options.force_bounded = options.force_bounded;
  FOREBAY_ASSIGN_OR_RETURN(sql::OpenedCatalog opened,
                           sql::open_catalog(records, database->catalog_.snapshot(), bind_options));
  for (const sql::CatalogObjectRef& object : opened.snapshot->objects()) {
    if (object->paused) database->engine_->attach_paused(object->id);
  }
  for (runtime::Fragment& fragment : opened.fragments) {
    FOREBAY_RETURN_IF_ERROR(database->engine_->attach(std::move(fragment)));
  }
  database->catalog_.publish(opened.snapshot);
  FOREBAY_RETURN_IF_ERROR(database->engine_->start());
  return database;
}

Database::~Database() {
  if (engine_ != nullptr) (void)engine_->shut_down();
}

Status Database::shut_down() { return engine_->shut_down(); }

std::string Database::default_setting(std::string_view name) const {
  {
    std::lock_guard lock(settings_mutex_);
    auto found = server_settings_.find(name);
    if (found != server_settings_.end()) return found->second;
  }
  const SettingDescriptor* setting = find_setting(name);
  return setting == nullptr ? std::string() : std::string(setting->default_value);
}

void Database::set_server_setting(std::string_view name, const std::string& value) {
  {
    std::lock_guard lock(settings_mutex_);
    server_settings_[std::string(name)] = value;
  }
  runtime::RuntimeSettings& running = engine_->settings();
  if (name == "checkpoint_interval") {
    running.checkpoint_interval_ms = parse_milliseconds(value).value();
  } else if (name == "batch_rows") {
    running.batch_rows = static_cast<uint32_t>(std::stoul(value));
  } else if (name == "max_epoch_rows") {
    running.max_dirty_entries = std::stoull(value);
  } else if (name == "hot_tier_bytes") {
    uint64_t bytes = std::stoull(value);
    running.hot_tier.set_bytes(bytes == 0 ? options_.memory_bytes / 2 : bytes);
  } else if (name == "max_epoch_bytes") {
    uint64_t bytes = std::stoull(value);
    running.max_epoch_bytes = bytes == 0 ? options_.memory_bytes : bytes;
  }
}

// DDL has its turn while one lives.
class Database::DdlTurn {
 public:
  DdlTurn(Database& database, std::string_view statement) : database_(database) {
    std::lock_guard lock(database_.ddl_mutex_);
    id_ = database_.next_ddl_job_++;
    const int64_t now = database_.engine_->clock().unix_nanos();
    database_.ddl_jobs_[id_] = {id_, std::string(statement), data::timestamp_from_unix_nanos(now),
                                true};
  }
  ~DdlTurn() {
    std::lock_guard lock(database_.ddl_mutex_);
    database_.ddl_jobs_.erase(id_);
    if (!has_it_) return;
    database_.ddl_runs_ = false;
    database_.ddl_ended_.notify_one();
  }
  DdlTurn(const DdlTurn&) = delete;
  DdlTurn& operator=(const DdlTurn&) = delete;

  Status wait(const runtime::CancelToken* cancel) {
    std::unique_lock lock(database_.ddl_mutex_);
    while (database_.ddl_runs_) {
      if (cancel != nullptr) FOREBAY_RETURN_IF_ERROR(cancel->check());
      // Cancellation has no notification of its own: it is looked for now and then.
      database_.ddl_ended_.wait_for(lock, std::chrono::milliseconds(50));
    }
    has_it_ = database_.ddl_runs_ = true;
    database_.ddl_jobs_[id_].waits = false;
    return Status::ok();
  }

 private:
  Database& database_;
  uint64_t id_ = 0;
  bool has_it_ = false;
};

std::vector<DdlJob> Database::ddl_jobs() const {
  std::lock_guard lock(ddl_mutex_);
  std::vector<DdlJob> jobs;
  for (const auto& [id, job] : ddl_jobs_) jobs.push_back(job);
  return jobs;
}

Result<sql::BoundStatement> Database::execute_ddl(const Bind& bind, std::string_view statement,
                                                  const runtime::CancelToken* cancel) {
  DdlTurn turn(*this, statement);
  FOREBAY_RETURN_IF_ERROR(turn.wait(cancel));
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement bound, bind(catalog_.snapshot()));
  if (const auto* to_create = std::get_if<sql::BoundCreate>(&bound.what)) {
    if (!to_create->exists_already) FOREBAY_RETURN_IF_ERROR(create(*to_create, cancel));
  } else if (const auto* to_drop = std::get_if<sql::BoundDrop>(&bound.what)) {
    if (!to_drop->objects.empty()) FOREBAY_RETURN_IF_ERROR(drop(*to_drop));
  } else if (const auto* to_alter = std::get_if<sql::BoundAlter>(&bound.what)) {
    if (!to_alter->objects.empty()) FOREBAY_RETURN_IF_ERROR(alter(*to_alter, cancel));
  }
  return bound;
}

Status no_longer_a_sink() {
  return Status(data::Error{.sqlstate = data::SqlState("40001"),
                            .message = "could not serialize access due to concurrent DDL",
                            .detail = "The table that INSERT names is another one meanwhile.",
                            .hint = "Run the statement again."});
}

Result<std::vector<sql::BoundStatement>> Database::create_all(const std::vector<Bind>& binds,
                                                              std::string_view statement,
                                                              const runtime::CancelToken* cancel) {
  DdlTurn turn(*this, statement);
  FOREBAY_RETURN_IF_ERROR(turn.wait(cancel));
  const sql::SnapshotRef before = catalog_.snapshot();
  std::vector<sql::BoundStatement> all;
  Status status;
  for (size_t i = 0; i < binds.size() && status.is_ok(); ++i) {
    auto bound = binds[i](catalog_.snapshot());
    if (!bound.is_ok()) {
      status = bound.take_status();
    } else if (const auto* one = std::get_if<sql::BoundCreate>(&bound->what)) {
      status = create(*one, cancel);
    } else {
      status = no_longer_a_sink();
    }
    if (status.is_ok()) all.push_back(std::move(*bound));
  }
  if (status.is_ok()) return all;
  sql::BoundDrop made;
  for (const sql::CatalogObjectRef& sink : catalog_.snapshot()->sinks()) {
    if (before->find(sink->id) == nullptr) made.objects.push_back(sink);
  }
  if (!made.objects.empty()) FOREBAY_RETURN_IF_ERROR(drop(made));
  return status;
}

Status Database::create(const sql::BoundCreate& create, const runtime::CancelToken* cancel) {
  EngineIds ids(*engine_);
  FOREBAY_ASSIGN_OR_RETURN(sql::NewObject object, sql::build_object(create, ids));
  if (object.fragment) {
    FOREBAY_RETURN_IF_ERROR(
        engine_->create(std::move(*object.fragment), std::move(object.record), cancel));
  } else {
    std::vector<runtime::CatalogRecord> records;
    records.push_back(std::move(object.record));
    FOREBAY_RETURN_IF_ERROR(engine_->change_catalog(std::move(records), {}));
  }
  sql::SnapshotRef with = catalog_.snapshot()->with(object.object);
  if (object.late != nullptr) with = with->with(object.late);
  catalog_.publish(std::move(with));
  return Status::ok();
}

namespace {

// The same object, its shapes numbered: who has a number below knows them.
sql::CatalogObjectRef numbered(const sql::CatalogObjectRef& object, runtime::Engine& engine) {
  if (object->shapes.empty() || object->shapes.back().until != 0) return object;
  auto copy = std::make_shared<sql::catalog::CatalogObject>(*object);
  copy->shapes.back().until = engine.allocate_object().value;
  return copy;
}

}  // namespace

Status Database::alter(const sql::BoundAlter& alter, const runtime::CancelToken* cancel) {
  if (alter.added != nullptr) return add_column(alter, cancel);
  for (const sql::CatalogObjectRef& object : alter.objects) {
    if (object->maker.value == 0) continue;
    return Status(data::sqlstate::kFeatureNotSupported,
                  "ALTER of what EMIT LATE INTO made, or COMMENT on it, is not supported")
        .with_hint("DROP the view that made it, and create both anew.");
  }
  // Names and texts alone change: what runs goes on.
  std::vector<runtime::CatalogRecord> records;
  sql::SnapshotRef changed = catalog_.snapshot();
  for (const sql::CatalogObjectRef& given : alter.objects) {
    const sql::CatalogObjectRef object = numbered(given, *engine_);
    records.push_back(sql::record_of(*object));
    changed = changed->without({object->id})->with(object);
  }
  if (alter.paused) {
    FOREBAY_RETURN_IF_ERROR(
        engine_->set_paused(records[0].id, *alter.paused, std::move(records[0])));
  } else {
    FOREBAY_RETURN_IF_ERROR(engine_->change_catalog(std::move(records), {}));
  }
  catalog_.publish(std::move(changed));
  return Status::ok();
}

Status Database::add_column(const sql::BoundAlter& alter, const runtime::CancelToken* cancel) {
  EngineIds ids(*engine_);
  expr::EvalContext context;
  context.now = data::timestamp_from_unix_nanos(engine_->clock().unix_nanos());
  FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(alter.added, context));
  sql::BoundAlter own = alter;
  own.objects[0] = numbered(own.objects[0], *engine_);
  FOREBAY_ASSIGN_OR_RETURN(sql::AlteredTable altered,
                           sql::build_altered(own, value, catalog_.snapshot(), ids,
                                              engine_->settings().max_epoch_bytes.load()));
  auto mark = [&](std::optional<data::ObjectId> object) {
    std::lock_guard lock(alter_mutex_);
    altering_ = object;
    altered_.notify_all();
  };
  // Everything else waits from here on: the gates are taken, nobody who holds one waits for this.
  auto fill = std::move(altered.rewrite.fill);
  altered.rewrite.fill = [&](const state::Snapshot& rows, state::SealedRun& run) {
    has_altered_ = true;
    mark(own.objects[0]->id);
    return fill(rows, run);
  };
  altered.rewrite.publish = [&] { catalog_.publish(altered.snapshot); };
  Status status = engine_->rewrite(std::move(altered.rewrite), cancel);
  mark(std::nullopt);
  return status;
}

namespace {

Status another_form(const std::string& name) {
  return Status(data::Error{.sqlstate = data::SqlState("40001"),
                            .message = "could not serialize access due to concurrent ALTER TABLE",
                            .detail = "Table \"" + name + "\" has got another form meanwhile.",
                            .hint = "Run the statement again."});
}

}  // namespace

Status Database::check_form(std::span<const data::ObjectId> objects,
                            const sql::SnapshotRef& planned) const {
  if (!has_altered_) return Status::ok();
  {
    std::unique_lock lock(alter_mutex_);
    altered_.wait(lock, [&] {
      return !altering_ || std::find(objects.begin(), objects.end(), *altering_) == objects.end();
    });
  }
  const sql::SnapshotRef now = catalog_.snapshot();
  for (data::ObjectId id : objects) {
    const sql::CatalogObjectRef before = planned->find(id), after = now->find(id);
    if (before == nullptr || after == nullptr || before->tables == after->tables) continue;
    return another_form(after->name);
  }
  return Status::ok();
}

Status Database::check_form(const sql::catalog::CatalogObject& table) const {
  if (!has_altered_) return Status::ok();
  const sql::CatalogObjectRef now = catalog_.snapshot()->find(table.id);
  if (now == nullptr || now->tables == table.tables) return Status::ok();
  return another_form(now->name);
}

Status Database::drop(const sql::BoundDrop& drop) {
  std::vector<data::ObjectId> ids;
  // What EMIT LATE INTO made goes with its maker.
  std::vector<data::ObjectId> running;
  for (const sql::CatalogObjectRef& object : drop.objects) {
    ids.push_back(object->id);
    if (object->maker.value == 0) running.push_back(object->id);
  }
  // Names go first: nobody binds against what is about to vanish.
  sql::SnapshotRef before = catalog_.snapshot();
  catalog_.publish(before->without(ids));
  Status status = engine_->drop(running);
  if (!status.is_ok()) catalog_.publish(before);
  return status;
}

}  // namespace forebay::server
