#include "udfs/builtin/builtin.h"

/// What clients ask about the server and the session.
namespace forebay::udfs {
namespace {

constexpr std::string_view kVersion = "PostgreSQL 15.0 (Forebay 0.1.0)";

void version(const ScalarCall& call, uint32_t row) { call.set_string(row, kVersion); }
void user(const ScalarCall& call, uint32_t row) { call.set_string(row, call.environment->user); }
void database(const ScalarCall& call, uint32_t row) {
  call.set_string(row, call.environment->database);
}
void schema(const ScalarCall& call, uint32_t row) {
  const auto path = call.environment->search_path;
  if (path.empty()) return call.set_null(row);
  call.set_string(row, path.front());
}

void type_name(const ScalarCall& call) {
  Type type = call.argument_types[0];
  type.modifier = -1;
  const std::string name = type.id == TypeId::kUnknown ? "unknown" : type.name();
  for_rows(call, [&](uint32_t row) { call.set_string(row, name); });
}

}  // namespace

void add_system(ScalarList& list) {
  Definer define(list, "system");
  auto stable = [&](std::string_view name, ScalarKernel kernel, std::string_view text,
                    std::vector<Example> examples = {}) {
    define.kernel(name, {}, TypeId::kText, kernel, text, std::move(examples)).volatility =
        Volatility::kStable;
  };
  stable("version", &each<version>, "the server's version", {{"version()", kVersion}});
  for (std::string_view name : {"current_user", "session_user", "user", "current_role"}) {
    stable(name, &each<user>, "the session's user");
  }
  for (std::string_view name : {"current_database", "current_catalog"}) {
    stable(name, &each<database>, "the session's database");
  }
  stable("current_schema", &each<schema>, "where names are looked up first",
         {{"current_schema()", "public"}});
  ScalarFunction& type = define.kernel("pg_typeof", {TypeId::kUnknown}, TypeId::kText, &type_name,
                                       "the type's name", {{"pg_typeof(1.5)", "numeric"}});
  type.null_rule = NullRule::kCalled;
  type.mixed_types = true;
}

}  // namespace forebay::udfs
