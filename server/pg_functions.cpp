// pg_catalog: functions and their languages.

#include <type_traits>

#include "server/pg_catalog.h"
#include "udfs/registry.h"

namespace forebay::server {

using data::Status;
using data::TypeId;

namespace {

constexpr int64_t kInternalLanguageOid = 12, kSqlLanguageOid = 14;
constexpr int64_t kAnyElementOid = 2283, kAnyArrayOid = 2277, kRecordOid = 2249;

int64_t argument_oid(TypeId id) {
  if (id == TypeId::kUnknown) return kAnyElementOid;
  return id == TypeId::kAnyArray ? kAnyArrayOid : data::type_oid(id);
}

/// {"a","b"}: names as the text of an array.
std::string array_text(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "\"" : ",\"";
    for (char c : name) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return "{" + text + "}";
}

/// What pg_proc says of a function.
struct ProcRow {
  int64_t oid;
  std::string name;
  int64_t schema = kPgCatalogOid;
  const char* kind = "f";
  bool returns_set = false;
  bool strict = true;
  const char* volatility = "i";
  int64_t result;
  std::vector<int64_t> arguments;
  Cell argument_names = kNull;
  int64_t language = kInternalLanguageOid;
  std::string source;
};

void proc_row(VirtualRowsBuilder& out, const ProcRow& row) {
  std::string types;
  for (int64_t argument : row.arguments) {
    types += (types.empty() ? "" : ",") + std::to_string(argument);
  }
  if (!types.empty()) {
    types = "[0:" + std::to_string(row.arguments.size() - 1) + "]={" + types + "}";
  }
  out.row({row.oid,
           row.name,
           row.schema,
           kOwnerOid,
           row.language,
           int32_t{1},
           int32_t{row.returns_set ? 1000 : 0},
           int64_t{0},
           std::string("-"),
           std::string(row.kind),
           false,
           false,
           row.strict,
           row.returns_set,
           std::string(row.volatility),
           std::string("s"),
           static_cast<int32_t>(row.arguments.size()),
           int32_t{0},
           row.result,
           types.empty() ? std::string("{}") : types,
           kNull,
           kNull,
           row.argument_names,
           kNull,
           kNull,
           row.source});
}

template <typename F>
void function_rows(VirtualRowsBuilder& out, int64_t& oid, std::span<const F* const> functions) {
  for (const F* function : functions) {
    ProcRow row;
    row.oid = oid++;
    row.name = function->name;
    row.source = row.name;
    // Operators and casts are no functions that can be called by their name.
    const char first = row.name.empty() ? ' ' : row.name[0];
    if (!(first >= 'a' && first <= 'z') || row.name == "cast") continue;
    for (TypeId id : function->arguments) row.arguments.push_back(argument_oid(id));
    if constexpr (requires { function->columns; }) {
      row.returns_set = true;
      const auto& columns = function->columns;
      row.result = columns.size() > 1 ? kRecordOid : argument_oid(columns[0].type);
    } else {
      row.result = argument_oid(function->result);
    }
    if constexpr (requires { function->volatility; }) {
      if (function->volatility == udfs::Volatility::kStable) row.volatility = "s";
      if (function->volatility == udfs::Volatility::kVolatile) row.volatility = "v";
    }
    if constexpr (requires { function->null_rule; }) {
      row.strict = function->null_rule == udfs::NullRule::kStrict;
    }
    if constexpr (std::is_same_v<F, udfs::AggregateFunction>) row.kind = "a";
    proc_row(out, row);
  }
}

Status fill_proc(Database& database, VirtualRowsBuilder& out) {
  int64_t oid = kFirstFunctionOid;
  function_rows(out, oid, udfs::all_scalar_functions());
  function_rows(out, oid, udfs::all_aggregate_functions());
  function_rows(out, oid, udfs::all_table_functions());
  for (const auto& function : database.catalog().snapshot()->functions()) {
    ProcRow row;
    row.oid = sql::catalog::oid_of(function->id);
    row.name = function->function_name;
    row.schema = schema_oid(database, function->schema);
    row.returns_set = function->returns_rows;
    row.strict = function->strict;
    row.volatility = "v";
    row.result = function->columns.size() > 1
                     ? kRecordOid
                     : int64_t{data::type_oid(function->columns[0].type.id)};
    std::vector<std::string> names;
    bool named = false;
    for (const data::Field& parameter : function->parameters) {
      row.arguments.push_back(data::type_oid(parameter.type.id));
      names.push_back(parameter.name);
      named |= !parameter.name.empty();
    }
    if (named) row.argument_names = array_text(names);
    row.language = kSqlLanguageOid;
    row.source = function->definition;
    proc_row(out, row);
  }
  return Status::ok();
}

Status fill_language(VirtualRowsBuilder& out) {
  const auto row = [&](int64_t oid, const char* name, bool trusted) {
    out.row({oid, std::string(name), kOwnerOid, false, trusted, int64_t{0}, int64_t{0}, int64_t{0},
             kNull});
  };
  row(kInternalLanguageOid, "internal", false);
  row(kSqlLanguageOid, "sql", true);
  return Status::ok();
}

}  // namespace

void add_pg_functions(Database& database) {
  add_virtual_table(
      database.catalog(), "pg_catalog", "pg_proc",
      "oid oid, proname text, pronamespace oid, proowner oid, prolang oid, "
      "procost double, prorows double, provariadic oid, prosupport text, prokind text, "
      "prosecdef bool, proleakproof bool, proisstrict bool, proretset bool, provolatile text, "
      "proparallel text, pronargs int, pronargdefaults int, prorettype oid, "
      "proargtypes oidvector, proallargtypes oid[], proargmodes text[], proargnames text[], "
      "proargdefaults text, protrftypes oid[], prosrc text, probin text, prosqlbody text, "
      "proconfig text[], proacl text[]",
      [&database](VirtualRowsBuilder& out) { return fill_proc(database, out); });
  add_virtual_table(database.catalog(), "pg_catalog", "pg_language",
                    "oid oid, lanname text, lanowner oid, lanispl bool, lanpltrusted bool, "
                    "lanplcallfoid oid, laninline oid, lanvalidator oid, lanacl text[], "
                    "tableoid oid",
                    fill_language);
}

}  // namespace forebay::server
