#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "connectors/file/file_source.h"
#include "connectors/file/tracked_file.h"

namespace forebay::connectors {

/// Reads the files of one source: input is a path or a glob and the positions to start from; output
/// are raw batches of whole records, file after file in the order of their names (with replay:
/// whatever is due). Following, it looks at known files each time it is asked after the end, and
/// for new ones once a second.
class FileReader final : public SourceReader {
 public:
  FileReader(FileConfig config, const data::Schema& schema, std::shared_ptr<const Format> format,
             const data::Clock& clock);

  /// Finds the files and takes over positions. 58P01 when there is none to read to the end of.
  Status open(const Positions& positions);
  /// Takes over positions and will end at those of `until`.
  Status open_until(const Positions& positions, const Positions& until);
  Result<PollOutcome> poll(RawBatch& batch, int64_t& wait_ms) override;
  Positions ends() const override;
  /// There is no file at all: it is not there yet, or was removed.
  std::string waiting_reason() const override;

 private:
  struct Entry {
    std::unique_ptr<TrackedFile> file;
    FileChunk chunk;
    bool exists = false;
  };

  Status restore(const Positions& positions);
  Status find_files();
  Status refresh_all();
  Entry& add_file(PartitionId id, std::string path);
  std::string no_file() const;
  Result<bool> load(Entry& entry);
  Result<bool> poll_in_turn(RawBatch& batch, int64_t& wait_ms);
  size_t allowed_bytes(const Entry& entry, int64_t& wait_ms);
  void give(Entry& entry, size_t size, RawBatch& batch);

  FileConfig config_;
  const std::shared_ptr<const Format> format_;
  const data::Clock& clock_;
  const FileLimits limits_;
  const std::shared_ptr<BufferPool> pool_;
  std::optional<RatePacer> rate_;
  std::optional<ReplayPacer> replay_;

  std::vector<Entry> entries_;
  std::unordered_map<std::string, size_t> by_path_;
  uint32_t next_id_ = 0;
  size_t cursor_ = 0;
  std::optional<int64_t> last_glob_nanos_;
};

}  // namespace forebay::connectors
