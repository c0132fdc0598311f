#include "server/pg_catalog.h"

#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "udfs/catalog_facts.h"
#include "udfs/registry.h"

namespace forebay::server {

using sql::catalog::CatalogObject;
using sql::catalog::ObjectKind;

namespace {

bool is_plain_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (char c : name) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    if (!plain) return false;
  }
  return true;
}

std::string quoted(std::string_view name) {
  if (is_plain_name(name)) return std::string(name);
  std::string text = "\"";
  for (char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

/// The names of `s."T"`: s, T.
std::vector<std::string> name_parts(std::string_view text) {
  std::vector<std::string> parts{""};
  bool in_quotes = false;
  for (char c : text) {
    if (c == '"') {
      in_quotes = !in_quotes;
    } else if (c == '.' && !in_quotes) {
      parts.emplace_back();
    } else {
      const bool upper = !in_quotes && c >= 'A' && c <= 'Z';
      parts.back() += upper ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
  return parts;
}

/// What system functions tell of this database's catalog.
class DatabaseFacts final : public udfs::CatalogFacts {
 public:
  explicit DatabaseFacts(Database& database) : database_(database) {}

  std::optional<bool> is_visible(int64_t oid,
                                 std::span<const std::string> search_path) const override {
    sql::CatalogObjectRef object = find(oid);
    if (object == nullptr) object = find(oid - kKeyIndexOffset);
    if (object == nullptr) return std::nullopt;
    sql::SnapshotRef snapshot = database_.catalog().snapshot();
    // pg_catalog is searched first; then the first schema that has the name.
    if (object->schema == "pg_catalog") return true;
    for (const std::string& schema : search_path) {
      sql::CatalogObjectRef found = snapshot->find(schema, object->name);
      if (found != nullptr) return found->schema == object->schema;
    }
    return false;
  }
  std::optional<int64_t> relation_oid(std::string_view name,
                                      std::span<const std::string> search_path) const override {
    if (!name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos) {
      auto number = data::parse_bigint(name);
      return number.is_ok() ? std::optional<int64_t>(*number) : std::nullopt;
    }
    const std::vector<std::string> parts = name_parts(name);
    sql::SnapshotRef snapshot = database_.catalog().snapshot();
    sql::CatalogObjectRef found;
    if (parts.size() == 2) found = snapshot->find(parts[0], parts[1]);
    if (parts.size() == 1) {
      found = snapshot->find("pg_catalog", parts[0]);
      for (size_t i = 0; found == nullptr && i < search_path.size(); ++i) {
        found = snapshot->find(search_path[i], parts[0]);
      }
    }
    if (found == nullptr) return std::nullopt;
    return sql::catalog::oid_of(found->id);
  }
  std::optional<std::string> relation_name(int64_t oid) const override {
    sql::CatalogObjectRef object = find(oid);
    if (object == nullptr) return std::nullopt;
    bool visible = object->schema == "public" || object->schema == "pg_catalog";
    return (visible ? std::string() : quoted(object->schema) + ".") + quoted(object->name);
  }
  std::optional<std::string> view_definition(int64_t oid) const override {
    sql::CatalogObjectRef object = find(oid);
    if (object == nullptr || object->query_text.empty()) return std::nullopt;
    return " " + object->query_text + ";";
  }
  std::optional<std::string> index_definition(int64_t oid, int32_t column) const override {
    if (sql::CatalogObjectRef index = find(oid);
        index != nullptr && index->kind == sql::catalog::ObjectKind::kIndex) {
      sql::CatalogObjectRef table = database_.catalog().snapshot()->find(index->dependencies[0]);
      if (table == nullptr) return std::nullopt;
      return index_definition_text(*table, *index, column);
    }
    sql::CatalogObjectRef object = keyed(oid - kKeyIndexOffset);
    if (object == nullptr) return std::nullopt;
    if (column > 0) {
      auto at = static_cast<size_t>(column - 1);
      if (at >= object->key_columns.size()) return std::string();
      return quoted(object->columns[object->key_columns[at]].name);
    }
    return fmt::format("CREATE UNIQUE INDEX {} ON {}.{} USING btree ({})",
                       quoted(key_index_name(*object)), quoted(object->schema),
                       quoted(object->name), key_column_list(*object));
  }
  std::optional<std::string> constraint_definition(int64_t oid) const override {
    sql::CatalogObjectRef object = keyed(oid - kKeyConstraintOffset);
    if (object == nullptr) return std::nullopt;
    return fmt::format("PRIMARY KEY ({})", key_column_list(*object));
  }
  std::optional<std::string> description(int64_t oid, int32_t column) const override {
    sql::CatalogObjectRef object = find(oid);
    if (object == nullptr || column < 0) return std::nullopt;
    auto found = object->comments.find(static_cast<uint32_t>(column));
    if (found == object->comments.end()) return std::nullopt;
    return found->second;
  }
  std::optional<std::string> function_arguments(int64_t oid) const override {
    if (sql::CatalogObjectRef own = user_function(oid)) {
      std::string list;
      for (const data::Field& parameter : own->parameters) {
        if (!list.empty()) list += ", ";
        if (!parameter.name.empty()) list += quoted(parameter.name) + " ";
        list += parameter.type.name();
      }
      return list;
    }
    auto text = [](const auto& function) {
      std::string list;
      for (data::TypeId id : function.arguments) {
        if (!list.empty()) list += ", ";
        list += type_name(id);
      }
      return list;
    };
    return of_function(oid, text);
  }
  std::optional<std::string> function_result(int64_t oid) const override {
    if (sql::CatalogObjectRef own = user_function(oid)) {
      const std::string first = own->columns[0].type.name();
      if (!own->returns_rows) return first;
      if (own->columns.size() == 1 && own->columns[0].name == own->function_name) {
        return "SETOF " + first;
      }
      std::string list;
      for (const data::Field& column : own->columns) {
        list += (list.empty() ? "" : ", ") + quoted(column.name) + " " + column.type.name();
      }
      return "TABLE(" + list + ")";
    }
    auto text = [](const auto& function) -> std::string {
      if constexpr (requires { function.columns; }) {
        if (function.columns.size() > 1) return "SETOF record";
        return "SETOF " + type_name(function.columns[0].type);
      } else {
        return type_name(function.result);
      }
    };
    return of_function(oid, text);
  }
  std::optional<std::string> function_definition(int64_t oid) const override {
    sql::CatalogObjectRef own = user_function(oid);
    return own == nullptr ? std::optional<std::string>() : own->definition;
  }

 private:
  static std::string type_name(data::TypeId id) {
    if (id == data::TypeId::kUnknown) return "anyelement";
    return id == data::TypeId::kAnyArray ? "anyarray" : data::Type{id}.name();
  }
  template <typename F>
  static std::optional<std::string> of_function(int64_t oid, F&& text) {
    auto scalars = udfs::all_scalar_functions();
    auto aggregates = udfs::all_aggregate_functions();
    int64_t index = oid - kFirstFunctionOid;
    if (index < 0) return std::nullopt;
    auto at = static_cast<size_t>(index);
    if (at < scalars.size()) return text(*scalars[at]);
    at -= scalars.size();
    if (at < aggregates.size()) return text(*aggregates[at]);
    at -= aggregates.size();
    auto tables = udfs::all_table_functions();
    if (at < tables.size()) return text(*tables[at]);
    return std::nullopt;
  }
  sql::CatalogObjectRef user_function(int64_t oid) const {
    if (oid >= kFirstFunctionOid) return nullptr;
    sql::CatalogObjectRef object = find(oid);
    return object != nullptr && object->kind == ObjectKind::kFunction ? object : nullptr;
  }
  sql::CatalogObjectRef find(int64_t oid) const {
    sql::SnapshotRef snapshot = database_.catalog().snapshot();
    if (oid >= sql::catalog::kFirstVirtualId && oid <= UINT32_MAX) {
      return snapshot->find(data::ObjectId(static_cast<uint32_t>(oid)));
    }
    if (oid < sql::catalog::oid_of(data::ObjectId(0)) || oid > UINT32_MAX) return nullptr;
    return snapshot->find(
        data::ObjectId(static_cast<uint32_t>(oid - sql::catalog::oid_of(data::ObjectId(0)))));
  }
  sql::CatalogObjectRef keyed(int64_t oid) const {
    sql::CatalogObjectRef object = find(oid);
    return object != nullptr && object->declared_key ? object : nullptr;
  }

  Database& database_;
};

}  // namespace

int64_t schema_oid(Database& database, std::string_view schema) {
  if (schema == "pg_catalog") return kPgCatalogOid;
  if (schema == "information_schema") return kInformationSchemaOid;
  if (schema == "forebay") return kForebaySchemaOid;
  if (auto object = database.catalog().snapshot()->find_schema(schema)) {
    return sql::catalog::oid_of(object->id);
  }
  return kPublicOid;
}

std::string relation_kind(const CatalogObject& object) {
  switch (object.kind) {
    case ObjectKind::kTable:
      return "r";
    case ObjectKind::kView:
      return "v";
    case ObjectKind::kMaterializedView:
      return "m";
    case ObjectKind::kSource:
      return "f";  // rows that live elsewhere
    case ObjectKind::kIndex:
      return "i";
    case ObjectKind::kSchema:
    case ObjectKind::kFunction:
    case ObjectKind::kSink:
    case ObjectKind::kSinkTable:
      break;
    case ObjectKind::kVirtual:
      return object.schema == "pg_catalog" ? "r" : "v";
  }
  return "r";
}

std::string key_index_name(const CatalogObject& object) { return object.name + "_pkey"; }

std::string key_column_list(const CatalogObject& object) {
  std::string list;
  for (uint32_t column : object.key_columns) {
    if (!list.empty()) list += ", ";
    list += quoted(object.columns[column].name);
  }
  return list;
}

int32_t type_modifier(const data::Type& type) { return data::to_wire_modifier(type); }

void add_pg_catalog(Database& database) {
  udfs::set_catalog_facts(std::make_shared<DatabaseFacts>(database));
  add_pg_relations(database);
  add_pg_indexes(database);
  add_pg_types(database);
  add_pg_functions(database);
  add_information_schema(database);
}

}  // namespace forebay::server
