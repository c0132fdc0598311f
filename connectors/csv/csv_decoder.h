#pragma once

#include "connectors/column_writer.h"
#include "connectors/csv/csv_records.h"

namespace forebay::connectors {

/// CSV records to columns. Input: raw batches of whole records; output: rows in their order, bad
/// records apart. With a header that names at least one column fields go by name, otherwise by
/// position.
class CsvDecoder final : public Decoder {
 public:
  CsvDecoder(const CsvDialect& dialect, const DecodeRequest& request);
  void start(RawBatch batch) override;
  bool next(DecodedBatch& out) override;

 private:
  static constexpr uint32_t kNoField = UINT32_MAX;

  void map_by_position();
  void map_by_header(const std::string& header);
  void start_text(std::string_view text);
  CsvEnd next_of_table(Status& status);
  bool at_end() const;
  std::string_view record_bytes() const;
  Status decode_record(CsvEnd end, uint32_t row, std::string& column);
  Status check_text() const;
  Status decode_field(ColumnWriter& column, const CsvField& field, uint32_t row);
  std::string unquote(const CsvField& field) const;

  const CsvDialect dialect_;
  const data::Schema schema_;
  const std::vector<uint32_t> projection_;
  BatchWriter writer_;
  CsvSplitter splitter_;

  RawBatch raw_;
  data::ArenaRef raw_owner_;
  const char* text_ = nullptr;  // what the splitter splits
  size_t record_ = 0;           // number of the next record
  bool done_ = true;
  bool clean_ = false;  // the whole raw batch is UTF-8 without NUL

  std::shared_ptr<const std::string> header_;
  std::vector<uint32_t> field_of_column_;  // by position in the projection
  uint32_t expected_fields_ = 0;
};

}  // namespace forebay::connectors
