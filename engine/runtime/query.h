#pragma once

#include "engine/runtime/circuit.h"
#include "engine/runtime/engine.h"

/// Ad-hoc queries: a fragment run over one snapshot as a single epoch with private state.
namespace forebay::runtime {

/// Limits of one query; beyond: 53200.
struct QueryLimits {
  size_t memory_bytes = size_t{1} << 30;
};

/// Runs `fragment` to its end on the calling thread and gives the net rows in batches (weights above 1
/// stand for repeated rows; `visit` sees only positive ones). Failing rows are the statement's error (the
/// first one, with its SQLSTATE). `cancel` is checked between steps.
Status run_query(const Fragment& fragment, std::shared_ptr<const state::Snapshot> snapshot,
                 const expr::EvalContext& context, const QueryLimits& limits,
                 const CancelToken* cancel, const std::function<Status(ChangeBatch)>& visit);

}  // namespace forebay::runtime
