#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/expr/expr.h"
#include "sql/ast/type_name.h"
#include "udfs/registry.h"

/// PostgreSQL's rules for types: names, implicit casts, choosing a function among overloads, the
/// common type of CASE, UNION and the like.
namespace forebay::sql::binder {

using data::Result;
using data::Status;
using data::Type;
using data::TypeId;
using expr::ExprRef;

/// The type that a name means. Catalog pseudo-types (oid, regclass, name, "char" ...) and arrays
/// are mapped to bigint and text. 42704 for an unknown name, 0A000 for a type of PostgreSQL that is
/// not there.
Result<Type> resolve_type(const ast::TypeName& name);

/// kUnknown goes to anything.
bool can_cast_implicitly(TypeId from, TypeId to);

/// The type that all of `types` can go to, by PostgreSQL's rule for UNION, CASE and VALUES; all
/// kUnknown: kUnknown. Index of the first type that does not fit in `misfit` when there is none.
bool common_type(std::span<const Type> types, Type* out, size_t* misfit);

/// One way to call a function.
struct FunctionMatch {
  const udfs::ScalarFunction* scalar = nullptr;
  const udfs::AggregateFunction* aggregate = nullptr;
  const udfs::TableFunction* table = nullptr;
  /// The type that each argument must be cast to.
  std::vector<TypeId> arguments;
  TypeId result = TypeId::kUnknown;
};
enum class MatchOutcome : uint8_t { kFound, kNone, kAmbiguous };
/// Chooses among the overloads of a scalar function or operator (func_select_candidate).
MatchOutcome match_scalar(std::string_view name, std::span<const TypeId> arguments,
                          bool is_operator, FunctionMatch* out);
MatchOutcome match_aggregate(std::string_view name, std::span<const TypeId> arguments,
                             FunctionMatch* out);
/// `result` is that of the function's kUnknown columns.
MatchOutcome match_table_function(std::string_view name, std::span<const TypeId> arguments,
                                  FunctionMatch* out);

/// Chooses among signatures as among overloads of a function.
MatchOutcome match_signatures(const std::vector<std::vector<TypeId>>& signatures,
                              std::span<const TypeId> arguments, size_t* chosen);

/// "integer, text" of types.
std::string type_list(std::span<const TypeId> types);

}  // namespace forebay::sql::binder
