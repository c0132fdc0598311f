#include <fmt/format.h>
#include <rocksdb/cache.h>

#include <filesystem>

#include "state/failpoint.h"
#include "state/rocks_log.h"
#include "state/rocks_store.h"

/// Opening: lock, recovery, the format record, leftovers of a crash.
namespace forebay::state {

namespace {

namespace fs = std::filesystem;

/// A cache below this is cut into few parts: a part must hold more than a few blocks.
constexpr uint64_t kSmallCache = uint64_t{128} << 20;

Status corrupt(const std::string& directory, std::string_view what) {
  return Status(data::sqlstate::kDataCorrupted,
                fmt::format("data directory \"{}\" is damaged: {}", directory, what))
      .with_hint("Restore it from a backup, or start with an empty directory.");
}

/// True when a store is there, false when there is nothing yet.
Result<bool> look_at(const std::string& directory) {
  std::error_code error;
  fs::create_directories(directory + "/ingest", error);
  if (error) {
    std::error_code ignored;
    const char* what = fs::is_directory(directory, ignored) ? "write to" : "create";
    return Status::environment(
        data::sqlstate::kIoError,
        fmt::format("could not {} data directory \"{}\": {}", what, directory, error.message()));
  }
  if (fs::exists(directory + "/CURRENT", error)) return true;
  // Files of a store without the file that names the valid ones: never start afresh over them.
  for (const auto& file : fs::directory_iterator(directory, error)) {
    if (file.path().extension() == ".sst" || file.path().extension() == ".log") {
      return corrupt(directory, "the file CURRENT is missing");
    }
  }
  return false;
}

Status open_files(Database& database, const StoreOptions& options, bool exists, bool settles) {
  const std::string& directory = database.directory;
  rocksdb::DBOptions db_options = database_options(options);
  database.env = make_strict_env(options.env);
  db_options.env = database.env.get();
  db_options.create_if_missing = !exists;
  db_options.avoid_flush_during_recovery = !settles;
  db_options.listeners.push_back(database.watch);
  db_options.info_log = std::make_shared<StoreLog>(directory);
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (int f = 0; f < kFamilyCount; ++f) {
    descriptors.emplace_back(kFamilyNames[f],
                             family_options(static_cast<Family>(f), options, database.cache));
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  rocksdb::Status status = rocksdb::DB::Open(db_options, directory, descriptors, &handles, &db);
  if (status.ok()) {
    database.db.reset(db);
    std::copy(handles.begin(), handles.end(), database.families);
    return {};
  }
  std::string text = status.ToString();
  if (status.IsIOError() && (text.find("lock hold") != std::string::npos ||
                             text.find("While lock file") != std::string::npos)) {
    return Status(data::sqlstate::kObjectInUse,
                  fmt::format("data directory \"{}\" is in use", directory))
        .with_detail("Another process holds its lock.");
  }
  if (status.IsInvalidArgument() && text.find("olumn famil") != std::string::npos) {
    return Status(data::sqlstate::kNotInPrerequisiteState,
                  fmt::format("data directory \"{}\" has an unknown format", directory))
        .with_detail(text)
        .with_hint("It was written by another version of Forebay; use that version.");
  }
  if (status.IsCorruption()) return corrupt(directory, text);
  return to_status(status, fmt::format("open data directory \"{}\"", directory));
}

/// Files of ingestions that a crash cut short; those that were ingested have links of their own.
void remove_leftovers(const std::string& directory) {
  std::error_code error;
  for (const auto& file : fs::directory_iterator(directory + "/ingest", error)) {
    std::error_code ignored;
    fs::remove(file.path(), ignored);
  }
}

Result<std::optional<std::string>> read_record(const Database& database, const std::string& key) {
  std::string value;
  rocksdb::Status status =
      database.db->Get(rocksdb::ReadOptions(), database.family(Family::kMeta), key, &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return to_status(status, "read the state");
  return std::optional<std::string>(std::move(value));
}

Status check_format(const Database& database, bool has_epochs) {
  FOREBAY_ASSIGN_OR_RETURN(auto record, read_record(database, format_record_key()));
  if (!record) {
    if (has_epochs) return corrupt(database.directory, "the format record is missing");
    if (hit_failpoint("open.before_format")) {
      return Status::environment(data::sqlstate::kIoError, "fail point open.before_format");
    }
    std::string value(1, static_cast<char>(kFormatVersion));
    rocksdb::WriteOptions options;
    options.sync = true;
    return to_status(
        database.db->Put(options, database.family(Family::kMeta), format_record_key(), value),
        "write the format record");
  }
  if (record->size() != 1) return corrupt(database.directory, "the format record is unreadable");
  auto version = static_cast<uint8_t>(record->front());
  if (version == kFormatVersion) return {};
  return Status(data::sqlstate::kNotInPrerequisiteState,
                fmt::format("data directory \"{}\" has format version {}, but this server reads "
                            "version {}",
                            database.directory, version, kFormatVersion))
      .with_hint("It was written by another version of Forebay; use that version.");
}

/// Every log says whose it is: a log of another directory, put in place of ours, would be replayed.
Status check_identity(Database& database) {
  FOREBAY_RETURN_IF_ERROR(
      to_status(database.db->GetDbIdentity(database.identity), "read the directory's identity"));
  const std::string prefix = identity_record_prefix();
  std::unique_ptr<rocksdb::Iterator> records(
      database.db->NewIterator(rocksdb::ReadOptions(), database.family(Family::kMeta)));
  for (records->Seek(prefix); records->Valid(); records->Next()) {
    if (!records->key().starts_with(prefix)) break;
    if (records->key().ToStringView().substr(prefix.size()) != database.identity) {
      return corrupt(database.directory, "a log comes from another directory");
    }
  }
  return to_status(records->status(), "read the state");
}

}  // namespace

Result<OpenedDatabase> open_database(const std::string& directory, const StoreOptions& options,
                                     bool settles) {
  FOREBAY_ASSIGN_OR_RETURN(bool exists, look_at(directory));
  auto database = std::make_shared<Database>();
  database->directory = directory;
  database->watch = std::make_shared<BackgroundWatch>();
  database->cache = rocksdb::NewLRUCache(options.block_cache_bytes,
                                         options.block_cache_bytes < kSmallCache ? 1 : 4);
  FOREBAY_RETURN_IF_ERROR(open_files(*database, options, exists, settles));
  // From here on the directory is ours: RocksDB holds its lock.
  (void)hit_failpoint("open.before_cleanup");
  remove_leftovers(directory);
  (void)hit_failpoint("open.after_cleanup");
  FOREBAY_ASSIGN_OR_RETURN(auto record, read_record(*database, epoch_record_key()));
  FOREBAY_RETURN_IF_ERROR(check_format(*database, record.has_value()));
  FOREBAY_RETURN_IF_ERROR(check_identity(*database));
  Epoch last;
  if (record) {
    if (record->size() != 8) return corrupt(directory, "the epoch record is unreadable");
    for (char byte : *record) last.value = last.value << 8 | static_cast<uint8_t>(byte);
  }
  return OpenedDatabase{std::move(database), last};
}

Result<std::unique_ptr<Store>> open_rocks_store(const std::string& directory,
                                                const StoreOptions& options) {
  FOREBAY_ASSIGN_OR_RETURN(OpenedDatabase opened, open_database(directory, options, false));
  return std::unique_ptr<Store>(
      std::make_unique<RocksStore>(std::move(opened.database), options, opened.last));
}

}  // namespace forebay::state
