#include <fmt/format.h>

#include <array>

#include "sql/ast/printer.h"

namespace forebay::sql::ast {
namespace {

/// Can the key or value of an option be written without quotes? Any word can, dots between words
/// too.
bool is_word(std::string_view key) {
  bool begins = true;
  for (const char c : key) {
    const bool letter = (c >= 'a' && c <= 'z') || c == '_';
    if (!letter && (begins || !((c >= '0' && c <= '9') || c == '.'))) return false;
    begins = c == '.';
  }
  return !key.empty() && !begins;
}

}  // namespace

void Printer::statement(const Statement& node) {
  switch (node.kind) {
    case StatementKind::kQuery:
      return query(*as<QueryStatement>(node).query);
    case StatementKind::kInsert:
      return insert(as<Insert>(node));
    case StatementKind::kUpdate:
      return update(as<Update>(node));
    case StatementKind::kDelete:
      return remove(as<Delete>(node));
    case StatementKind::kCreateSource:
      add("CREATE SOURCE ");
      return relation(as<CreateSource>(node).definition);
    case StatementKind::kCreateTable:
      add(as<CreateTable>(node).definition.temporary ? "CREATE TEMPORARY TABLE " : "CREATE TABLE ");
      relation(as<CreateTable>(node).definition);
      if (as<CreateTable>(node).query == nullptr) return;
      if (!as<CreateTable>(node).column_names.empty()) {
        add(" ");
        names_at(as<CreateTable>(node).column_names);
      }
      add(" AS ");
      query(*as<CreateTable>(node).query);
      return add(as<CreateTable>(node).with_no_data ? " WITH NO DATA" : "");
    case StatementKind::kCreateView:
      return create_view(as<CreateView>(node));
    case StatementKind::kCreateFunction:
      return create_function(as<CreateFunction>(node));
    case StatementKind::kCreateSchema: {
      const auto& create = as<CreateSchema>(node);
      add(create.if_not_exists ? "CREATE SCHEMA IF NOT EXISTS " : "CREATE SCHEMA ");
      identifier(create.name.name);
      if (create.owner.name.empty()) return;
      add(" AUTHORIZATION ");
      return identifier(create.owner.name);
    }
    case StatementKind::kDrop:
      return drop(as<Drop>(node));
    case StatementKind::kExplain:
      return explain(as<Explain>(node));
    case StatementKind::kSet:
      return set(as<SetStatement>(node));
    case StatementKind::kReset:
      return add("RESET " +
                 (as<Reset>(node).name.empty() ? std::string("ALL") : as<Reset>(node).name));
    case StatementKind::kShow:
      return show(as<Show>(node));
    case StatementKind::kDescribe:
      add("DESCRIBE ");
      return name(as<Describe>(node).name.parts);
    case StatementKind::kTransaction:
      return transaction(as<Transaction>(node));
    case StatementKind::kFlush:
      return add("FLUSH");
    case StatementKind::kPrepare:
      return prepare(as<Prepare>(node));
    case StatementKind::kExecute:
      return execute(as<Execute>(node));
    case StatementKind::kDeallocate:
      add("DEALLOCATE ");
      return as<Deallocate>(node).name.empty() ? add("ALL") : identifier(as<Deallocate>(node).name);
    case StatementKind::kCopy:
      return copy(as<Copy>(node));
    case StatementKind::kAlter:
      return alter(as<Alter>(node));
    case StatementKind::kCreateIndex:
      return create_index(as<CreateIndex>(node));
    case StatementKind::kCreateSink:
      return create_sink(as<CreateSink>(node));
    case StatementKind::kStatementSet:
      return add("EXECUTE STATEMENT SET BEGIN");
    case StatementKind::kRefresh:
      add("REFRESH MATERIALIZED VIEW ");
      return name(as<Refresh>(node).name.parts);
    case StatementKind::kComment:
      return comment(as<Comment>(node));
    case StatementKind::kDeclareCursor:
      return declare(as<DeclareCursor>(node));
    case StatementKind::kFetch:
      return fetch(as<Fetch>(node));
    case StatementKind::kCloseCursor:
      add("CLOSE ");
      return as<CloseCursor>(node).name.empty() ? add("ALL")
                                                : identifier(as<CloseCursor>(node).name);
    case StatementKind::kDiscard:
      return add("DISCARD " + as<Discard>(node).what);
    case StatementKind::kOther:
      return add(as<OtherStatement>(node).text);
  }
}

void Printer::names_at(const std::vector<NameAt>& names) {
  add("(");
  list(names, [&](const NameAt& item) { identifier(item.name); });
  add(")");
}

void Printer::target(const QualifiedName& table, const std::string& alias) {
  name(table.parts);
  if (!alias.empty()) add(" AS " + quote_identifier(alias));
}

void Printer::returning(const std::vector<SelectItem>& items) {
  if (items.empty()) return;
  add(" RETURNING ");
  select_items(items);
}

void Printer::set_clauses(const std::vector<SetClause>& clauses) {
  list(clauses, [&](const SetClause& clause) {
    if (clause.columns.size() > 1 || clause.value->kind == ExprKind::kSubquery) {
      names_at(clause.columns);
    } else {
      identifier(clause.columns[0].name);
    }
    add(" = ");
    expr(*clause.value);
  });
}

void Printer::insert(const Insert& node) {
  with(node.with, node.recursive);
  add("INSERT INTO ");
  target(node.table, node.alias);
  if (!node.columns.empty()) {
    add(" ");
    names_at(node.columns);
  }
  add(" ");
  if (node.query != nullptr) {
    query(*node.query);
  } else {
    add("DEFAULT VALUES");
  }
  if (node.conflict != ConflictAction::kNone) {
    add(" ON CONFLICT ");
    if (!node.conflict_columns.empty()) {
      names_at(node.conflict_columns);
      add(" ");
    }
    if (!node.conflict_constraint.name.empty()) {
      add("ON CONSTRAINT " + quote_identifier(node.conflict_constraint.name) + " ");
    }
    add(node.conflict == ConflictAction::kNothing ? "DO NOTHING" : "DO UPDATE SET ");
    set_clauses(node.conflict_set);
    if (node.conflict_where != nullptr) {
      add(" WHERE ");
      expr(*node.conflict_where);
    }
  }
  returning(node.returning);
}

void Printer::update(const Update& node) {
  with(node.with, node.recursive);
  add("UPDATE ");
  target(node.table, node.alias);
  add(" SET ");
  set_clauses(node.set);
  if (!node.from.empty()) {
    add(" FROM ");
    from(node.from);
  }
  if (node.where != nullptr) {
    add(" WHERE ");
    expr(*node.where);
  }
  returning(node.returning);
}

void Printer::remove(const Delete& node) {
  if (node.truncates) {
    add("TRUNCATE TABLE ");
    return name(node.table.parts);
  }
  with(node.with, node.recursive);
  add("DELETE FROM ");
  target(node.table, node.alias);
  if (!node.using_tables.empty()) {
    add(" USING ");
    from(node.using_tables);
  }
  if (node.where != nullptr) {
    add(" WHERE ");
    expr(*node.where);
  }
  returning(node.returning);
}

void Printer::column(const ColumnDef& column) {
  identifier(column.name);
  if (!column.type.names.empty()) {
    add(" ");
    type(column.type);
  }
  if (column.is_metadata) {
    add(" METADATA");
    if (!column.metadata_key.empty()) add(" FROM " + quote_literal(column.metadata_key));
    if (column.is_virtual) add(" VIRTUAL");
  }
  if (column.generated != nullptr) {
    add(" AS (");
    expr(*column.generated);
    add(")");
  }
  if (column.default_value != nullptr) {
    add(" DEFAULT ");
    // Anything that is looser than what DEFAULT takes goes into parentheses.
    expr(*column.default_value, next(Precedence::kBetween));
  }
  if (column.not_null) add(" NOT NULL");
  if (column.explicit_null) add(" NULL");
  if (column.primary_key) add(" PRIMARY KEY");
  if (column.key_not_enforced) add(" NOT ENFORCED");
  if (column.comment) add(" COMMENT " + quote_literal(*column.comment));
}

void Printer::relation(const RelationDef& definition) {
  if (definition.if_not_exists) add("IF NOT EXISTS ");
  name(definition.name.parts);
  if (!definition.columns.empty() || !definition.watermarks.empty() ||
      !definition.primary_keys.empty()) {
    add(" (");
    list(definition.columns, [&](const ColumnDef& item) { column(item); });
    const char* gap = definition.columns.empty() ? "" : ", ";
    for (const KeyConstraint& key : definition.primary_keys) {
      add(gap);
      add("PRIMARY KEY ");
      names_at(key.columns);
      if (key.not_enforced) add(" NOT ENFORCED");
      gap = ", ";
    }
    for (const Watermark& watermark : definition.watermarks) {
      add(gap);
      add("WATERMARK FOR " + quote_identifier(watermark.column.name) + " AS ");
      expr(*watermark.value);
      gap = ", ";
    }
    add(")");
  }
  if (definition.comment) add(" COMMENT " + quote_literal(*definition.comment));
  if (definition.append_only) add(" APPEND ONLY");
  if (definition.on_conflict != TableConflict::kUnset) {
    add(definition.on_conflict == TableConflict::kOverwrite ? " ON CONFLICT OVERWRITE"
                                                            : " ON CONFLICT IGNORE");
  }
  for (const Include& include : definition.includes) {
    add(" INCLUDE " + quote_identifier(include.what));
    if (include.header.has_value()) add(" " + quote_literal(*include.header));
    if (!include.alias.empty()) add(" AS " + quote_identifier(include.alias));
  }
  if (definition.has_options) {
    add(" WITH ");
    options(definition.options);
  }
  if (definition.format.has_value()) format_clause(*definition.format);
  on_error(definition.on_error);
}

void Printer::on_error(const OnError& clause) {
  switch (clause.action) {
    case OnErrorAction::kUnset:
      return;
    case OnErrorAction::kSkip:
      return add(" ON ERROR SKIP");
    case OnErrorAction::kFail:
      return add(" ON ERROR FAIL");
    case OnErrorAction::kInto:
      add(" ON ERROR INTO ");
      return name(clause.into.parts);
  }
}

void Printer::option_value(const Option& option) {
  if (option.kind == OptionValueKind::kString) return add(quote_literal(option.value));
  if (option.kind == OptionValueKind::kNumber || is_word(option.value)) return add(option.value);
  identifier(option.value);
}

void Printer::options(const std::vector<Option>& options) {
  add("(");
  list(options, [&](const Option& option) {
    is_word(option.key) ? add(option.key) : add(quote_literal(option.key));
    add(" = ");
    option_value(option);
  });
  add(")");
}

void Printer::create_view(const CreateView& node) {
  add("CREATE ");
  if (node.or_replace) add("OR REPLACE ");
  if (node.temporary) add("TEMPORARY ");
  add(node.materialized ? "MATERIALIZED VIEW " : "VIEW ");
  if (node.if_not_exists) add("IF NOT EXISTS ");
  name(node.name.parts);
  if (!node.columns.empty()) {
    add(" ");
    names_at(node.columns);
  }
  if (node.has_options) {
    add(" WITH ");
    options(node.options);
  }
  on_error(node.on_error);
  add(" AS ");
  query(*node.query);
  if (node.emit_on_window_close) add(" EMIT ON WINDOW CLOSE");
  if (!node.late_into.parts.empty()) {
    add(" EMIT LATE INTO ");
    name(node.late_into.parts);
  }
}

void Printer::parameters(const std::vector<FunctionParameter>& items) {
  add("(");
  list(items, [&](const FunctionParameter& item) {
    if (!item.name.empty()) {
      identifier(item.name);
      add(" ");
    }
    add(to_sql(item.type));
  });
  add(")");
}

void Printer::create_function(const CreateFunction& node) {
  add(node.or_replace ? "CREATE OR REPLACE FUNCTION " : "CREATE FUNCTION ");
  name(node.name.parts);
  parameters(node.parameters);
  if (!node.table.empty()) {
    add(" RETURNS TABLE ");
    parameters(node.table);
  } else if (node.result) {
    add(node.returns_rows ? " RETURNS SETOF " : " RETURNS ");
    add(to_sql(*node.result));
  }
  if (!node.language.empty()) {
    add(" LANGUAGE ");
    identifier(node.language);
  }
  if (node.strict) add(" STRICT");
  if (!node.body.empty()) {
    add(" AS ");
    list(node.body, [&](const std::string& part) { add(quote_literal(part)); });
  }
  if (node.returned) {
    add(" RETURN ");
    expr(*node.returned);
  }
}

void Printer::drop(const Drop& node) {
  add("DROP ");
  add(object_words(node.object));
  add(node.if_exists ? " IF EXISTS " : " ");
  for (size_t i = 0; i < node.names.size(); ++i) {
    if (i > 0) add(", ");
    name(node.names[i].parts);
    if (i < node.signatures.size() && node.signatures[i]) parameters(*node.signatures[i]);
  }
  if (node.cascade) add(" CASCADE");
}

void Printer::explain(const Explain& node) {
  add("EXPLAIN ");
  if (!node.options.empty()) {
    add("(");
    list(node.options, [&](const Option& option) {
      for (const char c : option.key)
        out_ += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      if (option.kind == OptionValueKind::kNone) return;
      add(" ");
      option_value(option);
    });
    add(") ");
  }
  if (node.statement == nullptr) {
    add("MATERIALIZED VIEW ");
    return name(node.running.parts);
  }
  statement(*node.statement);
}

void Printer::set(const SetStatement& node) {
  add("SET ");
  if (node.name == "transaction" || node.name == "default_transaction") {
    if (node.scope == SetScope::kLocal) add("LOCAL ");
    add(node.name == "transaction" ? "TRANSACTION " : "SESSION CHARACTERISTICS AS TRANSACTION ");
    return list(node.values, [&](const Option& value) { add(value.value); });
  }
  if (node.scope != SetScope::kUnset) add(node.scope == SetScope::kLocal ? "LOCAL " : "SESSION ");
  add((is_word(node.name) ? node.name : quote_literal(node.name)) + " = ");
  if (node.to_default) return add("DEFAULT");
  list(node.values, [&](const Option& value) {
    const bool word = value.kind == OptionValueKind::kWord;
    if (word && (value.value == "on" || value.value == "true" || value.value == "false"))
      return add(value.value);
    option_value(value);
  });
}

void Printer::show(const Show& node) {
  add("SHOW ");
  switch (node.show) {
    case ShowKind::kSetting:
      return add(node.name);
    case ShowKind::kAll:
      return add("ALL");
    case ShowKind::kObjects:
    case ShowKind::kColumns:
      add(node.show == ShowKind::kColumns ? "columns" : node.name);
      if (node.of.parts.empty()) return;
      add(" FROM ");
      return name(node.of.parts);
    case ShowKind::kCreate:
      add("CREATE ");
      add(object_words(node.object));
      add(" ");
      return name(node.of.parts);
  }
}

void Printer::transaction(const Transaction& node) {
  static constexpr std::array kWords{"BEGIN",      "START TRANSACTION", "COMMIT",      "ROLLBACK",
                                     "SAVEPOINT ", "RELEASE ",          "ROLLBACK TO "};
  add(kWords[static_cast<size_t>(node.action)]);
  if (!node.savepoint.empty()) return identifier(node.savepoint);
  if (!node.modes.empty()) add(" ");
  list(node.modes, [&](const std::string& mode) { add(mode); });
  if (node.chain) add(" AND CHAIN");
}

void Printer::prepare(const Prepare& node) {
  add("PREPARE ");
  identifier(node.name);
  if (!node.types.empty()) {
    add("(");
    list(node.types, [&](const TypeName& item) { type(item); });
    add(")");
  }
  add(" AS ");
  statement(*node.statement);
}

void Printer::execute(const Execute& node) {
  add("EXECUTE ");
  identifier(node.name);
  if (node.args.empty()) return;
  add("(");
  exprs(node.args);
  add(")");
}

std::string to_sql(const Statement& statement) {
  Printer printer;
  printer.statement(statement);
  return printer.take();
}

}  // namespace forebay::sql::ast
