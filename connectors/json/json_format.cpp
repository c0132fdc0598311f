#include "connectors/json/json_format.h"

#include "connectors/json/json_decoder.h"
#include "connectors/lines.h"

namespace forebay::connectors {

namespace {

class JsonFormat final : public Format {
 public:
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<JsonDecoder>(request);
  }
  // Records end at line ends: a newline inside a JSON string is written \n.
  size_t whole_records(std::string_view bytes) const override { return whole_lines(bytes); }
  size_t first_records(std::string_view bytes, uint64_t limit, uint64_t& count) const override {
    return first_lines(bytes, limit, count);
  }
};

Result<std::shared_ptr<const Format>> make_json(const SourceSpec&, const OptionReader&) {
  return std::shared_ptr<const Format>(std::make_shared<JsonFormat>());
}

}  // namespace

FormatDescriptor json_format() { return {"plain", "json", {}, make_json}; }

}  // namespace forebay::connectors
