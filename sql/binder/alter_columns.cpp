#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"

/// ALTER TABLE ... ADD COLUMN and RENAME COLUMN. What reads the object goes on knowing the columns
/// as they were (CatalogObject::shapes).
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

namespace {

size_t find_field(const data::Schema& columns, std::string_view name) {
  auto found = std::find_if(columns.begin(), columns.end(),
                            [&](const data::Field& field) { return field.name == name; });
  return static_cast<size_t>(found - columns.begin());
}

/// A copy of the object that remembers how its columns are called now.
std::shared_ptr<CatalogObject> with_shape(const CatalogObject& object) {
  auto changed = std::make_shared<CatalogObject>(object);
  CatalogObject::Shape shape;
  for (const data::Field& field : object.columns) shape.names.push_back(field.name);
  changed->shapes.push_back(std::move(shape));
  return changed;
}

Result<ast::StatementPtr> parse_one(const std::string& text) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<ParsedStatement> parsed, parse_statements(text));
  if (parsed.size() != 1) return Status::internal("a definition of several statements");
  return std::move(parsed[0].statement);
}

/// The first statement of a definition, to be changed.
template <typename T>
T& changeable(const ast::StatementPtr& statement) {
  return static_cast<T&>(*statement);
}

bool reads(const catalog::DeclaredWatermark& watermark, size_t column) {
  const std::vector<uint32_t> used = expr::columns_of(*watermark.value);
  return std::find(used.begin(), used.end(), column) != used.end();
}

void rename_column(ast::RelationDef& definition, const std::string& from, const std::string& to) {
  for (ast::ColumnDef& column : definition.columns) {
    if (column.name == from) column.name = to;
  }
  for (ast::KeyConstraint& key : definition.primary_keys) {
    for (ast::NameAt& column : key.columns) {
      if (column.name == from) column.name = to;
    }
  }
}

}  // namespace

Result<BoundAlter> Binder::bind_add_column(const ast::Alter& alter, const CatalogObjectRef& object,
                                           std::vector<std::string>& notices) {
  if (object->kind != ObjectKind::kTable) {
    return error(state::kWrongObjectType, fmt::format("\"{}\" is not a table", object->name),
                 alter.name.position);
  }
  if (object->connector != nullptr) {
    return unsupported("ADD COLUMN of a table with a connector is", alter.name.position,
                       "Create another table: it reads the records from their beginning.");
  }
  const ast::ColumnDef& column = alter.added;
  if (find_field(object->columns, column.name) < object->columns.size()) {
    const std::string text =
        fmt::format("column \"{}\" of relation \"{}\" already exists", column.name, object->name);
    if (!alter.if_not_exists) return error(state::kDuplicateColumn, text, 0);
    notices.push_back(text + ", skipping");
    return BoundAlter();
  }
  if (column.generated != nullptr) {
    return unsupported("ADD COLUMN of a generated column is", column.position,
                       "Compute the column in a view.");
  }
  if (column.primary_key) {
    return unsupported("PRIMARY KEY in ADD COLUMN is", column.primary_key_position,
                       "Create a table with the key, and INSERT INTO ... SELECT the rows.");
  }
  auto changed = with_shape(*object);
  changed->defaults.resize(object->columns.size());
  // Hidden columns stand behind the new one.
  auto renumber = [&](std::vector<uint32_t>& columns) {
    for (uint32_t& at : columns) at += at >= object->columns.size() ? 1 : 0;
  };
  renumber(changed->key_columns);
  for (std::vector<uint32_t>& key : changed->unique_keys) renumber(key);
  FOREBAY_RETURN_IF_ERROR(bind_table_column(column, *changed, false));
  BoundAlter out;
  CatalogObjectRef with_default = changed;
  FOREBAY_ASSIGN_OR_RETURN(out.added,
                           default_of(with_default, static_cast<uint32_t>(object->columns.size())));
  if (expr::volatility(*out.added) == udfs::Volatility::kVolatile) {
    return unsupported("a volatile DEFAULT in ADD COLUMN is", column.default_value->position,
                       "Add the column without it, and UPDATE the rows.");
  }
  FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr definition, parse_one(object->definition));
  // Its own parse, to be moved into the definition.
  FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr again, parse_one(options_.text));
  changeable<ast::CreateTable>(definition)
      .definition.columns.push_back(std::move(changeable<ast::Alter>(again).added));
  changed->definition = ast::to_sql(*definition);
  out.objects.push_back(std::move(changed));
  return out;
}

Result<BoundAlter> Binder::bind_rename_column(const ast::Alter& alter,
                                              const CatalogObjectRef& object) {
  if (object->kind == ObjectKind::kSource || object->connector != nullptr) {
    return unsupported("RENAME COLUMN of what a connector fills is", alter.column.position,
                       "Rename it in a view: SELECT a AS b. The records call it by its name.");
  }
  const std::string& from = alter.column.name;
  const std::string& to = alter.new_name.name;
  const size_t at = find_field(object->columns, from);
  if (at == object->columns.size()) {
    return error(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", from), 0);
  }
  if (find_field(object->columns, to) < object->columns.size()) {
    return error(state::kDuplicateColumn,
                 fmt::format("column \"{}\" of relation \"{}\" already exists", to, object->name),
                 0);
  }
  if (to == "_row_id") {
    return error(state::kInvalidName, "column name \"_row_id\" is reserved",
                 alter.new_name.position);
  }
  if (object->watermark && (object->watermark->column == at || reads(*object->watermark, at))) {
    return unsupported("RENAME COLUMN of a column of the WATERMARK is", alter.column.position,
                       "Rename it in a view: SELECT a AS b.");
  }
  for (const ExprRef& value : object->generated) {
    if (value == nullptr) continue;
    const std::vector<uint32_t> used = expr::columns_of(*value);
    if (std::find(used.begin(), used.end(), at) == used.end()) continue;
    return unsupported("RENAME COLUMN of what a generated column is made of is",
                       alter.column.position, "Rename it in a view: SELECT a AS b.");
  }
  auto changed = with_shape(*object);
  changed->columns[at].name = to;
  FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr definition, parse_one(object->definition));
  if (object->kind == ObjectKind::kTable) {
    rename_column(changeable<ast::CreateTable>(definition).definition, from, to);
  } else {
    auto& view = changeable<ast::CreateView>(definition);
    view.columns.clear();
    for (const data::Field& field : changed->columns) view.columns.push_back({0, field.name});
  }
  changed->definition = ast::to_sql(*definition);
  BoundAlter out;
  out.objects.push_back(std::move(changed));
  return out;
}

}  // namespace forebay::sql::binder
