#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// What the system functions that take an oid (pg_get_viewdef, pg_table_is_visible ...) tell of the
/// catalog. Functions are below the catalog, so whoever has one makes it known here.
namespace forebay::udfs {

class CatalogFacts {
 public:
  virtual ~CatalogFacts() = default;
  /// True when a relation is found by its name alone in these schemas; nullopt: there is none with
  /// this oid.
  virtual std::optional<bool> is_visible(int64_t oid,
                                         std::span<const std::string> search_path) const = 0;
  /// The oid of the relation that a text names ("t", "s.t", with quotes where needed, or digits);
  /// nullopt: there is none.
  virtual std::optional<int64_t> relation_oid(std::string_view name,
                                              std::span<const std::string> search_path) const = 0;
  /// "public.t" or "t", as regclass shows it.
  virtual std::optional<std::string> relation_name(int64_t oid) const = 0;
  virtual std::optional<std::string> view_definition(int64_t oid) const = 0;
  /// "CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a, b)"; with `column` above 0 that column
  /// alone.
  virtual std::optional<std::string> index_definition(int64_t oid, int32_t column) const = 0;
  /// "PRIMARY KEY (a, b)".
  virtual std::optional<std::string> constraint_definition(int64_t oid) const = 0;
  /// COMMENT ON: of the object, or with `column` above 0 of that column.
  virtual std::optional<std::string> description(int64_t oid, int32_t column) const = 0;
  /// "integer, text" and "bigint" of a function of pg_proc.
  virtual std::optional<std::string> function_arguments(int64_t oid) const = 0;
  virtual std::optional<std::string> function_result(int64_t oid) const = 0;
  /// The CREATE FUNCTION of a function of a user.
  virtual std::optional<std::string> function_definition(int64_t oid) const = 0;
};

/// The catalog of this process; nullptr: none yet. Thread-safe.
std::shared_ptr<const CatalogFacts> catalog_facts();
void set_catalog_facts(std::shared_ptr<const CatalogFacts> facts);

}  // namespace forebay::udfs
