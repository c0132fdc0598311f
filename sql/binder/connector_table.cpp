// CREATE TABLE ... WITH (connector = ...): a table that a connector fills. It is a view over a
// source that has no name of its own, kept as a table.

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

namespace {

constexpr const char* kPartition = "_source_partition";
constexpr const char* kOffset = "_source_offset";

std::string names_of(const data::Schema& columns, const std::vector<uint32_t>& positions) {
  std::vector<std::string> names;
  for (uint32_t position : positions) {
    names.push_back(ast::quote_identifier(columns[position].name));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// The table as a view over the source: with a key, of the records of one key the last one (or, ON
/// CONFLICT IGNORE, the first), in the order of partitions' names and then of offsets: those of
/// different partitions have nothing to do with each other.
std::string view_text(const CatalogObject& table, const CatalogObject& source) {
  std::vector<uint32_t> all;
  for (uint32_t i = 0; i < table.columns.size(); ++i) all.push_back(i);
  const std::string from = ast::quote_name({source.schema, source.name});
  const std::string columns = names_of(table.columns, all);
  const std::string name = ast::quote_name({table.schema, table.name + " (as a view)"});
  if (!table.declared_key) {
    return fmt::format("CREATE MATERIALIZED VIEW {} AS SELECT {} FROM {}", name, columns, from);
  }
  const std::string key = names_of(table.columns, table.key_columns);
  const char* order = table.on_conflict == CatalogObject::Conflict::kIgnore ? "ASC" : "DESC";
  return fmt::format(
      "CREATE MATERIALIZED VIEW {} AS SELECT DISTINCT ON ({}) {} FROM {} ORDER BY {}, {} {}, {} {}",
      name, key, columns, from, key, kPartition, order, kOffset, order);
}

}  // namespace

Result<BoundCreate> Binder::bind_connector_table(const ast::RelationDef& definition,
                                                 std::shared_ptr<CatalogObject> table,
                                                 std::vector<std::string>& notices) {
  auto source = std::make_shared<CatalogObject>();
  source->id = ObjectId(std::numeric_limits<uint32_t>::max());
  source->kind = ObjectKind::kSource;
  source->schema = table->schema;
  source->name = table->name;
  source->columns = table->columns;
  source->defaults = table->defaults;
  source->append_only = true;
  source->made_as_table = true;
  source->on_error = table->on_error;
  FOREBAY_RETURN_IF_ERROR(bind_connector(definition, *source, notices));
  table->columns = source->columns;
  table->generated = source->generated;
  table->metadata = source->metadata;
  table->defaults = source->defaults;
  table->connector = source->connector;
  table->on_error = source->on_error;
  FOREBAY_RETURN_IF_ERROR(bind_watermark(definition, *table));
  source->watermark = table->watermark;
  // The view below only shows what the source has computed.
  table->generated.clear();
  table->metadata.clear();
  if (table->declared_key) {
    for (auto [name, metadata, type] : {std::tuple(kPartition, "partition", data::kTextType),
                                        std::tuple(kOffset, "offset", data::kBigintType)}) {
      for (const data::Field& field : table->columns) {
        if (field.name != name) continue;
        return error(state::kInvalidName, fmt::format("column name \"{}\" is reserved", name),
                     definition.name.position);
      }
      source->columns.push_back({name, type, true});
      source->metadata.emplace_back(metadata);
      source->defaults.emplace_back();
    }
  }
  BindOptions options = options_;
  options.text = view_text(*table, *source);
  auto parsed = parse_statements(options.text);
  if (!parsed.is_ok()) return parsed.take_status();
  Binder inner(snapshot_->with(source), options);
  std::vector<std::string> own_notices;
  auto bound =
      inner.bind_create_view(ast::as<ast::CreateView>(*parsed->front().statement), own_notices);
  if (!bound.is_ok()) {
    Status status = bound.take_status();
    status.error().position = definition.name.position;  // not one of the text above
    return status;
  }
  // The view's way of keeping rows, with the table's name and columns.
  table->hidden_columns = bound->object->hidden_columns;
  const std::vector<uint32_t> declared =
      table->declared_key ? table->key_columns : std::vector<uint32_t>();
  table->key_columns = bound->object->key_columns;
  table->has_key = bound->object->has_key;
  table->unique_keys = bound->object->unique_keys;
  table->append_only = bound->object->append_only;
  table->declared_key = !declared.empty() &&
                        std::is_permutation(declared.begin(), declared.end(),
                                            table->key_columns.begin(), table->key_columns.end());
  if (!declared.empty()) table->unique_keys.push_back(declared);
  BoundCreate out;
  out.plan = std::move(bound->plan);
  out.object = std::move(table);
  out.catalog = snapshot_;
  return out;
}

}  // namespace forebay::sql::binder
