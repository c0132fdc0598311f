#pragma once

#include <string>

#include "udfs/function.h"
#include "udfs/table_function.h"

/// Functions in shared libraries (extension.h).
namespace forebay::udfs {

/// One of the two; they live as long as the process.
struct LoadedFunction {
  const ScalarFunction* scalar = nullptr;
  const TableFunction* table = nullptr;
};

/// Loads `path` and takes the function of `symbol`, to be called `name`. 58P01 when the library
/// can't be opened; 42883 without the symbol; 22P02 (PostgreSQL's "incompatible library" is XX000)
/// when it was built against other headers. A library stays loaded.
data::Result<LoadedFunction> load_function(const std::string& path, const std::string& symbol,
                                           const std::string& name);

}  // namespace forebay::udfs
