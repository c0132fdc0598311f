#include <cctype>
#include <string>

#include "engine/data/text_format.h"
#include "udfs/builtin/any_text.h"
#include "udfs/builtin/builtin.h"
#include "udfs/utf8.h"

/// Finding, replacing and joining text: position, replace, ||, concat, format, quoting.
namespace forebay::udfs {

void append_text(Type type, const ColumnView& view, uint32_t row, std::string& out) {
  data::format_value(type, view, row, out);
}

namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kAny = TypeId::kUnknown;
using Text = std::string_view;

int32_t position_of(Text text, Text part) {
  const size_t at = text.find(part);
  if (at == Text::npos) return 0;
  return static_cast<int32_t>(utf8::length(text.substr(0, at))) + 1;
}

Result<std::string> replaced(Text text, Text from, Text to) {
  if (from.empty()) return std::string(text);
  std::string out;
  size_t start = 0;
  for (size_t at; (at = text.find(from, start)) != Text::npos; start = at + from.size()) {
    out += text.substr(start, at - start);
    out += to;
    if (out.size() > kLongestText)
      return Status(data::sqlstate::kProgramLimit, std::string(kTextTooLong));
  }
  out += text.substr(start);
  return out;
}

/// || of two texts, written straight into the result's memory.
void join_texts(const ScalarCall& call, uint32_t row) {
  const Text a = call.arguments[0].at<StringView>(row).view();
  const Text b = call.arguments[1].at<StringView>(row).view();
  const size_t size = a.size() + b.size();
  if (size > kLongestText) return call.fail_row(row, data::sqlstate::kProgramLimit, kTextTooLong);
  char small[StringView::kInlineBytes];
  char* target = size <= sizeof small ? small : call.allocate(call.context, size);
  if (!a.empty()) std::memcpy(target, a.data(), a.size());
  if (!b.empty()) std::memcpy(target + a.size(), b.data(), b.size());
  call.out<StringView>()[row] = StringView(Text(target, size));
}

/// || where one side is not text: it is cast, and a cast says true where output says t.
void join_any(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    buffer.clear();
    for (uint32_t i = 0; i < 2; ++i) {
      if (call.argument_types[i].id == TypeId::kBoolean) {
        buffer += call.arguments[i].at<uint8_t>(row) != 0 ? "true" : "false";
      } else {
        append_text(call.argument_types[i], call.arguments[i], row, buffer);
      }
    }
    call.set_string(row, buffer);
  });
}

/// concat (no separator) and concat_ws (the first argument separates).
template <bool kSeparated>
void concat(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    buffer.clear();
    if (kSeparated && call.arguments[0].is_null(row)) return call.set_null(row);
    const Text separator = kSeparated ? call.arguments[0].at<StringView>(row).view() : Text();
    bool first = true;
    for (uint32_t i = kSeparated; i < call.argument_count; ++i) {
      if (call.arguments[i].is_null(row)) continue;
      if (!first) buffer += separator;
      first = false;
      append_text(call.argument_types[i], call.arguments[i], row, buffer);
      if (buffer.size() > kLongestText) break;  // set_string refuses it
    }
    call.set_string(row, buffer);
  });
}

// ---------------------------------------------------------------- quoting and format

void append_literal(Text text, std::string& out) {
  if (text.find('\\') != Text::npos) out += 'E';
  out += '\'';
  for (char c : text) {
    if (c == '\'' || c == '\\') out += c;
    out += c;
  }
  out += '\'';
}

/// Words of the grammar that an identifier may not be without quotes.
bool is_reserved(Text word) {
  static constexpr Text kWords[] = {
      "all",        "analyse",   "analyze",   "and",       "any",       "array",      "as",
      "asc",        "between",   "bigint",    "boolean",   "both",      "case",       "cast",
      "char",       "check",     "coalesce",  "collate",   "column",    "constraint", "create",
      "cross",      "date",      "dec",       "decimal",   "default",   "desc",       "distinct",
      "do",         "else",      "end",       "except",    "exists",    "extract",    "false",
      "fetch",      "float",     "for",       "foreign",   "from",      "full",       "grant",
      "greatest",   "group",     "having",    "in",        "inner",     "int",        "integer",
      "intersect",  "interval",  "into",      "is",        "join",      "leading",    "least",
      "left",       "like",      "limit",     "localtime", "natural",   "not",        "null",
      "nullif",     "numeric",   "offset",    "on",        "only",      "or",         "order",
      "outer",      "overlay",   "placing",   "position",  "precision", "primary",    "real",
      "references", "returning", "right",     "row",       "select",    "setof",      "similar",
      "smallint",   "some",      "substring", "table",     "then",      "time",       "timestamp",
      "to",         "trailing",  "treat",     "trim",      "true",      "union",      "unique",
      "user",       "using",     "values",    "varchar",   "variadic",  "when",       "where",
      "window",     "with"};
  for (Text reserved : kWords) {
    if (reserved == word) return true;
  }
  return false;
}

void append_identifier(Text text, std::string& out) {
  bool plain =
      !text.empty() && (std::islower(static_cast<unsigned char>(text[0])) != 0 || text[0] == '_');
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    plain = plain && (std::islower(byte) != 0 || std::isdigit(byte) != 0 || c == '_');
  }
  if (plain && !is_reserved(text)) {
    out += text;
    return;
  }
  out += '"';
  for (char c : text) {
    if (c == '"') out += c;
    out += c;
  }
  out += '"';
}

std::string quoted_literal(Text text) {
  std::string out;
  append_literal(text, out);
  return out;
}
std::string quoted_identifier(Text text) {
  std::string out;
  append_identifier(text, out);
  return out;
}

/// One %[n$][-][width]type of a format string.
struct FormatField {
  int position = 0;  // 0: the next argument
  bool left = false;
  int width = 0;
  bool width_from_argument = false;
  char type = 0;
};

int read_number(Text format, size_t& at) {
  int number = 0;
  while (at < format.size() && std::isdigit(static_cast<unsigned char>(format[at])) != 0 &&
         number < 100'000'000) {
    number = number * 10 + (format[at++] - '0');
  }
  return number;
}

Result<FormatField> read_field(Text format, size_t& at) {
  FormatField field;
  const size_t start = at;
  const int number = read_number(format, at);
  if (at > start && at < format.size() && format[at] == '$') {
    if (number == 0) {
      return Status(data::sqlstate::kInvalidParameterValue,
                    "format specifies argument 0, but arguments are numbered from 1");
    }
    field.position = number;
    ++at;
  } else {
    at = start;
  }
  while (at < format.size() && format[at] == '-') {
    field.left = true;
    ++at;
  }
  if (at < format.size() && format[at] == '*') {
    field.width_from_argument = true;
    ++at;
  } else {
    field.width = read_number(format, at);
  }
  if (at == format.size()) {
    return Status(data::sqlstate::kInvalidParameterValue, "unterminated format() type specifier");
  }
  field.type = format[at++];
  if (field.type != 's' && field.type != 'I' && field.type != 'L') {
    return Status(data::sqlstate::kInvalidParameterValue,
                  std::string("unrecognized format() type specifier \"") + field.type + "\"");
  }
  return field;
}

class Formatter {
 public:
  Formatter(const ScalarCall& call, uint32_t row) : call_(call), row_(row) {}

  Status run(Text format, std::string& out) {
    for (size_t at = 0; at < format.size();) {
      if (format[at] != '%') {
        out += format[at++];
        continue;
      }
      if (++at < format.size() && format[at] == '%') {
        out += format[at++];
        continue;
      }
      FOREBAY_ASSIGN_OR_RETURN(FormatField field, read_field(format, at));
      if (field.width_from_argument) {
        FOREBAY_ASSIGN_OR_RETURN(const uint32_t argument, take(0));
        if (!call_.arguments[argument].is_null(row_)) {
          std::string width;
          append_text(call_.argument_types[argument], call_.arguments[argument], row_, width);
          FOREBAY_ASSIGN_OR_RETURN(field.width, data::parse_integer(width));
        }
        if (field.width < 0) {
          field.left = true;
          field.width = -field.width;
        }
      }
      FOREBAY_ASSIGN_OR_RETURN(const uint32_t argument, take(field.position));
      FOREBAY_RETURN_IF_ERROR(append(field, argument, out));
    }
    return Status::ok();
  }

 private:
  Result<uint32_t> take(int position) {
    next_ = position > 0 ? static_cast<uint32_t>(position) : next_ + 1;
    if (next_ >= call_.argument_count) {
      return Status(data::sqlstate::kInvalidParameterValue, "too few arguments for format()");
    }
    return next_;
  }

  Status append(const FormatField& field, uint32_t argument, std::string& out) {
    std::string text;
    std::string shown;
    const bool is_null = call_.arguments[argument].is_null(row_);
    if (!is_null)
      append_text(call_.argument_types[argument], call_.arguments[argument], row_, text);
    if (field.type == 'I') {
      if (is_null) {
        return Status(data::SqlState{"22004"},
                      "null values cannot be formatted as an SQL identifier");
      }
      append_identifier(text, shown);
    } else if (field.type == 'L') {
      if (is_null) {
        shown = "NULL";
      } else {
        append_literal(text, shown);
      }
    } else {
      shown = text;
    }
    const int64_t missing = field.width - utf8::length(shown);
    if (missing > 0 && out.size() + static_cast<size_t>(missing) > kLongestText) {
      return Status(data::sqlstate::kProgramLimit, std::string(kTextTooLong));
    }
    const std::string blanks(static_cast<size_t>(std::max<int64_t>(missing, 0)), ' ');
    out += field.left ? shown + blanks : blanks + shown;
    if (out.size() > kLongestText)
      return Status(data::sqlstate::kProgramLimit, std::string(kTextTooLong));
    return Status::ok();
  }

  const ScalarCall& call_;
  uint32_t row_;
  uint32_t next_ = 0;
};

void format(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    if (call.arguments[0].is_null(row)) return call.set_null(row);
    buffer.clear();
    Status status = Formatter(call, row).run(call.arguments[0].at<StringView>(row).view(), buffer);
    if (status.is_ok()) return call.set_string(row, buffer);
    call.fail_row(row, status.error());
  });
}

// ---------------------------------------------------------------- descriptors

void add_finding(Definer& define) {
  define.define<[](Text t, Text part) { return position_of(t, part); }>(
      "position", {kText, kText}, kInteger, "where a part starts, from 1; 0 when it is not there",
      {{"position('om' in 'Thomas')", "3"}});
  define.define<[](Text t, Text part) { return position_of(t, part); }>(
      "strpos", {kText, kText}, kInteger, "where a part starts, from 1; 0 when it is not there",
      {{"strpos('high', 'ig')", "2"}});
  for (Text name : {"starts_with", "^@"}) {
    std::vector<Example> examples;
    if (name[0] == 's') examples = {{"starts_with('alphabet', 'alph')", "t"}};
    define.define<[](Text t, Text part) { return t.starts_with(part); }>(
        name, {kText, kText}, TypeId::kBoolean, "whether the text starts with a part", examples);
  }
  define.define<[](Text t, Text from, Text to) { return replaced(t, from, to); }>(
      "replace", {kText, kText, kText}, kText, "every occurrence of a part replaced",
      {{"replace('abcdefabcdef', 'cd', 'XX')", "abXXefabXXef"}});
}

void add_joining(Definer& define) {
  define.kernel("||", {kText, kText}, kText, &each<join_texts>, "one after the other",
                {{"'Post' || 'greSQL'", "PostgreSQL"}});
  define.kernel("||", {kText, kAny}, kText, &join_any, "text, then the value as text",
                {{"'Value: ' || 42", "Value: 42"}});
  define.kernel("||", {kAny, kText}, kText, &join_any, "the value as text, then text");
  ScalarFunction& all = define.kernel("concat", {kAny}, kText, &concat<false>,
                                      "all values as text, without the NULLs",
                                      {{"concat('abcde', 2, NULL, 22)", "abcde222"}});
  all.variadic = true;
  all.mixed_types = true;
  all.null_rule = NullRule::kCalled;
  ScalarFunction& separated =
      define.kernel("concat_ws", {kText, kAny}, kText, &concat<true>,
                    "all values as text, without the NULLs, separated by the first",
                    {{"concat_ws(',', 'abcde', 2, NULL, 22)", "abcde,2,22"}});
  separated.variadic = true;
  separated.mixed_types = true;
  separated.null_rule = NullRule::kCalled;
}

void add_formatting(Definer& define) {
  ScalarFunction& with =
      define.kernel("format", {kText, kAny}, kText, &format, "a text with %s, %I and %L filled in",
                    {{"format('Hello %s, %1$s', 'World')", "Hello World, World"}});
  with.variadic = true;
  with.mixed_types = true;
  with.null_rule = NullRule::kCalled;
  with.can_fail = true;
  ScalarFunction& without = define.kernel("format", {kText}, kText, &format, "a text with %% as %",
                                          {{"format('100%%')", "100%"}});
  without.null_rule = NullRule::kCalled;
  without.can_fail = true;
  define.define<[](Text t) { return quoted_literal(t); }>(
      "quote_literal", {kText}, kText, "as a SQL literal", {{"quote_literal('it''s')", "'it''s'"}});
  define.define<[](Text t) { return quoted_identifier(t); }>(
      "quote_ident", {kText}, kText, "as a SQL identifier",
      {{"quote_ident('Foo bar')", "\"Foo bar\""}});
}

}  // namespace

void add_string_search(ScalarList& list) {
  Definer define(list, "string");
  add_finding(define);
  add_joining(define);
  add_formatting(define);
  for (ScalarFunction& function : list) {
    if (function.name == "||" || function.name == "^@") function.category = "operator";
  }
}

}  // namespace forebay::udfs
