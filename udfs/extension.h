#pragma once

#include "udfs/kernel.h"
#include "udfs/table_function.h"

/// What a shared library includes to give functions to CREATE FUNCTION ... LANGUAGE CPP:
///
///     FOREBAY_SCALAR_FUNCTION(symbol) { function.arguments = {TypeId::kDouble}; ... }
///     FOREBAY_TABLE_FUNCTION(symbol) { function.columns = {{"word", TypeId::kText}}; ... }
///
/// `CREATE FUNCTION f(double precision) RETURNS double precision LANGUAGE CPP AS '/path/lib.so',
/// 'symbol'` calls the exported function once, which describes what a call does; the types must be
/// those of the statement. See examples/functions.
namespace forebay::udfs {

/// The sizes that library and program must agree on, besides the version.
inline constexpr uint32_t kFunctionAbiLayout =
    sizeof(ScalarCall) + 1'000 * sizeof(ScalarFunction) % 100'003 + 7 * sizeof(TableFunction) +
    31 * sizeof(TableCall) + 127 * sizeof(data::StringView) + 511 * sizeof(data::Numeric);

/// What the symbol gives. The first two words are read before anything else is believed.
struct ExportedFunction {
  uint32_t abi_version = kFunctionAbiVersion;
  uint32_t abi_layout = kFunctionAbiLayout;
  /// One of them.
  const ScalarFunction* scalar = nullptr;
  const TableFunction* table = nullptr;
};

}  // namespace forebay::udfs

#define FOREBAY_EXPORTED_FUNCTION(symbol, Kind, member)         \
  static void symbol##_describe(forebay::udfs::Kind& function); \
  extern "C" const forebay::udfs::ExportedFunction* symbol();   \
  extern "C" const forebay::udfs::ExportedFunction* symbol() {  \
    static const forebay::udfs::Kind* const kFunction = [] {    \
      static forebay::udfs::Kind function;                      \
      function.name = #symbol;                                  \
      symbol##_describe(function);                              \
      return &function;                                         \
    }();                                                        \
    static forebay::udfs::ExportedFunction exported;            \
    exported.member = kFunction;                                \
    return &exported;                                           \
  }                                                             \
  static void symbol##_describe(forebay::udfs::Kind& function)

/// Begins the description of a scalar function; its body fills in `function`.
#define FOREBAY_SCALAR_FUNCTION(symbol) FOREBAY_EXPORTED_FUNCTION(symbol, ScalarFunction, scalar)
/// The same of a function that gives rows.
#define FOREBAY_TABLE_FUNCTION(symbol) FOREBAY_EXPORTED_FUNCTION(symbol, TableFunction, table)
