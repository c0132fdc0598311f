#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/runtime/circuit.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/inputs.h"
#include "engine/runtime/watermark_tracker.h"

/// A lane: one worker's share of one pipeline. It holds the operator instances, the queues between
/// them and the epoch protocol, and does its work in short steps.
namespace forebay::runtime {

/// What the lanes of a pipeline read of the coordinator's decisions.
struct PipelineSignals {
  /// Epochs up to this one take no more input and end.
  std::atomic<uint64_t> named_end{0};
  /// Epochs up to this one may be worked on; the lanes stand still after it (a held pipeline).
  std::atomic<uint64_t> released{0};
  /// Input came for the open epoch.
  std::atomic<bool> changed{false};
  /// Dirty entries with which the open epoch ends, besides max_dirty_entries. Begins small and
  /// grows while epochs end fast.
  std::atomic<uint64_t> most_dirty{50'000};
  /// The time (timestamptz) of the epoch whose end is named; set before named_end.
  std::atomic<int64_t> named_time{0};
};

/// What a lane hands over when it has ended an epoch.
struct SealedLane {
  state::SealedRun run;
  std::vector<operators::ErrorRow> errors;
  std::map<ObjectId, uint64_t> late;  // rows
};

class Lane;

/// A batch or an epoch's end on its way to another worker's lane.
struct LaneMessage {
  Lane* lane = nullptr;
  uint32_t node = 0;
  uint32_t input = 0;
  uint16_t from = 0;
  ChangeBatch batch;
  bool end = false;
};

/// How a lane speaks to the world around it. Called from the lane's own thread.
class LaneHost {
 public:
  virtual ~LaneHost() = default;
  /// Gives `message` to worker `to`, which is not this one.
  virtual void post(uint16_t to, LaneMessage message) = 0;
  virtual void sealed(Lane& lane, uint64_t epoch, SealedLane sealed) = 0;
  virtual void failed(Lane& lane, Status status) = 0;
  /// Raw input was taken from a source's queue; `first`: the first change of the open epoch.
  virtual void input_taken(Lane& lane, bool first) = 0;
};

/// Inputs of a fragment that all its lanes share; made once per fragment, by node number.
struct FragmentInputs {
  std::vector<SourceQueueRef> sources;  // nullptr where the node is no source leaf
  std::vector<SourceUseRef> uses;       // likewise
  std::vector<TableQueueRef> tables;
  std::vector<WatermarkTrackerRef> trackers;  // of leaves with a watermark
};

/// Not thread-safe: whoever calls holds the worker's lock.
class Lane {
 public:
  /// `watermarks`: nullptr for a private query.
  Lane(uint16_t worker, uint16_t worker_count, state::Store* store, PipelineSignals* signals,
       LaneHost* host, RuntimeSettings* settings, const data::Clock* clock,
       const WatermarkRegistry* watermarks = nullptr);
  ~Lane();

  /// The same pipeline's lanes by worker, this one included.
  void set_peers(std::vector<Lane*> peers) { peers_ = std::move(peers); }
  /// The number of the next epoch; for lanes of a new pipeline and after a merge.
  void set_epoch(uint64_t epoch) { epoch_ = epoch; }
  uint64_t epoch() const { return epoch_; }
  uint16_t worker() const { return worker_; }

  /// Adds instances of a fragment's nodes. Must be done in the same order on all lanes, between
  /// epochs. The objects that it reads are in the lane already.
  void add(const Fragment& fragment, const FragmentInputs& inputs, bool starts_empty);
  /// Removes the nodes of these objects, between epochs (or in a failed fill).
  void remove(const std::vector<ObjectId>& objects);
  /// Moves all nodes of `other` (a lane of the same worker, between epochs) to the end of this one.
  void absorb(Lane& other);
  /// Lets the source leaves (of `object`, if given) that read `old` read `queue`, between epochs.
  void replace_source(const SourceQueue* old, const SourceQueueRef& queue,
                      std::optional<ObjectId> object = std::nullopt);
  /// Makes the next epoch one in which only `object` works, fed from `snapshot`, begin() first.
  void start_fill(ObjectId object, std::shared_ptr<const state::Snapshot> snapshot);

  /// Gives an item that came from another worker.
  void deliver(LaneMessage message);
  /// One short piece of work; false: nothing to do at the moment.
  bool step();
  /// now() and the like of a private query; pipelines take theirs from the clock.
  void set_context(const expr::EvalContext& context) { *evals_.front() = context; }
  /// Receives what the last node makes: for private queries.
  void set_sink(std::function<void(ChangeBatch)> sink) { sink_ = std::move(sink); }
  /// Forgets everything queued and brings all nodes to the start of `epoch`; after a failed fill.
  void reset(uint64_t epoch);

  /// Published after each step; readable from any thread.
  bool is_idle() const { return idle_.load(std::memory_order_acquire); }
  size_t dirty_entries() const { return dirty_.load(std::memory_order_relaxed); }
  size_t memory_bytes() const;
  /// When (timestamptz) an epoch without input would change something; INT64_MAX: never.
  int64_t due() const { return due_.load(std::memory_order_relaxed); }
  /// This lane has its share of the dirty entries that an epoch may have: it takes no more of a
  /// source.
  bool is_full() const { return full_.load(std::memory_order_relaxed); }
  void append_figures(std::vector<OperatorFigures>& figures) const;
  /// rows in and out of an object's last node, and its error count.
  struct Traffic {
    uint64_t rows_in = 0, rows_out = 0, errors = 0;
  };
  Traffic traffic(ObjectId object) const;

 private:
  struct Item;
  struct Port;
  struct Node;
  struct Intake;
  class NodeOutput;

  bool step_unguarded();
  bool is_active(const Node& node) const;
  bool run_one_node();
  bool step_node(Node& node);
  bool step_operator(Node& node);
  bool step_source(Node& node);
  bool take_raw(Node& leader);
  void emit_decoded(Node& leaf, connectors::DecodedBatch decoded);
  bool step_table(Node& node);
  bool step_fill(Node& node);
  Result<bool> take_item(Node& node);
  void begin_epoch();
  void finish_node(Node& node);
  void observe(Node& leaf, const std::string& partition, const ChangeBatch& rows);
  void seal();
  void publish();
  void fail(Node& node, Status status);
  bool can_emit(const Node& node) const;
  void emit(Node& node, ChangeBatch batch);
  void emit_exchange(Node& consumer, uint32_t input, const Exchange& exchange, ChangeBatch batch);
  void push(Node& consumer, uint32_t input, uint16_t from, ChangeBatch batch, bool end);
  Node* output_node(ObjectId object);
  void renumber();
  void make_intakes();
  void find_due();

  const uint16_t worker_;
  const uint16_t worker_count_;
  state::Store* const store_;
  PipelineSignals* signals_;
  LaneHost* const host_;
  RuntimeSettings* const settings_;
  const data::Clock* const clock_;
  std::vector<Lane*> peers_;
  std::vector<std::unique_ptr<Node>> nodes_;  // topological order
  /// Instances keep pointers to these; merged lanes bring theirs along.
  std::vector<std::unique_ptr<expr::EvalContext>> evals_;
  std::vector<std::unique_ptr<LaneWatermarks>> watermarks_;  // likewise
  uint64_t epoch_ = 1;
  bool started_ = false;  // the epoch's time is set
  bool filling_ = false;
  bool failed_ = false;
  ObjectId fill_object_;
  std::shared_ptr<const state::Snapshot> fill_snapshot_;
  std::vector<operators::ErrorRow> errors_;
  std::map<ObjectId, data::Weight> skipped_;  // ON ERROR SKIP: weights of failing rows
  std::map<ObjectId, uint64_t> late_;
  std::function<void(ChangeBatch)> sink_;
  std::atomic<bool> idle_{false};
  std::atomic<size_t> dirty_{0};
  std::atomic<bool> full_{false};
  std::atomic<int64_t> due_{INT64_MAX};
  bool is_writer_ = false;  // counted by the budget
  uint32_t steps_since_publish_ = 0;
};

/// Splits a batch by the owner of each row's key: result[w] is worker w's part, columns shared.
std::vector<ChangeBatch> partition(const ChangeBatch& batch, const Exchange& exchange,
                                   uint16_t worker_count);

}  // namespace forebay::runtime
