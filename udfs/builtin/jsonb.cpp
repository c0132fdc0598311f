#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/data/json.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/json_values.h"
#include "udfs/builtin/text_arrays.h"

/// Operators and functions that read jsonb: members, paths, containment; see jsonb_edit.cpp for
/// those that make another one.
namespace forebay::udfs {
namespace {

constexpr TypeId kJsonb = TypeId::kJsonb;
constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kBoolean = TypeId::kBoolean;
constexpr TypeId kTextArray = data::array_of(TypeId::kText);
using Text = std::string_view;
using Found = std::optional<Text>;
using data::JsonKind;

bool is_container(Text json) { return json.front() == '{' || json.front() == '['; }

Found member(Text json, Text key) {
  if (json.front() != '{') return std::nullopt;
  std::string quoted;
  data::append_json_string(key, quoted);
  return data::find_json_member(json, quoted);
}

/// A scalar is taken for an array of one, as PostgreSQL does here.
Found element(Text json, int32_t index) {
  if (json.front() == '{') return std::nullopt;
  if (json.front() != '[') return index == 0 || index == -1 ? Found(json) : std::nullopt;
  return data::find_json_element(json, index);
}

std::optional<int32_t> index_of(Text text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '+')) text.remove_prefix(1);
  int32_t index = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return index;
}

Found at_path(Text json, const OptionalTexts& path) {
  Found at = json;
  for (const auto& step : path) {
    if (!step) return std::nullopt;
    if (at->front() == '{') {
      at = member(*at, *step);
    } else if (at->front() == '[') {
      const auto index = index_of(*step);
      at = index ? data::find_json_element(*at, *index) : Found();
    } else {
      return std::nullopt;
    }
    if (!at) return std::nullopt;
  }
  return at;
}

void give_json(const ScalarCall& call, uint32_t row, Found found) {
  if (found) {
    call.set_shared_string(row, *found);
  } else {
    call.set_null(row);
  }
}

/// As text: strings without quotes, null as NULL.
void give_text(const ScalarCall& call, uint32_t row, Found found) {
  if (!found || *found == "null") return call.set_null(row);
  if (found->front() != '"') return call.set_shared_string(row, *found);
  if (found->find('\\') == Text::npos) {
    return call.set_shared_string(row, found->substr(1, found->size() - 2));
  }
  call.set_string(row, data::unescape_json_string(*found));
}

Text text_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<StringView>(row).view();
}

template <auto Give>
void by_key(const ScalarCall& call, uint32_t row) {
  Give(call, row, member(text_at(call, 0, row), text_at(call, 1, row)));
}
template <auto Give>
void by_index(const ScalarCall& call, uint32_t row) {
  Give(call, row, element(text_at(call, 0, row), call.arguments[1].at<int32_t>(row)));
}
template <auto Give>
void by_path(const ScalarCall& call, uint32_t row) {
  Give(call, row, at_path(text_at(call, 0, row), texts_of(text_at(call, 1, row))));
}
template <auto Give>
void by_steps(const ScalarCall& call, uint32_t row) {
  OptionalTexts path;
  for (uint32_t i = 1; i < call.argument_count; ++i) {
    path.emplace_back(std::string(text_at(call, i, row)));
  }
  Give(call, row, at_path(text_at(call, 0, row), path));
}

void add_access(Definer& define) {
  auto shared = [&](Text name, std::vector<TypeId> arguments, TypeId result, ScalarKernel kernel,
                    Text text, std::vector<Example> examples) -> ScalarFunction& {
    ScalarFunction& function =
        define.kernel(name, std::move(arguments), result, kernel, text, std::move(examples));
    function.shares_arguments = true;
    return function;
  };
  shared("->", {kJsonb, kText}, kJsonb, &each<by_key<give_json>>, "the value of a key",
         {{"'{\"a\": {\"b\": 1}}'::jsonb -> 'a'", "{\"b\": 1}"}});
  shared("->", {kJsonb, kInteger}, kJsonb, &each<by_index<give_json>>,
         "the element at an index from 0, or from -1 backwards",
         {{"'[1, 2, 3]'::jsonb -> -1", "3"}});
  shared("->>", {kJsonb, kText}, kText, &each<by_key<give_text>>, "the value of a key as text",
         {{"'{\"a\": \"b\"}'::jsonb ->> 'a'", "b"}});
  shared("->>", {kJsonb, kInteger}, kText, &each<by_index<give_text>>,
         "the element at an index as text", {{"'[1, \"x\"]'::jsonb ->> 1", "x"}});
  shared("#>", {kJsonb, kTextArray}, kJsonb, &each<by_path<give_json>>, "the value at a path",
         {{"'{\"a\": [1, {\"b\": 2}]}'::jsonb #> '{a,1,b}'", "2"}});
  shared("#>>", {kJsonb, kTextArray}, kText, &each<by_path<give_text>>,
         "the value at a path as text", {{"'{\"a\": [1, \"x\"]}'::jsonb #>> '{a,1}'", "x"}});
  shared("jsonb_extract_path", {kJsonb, kText}, kJsonb, &each<by_steps<give_json>>,
         "the value at a path",
         {{"jsonb_extract_path('{\"a\": {\"b\": 2}}'::jsonb, 'a', 'b')", "2"}})
      .variadic = true;
  shared("jsonb_extract_path_text", {kJsonb, kText}, kText, &each<by_steps<give_text>>,
         "the value at a path as text",
         {{"jsonb_extract_path_text('{\"a\": {\"b\": \"x\"}}'::jsonb, 'a', 'b')", "x"}})
      .variadic = true;
}

// ---------------------------------------------------------------- containment

bool contains(Text json, Text part, bool top);

bool has_element(Text array, Text wanted) {
  data::JsonMembers elements(array);
  while (elements.next()) {
    const Text value = elements.value();
    if (is_container(wanted)) {
      if (value.front() == wanted.front() && contains(value, wanted, false)) return true;
    } else if (!is_container(value) && data::compare_json(value, wanted) == 0) {
      return true;
    }
  }
  return false;
}

bool contains(Text json, Text part, bool top) {
  if (!is_container(part)) {
    // At the top a scalar is an array of one.
    if (!is_container(json)) return data::compare_json(json, part) == 0;
    return top && json.front() == '[' && has_element(json, part);
  }
  if (json.front() != part.front()) return false;
  data::JsonMembers members(part);
  while (members.next()) {
    if (json.front() == '[') {
      if (!has_element(json, members.value())) return false;
    } else {
      const Found other = data::find_json_member(json, members.key());
      if (!other || !contains(*other, members.value(), false)) return false;
    }
  }
  return true;
}

bool has_key(Text json, Text key) {
  std::string quoted;
  data::append_json_string(key, quoted);
  if (json.front() == '{') return data::find_json_member(json, quoted).has_value();
  if (json.front() != '[') return json == quoted;
  data::JsonMembers elements(json);
  while (elements.next()) {
    if (elements.value() == quoted) return true;
  }
  return false;
}

bool has_any_key(Text json, Text keys) {
  for (const auto& key : texts_of(keys)) {
    if (key && has_key(json, *key)) return true;
  }
  return false;
}
bool has_all_keys(Text json, Text keys) {
  for (const auto& key : texts_of(keys)) {
    if (key && !has_key(json, *key)) return false;
  }
  return true;
}

void add_containment(Definer& define) {
  define.define<[](Text a, Text b) { return contains(a, b, true); }>(
      "@>", {kJsonb, kJsonb}, kBoolean, "the first contains the second",
      {{"'{\"a\": 1, \"b\": 2}'::jsonb @> '{\"b\": 2}'::jsonb", "t"}});
  define.define<[](Text a, Text b) { return contains(b, a, true); }>(
      "<@", {kJsonb, kJsonb}, kBoolean, "the first is contained in the second",
      {{"'[1]'::jsonb <@ '[2, 1]'::jsonb", "t"}});
  define.define<[](Text json, Text key) { return has_key(json, key); }>(
      "?", {kJsonb, kText}, kBoolean, "has the key, or the string as an element",
      {{"'{\"a\": 1}'::jsonb ? 'a'", "t"}});
  define.define<[](Text json, Text keys) { return has_any_key(json, keys); }>(
      "?|", {kJsonb, kTextArray}, kBoolean, "has one of the keys",
      {{"'{\"a\": 1}'::jsonb ?| '{x,a}'", "t"}});
  define.define<[](Text json, Text keys) { return has_all_keys(json, keys); }>(
      "?&", {kJsonb, kTextArray}, kBoolean, "has all of the keys",
      {{"'{\"a\": 1}'::jsonb ?& '{x,a}'", "f"}});
}

// ---------------------------------------------------------------- functions

std::string type_word(Text json) {
  static constexpr Text kWords[] = {"null", "string", "number", "boolean", "array", "object"};
  return std::string(kWords[static_cast<int>(data::json_kind(json))]);
}

Result<int32_t> array_length(Text json) {
  if (json.front() == '[') return static_cast<int32_t>(data::count_json_members(json));
  return Status(data::sqlstate::kInvalidParameterValue,
                json.front() == '{' ? "cannot get array length of a non-array"
                                    : "cannot get array length of a scalar");
}

std::string stripped(Text json) {
  if (!is_container(json)) return std::string(json);
  const bool is_object = json.front() == '{';
  std::vector<data::JsonMember> members;
  std::vector<std::string> elements;
  data::JsonMembers all(json);
  while (all.next()) {
    if (!is_object) {
      elements.push_back(stripped(all.value()));
    } else if (all.value() != "null") {
      members.push_back({std::string(all.key()), stripped(all.value())});
    }
  }
  return is_object ? data::make_json_object(std::move(members)) : data::make_json_array(elements);
}

void append_pretty(Text json, size_t level, std::string& out) {
  if (!is_container(json)) {
    out += json;
    return;
  }
  const auto line = [&](size_t depth) { out.append(1, '\n').append(4 * depth, ' '); };
  out += json.front();
  data::JsonMembers members(json);
  for (bool first = true; members.next(); first = false) {
    if (!first) out += ',';
    line(level + 1);
    if (!members.key().empty()) out.append(members.key()).append(": ");
    append_pretty(members.value(), level + 1, out);
  }
  line(level);
  out += json.back();
}

std::string pretty(Text json) {
  std::string out;
  append_pretty(json, 0, out);
  return out;
}

void add_functions(Definer& define) {
  define.define<[](Text json) { return type_word(json); }>(
      "jsonb_typeof", {kJsonb}, kText, "null, string, number, boolean, array or object",
      {{"jsonb_typeof('-12.4'::jsonb)", "number"}});
  define.define<[](Text json) { return array_length(json); }>(
      "jsonb_array_length", {kJsonb}, kInteger, "number of elements",
      {{"jsonb_array_length('[1, 2, {}]'::jsonb)", "3"}});
  define.define<[](Text json) { return stripped(json); }>(
      "jsonb_strip_nulls", {kJsonb}, kJsonb, "without members that are null",
      {{"jsonb_strip_nulls('{\"a\": null, \"b\": [null]}'::jsonb)", "{\"b\": [null]}"}});
  define.define<[](Text json) { return pretty(json); }>(
      "jsonb_pretty", {kJsonb}, kText, "indented", {{"jsonb_pretty('[1]'::jsonb)", "[\n    1\n]"}});
}

// ---------------------------------------------------------------- made of values

void to_json(const ScalarCall& call, uint32_t row) {
  std::string out;
  append_json(call.argument_types[0], call.arguments[0], row, out);
  call.set_string(row, out);
}

void build_array(const ScalarCall& call, uint32_t row) {
  std::vector<std::string> elements(call.argument_count);
  for (uint32_t i = 0; i < call.argument_count; ++i) {
    append_json(call.argument_types[i], call.arguments[i], row, elements[i]);
  }
  call.set_string(row, data::make_json_array(elements));
}

void build_object(const ScalarCall& call, uint32_t row) {
  if (call.argument_count % 2 != 0) {
    call.fail_row(row, data::sqlstate::kInvalidParameterValue,
                  "argument list must have even number of elements");
    return;
  }
  std::vector<data::JsonMember> members;
  for (uint32_t i = 0; i < call.argument_count; i += 2) {
    if (call.arguments[i].is_null(row)) {
      call.fail_row(row, data::sqlstate::kInvalidParameterValue,
                    "argument " + std::to_string(i + 1) + ": key must not be null");
      return;
    }
    const Type type = call.argument_types[i];
    if (type.is_array() || type.id == kJsonb) {
      call.fail_row(row, data::sqlstate::kInvalidParameterValue,
                    "key value must be scalar, not array, composite, or json");
      return;
    }
    data::JsonMember member;
    append_json_key_text(type, call.arguments[i], row, member.key);
    append_json(call.argument_types[i + 1], call.arguments[i + 1], row, member.value);
    members.push_back(std::move(member));
  }
  call.set_string(row, data::make_json_object(std::move(members)));
}

void add_construction(Definer& define) {
  define.kernel("to_jsonb", {TypeId::kUnknown}, kJsonb, &each<to_json>, "a value as jsonb",
                {{"to_jsonb('Fred said \"Hi.\"'::text)", "\"Fred said \\\"Hi.\\\"\""},
                 {"to_jsonb(timestamp '2026-01-02 03:04:05')", "\"2026-01-02T03:04:05\""}});
  auto variadic = [&](Text name, ScalarKernel kernel, Text text, Example example, Text none,
                      Text empty) {
    ScalarFunction& function =
        define.kernel(name, {TypeId::kUnknown}, kJsonb, kernel, text, {example});
    function.variadic = true;
    function.mixed_types = true;
    function.null_rule = NullRule::kCalled;
    function.can_fail = name != "jsonb_build_array";
    define.kernel(name, {}, kJsonb, kernel, text, {{none, empty}});
  };
  variadic("jsonb_build_array", &each<build_array>, "an array of the arguments",
           {"jsonb_build_array(1, 'a', NULL)", "[1, \"a\", null]"}, "jsonb_build_array()", "[]");
  variadic("jsonb_build_object", &each<build_object>, "an object of keys and values in turn",
           {"jsonb_build_object('foo', 1, 2, 'bar')", "{\"2\": \"bar\", \"foo\": 1}"},
           "jsonb_build_object()", "{}");
  variadic("json_build_object", &each<build_object>, "the same: there is no json beside jsonb",
           {"json_build_object('a', 1)", "{\"a\": 1}"}, "json_build_object()", "{}");
}

}  // namespace

void add_jsonb(ScalarList& list) {
  Definer define(list, "jsonb");
  const size_t first = list.size();
  add_access(define);
  add_containment(define);
  add_functions(define);
  add_construction(define);
  add_jsonb_edit(define);
  for (size_t i = first; i < list.size(); ++i) {
    const char start = list[i].name.front();
    if (start < 'a' || start > 'z') list[i].category = "operator";
  }
}

}  // namespace forebay::udfs
