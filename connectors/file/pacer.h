#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "connectors/file/tracked_file.h"
#include "connectors/format.h"

/// Holding records back: so many a second, or until a replayed clock reaches them.
namespace forebay::connectors {

/// WITH (rows_per_second = ...). A bucket of tokens that holds at most one second's worth.
class RatePacer {
 public:
  RatePacer(double rows_per_second, const data::Clock& clock);
  /// Rows that may be given now; 0: `wait_ms` says when to ask again.
  uint64_t allowed(int64_t& wait_ms);
  void spend(uint64_t rows) { tokens_ -= static_cast<double>(rows); }

 private:
  const double rows_per_second_;
  const data::Clock& clock_;
  double tokens_ = 1;
  int64_t last_nanos_;
};

/// How WITH (replay.column, replay.speed) was given.
struct ReplayConfig {
  uint32_t column = 0;  // in the schema: date, timestamp or timestamptz
  double speed = 1;
};

/// Event time runs `speed` times as fast as the clock; "now" is at first the earliest first record
/// of all files. Records are given in file order; one without a readable time goes with its
/// predecessor.
class ReplayPacer {
 public:
  ReplayPacer(ReplayConfig config, const data::Schema& schema, const Format& format,
              const data::Clock& clock);

  /// Reads the times of the records of a new chunk.
  void add_chunk(const TrackedFile& file, const FileChunk& chunk);
  /// Starts the clock, once, when the first chunk of every file has been added.
  void start();
  bool has_started() const { return start_nanos_.has_value(); }
  /// Bytes of `chunk` from its consumed part on that may be given now; 0: lowers `wait_ms`.
  size_t allowed(const TrackedFile& file, const FileChunk& chunk, int64_t& wait_ms);

 private:
  struct Stop {
    uint64_t offset;  // of the record
    int64_t time;     // microseconds
  };
  struct Stops {
    std::vector<Stop> list;
    size_t next = 0;
    uint64_t chunk_begin = 0;
  };

  const ReplayConfig config_;
  const data::Clock& clock_;
  bool is_date_;
  std::unique_ptr<Decoder> decoder_;
  std::map<PartitionId, Stops> stops_;
  std::optional<int64_t> first_time_;
  std::optional<int64_t> start_nanos_;
};

}  // namespace forebay::connectors
