#include "server/copy_reader.h"

#include <fmt/format.h>

#include "connectors/column_writer.h"
#include "engine/data/text_format.h"
#include "server/table_writer.h"

namespace forebay::server {

using data::Status;

namespace {

/// As many as operators take at once by default.
constexpr uint32_t kBatchRows = 4096;

Status bad_format(std::string message) {
  return Status(data::sqlstate::kBadCopyFormat, std::move(message));
}

/// As much of the input as an error shows.
std::string shown(std::string_view text) {
  constexpr size_t kMostBytes = 100;
  if (text.size() <= kMostBytes) return std::string(text);
  size_t end = kMostBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

Status with_context(Status status, std::string context) {
  if (!status.is_ok() && status.error().context.empty()) {
    status.error().context = std::move(context);
  }
  return status;
}

}  // namespace

std::string copy_place(const sql::catalog::CatalogObject& table, uint64_t line) {
  return fmt::format("COPY {}, line {}", table.name, line);
}

CopyReader::CopyReader(const sql::BoundCopyFrom& copy, const expr::EvalContext& context, Take take)
    : copy_(copy),
      table_(*copy.table),
      context_(context),
      take_(std::move(take)),
      records_(copy.format) {
  writers_.reserve(copy.columns.size());
  for (uint32_t column : copy.columns) {
    data::Field field = table_.columns[column];
    field.not_null = false;  // judged when the row is whole
    writers_.emplace_back(std::move(field), kBatchRows);
    writers_.back().begin();
  }
  for (size_t i = 0; i < copy.defaults.size(); ++i) {
    const expr::ExprRef& value = copy.defaults[i];
    lacks_column_ |= table_.columns[i].not_null && value != nullptr &&
                     value->kind == expr::ExprKind::kLiteral && value->literal.is_null();
  }
}

CopyReader::~CopyReader() = default;

Status CopyReader::at_record(Status status) const {
  std::string context = copy_place(table_, records_.line());
  if (records_.has_text()) context += fmt::format(": \"{}\"", shown(records_.text()));
  return with_context(std::move(status), std::move(context));
}

Status CopyReader::at_field(Status status, size_t field) const {
  return with_context(
      std::move(status),
      fmt::format("{}, column {}: \"{}\"", copy_place(table_, records_.line()),
                  table_.columns[copy_.columns[field]].name, shown(records_.fields()[field].text)));
}

Status CopyReader::add(std::string_view bytes) {
  records_.add(bytes);
  return read_records();
}

Status CopyReader::finish() {
  records_.end();
  FOREBAY_RETURN_IF_ERROR(read_records());
  return give();
}

Status CopyReader::read_records() {
  while (true) {
    data::Result<bool> next = records_.next();
    Status status = next.is_ok() ? Status::ok() : at_record(next.take_status());
    if (status.is_ok() && !*next) return Status::ok();
    if (status.is_ok()) status = read_record();
    if (status.is_ok()) continue;
    // What stands before may be wrong, too, and comes first.
    FOREBAY_RETURN_IF_ERROR(give());
    return status;
  }
}

Status CopyReader::read_record() {
  if (!header_read_) {
    header_read_ = true;
    if (copy_.format.header != sql::CopyFormat::Header::kNone) return check_header();
  }
  const std::vector<CopyRecords::Field>& fields = records_.fields();
  // A record of no columns is an empty line.
  const bool empty = writers_.empty() && records_.text().empty();
  if (fields.size() > writers_.size() && !empty) {
    return at_record(bad_format("extra data after last expected column"));
  }
  bool breaks_not_null = lacks_column_;
  for (size_t i = 0; i < writers_.size(); ++i) {
    connectors::ColumnWriter& writer = writers_[i];
    if (i >= fields.size()) {
      return at_record(bad_format(
          fmt::format("missing data for column \"{}\"", table_.columns[copy_.columns[i]].name)));
    }
    if (fields[i].is_null) {
      FOREBAY_RETURN_IF_ERROR(writer.set_missing(rows_));
      breaks_not_null |= table_.columns[copy_.columns[i]].not_null;
      continue;
    }
    Status status = writer.set_text(rows_, fields[i].text);
    if (!status.is_ok()) return at_field(std::move(status), i);
  }
  const uint64_t line = records_.line();
  if (rows_ == 0) first_line_ = line;
  if (lines_.empty() && line != first_line_ + rows_) {
    for (uint32_t i = 0; i < rows_; ++i) lines_.push_back(first_line_ + i);
  }
  if (line != first_line_ + rows_ || !lines_.empty()) lines_.push_back(line);
  ++rows_;
  if (!breaks_not_null) return rows_ < kBatchRows ? Status::ok() : give();
  // Unless WHERE leaves it out this ends the statement, while the record can still be shown.
  Status status = give();
  if (status.is_ok() || status.error().sqlstate != data::sqlstate::kNotNullViolation) return status;
  status.error().context.clear();
  return at_record(std::move(status));
}

Status CopyReader::check_header() const {
  if (copy_.format.header != sql::CopyFormat::Header::kMatch) return Status::ok();
  const std::vector<CopyRecords::Field>& fields = records_.fields();
  if (fields.size() != writers_.size()) {
    return at_record(
        bad_format(fmt::format("wrong number of fields in header line: got {}, expected {}",
                               fields.size(), writers_.size())));
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& name = table_.columns[copy_.columns[i]].name;
    if (fields[i].is_null) {
      return at_record(bad_format(
          fmt::format("column name mismatch in header line field {}: got null value (\"{}\"), "
                      "expected \"{}\"",
                      i + 1, copy_.format.null_text, name)));
    }
    if (fields[i].text != name) {
      return at_record(bad_format(
          fmt::format("column name mismatch in header line field {}: got \"{}\", expected \"{}\"",
                      i + 1, fields[i].text, name)));
    }
  }
  return Status::ok();
}

// Hands over the rows that are complete.
Status CopyReader::give() {
  if (rows_ == 0) return Status::ok();
  const uint32_t count = std::exchange(rows_, 0);
  CopiedBatch batch;
  batch.first_line = first_line_;
  batch.lines = std::exchange(lines_, {});
  std::vector<data::ColumnRef> columns(table_.columns.size());
  for (size_t i = 0; i < writers_.size(); ++i) {
    columns[copy_.columns[i]] = writers_[i].finish(count);
    writers_[i].begin();
  }
  std::vector<expr::RowError> errors;
  data::ChangeBatch none({}, count);
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] != nullptr) continue;
    columns[i] = expr::Evaluator(copy_.defaults[i]).evaluate(none, context_, errors);
  }
  batch.rows = data::ChangeBatch(std::move(columns), count);
  if (copy_.where != nullptr && errors.empty()) {
    batch.rows.set_selection(expr::Evaluator(copy_.where).select(batch.rows, context_, errors));
  }
  if (!errors.empty()) {
    return with_context(Status(errors.front().sqlstate, errors.front().message),
                        copy_place(table_, batch.line_of(errors.front().row)));
  }
  FOREBAY_RETURN_IF_ERROR(check_not_null(batch));
  return take_(std::move(batch));
}

Status CopyReader::check_not_null(const CopiedBatch& batch) const {
  for (size_t c = 0; c < table_.columns.size(); ++c) {
    const data::Column& column = batch.rows.column(c);
    if (!table_.columns[c].not_null || !column.has_nulls()) continue;
    for (uint32_t i = 0; i < batch.rows.rows(); ++i) {
      const uint32_t row = batch.rows.physical(i);
      if (!column.is_null(row)) continue;
      std::vector<data::Datum> values;
      for (const data::ColumnRef& value : batch.rows.columns()) values.push_back(value->datum(row));
      return with_context(null_in_column(table_, c, values),
                          copy_place(table_, batch.line_of(row)));
    }
  }
  return Status::ok();
}

}  // namespace forebay::server
