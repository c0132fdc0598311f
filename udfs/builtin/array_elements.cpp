#include <algorithm>

#include "udfs/builtin/array_calls.h"

/// Arrays and their elements: finding, adding, removing, joining, containment.
namespace forebay::udfs::arrays {
namespace {

Status not_flat() {
  return Status(data::sqlstate::kFeatureNotSupported,
                "searching for elements in multidimensional arrays is not supported");
}

bool same(const Datum& a, const data::Column& elements, uint32_t at) {
  const bool null = elements.is_null(at);
  if (a.is_null() || null) return a.is_null() && null;
  return data::compare(a, elements.datum(at)) == 0;
}

void position(const ScalarCall& call, uint32_t row) {
  if (call.arguments[0].is_null(row)) return call.set_null(row);
  const Array array = array_at(call, 0, row);
  if (array.dimensions.size() > 1) {
    call.fail_row(row, not_flat().error().sqlstate, not_flat().error().message);
    return;
  }
  if (array.dimensions.empty()) return call.set_null(row);
  const Datum wanted = datum_of(call, 1, row);
  const int32_t lower = array.dimensions[0].lower;
  int32_t start = lower;
  if (call.argument_count > 2) {
    if (call.arguments[2].is_null(row)) {
      call.fail_row(row, SqlState{"22004"}, "initial position must not be null");
      return;
    }
    start = std::max(lower, call.arguments[2].at<int32_t>(row));
  }
  for (int64_t i = int64_t{start} - lower; i < array.elements->size(); ++i) {
    if (same(wanted, *array.elements, static_cast<uint32_t>(i))) {
      call.out<int32_t>()[row] = static_cast<int32_t>(i) + lower;
      return;
    }
  }
  call.set_null(row);
}

void positions(const ScalarCall& call, uint32_t row) {
  if (call.arguments[0].is_null(row)) return call.set_null(row);
  const Array array = array_at(call, 0, row);
  if (array.dimensions.size() > 1) {
    call.fail_row(row, not_flat().error().sqlstate, not_flat().error().message);
    return;
  }
  const Datum wanted = datum_of(call, 1, row);
  ColumnBuilder builder(data::kIntegerType);
  for (uint32_t i = 0; i < array.elements->size(); ++i) {
    if (same(wanted, *array.elements, i)) {
      builder.append(static_cast<int32_t>(i) + array.dimensions[0].lower);
    }
  }
  call.set_string(row, data::encode_array(*builder.finish()));
}

/// An element more in front or behind, or NULL for a NULL array taken as the empty one.
template <bool kFront>
void add_element(const ScalarCall& call, uint32_t row) {
  constexpr uint32_t kArrayArgument = kFront ? 1 : 0;
  Array array;
  if (!call.arguments[kArrayArgument].is_null(row)) array = array_at(call, kArrayArgument, row);
  if (array.dimensions.size() > 1) {
    call.fail_row(row, SqlState{"22000"}, "argument must be empty or one-dimensional array");
    return;
  }
  const Datum element = datum_of(call, 1 - kArrayArgument, row);
  ColumnBuilder builder(call.result_type.element());
  if (kFront) builder.append_datum(element);
  for (uint32_t i = 0; array.elements != nullptr && i < array.elements->size(); ++i) {
    builder.append_datum(array.elements->datum(i));
  }
  if (!kFront) builder.append_datum(element);
  const data::ColumnRef all = builder.finish();
  const int32_t lower = array.dimensions.empty() ? 1 : array.dimensions[0].lower;
  const ArrayDimension dimension{static_cast<int32_t>(all->size()), lower};
  call.set_string(row, data::encode_array({&dimension, 1}, *all));
}

/// Arrays joined along the first dimension; one may have a dimension less.
void join_arrays(const ScalarCall& call, uint32_t row) {
  for (uint32_t i : {0U, 1U}) {
    if (!call.arguments[i].is_null(row)) continue;
    if (call.arguments[1 - i].is_null(row)) return call.set_null(row);
    return call.set_string(row, bytes_at(call, 1 - i, row));
  }
  const Array a = array_at(call, 0, row);
  const Array b = array_at(call, 1, row);
  if (a.dimensions.empty()) return call.set_string(row, bytes_at(call, 1, row));
  if (b.dimensions.empty()) return call.set_string(row, bytes_at(call, 0, row));
  const auto rest = [](const Array& array, size_t from) {
    std::vector<std::pair<int32_t, int32_t>> bounds;
    for (size_t i = from; i < array.dimensions.size(); ++i) {
      bounds.emplace_back(array.dimensions[i].lower, array.dimensions[i].length);
    }
    return bounds;
  };
  std::vector<ArrayDimension> dimensions;
  if (a.dimensions.size() == b.dimensions.size() && rest(a, 1) == rest(b, 1)) {
    dimensions = a.dimensions;
    dimensions[0].length += b.dimensions[0].length;
  } else if (a.dimensions.size() + 1 == b.dimensions.size() && rest(a, 0) == rest(b, 1)) {
    dimensions = b.dimensions;
    ++dimensions[0].length;
  } else if (a.dimensions.size() == b.dimensions.size() + 1 && rest(a, 1) == rest(b, 0)) {
    dimensions = a.dimensions;
    ++dimensions[0].length;
  } else {
    call.fail_row(row, kBadSubscript, "cannot concatenate incompatible arrays");
    return;
  }
  ColumnBuilder builder(call.result_type.element());
  for (const Array* part : {&a, &b}) {
    for (uint32_t i = 0; i < part->elements->size(); ++i) {
      builder.append_datum(part->elements->datum(i));
    }
  }
  call.set_string(row, data::encode_array(dimensions, *builder.finish()));
}

/// Without (remove) or with another (replace) element for every one that is the same.
template <bool kReplace>
void exchange(const ScalarCall& call, uint32_t row) {
  if (call.arguments[0].is_null(row)) return call.set_null(row);
  const Array array = array_at(call, 0, row);
  if (!kReplace && array.dimensions.size() > 1) {
    call.fail_row(row, data::sqlstate::kFeatureNotSupported,
                  "removing elements from multidimensional arrays is not supported");
    return;
  }
  const Datum wanted = datum_of(call, 1, row);
  ColumnBuilder builder(call.result_type.element());
  for (uint32_t i = 0; i < array.elements->size(); ++i) {
    if (!same(wanted, *array.elements, i)) {
      builder.append_datum(array.elements->datum(i));
    } else if (kReplace) {
      builder.append_datum(datum_of(call, 2, row));
    }
  }
  const data::ColumnRef kept = builder.finish();
  if (kReplace) {
    call.set_string(row, data::encode_array(array.dimensions, *kept));
    return;
  }
  std::vector<ArrayDimension> dimensions = array.dimensions;
  if (kept->size() == 0) dimensions.clear();
  if (!dimensions.empty()) dimensions[0].length = static_cast<int32_t>(kept->size());
  call.set_string(row, data::encode_array(dimensions, *kept));
}

/// Whether all (any) elements of b, which are not NULL, are in a.
template <bool kAll>
bool covers(const Array& a, const Array& b) {
  for (uint32_t i = 0; i < b.elements->size(); ++i) {
    bool found = false;
    if (!b.elements->is_null(i)) {
      const Datum wanted = b.elements->datum(i);
      for (uint32_t j = 0; j < a.elements->size() && !found; ++j) {
        found = same(wanted, *a.elements, j);
      }
    }
    if (found != kAll) return !kAll;
  }
  return kAll;
}
template <bool kAll, bool kSwapped>
void compare_sets(const ScalarCall& call, uint32_t row) {
  const Array a = array_at(call, 0, row);
  const Array b = array_at(call, 1, row);
  call.out<uint8_t>()[row] = kSwapped ? covers<kAll>(b, a) : covers<kAll>(a, b);
}

}  // namespace

void add_elements(Definer& define) {
  auto called = [&](Text name, std::vector<TypeId> arguments, TypeId result, ScalarKernel kernel,
                    Text text, std::vector<Example> examples) -> ScalarFunction& {
    ScalarFunction& function =
        define.kernel(name, std::move(arguments), result, kernel, text, std::move(examples));
    function.null_rule = NullRule::kCalled;
    function.can_fail = true;
    return function;
  };
  called("array_position", {kAnyArray, kAny}, kInteger, &each<position>,
         "subscript of the first element that is the same",
         {{"array_position(ARRAY['sun', 'mon', 'tue'], 'mon')", "2"}});
  called("array_position", {kAnyArray, kAny, kInteger}, kInteger, &each<position>,
         "the same from a subscript on", {{"array_position(ARRAY[1, 2, 1], 1, 2)", "3"}});
  called("array_positions", {kAnyArray, kAny}, data::array_of(kInteger), &each<positions>,
         "subscripts of all elements that are the same",
         {{"array_positions(ARRAY[1, 2, 1], 1)", "{1,3}"}});
  for (Text name : {"array_append", "||"}) {
    called(name, {kAnyArray, kAny}, kAnyArray, &each<add_element<false>>, "an element more behind",
           name == "||" ? std::vector<Example>{{"ARRAY[1, 2] || 3", "{1,2,3}"}}
                        : std::vector<Example>{{"array_append(ARRAY[1, 2], 3)", "{1,2,3}"}});
  }
  for (Text name : {"array_prepend", "||"}) {
    called(name, {kAny, kAnyArray}, kAnyArray, &each<add_element<true>>, "an element more in front",
           name == "||" ? std::vector<Example>{{"1 || ARRAY[2, 3]", "{1,2,3}"}}
                        : std::vector<Example>{{"array_prepend(1, ARRAY[2, 3])", "{1,2,3}"}});
  }
  for (Text name : {"array_cat", "||"}) {
    called(name, {kAnyArray, kAnyArray}, kAnyArray, &each<join_arrays>, "joined arrays",
           name == "||" ? std::vector<Example>{{"ARRAY[1] || ARRAY[2, 3]", "{1,2,3}"}}
                        : std::vector<Example>{{"array_cat(ARRAY[1], ARRAY[2, 3])", "{1,2,3}"}});
  }
  called("array_remove", {kAnyArray, kAny}, kAnyArray, &each<exchange<false>>,
         "without the elements that are the same",
         {{"array_remove(ARRAY[1, 2, 3, 2], 2)", "{1,3}"}});
  called("array_replace", {kAnyArray, kAny, kAny}, kAnyArray, &each<exchange<true>>,
         "with another for every element that is the same",
         {{"array_replace(ARRAY[1, 2, 5, 4], 5, 3)", "{1,2,3,4}"}});
  const std::vector<TypeId> both{kAnyArray, kAnyArray};
  define.kernel("@>", both, kBoolean, &each<compare_sets<true, false>>,
                "the first has all elements of the second",
                {{"ARRAY[1, 4, 3] @> ARRAY[3, 1, 3]", "t"}});
  define.kernel("<@", both, kBoolean, &each<compare_sets<true, true>>,
                "the second has all elements of the first",
                {{"ARRAY[2, 7] <@ ARRAY[1, 7, 4, 2, 6]", "t"}});
  define.kernel("&&", both, kBoolean, &each<compare_sets<false, false>>,
                "they have an element in common", {{"ARRAY[1, 4, 3] && ARRAY[2, 1]", "t"}});
}

}  // namespace forebay::udfs::arrays
