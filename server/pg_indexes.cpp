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

void add_index_rows(Database& database, VirtualRowsBuilder& out) {
  each_index(database, [&](const CatalogObject& table, const CatalogObject& index) {
    const auto columns = static_cast<int32_t>(index.index_columns.size());
    out.row({oid_of(index.id),
             oid_of(table.id),
             columns,
             columns,
             false,
             false,
             false,
             false,
             true,
             false,
             true,
             false,
             true,
             true,
             false,
             key_vector(index.index_columns, [](uint32_t column) { return int64_t{column} + 1; }),
             key_vector(index.index_columns,
                        [&](uint32_t column) { return collation_of(table.columns[column].type); }),
             key_vector(index.index_columns, [](uint32_t) { return int64_t{0}; }),
             key_vector(index.index_columns, [](uint32_t) { return int64_t{0}; }),
             kNull,
             kNull});
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
