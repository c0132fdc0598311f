#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "udfs/table_function.h"

/// The one registry of functions. An explicit list (registry.cpp) of the files under udfs/builtin/;
/// adding a function touches one file and, for a new file, one line.
namespace forebay::udfs {

/// All signatures of a name (lower case); empty when there is none. Operators are functions too,
/// under the names "+", "||", "=", "~~" (LIKE) ...; casts under "cast".
std::span<const ScalarFunction* const> find_scalar(std::string_view name);
std::span<const AggregateFunction* const> find_aggregate(std::string_view name);
std::span<const TableFunction* const> find_table_function(std::string_view name);

/// The cast from one type to another, or nullptr. `implicit` ones need no CAST in SQL, `assignment`
/// ones are applied when storing into a column, as PostgreSQL's pg_cast says.
enum class CastContext : uint8_t { kImplicit, kAssignment, kExplicit };
struct Cast {
  TypeId from;
  TypeId to;
  CastContext context;
  /// Takes one argument; result_type carries the target's modifier (numeric(p,s), varchar(n)). CAST
  /// to varchar(n) cuts longer values.
  const ScalarFunction* function;
  /// The one to apply when storing into a column: varchar(n) refuses longer values (22001). The
  /// same as `function` for all other types.
  const ScalarFunction* assignment;
};
/// Also from a type to itself, where a modifier changes values: numeric(p,s), varchar(n),
/// timestamp(p), interval(p).
const Cast* find_cast(TypeId from, TypeId to);

/// Everything, in a fixed order: for forebay.functions, docs and the examples' test.
std::span<const ScalarFunction* const> all_scalar_functions();
std::span<const AggregateFunction* const> all_aggregate_functions();
std::span<const TableFunction* const> all_table_functions();
/// All examples of all functions, in registry order.
struct FunctionExample {
  std::string_view name;
  Example example;
};
std::span<const FunctionExample> forebay_function_examples();
/// Names close to `name`, best first, for hints.
std::vector<std::string_view> similar_function_names(std::string_view name);

}  // namespace forebay::udfs
