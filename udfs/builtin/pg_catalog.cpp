#include <fmt/format.h>

#include <algorithm>

#include "engine/data/array.h"
#include "engine/data/text_format.h"
#include "udfs/builtin/builtin.h"
#include "udfs/catalog_facts.h"

/// What psql and drivers ask of PostgreSQL's catalog. oids lie as int64_t.
namespace forebay::udfs {
namespace {

using Text = std::optional<std::string>;

constexpr auto kBigint = TypeId::kBigint;
constexpr auto kOid = TypeId::kOid;
constexpr auto kInteger = TypeId::kInteger;
constexpr auto kText = TypeId::kText;
constexpr auto kBoolean = TypeId::kBoolean;

std::string format_type(int64_t oid, int32_t modifier) {
  TypeId id = data::type_of_oid(static_cast<uint32_t>(oid));
  if (id == TypeId::kUnknown) {
    switch (oid) {
      case 18:
        return "\"char\"";
      case 19:
        return "name";
      case 22:
        return "int2vector";
      case 30:
        return "oidvector";
      case 705:
        return "unknown";
      case 2205:
        return "regclass";
      default:
        return "???";
    }
  }
  Type type{id};
  type.modifier = data::from_wire_modifier(id, modifier);
  return type.name();
}

template <auto Member>
Text fact(int64_t oid) {
  auto facts = catalog_facts();
  return facts == nullptr ? Text() : ((*facts).*Member)(oid);
}

void add_definitions(Definer& define) {
  constexpr std::string_view kView = "The query of a view";
  define.define<[](int64_t oid) -> Text { return fact<&CatalogFacts::view_definition>(oid); }>(
      "pg_get_viewdef", {kOid}, kText, kView);
  define
      .define<[](int64_t oid, bool) -> Text { return fact<&CatalogFacts::view_definition>(oid); }>(
          "pg_get_viewdef", {kOid, kBoolean}, kText, kView);
  constexpr std::string_view kConstraint = "The definition of a constraint";
  define
      .define<[](int64_t oid) -> Text { return fact<&CatalogFacts::constraint_definition>(oid); }>(
          "pg_get_constraintdef", {kOid}, kText, kConstraint);
  define.define<[](int64_t oid, bool) -> Text {
    return fact<&CatalogFacts::constraint_definition>(oid);
  }>("pg_get_constraintdef", {kOid, kBoolean}, kText, kConstraint);
  constexpr std::string_view kArguments = "The argument types of a function";
  for (std::string_view name :
       {"pg_get_function_arguments", "pg_get_function_identity_arguments"}) {
    define.kernel(
        name, {kOid}, kText,
        &lift<[](int64_t oid) -> Text { return fact<&CatalogFacts::function_arguments>(oid); }>,
        kArguments);
  }
  define.define<[](int64_t oid) -> Text { return fact<&CatalogFacts::function_result>(oid); }>(
      "pg_get_function_result", {kOid}, kText, "The result type of a function");
  define.define<[](int64_t oid) -> Text { return fact<&CatalogFacts::function_definition>(oid); }>(
      "pg_get_functiondef", {kOid}, kText, "The CREATE FUNCTION of a function");
  define.define<[](int64_t) -> Text { return std::nullopt; }>(
      "pg_get_function_sqlbody", {kOid}, kText, "NULL: prosrc has the text of functions",
      {{"pg_get_function_sqlbody(1)", ""}});
  constexpr std::string_view kIndex = "The definition of an index, or of one of its columns";
  define.define<[](int64_t oid) -> Text {
    auto facts = catalog_facts();
    return facts == nullptr ? Text() : facts->index_definition(oid, 0);
  }>("pg_get_indexdef", {kOid}, kText, kIndex);
  define.define<[](int64_t oid, int32_t column, bool) -> Text {
    auto facts = catalog_facts();
    return facts == nullptr ? Text() : facts->index_definition(oid, column);
  }>("pg_get_indexdef", {kOid, kInteger, kBoolean}, kText, kIndex);
  constexpr std::string_view kExpression = "An expression of the catalog as SQL";
  define.define<[](std::string_view text, int64_t) -> std::string { return std::string(text); }>(
      "pg_get_expr", {kText, kOid}, kText, kExpression, {{"pg_get_expr('1.5', 0)", "1.5"}});
  define.define<[](std::string_view text, int64_t, bool) -> std::string {
    return std::string(text);
  }>("pg_get_expr", {kText, kOid, kBoolean}, kText, kExpression,
     {{"pg_get_expr('1.5', 0, true)", "1.5"}});
  define.define<[](int64_t) -> Text { return std::nullopt; }>(
      "pg_get_statisticsobjdef_columns", {kOid}, kText, "NULL: there are no extended statistics",
      {{"pg_get_statisticsobjdef_columns(1)", ""}});
  constexpr std::string_view kRule = "NULL: there are no rules";
  define.define<[](int64_t) -> Text { return std::nullopt; }>("pg_get_ruledef", {kOid}, kText,
                                                              kRule, {{"pg_get_ruledef(1)", ""}});
  define.define<[](int64_t, bool) -> Text { return std::nullopt; }>(
      "pg_get_ruledef", {kOid, kBoolean}, kText, kRule, {{"pg_get_ruledef(1, true)", ""}});
  define.define<[](int64_t) -> Text { return std::nullopt; }>(
      "pg_get_partkeydef", {kOid}, kText, "NULL: there are no partitioned tables",
      {{"pg_get_partkeydef(1)", ""}});
  define.define<[](int64_t oid) -> Text { return fact<&CatalogFacts::relation_name>(oid); }>(
      "pg_relation_name", {kOid}, kText, "The name of a relation by its oid");
}

Text description(int64_t oid, int32_t column) {
  auto facts = catalog_facts();
  return facts == nullptr ? Text() : facts->description(oid, column);
}

void add_descriptions(Definer& define) {
  constexpr std::string_view kObject = "The comment on an object, by its oid";
  define.define<[](int64_t oid) -> Text { return description(oid, 0); }>(
      "obj_description", {kOid}, kText, kObject, {{"obj_description(1)", ""}});
  define.define<[](int64_t oid, std::string_view) -> Text { return description(oid, 0); }>(
      "obj_description", {kOid, kText}, kText, kObject, {{"obj_description(1, 'pg_class')", ""}});
  define.define<[](int64_t, std::string_view) -> Text { return std::nullopt; }>(
      "shobj_description", {kOid, kText}, kText, "NULL: databases and roles have no comments",
      {{"shobj_description(1, 'pg_database')", ""}});
  define.define<[](int64_t oid, int32_t column) -> Text {
    return (column > 0) ? description(oid, column) : Text();
  }>("col_description", {kOid, kInteger}, kText,
     "The comment on a column, by the oid of its relation and its number",
     {{"col_description(1, 1)", ""}});
}

void table_is_visible(const ScalarCall& call, uint32_t row) {
  auto facts = catalog_facts();
  std::optional<bool> visible;
  if (facts != nullptr) {
    visible = facts->is_visible(call.arguments[0].at<int64_t>(row), call.environment->search_path);
  }
  if (!visible) return call.set_null(row);
  call.out<bool>()[row] = *visible;
}

void add_visibility(Definer& define) {
  define.kernel("pg_table_is_visible", {kOid}, kBoolean, &each<table_is_visible>,
                "True when a relation is found by its name alone");
  for (std::string_view name :
       {"pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible",
        "pg_opclass_is_visible", "pg_collation_is_visible", "pg_conversion_is_visible",
        "pg_statistics_obj_is_visible"}) {
    define.kernel(name, {kOid}, kBoolean, &lift<[](int64_t) -> bool { return true; }>,
                  "True: such things are found by their names alone");
  }
  define.define<[](int64_t) -> bool { return false; }>("pg_relation_is_publishable", {kOid},
                                                       kBoolean, "False: there are no publications",
                                                       {{"pg_relation_is_publishable(1)", "f"}});
}

std::optional<int64_t> type_named(std::string_view text) {
  std::string name;
  for (char c : text) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (name.starts_with("pg_catalog.")) name.erase(0, 11);
  if (!name.empty() && name.find_first_not_of("0123456789") == std::string::npos) {
    auto number = data::parse_bigint(name);
    return number.is_ok() ? std::optional<int64_t>(*number) : std::nullopt;
  }
  for (TypeId id : {data::type_of_name(name), data::type_of_name(name.substr(0, name.find('(')))}) {
    if (id != TypeId::kUnknown) return data::type_oid(id);
  }
  for (const auto& [known, oid] : {std::pair<std::string_view, int64_t>{"name", 19},
                                   {"\"char\"", 18},
                                   {"regclass", 2205},
                                   {"regtype", 2206}}) {
    if (name == known) return oid;
  }
  return std::nullopt;
}

template <bool kMayMiss>
void relation_named(const ScalarCall& call, uint32_t row) {
  auto facts = catalog_facts();
  const std::string_view name = call.arguments[0].at<StringView>(row).view();
  std::optional<int64_t> oid;
  if (facts != nullptr) oid = facts->relation_oid(name, call.environment->search_path);
  if (oid) {
    call.out<int64_t>()[row] = *oid;
  } else if (kMayMiss) {
    call.set_null(row);
  } else {
    call.fail_row(row, data::sqlstate::kUndefinedTable,
                  fmt::format("relation \"{}\" does not exist", name));
  }
}

/// The casts of texts to regclass and regtype, and what gives NULL in place of an error.
void add_names(Definer& define) {
  define.kernel("to_regclass", {kText}, kOid, &each<relation_named<true>>,
                "The oid of a relation by its name, NULL when there is none",
                {{"to_regclass('pg_catalog.nothing')", ""}});
  define
      .kernel("regclass", {kText}, kOid, &each<relation_named<false>>,
              "The oid of a relation by its name")
      .can_fail = true;
  define.define<[](std::string_view name) -> std::optional<int64_t> { return type_named(name); }>(
      "to_regtype", {kText}, kOid, "The oid of a type by its name, NULL when there is none",
      {{"to_regtype('integer')", "23"}, {"to_regtype('nothing')", ""}});
  define.define<[](std::string_view name) -> Result<int64_t> {
    if (auto oid = type_named(name)) return *oid;
    return Status(data::sqlstate::kUndefinedObject,
                  fmt::format("type \"{}\" does not exist", name));
  }>("regtype", {kText}, kOid, "The oid of a type by its name", {{"regtype('text[]')", "1009"}});
  define.define<[](int64_t) -> std::string { return ""; }>("pg_tablespace_location", {kOid}, kText,
                                                           "Empty: there is one tablespace",
                                                           {{"pg_tablespace_location(1663)", ""}});
}

/// current_schemas(implicit): pg_catalog comes first when it is not named.
void current_schemas(const ScalarCall& call, uint32_t row) {
  const auto path = call.environment->search_path;
  data::ColumnBuilder builder(data::kTextType);
  const bool named = std::find(path.begin(), path.end(), "pg_catalog") != path.end();
  if (call.arguments[0].at<uint8_t>(row) != 0 && !named) builder.append_string("pg_catalog");
  for (const std::string& schema : path) builder.append_string(schema);
  call.set_string(row, data::encode_array(*builder.finish()));
}

// There are no roles yet: everybody may do everything.
void add_privileges(Definer& define) {
  constexpr std::string_view kAll = "True until roles exist";
  for (std::string_view name :
       {"has_table_privilege", "has_schema_privilege", "has_database_privilege",
        "has_function_privilege", "has_sequence_privilege", "has_any_column_privilege",
        "has_type_privilege", "has_foreign_data_wrapper_privilege", "has_server_privilege",
        "has_tablespace_privilege", "has_language_privilege"}) {
    define.kernel(name, {kText, kText}, kBoolean,
                  &lift<[](std::string_view, std::string_view) -> bool { return true; }>, kAll);
    define.kernel(name, {kOid, kText}, kBoolean,
                  &lift<[](int64_t, std::string_view) -> bool { return true; }>, kAll);
    define.kernel(name, {kText, kOid, kText}, kBoolean,
                  &lift<[](std::string_view, int64_t, std::string_view) -> bool { return true; }>,
                  kAll);
  }
  define.define<[](std::string_view, std::string_view) -> bool { return true; }>(
      "pg_has_role", {kText, kText}, kBoolean, kAll);
  define.define<[](std::string_view, std::string_view, std::string_view) -> bool { return true; }>(
      "pg_has_role", {kText, kText, kText}, kBoolean, kAll);
  define.define<[](int64_t) -> std::string { return "root"; }>(
      "pg_get_userbyid", {kOid}, kText, "The name of a role", {{"pg_get_userbyid(10)", "root"}});
}

void add_sizes(Definer& define) {
  for (std::string_view name : {"pg_table_size", "pg_relation_size", "pg_total_relation_size",
                                "pg_database_size", "pg_tablespace_size"}) {
    define.kernel(name, {kOid}, kBigint,
                  &lift<[](int64_t) -> std::optional<int64_t> { return std::nullopt; }>,
                  "NULL: see forebay.views for the sizes of state");
  }
  define.kernel("pg_database_size", {kText}, kBigint,
                &lift<[](std::string_view) -> std::optional<int64_t> { return std::nullopt; }>,
                "NULL: see forebay.views for the sizes of state");
  define.define<[](int64_t bytes) -> std::string {
    constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
    size_t unit = 0;
    int64_t value = bytes;
    while (unit + 1 < std::size(kUnits) && (value >= 10240 || value <= -10240)) {
      value = (value + 512) / 1024;
      ++unit;
    }
    return fmt::format("{} {}", value, kUnits[unit]);
  }>("pg_size_pretty", {kBigint}, kText, "A number of bytes for people",
     {{"pg_size_pretty(20480)", "20 kB"}});
}

}  // namespace

void add_pg_catalog(ScalarList& list) {
  Definer define(list, "catalog");
  constexpr std::string_view kFormat = "The SQL name of a type by its oid and modifier";
  ScalarFunction& named = define.kernel(
      "format_type", {kOid, kInteger}, kText, &each<[](const ScalarCall& call, uint32_t row) {
        if (call.arguments[0].is_null(row)) return call.set_null(row);
        int32_t modifier = call.arguments[1].is_null(row) ? -1 : call.arguments[1].at<int32_t>(row);
        call.set_string(row, format_type(call.arguments[0].at<int64_t>(row), modifier));
      }>,
      kFormat, {{"format_type(1043, 14)", "character varying(10)"}});
  named.null_rule = NullRule::kCalled;
  define.kernel("current_schemas", {kBoolean}, data::array_of(kText), &each<current_schemas>,
                "The schemas in which names are looked up; with true also pg_catalog",
                {{"current_schemas(true)", "{pg_catalog,public}"}});
  define.define<[](std::string_view, std::string_view) -> Text { return std::nullopt; }>(
      "pg_get_serial_sequence", {kText, kText}, kText, "NULL: there are no sequences",
      {{"pg_get_serial_sequence('t', 'c')", ""}});
  define.define<[](int64_t) -> int64_t { return 0; }>("pg_stat_get_numscans", {kOid}, kBigint,
                                                      "0: scans are not counted",
                                                      {{"pg_stat_get_numscans(1)", "0"}});
  define.define<[](int32_t encoding) -> std::string { return encoding == 6 ? "UTF8" : ""; }>(
      "pg_encoding_to_char", {kInteger}, kText, "The name of an encoding",
      {{"pg_encoding_to_char(6)", "UTF8"}});
  define.define<[]() -> std::string { return "UTF8"; }>("getdatabaseencoding", {}, kText,
                                                        "The encoding of the database",
                                                        {{"getdatabaseencoding()", "UTF8"}});
  define.define<[](std::string_view name) -> int32_t { return name == "UTF8" ? 6 : -1; }>(
      "pg_char_to_encoding", {kText}, kInteger, "The number of an encoding",
      {{"pg_char_to_encoding('UTF8')", "6"}});
  define.define<[]() -> bool { return false; }>("pg_is_in_recovery", {}, kBoolean,
                                                "False: a server answers when it has recovered",
                                                {{"pg_is_in_recovery()", "f"}});
  add_visibility(define);
  add_names(define);
  add_privileges(define);
  add_descriptions(define);
  add_definitions(define);
  add_sizes(define);
  define.define<[]() -> std::string { return ""; }>("pg_advisory_unlock_all", {}, kText,
                                                    "Empty: there are no advisory locks",
                                                    {{"pg_advisory_unlock_all()", ""}});
  define.define<[]() -> Result<bool> {
    return Status(data::sqlstate::kFeatureNotSupported,
                  "WITH RECURSIVE of more than two steps is not supported");
  }>("recursion_ended", {}, kBoolean, "Fails: a WITH RECURSIVE has gone on for too long");
  // Their answers change with the catalog: never computed at planning time.
  for (ScalarFunction& function : list) {
    if (function.category == "catalog") function.volatility = Volatility::kStable;
    if (function.name == "recursion_ended") function.volatility = Volatility::kVolatile;
  }
}

}  // namespace forebay::udfs
