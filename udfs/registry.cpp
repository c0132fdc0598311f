#include "udfs/registry.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "udfs/builtin/builtin.h"

namespace forebay::udfs {
namespace {

/// The number of edits (insert, delete, replace) from a to b; stops counting above `limit`.
size_t edit_distance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() > b.size() + limit || b.size() > a.size() + limit) return limit + 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

/// Built once at first use; immutable afterwards, so that reading needs no lock.
class Registry {
 public:
  static const Registry& get() {
    static const Registry registry;
    return registry;
  }

  std::vector<ScalarFunction> scalars;
  std::vector<AggregateFunction> aggregates;
  std::vector<TableFunction> tables;
  std::vector<CastEntry> cast_entries;
  std::vector<CastEntry> array_cast_entries;
  std::vector<const ScalarFunction*> all_scalars;
  std::vector<const AggregateFunction*> all_aggregates;
  std::vector<const TableFunction*> all_tables;
  std::vector<FunctionExample> examples;
  std::unordered_map<std::string_view, std::vector<const ScalarFunction*>> scalars_by_name;
  std::unordered_map<std::string_view, std::vector<const AggregateFunction*>> aggregates_by_name;
  std::unordered_map<std::string_view, std::vector<const TableFunction*>> tables_by_name;
  std::map<std::pair<TypeId, TypeId>, Cast> casts;

 private:
  Registry() {
    // The explicit list of files: a new one adds its line here.
    add_comparison(scalars);
    add_arithmetic(scalars);
    add_datetime_arithmetic(scalars);
    add_math(scalars);
    add_strings(scalars);
    add_string_search(scalars);
    add_patterns(scalars);
    add_datetime(scalars);
    add_at_time_zone(scalars);
    add_formatting(scalars);
    add_flink_time(scalars);
    add_buckets(scalars);
    add_conditional(scalars);
    add_system(scalars);
    add_pg_catalog(scalars);
    add_bytes(scalars);
    add_jsonb(scalars);
    add_arrays(scalars);
    add_casts(cast_entries);
    add_array_casts(cast_entries, array_cast_entries);
    add_aggregates(aggregates);
    add_float_aggregates(aggregates);
    add_collecting_aggregates(aggregates);
    add_statistics(aggregates);
    add_bit_aggregates(aggregates);
    add_ordered_aggregates(aggregates);
    add_generate_series(tables);
    add_unnesting(tables);
    index();
  }

  void add_cast(const CastEntry& entry) {
    const bool two = entry.assignment.kernel != nullptr;
    casts[{entry.from, entry.to}] = Cast{entry.from, entry.to, entry.context, &entry.function,
                                         two ? &entry.assignment : &entry.function};
  }

  void index() {
    for (const ScalarFunction& function : scalars) all_scalars.push_back(&function);
    for (const CastEntry& entry : cast_entries) {
      const bool two = entry.assignment.kernel != nullptr;
      add_cast(entry);
      all_scalars.push_back(&entry.function);
      if (two) all_scalars.push_back(&entry.assignment);
    }
    // Not listed: they follow from the casts of the elements.
    for (const CastEntry& entry : array_cast_entries) add_cast(entry);
    for (const ScalarFunction* function : all_scalars) {
      scalars_by_name[function->name].push_back(function);
      for (const Example& example : function->examples)
        examples.push_back({function->name, example});
    }
    for (const AggregateFunction& function : aggregates) {
      all_aggregates.push_back(&function);
      aggregates_by_name[function.name].push_back(&function);
      for (const Example& example : function.examples) examples.push_back({function.name, example});
    }
    for (const TableFunction& function : tables) {
      all_tables.push_back(&function);
      tables_by_name[function.name].push_back(&function);
      for (const Example& example : function.examples) examples.push_back({function.name, example});
    }
  }
};

}  // namespace

std::span<const ScalarFunction* const> find_scalar(std::string_view name) {
  const auto& by_name = Registry::get().scalars_by_name;
  auto found = by_name.find(name);
  if (found == by_name.end()) return {};
  return found->second;
}

std::span<const AggregateFunction* const> find_aggregate(std::string_view name) {
  const auto& by_name = Registry::get().aggregates_by_name;
  auto found = by_name.find(name);
  if (found == by_name.end()) return {};
  return found->second;
}

std::span<const TableFunction* const> find_table_function(std::string_view name) {
  const auto& by_name = Registry::get().tables_by_name;
  auto found = by_name.find(name);
  if (found == by_name.end()) return {};
  return found->second;
}

std::span<const TableFunction* const> all_table_functions() { return Registry::get().all_tables; }

const Cast* find_cast(TypeId from, TypeId to) {
  const auto& casts = Registry::get().casts;
  auto found = casts.find({from, to});
  return found == casts.end() ? nullptr : &found->second;
}

std::span<const ScalarFunction* const> all_scalar_functions() {
  return Registry::get().all_scalars;
}

std::span<const AggregateFunction* const> all_aggregate_functions() {
  return Registry::get().all_aggregates;
}

std::span<const FunctionExample> forebay_function_examples() { return Registry::get().examples; }

std::vector<std::string_view> similar_function_names(std::string_view name) {
  const Registry& registry = Registry::get();
  const size_t limit = name.size() <= 3 ? 1 : name.size() <= 6 ? 2 : 3;
  std::vector<std::pair<size_t, std::string_view>> found;
  auto consider = [&](std::string_view other) {
    const bool word = (other[0] >= 'a' && other[0] <= 'z') || other[0] == '_';
    if (!word || other == "cast") return;
    size_t distance = edit_distance(name, other, limit);
    if (distance <= limit) found.emplace_back(distance, other);
  };
  for (const auto& [other, functions] : registry.scalars_by_name) consider(other);
  for (const auto& [other, functions] : registry.aggregates_by_name) consider(other);
  for (const auto& [other, functions] : registry.tables_by_name) consider(other);
  std::sort(found.begin(), found.end());
  std::vector<std::string_view> names;
  for (const auto& [distance, other] : found) {
    if (names.empty() || names.back() != other) names.push_back(other);
  }
  return names;
}

}  // namespace forebay::udfs
