#include "connectors/file/file_reader.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>
#include <cstring>

namespace forebay::connectors {

namespace {

constexpr int64_t kFollowWaitMs = 20;
constexpr int64_t kGlobIntervalNanos = 1'000'000'000;
/// With pacing chunks wait in memory, one per file.
constexpr size_t kPacedChunkBytes = size_t{256} << 10;

FileLimits limits_for(const FileConfig& config) {
  FileLimits limits = config.limits;
  if (config.rows_per_second || config.replay) {
    limits.chunk_bytes = std::min(limits.chunk_bytes, kPacedChunkBytes);
  }
  return limits;
}

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  glob_t matches;
  int outcome = ::glob(pattern.c_str(), GLOB_MARK, nullptr, &matches);
  std::vector<std::string> paths;
  if (outcome == 0) {
    for (size_t i = 0; i < matches.gl_pathc; ++i) {
      std::string path = matches.gl_pathv[i];
      if (!path.ends_with('/')) paths.push_back(std::move(path));  // no folders
    }
  }
  ::globfree(&matches);
  if (outcome != 0 && outcome != GLOB_NOMATCH) {
    return Status::environment(data::sqlstate::kIoError,
                               fmt::format("could not list files matching \"{}\"", pattern));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace

FileReader::FileReader(FileConfig config, const data::Schema& schema,
                       std::shared_ptr<const Format> format, const data::Clock& clock)
    : config_(std::move(config)),
      format_(std::move(format)),
      clock_(clock),
      limits_(limits_for(config_)),
      pool_(std::make_shared<BufferPool>(limits_.chunk_bytes)) {
  if (config_.rows_per_second) rate_.emplace(*config_.rows_per_second, clock);
  if (config_.replay) replay_.emplace(*config_.replay, schema, *format_, clock);
}

FileReader::Entry& FileReader::add_file(PartitionId id, std::string path) {
  by_path_.emplace(path, entries_.size());
  next_id_ = std::max(next_id_, id.value + 1);
  Entry entry;
  entry.file = std::make_unique<TrackedFile>(id, std::move(path), *format_, limits_);
  entries_.push_back(std::move(entry));
  return entries_.back();
}

Status FileReader::restore(const Positions& positions) {
  Positions ordered = positions;
  std::sort(ordered.begin(), ordered.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  for (const PartitionPosition& position : ordered) {
    FOREBAY_RETURN_IF_ERROR(add_file(position.id, position.name).file->restore(position));
  }
  return Status::ok();
}

Status FileReader::open_until(const Positions& positions, const Positions& until) {
  config_.bounded = true;
  rate_.reset();
  replay_.reset();
  FOREBAY_RETURN_IF_ERROR(restore(positions));
  for (const PartitionPosition& end : until) {
    if (by_path_.count(end.name) == 0) add_file(PartitionId(next_id_), end.name);
  }
  FOREBAY_RETURN_IF_ERROR(refresh_all());
  for (Entry& entry : entries_) entry.file->set_end(entry.file->next());
  for (const PartitionPosition& end : until) {
    entries_[by_path_[end.name]].file->set_end(end.next.value);
  }
  return Status::ok();
}

Status FileReader::open(const Positions& positions) {
  FOREBAY_RETURN_IF_ERROR(restore(positions));
  FOREBAY_RETURN_IF_ERROR(find_files());
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.file->path() < b.file->path(); });
  for (size_t i = 0; i < entries_.size(); ++i) by_path_[entries_[i].file->path()] = i;
  FOREBAY_RETURN_IF_ERROR(refresh_all());
  if (!config_.bounded) return Status::ok();
  bool any = false;
  for (Entry& entry : entries_) {
    entry.file->set_end(entry.exists ? entry.file->known_size() : entry.file->next());
    any |= entry.exists;
  }
  if (any || (config_.is_glob && !positions.empty())) return Status::ok();
  return Status(data::sqlstate::kUndefinedFile, no_file())
      .with_hint("Paths are taken from the folder in which the server was started.");
}

std::string FileReader::no_file() const {
  return config_.is_glob ? fmt::format("no file matches \"{}\"", config_.path)
                         : fmt::format("file \"{}\" does not exist", config_.path);
}

std::string FileReader::waiting_reason() const {
  const bool any = std::any_of(entries_.begin(), entries_.end(),
                               [](const Entry& entry) { return entry.exists; });
  return any ? std::string() : no_file();
}

Status FileReader::find_files() {
  last_glob_nanos_ = clock_.steady_nanos();
  std::vector<std::string> paths = {config_.path};
  if (config_.is_glob) {
    FOREBAY_ASSIGN_OR_RETURN(paths, expand_glob(config_.path));
  }
  for (std::string& path : paths) {
    if (by_path_.count(path) == 0) add_file(PartitionId(next_id_), std::move(path));
  }
  return Status::ok();
}

Status FileReader::refresh_all() {
  for (Entry& entry : entries_) {
    FOREBAY_RETURN_IF_ERROR(entry.file->refresh(entry.exists));
  }
  return Status::ok();
}

/// True when the entry holds a chunk with something in it.
Result<bool> FileReader::load(Entry& entry) {
  if (!entry.chunk.is_empty()) return true;
  if (!entry.file->may_have_more()) {
    entry.file->close();  // at most one file is kept open for long
    return false;
  }
  FOREBAY_ASSIGN_OR_RETURN(bool loaded, entry.file->read(*pool_, entry.chunk));
  if (loaded && replay_) replay_->add_chunk(*entry.file, entry.chunk);
  if (!loaded) entry.file->close();
  return loaded;
}

size_t FileReader::allowed_bytes(const Entry& entry, int64_t& wait_ms) {
  const FileChunk& chunk = entry.chunk;
  size_t size = chunk.size - chunk.consumed;
  if (replay_) {
    size_t due = replay_->allowed(*entry.file, chunk, wait_ms);
    if (due == 0) return 0;
    size = std::min(size, due);
  }
  if (!rate_) return chunk.oversized ? chunk.size : size;
  int64_t rate_wait_ms = 0;
  uint64_t rows = rate_->allowed(rate_wait_ms);
  if (rows == 0) {
    wait_ms = std::min(wait_ms, rate_wait_ms);
    return 0;
  }
  if (chunk.oversized) {
    rate_->spend(1);
    return chunk.size;
  }
  uint64_t count = 0;
  size_t first = format_->first_records({chunk.buffer.get() + chunk.consumed, size}, rows, count);
  if (count < rows && first < size) {  // the end of the file ends the last record
    first = size;
    ++count;
  }
  rate_->spend(count);
  return first;
}

void FileReader::give(Entry& entry, size_t size, RawBatch& batch) {
  TrackedFile& file = *entry.file;
  FileChunk& chunk = entry.chunk;
  batch = RawBatch();
  batch.partition = file.id();
  batch.partition_name = file.path();
  batch.from = Offset(file.next());
  batch.buffer = chunk.buffer;
  batch.bytes = chunk.buffer.get() + chunk.consumed;
  batch.size = size;
  batch.header = file.header();
  batch.oversized = chunk.oversized;
  batch.state_after = file.advance(chunk, chunk.consumed, size);
  batch.to = Offset(file.next());
  chunk.consumed += size;
  if (chunk.is_empty()) chunk = FileChunk();
}

/// Gives from the first file that has something to give, from cursor_ on.
Result<bool> FileReader::poll_in_turn(RawBatch& batch, int64_t& wait_ms) {
  if (replay_) {
    for (Entry& entry : entries_) {
      FOREBAY_ASSIGN_OR_RETURN([[maybe_unused]] bool loaded, load(entry));
    }
    replay_->start();
  }
  for (size_t tried = 0; tried < entries_.size(); ++tried) {
    Entry& entry = entries_[cursor_];
    FOREBAY_ASSIGN_OR_RETURN(bool loaded, load(entry));
    if (loaded) {
      size_t size = allowed_bytes(entry, wait_ms);
      if (size > 0) {
        give(entry, size, batch);
        return true;
      }
      if (rate_ && !replay_) return false;  // stay with this file
    }
    cursor_ = (cursor_ + 1) % entries_.size();
  }
  return false;
}

Result<PollOutcome> FileReader::poll(RawBatch& batch, int64_t& wait_ms) {
  constexpr int64_t kNoWait = INT64_MAX;
  for (int round = 0; round < 2; ++round) {
    wait_ms = kNoWait;
    FOREBAY_ASSIGN_OR_RETURN(bool given, poll_in_turn(batch, wait_ms));
    if (given) return PollOutcome::kBatch;
    bool waiting = std::any_of(entries_.begin(), entries_.end(),
                               [](const Entry& entry) { return !entry.chunk.is_empty(); });
    if (waiting) {
      if (wait_ms == kNoWait) wait_ms = kFollowWaitMs;
      return PollOutcome::kNothing;
    }
    if (config_.bounded) {
      wait_ms = 0;
      return PollOutcome::kEnd;
    }
    if (round == 1) break;
    if (config_.is_glob && clock_.steady_nanos() - *last_glob_nanos_ >= kGlobIntervalNanos) {
      FOREBAY_RETURN_IF_ERROR(find_files());
    }
    FOREBAY_RETURN_IF_ERROR(refresh_all());
    cursor_ = 0;
  }
  wait_ms = kFollowWaitMs;
  return PollOutcome::kNothing;
}

Positions FileReader::ends() const {
  Positions positions;
  for (const Entry& entry : entries_) {
    if (!entry.exists) continue;
    PartitionPosition position;
    position.id = entry.file->id();
    position.name = entry.file->path();
    position.next = Offset(entry.file->next());
    position.end = Offset(entry.file->known_size());
    positions.push_back(std::move(position));
  }
  return positions;
}

}  // namespace forebay::connectors
