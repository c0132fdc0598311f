#include "connectors/file/file_source.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "connectors/file/file_reader.h"

namespace forebay::connectors {

namespace {

constexpr int64_t kFollowedIdleMs = 10'000;

class FileSource final : public Source {
 public:
  FileSource(FileConfig config, data::Schema schema, std::shared_ptr<const Format> format)
      : config_(std::move(config)), schema_(std::move(schema)), format_(std::move(format)) {}

  Result<std::unique_ptr<SourceReader>> open(const Positions& positions,
                                             const data::Clock& clock) const override {
    auto reader = std::make_unique<FileReader>(config_, schema_, format_, clock);
    FOREBAY_RETURN_IF_ERROR(reader->open(positions));
    return std::unique_ptr<SourceReader>(std::move(reader));
  }
  Result<std::unique_ptr<SourceReader>> open_until(const Positions& positions,
                                                   const Positions& until,
                                                   const data::Clock& clock) const override {
    auto reader = std::make_unique<FileReader>(config_, schema_, format_, clock);
    FOREBAY_RETURN_IF_ERROR(reader->open_until(positions, until));
    return std::unique_ptr<SourceReader>(std::move(reader));
  }
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return format_->make_decoder(request);
  }
  bool is_bounded() const override { return config_.bounded; }
  // A file that is followed may go on where it seemed to end.
  std::optional<int64_t> idle_timeout_ms() const override {
    return config_.bounded ? 0 : kFollowedIdleMs;
  }

 private:
  const FileConfig config_;
  const data::Schema schema_;
  const std::shared_ptr<const Format> format_;
};

std::string fold(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

Status read_replay_options(const SourceSpec& spec, const OptionReader& options,
                           FileConfig& config) {
  if (!options.has("replay.column")) {
    if (!options.has("replay.speed")) return Status::ok();
    return Status(data::sqlstate::kInvalidParameterValue,
                  "option \"replay.speed\" needs \"replay.column\"");
  }
  const std::string name = options.text("replay.column");
  std::vector<std::string> names;
  std::optional<uint32_t> column;
  for (uint32_t i = 0; i < spec.schema.size(); ++i) {
    names.push_back(spec.schema[i].name);
    if (!column && fold(spec.schema[i].name) == fold(name)) column = i;
  }
  if (!column) return unknown_name("column in option replay.column:", name, names);
  if (!spec.schema[*column].type.is_datetime()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("replay column \"{}\" is of type {}", name,
                              spec.schema[*column].type.name()))
        .with_hint("Use a date, timestamp or timestamptz column.");
  }
  if (options.text("replay.speed") == "max") return Status::ok();
  FOREBAY_ASSIGN_OR_RETURN(double speed, options.positive_number("replay.speed", 1));
  config.replay = ReplayConfig{.column = *column, .speed = speed};
  return Status::ok();
}

Result<std::shared_ptr<const Source>> make(const SourceSpec& spec, const OptionReader& options,
                                           std::shared_ptr<const Format> format) {
  FileConfig config;
  config.path = options.text("path");
  if (config.path.empty()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  fmt::format("source \"{}\" has no option \"path\"", spec.name))
        .with_hint("Name a file, or a pattern such as 'folder/*.json'.");
  }
  struct stat facts;
  config.is_glob = config.path.find_first_of("*?[") != std::string::npos &&
                   ::stat(config.path.c_str(), &facts) != 0;
  config.bounded = spec.force_bounded;
  if (options.has("scan.bounded.mode")) {
    if (options.text("scan.bounded.mode") != "latest") {
      return Status(data::sqlstate::kInvalidParameterValue,
                    fmt::format("invalid value for option \"scan.bounded.mode\": \"{}\"",
                                options.text("scan.bounded.mode")))
          .with_hint("Use 'latest', or leave the option out to follow the file.");
    }
    config.bounded = true;
  }
  if (options.has("rows_per_second")) {
    FOREBAY_ASSIGN_OR_RETURN(double rate, options.positive_number("rows_per_second", 1));
    config.rows_per_second = rate;
  }
  FOREBAY_RETURN_IF_ERROR(read_replay_options(spec, options, config));
  return make_file_source(std::move(config), spec.schema, std::move(format));
}

}  // namespace

ConnectorDescriptor file_connector() {
  return {"file",
          {"path", "scan.bounded.mode", "rows_per_second", "replay.column", "replay.speed"},
          {{"partition", data::kTextType, true}, {"offset", data::kBigintType, true}},
          make};
}

Result<std::shared_ptr<const Source>> make_file_source(FileConfig config, data::Schema schema,
                                                       std::shared_ptr<const Format> format) {
  return std::shared_ptr<const Source>(
      std::make_shared<FileSource>(std::move(config), std::move(schema), std::move(format)));
}

}  // namespace forebay::connectors
