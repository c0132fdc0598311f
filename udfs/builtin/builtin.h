#pragma once

#include <vector>

#include "udfs/kernel.h"
#include "udfs/registry.h"

/// What every file of this folder adds to the registry. Adding a file: one declaration here and one
/// line in udfs/registry.cpp.
namespace forebay::udfs {

void add_comparison(ScalarList& list);
void add_arithmetic(ScalarList& list);
void add_datetime_arithmetic(ScalarList& list);
void add_math(ScalarList& list);
void add_strings(ScalarList& list);
void add_string_search(ScalarList& list);
void add_patterns(ScalarList& list);
void add_datetime(ScalarList& list);
void add_at_time_zone(ScalarList& list);
void add_formatting(ScalarList& list);
void add_flink_time(ScalarList& list);
void add_buckets(ScalarList& list);
void add_conditional(ScalarList& list);
void add_system(ScalarList& list);
void add_pg_catalog(ScalarList& list);
void add_bytes(ScalarList& list);
void add_jsonb(ScalarList& list);
void add_arrays(ScalarList& list);

/// A cast and its functions, before they have an address in the registry.
struct CastEntry {
  TypeId from;
  TypeId to;
  CastContext context;
  ScalarFunction function;
  /// Without a kernel: the same as `function`.
  ScalarFunction assignment;
};
void add_casts(std::vector<CastEntry>& list);
/// The casts of arrays whose elements have one, and text in and out of every array type.
void add_array_casts(std::span<const CastEntry> of_elements, std::vector<CastEntry>& list);

using AggregateList = std::vector<AggregateFunction>;
void add_aggregates(AggregateList& list);
void add_float_aggregates(AggregateList& list);
void add_collecting_aggregates(AggregateList& list);
void add_statistics(AggregateList& list);
void add_bit_aggregates(AggregateList& list);
void add_ordered_aggregates(AggregateList& list);

using TableFunctionList = std::vector<TableFunction>;
void add_generate_series(TableFunctionList& list);
void add_unnesting(TableFunctionList& list);

}  // namespace forebay::udfs
