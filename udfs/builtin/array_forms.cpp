#include <algorithm>

#include "udfs/builtin/array_calls.h"

/// The SQL forms ARRAY[...], a[i], a[l:u], x op ANY (a) and x op ALL (a): the functions
/// array_build, array_get, array_slice and array_any_..., array_all_... .
namespace forebay::udfs::arrays {
namespace {

/// Of values, or of arrays of the same dimensions: then it has one dimension more.
void build(const ScalarCall& call, uint32_t row) {
  const Type element = call.result_type.element();
  ColumnBuilder builder(element);
  if (call.argument_count == 0 || !call.argument_types[0].is_array()) {
    for (uint32_t i = 0; i < call.argument_count; ++i) builder.append_datum(datum_of(call, i, row));
    call.set_string(row, data::encode_array(*builder.finish()));
    return;
  }
  std::vector<ArrayDimension> inner;
  bool any_null = false;
  for (uint32_t i = 0; i < call.argument_count; ++i) {
    if (call.arguments[i].is_null(row)) {
      any_null = true;
      continue;
    }
    const Array part = array_at(call, i, row);
    if (i == 0) inner = part.dimensions;
    if (part.dimensions != inner || any_null) {
      call.fail_row(row, kBadSubscript,
                    "multidimensional arrays must have array expressions with matching dimensions");
      return;
    }
    for (uint32_t j = 0; j < part.elements->size(); ++j) {
      builder.append_datum(part.elements->datum(j));
    }
  }
  if (!inner.empty()) {
    inner.insert(inner.begin(), {static_cast<int32_t>(call.argument_count), 1});
  }
  call.set_string(row, data::encode_array(inner, *builder.finish()));
}

/// a[i][j]: NULL outside, and for another number of subscripts than dimensions.
void get(const ScalarCall& call, uint32_t row) {
  const Array array = array_at(call, 0, row);
  const size_t count = array.dimensions.size();
  if (count == 0 || count != call.argument_count - 1) return call.set_null(row);
  uint32_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const ArrayDimension& dimension = array.dimensions[i];
    const auto subscript = call.arguments[i + 1].at<int32_t>(row);
    if (subscript < dimension.lower || subscript > dimension.upper()) return call.set_null(row);
    at = at * static_cast<uint32_t>(dimension.length) +
         static_cast<uint32_t>(subscript - dimension.lower);
  }
  give(call, row, *array.elements, at);
}

/// a[l:u][l:u]: pairs of bounds, NULL for an omitted one; the result begins at 1.
void slice(const ScalarCall& call, uint32_t row) {
  if (call.arguments[0].is_null(row)) return call.set_null(row);
  const Array array = array_at(call, 0, row);
  const size_t pairs = (call.argument_count - 1) / 2;
  ColumnBuilder builder(call.result_type.element());
  const auto give_empty = [&] { call.set_string(row, data::encode_array(*builder.finish())); };
  if (pairs > array.dimensions.size()) return give_empty();
  std::vector<ArrayDimension> kept = array.dimensions;
  std::vector<int32_t> first(kept.size(), 0);
  for (size_t i = 0; i < kept.size(); ++i) {
    int32_t lower = kept[i].lower;
    int32_t upper = kept[i].upper();
    if (i < pairs) {
      const auto a = static_cast<uint32_t>(1 + 2 * i);
      if (!call.arguments[a].is_null(row))
        lower = std::max(lower, call.arguments[a].at<int32_t>(row));
      if (!call.arguments[a + 1].is_null(row)) {
        upper = std::min(upper, call.arguments[a + 1].at<int32_t>(row));
      }
    }
    if (upper < lower) return give_empty();
    first[i] = lower - kept[i].lower;
    kept[i] = {upper - lower + 1, 1};
  }
  std::vector<int32_t> at(kept.size(), 0);
  while (true) {
    uint32_t index = 0;
    for (size_t i = 0; i < kept.size(); ++i) {
      index = index * static_cast<uint32_t>(array.dimensions[i].length) +
              static_cast<uint32_t>(first[i] + at[i]);
    }
    builder.append_datum(array.elements->datum(index));
    size_t level = kept.size();
    while (level > 0 && ++at[level - 1] == kept[level - 1].length) at[--level] = 0;
    if (level == 0) break;
  }
  call.set_string(row, data::encode_array(kept, *builder.finish()));
}

// ---------------------------------------------------------------- ANY and ALL

enum class Test : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

bool passes(Test test, int order) {
  switch (test) {
    case Test::kEqual:
      return order == 0;
    case Test::kNotEqual:
      return order != 0;
    case Test::kLess:
      return order < 0;
    case Test::kLessEqual:
      return order <= 0;
    case Test::kGreater:
      return order > 0;
    case Test::kGreaterEqual:
      return order >= 0;
  }
  return false;
}

template <Test kTest, bool kAll>
void quantified(const ScalarCall& call, uint32_t row) {
  if (call.arguments[1].is_null(row)) return call.set_null(row);
  const Array array = array_at(call, 1, row);
  const Datum value = datum_of(call, 0, row);
  bool unknown = false;
  for (uint32_t i = 0; i < array.elements->size(); ++i) {
    if (value.is_null() || array.elements->is_null(i)) {
      unknown = true;
      continue;
    }
    if (passes(kTest, data::compare(value, array.elements->datum(i))) != kAll) {
      call.out<uint8_t>()[row] = !kAll;
      return;
    }
  }
  call.out<uint8_t>()[row] = kAll;
  if (unknown) call.set_null(row);
}

template <Test kTest>
void add_quantified(Definer& define, Text any_name, Text all_name) {
  define
      .kernel(any_name, {kAny, kAnyArray}, kBoolean, &each<quantified<kTest, false>>,
              "the comparison holds for an element")
      .null_rule = NullRule::kCalled;
  define
      .kernel(all_name, {kAny, kAnyArray}, kBoolean, &each<quantified<kTest, true>>,
              "the comparison holds for all elements")
      .null_rule = NullRule::kCalled;
}

}  // namespace

void add_forms(Definer& define) {
  ScalarFunction& made =
      define.kernel("array_build", {kAny}, kAnyArray, &each<build>,
                    "ARRAY[...]: an array of the arguments", {{"ARRAY[1, 2, 3]", "{1,2,3}"}});
  made.variadic = true;
  made.null_rule = NullRule::kCalled;
  made.can_fail = true;
  ScalarFunction& got =
      define.kernel("array_get", {kAnyArray, kInteger}, kAny, &each<get>,
                    "a[i]: an element, NULL outside", {{"('{5,6,7}'::integer[])[2]", "6"}});
  got.variadic = true;
  ScalarFunction& part =
      define.kernel("array_slice", {kAnyArray, kInteger}, kAnyArray, &each<slice>, "a[l:u]: a part",
                    {{"('{5,6,7}'::integer[])[2:3]", "{6,7}"}});
  part.variadic = true;
  part.null_rule = NullRule::kCalled;
  add_quantified<Test::kEqual>(define, "array_any_=", "array_all_=");
  add_quantified<Test::kNotEqual>(define, "array_any_<>", "array_all_<>");
  add_quantified<Test::kLess>(define, "array_any_<", "array_all_<");
  add_quantified<Test::kLessEqual>(define, "array_any_<=", "array_all_<=");
  add_quantified<Test::kGreater>(define, "array_any_>", "array_all_>");
  add_quantified<Test::kGreaterEqual>(define, "array_any_>=", "array_all_>=");
}

}  // namespace forebay::udfs::arrays
