#pragma once

#include "server/database.h"
#include "server/virtual_rows.h"

/// Parts of pg_catalog and information_schema: real tables, made from the catalog's snapshot at
/// each query.
namespace forebay::server {

/// Oids that PostgreSQL has given, or that we derive.
inline constexpr int64_t kOwnerOid = 10;
inline constexpr int64_t kDatabaseOid = 5;
inline constexpr int64_t kPgCatalogOid = 11;
inline constexpr int64_t kPublicOid = 2200;
inline constexpr int64_t kInformationSchemaOid = 13000;
inline constexpr int64_t kForebaySchemaOid = 13001;
inline constexpr int64_t kHeapMethodOid = 2;
inline constexpr int64_t kBtreeMethodOid = 403;
inline constexpr int64_t kDefaultCollationOid = 100;
/// A table's primary key: its index has the table's oid plus this, its constraint plus the second.
inline constexpr int64_t kKeyIndexOffset = 0x40000000;
inline constexpr int64_t kKeyConstraintOffset = 0x50000000;

/// Functions are numbered from here on in the order of the registry: scalars, aggregates, table
/// functions.
inline constexpr int64_t kFirstFunctionOid = 1'000'000;

/// pg_namespace.oid.
int64_t schema_oid(Database& database, std::string_view schema);
/// pg_class.relkind: r, v, m, f.
std::string relation_kind(const sql::catalog::CatalogObject& object);
/// Objects with a declared primary key have an index and a constraint of this name.
std::string key_index_name(const sql::catalog::CatalogObject& object);
/// "a, b": the columns of the key, quoted as needed.
std::string key_column_list(const sql::catalog::CatalogObject& object);
/// atttypmod.
int32_t type_modifier(const data::Type& type);

/// Calls visit(table, index) for every index of CREATE INDEX (pg_indexes.cpp).
void each_index(Database& database,
                const std::function<void(const sql::catalog::CatalogObject&,
                                         const sql::catalog::CatalogObject&)>& visit);
/// As pg_get_indexdef shows it.
std::string index_definition_text(const sql::catalog::CatalogObject& table,
                                  const sql::catalog::CatalogObject& index, int32_t column);
/// "[0:1]={1,2}": number(column) per column; PostgreSQL counts its vectors from 0.
template <typename F>
std::string key_vector(const std::vector<uint32_t>& columns, F&& number) {
  std::string list;
  for (uint32_t column : columns) {
    if (!list.empty()) list += ',';
    list += std::to_string(number(column));
  }
  return "[0:" + std::to_string(columns.size() - 1) + "]={" + list + "}";
}
/// 0: the type has no collation.
int64_t collation_of(const data::Type& type);
/// A row of pg_index: of CREATE INDEX, or of a primary key (is_key).
void add_index_row(VirtualRowsBuilder& out, int64_t oid, const sql::catalog::CatalogObject& table,
                   const std::vector<uint32_t>& columns, bool is_key);
/// Those of CREATE INDEX.
void add_index_rows(Database& database, VirtualRowsBuilder& out);
void add_pg_indexes(Database& database);

/// pg_class, pg_attribute, pg_index, pg_constraint ... (pg_relations.cpp)
void add_pg_relations(Database& database);
/// pg_type, pg_am, pg_database, pg_roles, pg_settings ... (pg_types.cpp)
void add_pg_types(Database& database);
/// pg_proc, pg_language (pg_functions.cpp)
void add_pg_functions(Database& database);
/// information_schema (information_schema.cpp)
void add_information_schema(Database& database);

}  // namespace forebay::server
