// Answers questions about values on standard input, one a line: an operation and its arguments,
// between tabs. Control characters, backslashes and bytes above 0x7e are written as \xHH. The
// answer is a line "ok<TAB>text" or "error<TAB>SQLSTATE<TAB>message<TAB>detail<TAB>hint", escaped
// likewise.
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "engine/data/binary_format.h"
#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/data/row_codec.h"
#include "engine/data/text_format.h"

namespace forebay::data {
namespace {

using Arguments = std::vector<std::string>;
using Answer = Result<std::string>;
using Operation = std::function<Answer(const Arguments&)>;

std::string unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    result += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16));
    i += 3;
  }
  return result;
}

std::string escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte <= '~' && byte != '\\') {
      result += c;
    } else {
      result.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  return result;
}

std::string show(int64_t value) { return std::to_string(value); }
std::string show(int32_t value) { return std::to_string(value); }
std::string show(double value) {
  std::string text;
  format_double(value, text);
  return text;
}
std::string show(const Numeric& value) {
  std::string text;
  format_numeric(value, text);
  return text;
}
std::string show(const Interval& value) {
  std::string text;
  format_interval(value, text);
  return text;
}
std::string show_timestamp(int64_t value) {
  std::string text;
  format_timestamp(value, text);
  return text;
}
std::string show_date(int32_t value) {
  std::string text;
  format_date(value, text);
  return text;
}

template <typename T>
Answer answer(Result<T> result) {
  if (!result.is_ok()) return result.take_status();
  return show(*result);
}
Answer answer_timestamp(Result<int64_t> result) {
  if (!result.is_ok()) return result.take_status();
  return show_timestamp(*result);
}

/// Parses two arguments and hands them on.
template <typename ParseA, typename ParseB, typename Function>
Operation binary(ParseA parse_a, ParseB parse_b, Function function) {
  return [=](const Arguments& arguments) -> Answer {
    FOREBAY_ASSIGN_OR_RETURN(const auto a, parse_a(arguments[0]));
    FOREBAY_ASSIGN_OR_RETURN(const auto b, parse_b(arguments[1]));
    return function(a, b);
  };
}
template <typename Parse, typename Function>
Operation unary(Parse parse, Function function) {
  return [=](const Arguments& arguments) -> Answer {
    FOREBAY_ASSIGN_OR_RETURN(const auto a, parse(arguments[0]));
    return function(a);
  };
}

Result<Numeric> as_numeric(std::string_view text) { return parse_numeric(text); }
Result<int64_t> as_timestamp(std::string_view text) { return parse_timestamp(text); }
Result<Interval> as_interval(std::string_view text) { return parse_interval(text); }
Result<std::string> as_text(std::string_view text) { return std::string(text); }

void add_input_operations(std::map<std::string, Operation>& operations) {
  const auto add = [&](const std::string& name, Type type) {
    operations[name] = [type](const Arguments& arguments) -> Answer {
      FOREBAY_ASSIGN_OR_RETURN(const Datum datum, parse_datum(arguments[0], type));
      std::string text;
      format_datum(datum, text);
      return text;
    };
  };
  add("boolean", kBooleanType);
  for (const char* name :
       {"smallint", "real", "bytea", "uuid", "time", "jsonb", "integer[]", "numeric[]", "text[]"}) {
    add(name, Type{type_of_name(name)});
  }
  add("character(3)", Type{TypeId::kChar, 3});
  add("time(2)", Type{TypeId::kTime, 2});
  add("integer", kIntegerType);
  add("bigint", kBigintType);
  add("double precision", kDoubleType);
  add("numeric", kNumericType);
  add("numeric(10,3)", numeric_type(10, 3));
  add("numeric(4,4)", numeric_type(4, 4));
  add("text", kTextType);
  add("varchar(3)", Type{TypeId::kVarchar, 3});
  add("date", kDateType);
  add("timestamp", kTimestampType);
  add("timestamp(2)", Type{TypeId::kTimestamp, 2});
  add("timestamptz", kTimestampTzType);
  add("interval", kIntervalType);
  add("interval(2)", Type{TypeId::kInterval, 2});
  for (const std::string fields :
       {"year", "month", "day", "hour", "minute", "second", "year to month", "day to hour",
        "day to minute", "day to second", "hour to minute", "hour to second", "minute to second"}) {
    operations["interval " + fields] =
        unary([fields](std::string_view text) { return parse_interval(text, fields); },
              [](const Interval& value) -> Answer { return show(value); });
  }
}

/// The bytes of the binary format in hexadecimal; they must be read back as the same value.
Answer send(std::string_view text, Type type) {
  FOREBAY_ASSIGN_OR_RETURN(const Datum datum, parse_datum(text, type));
  std::string bytes;
  append_binary(datum, bytes);
  FOREBAY_ASSIGN_OR_RETURN(const Datum back, parse_binary(bytes, type));
  std::string text_in;
  std::string text_back;
  format_datum(datum, text_in);
  format_datum(back, text_back);
  if (text_in != text_back) return "reads back " + text_back + " for " + text_in;
  std::string hex = "x";
  for (const char c : bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    hex.append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
  }
  return hex;
}

void add_binary_operations(std::map<std::string, Operation>& operations) {
  for (const char* name : {"boolean", "integer", "bigint", "double precision", "numeric", "date",
                           "timestamp", "timestamptz", "interval", "smallint", "real", "bytea",
                           "uuid", "time", "jsonb", "integer[]", "text[]"}) {
    const Type type{type_of_name(name)};
    operations[std::string("send ") + name] = [type](const Arguments& arguments) {
      return send(arguments[0], type);
    };
  }
}

void add_numeric_operations(std::map<std::string, Operation>& operations) {
  const auto add_binary = [&](const std::string& name, auto function) {
    operations["numeric " + name] =
        binary(as_numeric, as_numeric,
               [function](const Numeric& a, const Numeric& b) { return answer(function(a, b)); });
  };
  using Function = Result<Numeric> (*)(const Numeric&, const Numeric&);
  add_binary("+", static_cast<Function>(add));
  add_binary("-", static_cast<Function>(subtract));
  add_binary("*", static_cast<Function>(multiply));
  add_binary("/", static_cast<Function>(divide));
  add_binary("%", static_cast<Function>(modulo));
  add_binary("compare",
             [](const Numeric& a, const Numeric& b) -> Result<int32_t> { return compare(a, b); });
  const auto add_unary = [&](const std::string& name, auto function) {
    operations["numeric " + name] =
        unary(as_numeric, [function](const Numeric& a) { return answer(function(a)); });
  };
  add_unary("negate", [](const Numeric& a) -> Result<Numeric> { return negate(a); });
  add_unary("floor", [](const Numeric& a) { return floor(a); });
  add_unary("ceil", [](const Numeric& a) { return ceil(a); });
  add_unary("bigint", [](const Numeric& a) { return to_int64(a); });
  add_unary("integer", [](const Numeric& a) { return to_int32(a); });
  add_unary("double", [](const Numeric& a) -> Result<double> { return to_double(a); });
  operations["numeric round"] = binary(
      as_numeric, parse_integer, [](const Numeric& a, int32_t b) { return answer(round(a, b)); });
  operations["numeric trunc"] = binary(as_numeric, parse_integer, [](const Numeric& a, int32_t b) {
    return answer(truncate(a, b));
  });
  operations["numeric from double"] =
      unary(parse_double, [](double a) { return answer(numeric_from(a)); });
  const auto add_aggregate = [&](const std::string& name, auto function) {
    operations["numeric " + name] = [function](const Arguments& arguments) -> Answer {
      NumericSum sum{};
      int64_t count = 0;
      std::string_view list = arguments[0];
      while (!list.empty()) {
        const size_t comma = std::min(list.find(','), list.size());
        FOREBAY_ASSIGN_OR_RETURN(const Numeric value, parse_numeric(list.substr(0, comma)));
        FOREBAY_RETURN_IF_ERROR(add(sum, value, 1));
        ++count;
        list.remove_prefix(std::min(comma + 1, list.size()));
      }
      return answer(function(sum, count));
    };
  };
  add_aggregate("sum", [](const NumericSum& sum, int64_t) { return finish(sum); });
  add_aggregate("avg", [](const NumericSum& sum, int64_t count) { return average(sum, count); });
}

/// The order of two values; their key bytes must say the same, and be read back as the values.
Answer compare_values(const Arguments& arguments, Type type) {
  FOREBAY_ASSIGN_OR_RETURN(const Datum a, parse_datum(arguments[0], type));
  FOREBAY_ASSIGN_OR_RETURN(const Datum b, parse_datum(arguments[1], type));
  const int order = compare(a, b);
  std::string key_a;
  std::string key_b;
  append_key(a, KeyMode::kGrouping, key_a);
  append_key(b, KeyMode::kGrouping, key_b);
  const int key_order = key_a.compare(key_b);
  if ((key_order > 0) - (key_order < 0) != order) return std::string("key bytes have another order");
  for (const bool descending : {false, true}) {
    std::string key;
    append_key(a, KeyMode::kExact, key, {descending, false});
    std::string_view rest = key;
    ColumnBuilder builder(type);
    FOREBAY_RETURN_IF_ERROR(decode_key(rest, KeyMode::kExact, builder, {descending, false}));
    std::string text_in;
    std::string text_back;
    format_datum(a, text_in);
    format_datum(builder.finish()->datum(0), text_back);
    if (!rest.empty() || text_in != text_back) return "key reads back " + text_back;
  }
  return show(order);
}

void add_ordering_operations(std::map<std::string, Operation>& operations) {
  for (const char* name : {"jsonb", "integer[]", "numeric[]", "uuid", "bytea", "real"}) {
    const Type type{type_of_name(name)};
    operations[std::string("compare ") + name] = [type](const Arguments& arguments) {
      return compare_values(arguments, type);
    };
  }
}

void add_calendar_operations(std::map<std::string, Operation>& operations) {
  operations["timestamp + interval"] =
      binary(as_timestamp, as_interval,
             [](int64_t a, const Interval& b) { return answer_timestamp(add(a, b)); });
  operations["timestamp - interval"] =
      binary(as_timestamp, as_interval,
             [](int64_t a, const Interval& b) { return answer_timestamp(subtract(a, b)); });
  operations["timestamp - timestamp"] =
      binary(as_timestamp, as_timestamp,
             [](int64_t a, int64_t b) { return answer(timestamp_difference(a, b)); });
  operations["age"] =
      binary(as_timestamp, as_timestamp, [](int64_t a, int64_t b) { return answer(age(a, b)); });
  operations["interval + interval"] =
      binary(as_interval, as_interval,
             [](const Interval& a, const Interval& b) { return answer(add(a, b)); });
  operations["interval - interval"] =
      binary(as_interval, as_interval,
             [](const Interval& a, const Interval& b) { return answer(subtract(a, b)); });
  operations["interval compare"] =
      binary(as_interval, as_interval,
             [](const Interval& a, const Interval& b) -> Answer { return show(compare(a, b)); });
  operations["interval negate"] =
      unary(as_interval, [](const Interval& a) { return answer(negate(a)); });
  operations["interval *"] = binary(as_interval, parse_double, [](const Interval& a, double b) {
    return answer(multiply(a, b));
  });
  operations["interval /"] = binary(
      as_interval, parse_double, [](const Interval& a, double b) { return answer(divide(a, b)); });
  operations["date_trunc timestamp"] =
      binary(as_text, as_timestamp, [](const std::string& field, int64_t value) {
        return answer_timestamp(truncate_timestamp(field, value));
      });
  operations["date_trunc interval"] =
      binary(as_text, as_interval, [](const std::string& field, const Interval& value) {
        return answer(truncate_interval(field, value));
      });
  const auto add_extract = [&](const std::string& type, auto parse, auto is_infinite,
                               auto function) {
    const TypeId type_id = type_of_name(type);
    operations["extract " + type] =
        binary(as_text, parse,
               [type_id, is_infinite, function](const std::string& field, const auto& value) {
                 if (is_infinite(value) && extract_is_null(field, type_id))
                   return Answer(std::string());
                 return answer(function(field, value));
               });
  };
  const auto is_infinite_timestamp = [](int64_t value) {
    return value == kTimestampInfinity || value == kTimestampNegativeInfinity;
  };
  add_extract("timestamp", as_timestamp, is_infinite_timestamp,
              [](const std::string& field, int64_t value) {
                return extract_timestamp(field, value, false);
              });
  add_extract("timestamptz", as_timestamp, is_infinite_timestamp,
              [](const std::string& field, int64_t value) {
                return extract_timestamp(field, value, true);
              });
  add_extract(
      "date", parse_date,
      [](int32_t value) { return value == kDateInfinity || value == kDateNegativeInfinity; },
      [](const std::string& field, int32_t value) { return extract_date(field, value); });
  add_extract(
      "interval", as_interval, [](const Interval&) { return false; },
      [](const std::string& field, const Interval& value) {
        return extract_interval(field, value);
      });
  operations["timestamp from date"] =
      unary(parse_date, [](int32_t days) { return answer_timestamp(timestamp_from_date(days)); });
  operations["date from timestamp"] = unary(
      as_timestamp, [](int64_t value) -> Answer { return show_date(date_from_timestamp(value)); });
}

int run() {
  std::map<std::string, Operation> operations;
  add_input_operations(operations);
  add_binary_operations(operations);
  add_numeric_operations(operations);
  add_ordering_operations(operations);
  add_calendar_operations(operations);
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    Arguments parts;
    for (size_t start = 0; start <= line.size();) {
      const size_t tab = std::min(line.find('\t', start), line.size());
      parts.push_back(unescape(std::string_view(line).substr(start, tab - start)));
      start = tab + 1;
    }
    const auto operation = operations.find(parts[0]);
    if (operation == operations.end()) {
      std::cerr << "no operation " << parts[0] << "\n";
      return 1;
    }
    parts.erase(parts.begin());
    const Answer result = operation->second(parts);
    if (result.is_ok()) {
      std::cout << "ok\t" << escape(*result) << "\n";
    } else {
      const Error& error = result.error();
      std::cout << "error\t" << error.sqlstate.view() << "\t" << escape(error.message) << "\t"
                << escape(error.detail) << "\t" << escape(error.hint) << "\n";
    }
  }
  return 0;
}

}  // namespace
}  // namespace forebay::data

int main() { return forebay::data::run(); }
