// pg_catalog: what does not depend on the relations, and tables of things that do not exist here.

#include "server/pg_catalog.h"
#include "server/settings.h"
#include "sql/ast/print.h"
#include "sql/parser/parser.h"

namespace forebay::server {

using data::Status;
using data::TypeId;

namespace {

struct TypeRow {
  int64_t oid;
  std::string_view name;
  int32_t length;
  char category;
  int64_t array;
};

// Types that the catalog's own columns have elsewhere; all others come from data::kTypeInfos.
constexpr TypeRow kCatalogTypes[] = {
    {18, "char", 1, 'Z', 1002},        {19, "name", 64, 'S', 1003},
    {2205, "regclass", 4, 'N', 2210},  {2206, "regtype", 4, 'N', 2211},
    {2278, "void", 4, 'P', 0},         {114, "json", -1, 'U', 199},
    {22, "int2vector", -1, 'A', 1006}, {30, "oidvector", -1, 'A', 1013},
};

/// The front of the names of a type's functions for input and output: int4in, but date_in.
std::string io_prefix(std::string_view name) {
  for (std::string_view separated :
       {"date", "time", "timestamp", "timestamptz", "interval", "numeric", "uuid", "jsonb"}) {
    if (name == separated) return std::string(name) + "_";
  }
  return std::string(name);
}

void type_row(VirtualRowsBuilder& out, const TypeRow& type, bool array) {
  bool text = type.category == 'S';
  const int64_t element = type.oid == 22 ? 21 : type.oid == 30 ? 26 : 0;
  bool pseudo = type.oid == 705 || type.oid == 2278;
  std::string name = (array ? "_" : "") + std::string(type.name);
  const std::string io = array ? "array_" : io_prefix(type.name);
  out.row({array ? type.array : type.oid,
           name,
           kPgCatalogOid,
           kOwnerOid,
           array ? int32_t{-1} : type.length,
           !array && type.length > 0 && type.length <= 8,
           std::string(pseudo ? "p" : "b"),
           std::string(1, array ? 'A' : type.category),
           !array && data::is_preferred(data::type_of_oid(static_cast<uint32_t>(type.oid))),
           true,
           std::string(","),
           int64_t{0},
           std::string(array ? "array_subscript_handler" : "-"),
           array ? type.oid : element,
           array ? int64_t{0} : type.array,
           io + "in",
           io + "out",
           io + "recv",
           io + "send",
           std::string("i"),
           std::string("p"),
           false,
           int64_t{0},
           int32_t{-1},
           int32_t{0},
           text ? kDefaultCollationOid : int64_t{0},
           kNull,
           kNull});
}

Status fill_type(VirtualRowsBuilder& out) {
  const auto rows = [&](const TypeRow& type) {
    type_row(out, type, false);
    if (type.array != 0) type_row(out, type, true);
  };
  for (const data::TypeInfo& info : data::kTypeInfos) {
    rows({info.oid, info.internal_name, info.length, info.category, info.array_oid});
  }
  for (const TypeRow& type : kCatalogTypes) rows(type);
  return Status::ok();
}

Status fill_namespace(Database& database, VirtualRowsBuilder& out) {
  auto add = [&](std::string_view name) {
    out.row({schema_oid(database, name), std::string(name), kOwnerOid, kNull});
  };
  for (std::string_view name : sql::catalog::kSchemas) add(name);
  for (const auto& schema : database.catalog().snapshot()->schemas()) add(schema->name);
  return Status::ok();
}

Status fill_database(VirtualRowsBuilder& out) {
  out.row({kDatabaseOid, std::string("dev"), kOwnerOid, int32_t{6}, std::string("c"), false, true,
           int32_t{-1}, int64_t{0}, int64_t{0}, int64_t{1663}, std::string("C"), std::string("C"),
           kNull, kNull, kNull});
  return Status::ok();
}

Status fill_roles(VirtualRowsBuilder& out) {
  out.row({std::string("root"), true, true, true, true, true, false, int32_t{-1}, kNull, kNull,
           true, kNull, kOwnerOid});
  return Status::ok();
}

Status fill_authid(VirtualRowsBuilder& out) {
  out.row({kOwnerOid, std::string("root"), true, true, true, true, true, false, true, int32_t{-1},
           kNull, kNull});
  return Status::ok();
}

Status fill_user(VirtualRowsBuilder& out) {
  out.row({std::string("root"), kOwnerOid, true, true, false, true, kNull, kNull, kNull});
  return Status::ok();
}

Status fill_keywords(VirtualRowsBuilder& out) {
  for (const std::string& word : sql::keywords()) {
    const bool reserved = sql::ast::quote_identifier(word) != word;
    out.row({word, std::string(reserved ? "R" : "U"), !reserved,
             std::string(reserved ? "reserved" : "unreserved"), kNull});
  }
  return Status::ok();
}

Status fill_am(VirtualRowsBuilder& out) {
  out.row(
      {kHeapMethodOid, std::string("heap"), std::string("heap_tableam_handler"), std::string("t")});
  out.row({kBtreeMethodOid, std::string("btree"), std::string("bthandler"), std::string("i")});
  return Status::ok();
}

Status fill_collation(VirtualRowsBuilder& out) {
  out.row({kDefaultCollationOid, std::string("default"), kPgCatalogOid, kOwnerOid, std::string("d"),
           true, int32_t{-1}, kNull, kNull, kNull, kNull});
  out.row({int64_t{950}, std::string("C"), kPgCatalogOid, kOwnerOid, std::string("c"), true,
           int32_t{-1}, std::string("C"), std::string("C"), kNull, kNull});
  return Status::ok();
}

Status fill_tablespace(VirtualRowsBuilder& out) {
  out.row({int64_t{1663}, std::string("pg_default"), kOwnerOid, kNull, kNull});
  return Status::ok();
}

// Every source belongs to one "foreign server", which is Forebay itself.
Status fill_foreign_server(VirtualRowsBuilder& out) {
  out.row({int64_t{1}, std::string("forebay"), kOwnerOid, int64_t{1}, kNull, kNull, kNull, kNull});
  return Status::ok();
}

Status fill_settings(Database& database, VirtualRowsBuilder& out) {
  for (const SettingDescriptor& setting : all_settings()) {
    std::string context = setting.scope == SettingScope::kReadOnly ? "internal" : "user";
    out.row({std::string(setting.name), database.default_setting(setting.name), kNull,
             std::string("Forebay"), std::string(setting.description), kNull, context,
             std::string("string"), std::string("default"), kNull, kNull, kNull,
             std::string(setting.default_value), std::string(setting.default_value), kNull, kNull,
             false});
  }
  return Status::ok();
}

struct EmptyTable {
  const char* name;
  const char* columns;
};

// Things that PostgreSQL has and Forebay does not: clients may look, and find none.
constexpr EmptyTable kEmptyTables[] = {
    {"pg_shdescription", "objoid oid, classoid oid, description text"},
    {"pg_options_to_table", "option_name text, option_value text"},
    {"pg_inherits", "inhrelid oid, inhparent oid, inhseqno int, inhdetachpending bool"},
    {"pg_policy",
     "oid oid, polname text, polrelid oid, polcmd text, polpermissive bool, polroles "
     "oid[], "
     "polqual text, polwithcheck text"},
    {"pg_statistic_ext",
     "oid oid, stxrelid oid, stxname text, stxnamespace oid, stxowner oid, "
     "stxstattarget int, stxkeys smallint[], stxkind text[], stxexprs text"},
    {"pg_publication",
     "oid oid, pubname text, pubowner oid, puballtables bool, pubinsert bool, "
     "pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool"},
    {"pg_publication_namespace", "oid oid, pnpubid oid, pnnspid oid"},
    {"pg_publication_rel", "oid oid, prpubid oid, prrelid oid, prqual text, prattrs smallint[]"},
    {"pg_subscription",
     "oid oid, subdbid oid, subname text, subowner oid, subenabled bool, "
     "subbinary bool, substream bool, subtwophasestate text, subdisableonerr bool, subconninfo "
     "text, subslotname text, "
     "subsynccommit text, subpublications text[], subskiplsn text"},
    {"pg_trigger",
     "oid oid, tgrelid oid, tgparentid oid, tgname text, tgfoid oid, tgtype int, "
     "tgenabled text, tgisinternal bool, tgconstrrelid oid, tgconstrindid oid, "
     "tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int, tgattr smallint[], "
     "tgargs text, tgqual text, tgoldtable text, tgnewtable text"},
    {"pg_partitioned_table",
     "partrelid oid, partstrat text, partnatts int, partdefid oid, partattrs smallint[], "
     "partclass oid[], partcollation oid[], partexprs text"},
    {"pg_rewrite",
     "oid oid, rulename text, ev_class oid, ev_type text, ev_enabled text, is_instead bool, "
     "ev_qual text, ev_action text"},
    {"pg_enum", "oid oid, enumtypid oid, enumsortorder double, enumlabel text"},
    {"pg_range",
     "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, "
     "rngsubopc oid, rngcanonical text, rngsubdiff text"},
    {"pg_extension",
     "oid oid, extname text, extowner oid, extnamespace oid, extrelocatable bool, "
     "extversion text, extconfig oid[], extcondition text[]"},
    {"pg_cast",
     "oid oid, castsource oid, casttarget oid, castfunc oid, castcontext text, "
     "castmethod text"},
    {"pg_sequence",
     "seqrelid oid, seqtypid oid, seqstart bigint, seqincrement bigint, seqmax bigint, "
     "seqmin bigint, seqcache bigint, seqcycle bool"},
    {"pg_operator",
     "oid oid, oprname text, oprnamespace oid, oprowner oid, oprkind text, "
     "oprleft oid, oprright oid, oprresult oid, oprcode oid"},
    {"pg_opclass",
     "oid oid, opcmethod oid, opcname text, opcnamespace oid, opcowner oid, "
     "opcfamily oid, opcintype oid, opcdefault bool, opckeytype oid"},
    {"pg_event_trigger",
     "oid oid, evtname text, evtevent text, evtowner oid, evtfoid oid, evtenabled text, "
     "evttags text[]"},
    {"pg_default_acl",
     "oid oid, defaclrole oid, defaclnamespace oid, defaclobjtype text, defaclacl text[]"},
    {"pg_conversion",
     "oid oid, conname text, connamespace oid, conowner oid, conforencoding int, "
     "contoencoding int, conproc oid, condefault bool"},
    {"pg_user_mapping", "oid oid, umuser oid, umserver oid, umoptions text[]"},
    {"pg_user_mappings",
     "umid oid, srvid oid, srvname text, umuser oid, usename text, umoptions text[]"},
    {"pg_foreign_data_wrapper",
     "oid oid, fdwname text, fdwowner oid, fdwhandler oid, fdwvalidator oid, "
     "fdwacl text[], fdwoptions text[]"},
    {"pg_auth_members", "roleid oid, member oid, grantor oid, admin_option bool"},
    {"pg_db_role_setting", "setdatabase oid, setrole oid, setconfig text[]"},
    {"pg_stat_activity",
     "datid oid, datname text, pid int, usename text, application_name text, state text, "
     "query text, backend_start timestamptz, query_start timestamptz"},
    {"pg_locks", "locktype text, database oid, relation oid, pid int, mode text, granted bool"},
    {"pg_sequences", "schemaname text, sequencename text, sequenceowner text"},
};

}  // namespace

void add_pg_types(Database& database) {
  sql::catalog::Catalog& catalog = database.catalog();
  auto add = [&](const char* name, std::string_view columns, Status (*fill)(VirtualRowsBuilder&)) {
    add_virtual_table(catalog, "pg_catalog", name, columns, fill);
  };
  add("pg_type",
      "oid oid, typname text, typnamespace oid, typowner oid, typlen int, typbyval bool, "
      "typtype text, typcategory text, typispreferred bool, typisdefined bool, typdelim text, "
      "typrelid oid, typsubscript text, typelem oid, typarray oid, typinput text, "
      "typoutput text, typreceive text, typsend text, typalign text, typstorage text, "
      "typnotnull bool, typbasetype oid, typtypmod int, typndims int, typcollation oid, "
      "typdefault text, typacl text[]",
      fill_type);
  add_virtual_table(catalog, "pg_catalog", "pg_namespace",
                    "oid oid, nspname text, nspowner oid, nspacl text[]",
                    [&database](VirtualRowsBuilder& out) { return fill_namespace(database, out); });
  add("pg_database",
      "oid oid, datname text, datdba oid, encoding int, datlocprovider text, "
      "datistemplate bool, datallowconn bool, datconnlimit int, datfrozenxid bigint, "
      "datminmxid bigint, dattablespace oid, datcollate text, datctype text, daticulocale text, "
      "datcollversion text, datacl text[]",
      fill_database);
  add("pg_roles",
      "rolname text, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, "
      "rolcanlogin bool, rolreplication bool, rolconnlimit int, rolpassword text, "
      "rolvaliduntil timestamptz, rolbypassrls bool, rolconfig text[], oid oid",
      fill_roles);
  add("pg_authid",
      "oid oid, rolname text, rolsuper bool, rolinherit bool, rolcreaterole bool, "
      "rolcreatedb bool, rolcanlogin bool, rolreplication bool, rolbypassrls bool, "
      "rolconnlimit int, rolpassword text, rolvaliduntil timestamptz",
      fill_authid);
  add("pg_user",
      "usename text, usesysid oid, usecreatedb bool, usesuper bool, userepl bool, "
      "usebypassrls bool, passwd text, valuntil timestamptz, useconfig text[]",
      fill_user);
  add("pg_get_keywords", "word text, catcode text, barelabel bool, catdesc text, baredesc text",
      fill_keywords);
  add("pg_am", "oid oid, amname text, amhandler text, amtype text", fill_am);
  add("pg_collation",
      "oid oid, collname text, collnamespace oid, collowner oid, collprovider text, "
      "collisdeterministic bool, collencoding int, collcollate text, collctype text, "
      "colliculocale text, collversion text",
      fill_collation);
  add("pg_tablespace", "oid oid, spcname text, spcowner oid, spcacl text[], spcoptions text[]",
      fill_tablespace);
  add("pg_foreign_server",
      "oid oid, srvname text, srvowner oid, srvfdw oid, srvtype text, srvversion text, "
      "srvacl text[], srvoptions text[]",
      fill_foreign_server);
  add_virtual_table(
      catalog, "pg_catalog", "pg_settings",
      "name text, setting text, unit text, category text, short_desc text, "
      "extra_desc text, context text, vartype text, source text, min_val text, "
      "max_val text, enumvals text[], boot_val text, reset_val text, sourcefile text, "
      "sourceline int, pending_restart bool",
      [&database](VirtualRowsBuilder& out) { return fill_settings(database, out); });
  for (const EmptyTable& table : kEmptyTables) {
    add(table.name, table.columns, [](VirtualRowsBuilder&) { return Status::ok(); });
  }
}

}  // namespace forebay::server
