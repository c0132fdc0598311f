#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"

/// CREATE INDEX: the rows of a table or materialized view, arranged by other columns.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

Status Binder::check_index_words(const ast::CreateIndex& create,
                                 std::vector<std::string>& notices) const {
  if (create.unique) {
    return unsupported("CREATE UNIQUE INDEX is", create.position,
                       "PRIMARY KEY keeps rows apart; an index without UNIQUE finds them.");
  }
  if (create.where) {
    return unsupported("an index with WHERE is", create.where->position,
                       "Index the whole, or a materialized view with that WHERE.");
  }
  if (!create.method.name.empty() && create.method.name != "btree") {
    return unsupported(fmt::format("access method \"{}\" is", create.method.name),
                       create.method.position, "Leave USING out: an index is ordered.");
  }
  for (const ast::SortItem& item : create.items) {
    if (item.value->kind == ast::ExprKind::kColumnRef) continue;
    return unsupported("an index on an expression is", item.value->position,
                       "Keep a materialized view that computes it, and index that.");
  }
  const bool has_order =
      std::any_of(create.items.begin(), create.items.end(), [](const ast::SortItem& item) {
        return item.descending || item.nulls != ast::NullsOrder::kDefault;
      });
  if (has_order) notices.push_back("DESC and NULLS have no effect: an index is for finding rows");
  if (!create.included.empty()) {
    notices.push_back("INCLUDE has no effect: rows are read from the table by their key");
  }
  return Status::ok();
}

Result<BoundCreate> Binder::bind_create_index(const ast::CreateIndex& create,
                                              std::vector<std::string>& notices) {
  FOREBAY_RETURN_IF_ERROR(check_index_words(create, notices));
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef table,
                           find_object(create.table.parts, create.table.position));
  if (!table->is_stored()) {
    return error(state::kWrongObjectType,
                 fmt::format("cannot create index on relation \"{}\"", table->name),
                 create.table.position)
        .with_detail(fmt::format("This operation is not supported for {}s.",
                                 catalog::kind_name(table->kind)));
  }
  table = catalog::known_to(table, reader_);
  references_.push_back({table->id, create.table.position, create.table.parts.size(), true});
  if (table->relation == nullptr || table->relation->key_columns().empty()) {
    return unsupported("an index on a view without a key is", create.table.position,
                       "Group its rows, or select a key of what it reads.");
  }
  auto object = std::make_shared<CatalogObject>();
  auto find = [&](const std::string& name, int32_t position) -> Result<uint32_t> {
    for (uint32_t i = 0; i < table->columns.size(); ++i) {
      if (table->columns[i].name == name) return i;
    }
    return error(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", name),
                 position);
  };
  std::string made_up = table->name;
  for (const ast::SortItem& item : create.items) {
    const auto& column = static_cast<const ast::ColumnRef&>(*item.value);
    FOREBAY_ASSIGN_OR_RETURN(uint32_t at, find(column.names.back(), column.position));
    if (std::find(object->index_columns.begin(), object->index_columns.end(), at) !=
        object->index_columns.end()) {
      continue;
    }
    object->index_columns.push_back(at);
    made_up += "_" + table->columns[at].name;
  }
  for (const ast::NameAt& column : create.included) {
    FOREBAY_RETURN_IF_ERROR(find(column.name, column.position).take_status());
  }
  object->kind = ObjectKind::kIndex;
  object->schema = table->schema;
  object->name = create.name.name;
  if (object->name.empty()) {
    object->name = made_up += "_idx";
    for (int i = 1; snapshot_->find(object->schema, object->name); ++i) {
      object->name = fmt::format("{}{}", made_up, i);
    }
  }
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(out.exists_already,
                           check_new_name(object->schema, object->name, create.name.position,
                                          create.if_not_exists, notices));
  if (out.exists_already) return out;
  object->definition = options_.text;
  if (create.name.name.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(std::vector<ParsedStatement> again, parse_statements(options_.text));
    static_cast<ast::CreateIndex&>(*again[0].statement).name.name = object->name;
    object->definition = ast::to_sql(*again[0].statement);
  }
  object->search_path = options_.search_path;
  object->dependencies = {table->id};
  // A row of the index: its columns, then what else is needed to find the row.
  std::vector<uint32_t> positions = object->index_columns;
  for (uint32_t key : table->relation->key_columns()) {
    auto at = std::find(positions.begin(), positions.end(), key);
    object->index_keys.push_back(static_cast<uint32_t>(at - positions.begin()));
    if (at == positions.end()) positions.push_back(key);
  }
  const data::Schema all = table->stored_columns();
  FromItem item = scan_of(table, true);
  Columns columns;
  for (uint32_t i = 0; i < positions.size(); ++i) {
    columns.push_back(item.plan->columns[positions[i]]);
    (i < object->index_columns.size() ? object->columns : object->hidden_columns)
        .push_back(all[positions[i]]);
    object->key_columns.push_back(i);
  }
  object->has_key = true;
  out.plan = plan::make_narrow(item.plan, columns);
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

}  // namespace forebay::sql::binder
