#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "udfs/function.h"

/// The functions that need OVER. What they do is the over operator's; these are their descriptions,
/// for forebay.functions, docs and the examples' test.
namespace forebay::udfs {

struct WindowFunction {
  std::string_view name;
  /// kUnknown: any type. The last `optional` ones may be left out.
  std::vector<TypeId> arguments;
  size_t optional = 0;
  /// kUnknown: that of the first argument.
  TypeId result = TypeId::kBigint;
  std::string_view description;
  std::vector<Example> examples;
};
std::span<const WindowFunction> all_window_functions();
/// nullptr: there is none of this name.
const WindowFunction* find_window_function(std::string_view name);

}  // namespace forebay::udfs
