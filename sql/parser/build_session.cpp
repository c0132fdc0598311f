#include <fmt/format.h>

#include <array>
#include <cctype>

#include "engine/data/datetime.h"
#include "engine/data/text_format.h"
#include "engine/data/time_zones.h"
#include "sql/parser/ast_builder.h"

namespace forebay::sql {

using ast::StatementPtr;

namespace {

constexpr std::array<std::string_view, 12> kShowObjects{
    "tables",    "sources", "views",     "materialized views", "sinks", "indexes",
    "functions", "schemas", "databases", "watermarks",         "jobs",  "processlist",
};

}  // namespace

std::string AstBuilder::dotted(const antlr4::ParserRuleContext* ctx) const {
  std::string result;
  for (const std::string& part : names(ctx)) {
    if (!result.empty()) result += '.';
    result += part;
  }
  return result;
}

StatementPtr AstBuilder::explain(P::ExplainStatementContext* ctx) {
  auto statement = std::make_unique<ast::Explain>(at(ctx));
  for (P::ExplainOptionContext* item : ctx->options) {
    ast::Option option;
    option.position = at(item);
    option.key = text(item->name);
    if (option.key == "analyse") option.key = "analyze";
    if (item->value != nullptr) option_value(item->value, option);
    statement->options.push_back(std::move(option));
  }
  if (ctx->analyze != nullptr)
    statement->options.push_back({.position = at(ctx->analyze), .key = "analyze"});
  if (ctx->verbose != nullptr)
    statement->options.push_back({.position = at(ctx->verbose), .key = "verbose"});
  if (ctx->dml != nullptr) {
    statement->statement = dml(ctx->dml);
  } else if (ctx->view != nullptr) {
    statement->statement = create_view(ctx->view);
  } else if (ctx->table != nullptr) {
    statement->statement = create_table(ctx->table);
  } else if (ctx->sink != nullptr) {
    statement->statement = create_sink(ctx->sink);
  } else if (ctx->running != nullptr) {
    statement->running = qualified(ctx->running);
  } else if (ctx->inserts != nullptr) {
    statement->statement = std::make_unique<ast::StatementSet>(at(ctx->inserts));
  } else {
    statement->statement = execute(ctx->execute);
  }
  return statement;
}

StatementPtr AstBuilder::session(P::SessionStatementContext* ctx) {
  if (ctx->set != nullptr) return set(ctx->set);
  if (ctx->reset != nullptr) return reset(ctx->reset);
  if (ctx->show != nullptr) return show(ctx->show);
  if (ctx->transaction != nullptr) return transaction(ctx->transaction);
  if (ctx->flush != nullptr) return std::make_unique<ast::Flush>(at(ctx));
  auto statement = std::make_unique<ast::Describe>(at(ctx));
  statement->name = qualified(ctx->describe->name);
  return statement;
}

ast::Option AstBuilder::set_value(P::SetValueContext* ctx) {
  ast::Option option;
  option.position = option.value_position = at(ctx);
  if (ctx->text != nullptr) {
    option.kind = ast::OptionValueKind::kString;
    option.value = text(ctx->text);
  } else if (ctx->number != nullptr) {
    option.kind = ast::OptionValueKind::kNumber;
    option.value =
        (ctx->sign != nullptr && ctx->sign->getType() == P::MINUS ? "-" : "") + text(ctx->number);
  } else {
    option.kind = ast::OptionValueKind::kWord;
    option.value = text(ctx);
  }
  return option;
}

void AstBuilder::set_interval_zone(P::TypedLiteralContext* ctx, ast::SetStatement& statement) {
  if (ctx->type != nullptr) return fail_syntax(ctx->start->getTokenIndex());
  ast::TypeName type;
  if (ctx->fields != nullptr) interval_fields(ctx->fields, type);
  for (char& c : type.interval_fields) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  auto interval = data::parse_interval(text(ctx->value), type.interval_fields);
  if (!interval.is_ok()) return fail(interval.take_status().at(at(ctx)));
  if (interval->months != 0 || interval->days != 0) {
    const char* unit = interval->months != 0 ? "months" : "days";
    return fail(data::Status(data::sqlstate::kInvalidParameterValue,
                             fmt::format("invalid value for parameter \"TimeZone\": \"INTERVAL "
                                         "'{}'\"",
                                         text(ctx->value)))
                    .with_detail(fmt::format("Cannot specify {} in time zone interval.", unit)));
  }
  statement.values.push_back(
      {.position = at(ctx),
       .kind = ast::OptionValueKind::kString,
       .value_position = at(ctx),
       .value = data::name_of_offset(interval->microseconds / data::kMicrosPerSecond)});
}

StatementPtr AstBuilder::set(P::SetStatementContext* ctx) {
  auto statement = std::make_unique<ast::SetStatement>(at(ctx));
  if (ctx->scope != nullptr) {
    statement->scope =
        ctx->scope->getType() == P::K_LOCAL ? ast::SetScope::kLocal : ast::SetScope::kSession;
  }
  statement->name_position = ctx->name != nullptr      ? at(ctx->name)
                             : ctx->foreign != nullptr ? at(ctx->foreign)
                                                       : at(ctx);
  if (ctx->transaction != nullptr) {
    statement->name = ctx->characteristics != nullptr ? "default_transaction" : "transaction";
    for (P::TransactionModeContext* mode : ctx->modes) {
      statement->values.push_back({.position = at(mode),
                                   .kind = ast::OptionValueKind::kString,
                                   .value_position = at(mode),
                                   .value = upper_words(mode)});
    }
    return statement;
  }
  statement->name = ctx->zone != nullptr      ? "timezone"
                    : ctx->names != nullptr   ? "client_encoding"
                    : ctx->foreign != nullptr ? text(ctx->foreign)
                                              : dotted(ctx->name);
  if (ctx->intervalZone != nullptr) {
    set_interval_zone(ctx->intervalZone, *statement);
    return statement;
  }
  for (P::SetValueContext* value : ctx->values) {
    if (value->byDefault != nullptr) {
      statement->to_default = true;
      if (ctx->values.size() > 1) fail_syntax(value->start->getTokenIndex());
    } else {
      statement->values.push_back(set_value(value));
    }
  }
  if (statement->values.empty()) statement->to_default = true;
  // SET TIME ZONE LOCAL is SET TIME ZONE DEFAULT.
  if (ctx->zone != nullptr && !statement->to_default &&
      statement->values[0].kind == ast::OptionValueKind::kWord &&
      statement->values[0].value == "local") {
    statement->to_default = true;
    statement->values.clear();
  }
  return statement;
}

StatementPtr AstBuilder::reset(P::ResetStatementContext* ctx) {
  auto statement = std::make_unique<ast::Reset>(at(ctx));
  if (ctx->zone != nullptr) statement->name = "timezone";
  if (ctx->isolation != nullptr) statement->name = "transaction_isolation";
  if (ctx->name != nullptr) {
    statement->name = dotted(ctx->name);
    statement->name_position = at(ctx->name);
  }
  return statement;
}

StatementPtr AstBuilder::show(P::ShowStatementContext* ctx) {
  auto statement = std::make_unique<ast::Show>(at(ctx));
  if (ctx->all != nullptr) {
    statement->show = ast::ShowKind::kAll;
    return statement;
  }
  if (ctx->create != nullptr) {
    statement->show = ast::ShowKind::kCreate;
    statement->object = object_kind(ctx->object);
    statement->of = qualified(ctx->of);
    return statement;
  }
  if (ctx->zone != nullptr) statement->name = "timezone";
  if (ctx->isolation != nullptr) statement->name = "transaction_isolation";
  if (ctx->materialized != nullptr) {
    if (text(ctx->words[0]) != "views") fail_syntax(ctx->words[0]->start->getTokenIndex());
    statement->name = "materialized views";
    statement->name_position = at(ctx->materialized);
  }
  if (ctx->what != nullptr) {
    statement->name = dotted(ctx->what);
    statement->name_position = at(ctx->what);
  }
  if (ctx->of != nullptr) statement->of = qualified(ctx->of);
  if (statement->name == "columns" && ctx->of != nullptr) {
    statement->show = ast::ShowKind::kColumns;
    return statement;
  }
  for (const std::string_view object : kShowObjects) {
    if (statement->name == object) statement->show = ast::ShowKind::kObjects;
  }
  if (ctx->of != nullptr && statement->show != ast::ShowKind::kObjects) {
    fail_syntax(ctx->what->stop->getTokenIndex() + 1);
  }
  return statement;
}

StatementPtr AstBuilder::transaction(P::TransactionStatementContext* ctx) {
  auto statement = std::make_unique<ast::Transaction>(at(ctx));
  switch (ctx->action->getType()) {
    case P::K_BEGIN:
      statement->action = ast::TransactionAction::kBegin;
      break;
    case P::K_START:
      statement->action = ast::TransactionAction::kStart;
      break;
    case P::K_COMMIT:
    case P::K_END:
      statement->action = ast::TransactionAction::kCommit;
      break;
    case P::K_SAVEPOINT:
      statement->action = ast::TransactionAction::kSavepoint;
      break;
    case P::K_RELEASE:
      statement->action = ast::TransactionAction::kRelease;
      break;
    default:
      statement->action = ctx->to != nullptr ? ast::TransactionAction::kRollbackTo
                                             : ast::TransactionAction::kRollback;
      break;
  }
  for (P::TransactionModeContext* mode : ctx->modes) statement->modes.push_back(upper_words(mode));
  statement->chain = ctx->chain != nullptr && ctx->no == nullptr;
  if (ctx->point != nullptr) statement->savepoint = text(ctx->point);
  return statement;
}

StatementPtr AstBuilder::prepare(P::PrepareStatementContext* ctx) {
  if (ctx->execute != nullptr) return execute(ctx->execute);
  if (ctx->deallocate != nullptr) {
    auto statement = std::make_unique<ast::Deallocate>(at(ctx));
    if (ctx->name != nullptr) statement->name = text(ctx->name);
    return statement;
  }
  auto statement = std::make_unique<ast::Prepare>(at(ctx));
  statement->name = text(ctx->name);
  for (P::TypeNameContext* type : ctx->types) statement->types.push_back(type_name(type));
  statement->statement = dml(ctx->body);
  return statement;
}

StatementPtr AstBuilder::execute(P::ExecuteStatementContext* ctx) {
  auto statement = std::make_unique<ast::Execute>(at(ctx));
  statement->name = text(ctx->name);
  statement->args = expressions(ctx->args);
  return statement;
}

StatementPtr AstBuilder::discard(P::DiscardStatementContext* ctx) {
  auto statement = std::make_unique<ast::Discard>(at(ctx));
  const std::string& what = text(ctx->what);
  if (what == "all") {
    statement->what = "ALL";
  } else if (what == "plans") {
    statement->what = "PLANS";
  } else if (what == "sequences") {
    statement->what = "SEQUENCES";
  } else if (what == "temp" || what == "temporary") {
    statement->what = "TEMP";
  } else {
    fail_syntax(ctx->what->getTokenIndex());
  }
  return statement;
}

StatementPtr AstBuilder::other(P::OtherStatementContext* ctx) {
  auto statement = std::make_unique<ast::OtherStatement>(at(ctx));
  const size_t first = ctx->start->getTokenIndex();
  const size_t last = ctx->stop->getTokenIndex();
  // ALTER TABLE, CREATE UNIQUE INDEX, ...: the words until the first that may be a name.
  size_t words = 1;
  switch (ctx->start->getType()) {
    case P::K_CREATE:
    case P::K_DROP:
    case P::K_ALTER:
    case P::K_REFRESH:
    case P::K_VERIFY: {
      words = 2;
      const int32_t second = first + 1 <= last ? tokens_[first + 1].type : 0;
      if (second == P::K_MATERIALIZED || second == P::K_UNIQUE) words = 3;
      if (second == P::K_OR) words = 4;
      break;
    }
    default:
      break;
  }
  for (size_t i = first; i < first + words && i <= last; ++i) {
    if (!statement->command.empty()) statement->command += ' ';
    for (const char c : tokens_[i].text)
      statement->command += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  statement->text = sql_.substr(tokens_[first].begin, tokens_[last].end - tokens_[first].begin);
  return statement;
}

}  // namespace forebay::sql
