// pg_catalog: relations and what belongs to them.

#include <fmt/format.h>

#include <set>

#include "engine/data/vector_type.h"
#include "server/pg_catalog.h"

namespace forebay::server {

int64_t collation_of(const data::Type& type) { return type.is_string() ? kDefaultCollationOid : 0; }

using data::Status;
using sql::catalog::CatalogObject;
using sql::catalog::ObjectKind;
using sql::catalog::oid_of;

namespace {

/// Calls visit(object) for every relation.
template <typename F>
Status each_relation(Database& database, F&& visit) {
  for (const sql::CatalogObjectRef& object : database.catalog().snapshot()->objects()) {
    visit(*object);
  }
  return Status::ok();
}

template <typename F>
Status each_declared_key(Database& database, F&& visit) {
  return each_relation(database, [&](const CatalogObject& object) {
    if (object.kind == ObjectKind::kTable && object.declared_key) visit(object);
  });
}

/// "{1,2}": attribute numbers of the key.
std::string key_numbers(const CatalogObject& object) {
  std::string list;
  for (uint32_t column : object.key_columns) {
    if (!list.empty()) list += ',';
    list += fmt::format("{}", column + 1);
  }
  return "{" + list + "}";
}
/// What 'pg_catalog.TABLE'::regclass is: of which kind an object is.
int64_t catalog_oid(Database& database, const char* table) {
  return oid_of(database.catalog().snapshot()->find("pg_catalog", table)->id);
}

bool has_default(const CatalogObject& object, size_t column) {
  return (column < object.defaults.size() && !object.defaults[column].empty()) ||
         (object.is_generated(column) && !object.generated_texts[column].empty());
}

int64_t oid_of_type(data::Type type) {
  return data::is_vector(type) ? data::vector_oid(type) : data::type_oid(type.id);
}

int32_t stored_length(data::TypeId id) { return data::type_length(id); }

void class_row(VirtualRowsBuilder& out, int64_t oid, const std::string& name, int64_t schema,
               int64_t method, const std::string& kind, size_t columns, bool has_index, bool rules,
               const std::string& identity) {
  out.row({oid,         name,
           schema,      int64_t{0},
           int64_t{0},  kOwnerOid,
           method,      oid,
           int64_t{0},  int64_t{0},
           int64_t{-1}, int64_t{0},
           int64_t{0},  has_index,
           false,       std::string("p"),
           kind,        static_cast<int32_t>(columns),
           int32_t{0},  rules,
           false,       false,
           false,       false,
           true,        identity,
           false,       int64_t{0},
           int64_t{0},  int64_t{0},
           kNull,       kNull,
           kNull});
}

Status fill_class(Database& database, VirtualRowsBuilder& out) {
  std::set<data::ObjectId> indexed;
  each_index(database, [&](const CatalogObject& table, const CatalogObject& index) {
    indexed.insert(table.id);
    class_row(out, oid_of(index.id), index.name, schema_oid(database, index.schema),
              kBtreeMethodOid, "i", index.index_columns.size(), false, false, "n");
  });
  return each_relation(database, [&](const CatalogObject& object) {
    bool stored = object.is_stored();
    bool keyed = object.kind == ObjectKind::kTable && object.declared_key;
    std::string kind = relation_kind(object);
    class_row(out, oid_of(object.id), object.name, schema_oid(database, object.schema),
              stored ? kHeapMethodOid : 0, kind, object.columns.size(),
              keyed || indexed.contains(object.id), kind == "v", stored ? "d" : "n");
    if (!keyed) return;
    class_row(out, oid_of(object.id) + kKeyIndexOffset, key_index_name(object),
              schema_oid(database, object.schema), kBtreeMethodOid, "i", object.key_columns.size(),
              false, false, "n");
  });
}

Status fill_attribute(Database& database, VirtualRowsBuilder& out) {
  return each_relation(database, [&](const CatalogObject& object) {
    for (size_t i = 0; i < object.columns.size(); ++i) {
      const data::Field& field = object.columns[i];
      // What is known of a view's columns is not a constraint.
      bool declared = object.kind == ObjectKind::kTable || object.kind == ObjectKind::kSource;
      bool not_null = declared && field.not_null;
      for (uint32_t key : object.key_columns) not_null |= object.declared_key && key == i;
      out.row({oid_of(object.id),
               field.name,
               oid_of_type(field.type),
               int32_t{-1},
               stored_length(field.type.id),
               static_cast<int32_t>(i + 1),
               int32_t{0},
               int32_t{-1},
               type_modifier(field.type),
               false,
               std::string("i"),
               std::string(field.type.is_string() ? "x" : "p"),
               std::string(),
               not_null,
               has_default(object, i),
               false,
               std::string(),
               std::string(object.is_generated(i) ? "s" : ""),
               false,
               true,
               int32_t{0},
               collation_of(field.type),
               kNull,
               kNull,
               kNull,
               kNull});
    }
  });
}

Status fill_attrdef(Database& database, VirtualRowsBuilder& out) {
  return each_relation(database, [&](const CatalogObject& object) {
    for (size_t i = 0; i < object.columns.size(); ++i) {
      if (!has_default(object, i)) continue;
      out.row({oid_of(object.id) * 2000 + static_cast<int64_t>(i), oid_of(object.id),
               static_cast<int32_t>(i + 1),
               object.is_generated(i) ? object.generated_texts[i] : object.defaults[i]});
    }
  });
}

Status fill_index(Database& database, VirtualRowsBuilder& out) {
  add_index_rows(database, out);
  return each_declared_key(database, [&](const CatalogObject& object) {
    add_index_row(out, oid_of(object.id) + kKeyIndexOffset, object, object.key_columns, true);
  });
}

Status fill_constraint(Database& database, VirtualRowsBuilder& out) {
  return each_declared_key(database, [&](const CatalogObject& object) {
    out.row({oid_of(object.id) + kKeyConstraintOffset,
             key_index_name(object),
             schema_oid(database, object.schema),
             std::string("p"),
             false,
             false,
             true,
             oid_of(object.id),
             int64_t{0},
             oid_of(object.id) + kKeyIndexOffset,
             int64_t{0},
             int64_t{0},
             std::string(" "),
             std::string(" "),
             std::string(" "),
             true,
             int32_t{0},
             true,
             key_numbers(object),
             kNull,
             kNull,
             kNull,
             kNull,
             kNull,
             kNull,
             kNull});
  });
}

Status fill_depend(Database& database, VirtualRowsBuilder& out) {
  const int64_t kind = catalog_oid(database, "pg_class");
  return each_relation(database, [&](const CatalogObject& object) {
    for (data::ObjectId read : object.dependencies) {
      out.row(
          {kind, oid_of(object.id), int32_t{0}, kind, oid_of(read), int32_t{0}, std::string("n")});
    }
  });
}

Status fill_foreign_table(Database& database, VirtualRowsBuilder& out) {
  return each_relation(database, [&](const CatalogObject& object) {
    if (object.kind == ObjectKind::kSource) out.row({oid_of(object.id), int64_t{1}, kNull});
  });
}

// pg_tables, pg_views, pg_matviews: for people.
Status fill_tables(Database& database, VirtualRowsBuilder& out) {
  return each_relation(database, [&](const CatalogObject& object) {
    if (relation_kind(object) != "r") return;
    out.row({object.schema, object.name, std::string("root"), kNull, object.declared_key, false,
             false, false});
  });
}

Status fill_views(Database& database, ObjectKind kind, VirtualRowsBuilder& out) {
  return each_relation(database, [&](const CatalogObject& object) {
    if (object.kind != kind) return;
    std::string text = " " + object.query_text + ";";
    if (kind == ObjectKind::kView) {
      out.row({object.schema, object.name, std::string("root"), text});
    } else {
      out.row({object.schema, object.name, std::string("root"), kNull, false, true, text});
    }
  });
}

Status fill_description(Database& database, VirtualRowsBuilder& out) {
  const int64_t of_class = catalog_oid(database, "pg_class");
  const int64_t of_namespace = catalog_oid(database, "pg_namespace");
  sql::SnapshotRef snapshot = database.catalog().snapshot();
  auto add = [&](const sql::catalog::CatalogObject& object, int64_t of) {
    for (const auto& [place, text] : object.comments) {
      out.row({sql::catalog::oid_of(object.id), of, static_cast<int32_t>(place), text});
    }
  };
  for (const auto& object : snapshot->objects()) {
    if (object->kind != ObjectKind::kSchema) add(*object, of_class);
  }
  for (const auto& schema : snapshot->schemas()) add(*schema, of_namespace);
  return Status::ok();
}

}  // namespace

void add_pg_relations(Database& database) {
  using Fill = Status (*)(Database&, VirtualRowsBuilder&);
  auto add = [&](const char* name, std::string_view columns, Fill fill) {
    add_virtual_table(database.catalog(), "pg_catalog", name, columns,
                      [&database, fill](VirtualRowsBuilder& out) { return fill(database, out); });
  };
  add("pg_class",
      "oid oid, relname text, relnamespace oid, reltype oid, reloftype oid, "
      "relowner oid, relam oid, relfilenode oid, reltablespace oid, relpages bigint, "
      "reltuples bigint, relallvisible bigint, reltoastrelid oid, relhasindex bool, "
      "relisshared bool, relpersistence text, relkind text, relnatts int, relchecks int, "
      "relhasrules bool, relhastriggers bool, relhassubclass bool, relrowsecurity bool, "
      "relforcerowsecurity bool, relispopulated bool, relreplident text, relispartition bool, "
      "relrewrite oid, relfrozenxid bigint, relminmxid bigint, relacl text[], reloptions "
      "text[], "
      "relpartbound text",
      fill_class);
  add("pg_attribute",
      "attrelid oid, attname text, atttypid oid, attstattarget int, attlen int, attnum int, "
      "attndims int, attcacheoff int, atttypmod int, attbyval bool, attalign text, attstorage "
      "text, "
      "attcompression text, attnotnull bool, atthasdef bool, atthasmissing bool, attidentity text, "
      "attgenerated text, attisdropped bool, attislocal bool, attinhcount int, attcollation "
      "oid, "
      "attacl text[], attoptions text[], attfdwoptions text[], attmissingval text",
      fill_attribute);
  add("pg_attrdef", "oid oid, adrelid oid, adnum int, adbin text", fill_attrdef);
  add("pg_index",
      "indexrelid oid, indrelid oid, indnatts int, indnkeyatts int, indisunique bool, "
      "indnullsnotdistinct bool, indisprimary bool, indisexclusion bool, indimmediate bool, "
      "indisclustered bool, indisvalid bool, indcheckxmin bool, indisready bool, indislive bool, "
      "indisreplident bool, indkey int2vector, indcollation oidvector, indclass oidvector, "
      "indoption int2vector, "
      "indexprs text, indpred text",
      fill_index);
  add("pg_constraint",
      "oid oid, conname text, connamespace oid, contype text, condeferrable bool, "
      "condeferred bool, convalidated bool, conrelid oid, contypid oid, conindid oid, "
      "conparentid oid, confrelid oid, confupdtype text, confdeltype text, confmatchtype "
      "text, "
      "conislocal bool, coninhcount int, connoinherit bool, conkey smallint[], confkey smallint[], "
      "conpfeqop oid[], conppeqop oid[], conffeqop oid[], confdelsetcols smallint[], "
      "conexclop oid[], "
      "conbin text",
      fill_constraint);
  add("pg_depend",
      "classid oid, objid oid, objsubid int, refclassid oid, refobjid oid, "
      "refobjsubid int, deptype text",
      fill_depend);
  add("pg_description", "objoid oid, classoid oid, objsubid int, description text",
      fill_description);
  add("pg_foreign_table", "ftrelid oid, ftserver oid, ftoptions text[]", fill_foreign_table);
  add("pg_tables",
      "schemaname text, tablename text, tableowner text, tablespace text, hasindexes bool, "
      "hasrules bool, hastriggers bool, rowsecurity bool",
      fill_tables);
  add("pg_views", "schemaname text, viewname text, viewowner text, definition text",
      [](Database& of, VirtualRowsBuilder& out) { return fill_views(of, ObjectKind::kView, out); });
  add("pg_matviews",
      "schemaname text, matviewname text, matviewowner text, tablespace text, hasindexes bool, "
      "ispopulated bool, definition text",
      [](Database& of, VirtualRowsBuilder& out) {
        return fill_views(of, ObjectKind::kMaterializedView, out);
      });
}

}  // namespace forebay::server
