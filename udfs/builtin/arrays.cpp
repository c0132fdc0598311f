#include "engine/data/text_format.h"
#include "udfs/builtin/array_calls.h"
#include "udfs/builtin/text_arrays.h"

/// Functions over arrays: dimensions, and texts made of arrays and arrays of texts.
namespace forebay::udfs {
namespace {

using namespace arrays;

// ---------------------------------------------------------------- dimensions

std::optional<ArrayDimension> dimension_of(Text bytes, int32_t number) {
  const auto dimensions = data::array_dimensions(bytes);
  if (number < 1 || static_cast<size_t>(number) > dimensions.size()) return std::nullopt;
  return dimensions[static_cast<size_t>(number) - 1];
}
std::optional<int32_t> length_of(Text bytes, int32_t number) {
  const auto dimension = dimension_of(bytes, number);
  return dimension ? std::optional<int32_t>(dimension->length) : std::nullopt;
}
std::optional<int32_t> lower_of(Text bytes, int32_t number) {
  const auto dimension = dimension_of(bytes, number);
  return dimension ? std::optional<int32_t>(dimension->lower) : std::nullopt;
}
std::optional<int32_t> upper_of(Text bytes, int32_t number) {
  const auto dimension = dimension_of(bytes, number);
  return dimension ? std::optional<int32_t>(dimension->upper()) : std::nullopt;
}
int32_t cardinality(Text bytes) {
  const auto dimensions = data::array_dimensions(bytes);
  int32_t count = dimensions.empty() ? 0 : 1;
  for (const ArrayDimension& dimension : dimensions) count *= dimension.length;
  return count;
}
std::optional<std::string> dimensions_text(Text bytes) {
  const auto dimensions = data::array_dimensions(bytes);
  if (dimensions.empty()) return std::nullopt;
  std::string out;
  for (const ArrayDimension& dimension : dimensions) {
    out.append("[").append(std::to_string(dimension.lower)).append(":");
    out.append(std::to_string(dimension.upper())).append("]");
  }
  return out;
}
std::optional<int32_t> dimension_count(Text bytes) {
  const auto count = static_cast<int32_t>(data::array_dimensions(bytes).size());
  return count == 0 ? std::nullopt : std::optional<int32_t>(count);
}

void add_dimensions(Definer& define) {
  define.define<[](Text a, int32_t n) { return length_of(a, n); }>(
      "array_length", {kAnyArray, kInteger}, kInteger, "length of a dimension",
      {{"array_length(ARRAY[1, 2, 3], 1)", "3"}});
  define.define<[](Text a, int32_t n) { return lower_of(a, n); }>(
      "array_lower", {kAnyArray, kInteger}, kInteger, "least subscript of a dimension",
      {{"array_lower('[0:2]={1,2,3}'::integer[], 1)", "0"}});
  define.define<[](Text a, int32_t n) { return upper_of(a, n); }>(
      "array_upper", {kAnyArray, kInteger}, kInteger, "greatest subscript of a dimension",
      {{"array_upper(ARRAY[1, 8, 3, 7], 1)", "4"}});
  define.define<[](Text a) { return cardinality(a); }>(
      "cardinality", {kAnyArray}, kInteger, "number of elements",
      {{"cardinality('{{1,2},{3,4}}'::integer[])", "4"}});
  define.define<[](Text a) { return dimensions_text(a); }>(
      "array_dims", {kAnyArray}, kText, "the bounds of all dimensions",
      {{"array_dims('{{1,2,3},{4,5,6}}'::integer[])", "[1:2][1:3]"}});
  define.define<[](Text a) { return dimension_count(a); }>(
      "array_ndims", {kAnyArray}, kInteger, "number of dimensions",
      {{"array_ndims('{{1},{2}}'::integer[])", "2"}});
}

// ---------------------------------------------------------------- text

void to_string(const ScalarCall& call, uint32_t row) {
  for (uint32_t i = 0; i < 2; ++i) {
    if (call.arguments[i].is_null(row)) return call.set_null(row);
  }
  const Array array = array_at(call, 0, row);
  const bool shows_nulls = call.argument_count > 2 && !call.arguments[2].is_null(row);
  std::string out;
  bool first = true;
  for (uint32_t i = 0; i < array.elements->size(); ++i) {
    if (array.elements->is_null(i) && !shows_nulls) continue;
    if (!first) out += bytes_at(call, 1, row);
    first = false;
    if (array.elements->is_null(i)) {
      out += bytes_at(call, 2, row);
    } else {
      data::format_value(array.elements->type(), array.elements->view(), i, out);
    }
  }
  call.set_string(row, out);
}

/// Without a separator (NULL) every character; with an empty one the whole text.
void from_string(const ScalarCall& call, uint32_t row) {
  if (call.arguments[0].is_null(row)) return call.set_null(row);
  Text text = bytes_at(call, 0, row);
  const bool has_null_text = call.argument_count > 2 && !call.arguments[2].is_null(row);
  ColumnBuilder builder(data::kTextType);
  const auto append = [&](Text part) {
    if (has_null_text && part == bytes_at(call, 2, row)) {
      builder.append_null();
    } else {
      builder.append_string(part);
    }
  };
  if (call.arguments[1].is_null(row)) {
    while (!text.empty()) {
      const size_t size = data::bytes_of_characters(text, 1);
      append(text.substr(0, size));
      text.remove_prefix(size);
    }
  } else if (!text.empty()) {
    const Text between = bytes_at(call, 1, row);
    size_t at;
    while (!between.empty() && (at = text.find(between)) != Text::npos) {
      append(text.substr(0, at));
      text.remove_prefix(at + between.size());
    }
    append(text);
  }
  call.set_string(row, data::encode_array(*builder.finish()));
}

void add_texts(Definer& define) {
  auto called = [&](Text name, std::vector<TypeId> arguments, TypeId result, ScalarKernel kernel,
                    Text text, std::vector<Example> examples) {
    define.kernel(name, std::move(arguments), result, kernel, text, std::move(examples)).null_rule =
        NullRule::kCalled;
  };
  called("array_to_string", {kAnyArray, kText}, kText, &each<to_string>,
         "texts of the elements with text between them",
         {{"array_to_string(ARRAY[1, NULL, 3], ', ')", "1, 3"}});
  called("array_to_string", {kAnyArray, kText, kText}, kText, &each<to_string>,
         "the same with a text in place of NULLs",
         {{"array_to_string(ARRAY[1, NULL, 3], ', ', '*')", "1, *, 3"}});
  called("string_to_array", {kText, kText}, data::array_of(kText), &each<from_string>,
         "parts of a text between separators",
         {{"string_to_array('a,b,,c', ',')", "{a,b,\"\",c}"}});
  called("string_to_array", {kText, kText, kText}, data::array_of(kText), &each<from_string>,
         "the same with NULL in place of a text",
         {{"string_to_array('a,b', ',', 'b')", "{a,NULL}"}});
}

}  // namespace

OptionalTexts texts_of(std::string_view bytes) {
  OptionalTexts out;
  const auto array = data::decode_array(bytes, data::kTextType);
  if (!array.is_ok()) return out;
  for (uint32_t i = 0; i < array->elements->size(); ++i) {
    if (array->elements->is_null(i)) {
      out.emplace_back();
    } else {
      out.emplace_back(array->elements->at<StringView>(i).str());
    }
  }
  return out;
}

void add_arrays(ScalarList& list) {
  Definer define(list, "array");
  const size_t first = list.size();
  arrays::add_forms(define);
  add_dimensions(define);
  arrays::add_elements(define);
  add_texts(define);
  for (size_t i = first; i < list.size(); ++i) {
    const char start = list[i].name.front();
    if (start < 'a' || start > 'z') list[i].category = "operator";
  }
}

}  // namespace forebay::udfs
