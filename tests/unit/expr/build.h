#pragma once

#include <gtest/gtest.h>

#include "engine/data/text_format.h"
#include "engine/expr/expr.h"
#include "udfs/registry.h"

/// Short ways to write expressions in tests.
namespace forebay::expr::test {

using data::TypeId;
using udfs::ScalarFunction;

inline const ScalarFunction* function(std::string_view name, std::vector<TypeId> types) {
  for (const ScalarFunction* candidate : udfs::find_scalar(name)) {
    if (candidate->arguments == types) return candidate;
  }
  ADD_FAILURE() << name;
  return nullptr;
}
inline ExprRef op(std::string_view name, ExprRef a, ExprRef b) {
  const ScalarFunction* f = function(name, {a->type.id, b->type.id});
  return call(f, Type{f->result}, {a, b});
}
inline ExprRef lit(int32_t x) { return literal({data::kIntegerType, x}); }
inline ExprRef lit(const char* x) { return literal({data::kTextType, std::string(x)}); }
inline ExprRef lit(bool x) { return literal({data::kBooleanType, x}); }
inline ExprRef null(Type type) { return literal(Datum::null(type)); }
inline ExprRef col(uint32_t index, Type type = data::kIntegerType) { return column(index, type); }

inline std::string shown(const Datum& datum) {
  if (datum.is_null()) return "NULL";
  std::string text;
  data::format_datum(datum, text);
  return text;
}

/// The value of an expression as text; a failure as "22012 division by zero".
inline std::string constant(const ExprRef& expr) {
  data::Result<Datum> value = evaluate_constant(expr, {});
  if (!value.is_ok()) {
    return std::string(value.error().sqlstate.view()) + " " + value.error().message;
  }
  return shown(*value);
}

}  // namespace forebay::expr::test
