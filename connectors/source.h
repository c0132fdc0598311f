#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/change_batch.h"
#include "engine/data/clock.h"

/// Sources: where raw records come from (transport) and how they become columns (format). Two
/// separate axes, each a registry that is an explicit list: connectors/registry.cpp.
namespace forebay::connectors {

using data::ChangeBatch;
using data::Offset;
using data::PartitionId;
using data::Result;
using data::Status;

/// WITH (...) options: names lower-cased, values as text.
using Options = std::map<std::string, std::string>;

/// One partition of a source (a file; a topic partition) and how far it has been read.
struct PartitionPosition {
  /// A number that one reader gave; other readers of the same source may number otherwise.
  PartitionId id;
  /// What the partition is to a person (the file's path), the same for all readers of the source.
  std::string name;
  /// The offset of the next record.
  Offset next;
  /// Connector-private facts needed to go on safely (a file's inode and size); opaque text.
  std::string state;
  /// The present end if known, for lag.
  std::optional<Offset> end;
};
using Positions = std::vector<PartitionPosition>;

/// Byte strings that came with records, one per record: their keys, say.
struct RecordBytes {
  std::string bytes;           // all of them, one after the other
  std::vector<uint32_t> ends;  // of each record's in `bytes`
  std::vector<bool> present;
};

/// Where the records of a raw batch are and what came with them, for transports that have records
/// of their own (messages of a topic). They stand one after the other in the batch's bytes, each
/// followed by a newline that is not part of it.
struct RecordTable {
  std::vector<uint32_t> ends;     // of each record in the batch's bytes, without its newline
  std::vector<uint64_t> offsets;  // ascending, not always without gaps
  /// Ascending indexes of records that have no value at all; their bytes are empty.
  std::vector<uint32_t> without_value;
  /// Milliseconds since 1970, -1 for none; empty when the spec's metadata don't name "timestamp".
  std::vector<int64_t> timestamps_ms;
  /// By the names of metadata: "key", "header:NAME".
  std::map<std::string, RecordBytes> attached;
};

/// Whole records of one partition, undecoded. `bytes` is followed by at least 64 readable bytes.
struct RawBatch {
  PartitionId partition;
  std::string partition_name;
  /// The number that the transport itself gives to the partition.
  int32_t partition_number = 0;
  Offset from;
  Offset to;
  std::shared_ptr<const char[]> buffer;
  const char* bytes = nullptr;
  size_t size = 0;
  /// The position after this batch, to be committed with the epoch that holds it.
  std::string state_after;
  /// The partition's header record, for formats that have one.
  std::shared_ptr<const std::string> header;
  /// Set: records are these; else they are where the format finds them.
  std::shared_ptr<const RecordTable> records;
  /// Positions of other partitions to be committed with this batch: where those that were found
  /// since the last batch are read from. A batch that only brings these has no bytes, and `to` is
  /// `from`.
  Positions starts;
  /// When it was read, as a timestamptz; whoever polls the reader sets it.
  int64_t read_at = 0;
  /// The bytes are (the head of) one record that is too long or never ends: it is bad.
  bool oversized = false;

  /// The offset of record `number`, which starts at byte `begin`.
  uint64_t offset_of(size_t number, size_t begin) const {
    return records == nullptr || oversized ? from.value + begin : records->offsets[number];
  }
};

enum class PollOutcome : uint8_t {
  kBatch,    // a batch was given
  kNothing,  // nothing at the moment; ask again after `wait_ms`
  kEnd,      // bounded input: everything up to the end has been given, for ever
};

/// Reads raw records on an I/O thread (or, in seeded tests, wherever it is called). One reader
/// feeds one or more views of a pipeline. Not thread-safe.
///
/// A partition without a position is read from its beginning. A reader that starts elsewhere says
/// so with a batch without bytes (from = to = where it starts), so that readers at equal positions
/// have the same input ahead of them.
class SourceReader {
 public:
  virtual ~SourceReader() = default;
  /// Fills `batch` on kBatch; batches of one partition come in offset order without gaps. An error
  /// stops the source: its status becomes `failed` with the reason (retryable errors are retried by
  /// the caller).
  virtual Result<PollOutcome> poll(RawBatch& batch, int64_t& wait_ms) = 0;
  /// Ends of partitions as far as known, for lag figures.
  virtual Positions ends() const = 0;
  /// Why nothing comes when the outside world is to blame ("broker ... cannot be reached"); asked
  /// for after kNothing. Empty: all is well, there is nothing new.
  virtual std::string waiting_reason() const { return {}; }
  /// Positions that the engine has committed, told now and then: for lag tools of the outside
  /// world.
  virtual void committed(const Positions&) {}
};

/// How much of a bad record's bytes is kept.
inline constexpr size_t kMaxBadRecordBytes = size_t{64} << 10;

/// A record that could not be decoded.
struct BadRecord {
  PartitionId partition;
  std::string partition_name;
  Offset offset;
  data::SqlState sqlstate;
  std::string reason;
  /// Empty when the record is bad as a whole: then it is bad, for the same reason, whatever the
  /// projection.
  std::string column;
  std::string raw;  // the record's bytes, cut at 64 KiB
};

/// Rows decoded from a part of a raw batch.
struct DecodedBatch {
  ChangeBatch rows;
  std::vector<BadRecord> bad;
};

/// What a decoder is made for. Names match case-insensitively; a column missing in a record is NULL
/// (23502 for NOT NULL columns).
struct DecodeRequest {
  data::Schema schema;               // all columns of the source
  std::vector<uint32_t> projection;  // indexes into schema, in output order; only these are decoded
  /// INCLUDEd metadata columns to append after the projection: "partition" (its name, text),
  /// "partition_number" (integer), "offset", "timestamp" ...; and, of every source, "proctime"
  /// (timestamptz): when the raw batch was read.
  std::vector<std::string> metadata;
  uint32_t batch_rows = 4096;
};

/// Turns raw records into columns. One per worker; not thread-safe.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Starts on a raw batch, which is kept alive by the decoder until it is done.
  virtual void start(RawBatch batch) = 0;
  /// Decodes the next at most batch_rows records. False: the raw batch is finished and `out` is
  /// empty.
  virtual bool next(DecodedBatch& out) = 0;
};

/// A checked CREATE SOURCE: makes readers and decoders. Immutable, thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  /// A reader that starts at `positions` (empty: at the source's start mode).
  virtual Result<std::unique_ptr<SourceReader>> open(const Positions& positions,
                                                     const data::Clock& clock) const = 0;
  /// A reader of what lies between `positions` and `until`, without pace, that then gives kEnd:
  /// exactly up to each position of `until`, which are those of another reader of this source (at
  /// ends of records, partitions matched by name). Other partitions are not read.
  virtual Result<std::unique_ptr<SourceReader>> open_until(const Positions& positions,
                                                           const Positions& until,
                                                           const data::Clock& clock) const = 0;
  virtual std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const = 0;
  /// True when reading ends by itself (scan.bounded.mode = 'latest').
  virtual bool is_bounded() const = 0;
  /// How long a partition that was read to its end holds the watermark of the others back, when the
  /// source does not say (idle_timeout); nullopt: as long as it takes.
  virtual std::optional<int64_t> idle_timeout_ms() const { return std::nullopt; }
};

/// All that CREATE SOURCE says about transport and format.
struct SourceSpec {
  std::string name;
  data::Schema schema;
  Options options;         // WITH (...)
  std::string format;      // "plain"; empty: none is given
  std::string encode;      // "json", "csv", "bytes"
  Options encode_options;  // ENCODE CSV (delimiter = ';')
  /// Names of the INCLUDEd metadata, as in DecodeRequest: what raw batches have to carry.
  std::vector<std::string> metadata;
  /// `forebay run`: every source is read to its present end.
  bool force_bounded = false;
};

/// Checks a spec against the registry: unknown connector, format or option is 22023 with a hint
/// that names the nearest known one; nothing is silently ignored.
Result<std::shared_ptr<const Source>> make_source(const SourceSpec& spec);

/// For forebay.sources and docs.
std::vector<std::string> connector_names();

/// False: the connector has rows, not records, and FORMAT ... ENCODE ... may be left out. True for
/// an unknown connector.
bool needs_format(std::string_view connector);

/// The metadata that records of a connector carry, with types, for INCLUDE: "partition" (text: the
/// file's path) or "partition_number" (integer), "offset" (bigint) ... Empty for an unknown
/// connector.
std::vector<data::Field> metadata_columns(std::string_view connector);

}  // namespace forebay::connectors
