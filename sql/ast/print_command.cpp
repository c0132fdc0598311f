#include <fmt/format.h>

#include <array>

#include "sql/ast/printer.h"

/// COPY, ALTER, CREATE INDEX, COMMENT and cursors back to SQL.
namespace forebay::sql::ast {

std::string_view object_words(ObjectKind kind) {
  static constexpr std::array<std::string_view, 8> kWords{
      "SOURCE", "TABLE", "VIEW", "MATERIALIZED VIEW", "SINK", "INDEX", "SCHEMA", "FUNCTION"};
  return kWords[static_cast<size_t>(kind)];
}

void Printer::copy(const Copy& node) {
  add("COPY ");
  if (node.rows != nullptr) {
    add("(");
    statement(*node.rows);
    add(")");
  } else {
    name(node.table.parts);
    if (!node.columns.empty()) {
      add(" ");
      names_at(node.columns);
    }
  }
  add(node.from ? " FROM " : " TO ");
  add(node.file_position > 0 ? "'file'" : node.from ? "STDIN" : "STDOUT");
  if (!node.options.empty()) {
    add(" WITH (");
    list(node.options, [&](const Option& option) {
      add(option.key);
      if (option.kind == OptionValueKind::kNone) return;
      add(" ");
      option_value(option);
    });
    add(")");
  }
  if (node.where != nullptr) {
    add(" WHERE ");
    expr(*node.where);
  }
}

void Printer::alter(const Alter& node) {
  add("ALTER ");
  add(object_words(node.object));
  add(node.if_exists ? " IF EXISTS " : " ");
  name(node.name.parts);
  switch (node.action) {
    case AlterAction::kRename:
      add(" RENAME TO ");
      return identifier(node.new_name.name);
    case AlterAction::kRenameColumn:
      add(" RENAME COLUMN ");
      identifier(node.column.name);
      add(" TO ");
      return identifier(node.new_name.name);
    case AlterAction::kAddColumn:
      add(node.if_not_exists ? " ADD COLUMN IF NOT EXISTS " : " ADD COLUMN ");
      return column(node.added);
    case AlterAction::kPause:
      return add(" PAUSE");
    case AlterAction::kResume:
      return add(" RESUME");
  }
}

void Printer::create_index(const CreateIndex& node) {
  add(node.unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ");
  if (node.if_not_exists) add("IF NOT EXISTS ");
  if (!node.name.name.empty()) {
    identifier(node.name.name);
    add(" ");
  }
  add("ON ");
  name(node.table.parts);
  if (!node.method.name.empty()) {
    add(" USING ");
    identifier(node.method.name);
  }
  add(" (");
  sort_items(node.items);
  add(")");
  if (!node.included.empty()) {
    add(" INCLUDE ");
    names_at(node.included);
  }
  if (node.where != nullptr) {
    add(" WHERE ");
    expr(*node.where);
  }
}

void Printer::create_sink(const CreateSink& node) {
  add("CREATE SINK ");
  if (node.if_not_exists) add("IF NOT EXISTS ");
  name(node.name.parts);
  if (!node.into.parts.empty()) {
    add(" INTO ");
    name(node.into.parts);
    if (!node.into_columns.empty()) {
      add(" ");
      names_at(node.into_columns);
    }
  }
  if (node.from.parts.empty()) {
    add(" AS ");
    query(*node.query);
  } else {
    add(" FROM ");
    name(node.from.parts);
  }
  if (node.on_close) add(" EMIT ON WINDOW CLOSE");
  if (!node.late_into.parts.empty()) {
    add(" EMIT LATE INTO ");
    name(node.late_into.parts);
  }
  if (!node.into.parts.empty()) return;
  add(" WITH ");
  options(node.options);
  if (node.format.has_value()) format_clause(*node.format);
}

void Printer::format_clause(const FormatClause& clause) {
  add(" FORMAT " + clause.format + " ENCODE " + clause.encode);
  if (clause.options.empty()) return;
  add(" ");
  options(clause.options);
}

void Printer::comment(const Comment& node) {
  add("COMMENT ON ");
  add(node.on_column ? "COLUMN" : object_words(node.object));
  add(" ");
  name(node.name.parts);
  if (node.signature) parameters(*node.signature);
  add(" IS ");
  add(node.text ? quote_literal(*node.text) : std::string("NULL"));
}

void Printer::declare(const DeclareCursor& node) {
  add("DECLARE ");
  identifier(node.name);
  if (node.binary) add(" BINARY");
  if (node.scroll != CursorScroll::kUnset) {
    add(node.scroll == CursorScroll::kScroll ? " SCROLL" : " NO SCROLL");
  }
  add(node.hold ? " CURSOR WITH HOLD FOR " : " CURSOR FOR ");
  statement(*node.query);
}

void Printer::fetch(const Fetch& node) {
  static constexpr std::array kWords{"FORWARD ", "BACKWARD ", "ABSOLUTE ", "RELATIVE "};
  add(node.move ? "MOVE " : "FETCH ");
  add(kWords[static_cast<size_t>(node.direction)]);
  add(node.count == INT64_MAX ? std::string("ALL") : fmt::format("{}", node.count));
  add(" FROM ");
  identifier(node.name);
}

}  // namespace forebay::sql::ast
