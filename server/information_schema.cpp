// information_schema: tables, columns, views, schemata.

#include "server/pg_catalog.h"

namespace forebay::server {

using data::Status;
using data::TypeId;
using sql::catalog::CatalogObject;
using sql::catalog::ObjectKind;

namespace {

const std::string kDatabase = "dev";

std::string table_type(const CatalogObject& object) {
  switch (object.kind) {
    case ObjectKind::kTable:
      return "BASE TABLE";
    case ObjectKind::kSource:
      return "FOREIGN";
    case ObjectKind::kMaterializedView:
      return "MATERIALIZED VIEW";
    case ObjectKind::kView:
      return "VIEW";
    case ObjectKind::kVirtual:
      return relation_kind(object) == "r" ? "BASE TABLE" : "VIEW";
    case ObjectKind::kSchema:
    case ObjectKind::kFunction:
    case ObjectKind::kIndex:
    case ObjectKind::kSink:
    case ObjectKind::kSinkTable:
      break;
  }
  return "";
}

Status fill_tables(Database& database, VirtualRowsBuilder& out) {
  for (const sql::CatalogObjectRef& object : database.catalog().snapshot()->objects()) {
    bool table = object->kind == ObjectKind::kTable;
    out.row({kDatabase, object->schema, object->name, table_type(*object), kNull, kNull, kNull,
             kNull, kNull, std::string(table ? "YES" : "NO"), std::string("NO"), kNull});
  }
  return Status::ok();
}

struct Precision {
  Cell characters = kNull, octets = kNull, digits = kNull, radix = kNull, scale = kNull,
       fraction = kNull;
};

Precision precision_of(const data::Type& type) {
  Precision precision;
  switch (type.id) {
    case TypeId::kSmallint:
    case TypeId::kInteger:
    case TypeId::kBigint:
      precision.digits = int32_t{8 * data::type_length(type.id)};
      precision.radix = int32_t{2};
      precision.scale = int32_t{0};
      break;
    case TypeId::kReal:
    case TypeId::kDouble:
      precision.digits = int32_t{type.id == TypeId::kReal ? 24 : 53};
      precision.radix = int32_t{2};
      break;
    case TypeId::kNumeric:
      precision.radix = int32_t{10};
      if (type.modifier >= 0) {
        precision.digits = type.numeric_precision();
        precision.scale = type.numeric_scale();
      }
      break;
    case TypeId::kVarchar:
    case TypeId::kChar:
      if (type.modifier >= 0) precision.characters = type.modifier;
      precision.octets = int32_t{1073741824};
      break;
    case TypeId::kText:
      precision.octets = int32_t{1073741824};
      break;
    case TypeId::kDate:
      precision.fraction = int32_t{0};
      break;
    case TypeId::kTime:
    case TypeId::kTimestamp:
    case TypeId::kTimestampTz:
    case TypeId::kInterval:
      precision.fraction = type.modifier >= 0 ? type.modifier : int32_t{6};
      break;
    default:
      break;
  }
  return precision;
}

Status fill_columns(Database& database, VirtualRowsBuilder& out) {
  for (const sql::CatalogObjectRef& object : database.catalog().snapshot()->objects()) {
    for (size_t i = 0; i < object->columns.size(); ++i) {
      const data::Field& field = object->columns[i];
      bool declared = object->kind == ObjectKind::kTable || object->kind == ObjectKind::kSource;
      bool not_null = declared && field.not_null;
      for (uint32_t key : object->key_columns) not_null |= object->declared_key && key == i;
      Cell written = kNull;
      if (i < object->defaults.size() && !object->defaults[i].empty())
        written = object->defaults[i];
      Precision precision = precision_of(field.type);
      bool table = object->kind == ObjectKind::kTable;
      out.row({kDatabase,
               object->schema,
               object->name,
               field.name,
               static_cast<int32_t>(i + 1),
               written,
               std::string(not_null ? "NO" : "YES"),
               field.type.is_array() ? std::string("ARRAY") : data::Type{field.type.id}.name(),
               precision.characters,
               precision.octets,
               precision.digits,
               precision.radix,
               precision.scale,
               precision.fraction,
               kNull,  // interval_type
               kNull,
               kNull,  // character_set_catalog
               kNull,
               kNull,
               kNull,  // collation_catalog
               kNull,
               kNull,
               kNull,  // domain_catalog
               kNull,
               kNull,
               kDatabase,
               std::string("pg_catalog"),
               data::internal_name(field.type.id),
               kNull,  // scope_catalog
               kNull,
               kNull,
               kNull,  // maximum_cardinality
               std::to_string(i + 1),
               std::string("NO"),  // is_self_referencing
               std::string("NO"),  // is_identity
               kNull,
               kNull,
               kNull,
               kNull,
               kNull,
               std::string("NO"),                                          // identity_cycle
               std::string(object->is_generated(i) ? "ALWAYS" : "NEVER"),  // is_generated
               object->is_generated(i) && !object->generated_texts[i].empty()
                   ? Cell(object->generated_texts[i])
                   : Cell(kNull),
               std::string(table ? "YES" : "NO")});
    }
  }
  return Status::ok();
}

Status fill_views(Database& database, VirtualRowsBuilder& out) {
  for (const sql::CatalogObjectRef& object : database.catalog().snapshot()->objects()) {
    if (object->kind != ObjectKind::kView) continue;
    out.row({kDatabase, object->schema, object->name, " " + object->query_text + ";",
             std::string("NONE"), std::string("NO"), std::string("NO"), std::string("NO"),
             std::string("NO"), std::string("NO")});
  }
  return Status::ok();
}

Status fill_schemata(Database& database, VirtualRowsBuilder& out) {
  auto add = [&](std::string_view name) {
    out.row({kDatabase, std::string(name), std::string("root")});
  };
  for (std::string_view name : sql::catalog::kSchemas) add(name);
  for (const auto& schema : database.catalog().snapshot()->schemas()) add(schema->name);
  return Status::ok();
}

/// Calls visit(table) for every table with a declared key, which is its one constraint here.
template <typename F>
Status each_key(Database& database, F&& visit) {
  for (const sql::CatalogObjectRef& object : database.catalog().snapshot()->objects()) {
    if (object->kind == ObjectKind::kTable && object->declared_key) visit(*object);
  }
  return Status::ok();
}

Status fill_table_constraints(Database& database, VirtualRowsBuilder& out) {
  return each_key(database, [&](const CatalogObject& table) {
    out.row({kDatabase, table.schema, key_index_name(table), kDatabase, table.schema, table.name,
             std::string("PRIMARY KEY"), std::string("NO"), std::string("NO"), std::string("YES"),
             kNull});
  });
}

Status fill_key_columns(Database& database, VirtualRowsBuilder& out) {
  return each_key(database, [&](const CatalogObject& table) {
    int32_t place = 0;
    for (uint32_t column : table.key_columns) {
      out.row({kDatabase, table.schema, key_index_name(table), kDatabase, table.schema, table.name,
               table.columns[column].name, ++place, kNull});
    }
  });
}

Status fill_constraint_columns(Database& database, VirtualRowsBuilder& out) {
  return each_key(database, [&](const CatalogObject& table) {
    for (uint32_t column : table.key_columns) {
      out.row({kDatabase, table.schema, table.name, table.columns[column].name, kDatabase,
               table.schema, key_index_name(table)});
    }
  });
}

}  // namespace

void add_information_schema(Database& database) {
  using Fill = Status (*)(Database&, VirtualRowsBuilder&);
  auto add = [&](const char* name, std::string_view columns, Fill fill) {
    add_virtual_table(database.catalog(), "information_schema", name, columns,
                      [&database, fill](VirtualRowsBuilder& out) { return fill(database, out); });
  };
  add("tables",
      "table_catalog text, table_schema text, table_name text, table_type text, "
      "self_referencing_column_name text, reference_generation text, "
      "user_defined_type_catalog text, user_defined_type_schema text, "
      "user_defined_type_name text, is_insertable_into text, is_typed text, commit_action text",
      fill_tables);
  add("columns",
      "table_catalog text, table_schema text, table_name text, column_name text, "
      "ordinal_position int, column_default text, is_nullable text, data_type text, "
      "character_maximum_length int, character_octet_length int, numeric_precision int, "
      "numeric_precision_radix int, numeric_scale int, datetime_precision int, "
      "interval_type text, interval_precision int, character_set_catalog text, "
      "character_set_schema text, character_set_name text, collation_catalog text, "
      "collation_schema text, collation_name text, domain_catalog text, domain_schema text, "
      "domain_name text, udt_catalog text, udt_schema text, udt_name text, scope_catalog text, "
      "scope_schema text, scope_name text, maximum_cardinality int, dtd_identifier text, "
      "is_self_referencing text, is_identity text, identity_generation text, "
      "identity_start text, identity_increment text, identity_maximum text, "
      "identity_minimum text, identity_cycle text, is_generated text, "
      "generation_expression text, is_updatable text",
      fill_columns);
  add("views",
      "table_catalog text, table_schema text, table_name text, view_definition text, "
      "check_option text, is_updatable text, is_insertable_into text, "
      "is_trigger_updatable text, is_trigger_deletable text, is_trigger_insertable_into text",
      fill_views);
  add("schemata",
      "catalog_name text, schema_name text, schema_owner text, "
      "default_character_set_catalog text, default_character_set_schema text, "
      "default_character_set_name text, sql_path text",
      fill_schemata);
  add("information_schema_catalog_name", "catalog_name text",
      [](Database&, VirtualRowsBuilder& out) {
        out.row({kDatabase});
        return Status::ok();
      });
  add("table_constraints",
      "constraint_catalog text, constraint_schema text, constraint_name text, "
      "table_catalog text, table_schema text, table_name text, constraint_type text, "
      "is_deferrable text, initially_deferred text, enforced text, nulls_distinct text",
      fill_table_constraints);
  add("key_column_usage",
      "constraint_catalog text, constraint_schema text, constraint_name text, "
      "table_catalog text, table_schema text, table_name text, column_name text, "
      "ordinal_position int, position_in_unique_constraint int",
      fill_key_columns);
  add("constraint_column_usage",
      "table_catalog text, table_schema text, table_name text, column_name text, "
      "constraint_catalog text, constraint_schema text, constraint_name text",
      fill_constraint_columns);
  // Things that PostgreSQL has and Forebay does not.
  const auto nothing = [](Database&, VirtualRowsBuilder&) { return Status::ok(); };
  add("referential_constraints",
      "constraint_catalog text, constraint_schema text, constraint_name text, "
      "unique_constraint_catalog text, unique_constraint_schema text, "
      "unique_constraint_name text, match_option text, update_rule text, delete_rule text",
      nothing);
  add("sequences",
      "sequence_catalog text, sequence_schema text, sequence_name text, data_type text, "
      "numeric_precision int, numeric_precision_radix int, numeric_scale int, "
      "start_value text, minimum_value text, maximum_value text, increment text, "
      "cycle_option text",
      nothing);
  add("triggers",
      "trigger_catalog text, trigger_schema text, trigger_name text, event_manipulation text, "
      "event_object_catalog text, event_object_schema text, event_object_table text, "
      "action_order int, action_condition text, action_statement text, "
      "action_orientation text, action_timing text",
      nothing);
}

}  // namespace forebay::server
