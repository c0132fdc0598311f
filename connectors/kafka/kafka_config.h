#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/options.h"
#include "connectors/source.h"

struct rd_kafka_conf_s;

namespace forebay::connectors {

/// Where partitions are read from when nothing has been committed yet.
enum class KafkaStart : uint8_t { kEarliest, kLatest, kTimestamp, kOffsets };

/// What WITH (...) says about topics, checked. Immutable.
struct KafkaConfig {
  /// Topics by name; empty when `pattern` is set.
  std::vector<std::string> topics;
  /// A regular expression that the whole name of a topic matches.
  std::string pattern;
  /// For librdkafka, ours and the user's, in the order in which they are set.
  std::vector<std::pair<std::string, std::string>> properties;
  KafkaStart start = KafkaStart::kEarliest;
  int64_t start_timestamp_ms = 0;
  /// By partition number; the others are read from their beginning.
  std::map<int32_t, int64_t> start_offsets;
  bool bounded = false;
  /// The user gave a group.id: committed positions are told to the broker under it.
  bool commits_to_group = false;
  /// The user asked for isolation.level = read_uncommitted.
  bool read_uncommitted = false;
  /// How often topics are looked at: new partitions, topics that were deleted or created again.
  int64_t watch_interval_ms = 2000;
  /// INCLUDEd metadata.
  bool wants_timestamp = false;
  bool wants_key = false;
  std::vector<std::string> wanted_headers;
};

/// The options that read_kafka_config knows.
std::vector<std::string> kafka_option_names();

/// 22023 for whatever is missing, unknown or contradictory; properties are tried on librdkafka.
Result<KafkaConfig> read_kafka_config(const SourceSpec& spec, const OptionReader& options);

/// A librdkafka configuration with the properties of `config`; the caller owns it.
Result<rd_kafka_conf_s*> make_conf(const KafkaConfig& config);

}  // namespace forebay::connectors
