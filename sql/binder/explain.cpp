#include "sql/explain/explain.h"

#include <fmt/format.h>

#include "sql/binder/binder.h"

/// EXPLAIN as a statement.
namespace forebay::sql::binder {

Result<BoundExplainRunning> Binder::bind_explain_running(const ast::Explain& explain) {
  bool analyzes = false;
  for (const ast::Option& option : explain.options) {
    const bool is_off = option.value == "false" || option.value == "off" || option.value == "0";
    if (option.key == "analyze") analyzes = !is_off;
    if (option.key == "analyze" || option.key == "verbose" || option.key == "costs") continue;
    return unsupported(fmt::format("EXPLAIN option \"{}\" is", option.key), option.position,
                       "Use EXPLAIN ANALYZE MATERIALIZED VIEW.");
  }
  if (!analyzes) {
    return unsupported("EXPLAIN of a running view without ANALYZE is", explain.running.position,
                       "EXPLAIN ANALYZE MATERIALIZED VIEW shows its circuit with figures; EXPLAIN "
                       "CREATE MATERIALIZED VIEW a plan.");
  }
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object,
                           find_object(explain.running.parts, explain.running.position));
  if (object->kind != catalog::ObjectKind::kMaterializedView) {
    return error(data::sqlstate::kWrongObjectType,
                 fmt::format("\"{}\" is not a materialized view", object->name), 0);
  }
  // Late rows are kept by the circuit of the view that made them.
  if (object->maker.value != 0) object = snapshot_->find(object->maker);
  return BoundExplainRunning{object};
}

namespace {

/// The lines stand below `head`.
void add_head(std::string head, std::vector<std::string>& lines) {
  for (std::string& line : lines) line = "  " + line;
  lines.insert(lines.begin(), std::move(head));
}

Result<std::vector<std::string>> query_lines(const PlannedQuery& query) {
  if (query.point) return explain::explain_point(query);
  FOREBAY_ASSIGN_OR_RETURN(std::vector<std::string> lines,
                           explain::explain_plan(query.plan, nullptr));
  if (query.order.empty()) return lines;
  std::vector<std::string> order;
  for (const auto& key : query.order) {
    const std::string& name = query.plan->columns[key.column].name;
    order.push_back(fmt::format("{}{}", name.empty() ? fmt::format("#{}", key.column) : name,
                                key.descending ? " desc" : ""));
  }
  add_head(fmt::format("Sort [{}]", fmt::join(order, ", ")), lines);
  return lines;
}

}  // namespace

Result<BoundStatement> Binder::bind_explained(const ast::Explain& explain,
                                              const ast::Statement& statement) {
  BoundStatement out;
  if (statement.kind != ast::StatementKind::kInsert) return bind_statement(statement);
  const ast::QualifiedName& target = ast::as<ast::Insert>(statement).table;
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef table, find_object(target.parts, target.position));
  if (table->kind != catalog::ObjectKind::kSinkTable) return bind_statement(statement);
  FOREBAY_ASSIGN_OR_RETURN(BoundExplain lines, bind_explain(explain, statement));
  out.what = std::move(lines);
  FOREBAY_ASSIGN_OR_RETURN(out.parameter_types, parameter_types());
  return out;
}

Result<BoundExplain> Binder::bind_explain(const ast::Explain& explain,
                                          const ast::Statement& statement) {
  bool shows_state = false;
  for (const ast::Option& option : explain.options) {
    const bool is_off = option.value == "false" || option.value == "off" || option.value == "0";
    if (option.key == "state") shows_state = !is_off;
    if (option.key == "verbose" || option.key == "costs" || option.key == "state") continue;
    return unsupported(fmt::format("EXPLAIN option \"{}\" is", option.key), option.position,
                       "Use plain EXPLAIN.");
  }
  // What follows is explained one by one: bind_explained.
  if (statement.kind == ast::StatementKind::kStatementSet) return BoundExplain();
  FOREBAY_ASSIGN_OR_RETURN(BoundStatement inner, bind_statement(statement));
  const auto* created = std::get_if<BoundCreate>(&inner.what);
  if (shows_state && (created == nullptr || created->plan == nullptr)) {
    return unsupported("EXPLAIN (STATE) of a statement that keeps nothing is", statement.position,
                       "Use EXPLAIN (STATE) CREATE MATERIALIZED VIEW ...");
  }
  BoundExplain out;
  auto headed = [&](std::string head) { add_head(std::move(head), out.lines); };
  if (const auto* select = std::get_if<BoundSelect>(&inner.what)) {
    FOREBAY_ASSIGN_OR_RETURN(out.lines, query_lines(select->query));
  } else if (const auto* insert = std::get_if<BoundInsert>(&inner.what)) {
    if (insert->rows.plan) {
      FOREBAY_ASSIGN_OR_RETURN(out.lines, query_lines(insert->rows));
    } else {
      out.lines = {fmt::format("Values {} rows", insert->values.size())};
    }
    headed(fmt::format("Insert into {}", insert->table->name));
  } else if (const auto* update = std::get_if<BoundUpdate>(&inner.what)) {
    FOREBAY_ASSIGN_OR_RETURN(out.lines, query_lines(update->rows));
    headed(fmt::format("Update {}", update->table->name));
  } else if (const auto* erase = std::get_if<BoundDelete>(&inner.what)) {
    FOREBAY_ASSIGN_OR_RETURN(out.lines, query_lines(erase->rows));
    headed(fmt::format("Delete from {}", erase->table->name));
  } else if (const auto* create = std::get_if<BoundCreate>(&inner.what); create && create->plan) {
    if (shows_state) {
      out.lines = explain::explain_state(create->plan, *create->object, *snapshot_,
                                         options_.rows_per_second);
      if (create->late != nullptr) {
        out.lines.push_back(
            fmt::format("Materialize {}: the late rows; nothing bounds it", create->late->name));
      }
      return out;
    }
    FOREBAY_ASSIGN_OR_RETURN(out.lines, explain::explain_plan(create->plan, create->object.get()));
  } else {
    return unsupported(
        "EXPLAIN of this statement is", statement.position,
        "EXPLAIN takes SELECT, INSERT, UPDATE, DELETE and CREATE MATERIALIZED VIEW.");
  }
  return out;
}

}  // namespace forebay::sql::binder
