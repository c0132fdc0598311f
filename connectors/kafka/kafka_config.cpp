#include "connectors/kafka/kafka_config.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <charconv>
#include <regex>

namespace forebay::connectors {

namespace {

constexpr std::string_view kPropertyPrefix = "properties.";

Status invalid(std::string message, std::string hint) {
  return Status(data::sqlstate::kInvalidParameterValue, std::move(message))
      .with_hint(std::move(hint));
}

Status invalid_value(const std::string& name, const std::string& value, std::string hint) {
  return invalid(fmt::format("invalid value for option \"{}\": \"{}\"", name, value),
                 std::move(hint));
}

bool read_integer(std::string_view text, int64_t least, int64_t& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= least;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find_first_of(separators), text.size());
    std::string_view part = trim(text.substr(0, end));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

Status read_topics(const SourceSpec& spec, const OptionReader& options, KafkaConfig& config) {
  if (options.has("topic") && options.has("topic.pattern")) {
    return invalid("options \"topic\" and \"topic.pattern\" exclude each other",
                   "Use one of them.");
  }
  if (options.has("topic.pattern")) {
    config.pattern = options.text("topic.pattern");
    try {
      std::regex tried(config.pattern);
    } catch (const std::regex_error&) {
      return invalid_value("topic.pattern", config.pattern,
                           "It is a regular expression for the whole name, such as 'orders-.*'.");
    }
    return Status::ok();
  }
  config.topics = split(options.text("topic"), ",;");
  if (config.topics.empty()) {
    return invalid(fmt::format("source \"{}\" has no option \"topic\"", spec.name),
                   "Name a topic, several with commas between them, or a topic.pattern.");
  }
  std::sort(config.topics.begin(), config.topics.end());
  config.topics.erase(std::unique(config.topics.begin(), config.topics.end()), config.topics.end());
  return Status::ok();
}

/// Flink's form: partition:0,offset:42;partition:1,offset:300.
Status read_offsets(const std::string& text, KafkaConfig& config) {
  constexpr const char* kName = "scan.startup.specific-offsets";
  constexpr const char* kHint = "Write 'partition:0,offset:42;partition:1,offset:300'.";
  for (const std::string& part : split(text, ";")) {
    std::vector<std::string> pair = split(part, ",");
    int64_t partition = 0, offset = 0;
    if (pair.size() != 2 || !pair[0].starts_with("partition:") || !pair[1].starts_with("offset:") ||
        !read_integer(std::string_view(pair[0]).substr(10), 0, partition) ||
        !read_integer(std::string_view(pair[1]).substr(7), 0, offset) || partition > INT32_MAX) {
      return invalid_value(kName, text, kHint);
    }
    config.start_offsets[static_cast<int32_t>(partition)] = offset;
  }
  if (config.start_offsets.empty()) return invalid_value(kName, text, kHint);
  return Status::ok();
}

Status read_start(const OptionReader& options, KafkaConfig& config) {
  constexpr const char* kMode = "scan.startup.mode";
  constexpr const char* kTimestamp = "scan.startup.timestamp.millis";
  constexpr const char* kOffsets = "scan.startup.specific-offsets";
  const std::string mode = options.text(kMode, "earliest");
  if (mode == "earliest" || mode == "earliest-offset") {
    config.start = KafkaStart::kEarliest;
  } else if (mode == "latest" || mode == "latest-offset") {
    config.start = KafkaStart::kLatest;
  } else if (mode == "timestamp") {
    config.start = KafkaStart::kTimestamp;
  } else if (mode == "specific-offsets") {
    config.start = KafkaStart::kOffsets;
  } else {
    return invalid_value(kMode, mode,
                         "Use 'earliest', 'latest', 'timestamp' or 'specific-offsets'.");
  }
  for (auto [name, wanted] :
       {std::pair(kTimestamp, KafkaStart::kTimestamp), std::pair(kOffsets, KafkaStart::kOffsets)}) {
    if (options.has(name) == (config.start == wanted)) continue;
    const char* value = wanted == KafkaStart::kTimestamp ? "timestamp" : "specific-offsets";
    return options.has(name)
               ? invalid(fmt::format("option \"{}\" needs \"{}\" = '{}'", name, kMode, value),
                         "Add that, or leave it out.")
               : invalid(fmt::format("\"{}\" = '{}' needs option \"{}\"", kMode, value, name),
                         "Add it.");
  }
  if (config.start == KafkaStart::kOffsets) return read_offsets(options.text(kOffsets), config);
  if (config.start == KafkaStart::kTimestamp &&
      !read_integer(options.text(kTimestamp), 0, config.start_timestamp_ms)) {
    return invalid_value(kTimestamp, options.text(kTimestamp),
                         "It is a number of milliseconds since 1970.");
  }
  return Status::ok();
}

/// Properties that the engine decides, and what to do instead.
const std::map<std::string, const char*>& decided_properties() {
  static const std::map<std::string, const char*> list = {
      {"enable.auto.commit", "Forebay keeps positions itself."},
      {"enable.auto.offset.store", "Forebay keeps positions itself."},
      {"auto.commit.interval.ms", "Forebay keeps positions itself."},
      {"auto.offset.reset", "Use scan.startup.mode; later an offset that is gone is an error."},
      {"enable.partition.eof", "Forebay needs it."},
      {"check.crcs", "Forebay reads no batch that is damaged."},
      {"allow.auto.create.topics", "Create the topic."},
      {"log_level", "Forebay shows reasons in forebay.sources."},
      {"debug", "Forebay shows reasons in forebay.sources."},
  };
  return list;
}

Status read_properties(const SourceSpec& spec, KafkaConfig& config) {
  config.properties = {
      {"client.id", "forebay"},
      // Needed to assign partitions; nothing is committed under it, and no group is joined.
      {"group.id", "forebay"},
      {"isolation.level", "read_committed"},
      {"queued.max.messages.kbytes", "32768"},
      {"fetch.queue.backoff.ms", "5"},
      {"fetch.error.backoff.ms", "100"},
      {"reconnect.backoff.max.ms", "1000"},
      {"log.connection.close", "false"},
      // Partitions are assigned: no poll is ever too late for a group.
      {"max.poll.interval.ms", "86400000"},
      {"topic.metadata.refresh.interval.ms", "10000"},
  };
  bool has_servers = false;
  for (const auto& [option, value] : spec.options) {
    std::string name = option;
    if (name == "group.id") name = "properties.group.id";
    if (!name.starts_with(kPropertyPrefix)) continue;
    name.erase(0, kPropertyPrefix.size());
    if (name == "bootstrap.server") name = "bootstrap.servers";
    auto decided = decided_properties().find(name);
    if (decided != decided_properties().end()) {
      return invalid(fmt::format("option \"{}\" can't be set", option), decided->second);
    }
    has_servers |= name == "bootstrap.servers" || name == "metadata.broker.list";
    config.commits_to_group |= name == "group.id";
    config.read_uncommitted |= name == "isolation.level" && value == "read_uncommitted";
    config.properties.emplace_back(name, value);
    if (name == "topic.metadata.refresh.interval.ms" &&
        !read_integer(value, 10, config.watch_interval_ms)) {
      return invalid_value(option, value, "It is a number of milliseconds, at least 10.");
    }
  }
  if (!has_servers) {
    return invalid(
        fmt::format("source \"{}\" has no option \"properties.bootstrap.server\"", spec.name),
        "Name a broker, such as 'localhost:9092', or several with commas between them.");
  }
  for (const auto& [name, why] :
       {std::pair("enable.auto.commit", "false"), std::pair("enable.auto.offset.store", "false"),
        std::pair("auto.offset.reset", "error"), std::pair("enable.partition.eof", "true"),
        std::pair("allow.auto.create.topics", "false"), std::pair("check.crcs", "true")}) {
    config.properties.emplace_back(name, why);
  }
  return Status::ok();
}

}  // namespace

std::vector<std::string> kafka_option_names() {
  return {"topic",
          "topic.pattern",
          "scan.startup.mode",
          "scan.startup.timestamp.millis",
          "scan.startup.specific-offsets",
          "scan.bounded.mode",
          "group.id",
          "properties.*"};
}

Result<rd_kafka_conf_s*> make_conf(const KafkaConfig& config) {
  std::unique_ptr<rd_kafka_conf_t, decltype(&rd_kafka_conf_destroy)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  char reason[512];
  for (const auto& [name, value] : config.properties) {
    auto outcome =
        rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason);
    if (outcome == RD_KAFKA_CONF_OK) continue;
    if (outcome == RD_KAFKA_CONF_UNKNOWN) {
      return invalid(fmt::format("unknown option \"properties.{}\"", name),
                     "Properties are those of librdkafka (not of the Java client).");
    }
    return invalid(fmt::format("invalid value for option \"properties.{}\"", name), reason);
  }
  return conf.release();
}

Result<KafkaConfig> read_kafka_config(const SourceSpec& spec, const OptionReader& options) {
  KafkaConfig config;
  FOREBAY_RETURN_IF_ERROR(read_topics(spec, options, config));
  FOREBAY_RETURN_IF_ERROR(read_start(options, config));
  config.bounded = spec.force_bounded;
  if (options.has("scan.bounded.mode")) {
    const std::string mode = options.text("scan.bounded.mode");
    if (mode != "latest" && mode != "latest-offset") {
      return invalid_value("scan.bounded.mode", mode,
                           "Use 'latest', or leave the option out to follow the topic.");
    }
    config.bounded = true;
  }
  FOREBAY_RETURN_IF_ERROR(read_properties(spec, config));
  for (const std::string& name : spec.metadata) {
    config.wants_timestamp |= name == "timestamp";
    config.wants_key |= name == "key";
    if (name.starts_with("header:")) config.wanted_headers.push_back(name.substr(7));
  }
  FOREBAY_ASSIGN_OR_RETURN(rd_kafka_conf_t * conf, make_conf(config));
  rd_kafka_conf_destroy(conf);
  return config;
}

}  // namespace forebay::connectors
