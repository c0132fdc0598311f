#include "connectors/json/json_format.h"

#include <cstring>

#include "connectors/json/json_decoder.h"

namespace forebay::connectors {

namespace {

class JsonFormat final : public Format {
 public:
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<JsonDecoder>(request);
  }
  // Records end at line ends: a newline inside a JSON string is written \n.
  size_t whole_records(std::string_view bytes) const override {
    return bytes.rfind('\n') + 1;  // npos + 1 == 0
  }
  size_t first_records(std::string_view bytes, uint64_t limit, uint64_t& count) const override {
    size_t end = 0;
    for (count = 0; count < limit; ++count) {
      size_t newline = bytes.find('\n', end);
      if (newline == std::string_view::npos) break;
      end = newline + 1;
    }
    return end;
  }
};

Result<std::shared_ptr<const Format>> make_json(const SourceSpec&, const OptionReader&) {
  return std::shared_ptr<const Format>(std::make_shared<JsonFormat>());
}

}  // namespace

FormatDescriptor json_format() { return {"plain", "json", {}, make_json}; }

}  // namespace forebay::connectors
