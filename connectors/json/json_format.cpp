#include "connectors/json/json_format.h"

#include "connectors/json/json_decoder.h"
#include "connectors/lines.h"

namespace forebay::connectors {

namespace {

/// A newline inside a JSON string is written \n, so records end at line ends.
class JsonFormat final : public LineFormat {
 public:
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<JsonDecoder>(request);
  }
};

Result<std::shared_ptr<const Format>> make_json(const SourceSpec&, const OptionReader&) {
  return std::shared_ptr<const Format>(std::make_shared<JsonFormat>());
}

}  // namespace

FormatDescriptor json_format() { return {"plain", "json", {}, make_json}; }

}  // namespace forebay::connectors
