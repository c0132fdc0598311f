#include "sql/plan/forms.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/plan/expressions.h"
#include "udfs/registry.h"

namespace forebay::sql::plan {
namespace {

using data::TypeId;
using expr::ExprKind;

/// Its result is the same for operands that are equal.
bool compares(const expr::Expr& expr) {
  static constexpr std::string_view kComparisons[] = {"=", "<>", "<", "<=", ">", ">="};
  switch (expr.kind) {
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
    case ExprKind::kIsDistinctFrom:
    case ExprKind::kIsNotDistinctFrom:
    case ExprKind::kInList:
      return true;
    case ExprKind::kCall:
      return std::find(std::begin(kComparisons), std::end(kComparisons), expr.function->name) !=
             std::end(kComparisons);
    default:
      return false;
  }
}

void add_shown(const expr::Expr& expr, ColumnSet& out) {
  const bool blind = compares(expr);
  for (const ExprRef& child : expr.children) {
    if (child->kind != ExprKind::kColumn) {
      add_shown(*child, out);
    } else if (!blind) {
      out.insert(child->column);
    }
  }
}

/// Columns that are shown anyway, and those that are if another one is.
struct Uses {
  ColumnSet shown;
  std::vector<std::pair<ColumnId, ColumnId>> passed_on;  // (to, from)
  std::unordered_set<const Node*> seen;

  void add(const Node& node) {
    if (!seen.insert(&node).second) return;
    if (node.kind == NodeKind::kProject) {
      const auto& project = as<Project>(node);
      for (size_t i = 0; i < project.columns.size(); ++i) {
        const expr::Expr& value = *project.expressions[i];
        if (value.kind == ExprKind::kColumn) {
          passed_on.emplace_back(project.columns[i].id, value.column);
        } else {
          add_shown(value, shown);
        }
      }
    } else {
      // A condition that is a bare column is a boolean.
      for (const ExprRef& expr : expressions_of(node)) add_shown(*expr, shown);
    }
    if (node.kind == NodeKind::kTableFunction) {
      for (const ExprRef& argument : as<TableFunction>(node).arguments) {
        if (argument->kind == ExprKind::kColumn) shown.insert(argument->column);
      }
    }
    if (node.kind == NodeKind::kExpand) {
      const auto& expand = as<Expand>(node);
      for (size_t i = 0; i < expand.copies.size(); ++i) {
        passed_on.emplace_back(expand.copies[i].id, expand.sources[i]);
      }
    }
    if (node.kind == NodeKind::kAggregate) {
      for (const AggregateCall& call : as<Aggregate>(node).aggregates) {
        if (call.function->name != "count") {
          shown.insert(call.arguments.begin(), call.arguments.end());
        }
      }
    }
    if (node.kind == NodeKind::kOver) {
      for (const OverCall& call : as<Over>(node).calls) {
        shown.insert(call.arguments.begin(), call.arguments.end());
        if (call.fallback) shown.insert(*call.fallback);
      }
    }
    if (node.kind == NodeKind::kUnion) {
      for (const auto& sources : as<Union>(node).sources) {
        for (size_t i = 0; i < sources.size(); ++i) {
          passed_on.emplace_back(node.columns[i].id, sources[i]);
        }
      }
    }
    for (const NodeRef& input : node.inputs) add(*input);
  }
};

}  // namespace

bool has_one_form(data::Type type) { return share_one_form(type, type); }

bool share_one_form(data::Type a, data::Type b) {
  if (a.is_array()) return share_one_form(a.element(), b.element());
  switch (a.id) {
    case TypeId::kNumeric:
      return a.modifier >= 0 && b.modifier >= 0 && a.numeric_scale() == b.numeric_scale();
    case TypeId::kReal:
    case TypeId::kDouble:
    case TypeId::kInterval:
    case TypeId::kJsonb:
      return false;
    default:
      return true;
  }
}

ColumnSet shown_columns(const NodeRef& root) {
  Uses uses;
  uses.add(*root);
  for (const Column& column : root->columns) uses.shown.insert(column.id);
  for (bool more = true; more;) {
    more = false;
    for (const auto& [to, from] : uses.passed_on) {
      if (uses.shown.contains(to)) more |= uses.shown.insert(from).second;
    }
  }
  return std::move(uses.shown);
}

ExprRef form_of(const Column& column) {
  const udfs::Cast* cast = udfs::find_cast(column.type.id, TypeId::kText);
  FOREBAY_CHECK(cast != nullptr, "a type without a text");
  return expr::call(cast->function, data::kTextType, {column_ref(column)});
}

}  // namespace forebay::sql::plan
