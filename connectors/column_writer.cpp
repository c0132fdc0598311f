#include "connectors/column_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/fast_parse.h"
#include "connectors/json/structural_index.h"
#include "engine/data/datetime.h"
#include "engine/data/session_zone.h"
#include "engine/data/text_format.h"

namespace forebay::connectors {

using data::TypeId;

namespace {
/// Keys and headers are text; what isn't, is written as PostgreSQL writes bytea.
void append_attached(data::ColumnBuilder& builder, std::string_view bytes) {
  if (is_valid_utf8(bytes) && bytes.find('\0') == std::string_view::npos) {
    builder.append_string(bytes);
    return;
  }
  std::string hex = "\\x";
  for (char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  builder.append_string(hex);
}
}  // namespace

ColumnWriter::ColumnWriter(data::Field field, uint32_t capacity)
    : field_(std::move(field)),
      layout_(data::layout_of(field_.type.id)),
      capacity_(capacity),
      builder_(field_.type),
      validity_(capacity / 64 + 1, ~uint64_t{0}) {
  if (field_.type.id == TypeId::kNumeric && field_.type.modifier >= 0) {
    column_scale_ = field_.type.numeric_scale();
    mantissa_limit_ = 1;
    for (int32_t i = 0; i < std::min(18, field_.type.numeric_precision()); ++i)
      mantissa_limit_ *= 10;
  }
}

void ColumnWriter::begin() {
  values_ = builder_.resize_bytes(capacity_);
  if (any_null_) validity_.assign(validity_.size(), ~uint64_t{0});
  any_null_ = false;
}

data::ColumnRef ColumnWriter::finish(uint32_t rows) {
  builder_.resize_bytes(rows);
  if (any_null_) builder_.set_validity(validity_.data());
  return builder_.finish();
}

Status ColumnWriter::set_missing(uint32_t row) {
  if (field_.not_null) {
    return Status(
        data::sqlstate::kNotNullViolation,
        fmt::format("null value in column \"{}\" violates not-null constraint", field_.name));
  }
  // Defined bytes below a NULL, whatever an earlier record left there.
  std::memset(values_ + size_t{row} * data::width_of(layout_), 0, data::width_of(layout_));
  set_null(row);
  return Status::ok();
}

Status ColumnWriter::set_text(uint32_t row, std::string_view text) {
  const uint32_t length = static_cast<uint32_t>(text.size());
  const bool plain = field_.type.modifier < 0;
  switch (field_.type.id) {
    case TypeId::kBigint:
      if (int64_t value; parse_plain_integer(text.data(), length, value)) {
        set(row, value);
        return Status::ok();
      }
      break;
    case TypeId::kSmallint:
      if (int64_t value;
          parse_plain_integer(text.data(), length, value) && value == static_cast<int16_t>(value)) {
        set(row, static_cast<int32_t>(value));
        return Status::ok();
      }
      break;
    case TypeId::kInteger:
      if (int64_t value;
          parse_plain_integer(text.data(), length, value) && value == static_cast<int32_t>(value)) {
        set(row, static_cast<int32_t>(value));
        return Status::ok();
      }
      break;
    case TypeId::kDouble:
      if (double value; parse_plain_double(text.data(), length, value)) {
        set(row, value);
        return Status::ok();
      }
      break;
    case TypeId::kNumeric: {
      int64_t mantissa;
      uint32_t scale;
      if (parse_plain_decimal(text.data(), length, mantissa, scale) &&
          set_decimal(row, mantissa, scale)) {
        return Status::ok();
      }
      break;
    }
    case TypeId::kTimestampTz:
      if (data::session_zone() != nullptr) break;  // COPY in a session
      [[fallthrough]];
    case TypeId::kTimestamp:
      if (int64_t value; plain && parse_plain_timestamp(text.data(), length, value)) {
        set(row, value);
        return Status::ok();
      }
      break;
    case TypeId::kDate:
      if (int32_t value; parse_plain_date(text.data(), length, value)) {
        set(row, value);
        return Status::ok();
      }
      break;
    case TypeId::kVarchar:
    case TypeId::kText:
      if (std::memchr(text.data(), 0, text.size()) != nullptr) {
        return Status(data::sqlstate::kInvalidCharacter,
                      "invalid byte sequence for encoding \"UTF8\": 0x00");
      }
      if (plain || length <= static_cast<uint32_t>(field_.type.modifier)) {
        set_string_copy(row, text);
        return Status::ok();
      }
      break;
    default:
      break;
  }
  return set_parsed(row, text);
}

Status ColumnWriter::set_parsed(uint32_t row, std::string_view text) {
  FOREBAY_ASSIGN_OR_RETURN(data::Datum datum, data::parse_datum(text, field_.type));
  switch (layout_) {
    case Layout::kBool:
      set<uint8_t>(row, std::get<bool>(datum.value) ? 1 : 0);
      break;
    case Layout::kInt32:
      set(row, std::get<int32_t>(datum.value));
      break;
    case Layout::kInt64:
      set(row, std::get<int64_t>(datum.value));
      break;
    case Layout::kDouble:
      set(row, std::get<double>(datum.value));
      break;
    case Layout::kNumeric:
      set(row, std::get<data::Numeric>(datum.value));
      break;
    case Layout::kString:
      set_string_copy(row, std::get<std::string>(datum.value));
      break;
    case Layout::kInterval:
      set(row, std::get<data::Interval>(datum.value));
      break;
  }
  return Status::ok();
}

BatchWriter::BatchWriter(const DecodeRequest& request)
    : capacity_(std::max<uint32_t>(1, request.batch_rows)), metadata_(request.metadata) {
  columns_.reserve(request.projection.size());
  for (uint32_t index : request.projection) columns_.emplace_back(request.schema[index], capacity_);
  for (const std::string& name : metadata_) {
    wants_origin_ |= !name.starts_with("partition") && name != "proctime";
  }
  if (wants_origin_) {
    offsets_.resize(capacity_);
    records_.resize(capacity_);
  }
}

void BatchWriter::begin(const data::ArenaRef& raw_owner) {
  // The buffer's bytes are counted with the first of the columns that share it.
  static const data::Arena kUncounted;
  bool first = true;
  for (ColumnWriter& column : columns_) {
    column.begin();
    if (column.layout() != Layout::kString) continue;
    column.keep(first ? raw_owner : data::ArenaRef(raw_owner, &kUncounted));
    first = false;
  }
}

ChangeBatch BatchWriter::finish(uint32_t rows, const RawBatch& raw) {
  std::vector<data::ColumnRef> columns;
  columns.reserve(columns_.size() + metadata_.size());
  for (ColumnWriter& column : columns_) columns.push_back(column.finish(rows));
  for (const std::string& name : metadata_) columns.push_back(metadata_column(name, rows, raw));
  return ChangeBatch(std::move(columns), rows);
}

data::ColumnRef BatchWriter::metadata_column(const std::string& name, uint32_t rows,
                                             const RawBatch& raw) {
  if (name == "partition")
    return data::Column::constant({data::kTextType, raw.partition_name}, rows);
  if (name == "partition_number") {
    return data::Column::constant({data::kIntegerType, raw.partition_number}, rows);
  }
  if (name == "proctime")
    return data::Column::constant({data::kTimestampTzType, raw.read_at}, rows);
  if (name == "offset") {
    data::ColumnBuilder builder(data::kBigintType);
    std::memcpy(builder.resize_bytes(rows), offsets_.data(), size_t{rows} * sizeof(int64_t));
    return builder.finish();
  }
  if (name == "timestamp") {
    data::ColumnBuilder builder(data::kTimestampTzType);
    for (uint32_t row = 0; row < rows; ++row) {
      int64_t ms = raw.records == nullptr ? -1 : raw.records->timestamps_ms[records_[row]];
      if (ms < 0) {
        builder.append_null();
      } else {
        builder.append<int64_t>(ms * 1000 - data::kUnixEpochOffsetSeconds * data::kMicrosPerSecond);
      }
    }
    return builder.finish();
  }
  data::ColumnBuilder builder(data::kTextType);
  const RecordBytes* attached = nullptr;
  if (raw.records != nullptr) {
    auto found = raw.records->attached.find(name);
    if (found != raw.records->attached.end()) attached = &found->second;
  }
  for (uint32_t row = 0; row < rows; ++row) {
    const uint32_t record = records_[row];
    if (attached == nullptr || !attached->present[record]) {
      builder.append_null();
      continue;
    }
    const uint32_t begin = record == 0 ? 0 : attached->ends[record - 1];
    append_attached(
        builder, std::string_view(attached->bytes).substr(begin, attached->ends[record] - begin));
  }
  return builder.finish();
}

data::ArenaRef arena_of(const RawBatch& raw) {
  struct Owner {
    data::Arena arena;
    std::shared_ptr<const char[]> buffer;
  };
  auto owner = std::make_shared<Owner>();
  owner->buffer = raw.buffer;
  owner->arena.count_external(raw.size);
  return data::ArenaRef(owner, &owner->arena);
}

BadRecord make_bad_record(const RawBatch& raw, uint64_t offset, std::string_view bytes,
                          const data::Error& error, std::string column) {
  BadRecord bad;
  bad.partition = raw.partition;
  bad.partition_name = raw.partition_name;
  bad.offset = Offset(offset);
  bad.sqlstate = error.sqlstate;
  bad.reason = error.message;
  if (!error.detail.empty()) bad.reason += ": " + error.detail;
  bad.column = std::move(column);
  bad.raw = bytes.substr(0, kMaxBadRecordBytes);
  return bad;
}

BadRecord oversized_record(const RawBatch& raw, std::string reason) {
  const data::Error error{.sqlstate = data::sqlstate::kProgramLimit, .message = std::move(reason)};
  return make_bad_record(raw, raw.from.value, {raw.bytes, raw.size}, error, "");
}

}  // namespace forebay::connectors
