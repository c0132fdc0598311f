#include "server/point_read.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

expr::ExprRef PointRead::bound(const expr::ExprRef& expr) const {
  return parameters_.empty() ? expr : expr::bind_parameters(expr, parameters_);
}

Result<std::vector<Datum>> PointRead::key() const {
  std::vector<Datum> key;
  key.reserve(plan_.key.size());
  for (const expr::ExprRef& part : plan_.key) {
    if (part->kind == expr::ExprKind::kParameter) {
      key.push_back(parameters_[part->column]);
    } else if (part->kind == expr::ExprKind::kLiteral) {
      key.push_back(part->literal);
    } else {
      FOREBAY_ASSIGN_OR_RETURN(Datum datum, expr::evaluate_constant(bound(part), context_));
      key.push_back(std::move(datum));
    }
    if (key.back().is_null()) return std::vector<Datum>();
  }
  return key;
}

Result<ChangeBatch> PointRead::project(const ChangeBatch& row) const {
  std::vector<expr::RowError> errors;
  std::vector<data::ColumnRef> columns;
  columns.reserve(plan_.projection.size());
  for (const expr::ExprRef& expr : plan_.projection) {
    columns.push_back(expr->kind == expr::ExprKind::kColumn
                          ? row.columns()[expr->column]
                          : expr::Evaluator(bound(expr)).evaluate(row, context_, errors));
    if (!errors.empty()) return errors.front().to_status();
  }
  ChangeBatch result(std::move(columns), row.physical_rows());
  if (row.selection() != nullptr) result.set_selection(*row.selection());
  result.share_weights_of(row);
  return result;
}

Status PointRead::run(const state::Snapshot& snapshot,
                      const std::function<Status(ChangeBatch)>& visit) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<Datum> key, this->key());
  if (key.empty() && !plan_.key.empty()) return Status::ok();
  data::BatchBuilder builder(plan_.relation->types());
  FOREBAY_RETURN_IF_ERROR(plan_.relation->get(snapshot, key, builder));
  if (builder.rows() == 0) return Status::ok();
  ChangeBatch row = builder.finish();
  if (plan_.predicate != nullptr) {
    std::vector<expr::RowError> errors;
    row.set_selection(expr::Evaluator(bound(plan_.predicate)).select(row, context_, errors));
    if (!errors.empty()) return errors.front().to_status();
    if (row.empty()) return Status::ok();
  }
  FOREBAY_ASSIGN_OR_RETURN(ChangeBatch result, project(row));
  return visit(std::move(result));
}

}  // namespace forebay::server
