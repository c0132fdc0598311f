#pragma once

#include <functional>
#include <span>

#include "engine/data/change_batch.h"
#include "engine/expr/expr.h"
#include "sql/planner.h"
#include "state/store.h"

namespace forebay::server {

/// One execution of a point plan: reads a row by its key, without a circuit.
class PointRead {
 public:
  /// `parameters` have the types that the plan says. All arguments outlive this.
  PointRead(const sql::PointPlan& plan, std::span<const data::Datum> parameters,
            const expr::EvalContext& context)
      : plan_(plan), parameters_(parameters.begin(), parameters.end()), context_(context) {}

  /// Gives the row, if there is one, in the plan's output columns. Errors of expressions are the
  /// statement's.
  data::Status run(const state::Snapshot& snapshot,
                   const std::function<data::Status(data::ChangeBatch)>& visit);

 private:
  expr::ExprRef bound(const expr::ExprRef& expr) const;
  /// Empty: a part of the key is NULL, and no row has it.
  data::Result<std::vector<data::Datum>> key() const;
  data::Result<data::ChangeBatch> project(const data::ChangeBatch& row) const;

  const sql::PointPlan& plan_;
  const std::vector<data::Datum> parameters_;
  const expr::EvalContext& context_;
};

}  // namespace forebay::server
