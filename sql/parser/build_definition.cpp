#include <fmt/format.h>

#include "sql/parser/ast_builder.h"

namespace forebay::sql {

using ast::StatementPtr;

StatementPtr AstBuilder::create(P::CreateStatementContext* ctx) {
  if (ctx->table != nullptr) return create_table(ctx->table);
  if (ctx->source != nullptr) return create_source(ctx->source);
  if (ctx->schema != nullptr) return create_schema(ctx->schema);
  if (ctx->function != nullptr) return create_function(ctx->function);
  if (ctx->index != nullptr) return create_index(ctx->index);
  if (ctx->sink != nullptr) return create_sink(ctx->sink);
  return create_view(ctx->view);
}

StatementPtr AstBuilder::create_table(P::CreateTableContext* ctx) {
  auto statement = std::make_unique<ast::CreateTable>(at(ctx));
  ast::RelationDef& definition = statement->definition;
  definition.name = qualified(ctx->name);
  definition.if_not_exists = ctx->exists != nullptr;
  definition.temporary = tokens_[ctx->start->getTokenIndex() + 1].type != P::K_TABLE;
  elements(ctx->elements, definition);
  clauses(ctx->clauses, definition);
  if (ctx->body != nullptr) statement->query = query(ctx->body);
  statement->column_names = name_list(ctx->names);
  if (ctx->data != nullptr && text(ctx->data) != "data") fail_syntax(ctx->data->getTokenIndex());
  statement->with_no_data = ctx->no != nullptr;
  if (ctx->names != nullptr && ctx->body == nullptr) {
    fail_syntax(ctx->names->stop->getTokenIndex() + 1);  // AS is missing
  }
  return statement;
}

StatementPtr AstBuilder::create_source(P::CreateSourceContext* ctx) {
  auto statement = std::make_unique<ast::CreateSource>(at(ctx));
  statement->definition.name = qualified(ctx->name);
  statement->definition.if_not_exists = ctx->exists != nullptr;
  elements(ctx->elements, statement->definition);
  clauses(ctx->clauses, statement->definition);
  return statement;
}

StatementPtr AstBuilder::create_schema(P::CreateSchemaContext* ctx) {
  auto statement = std::make_unique<ast::CreateSchema>(at(ctx));
  statement->if_not_exists = ctx->exists != nullptr;
  if (ctx->role != nullptr) statement->owner = {at(ctx->role), text(ctx->role)};
  statement->name = ctx->name != nullptr ? name_at(ctx->name) : statement->owner;
  return statement;
}

StatementPtr AstBuilder::create_view(P::CreateViewContext* ctx) {
  auto statement = std::make_unique<ast::CreateView>(at(ctx));
  statement->materialized = ctx->materialized != nullptr;
  statement->or_replace = ctx->replace != nullptr;
  statement->if_not_exists = ctx->exists != nullptr;
  for (size_t i = ctx->start->getTokenIndex(); tokens_[i].type != P::K_VIEW; ++i) {
    if (tokens_[i].type == P::K_TEMP || tokens_[i].type == P::K_TEMPORARY)
      statement->temporary = true;
  }
  statement->name = qualified(ctx->name);
  statement->columns = name_list(ctx->columns);
  if (ctx->options != nullptr) {
    statement->has_options = true;
    statement->options = option_list(ctx->options);
  }
  if (ctx->errors != nullptr) statement->on_error = on_error(ctx->errors);
  statement->query = query(ctx->body);
  for (P::EmitClauseContext* clause : ctx->emit) {
    if (clause->close != nullptr) {
      if (statement->emit_on_window_close) fail_duplicate("EMIT ON WINDOW CLOSE", at(clause));
      statement->emit_on_window_close = true;
      statement->emit_position = at(clause);
    } else {
      if (!statement->late_into.parts.empty()) fail_duplicate("EMIT LATE", at(clause));
      statement->late_into = qualified(clause->late);
    }
  }
  return statement;
}

void AstBuilder::fail_duplicate(const char* clause, int32_t position) {
  fail(data::Status(data::sqlstate::kSyntaxError,
                    fmt::format("multiple {} clauses not allowed", clause))
           .at(position));
}

void AstBuilder::elements(const std::vector<P::TableElementContext*>& list,
                          ast::RelationDef& definition) {
  for (P::TableElementContext* element : list) {
    if (element->watermark != nullptr) {
      definition.watermarks.push_back(
          {at(element), name_at(element->watermark), expression(element->watermarkValue)});
    } else if (element->column != nullptr) {
      definition.columns.push_back(column_definition(element->column));
    } else if (element->constraint->primaryKey != nullptr) {
      definition.primary_keys.push_back({at(element), name_list(element->constraint->columns),
                                         element->constraint->enforced != nullptr});
    } else {
      P::TableConstraintContext* constraint = element->constraint;
      definition.others.push_back({at(element), constraint->unique != nullptr  ? "UNIQUE"
                                                : constraint->check != nullptr ? "CHECK"
                                                                               : "FOREIGN KEY"});
    }
  }
}

ast::ColumnDef AstBuilder::column_definition(P::ColumnDefinitionContext* ctx) {
  ast::ColumnDef column;
  column.position = at(ctx);
  column.name = text(ctx->name);
  if (ctx->comment != nullptr) column.comment = text(ctx->comment);
  if (ctx->computed != nullptr) {
    column.generated = expression(ctx->computed);
    return column;
  }
  column.type = type_name(ctx->type);
  for (P::ColumnConstraintContext* constraint : ctx->constraints)
    column_constraint(constraint, column);
  return column;
}

void AstBuilder::column_constraint(P::ColumnConstraintContext* ctx, ast::ColumnDef& column) {
  const int32_t position = at(ctx);
  const auto conflict = [&](const char* what) {
    fail(data::Status(data::sqlstate::kSyntaxError,
                      fmt::format("{} for column \"{}\"", what, column.name))
             .at(position));
  };
  if (ctx->notNull != nullptr || ctx->null != nullptr) {
    (ctx->null != nullptr ? column.explicit_null : column.not_null) = true;
    if (column.explicit_null && column.not_null) conflict("conflicting NULL/NOT NULL declarations");
  } else if (ctx->defaultValue != nullptr) {
    if (column.default_value != nullptr) conflict("multiple default values specified");
    column.default_value = expression(ctx->defaultValue);
  } else if (ctx->primaryKey != nullptr) {
    column.primary_key = true;
    column.primary_key_position = position;
    column.key_not_enforced = ctx->enforced != nullptr;
  } else if (ctx->metadata != nullptr) {
    if (column.is_metadata) conflict("multiple METADATA clauses specified");
    column.is_metadata = true;
    column.metadata_position = position;
    if (ctx->metadataKey != nullptr) column.metadata_key = text(ctx->metadataKey);
    column.is_virtual = ctx->isVirtual != nullptr;
  } else if (ctx->comment != nullptr) {
    if (column.comment) conflict("multiple comments specified");
    column.comment = text(ctx->comment);
  } else if (ctx->generated != nullptr) {
    if (column.generated != nullptr) conflict("multiple generation clauses specified");
    column.generated = expression(ctx->generated);
  } else {
    column.others.push_back({position, ctx->unique != nullptr       ? "UNIQUE"
                                       : ctx->check != nullptr      ? "CHECK"
                                       : ctx->references != nullptr ? "FOREIGN KEY"
                                                                    : "COLLATE"});
  }
}

void AstBuilder::clauses(const std::vector<P::TableClauseContext*>& list,
                         ast::RelationDef& definition) {
  for (P::TableClauseContext* item : list) clause(item, definition);
}

void AstBuilder::clause(P::TableClauseContext* ctx, ast::RelationDef& definition) {
  const int32_t position = at(ctx);
  if (ctx->append != nullptr) {
    if (definition.append_only) fail_duplicate("APPEND ONLY", position);
    definition.append_only = true;
    definition.append_only_position = position;
  } else if (ctx->conflict != nullptr || ctx->conflictDo != nullptr) {
    if (definition.on_conflict != ast::TableConflict::kUnset)
      fail_duplicate("ON CONFLICT", position);
    const bool overwrite = ctx->conflict != nullptr ? ctx->conflict->getType() == P::K_OVERWRITE
                                                    : ctx->conflictDo->getType() == P::K_UPDATE;
    definition.on_conflict =
        overwrite ? ast::TableConflict::kOverwrite : ast::TableConflict::kIgnore;
    definition.on_conflict_position = position;
  } else if (ctx->include != nullptr) {
    ast::Include include{.position = position, .what = text(ctx->include->what)};
    if (ctx->include->header != nullptr) include.header = text(ctx->include->header);
    if (ctx->include->alias != nullptr) include.alias = text(ctx->include->alias);
    definition.includes.push_back(std::move(include));
  } else if (ctx->options != nullptr) {
    if (definition.has_options) fail_duplicate("WITH", position);
    definition.has_options = true;
    definition.options = option_list(ctx->options);
  } else if (ctx->format != nullptr) {
    if (definition.format.has_value()) fail_duplicate("FORMAT", position);
    ast::FormatClause format{.position = position,
                             .format = upper_words(ctx->format),
                             .encode = upper_words(ctx->encode)};
    if (ctx->encodeOptions != nullptr) format.options = option_list(ctx->encodeOptions);
    definition.format = std::move(format);
  } else if (ctx->comment != nullptr) {
    if (definition.comment) fail_duplicate("COMMENT", position);
    definition.comment = text(ctx->comment);
  } else {
    if (definition.on_error.action != ast::OnErrorAction::kUnset)
      fail_duplicate("ON ERROR", position);
    definition.on_error = on_error(ctx->errors);
  }
}

ast::OnError AstBuilder::on_error(P::OnErrorContext* ctx) {
  ast::OnError result;
  result.position = at(ctx);
  if (ctx->into != nullptr) {
    result.action = ast::OnErrorAction::kInto;
    result.into = qualified(ctx->into);
  } else {
    result.action = ctx->skip != nullptr ? ast::OnErrorAction::kSkip : ast::OnErrorAction::kFail;
  }
  return result;
}

std::vector<ast::Option> AstBuilder::option_list(P::OptionListContext* ctx) {
  std::vector<ast::Option> result;
  for (P::OptionContext* item : ctx->options) {
    ast::Option option;
    option.position = at(item);
    option.key = dotted(item->key);
    option_value(item->value, option);
    for (const ast::Option& earlier : result) {
      if (earlier.key == option.key) {
        fail(data::Status(data::sqlstate::kSyntaxError,
                          fmt::format("option \"{}\" provided more than once", option.key))
                 .at(option.position));
      }
    }
    result.push_back(std::move(option));
  }
  return result;
}

void AstBuilder::option_value(P::OptionValueContext* ctx, ast::Option& option) {
  option.value_position = at(ctx);
  const ScannedToken& first = scanned(ctx->start);
  switch (first.type) {
    case P::STRING:
      option.kind = ast::OptionValueKind::kString;
      option.value = first.text;
      break;
    case P::PLUS:
    case P::MINUS:
      option.kind = ast::OptionValueKind::kNumber;
      option.value = (first.type == P::MINUS ? "-" : "") + text(ctx->stop);
      break;
    case P::INTEGER:
    case P::NUMERIC:
      option.kind = ast::OptionValueKind::kNumber;
      option.value = first.text;
      break;
    default:
      option.kind = ast::OptionValueKind::kWord;
      option.value = dotted(ctx);
      break;
  }
}

StatementPtr AstBuilder::alter(P::AlterStatementContext* ctx) {
  auto statement = std::make_unique<ast::Alter>(at(ctx));
  statement->object = object_kind(ctx->what);
  statement->if_exists = ctx->exists != nullptr;
  statement->name = qualified(ctx->name);
  if (ctx->added != nullptr) {
    statement->action = ast::AlterAction::kAddColumn;
    statement->added = column_definition(ctx->added);
    statement->if_not_exists = ctx->missing != nullptr;
    return statement;
  }
  if (ctx->action != nullptr) {
    const std::string& word = text(ctx->action);
    if (word != "pause" && word != "resume") fail_syntax(ctx->action->getTokenIndex());
    statement->action = word == "pause" ? ast::AlterAction::kPause : ast::AlterAction::kResume;
    return statement;
  }
  statement->new_name = name_at(ctx->newName);
  if (ctx->oldColumn == nullptr) return statement;
  statement->action = ast::AlterAction::kRenameColumn;
  statement->column = name_at(ctx->oldColumn);
  return statement;
}

StatementPtr AstBuilder::create_index(P::CreateIndexContext* ctx) {
  auto statement = std::make_unique<ast::CreateIndex>(at(ctx));
  statement->unique = ctx->unique != nullptr;
  statement->if_not_exists = ctx->exists != nullptr;
  if (ctx->name != nullptr) statement->name = name_at(ctx->name);
  statement->table = qualified(ctx->table);
  if (ctx->method != nullptr) statement->method = name_at(ctx->method);
  for (P::SortItemContext* item : ctx->items) statement->items.push_back(sort_item(item));
  statement->included = name_list(ctx->included);
  if (ctx->where != nullptr) statement->where = expression(ctx->where->value);
  return statement;
}

StatementPtr AstBuilder::create_sink(P::CreateSinkContext* ctx) {
  auto statement = std::make_unique<ast::CreateSink>(at(ctx));
  statement->if_not_exists = ctx->exists != nullptr;
  statement->name = qualified(ctx->name);
  if (ctx->body != nullptr) {
    statement->query = query(ctx->body);
  } else {
    statement->from = qualified(ctx->from);
    statement->query = std::make_unique<ast::Query>();
    statement->query->position = at(ctx->from);
    statement->query->select = select_all(ctx->from, at(ctx->from));
  }
  for (P::EmitClauseContext* clause : ctx->emit) {
    if (clause->close != nullptr) {
      if (statement->on_close) fail_duplicate("EMIT ON WINDOW CLOSE", at(clause));
      statement->on_close = at(clause);
    } else {
      if (!statement->late_into.parts.empty()) fail_duplicate("EMIT LATE", at(clause));
      statement->late_into = qualified(clause->late);
    }
  }
  if (ctx->into != nullptr) {
    statement->into = qualified(ctx->into);
    statement->into_columns = name_list(ctx->columns);
  }
  if (ctx->options != nullptr) {
    statement->options = option_list(ctx->options);
  }
  if (ctx->format != nullptr) {
    ast::FormatClause format{.position = at(ctx->format),
                             .format = upper_words(ctx->format),
                             .encode = upper_words(ctx->encode)};
    if (ctx->encodeOptions != nullptr) format.options = option_list(ctx->encodeOptions);
    statement->format = std::move(format);
  }
  return statement;
}

StatementPtr AstBuilder::refresh(P::RefreshStatementContext* ctx) {
  auto statement = std::make_unique<ast::Refresh>(at(ctx));
  statement->name = qualified(ctx->name);
  if (ctx->data != nullptr && text(ctx->data) != "data") fail_syntax(ctx->data->getTokenIndex());
  if (ctx->no != nullptr) {
    fail(data::Status(data::sqlstate::kFeatureNotSupported,
                      "REFRESH MATERIALIZED VIEW ... WITH NO DATA is not supported")
             .with_hint("DROP the view: it has no contents then.")
             .at(at(ctx->no)));
  }
  return statement;
}

StatementPtr AstBuilder::comment(P::CommentStatementContext* ctx) {
  auto statement = std::make_unique<ast::Comment>(at(ctx));
  if (ctx->what != nullptr) statement->object = object_kind(ctx->what);
  if (ctx->function != nullptr) statement->object = ast::ObjectKind::kFunction;
  statement->on_column = ctx->column != nullptr;
  statement->name = qualified(ctx->name->name);
  if (ctx->name->open != nullptr) {
    if (ctx->function == nullptr) fail_syntax(ctx->name->open->getTokenIndex());
    statement->signature = function_parameters(ctx->name->params);
  }
  if (ctx->value != nullptr) statement->text = text(ctx->value);
  return statement;
}

ast::ObjectKind AstBuilder::object_kind(P::DropObjectContext* ctx) const {
  switch (ctx->start->getType()) {
    case P::K_SOURCE:
      return ast::ObjectKind::kSource;
    case P::K_VIEW:
      return ast::ObjectKind::kView;
    case P::K_MATERIALIZED:
      return ast::ObjectKind::kMaterializedView;
    case P::K_SINK:
      return ast::ObjectKind::kSink;
    case P::K_INDEX:
      return ast::ObjectKind::kIndex;
    case P::K_SCHEMA:
      return ast::ObjectKind::kSchema;
    default:
      return ast::ObjectKind::kTable;
  }
}

StatementPtr AstBuilder::drop(P::DropStatementContext* ctx) {
  auto statement = std::make_unique<ast::Drop>(at(ctx));
  for (P::DroppedFunctionContext* function : ctx->functions) {
    statement->names.push_back(qualified(function->name));
    statement->signatures.emplace_back();
    if (function->open != nullptr) {
      statement->signatures.back() = function_parameters(function->params);
    }
  }
  if (!ctx->functions.empty()) {
    statement->object = ast::ObjectKind::kFunction;
    statement->if_exists = ctx->exists != nullptr;
    statement->cascade = ctx->behaviour != nullptr && ctx->behaviour->getType() == P::K_CASCADE;
    return statement;
  }
  statement->object = object_kind(ctx->what);
  statement->if_exists = ctx->exists != nullptr;
  for (P::QualifiedNameContext* name : ctx->names) statement->names.push_back(qualified(name));
  statement->cascade = ctx->behaviour != nullptr && ctx->behaviour->getType() == P::K_CASCADE;
  return statement;
}

}  // namespace forebay::sql
