#include <array>

#include "sql/ast/printer.h"

namespace forebay::sql::ast {

void Printer::with(const std::vector<CommonTable>& tables, bool recursive) {
  if (tables.empty()) return;
  add(recursive ? "WITH RECURSIVE " : "WITH ");
  list(tables, [&](const CommonTable& table) {
    identifier(table.name);
    if (!table.columns.empty()) {
      add("(");
      identifiers(table.columns);
      add(")");
    }
    add(" AS ");
    if (table.materialized.has_value())
      add(*table.materialized ? "MATERIALIZED " : "NOT MATERIALIZED ");
    add("(");
    query(*table.query);
    add(")");
  });
  add(" ");
}

/// A side of a set operation, in parentheses unless it is bare and has nothing around it.
void Printer::query_operand(const Query& node, bool bare) {
  const bool plain = node.with.empty() && node.order_by.empty() && node.limit == nullptr &&
                     node.offset == nullptr && node.locking_position == 0;
  if (bare && plain) return query(node);
  add("(");
  query(node);
  add(")");
}

void Printer::query(const Query& node) {
  with(node.with, node.recursive);
  switch (node.kind) {
    case QueryKind::kSelect:
      select(*node.select);
      break;
    case QueryKind::kValues:
      add("VALUES ");
      list(node.values, [&](const std::vector<ExprPtr>& row) {
        add("(");
        exprs(row);
        add(")");
      });
      break;
    case QueryKind::kSetOperation: {
      static constexpr std::array kWords{" UNION ", " INTERSECT ", " EXCEPT "};
      const auto is_set = [](const Query& side) { return side.kind == QueryKind::kSetOperation; };
      const bool tight = node.set_operator == SetOperator::kIntersect;
      const bool left_bare =
          !is_set(*node.left) || !tight || node.left->set_operator == SetOperator::kIntersect;
      const bool right_bare =
          !is_set(*node.right) || (!tight && node.right->set_operator == SetOperator::kIntersect);
      query_operand(*node.left, left_bare);
      add(kWords[static_cast<size_t>(node.set_operator)]);
      if (node.set_all) add("ALL ");
      query_operand(*node.right, right_bare);
      break;
    }
  }
  if (!node.order_by.empty()) {
    add(" ");
    order_by(node.order_by);
  }
  if (node.limit != nullptr && !node.with_ties) {
    add(" LIMIT ");
    expr(*node.limit);
  }
  if (node.offset != nullptr) {
    add(" OFFSET ");
    expr(*node.offset);
  }
  if (node.limit != nullptr && node.with_ties) {
    add(" FETCH FIRST (");
    expr(*node.limit);
    add(") ROWS WITH TIES");
  }
  if (node.locking_position != 0) add(" FOR UPDATE");
}

void Printer::select_items(const std::vector<SelectItem>& items) {
  list(items, [&](const SelectItem& item) {
    expr(*item.value);
    if (!item.alias.empty()) add(" AS " + quote_identifier(item.alias));
  });
}

void Printer::select(const Select& node) {
  add("SELECT");
  if (node.distinct) add(" DISTINCT");
  if (!node.distinct_on.empty()) {
    add(" ON (");
    exprs(node.distinct_on);
    add(")");
  }
  if (!node.items.empty()) add(" ");
  select_items(node.items);
  if (!node.from.empty()) {
    add(" FROM ");
    from(node.from);
  }
  if (node.where != nullptr) {
    add(" WHERE ");
    expr(*node.where);
  }
  if (node.grouped) {
    add(node.group_distinct ? " GROUP BY DISTINCT " : " GROUP BY ");
    list(node.group_by, [&](const GroupItem& item) { group_item(item); });
  }
  if (node.having != nullptr) {
    add(" HAVING ");
    expr(*node.having);
  }
  if (!node.windows.empty()) {
    add(" WINDOW ");
    list(node.windows, [&](const NamedWindow& item) {
      identifier(item.name);
      add(" AS ");
      window(item.spec);
    });
  }
}

void Printer::group_item(const GroupItem& item) {
  switch (item.kind) {
    case GroupItemKind::kExpression:
      return expr(*item.expressions[0]);
    case GroupItemKind::kEmpty:
      return add("()");
    case GroupItemKind::kRollup:
    case GroupItemKind::kCube:
      add(item.kind == GroupItemKind::kRollup ? "ROLLUP(" : "CUBE(");
      exprs(item.expressions);
      return add(")");
    case GroupItemKind::kGroupingSets:
      add("GROUPING SETS (");
      list(item.sets, [&](const GroupItem& set) { group_item(set); });
      return add(")");
  }
}

void Printer::from(const std::vector<TableRefPtr>& tables) {
  list(tables, [&](const TableRefPtr& item) { table(*item); });
}

void Printer::table(const TableRef& node) {
  if (node.lateral) add("LATERAL ");
  switch (node.kind) {
    case TableRefKind::kTable:
      name(as<NamedTable>(node).name);
      if (as<NamedTable>(node).as_of == nullptr) break;
      add(" FOR SYSTEM_TIME AS OF ");
      expr(*as<NamedTable>(node).as_of);
      break;
    case TableRefKind::kSubquery:
      add("(");
      query(*as<SubqueryTable>(node).query);
      add(")");
      break;
    case TableRefKind::kFunction:
      expr(*as<FunctionTable>(node).call);
      if (as<FunctionTable>(node).with_ordinality) add(" WITH ORDINALITY");
      break;
    case TableRefKind::kJoin:
      if (node.alias.name.empty()) return join(as<JoinTable>(node));
      add("(");
      join(as<JoinTable>(node));
      add(")");
      break;
  }
  alias(node.alias);
}

void Printer::join(const JoinTable& node) {
  static constexpr std::array kWords{" CROSS JOIN ", "JOIN ", "LEFT JOIN ", "RIGHT JOIN ",
                                     "FULL JOIN "};
  table(*node.left);
  if (node.join != JoinKind::kCross) add(node.natural ? " NATURAL " : node.asof ? " ASOF " : " ");
  add(kWords[static_cast<size_t>(node.join)]);
  const bool nested = node.right->kind == TableRefKind::kJoin && node.right->alias.name.empty();
  if (nested) add("(");
  table(*node.right);
  if (nested) add(")");
  if (node.condition != nullptr) {
    add(" ON ");
    expr(*node.condition);
  }
  if (node.using_columns.empty()) return;
  add(" USING (");
  identifiers(node.using_columns);
  add(")");
  if (!node.using_alias.empty()) add(" AS " + quote_identifier(node.using_alias));
}

void Printer::alias(const TableAlias& alias) {
  if (alias.name.empty()) return;
  add(" AS ");
  identifier(alias.name);
  if (alias.columns.empty()) return;
  add("(");
  for (size_t i = 0; i < alias.columns.size(); ++i) {
    if (i > 0) add(", ");
    identifier(alias.columns[i]);
    if (i >= alias.types.size()) continue;
    add(" ");
    type(alias.types[i]);
  }
  add(")");
}

std::string to_sql(const Query& query) {
  Printer printer;
  printer.query(query);
  return printer.take();
}

}  // namespace forebay::sql::ast
