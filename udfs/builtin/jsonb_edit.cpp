#include <charconv>
#include <cmath>

#include "engine/data/array.h"
#include "engine/data/json.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/json_values.h"
#include "udfs/builtin/text_arrays.h"

/// jsonb made of jsonb (||, -, #-, jsonb_set, jsonb_insert) and of values.
namespace forebay::udfs {
namespace {

constexpr TypeId kJsonb = TypeId::kJsonb;
constexpr TypeId kTextArray = data::array_of(TypeId::kText);
constexpr SqlState kBadValue = data::sqlstate::kInvalidParameterValue;
using Text = std::string_view;
using data::JsonMember;
using data::JsonMembers;

bool is_container(Text json) { return json.front() == '{' || json.front() == '['; }

std::vector<JsonMember> members_of(Text object) {
  std::vector<JsonMember> out;
  JsonMembers members(object);
  while (members.next()) out.push_back({std::string(members.key()), std::string(members.value())});
  return out;
}

/// A scalar or an object is an array of one.
std::vector<std::string> elements_of(Text json) {
  if (json.front() != '[') return {std::string(json)};
  std::vector<std::string> out;
  JsonMembers elements(json);
  while (elements.next()) out.emplace_back(elements.value());
  return out;
}

std::string joined(Text a, Text b) {
  if (a.front() == '{' && b.front() == '{') {
    std::vector<JsonMember> members = members_of(a);
    for (JsonMember& member : members_of(b)) members.push_back(std::move(member));
    return data::make_json_object(std::move(members));
  }
  std::vector<std::string> elements = elements_of(a);
  for (std::string& element : elements_of(b)) elements.push_back(std::move(element));
  return data::make_json_array(elements);
}

/// Without the members of these keys, or the elements that are these strings.
Result<std::string> without_keys(Text json, const OptionalTexts& keys) {
  if (!is_container(json)) return Status(kBadValue, "cannot delete from scalar");
  std::vector<std::string> quoted;
  for (const auto& key : keys) {
    if (key) data::append_json_string(*key, quoted.emplace_back());
  }
  const auto is_cut = [&](Text name) {
    return std::find(quoted.begin(), quoted.end(), name) != quoted.end();
  };
  if (json.front() == '{') {
    std::vector<JsonMember> members = members_of(json);
    std::erase_if(members, [&](const JsonMember& member) { return is_cut(member.key); });
    return data::make_json_object(std::move(members));
  }
  std::vector<std::string> elements = elements_of(json);
  std::erase_if(elements, [&](const std::string& element) { return is_cut(element); });
  return data::make_json_array(elements);
}

Result<std::string> without_index(Text json, int32_t index) {
  if (!is_container(json)) return Status(kBadValue, "cannot delete from scalar");
  if (json.front() == '{') {
    return Status(kBadValue, "cannot delete from object using integer index");
  }
  std::vector<std::string> elements = elements_of(json);
  int64_t at = index;
  if (at < 0) at += static_cast<int64_t>(elements.size());
  if (at >= 0 && at < static_cast<int64_t>(elements.size())) elements.erase(elements.begin() + at);
  return data::make_json_array(elements);
}

/// What to do at the end of a path.
struct Edit {
  enum class Kind : uint8_t { kSet, kInsertBefore, kInsertAfter, kDelete };
  Kind kind = Kind::kSet;
  Text value;
  bool create = true;  // kSet: where nothing is
};

Result<std::string> edited(Text json, const OptionalTexts& path, size_t level, const Edit& edit);

Result<std::string> edited_object(Text json, const OptionalTexts& path, size_t level,
                                  const Edit& edit) {
  std::string key;
  data::append_json_string(*path[level], key);
  const bool last = level + 1 == path.size();
  std::vector<JsonMember> members = members_of(json);
  auto found = std::find_if(members.begin(), members.end(),
                            [&](const JsonMember& member) { return member.key == key; });
  if (found == members.end()) {
    const bool adds =
        last && edit.kind != Edit::Kind::kDelete && (edit.kind != Edit::Kind::kSet || edit.create);
    if (adds) members.push_back({key, std::string(edit.value)});
  } else if (!last) {
    FOREBAY_ASSIGN_OR_RETURN(found->value, edited(found->value, path, level + 1, edit));
  } else if (edit.kind == Edit::Kind::kDelete) {
    members.erase(found);
  } else if (edit.kind == Edit::Kind::kSet) {
    found->value = edit.value;
  } else {
    return Status(Status(kBadValue, "cannot replace existing key")
                      .with_hint("Try using the function jsonb_set to replace key value."));
  }
  return data::make_json_object(std::move(members));
}

Result<std::string> edited_array(Text json, const OptionalTexts& path, size_t level,
                                 const Edit& edit) {
  const std::string& step = *path[level];
  int32_t index = 0;
  const auto [stop, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || stop != step.data() + step.size()) {
    return Status(data::sqlstate::kInvalidText, "path element at position " +
                                                    std::to_string(level + 1) +
                                                    " is not an integer: \"" + step + "\"");
  }
  const bool last = level + 1 == path.size();
  std::vector<std::string> elements = elements_of(json);
  const auto size = static_cast<int64_t>(elements.size());
  int64_t at = index < 0 ? index + size : index;
  const bool inside = at >= 0 && at < size;
  if (!inside) {
    const bool adds =
        last && edit.kind != Edit::Kind::kDelete && (edit.kind != Edit::Kind::kSet || edit.create);
    if (adds) elements.insert(at < 0 ? elements.begin() : elements.end(), std::string(edit.value));
  } else if (!last) {
    std::string& element = elements[static_cast<size_t>(at)];
    FOREBAY_ASSIGN_OR_RETURN(element, edited(element, path, level + 1, edit));
  } else if (edit.kind == Edit::Kind::kDelete) {
    elements.erase(elements.begin() + at);
  } else if (edit.kind == Edit::Kind::kSet) {
    elements[static_cast<size_t>(at)] = edit.value;
  } else {
    at += edit.kind == Edit::Kind::kInsertAfter;
    elements.insert(elements.begin() + at, std::string(edit.value));
  }
  return data::make_json_array(elements);
}

Result<std::string> edited(Text json, const OptionalTexts& path, size_t level, const Edit& edit) {
  if (!path[level]) {
    return Status(SqlState{"22004"},
                  "path element at position " + std::to_string(level + 1) + " is null");
  }
  if (!is_container(json)) return std::string(json);
  return json.front() == '{' ? edited_object(json, path, level, edit)
                             : edited_array(json, path, level, edit);
}

Result<std::string> edit_path(Text json, Text path_array, const Edit& edit) {
  if (!is_container(json)) {
    return Status(kBadValue, edit.kind == Edit::Kind::kDelete ? "cannot delete path in scalar"
                                                              : "cannot set path in scalar");
  }
  const OptionalTexts path = texts_of(path_array);
  if (path.empty()) return std::string(json);
  const bool is_empty = json == "{}" || json == "[]";
  const bool adds =
      edit.kind != Edit::Kind::kDelete && (edit.kind != Edit::Kind::kSet || edit.create);
  if (is_empty && !adds) return std::string(json);
  return edited(json, path, 0, edit);
}

bool is_finite_number(Type type, const ColumnView& view, uint32_t row) {
  if (type.id == TypeId::kNumeric) return view.at<Numeric>(row).is_finite();
  const bool floats = type.id == TypeId::kDouble || type.id == TypeId::kReal;
  return !floats || std::isfinite(view.at<double>(row));
}

/// 2026-01-02 03:04:05+00 as ISO 8601: 2026-01-02T03:04:05+00:00.
void to_iso(TypeId type, std::string& text) {
  const size_t blank = text.find(' ');
  const bool has_time =
      blank != std::string::npos && blank + 1 < text.size() && text[blank + 1] != 'B';
  if (!has_time) return;
  text[blank] = 'T';
  if (type != TypeId::kTimestampTz) return;
  const size_t zone = text.find_first_of("+-", blank);
  const bool has_minutes = zone + 3 < text.size() && text[zone + 3] == ':';
  if (zone != std::string::npos && !has_minutes) text.insert(zone + 3, ":00");
}

void append_level(const data::Array& array, size_t level, uint32_t& next, std::string& out) {
  out += '[';
  for (int32_t i = 0; i < array.dimensions[level].length; ++i) {
    if (i > 0) out += ", ";
    if (level + 1 < array.dimensions.size()) {
      append_level(array, level + 1, next, out);
    } else {
      append_json(array.elements->type(), array.elements->view(), next++, out);
    }
  }
  out += ']';
}

}  // namespace

void append_json(Type type, const ColumnView& view, uint32_t row, std::string& out) {
  if (view.is_null(row)) {
    out += "null";
    return;
  }
  if (type.is_array()) {
    const auto array = data::decode_array(view.at<StringView>(row).view(), type.element());
    uint32_t next = 0;
    if (!array.is_ok() || array->dimensions.empty()) {
      out += "[]";
    } else {
      append_level(*array, 0, next, out);
    }
    return;
  }
  if (type.id == kJsonb) {
    out += view.at<StringView>(row).view();
    return;
  }
  if (type.id == TypeId::kBoolean) {
    out += view.at<uint8_t>(row) != 0 ? "true" : "false";
    return;
  }
  const bool is_number = type.is_number() && type.id != TypeId::kOid;  // as PostgreSQL has it
  if (!is_number || !is_finite_number(type, view, row)) {
    return append_json_key_text(type, view, row, out);
  }
  std::string text;
  data::format_value(type, view, row, text);
  // A double may have an exponent, which numeric has not.
  const auto number = data::parse_json(text);
  out += number.is_ok() ? *number : text;
}

void append_json_key_text(Type type, const ColumnView& view, uint32_t row, std::string& out) {
  std::string text;
  if (type.id == TypeId::kBoolean) {
    text = view.at<uint8_t>(row) != 0 ? "true" : "false";
  } else {
    data::format_value(type, view, row, text);
  }
  if (type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz) to_iso(type.id, text);
  data::append_json_string(text, out);
}

void add_jsonb_edit(Definer& define) {
  using Kind = Edit::Kind;
  define.define<[](Text a, Text b) { return joined(a, b); }>(
      "||", {kJsonb, kJsonb}, kJsonb, "arrays joined, objects merged",
      {{"'[1]'::jsonb || '[2]'::jsonb", "[1, 2]"},
       {"'{\"a\": 1}'::jsonb || '{\"a\": 2}'::jsonb", "{\"a\": 2}"}});
  define.define<[](Text json, Text key) { return without_keys(json, {std::string(key)}); }>(
      "-", {kJsonb, TypeId::kText}, kJsonb, "without a key, or without a string's elements",
      {{"'{\"a\": 1, \"b\": 2}'::jsonb - 'a'", "{\"b\": 2}"}});
  define.define<[](Text json, Text keys) { return without_keys(json, texts_of(keys)); }>(
      "-", {kJsonb, kTextArray}, kJsonb, "without all of the keys",
      {{"'{\"a\": 1, \"b\": 2}'::jsonb - '{a,b}'::text[]", "{}"}});
  define.define<[](Text json, int32_t index) { return without_index(json, index); }>(
      "-", {kJsonb, TypeId::kInteger}, kJsonb, "without the element at an index",
      {{"'[1, 2, 3]'::jsonb - 1", "[1, 3]"}});
  define.define<[](Text json, Text path) {
    return edit_path(json, path, {Kind::kDelete, {}, false});
  }>("#-", {kJsonb, kTextArray}, kJsonb, "without what is at a path",
     {{"'[\"a\", {\"b\": 1}]'::jsonb #- '{1,b}'", "[\"a\", {}]"}});
  define.define<[](Text json, Text path, Text value) {
    return edit_path(json, path, {Kind::kSet, value, true});
  }>("jsonb_set", {kJsonb, kTextArray, kJsonb}, kJsonb, "with another value at a path",
     {{"jsonb_set('{\"a\": 1}'::jsonb, '{b}', '[2]'::jsonb)", "{\"a\": 1, \"b\": [2]}"}});
  define.define<[](Text json, Text path, Text value, bool create) {
    return edit_path(json, path, {Kind::kSet, value, create});
  }>("jsonb_set", {kJsonb, kTextArray, kJsonb, TypeId::kBoolean}, kJsonb,
     "with another value at a path; `false`: only if something is there");
  define.define<[](Text json, Text path, Text value) {
    return edit_path(json, path, {Kind::kInsertBefore, value, true});
  }>("jsonb_insert", {kJsonb, kTextArray, kJsonb}, kJsonb, "with a value more, before a path",
     {{"jsonb_insert('[1, 2]'::jsonb, '{1}', '9'::jsonb)", "[1, 9, 2]"}});
  define.define<[](Text json, Text path, Text value, bool after) {
    return edit_path(json, path, {after ? Kind::kInsertAfter : Kind::kInsertBefore, value, true});
  }>("jsonb_insert", {kJsonb, kTextArray, kJsonb, TypeId::kBoolean}, kJsonb,
     "with a value more, before a path or after it");
}

}  // namespace forebay::udfs
