#include "engine/runtime/query.h"

#include <fmt/format.h>

#include "engine/runtime/lane.h"

namespace forebay::runtime {

namespace {

// The world of a lane that runs one query by itself.
class QueryHost final : public LaneHost {
 public:
  void post(uint16_t, LaneMessage) override {}
  void sealed(Lane&, uint64_t, SealedLane sealed) override {
    done = true;
    errors = std::move(sealed.errors);
  }
  void failed(Lane&, Status status) override { failure = std::move(status); }
  void input_taken(Lane&, bool) override {}

  bool done = false;
  Status failure;
  std::vector<operators::ErrorRow> errors;
};

// Gives the net positive rows of what was collected.
Status give(ChangeBatch batch, const std::function<Status(ChangeBatch)>& visit) {
  if (batch.empty()) return Status::ok();
  return visit(std::move(batch));
}

ChangeBatch concatenate(std::vector<ChangeBatch> batches) {
  std::vector<Type> types;
  for (const data::ColumnRef& column : batches.front().columns()) types.push_back(column->type());
  data::BatchBuilder builder(types);
  for (const ChangeBatch& batch : batches) {
    for (size_t c = 0; c < types.size(); ++c) builder.column(c).keep_arenas(batch.column(c));
    batch.for_each([&](uint32_t row) {
      for (size_t c = 0; c < types.size(); ++c) {
        builder.column(c).append_from(batch.column(c).view(), row);
      }
      builder.end_row(batch.weight(row));
    });
  }
  return builder.finish();
}

Status out_of_memory(const QueryLimits& limits) {
  return Status(data::Error{
      .sqlstate = data::sqlstate::kOutOfMemory,
      .message = "out of memory",
      .detail = fmt::format("The query needs more than {} MB.", limits.memory_bytes >> 20),
      .hint = "Create a materialized view, or select fewer rows."});
}

bool has_retractions(const ChangeBatch& batch) {
  bool found = false;
  if (batch.weights() == nullptr) return false;
  batch.for_each([&](uint32_t row) { found |= batch.weight(row) < 0; });
  return found;
}

}  // namespace

Status run_query(const Fragment& fragment, std::shared_ptr<const state::Snapshot> snapshot,
                 const expr::EvalContext& context, const QueryLimits& limits,
                 const CancelToken* cancel, const std::function<Status(ChangeBatch)>& visit) {
  QueryHost host;
  PipelineSignals signals;
  signals.released.store(1);
  signals.named_end.store(1);
  Lane lane(0, 1, nullptr, &signals, &host, nullptr, nullptr);
  expr::EvalContext limited = context;
  limited.most_bytes = std::min(limited.most_bytes, limits.memory_bytes);
  lane.set_context(limited);
  FragmentInputs inputs;
  inputs.sources.resize(fragment.nodes.size());
  inputs.tables.resize(fragment.nodes.size());
  lane.add(fragment, inputs, true);
  lane.start_fill(fragment.object, std::move(snapshot));
  // Rows stream out as they come until a retraction shows that the whole must be netted first.
  std::vector<ChangeBatch> collected;
  size_t collected_bytes = 0;
  bool retracts = false;
  lane.set_sink([&](ChangeBatch batch) {
    retracts |= has_retractions(batch);
    collected_bytes += batch.bytes();
    collected.push_back(std::move(batch));
  });
  while (!host.done) {
    if (cancel != nullptr) FOREBAY_RETURN_IF_ERROR(cancel->check());
    if (!lane.step() && !host.done && host.failure.is_ok()) {
      return Status::internal("the query's circuit stands still");
    }
    if (!host.failure.is_ok()) {
      if (host.failure.error().sqlstate == data::sqlstate::kOutOfMemory) {
        return out_of_memory(limits);
      }
      return std::move(host.failure);
    }
    if (collected_bytes + lane.memory_bytes() > limits.memory_bytes) return out_of_memory(limits);
  }
  if (!host.errors.empty()) {
    // An error that was taken back inside the query is none.
    int64_t net = 0;
    for (const operators::ErrorRow& error : host.errors) net += error.weight;
    const operators::ErrorRow& first = host.errors.front();
    if (net != 0) {
      return Status(data::Error{.sqlstate = first.sqlstate,
                                .message = first.reason,
                                .detail = first.detail,
                                .hint = first.hint});
    }
  }
  if (collected.empty()) return Status::ok();
  if (retracts) return give(data::consolidate(concatenate(std::move(collected))), visit);
  for (ChangeBatch& batch : collected) FOREBAY_RETURN_IF_ERROR(give(std::move(batch), visit));
  return Status::ok();
}

}  // namespace forebay::runtime
