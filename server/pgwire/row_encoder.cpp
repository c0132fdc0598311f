#include "server/pgwire/row_encoder.h"

#include <bit>
#include <charconv>

#include "engine/data/binary_format.h"
#include "engine/data/text_format.h"
#include "engine/data/vector_type.h"

namespace forebay::server::pgwire {

using data::ColumnView;
using data::TypeId;

namespace {

void append_integer(int64_t value, MessageWriter& out) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  auto size = static_cast<size_t>(end - digits);
  out.int32(static_cast<int32_t>(size));
  out.bytes({digits, size});
}

template <typename F>
void append_sized(MessageWriter& out, F&& format) {
  size_t at = out.buffer().size();
  out.int32(0);
  format(out.buffer());
  out.put_int32(at, static_cast<int32_t>(out.buffer().size() - at - 4));
}

}  // namespace

void write_row_description(const data::Schema& schema, std::span<const int16_t> formats,
                           MessageWriter& out) {
  out.begin('T');
  out.int16(static_cast<int16_t>(schema.size()));
  for (size_t i = 0; i < schema.size(); ++i) {
    TypeId id = schema[i].type.id == TypeId::kUnknown ? TypeId::kText : schema[i].type.id;
    out.text(schema[i].name);
    out.int32(0);
    out.int16(0);
    const bool vector = data::is_vector(schema[i].type);
    out.int32(static_cast<int32_t>(vector ? data::vector_oid(schema[i].type) : data::type_oid(id)));
    out.int16(data::type_length(id));
    out.int32(data::to_wire_modifier(schema[i].type));
    out.int16(formats[i]);
  }
  out.end();
}

RowEncoder::Form RowEncoder::form_of(TypeId id, bool binary) {
  switch (id) {
    case TypeId::kBoolean:
      return binary ? Form::kBinaryBoolean : Form::kTextBoolean;
    case TypeId::kSmallint:
      return binary ? Form::kBinary : Form::kTextInt32;
    case TypeId::kInteger:
      return binary ? Form::kBinary32 : Form::kTextInt32;
    case TypeId::kBigint:
      return binary ? Form::kBinary64 : Form::kTextInt64;
    case TypeId::kDouble:
      return binary ? Form::kBinaryDouble : Form::kTextDouble;
    case TypeId::kNumeric:
      return binary ? Form::kBinaryNumeric : Form::kTextNumeric;
    case TypeId::kDate:
      return binary ? Form::kBinary32 : Form::kTextDate;
    case TypeId::kTimestamp:
      return binary ? Form::kBinary64 : Form::kTextTimestamp;
    case TypeId::kTimestampTz:
      return binary ? Form::kBinary64 : Form::kTextTimestampTz;
    case TypeId::kInterval:
      return binary ? Form::kBinaryInterval : Form::kTextInterval;
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText:
      return Form::kString;
    default:
      return binary ? Form::kBinary : Form::kText;
  }
}

void RowEncoder::prepare(const data::Schema& schema, std::span<const int16_t> formats) {
  targets_.clear();
  for (size_t i = 0; i < schema.size(); ++i) {
    const data::Type type = schema[i].type;
    const bool binary = formats[i] == 1;
    if (data::is_vector(type)) {
      targets_.push_back({type, binary ? Form::kBinaryVector : Form::kTextVector});
    } else {
      targets_.push_back({type, form_of(type.id, binary)});
    }
  }
}

void RowEncoder::start_batch(const data::ChangeBatch& batch) {
  views_.clear();
  for (size_t i = 0; i < targets_.size(); ++i) views_.push_back(batch.column(i).view());
}

void RowEncoder::append_value(const Target& target, const ColumnView& view, uint32_t row,
                              MessageWriter& out) {
  switch (target.form) {
    case Form::kText:
      return append_sized(
          out, [&](std::string& text) { data::format_value(target.type, view, row, text); });
    case Form::kBinary:
      return append_sized(out, [&](std::string& bytes) {
        data::append_binary_value(target.type, view, row, bytes);
      });
    case Form::kString: {
      std::string_view text = view.at<data::StringView>(row).view();
      out.int32(static_cast<int32_t>(text.size()));
      out.bytes(text);
      return;
    }
    case Form::kTextVector:
      return append_sized(out, [&](std::string& text) {
        data::format_vector(view.at<data::StringView>(row).view(), target.type, text);
      });
    case Form::kBinaryVector:
      return append_sized(out, [&](std::string& bytes) {
        data::append_binary_vector(view.at<data::StringView>(row).view(), target.type, bytes);
      });
    case Form::kTextInt32:
      return append_integer(view.at<int32_t>(row), out);
    case Form::kTextInt64:
      return append_integer(view.at<int64_t>(row), out);
    case Form::kTextBoolean:
      out.int32(1);
      out.byte(view.at<uint8_t>(row) != 0 ? 't' : 'f');
      return;
    case Form::kTextDouble:
      return append_sized(
          out, [&](std::string& text) { data::format_double(view.at<double>(row), text); });
    case Form::kTextNumeric:
      return append_sized(
          out, [&](std::string& text) { data::format_numeric(view.at<data::Numeric>(row), text); });
    case Form::kTextDate:
      return append_sized(
          out, [&](std::string& text) { data::format_date(view.at<int32_t>(row), text); });
    case Form::kTextTimestamp:
      return append_sized(
          out, [&](std::string& text) { data::format_timestamp(view.at<int64_t>(row), text); });
    case Form::kTextTimestampTz:
      return append_sized(
          out, [&](std::string& text) { data::format_timestamptz(view.at<int64_t>(row), text); });
    case Form::kTextInterval:
      return append_sized(out, [&](std::string& text) {
        data::format_interval(view.at<data::Interval>(row), text);
      });
    case Form::kBinaryBoolean:
      out.int32(1);
      out.byte(view.at<uint8_t>(row) != 0 ? '\1' : '\0');
      return;
    case Form::kBinary32:
      out.int32(4);
      out.int32(view.at<int32_t>(row));
      return;
    case Form::kBinary64:
      out.int32(8);
      out.int64(view.at<int64_t>(row));
      return;
    case Form::kBinaryDouble:
      out.int32(8);
      out.int64(std::bit_cast<int64_t>(view.at<double>(row)));
      return;
    case Form::kBinaryNumeric:
      return append_sized(out, [&](std::string& bytes) {
        data::append_binary_numeric(view.at<data::Numeric>(row), bytes);
      });
    case Form::kBinaryInterval: {
      const auto& interval = view.at<data::Interval>(row);
      out.int32(16);
      out.int64(interval.microseconds);
      out.int32(interval.days);
      out.int32(interval.months);
      return;
    }
  }
}

void RowEncoder::write_row(uint32_t row, MessageWriter& out) const {
  out.begin('D');
  out.int16(static_cast<int16_t>(targets_.size()));
  for (size_t i = 0; i < targets_.size(); ++i) {
    if (views_[i].is_null(row)) {
      out.int32(-1);
    } else {
      append_value(targets_[i], views_[i], row, out);
    }
  }
  out.end();
}

}  // namespace forebay::server::pgwire
