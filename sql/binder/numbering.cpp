#include "sql/binder/binder.h"

/// row_number() OVER (PARTITION BY ... ORDER BY ...) in the select list: a TopN without a limit
/// that numbers its rows.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

Result<ExprRef> Binder::bind_numbering(const ast::Function& function, const ExprContext& context) {
  const ast::WindowSpec& window = *function.over;
  if (context.numberings == nullptr) {
    return unsupported("window functions outside of the select list are", function.position,
                       "Compute it in a subquery.");
  }
  if (window.reference_only || !window.existing.empty() || window.frame) {
    return unsupported("named windows and frames are", function.position,
                       "Write OVER (PARTITION BY ... ORDER BY ...).");
  }
  if (!function.args.empty() || function.star || function.distinct || function.filter) {
    return error(state::kUndefinedFunction, "function row_number takes no arguments",
                 function.position);
  }
  ExprContext inner = context;
  inner.numberings = nullptr;
  inner.aggregates = nullptr;
  BoundNumbering numbering;
  for (const auto& item : window.partition_by) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, inner));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    numbering.partition.push_back(std::move(value));
  }
  for (const ast::SortItem& item : window.order_by) {
    BoundAggregate::Order order;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item.value, inner));
    FOREBAY_ASSIGN_OR_RETURN(order.value, settle_unknown(value));
    order.descending = item.descending;
    order.nulls_first = item.nulls == ast::NullsOrder::kDefault
                            ? item.descending
                            : item.nulls == ast::NullsOrder::kFirst;
    numbering.order.push_back(std::move(order));
  }
  numbering.output = columns_.make("row_number", data::kBigintType);
  context.numberings->push_back(numbering);
  return plan::column_ref(numbering.output);
}

NodeRef Binder::apply_numberings(NodeRef plan, const std::vector<BoundNumbering>& numberings) {
  for (const BoundNumbering& numbering : numberings) {
    Columns columns = plan->columns;
    std::vector<ExprRef> expressions;
    for (const Column& column : columns) expressions.push_back(plan::column_ref(column));
    const auto place = [&](const ExprRef& value) {
      if (value->kind == expr::ExprKind::kColumn) {
        if (plan::find_column(plan->columns, value->column) != plan::kNoColumn) {
          return value->column;
        }
      }
      columns.push_back(columns_.make("", value->type));
      expressions.push_back(value);
      return columns.back().id;
    };
    std::vector<ColumnId> partition;
    for (const ExprRef& value : numbering.partition) partition.push_back(place(value));
    std::vector<plan::SortItem> order;
    for (const BoundAggregate::Order& item : numbering.order) {
      order.push_back({place(item.value), item.descending, item.nulls_first});
    }
    plan = plan::make_project(std::move(plan), columns, std::move(expressions));
    plan = plan::make_numbered(std::move(plan), std::move(partition), std::move(order),
                               numbering.output);
  }
  return plan;
}

}  // namespace forebay::sql::binder
