#include "connectors/bytes/bytes_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "connectors/column_writer.h"
#include "connectors/json/structural_index.h"
#include "connectors/lines.h"

namespace forebay::connectors {

namespace {

class BytesDecoder final : public Decoder {
 public:
  explicit BytesDecoder(const DecodeRequest& request)
      : projects_(!request.projection.empty()), writer_(request) {}

  void start(RawBatch batch) override {
    raw_ = std::move(batch);
    raw_owner_ = arena_of(raw_);
    done_ = false;
    at_ = 0;
    record_ = 0;
  }

  bool next(DecodedBatch& out) override {
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
      out.bad.push_back(oversized_record(raw_, "record is longer than 100 MB"));
      done_ = true;
    }
    while (!done_ && !at_end() && rows + out.bad.size() < writer_.capacity()) {
      const uint64_t offset = raw_.offset_of(record_, at_);
      bool has_value = true;
      const std::string_view record = take(has_value);
      Status status = decode(record, has_value, rows);
      if (status) {
        writer_.set_origin(rows, offset, record_);
        ++rows;
      } else {
        writer_.reset_row(rows);
        out.bad.push_back(make_bad_record(raw_, offset, record, status.error(),
                                          writer_.columns()[0].field().name));
      }
      ++record_;
    }
    out.rows = writer_.finish(rows, raw_);
    return true;
  }

 private:
  bool at_end() const {
    return raw_.records == nullptr ? at_ >= raw_.size : record_ >= raw_.records->ends.size();
  }

  /// The next record, without its line end in a file.
  std::string_view take(bool& has_value) {
    size_t begin = at_;
    if (raw_.records != nullptr) {
      const RecordTable& table = *raw_.records;
      begin = record_ == 0 ? 0 : table.ends[record_ - 1] + 1;
      at_ = table.ends[record_];
      const std::vector<uint32_t>& none = table.without_value;
      has_value = begin < at_ ||
                  !std::binary_search(none.begin(), none.end(), static_cast<uint32_t>(record_));
      return {raw_.bytes + begin, at_ - begin};
    }
    const std::string_view rest(raw_.bytes + begin, raw_.size - begin);
    const size_t newline = rest.find('\n');
    at_ = newline == std::string_view::npos ? raw_.size : begin + newline + 1;
    std::string_view record = rest.substr(0, newline);
    if (record.ends_with('\r')) record.remove_suffix(1);
    return record;
  }

  Status decode(std::string_view record, bool has_value, uint32_t row) {
    if (!projects_) return Status::ok();
    ColumnWriter& column = writer_.columns()[0];
    if (!has_value) return column.set_missing(row);
    if (column.field().type.id != data::TypeId::kBytea) {
      if (!is_valid_utf8(record)) {
        return Status(data::sqlstate::kInvalidCharacter,
                      "invalid byte sequence for encoding \"UTF8\"");
      }
      if (std::memchr(record.data(), 0, record.size()) != nullptr) {
        return Status(data::sqlstate::kInvalidCharacter,
                      "invalid byte sequence for encoding \"UTF8\": 0x00");
      }
    }
    column.set_string(row, record);  // kept by raw_owner_
    return Status::ok();
  }

  const bool projects_;
  BatchWriter writer_;
  RawBatch raw_;
  data::ArenaRef raw_owner_;
  size_t at_ = 0;      // of the next record, without a table of records
  size_t record_ = 0;  // number of the next record
  bool done_ = true;
};

class BytesFormat final : public LineFormat {
 public:
  std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const override {
    return std::make_unique<BytesDecoder>(request);
  }
};

Result<std::shared_ptr<const Format>> make_bytes(const SourceSpec& spec, const OptionReader&) {
  const bool fits =
      spec.schema.size() == 1 && (spec.schema[0].type.id == data::TypeId::kBytea ||
                                  ((spec.schema[0].type.id == data::TypeId::kText ||
                                    spec.schema[0].type.id == data::TypeId::kVarchar) &&
                                   spec.schema[0].type.modifier < 0));
  if (!fits) {
    return Status(
               data::sqlstate::kInvalidParameterValue,
               fmt::format("source \"{}\" is ENCODE BYTES and must have one column of type bytea "
                           "or text",
                           spec.name))
        .with_hint("Where a record comes from is added by INCLUDE.");
  }
  return std::shared_ptr<const Format>(std::make_shared<BytesFormat>());
}

}  // namespace

FormatDescriptor bytes_format() { return {"plain", "bytes", {}, make_bytes}; }

}  // namespace forebay::connectors
