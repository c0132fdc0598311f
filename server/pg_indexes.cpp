// pg_catalog: indexes made by CREATE INDEX, in pg_class, pg_index and pg_indexes.

#include <fmt/format.h>

#include "server/pg_catalog.h"
#include "sql/ast/print.h"

namespace forebay::server {

using data::Status;
using sql::catalog::CatalogObject;
using sql::catalog::oid_of;

namespace {

std::string column_name(const CatalogObject& table, const CatalogObject& index, size_t i) {
  return sql::ast::quote_identifier(table.columns[index.index_columns[i]].name);
}

}  // namespace

std::string index_definition_text(const CatalogObject& table, const CatalogObject& index,
                                  int32_t column) {
  if (column > 0) {
    const auto at = static_cast<size_t>(column - 1);
    return at < index.index_columns.size() ? column_name(table, index, at) : std::string();
  }
  std::string list;
  for (size_t i = 0; i < index.index_columns.size(); ++i) {
    if (i > 0) list += ", ";
    list += column_name(table, index, i);
  }
  return fmt::format(
      "CREATE INDEX {} ON {}.{} USING btree ({})", sql::ast::quote_identifier(index.name),
      sql::ast::quote_identifier(table.schema), sql::ast::quote_identifier(table.name), list);
}

void each_index(Database& database,
                const std::function<void(const CatalogObject&, const CatalogObject&)>& visit) {
  sql::SnapshotRef catalog = database.catalog().snapshot();
  for (const sql::CatalogObjectRef& index : catalog->indexes()) {
    sql::CatalogObjectRef table = catalog->find(index->dependencies[0]);
    if (table != nullptr) visit(*table, *index);
  }
}

void add_index_row(VirtualRowsBuilder& out, int64_t oid, const CatalogObject& table,
                   const std::vector<uint32_t>& columns, bool is_key) {
  const auto count = static_cast<int32_t>(columns.size());
  const auto none = [](uint32_t) { return int64_t{0}; };
  out.row({oid,
           oid_of(table.id),
           count,
           count,
           is_key,
           false,
           is_key,
           false,
           true,
           false,
           true,
           false,
           true,
           true,
           false,
           key_vector(columns, [](uint32_t column) { return int64_t{column} + 1; }),
           key_vector(columns,
                      [&](uint32_t column) { return collation_of(table.columns[column].type); }),
           key_vector(columns, none),
           key_vector(columns, none),
           kNull,
           kNull});
}

void add_index_rows(Database& database, VirtualRowsBuilder& out) {
  each_index(database, [&](const CatalogObject& table, const CatalogObject& index) {
    add_index_row(out, oid_of(index.id), table, index.index_columns, false);
  });
}

void add_pg_indexes(Database& database) {
  add_virtual_table(
      database.catalog(), "pg_catalog", "pg_indexes",
      "schemaname text, tablename text, indexname text, tablespace text, indexdef text",
      [&database](VirtualRowsBuilder& out) {
        for (const auto& table : database.catalog().snapshot()->objects()) {
          if (table->kind != sql::catalog::ObjectKind::kTable || !table->declared_key) continue;
          out.row({table->schema, table->name, key_index_name(*table), kNull,
                   fmt::format("CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})",
                               sql::ast::quote_identifier(key_index_name(*table)),
                               sql::ast::quote_identifier(table->schema),
                               sql::ast::quote_identifier(table->name), key_column_list(*table))});
        }
        each_index(database, [&](const CatalogObject& table, const CatalogObject& index) {
          out.row({index.schema, table.name, index.name, kNull,
                   index_definition_text(table, index, 0)});
        });
        return Status::ok();
      });
}

}  // namespace forebay::server
