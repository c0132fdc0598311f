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

std::string_view text_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<StringView>(row).view();
}

Status no_session() {
  return Status(data::sqlstate::kFeatureNotSupported, "settings here are not supported")
      .with_hint("Write the value itself.");
}

void current_setting(const ScalarCall& call, uint32_t row) {
  SessionAccess* session = call.environment->session;
  if (session == nullptr) return call.fail_row(row, no_session().error());
  const std::string_view name = text_at(call, 0, row);
  std::optional<std::string> value = session->setting(name);
  if (value) return call.set_string(row, *value);
  if (call.argument_count > 1 && call.arguments[1].at<uint8_t>(row) != 0) return call.set_null(row);
  call.fail_row(row, data::sqlstate::kUndefinedObject,
                "unrecognized configuration parameter \"" + std::string(name) + "\"");
}

void set_config(const ScalarCall& call, uint32_t row) {
  SessionAccess* session = call.environment->session;
  if (session == nullptr) return call.fail_row(row, no_session().error());
  if (call.arguments[2].at<uint8_t>(row) != 0) {
    return call.fail_row(row, Status(data::sqlstate::kFeatureNotSupported,
                                     "set_config for one transaction is not supported")
                                  .with_hint("Give false: the value holds until the session's end.")
                                  .error());
  }
  auto value = session->set(text_at(call, 0, row), text_at(call, 1, row));
  if (!value.is_ok()) return call.fail_row(row, value.error());
  call.set_string(row, *value);
}

void sleep(const ScalarCall& call, uint32_t row) {
  SessionAccess* session = call.environment->session;
  if (session == nullptr) return call.fail_row(row, no_session().error());
  Status status = session->sleep(call.arguments[0].at<double>(row));
  if (!status.is_ok()) return call.fail_row(row, status.error());
  call.set_string(row, "");
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
  auto session = [&](std::string_view name, std::vector<TypeId> arguments, ScalarKernel kernel,
                     Volatility volatility, std::string_view text,
                     std::vector<Example> examples = {}) {
    ScalarFunction& function =
        define.kernel(name, std::move(arguments), TypeId::kText, kernel, text, std::move(examples));
    function.volatility = volatility;
    function.can_fail = true;
  };
  constexpr TypeId kText = TypeId::kText;
  session("current_setting", {kText}, &each<current_setting>, Volatility::kStable,
          "a setting's value", {{"current_setting('timezone')", "UTC"}});
  session("current_setting", {kText, TypeId::kBoolean}, &each<current_setting>, Volatility::kStable,
          "a setting's value; NULL if there is none and the second is true",
          {{"current_setting('nothing.here', true)", "NULL"}});
  session("set_config", {kText, kText, TypeId::kBoolean}, &each<set_config>, Volatility::kVolatile,
          "SET; gives the new value",
          {{"set_config('application_name', 'example', false)", "example"}});
  session("pg_sleep", {TypeId::kDouble}, &each<sleep>, Volatility::kVolatile,
          "waits so many seconds; an empty text", {{"pg_sleep(0.001)", ""}});
  ScalarFunction& type = define.kernel("pg_typeof", {TypeId::kUnknown}, TypeId::kText, &type_name,
                                       "the type's name", {{"pg_typeof(1.5)", "numeric"}});
  type.null_rule = NullRule::kCalled;
  type.mixed_types = true;
}

}  // namespace forebay::udfs
