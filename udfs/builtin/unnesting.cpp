#include "engine/data/array.h"
#include "engine/data/json.h"
#include "udfs/builtin/builtin.h"

/// Table functions over arrays and jsonb: unnest, jsonb_array_elements, jsonb_each,
/// jsonb_object_keys.
namespace forebay::udfs {
namespace {

using Text = std::string_view;
using Builders = data::ColumnBuilder*;

/// Gives the rows of every argument row from the cursor on. `Rows` is made of one argument row:
/// error(), size(), append(index, builders).
template <typename Rows>
void explode(const TableCall& call) {
  TableCursor& cursor = *call.cursor;
  uint32_t given = 0;
  while (cursor.next < call.row_count && given < call.limit) {
    const Rows rows(call, call.rows[cursor.next]);
    if (cursor.produced == 0 && !rows.error().empty()) {
      call.fail_row(cursor.next, data::sqlstate::kInvalidParameterValue, rows.error());
    }
    while (cursor.produced < rows.size() && given < call.limit) {
      rows.append(static_cast<uint32_t>(cursor.produced), call.columns);
      call.origins->push_back(cursor.next);
      ++cursor.produced;
      ++given;
    }
    if (cursor.produced >= rows.size()) cursor.next_row();
  }
}

struct Elements {
  Elements(const TableCall& call, uint32_t row) {
    auto array = data::decode_array(call.arguments[0].at<StringView>(row).view(),
                                    call.argument_types[0].element());
    if (array.is_ok()) elements = array->elements;
  }
  Text error() const { return {}; }
  uint32_t size() const { return elements == nullptr ? 0 : elements->size(); }
  void append(uint32_t index, Builders out) const { out->append_datum(elements->datum(index)); }
  data::ColumnRef elements;
};

/// Elements with their places, from 1 whatever the array's bounds are.
struct PlacedElements : Elements {
  using Elements::Elements;
  void append(uint32_t index, Builders out) const {
    out[0].append_datum(elements->datum(index));
    out[1].append(static_cast<int32_t>(index + 1));
  }
};

/// generate_subscripts(array, dimension[, reverse]).
struct Subscripts {
  Subscripts(const TableCall& call, uint32_t row) {
    const auto dimensions = data::array_dimensions(call.arguments[0].at<StringView>(row).view());
    const int32_t which = call.arguments[1].at<int32_t>(row);
    if (which < 1 || static_cast<size_t>(which) > dimensions.size()) return;
    dimension = dimensions[static_cast<size_t>(which - 1)];
    reverse = call.argument_count > 2 && call.arguments[2].at<uint8_t>(row) != 0;
  }
  Text error() const { return {}; }
  size_t size() const { return static_cast<size_t>(dimension.length); }
  void append(uint32_t index, Builders out) const {
    const auto step = static_cast<int32_t>(index);
    out->append(reverse ? dimension.upper() - step : dimension.lower + step);
  }
  data::ArrayDimension dimension;
  bool reverse = false;
};

/// The content of a string, and the text of anything else; null is NULL.
void append_text(Text json, data::ColumnBuilder& out) {
  if (json == "null") return out.append_null();
  if (json.front() == '"') {
    out.append_string(data::unescape_json_string(json));
  } else {
    out.append_string(json);
  }
}

template <bool kAsText>
struct JsonElements {
  JsonElements(const TableCall& call, uint32_t row) {
    const Text json = call.arguments[0].at<StringView>(row).view();
    if (json.front() != '[') {
      problem = json.front() == '{' ? "cannot extract elements from an object"
                                    : "cannot extract elements from a scalar";
      return;
    }
    data::JsonMembers members(json);
    while (members.next()) values.push_back(members.value());
  }
  Text error() const { return problem; }
  size_t size() const { return values.size(); }
  void append(uint32_t index, Builders out) const {
    if (kAsText) {
      append_text(values[index], *out);
    } else {
      out->append_string(values[index]);
    }
  }
  std::vector<Text> values;
  Text problem;
};

enum class Members : uint8_t { kKeys, kJson, kText };

template <Members kWhat>
struct JsonPairs {
  JsonPairs(const TableCall& call, uint32_t row) {
    const Text json = call.arguments[0].at<StringView>(row).view();
    if (json.front() != '{') {
      const bool array = json.front() == '[';
      if (kWhat == Members::kKeys) {
        problem = array ? "cannot call jsonb_object_keys on an array"
                        : "cannot call jsonb_object_keys on a scalar";
      } else {
        problem = kWhat == Members::kText ? "cannot call jsonb_each_text on a non-object"
                                          : "cannot call jsonb_each on a non-object";
      }
      return;
    }
    data::JsonMembers members(json);
    while (members.next()) pairs.emplace_back(members.key(), members.value());
  }
  Text error() const { return problem; }
  size_t size() const { return pairs.size(); }
  void append(uint32_t index, Builders out) const {
    out[0].append_string(data::unescape_json_string(pairs[index].first));
    if (kWhat == Members::kJson) out[1].append_string(pairs[index].second);
    if (kWhat == Members::kText) append_text(pairs[index].second, out[1]);
  }
  std::vector<std::pair<Text, Text>> pairs;
  Text problem;
};

}  // namespace

void add_unnesting(TableFunctionList& list) {
  using enum TypeId;
  auto add = [&](std::string_view name, TypeId argument, std::vector<TableFunction::Column> columns,
                 void (*kernel)(const TableCall&), std::string_view description, Example example) {
    TableFunction function;
    function.name = name;
    function.arguments = {argument};
    function.columns = std::move(columns);
    function.can_fail = argument == kJsonb;
    function.kernel = kernel;
    function.description = description;
    function.examples = {example};
    list.push_back(std::move(function));
  };
  add("unnest", kAnyArray, {{"unnest", kUnknown}}, &explode<Elements>, "a row per element",
      {"sum(n) FROM unnest(ARRAY[1, 2, 3]) AS n", "6"});
  for (const bool with_order : {false, true}) {
    add("generate_subscripts", kAnyArray, {{"generate_subscripts", kInteger}}, &explode<Subscripts>,
        with_order ? "the same, from the last to the first when true"
                   : "a row per subscript of a dimension of an array",
        with_order ? Example{"max(n) FROM generate_subscripts(ARRAY[7, 8], 1, true) AS n", "2"}
                   : Example{"sum(n) FROM generate_subscripts(ARRAY[7, 8], 1) AS n", "3"});
    list.back().arguments.push_back(kInteger);
    if (with_order) list.back().arguments.push_back(kBoolean);
  }
  add("_pg_expandarray", kAnyArray, {{"x", kUnknown}, {"n", kInteger}}, &explode<PlacedElements>,
      "a row per element, with its place", {"max(n) FROM _pg_expandarray(ARRAY[5, 6, 7])", "3"});
  add("jsonb_array_elements", kJsonb, {{"value", kJsonb}}, &explode<JsonElements<false>>,
      "a row per element", {"max(value::text) FROM jsonb_array_elements('[1, true]')", "true"});
  add("jsonb_array_elements_text", kJsonb, {{"value", kText}}, &explode<JsonElements<true>>,
      "a row per element, as text",
      {"max(value) FROM jsonb_array_elements_text('[\"a\", \"b\"]')", "b"});
  add("jsonb_object_keys", kJsonb, {{"jsonb_object_keys", kText}},
      &explode<JsonPairs<Members::kKeys>>, "a row per key",
      {"count(*) FROM jsonb_object_keys('{\"a\": 1, \"b\": 2}')", "2"});
  add("jsonb_each", kJsonb, {{"key", kText}, {"value", kJsonb}},
      &explode<JsonPairs<Members::kJson>>, "a row per member",
      {"max(key) FROM jsonb_each('{\"a\": 1, \"b\": 2}')", "b"});
  add("jsonb_each_text", kJsonb, {{"key", kText}, {"value", kText}},
      &explode<JsonPairs<Members::kText>>, "a row per member, values as text",
      {"max(value) FROM jsonb_each_text('{\"a\": \"x\", \"b\": \"y\"}')", "y"});
}

}  // namespace forebay::udfs
