#include "connectors/csv/csv_format.h"

#include <cstring>

#include "connectors/csv/csv_decoder.h"

namespace forebay::connectors {

namespace {

class CsvFormat final : public Format {
 public:
  explicit CsvFormat(CsvDialect dialect) : dialect_(std::move(dialect)) {}

  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<CsvDecoder>(dialect_, request);
  }
  size_t whole_records(std::string_view bytes) const override {
    if (std::memchr(bytes.data(), dialect_.quote, bytes.size()) == nullptr) {
      return bytes.rfind('\n') + 1;  // npos + 1 == 0
    }
    uint64_t count;
    return first_records(bytes, UINT64_MAX, count);
  }
  size_t first_records(std::string_view bytes, uint64_t limit, uint64_t& count) const override {
    CsvSplitter splitter(dialect_);
    splitter.start(bytes, false);
    for (count = 0; count < limit && !splitter.at_end(); ++count) {
      if (splitter.next() == CsvEnd::kIncomplete) break;
    }
    return splitter.end();
  }
  bool has_header() const override { return dialect_.header; }

 private:
  const CsvDialect dialect_;
};

Result<std::shared_ptr<const Format>> make_csv(const SourceSpec&, const OptionReader& options) {
  CsvDialect dialect;
  FOREBAY_ASSIGN_OR_RETURN(dialect.delimiter, options.character("delimiter", ','));
  FOREBAY_ASSIGN_OR_RETURN(dialect.quote, options.character("quote", '"'));
  dialect.null_text = options.text("null");
  FOREBAY_ASSIGN_OR_RETURN(dialect.header, options.boolean("header", false));
  if (options.has("without_header")) {
    FOREBAY_ASSIGN_OR_RETURN(bool without, options.boolean("without_header", true));
    if (options.has("header") && dialect.header == without) {
      return Status(data::sqlstate::kInvalidParameterValue,
                    "options \"header\" and \"without_header\" contradict each other");
    }
    dialect.header = !without;
  }
  if (dialect.delimiter == dialect.quote) {
    return Status(data::sqlstate::kInvalidParameterValue,
                  "options \"delimiter\" and \"quote\" must be different");
  }
  return std::shared_ptr<const Format>(std::make_shared<CsvFormat>(std::move(dialect)));
}

}  // namespace

FormatDescriptor csv_format() {
  return {"plain", "csv", {"delimiter", "quote", "null", "header", "without_header"}, make_csv};
}

}  // namespace forebay::connectors
