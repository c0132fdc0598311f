#include "connectors/csv/csv_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "connectors/json/structural_index.h"

namespace forebay::connectors {

namespace {

std::string fold(std::string_view text) {
  std::string folded(text);
  for (char& c : folded) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return folded;
}

bool has_nul(std::string_view text) { return std::memchr(text.data(), 0, text.size()) != nullptr; }

}  // namespace

CsvDecoder::CsvDecoder(const CsvDialect& dialect, const DecodeRequest& request)
    : dialect_(dialect),
      schema_(request.schema),
      projection_(request.projection),
      writer_(request),
      splitter_(dialect) {
  map_by_position();
}

void CsvDecoder::map_by_position() {
  field_of_column_ = projection_;
  expected_fields_ = static_cast<uint32_t>(schema_.size());
}

void CsvDecoder::map_by_header(const std::string& header) {
  std::string padded = header;
  padded.append(32, '\0');
  CsvSplitter splitter(dialect_);
  splitter.start(std::string_view(padded).substr(0, header.size()), true);
  map_by_position();
  if (header.empty() || splitter.next() != CsvEnd::kWhole) return;
  std::vector<std::string> names;
  for (const CsvField& field : splitter.fields()) {
    std::string name = padded.substr(field.begin, field.end - field.begin);
    if (field.doubled_quotes) {
      std::string twice(2, dialect_.quote);
      for (size_t at = 0; (at = name.find(twice, at)) != std::string::npos; ++at) name.erase(at, 1);
    }
    names.push_back(fold(name));
  }
  auto find = [&](const std::string& name) {
    auto found = std::find(names.begin(), names.end(), fold(name));
    return found == names.end() ? kNoField : static_cast<uint32_t>(found - names.begin());
  };
  bool any = std::any_of(schema_.begin(), schema_.end(),
                         [&](const data::Field& field) { return find(field.name) != kNoField; });
  if (!any) return;
  for (size_t i = 0; i < projection_.size(); ++i) {
    field_of_column_[i] = find(schema_[projection_[i]].name);
  }
  expected_fields_ = static_cast<uint32_t>(names.size());
}

void CsvDecoder::start(RawBatch batch) {
  raw_ = std::move(batch);
  raw_owner_ = arena_of(raw_);
  done_ = false;
  if (raw_.header != nullptr && raw_.header != header_) {
    header_ = raw_.header;
    map_by_header(*header_);
  }
  std::string_view text(raw_.bytes, raw_.size);
  clean_ = is_valid_utf8(text) && !has_nul(text);
  record_ = 0;
  start_text(raw_.records == nullptr ? text : text.substr(0, 0));
}

void CsvDecoder::start_text(std::string_view text) {
  text_ = text.data();
  splitter_.start(text, true);
}

/// Goes to the next record of a table of records; it must be one record of CSV.
CsvEnd CsvDecoder::next_of_table(Status& status) {
  const RecordTable& table = *raw_.records;
  const size_t begin = record_ == 0 ? 0 : table.ends[record_ - 1] + 1;
  start_text({raw_.bytes + begin, table.ends[record_] - begin});
  if (begin == table.ends[record_]) {
    const std::vector<uint32_t>& none = table.without_value;
    const bool without =
        std::binary_search(none.begin(), none.end(), static_cast<uint32_t>(record_));
    status = Status(data::sqlstate::kBadCopyFormat,
                    without ? "the record has no value" : "the record is empty");
    return CsvEnd::kWhole;
  }
  CsvEnd end = splitter_.next();
  if (end == CsvEnd::kWhole && !splitter_.at_end()) {
    status = Status(data::sqlstate::kBadCopyFormat, "the record has more than one line of CSV");
  }
  return end;
}

bool CsvDecoder::at_end() const {
  return raw_.records == nullptr ? splitter_.at_end() : record_ >= raw_.records->ends.size();
}

/// The bytes of the record that the splitter is at, without its line end.
std::string_view CsvDecoder::record_bytes() const {
  if (raw_.records != nullptr) {
    return {text_, static_cast<size_t>(raw_.bytes + raw_.records->ends[record_] - text_)};
  }
  std::string_view bytes(text_ + splitter_.begin(), splitter_.end() - splitter_.begin());
  if (bytes.ends_with('\n')) bytes.remove_suffix(1);
  if (bytes.ends_with('\r')) bytes.remove_suffix(1);
  return bytes;
}

bool CsvDecoder::next(DecodedBatch& out) {
  out = DecodedBatch();
  if (done_ || (at_end() && !raw_.oversized)) {
    raw_ = RawBatch();
    raw_owner_.reset();
    done_ = true;
    return false;
  }
  writer_.begin(raw_owner_);
  uint32_t rows = 0;
  if (raw_.oversized) {
    out.bad.push_back(oversized_record(raw_,
                                       "record is longer than 100 MB, or a quoted field is not "
                                       "closed"));
    done_ = true;
  }
  while (!done_ && !at_end() && rows + out.bad.size() < writer_.capacity()) {
    Status status = Status::ok();
    CsvEnd end = raw_.records == nullptr ? splitter_.next() : next_of_table(status);
    if (raw_.records == nullptr && end == CsvEnd::kWhole && splitter_.is_blank()) continue;
    const uint64_t offset = raw_.offset_of(record_, splitter_.begin());
    std::string column;
    if (status) status = decode_record(end, rows, column);
    if (status) {
      writer_.set_origin(rows, offset, record_);
      ++rows;
    } else {
      writer_.reset_row(rows);
      out.bad.push_back(
          make_bad_record(raw_, offset, record_bytes(), status.error(), std::move(column)));
    }
    ++record_;
  }
  out.rows = writer_.finish(rows, raw_);
  return true;
}

Status CsvDecoder::check_text() const {
  std::string_view bytes(text_ + splitter_.begin(), splitter_.end() - splitter_.begin());
  if (!is_valid_utf8(bytes)) {
    return Status(data::sqlstate::kInvalidCharacter, "invalid byte sequence for encoding \"UTF8\"");
  }
  if (has_nul(bytes)) {
    return Status(data::sqlstate::kInvalidCharacter,
                  "invalid byte sequence for encoding \"UTF8\": 0x00");
  }
  return Status::ok();
}

Status CsvDecoder::decode_record(CsvEnd end, uint32_t row, std::string& column) {
  if (!clean_) FOREBAY_RETURN_IF_ERROR(check_text());
  if (end == CsvEnd::kMalformed) {
    return Status(data::sqlstate::kBadCopyFormat, "unterminated CSV quoted field");
  }
  const std::vector<CsvField>& fields = splitter_.fields();
  if (fields.size() > expected_fields_) {
    return Status(data::sqlstate::kBadCopyFormat, "extra data after last expected column");
  }
  if (fields.size() < expected_fields_) {
    return Status(data::sqlstate::kBadCopyFormat,
                  fmt::format("missing data: {} fields of {}", fields.size(), expected_fields_));
  }
  for (size_t i = 0; i < field_of_column_.size(); ++i) {
    ColumnWriter& writer = writer_.columns()[i];
    Status status = field_of_column_[i] == kNoField
                        ? writer.set_missing(row)
                        : decode_field(writer, fields[field_of_column_[i]], row);
    if (!status) {
      column = writer.field().name;
      return status;
    }
  }
  return Status::ok();
}

std::string CsvDecoder::unquote(const CsvField& field) const {
  std::string text;
  text.reserve(field.end - field.begin + 32);
  for (uint32_t at = field.begin; at < field.end; ++at) {
    text.push_back(text_[at]);
    at += text_[at] == dialect_.quote;
  }
  return text;
}

Status CsvDecoder::decode_field(ColumnWriter& column, const CsvField& field, uint32_t row) {
  std::string_view text(text_ + field.begin, field.end - field.begin);
  if (!field.quoted && text == dialect_.null_text) return column.set_missing(row);
  if (field.doubled_quotes) {
    std::string unquoted = unquote(field);
    const size_t size = unquoted.size();
    unquoted.append(32, '\0');  // set_text may read beyond
    return column.set_text(row, std::string_view(unquoted).substr(0, size));
  }
  if (column.field().type.is_string() && column.field().type.modifier < 0) {
    column.set_string(row, text);  // kept by raw_owner_; checked with the record
    return Status::ok();
  }
  return column.set_text(row, text);
}

}  // namespace forebay::connectors
