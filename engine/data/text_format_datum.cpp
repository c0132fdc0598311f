#include "engine/data/any_value.h"
#include "engine/data/array.h"
#include "engine/data/datetime.h"
#include "engine/data/json.h"
#include "engine/data/text_format.h"

/// Text in and out of values of any type.
namespace forebay::data {

namespace {

template <typename T>
Result<Datum> datum_of(Type type, Result<T> result) {
  if (!result.is_ok()) return result.take_status();
  return Datum{type, std::move(result).value()};
}

Result<Datum> parse_string(std::string_view text, Type type) {
  FOREBAY_RETURN_IF_ERROR(check_text(text));
  FOREBAY_ASSIGN_OR_RETURN(const std::string_view fitted, fit_string(text, type));
  return Datum{type, std::string(fitted)};
}

template <typename Value>
void format_any(Type type, const Value& value, std::string& out) {
  switch (type.id) {
    case TypeId::kBoolean:
      return format_boolean(value.boolean(), out);
    case TypeId::kSmallint:
    case TypeId::kInteger:
      return format_int64(value.int32(), out);
    case TypeId::kBigint:
    case TypeId::kOid:
      return format_int64(value.int64(), out);
    case TypeId::kReal:
      return format_real(value.real(), out);
    case TypeId::kDouble:
      return format_double(value.real(), out);
    case TypeId::kNumeric:
      return format_numeric(value.numeric(), out);
    case TypeId::kDate:
      return format_date(value.int32(), out);
    case TypeId::kTime:
      return format_time(value.int64(), out);
    case TypeId::kTimestamp:
      return format_timestamp(value.int64(), out);
    case TypeId::kTimestampTz:
      return format_timestamptz(value.int64(), out);
    case TypeId::kInterval:
      return format_interval(value.interval(), out);
    case TypeId::kChar:
      return format_padded(value.string(), type.modifier, out);
    case TypeId::kBytea:
      return format_bytea(value.string(), out);
    case TypeId::kUuid:
      return format_uuid(value.string(), out);
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText:
    case TypeId::kJsonb:
      out += value.string();
      return;
    default:
      return format_array(value.string(), type.element(), out);
  }
}

}  // namespace

Result<Datum> parse_datum(std::string_view text, Type type) {
  switch (type.id) {
    case TypeId::kBoolean:
      return datum_of(type, parse_boolean(text));
    case TypeId::kSmallint:
      return datum_of(type, parse_smallint(text));
    case TypeId::kInteger:
      return datum_of(type, parse_integer(text));
    case TypeId::kBigint:
      return datum_of(type, parse_bigint(text));
    case TypeId::kOid:
      return datum_of(type, parse_oid(text));
    case TypeId::kReal:
      return datum_of(type, parse_real(text));
    case TypeId::kDouble:
      return datum_of(type, parse_double(text));
    case TypeId::kNumeric:
      return datum_of(type, parse_numeric(text, type.modifier));
    case TypeId::kDate:
      return datum_of(type, parse_date(text));
    case TypeId::kTime:
      return datum_of(type, parse_time(text, type.modifier));
    case TypeId::kTimestamp:
      return datum_of(type, parse_timestamp(text, type.modifier));
    case TypeId::kTimestampTz:
      return datum_of(type, parse_timestamptz(text, type.modifier));
    case TypeId::kInterval: {
      FOREBAY_ASSIGN_OR_RETURN(const Interval exact, parse_interval(text));
      FOREBAY_ASSIGN_OR_RETURN(const Interval value, round_interval(exact, type.modifier));
      return Datum{type, value};
    }
    case TypeId::kBytea:
      return datum_of(type, parse_bytea(text));
    case TypeId::kUuid:
      return datum_of(type, parse_uuid(text));
    case TypeId::kUnknown:
    case TypeId::kVarchar:
    case TypeId::kText:
    case TypeId::kChar:
      return parse_string(text, type);
    case TypeId::kJsonb:
      return datum_of(type, parse_json(text));
    default:
      return datum_of(type, parse_array(text, type.element()));
  }
}

void format_datum(const Datum& datum, std::string& out) {
  if (datum.is_null()) return;
  format_any(datum.type, DatumView{datum.value}, out);
}

void format_value(Type type, const ColumnView& view, uint32_t row, std::string& out) {
  format_any(type, ColumnValue{view, row}, out);
}

}  // namespace forebay::data
