// The extended query protocol: Parse, Bind, Describe, Execute, Close, Flush.

#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "server/pgwire/parameters.h"
#include "server/pgwire/sink.h"

namespace forebay::server::pgwire {

using data::Datum;
using data::Result;
using data::Status;

namespace {

Status violation(std::string message) {
  return Status(data::sqlstate::kProtocolViolation, std::move(message));
}

Status check_name(std::string_view name) {
  if (data::is_valid_text(name)) return Status::ok();
  return Status(data::sqlstate::kInvalidCharacter, "name is not valid UTF-8");
}

// A list of format codes, 0 or 1.
Status read_formats(MessageReader& reader, std::vector<int16_t>& formats) {
  int count = static_cast<uint16_t>(reader.int16());
  if (reader.left() < size_t{2} * static_cast<size_t>(count)) {
    return violation("insufficient data left in message");
  }
  formats.resize(static_cast<size_t>(count));
  for (int16_t& format : formats) {
    format = reader.int16();
    if (format != 0 && format != 1) {
      return Status(data::sqlstate::kInvalidParameterValue,
                    fmt::format("unsupported format code: {}", format));
    }
  }
  return Status::ok();
}

Status unknown_portal(std::string_view name) {
  return Status(data::sqlstate::kInvalidCursorName,
                fmt::format("portal \"{}\" does not exist", name));
}

}  // namespace

Status Conversation::handle_extended(char type, std::string_view body) {
  return guarded([&]() -> Status {
    switch (type) {
      case 'P':
        return parse(body);
      case 'B':
        return bind(body);
      case 'D':
        return describe(body);
      case 'E':
        return execute(body);
      case 'C':
        return close(body);
      case 'H':
        return flush();
      default:
        return violation(fmt::format("invalid frontend message type {}", int{type}));
    }
  });
}

Status Conversation::parse(std::string_view body) {
  MessageReader reader(body);
  std::string name(reader.text());
  std::string_view sql = reader.text();
  int count = static_cast<uint16_t>(reader.int16());
  FOREBAY_RETURN_IF_ERROR(reader.check());
  if (reader.left() != size_t{4} * static_cast<size_t>(count)) {
    return violation("invalid message format");
  }
  std::vector<uint32_t> oids(static_cast<size_t>(count));
  std::vector<data::Type> types;
  for (uint32_t& oid : oids) {
    oid = static_cast<uint32_t>(reader.int32());
    FOREBAY_ASSIGN_OR_RETURN(data::Type type, parameter_type(oid));
    types.push_back(type);
  }
  FOREBAY_RETURN_IF_ERROR(check_name(name));
  if (name.empty()) {
    unnamed_.reset();
  } else {
    FOREBAY_RETURN_IF_ERROR(session_.prepared_statements().check_free(name));
  }

  auto statement = std::make_shared<Statement>();
  FOREBAY_ASSIGN_OR_RETURN(auto parsed, session_.parse(sql));
  if (parsed.size() > 1) {
    return Status(data::sqlstate::kSyntaxError,
                  "cannot insert multiple commands into a prepared statement");
  }
  std::shared_ptr<const sql::ast::Statement> tree;
  std::string text(sql);
  if (!parsed.empty()) {
    tree = std::move(parsed[0].statement);
    text.resize(parsed[0].end);
  }
  Running running(*this);
  FOREBAY_ASSIGN_OR_RETURN(statement->prepared,
                           session_.prepare(std::move(text), std::move(tree), std::move(types)));
  const auto& known = statement->prepared->parameter_types();
  for (size_t i = 0; i < known.size(); ++i) {
    uint32_t given = i < oids.size() ? oids[i] : 0;
    data::TypeId id = known[i].id == data::TypeId::kUnknown ? data::TypeId::kText : known[i].id;
    statement->parameter_oids.push_back(given != 0 ? given : data::type_oid(id));
  }
  if (name.empty()) {
    unnamed_ = std::move(statement);
  } else {
    session_.prepared_statements().add(name, statement->prepared);
    statements_[name] = std::move(statement);
  }
  out_.begin('1');
  out_.end();
  return Status::ok();
}

Result<Conversation::StatementRef> Conversation::find_statement(std::string_view name) {
  if (name.empty()) {
    if (unnamed_ != nullptr) return unnamed_;
    return Status(data::sqlstate::kInvalidStatementName,
                  "unnamed prepared statement does not exist");
  }
  std::string key(name);
  auto found = session_.prepared_statements().find(key);
  if (!found.is_ok()) {
    statements_.erase(key);
    FOREBAY_RETURN_IF_ERROR(check_name(name));
    return found.take_status();
  }
  StatementRef& known = statements_[key];
  if (known == nullptr || known->prepared != *found) {  // made by PREPARE
    auto statement = std::make_shared<Statement>();
    statement->prepared = *found;
    for (const data::Type& type : statement->prepared->parameter_types()) {
      statement->parameter_oids.push_back(data::type_oid(type.id));
    }
    known = std::move(statement);
  }
  return known;
}

Status Conversation::bind(std::string_view body) {
  MessageReader reader(body);
  std::string portal_name(reader.text());
  std::string_view statement_name = reader.text();
  FOREBAY_RETURN_IF_ERROR(reader.check());
  FOREBAY_RETURN_IF_ERROR(check_name(portal_name));
  FOREBAY_ASSIGN_OR_RETURN(StatementRef statement, find_statement(statement_name));
  std::vector<int16_t> formats;
  FOREBAY_RETURN_IF_ERROR(read_formats(reader, formats));
  size_t count = static_cast<uint16_t>(reader.int16());
  FOREBAY_RETURN_IF_ERROR(reader.check());
  if (formats.size() > 1 && formats.size() != count) {
    return violation(fmt::format("bind message has {} parameter formats but {} parameters",
                                 formats.size(), count));
  }
  if (count != statement->parameter_oids.size()) {
    return violation(fmt::format(
        "bind message supplies {} parameters, but prepared statement \"{}\" requires {}", count,
        statement_name, statement->parameter_oids.size()));
  }
  if (!portal_name.empty() && portals_.count(portal_name) > 0) {
    return Status(data::SqlState("42P03"),
                  fmt::format("cursor \"{}\" already exists", portal_name));
  }
  auto portal = std::make_unique<Portal>(session_.memory());
  FOREBAY_RETURN_IF_ERROR(portal->memory.grow(body.size()));
  FOREBAY_RETURN_IF_ERROR(read_parameters(reader, *statement, formats, portal->parameters));
  FOREBAY_RETURN_IF_ERROR(read_formats(reader, portal->result_formats));
  FOREBAY_RETURN_IF_ERROR(reader.finish());
  const auto& schema = statement->prepared->schema();
  size_t columns = schema ? schema->size() : 0;
  if (portal->result_formats.size() > 1 && portal->result_formats.size() != columns) {
    return violation(fmt::format("bind message has {} result formats but query has {} columns",
                                 portal->result_formats.size(), columns));
  }
  portal->statement = std::move(statement);
  portals_[std::move(portal_name)] = std::move(portal);
  out_.begin('2');
  out_.end();
  return Status::ok();
}

Status Conversation::read_parameters(MessageReader& reader, const Statement& statement,
                                     std::span<const int16_t> formats, std::vector<Datum>& values) {
  const auto& types = statement.prepared->parameter_types();
  values.reserve(types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    data::Type type = types[i].id == data::TypeId::kUnknown ? data::kTextType : types[i];
    int32_t size = reader.int32();
    FOREBAY_RETURN_IF_ERROR(reader.check());
    if (size < -1) return violation("invalid message format");
    if (size == -1) {
      values.push_back(Datum::null(type));
      continue;
    }
    std::string_view bytes = reader.bytes(static_cast<size_t>(size));
    FOREBAY_RETURN_IF_ERROR(reader.check());
    int16_t format = formats.empty() ? int16_t{0} : formats[formats.size() == 1 ? 0 : i];
    auto value = format == 1 ? parse_binary_parameter(bytes, statement.parameter_oids[i], type)
                             : data::parse_datum(bytes, type);
    if (!value.is_ok()) {
      if (value.error().sqlstate == data::sqlstate::kInvalidBinary &&
          value.error().message == "incorrect binary data format") {
        return Status(data::sqlstate::kInvalidBinary,
                      fmt::format("incorrect binary data format in bind parameter {}", i + 1));
      }
      return value.take_status();
    }
    values.push_back(std::move(*value));
  }
  return Status::ok();
}

Status Conversation::describe(std::string_view body) {
  MessageReader reader(body);
  char what = static_cast<char>(reader.byte());
  std::string_view name = reader.text();
  FOREBAY_RETURN_IF_ERROR(reader.finish());
  const Statement* statement = nullptr;
  std::vector<int16_t> formats;
  StatementRef found;
  if (what == 'S') {
    FOREBAY_ASSIGN_OR_RETURN(found, find_statement(name));
    statement = found.get();
    out_.begin('t');
    out_.int16(static_cast<int16_t>(statement->parameter_oids.size()));
    for (uint32_t oid : statement->parameter_oids) out_.int32(static_cast<int32_t>(oid));
    out_.end();
  } else if (what == 'P') {
    FOREBAY_RETURN_IF_ERROR(check_name(name));
    auto portal = portals_.find(std::string(name));
    if (portal == portals_.end()) {
      const data::Schema* cursor = session_.cursor_columns(std::string(name));
      if (cursor == nullptr) return unknown_portal(name);
      write_row_description(*cursor, std::vector<int16_t>(cursor->size(), 0), out_);
      return Status::ok();
    }
    statement = portal->second->statement.get();
    if (statement->prepared->schema()) {
      formats = portal->second->formats_for(statement->prepared->schema()->size());
    }
  } else {
    return violation(fmt::format("invalid DESCRIBE message subtype {}", int{what}));
  }
  const auto& schema = statement->prepared->schema();
  if (!schema) {
    out_.begin('n');
    out_.end();
    return Status::ok();
  }
  formats.resize(schema->size(), 0);
  write_row_description(*schema, formats, out_);
  return Status::ok();
}

Status Conversation::execute(std::string_view body) {
  MessageReader reader(body);
  std::string name(reader.text());
  int32_t max_rows = reader.int32();
  FOREBAY_RETURN_IF_ERROR(reader.finish());
  FOREBAY_RETURN_IF_ERROR(check_name(name));
  auto found = portals_.find(name);
  if (found == portals_.end()) return unknown_portal(name);
  Portal& portal = *found->second;
  if (portal.started) {
    if (portal.statement->prepared->schema()) return continue_portal(portal, max_rows);
    return Status(data::sqlstate::kNotInPrerequisiteState,
                  fmt::format("portal \"{}\" cannot be run", name));
  }
  const sql::ast::Statement* statement = portal.statement->prepared->statement();
  if (statement != nullptr && Session::writes_alone(*statement) && !session_.is_implicit() &&
      session_.transaction_status() == TransactionStatus::kIdle) {
    deferred_ = Deferred{std::move(name), max_rows};
    return Status::ok();
  }
  return execute_portal(portal, max_rows);
}

void Conversation::run_deferred(bool alone) {
  const Deferred deferred = *std::exchange(deferred_, std::nullopt);
  if (!alone) session_.begin_implicit();
  Status status =
      guarded([&] { return execute_portal(*portals_.at(deferred.portal), deferred.max_rows); });
  if (status.is_ok()) return;
  send_error(status.error());
  skipping_ = true;
}

Status Conversation::execute_portal(Portal& portal, int32_t max_rows) {
  portal.started = true;
  bool keep = max_rows > 0 && portal.statement->prepared->schema().has_value();
  Sink sink(*this, &portal, keep);
  {
    Running running(*this);
    FOREBAY_ASSIGN_OR_RETURN(portal.tag,
                             session_.execute(portal.statement->prepared, portal.parameters, sink));
  }
  if (keep) return continue_portal(portal, max_rows);
  command_complete(portal.tag);
  return Status::ok();
}

// Sends rows that the first Execute has kept. The tag counts the rows of this Execute alone.
Status Conversation::continue_portal(Portal& portal, int32_t max_rows) {
  Sink sink(*this, &portal, true);
  FOREBAY_ASSIGN_OR_RETURN(int64_t sent, sink.send_kept(max_rows));
  if (portal.next_batch < portal.kept.size() || (max_rows > 0 && sent == max_rows)) {
    out_.begin('s');
    out_.end();
    return Status::ok();
  }
  portal.kept.clear();
  portal.next_batch = 0;
  std::string_view verb = std::string_view(portal.tag).substr(0, portal.tag.rfind(' '));
  command_complete(verb.starts_with("SELECT") ? fmt::format("{} {}", verb, sent) : portal.tag);
  return Status::ok();
}

Status Conversation::close(std::string_view body) {
  MessageReader reader(body);
  char what = static_cast<char>(reader.byte());
  std::string name(reader.text());
  FOREBAY_RETURN_IF_ERROR(reader.finish());
  if (what == 'S') {
    if (name.empty()) {
      unnamed_.reset();
    } else {
      session_.prepared_statements().remove(name);
      statements_.erase(name);
    }
  } else if (what == 'P') {
    portals_.erase(name);
  } else {
    return violation(fmt::format("invalid CLOSE message subtype {}", int{what}));
  }
  out_.begin('3');
  out_.end();
  return Status::ok();
}

}  // namespace forebay::server::pgwire
