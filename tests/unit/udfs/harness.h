#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "engine/data/datetime.h"
#include "engine/data/text_format.h"
#include "udfs/registry.h"

/// Calls kernels on single values, as text in and text out.
namespace forebay::udfs::test {

using data::Datum;

/// A value from its text.
inline Datum value(Type type, std::string_view text) {
  data::Result<Datum> parsed = data::parse_datum(text, type);
  EXPECT_TRUE(parsed.is_ok()) << text;
  return parsed.is_ok() ? *parsed : Datum::null(type);
}
inline Datum I(int32_t x) { return {data::kIntegerType, x}; }
inline Datum L(int64_t x) { return {data::kBigintType, x}; }
inline Datum D(double x) { return {data::kDoubleType, x}; }
inline Datum B(bool x) { return {data::kBooleanType, x}; }
inline Datum T(std::string x) { return {data::kTextType, std::move(x)}; }
inline Datum N(std::string_view x) { return value(data::kNumericType, x); }
inline Datum Day(std::string_view x) { return value(data::kDateType, x); }
inline Datum At(std::string_view x) { return value(data::kTimestampType, x); }
inline Datum AtTz(std::string_view x) { return value(data::kTimestampTzType, x); }
inline Datum Iv(std::string_view x) { return value(data::kIntervalType, x); }
inline Datum Null(Type type) { return Datum::null(type); }

/// The signature of `name` for exactly these types.
inline const ScalarFunction* signature(std::string_view name, const std::vector<Datum>& arguments) {
  for (const ScalarFunction* function : find_scalar(name)) {
    const auto& declared = function->arguments;
    if (function->variadic ? arguments.size() < declared.size()
                           : arguments.size() != declared.size()) {
      continue;
    }
    bool fits = true;
    for (size_t i = 0; i < arguments.size(); ++i) {
      const TypeId expected = declared[std::min(i, declared.size() - 1)];
      const Type given = arguments[i].type;
      // "Any" of ||, text or an element, is no array.
      const bool any = expected == TypeId::kUnknown && !(given.is_array() && name == "||");
      fits = fits && (any || expected == given.id ||
                      (expected == TypeId::kAnyArray && given.is_array()));
    }
    if (fits) return function;
  }
  return nullptr;
}

/// What a running kernel comes back to.
struct Frame {
  data::Arena arena;
  std::string error;
};

inline std::string shown(const Datum& datum) {
  if (datum.is_null()) return "NULL";
  std::string text;
  data::format_datum(datum, text);
  return text;
}

/// Calls a function with three rows of the same arguments; `constant_last` makes the last argument
/// a constant column, `sparse` computes row 2 alone. The result is row 2's.
inline std::string run_shape(const ScalarFunction* function, const std::vector<Datum>& arguments,
                             Type result_type, bool constant_last, bool sparse) {
  std::vector<data::ColumnRef> columns;
  std::vector<ColumnView> views;
  std::vector<Type> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].is_null() && function->null_rule == NullRule::kStrict) return "NULL";
    data::ColumnBuilder builder(arguments[i].type);
    for (int row = 0; row < 3; ++row) builder.append_datum(arguments[i]);
    const bool constant = constant_last && i + 1 == arguments.size();
    columns.push_back(constant ? data::Column::constant(arguments[i], 3) : builder.finish());
    views.push_back(columns.back()->view());
    types.push_back(arguments[i].type);
  }
  Frame frame;
  data::ColumnBuilder result(result_type);
  void* values = result.resize_bytes(3);
  uint64_t validity = ~uint64_t{0};
  bool has_nulls = false;
  const uint32_t all[] = {0, 1, 2};
  CallEnvironment environment;
  environment.now = 820'540'800'000'000 + 45'296'789'012;  // 2026-01-01 12:34:56.789012
  ScalarCall call{};
  call.arguments = views.data();
  call.argument_types = types.data();
  call.argument_count = static_cast<uint32_t>(views.size());
  call.rows = sparse ? all + 2 : all;
  call.row_count = sparse ? 1 : 3;
  call.dense = !sparse;
  call.result_type = result_type;
  call.result = values;
  call.result_validity = &validity;
  call.result_has_nulls = &has_nulls;
  call.allocate = [](void* context, size_t bytes) {
    return static_cast<Frame*>(context)->arena.allocate(bytes);
  };
  call.fail = [](void* context, uint32_t, const char* sqlstate, const char* message, size_t bytes) {
    static_cast<Frame*>(context)->error =
        std::string(sqlstate, 5) + " " + std::string(message, bytes);
  };
  call.context = &frame;
  call.environment = &environment;
  function->kernel(call);
  if (!frame.error.empty()) {
    EXPECT_TRUE(function->can_fail) << function->name << ": " << frame.error;
    return frame.error;
  }
  result.set_validity(has_nulls ? &validity : nullptr);
  return shown(result.finish()->datum(2));
}

inline std::string run_function(const ScalarFunction* function, const std::vector<Datum>& arguments,
                                Type result_type) {
  const std::string text = run_shape(function, arguments, result_type, false, false);
  EXPECT_EQ(run_shape(function, arguments, result_type, true, false), text) << function->name;
  EXPECT_EQ(run_shape(function, arguments, result_type, false, true), text) << function->name;
  return text;
}

/// The result's text, "NULL", or "22003 message".
inline std::string run(std::string_view name, const std::vector<Datum>& arguments) {
  const ScalarFunction* function = signature(name, arguments);
  if (function == nullptr) return "no such function: " + std::string(name);
  Type type{function->result};
  if (type.id == TypeId::kUnknown || type.id == TypeId::kAnyArray) {
    // The first "any" argument decides, or an array's element.
    const bool array = type.id == TypeId::kAnyArray;
    type = Type{data::element_of(arguments[0].type.id)};
    if (array) type = Type{data::array_of(type.id)};
    if (!array && function->arguments[0] == TypeId::kUnknown) type = arguments[0].type;
  }
  return run_function(function, arguments, type);
}

inline std::string cast(const Datum& from, Type to, bool assignment = false) {
  const Cast* found = find_cast(from.type.id, to.id);
  if (found == nullptr) return "no cast";
  return run_function(assignment ? found->assignment : found->function, {from}, to);
}

}  // namespace forebay::udfs::test
