#include "connectors/kafka/kafka_source.h"

#include <fmt/format.h>

#include "connectors/kafka/kafka_config.h"
#include "connectors/kafka/kafka_reader.h"

namespace forebay::connectors {

namespace {

class KafkaSource final : public Source {
 public:
  KafkaSource(KafkaConfig config, std::shared_ptr<const Format> format)
      : config_(std::move(config)), format_(std::move(format)) {}

  Result<std::unique_ptr<SourceReader>> open(const Positions& positions,
                                             const data::Clock&) const override {
    auto reader = std::make_unique<KafkaReader>(config_);
    FOREBAY_RETURN_IF_ERROR(reader->open(positions));
    return std::unique_ptr<SourceReader>(std::move(reader));
  }
  Result<std::unique_ptr<SourceReader>> open_until(const Positions& positions,
                                                   const Positions& until,
                                                   const data::Clock&) const override {
    auto reader = std::make_unique<KafkaReader>(config_);
    FOREBAY_RETURN_IF_ERROR(reader->open_until(positions, until));
    return std::unique_ptr<SourceReader>(std::move(reader));
  }
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return format_->make_decoder(request);
  }
  bool is_bounded() const override { return config_.bounded; }

 private:
  const KafkaConfig config_;
  const std::shared_ptr<const Format> format_;
};

Result<std::shared_ptr<const Source>> make(const SourceSpec& spec, const OptionReader& options,
                                           std::shared_ptr<const Format> format) {
  if (format->has_header()) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  "records of topics have no header: option \"header\" is for files")
        .with_hint("Leave it out: columns go by position.");
  }
  FOREBAY_ASSIGN_OR_RETURN(KafkaConfig config, read_kafka_config(spec, options));
  return std::shared_ptr<const Source>(
      std::make_shared<KafkaSource>(std::move(config), std::move(format)));
}

}  // namespace

ConnectorDescriptor kafka_connector() {
  return {"kafka",
          kafka_option_names(),
          {{"partition_number", data::kIntegerType, true},
           {"offset", data::kBigintType, true},
           {"timestamp", data::kTimestampTzType, false},
           {"key", data::kTextType, false},
           {"header", data::kTextType, false}},
          make};
}

}  // namespace forebay::connectors
