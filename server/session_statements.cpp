// Statements about the session itself: SET, SHOW, BEGIN, PREPARE ...

#include <fmt/format.h>

#include "server/event_time.h"
#include "server/refusals.h"
#include "server/session.h"
#include "sql/ast/print.h"

namespace forebay::server {

using data::Datum;
using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

data::Schema text_schema(const std::vector<std::string>& names) {
  data::Schema schema;
  for (const std::string& name : names) schema.push_back({name, data::kTextType});
  return schema;
}

Status send_table(const data::Schema& schema, const std::vector<std::vector<std::string>>& rows,
                  ResultSink& sink) {
  FOREBAY_RETURN_IF_ERROR(sink.begin_rows(schema));
  if (rows.empty()) return Status::ok();
  data::BatchBuilder builder(std::vector<data::Type>(schema.size(), data::kTextType));
  for (const auto& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) builder.column(c).append_string(row[c]);
    builder.end_row();
  }
  return sink.rows(builder.finish());
}

std::string_view object_word(ast::ObjectKind kind) {
  switch (kind) {
    case ast::ObjectKind::kSource:
      return "SOURCE";
    case ast::ObjectKind::kTable:
      return "TABLE";
    case ast::ObjectKind::kView:
      return "VIEW";
    case ast::ObjectKind::kMaterializedView:
      return "MATERIALIZED VIEW";
    case ast::ObjectKind::kSink:
      return "SINK";
    case ast::ObjectKind::kIndex:
      return "INDEX";
    case ast::ObjectKind::kSchema:
      return "SCHEMA";
    case ast::ObjectKind::kFunction:
      return "FUNCTION";
  }
  return "";
}

std::optional<sql::catalog::ObjectKind> shown_kind(std::string_view name) {
  if (name == "tables") return sql::catalog::ObjectKind::kTable;
  if (name == "sources") return sql::catalog::ObjectKind::kSource;
  if (name == "views") return sql::catalog::ObjectKind::kView;
  if (name == "materialized views") return sql::catalog::ObjectKind::kMaterializedView;
  return std::nullopt;
}

Status not_supported(std::string_view what, std::string_view hint = "") {
  return Status(data::Error{.sqlstate = data::sqlstate::kFeatureNotSupported,
                            .message = fmt::format("{} is not supported", what),
                            .hint = std::string(hint)});
}

Status unknown_setting(const std::string& name, int32_t position) {
  std::string near = similar_setting(name);
  return Status(
      data::Error{.sqlstate = data::sqlstate::kUndefinedObject,
                  .message = fmt::format("unrecognized configuration parameter \"{}\"", name),
                  .hint = near.empty() ? std::string() : fmt::format("Did you mean \"{}\"?", near),
                  .position = position});
}

}  // namespace

Status send_text_rows(const data::Schema& schema, const std::vector<std::string>& lines,
                      ResultSink& sink) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& line : lines) rows.push_back({line});
  return send_table(schema, rows, sink);
}

std::string definition_tag(const ast::Statement& statement) {
  switch (statement.kind) {
    case ast::StatementKind::kCreateSource:
      return "CREATE SOURCE";
    case ast::StatementKind::kCreateTable:
      return "CREATE TABLE";
    case ast::StatementKind::kCreateView:
      return ast::as<ast::CreateView>(statement).materialized ? "CREATE MATERIALIZED VIEW"
                                                              : "CREATE VIEW";
    case ast::StatementKind::kCreateFunction:
      return "CREATE FUNCTION";
    case ast::StatementKind::kCreateIndex:
      return "CREATE INDEX";
    case ast::StatementKind::kCreateSink:
    case ast::StatementKind::kInsert:  // INTO a table that is a sink
      return "CREATE SINK";
    case ast::StatementKind::kCreateSchema:
      return "CREATE SCHEMA";
    case ast::StatementKind::kDrop:
      return fmt::format("DROP {}", object_word(ast::as<ast::Drop>(statement).object));
    case ast::StatementKind::kAlter:
      return fmt::format("ALTER {}", object_word(ast::as<ast::Alter>(statement).object));
    case ast::StatementKind::kComment:
      return "COMMENT";
    default:
      return "";
  }
}

Result<std::string> Session::session_statement(const PreparedStatement& prepared,
                                               ResultSink& sink) {
  const ast::Statement& statement = *prepared.statement();
  switch (statement.kind) {
    case ast::StatementKind::kSet:
      return set(ast::as<ast::SetStatement>(statement), sink);
    case ast::StatementKind::kReset: {
      const auto& reset = ast::as<ast::Reset>(statement);
      if (reset.name.empty()) {
        settings_.reset_all();
        custom_settings_.clear();
        return std::string("RESET");
      }
      FOREBAY_RETURN_IF_ERROR(
          set_value(reset.name, std::nullopt, reset.name_position, sink).take_status());
      return std::string("RESET");
    }
    case ast::StatementKind::kShow:
      return show(ast::as<ast::Show>(statement), sink);
    case ast::StatementKind::kDescribe: {
      ast::Show columns(statement.position);
      columns.show = ast::ShowKind::kColumns;
      columns.of = ast::as<ast::Describe>(statement).name;
      FOREBAY_RETURN_IF_ERROR(show(columns, sink).take_status());
      return std::string("DESCRIBE");
    }
    case ast::StatementKind::kTransaction:
      return transaction(ast::as<ast::Transaction>(statement), sink);
    case ast::StatementKind::kPrepare:
      return prepare_statement(prepared);
    case ast::StatementKind::kExecute:
      return execute_statement(prepared, sink);
    case ast::StatementKind::kDeallocate: {
      const auto& deallocate = ast::as<ast::Deallocate>(statement);
      if (deallocate.name.empty()) {
        prepared_.clear();
        return std::string("DEALLOCATE ALL");
      }
      FOREBAY_RETURN_IF_ERROR(prepared_.find(deallocate.name).take_status());
      prepared_.remove(deallocate.name);
      return std::string("DEALLOCATE");
    }
    case ast::StatementKind::kFetch:
      return fetch(ast::as<ast::Fetch>(statement), sink);
    case ast::StatementKind::kCloseCursor:
      return close_cursor(ast::as<ast::CloseCursor>(statement));
    case ast::StatementKind::kDiscard:
      return discard(ast::as<ast::Discard>(statement));
    case ast::StatementKind::kOther: {
      const auto& other = ast::as<ast::OtherStatement>(statement);
      // Nobody listens: drivers say so when a connection goes back to its pool (asyncpg).
      if (other.command == "UNLISTEN") return std::string("UNLISTEN");
      return Status(not_supported(other.command, refusal_hint(other.command))).at(other.position);
    }
    default:
      return Status(not_supported("this statement")).at(statement.position);
  }
}

// There are no temporary tables and sequences; plans are made anew whenever they have to be.
Result<std::string> Session::discard(const ast::Discard& statement) {
  if (statement.what == "ALL") {
    if (transaction_ != TransactionStatus::kIdle) {
      return Status(data::SqlState("25001"), "DISCARD ALL cannot run inside a transaction block");
    }
    prepared_.clear();
    cursors_.clear();
    settings_.reset_all();
    custom_settings_.clear();
  }
  return "DISCARD " + statement.what;
}

Result<std::string> Session::set(const ast::SetStatement& statement, ResultSink& sink) {
  const bool as_default = statement.name == "default_transaction";
  if (as_default || statement.name == "transaction") {
    if (!as_default && transaction_ == TransactionStatus::kIdle) {
      sink.notice({.severity = "WARNING",
                   .sqlstate = data::SqlState("25P01"),
                   .message = "SET TRANSACTION can only be used in transaction blocks"});
      return std::string("SET");
    }
    std::vector<std::string> modes;
    for (const ast::Option& mode : statement.values) modes.push_back(mode.value);
    FOREBAY_RETURN_IF_ERROR(set_modes(modes, as_default, sink));
    return std::string("SET");
  }
  std::optional<std::string> value;
  if (!statement.to_default) {
    value.emplace();
    for (const ast::Option& part : statement.values) {
      if (!value->empty()) *value += ", ";
      // A list of names: each value is one name, commas and all.
      *value +=
          statement.name == "search_path" ? sql::ast::quote_identifier(part.value) : part.value;
    }
  }
  return set_value(statement.name, std::move(value), statement.name_position, sink);
}

Result<std::string> Session::set_value(const std::string& name, std::optional<std::string> value,
                                       int32_t position, ResultSink& sink) {
  const SettingDescriptor* setting = find_setting(name);
  if (setting == nullptr) {
    if (is_foreign_setting(name)) {
      sink.notice({.message = fmt::format("parameter \"{}\" has no effect in Forebay", name)});
      return std::string("SET");
    }
    // Names with a dot belong to applications, as in PostgreSQL.
    if (name.find('.') != std::string::npos) {
      if (value) {
        custom_settings_[name] = std::move(*value);
      } else {
        custom_settings_.erase(name);
      }
      return std::string("SET");
    }
    return unknown_setting(name, position);
  }
  if (setting->scope == SettingScope::kReadOnly) {
    return Status(data::sqlstate::kCannotChangeParameter,
                  fmt::format("parameter \"{}\" cannot be changed", setting->name));
  }
  std::string checked(setting->default_value);
  if (value) {
    FOREBAY_ASSIGN_OR_RETURN(checked, setting->check(setting->name, *value));
  }
  if (setting->scope == SettingScope::kServer) {
    database_.set_server_setting(setting->name, checked);
  } else if (value) {
    settings_.set(*setting, std::move(checked));
  } else {
    settings_.reset(*setting);
  }
  return std::string("SET");
}

std::string Session::setting_value(const SettingDescriptor& setting) const {
  return setting.scope == SettingScope::kServer ? database_.default_setting(setting.name)
                                                : settings_.get(setting);
}

std::optional<data::Schema> Session::session_schema(const ast::Statement& statement) {
  if (statement.kind == ast::StatementKind::kExecute) {
    auto found = prepared_.find(ast::as<ast::Execute>(statement).name);
    return found.is_ok() ? (*found)->schema() : std::nullopt;
  }
  if (statement.kind == ast::StatementKind::kFetch) {
    const auto& fetch = ast::as<ast::Fetch>(statement);
    auto found = cursors_.find(fetch.name);
    if (fetch.move || !found.is_ok()) return std::nullopt;
    return (*found)->schema();
  }
  if (statement.kind == ast::StatementKind::kDescribe) return text_schema({"Name", "Type"});
  if (statement.kind != ast::StatementKind::kShow) return std::nullopt;
  const auto& show = ast::as<ast::Show>(statement);
  switch (show.show) {
    case ast::ShowKind::kSetting: {
      const SettingDescriptor* setting = find_setting(show.name);
      std::string name = setting != nullptr && !setting->reported_as.empty()
                             ? std::string(setting->reported_as)
                             : show.name;
      return text_schema({name});
    }
    case ast::ShowKind::kAll:
      return text_schema({"name", "setting", "description"});
    case ast::ShowKind::kObjects:
      if (show.name == "jobs") return text_schema({"Id", "Statement", "Progress"});
      if (show.name == "watermarks") return text_schema(shown_watermark_columns());
      return text_schema({"Name"});
    case ast::ShowKind::kColumns:
      return text_schema({"Name", "Type"});
    case ast::ShowKind::kCreate:
      return text_schema({"Name", "Create Sql"});
  }
  return std::nullopt;
}

Result<std::string> Session::show(const ast::Show& statement, ResultSink& sink) {
  data::Schema schema = *session_schema(statement);
  std::vector<std::vector<std::string>> rows;
  sql::SnapshotRef catalog = database_.catalog().snapshot();
  auto find = [&]() -> Result<sql::CatalogObjectRef> {
    const auto& parts = statement.of.parts;
    sql::CatalogObjectRef object;
    if (parts.size() > 1) {
      object = catalog->find(parts[parts.size() - 2], parts.back());
    } else {
      for (const std::string& schema_name : search_path()) {
        object = catalog->find(schema_name, parts.back());
        if (object != nullptr) break;
      }
    }
    if (object == nullptr) {
      return Status(data::sqlstate::kUndefinedTable,
                    fmt::format("relation \"{}\" does not exist", parts.back()))
          .at(statement.of.position);
    }
    return object;
  };
  switch (statement.show) {
    case ast::ShowKind::kSetting: {
      const SettingDescriptor* setting = find_setting(statement.name);
      const auto custom = custom_settings_.find(statement.name);
      if (setting == nullptr && custom == custom_settings_.end()) {
        return unknown_setting(statement.name, statement.name_position);
      }
      rows.push_back({setting != nullptr ? setting_value(*setting) : custom->second});
      break;
    }
    case ast::ShowKind::kAll:
      for (const SettingDescriptor& setting : all_settings()) {
        rows.push_back(
            {std::string(setting.name), setting_value(setting), std::string(setting.description)});
      }
      break;
    case ast::ShowKind::kObjects: {
      if (statement.name == "schemas") {
        for (std::string_view name : sql::catalog::kSchemas) rows.push_back({std::string(name)});
        for (const auto& made : catalog->schemas()) rows.push_back({made->name});
        break;
      }
      if (statement.name == "jobs") {
        for (const DdlJob& job : database_.ddl_jobs()) {
          rows.push_back(
              {fmt::format("{}", job.id), job.statement, job.waits ? "waiting" : "running"});
        }
        break;
      }
      if (statement.name == "watermarks") {
        rows = shown_watermarks(database_);
        break;
      }
      if (statement.name == "indexes" || statement.name == "sinks") {
        for (const sql::CatalogObjectRef& object :
             statement.name == "sinks" ? catalog->sinks() : catalog->indexes()) {
          const bool wanted = statement.of.parts.empty() || object->schema == statement.of.parts[0];
          if (wanted) rows.push_back({object->name});
        }
        break;
      }
      auto kind = shown_kind(statement.name);
      if (!kind) {
        return Status(not_supported(fmt::format("SHOW {}", statement.name)))
            .at(statement.name_position);
      }
      for (const sql::CatalogObjectRef& object : catalog->objects()) {
        const bool wanted = statement.of.parts.empty() || object->schema == statement.of.parts[0];
        if (object->kind == *kind && wanted) rows.push_back({object->name});
      }
      break;
    }
    case ast::ShowKind::kColumns: {
      FOREBAY_ASSIGN_OR_RETURN(sql::CatalogObjectRef object, find());
      for (const data::Field& field : object->columns) {
        rows.push_back({field.name, field.type.name()});
      }
      break;
    }
    case ast::ShowKind::kCreate: {
      FOREBAY_ASSIGN_OR_RETURN(sql::CatalogObjectRef object, find());
      rows.push_back({object->schema + "." + object->name, object->definition});
      break;
    }
  }
  FOREBAY_RETURN_IF_ERROR(send_table(schema, rows, sink));
  return std::string("SHOW");
}

Result<std::string> Session::prepare_statement(const PreparedStatement& prepared) {
  const auto& statement = ast::as<ast::Prepare>(*prepared.statement());
  FOREBAY_RETURN_IF_ERROR(prepared_.check_free(statement.name));
  std::vector<data::Type> types;
  for (const ast::TypeName& type : statement.types) {
    data::TypeId id = data::type_of_name(type.names.back());
    if (id == data::TypeId::kUnknown) {
      return Status(data::sqlstate::kUndefinedObject,
                    fmt::format("type \"{}\" does not exist", type.names.back()))
          .at(type.position);
    }
    types.push_back({id});
  }
  // The statement inside keeps the whole alive: its positions count from the beginning of PREPARE.
  std::shared_ptr<const ast::Statement> inner(prepared.statement_ref(), statement.statement.get());
  FOREBAY_ASSIGN_OR_RETURN(PreparedRef ready,
                           prepare(prepared.options().text, std::move(inner), std::move(types)));
  prepared_.add(statement.name, std::move(ready));
  return std::string("PREPARE");
}

Result<std::string> Session::execute_statement(const PreparedStatement& outer, ResultSink& sink) {
  const auto& statement = ast::as<ast::Execute>(*outer.statement());
  FOREBAY_ASSIGN_OR_RETURN(PreparedRef prepared, prepared_.find(statement.name));
  const std::vector<data::Type>& types = prepared->parameter_types();
  if (statement.args.size() != types.size()) {
    return Status(data::Error{
        .sqlstate = data::sqlstate::kSyntaxError,
        .message =
            fmt::format("wrong number of parameters for prepared statement \"{}\"", statement.name),
        .detail = fmt::format("Expected {} parameters but got {}.", types.size(),
                              statement.args.size())});
  }
  FOREBAY_ASSIGN_OR_RETURN(
      std::vector<expr::ExprRef> arguments,
      sql::bind_arguments(statement, types, database_.catalog().snapshot(), outer.options()));
  std::vector<Datum> parameters;
  const expr::EvalContext context = eval_context();
  for (const expr::ExprRef& argument : arguments) {
    FOREBAY_ASSIGN_OR_RETURN(Datum value, expr::evaluate_constant(argument, context));
    parameters.push_back(std::move(value));
  }
  Result<std::string> tag = execute(prepared, parameters, sink);
  if (tag.is_ok()) return tag;
  Status status = tag.take_status();
  status.error().position = 0;  // it would count in the text of PREPARE
  return status;
}

}  // namespace forebay::server
