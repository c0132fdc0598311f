#include "engine/runtime/lane.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/datetime.h"
#include "engine/runtime/error_table.h"
#include "engine/runtime/lane_node.h"

namespace forebay::runtime {

namespace {
// Batches that may wait in front of a node before its senders are parked.
constexpr uint32_t kBacklogLimit = 32;
// Productive steps between two publications of the dirty count.
constexpr uint32_t kPublishSteps = 16;
// Bytes of a sealed change besides its key and value, which the entry has, too.
constexpr size_t kSealedBytes = 48;

// What a reader of an object's stream knows of its rows.
ChangeBatch known_columns(const CircuitNode& leaf, ChangeBatch batch) {
  const auto* input = std::get_if<ObjectInput>(&leaf.what);
  if (input == nullptr || input->columns.empty()) return batch;
  std::vector<data::ColumnRef> columns;
  for (uint32_t position : input->columns) columns.push_back(batch.columns()[position]);
  ChangeBatch known(std::move(columns), batch.physical_rows());
  if (batch.selection() != nullptr) known.set_selection(*batch.selection());
  known.share_weights_of(batch);
  return known;
}

uint16_t first_shard_of(uint16_t worker, uint16_t worker_count) {
  return static_cast<uint16_t>((uint32_t{worker} * data::kShardCount + worker_count - 1) /
                               worker_count);
}
}  // namespace

Lane::Lane(uint16_t worker, uint16_t worker_count, state::Store* store, PipelineSignals* signals,
           LaneHost* host, RuntimeSettings* settings, const data::Clock* clock,
           const WatermarkRegistry* watermarks)
    : worker_(worker),
      worker_count_(worker_count),
      store_(store),
      signals_(signals),
      host_(host),
      settings_(settings),
      clock_(clock),
      peers_{this} {
  evals_.push_back(std::make_unique<expr::EvalContext>());
  if (watermarks != nullptr) watermarks_.push_back(std::make_unique<LaneWatermarks>(*watermarks));
}

Lane::~Lane() {
  if (is_writer_) settings_->hot_tier.count_writer(-1);
}

bool Lane::is_active(const Node& node) const { return !filling_ || node.object == fill_object_; }

void Lane::deliver(LaneMessage message) {
  // The sender counted it in the backlog when it posted.
  Node& node = *nodes_[message.node];
  node.ports[message.input].senders[message.from].queue.push_back(
      {std::move(message.batch), message.end});
}

bool Lane::step() {
  try {
    return step_unguarded();
  } catch (const std::bad_alloc&) {
    fail(*nodes_.front(), Status(data::sqlstate::kOutOfMemory, "out of memory"));
  } catch (const std::exception& failure) {  // a bug of ours
    fail(*nodes_.front(), Status::internal(failure.what()));
  }
  return false;
}

bool Lane::step_unguarded() {
  if (failed_ || epoch_ > signals_->released.load(std::memory_order_acquire)) {
    idle_.store(true, std::memory_order_release);
    return false;
  }
  if (!started_) begin_epoch();
  if (failed_) return false;
  if (run_one_node()) {
    idle_.store(false, std::memory_order_release);
    if (++steps_since_publish_ >= kPublishSteps) publish();
    return true;
  }
  if (failed_) return false;
  for (const auto& node : nodes_) {
    if (is_active(*node) && node->phase != Node::Phase::kEnded) {
      if (steps_since_publish_ > 0) publish();
      idle_.store(true, std::memory_order_release);
      return false;
    }
  }
  // An epoch ends only when its end was named, even if the lane has no leaves that wait for it.
  if (signals_->named_end.load(std::memory_order_acquire) < epoch_) {
    idle_.store(true, std::memory_order_release);
    return false;
  }
  seal();
  return true;
}

void Lane::begin_epoch() {
  started_ = true;
  int64_t now = data::timestamp_from_unix_nanos(clock_ ? clock_->unix_nanos() : 0);
  for (auto& eval : evals_) eval->now = std::max(eval->now, now);
  for (auto& watermarks : watermarks_)
    watermarks->begin_epoch(epoch_, filling_, signals_->named_time);
  if (!filling_) return;
  uint16_t first = first_shard_of(worker_, worker_count_);
  uint16_t last = first_shard_of(static_cast<uint16_t>(worker_ + 1), worker_count_);
  for (auto& node : nodes_) {
    if (!is_active(*node)) continue;
    Status status;
    if (node->op) {
      NodeOutput output(*this, *node);
      status = node->op->begin(output);
    } else if (node->kind == Node::Kind::kObject) {
      const auto& input = std::get<ObjectInput>(node->spec->what);
      if (input.key) {
        data::BatchBuilder rows(input.relation->types());
        status = input.relation->get(*fill_snapshot_, *input.key, rows);
        if (rows.rows() > 0) node->fill_rows.push_back(rows.finish());
      } else {
        node->reader = input.relation->read(fill_snapshot_, first, last, node->context.batch_rows);
      }
    } else if (node->kind == Node::Kind::kVirtual && worker_ == 0) {
      auto rows = std::get<VirtualInput>(node->spec->what).rows();
      if (rows.is_ok()) {
        node->fill_rows = std::move(rows).value();
        std::reverse(node->fill_rows.begin(), node->fill_rows.end());
      } else {
        status = rows.take_status();
      }
    }
    if (!status.is_ok()) {
      fail(*node, std::move(status));
      return;
    }
  }
}

// The most downstream node with work goes first, so that queues stay short; leaves, which stand in
// front, take new input only when nothing else is to be done.
bool Lane::run_one_node() {
  for (size_t i = nodes_.size(); i-- > 0;) {
    Node& node = *nodes_[i];
    if (node.phase == Node::Phase::kEnded || !is_active(node)) continue;
    int64_t begin = data::SystemClock().steady_nanos();
    if (step_node(node)) {
      node.busy_ns.fetch_add(static_cast<uint64_t>(data::SystemClock().steady_nanos() - begin),
                             std::memory_order_relaxed);
      return true;
    }
    if (failed_) return false;
  }
  return false;
}

bool Lane::step_node(Node& node) {
  try {
    switch (node.kind) {
      case Node::Kind::kOperator:
        return step_operator(node);
      case Node::Kind::kSource:
        return step_source(node);
      case Node::Kind::kTable:
        return step_table(node);
      case Node::Kind::kVirtual:
        return step_fill(node);
      case Node::Kind::kObject:
        return filling_ ? step_fill(node) : step_operator(node);
    }
  } catch (const std::bad_alloc&) {
    fail(node, Status(data::sqlstate::kOutOfMemory, "out of memory"));
  } catch (const std::overflow_error& failure) {  // emission.h
    fail(node, Status(data::sqlstate::kNumericOutOfRange, failure.what()));
  } catch (const std::exception& failure) {  // a bug of ours
    fail(node, Status::internal(failure.what()));
  }
  return false;
}

bool Lane::step_operator(Node& node) {
  if (!can_emit(node)) return false;
  NodeOutput output(*this, node);
  Result<operators::Progress> progress = operators::Progress::kDone;
  if (node.more) {
    progress = node.op->resume(output);
  } else if (node.phase == Node::Phase::kFlushing) {
    finish_node(node);
    return true;
  } else {
    Result<bool> taken = take_item(node);
    if (!taken.is_ok()) {
      fail(node, taken.take_status());
      return false;
    }
    if (*taken) return true;
    for (const Port& port : node.ports) {
      if (!port.is_ended()) return false;
    }
    if (node.ports.empty() && signals_->named_end.load(std::memory_order_acquire) < epoch_) {
      return false;
    }
    node.phase = Node::Phase::kFlushing;
    if (node.op) progress = node.op->end_epoch(output);
  }
  if (!progress.is_ok()) {
    fail(node, progress.take_status());
    return false;
  }
  node.more = *progress == operators::Progress::kMore;
  return true;
}

// Consumes one item of some input: a batch for the operator, or a sender's end.
Result<bool> Lane::take_item(Node& node) {
  for (size_t p = 0; p < node.ports.size(); ++p) {
    uint32_t input = static_cast<uint32_t>((node.next_port + p) % node.ports.size());
    Port& port = node.ports[input];
    for (size_t s = 0; s < port.senders.size(); ++s) {
      Port::Sender& sender = port.senders[(port.next_sender + s) % port.senders.size()];
      if (sender.ended || sender.queue.empty()) continue;
      Item item = std::move(sender.queue.front());
      sender.queue.pop_front();
      node.backlog.fetch_sub(1, std::memory_order_acq_rel);
      port.next_sender = static_cast<uint32_t>((port.next_sender + s + 1) % port.senders.size());
      if (item.end) {
        sender.ended = true;
        ++port.ended;
        return true;
      }
      node.next_port = input + 1;
      node.rows_in.fetch_add(item.batch.rows(), std::memory_order_relaxed);
      NodeOutput output(*this, node);
      if (node.op == nullptr) {  // an object's stream, passed on
        output.emit(known_columns(*node.spec, std::move(item.batch)));
        return true;
      }
      FOREBAY_ASSIGN_OR_RETURN(operators::Progress progress,
                               node.op->take(input, std::move(item.batch), output));
      node.more = progress == operators::Progress::kMore;
      return true;
    }
  }
  return false;
}

bool Lane::step_source(Node& node) {
  if (filling_) {  // its records belong to the epochs after the fill
    finish_node(node);
    return true;
  }
  Intake& intake = *node.intake;
  Node& leader = *intake.leaves.front();
  if (&node != &leader) {
    if (leader.phase != Node::Phase::kEnded) return false;
    finish_node(node);
    return true;
  }
  for (const Node* leaf : intake.leaves) {
    if (!can_emit(*leaf)) return false;
  }
  if (!intake.decoding && !take_raw(node)) {
    if (signals_->named_end.load(std::memory_order_acquire) < epoch_) return false;
    finish_node(node);
    return true;
  }
  if (!intake.decoder.next(intake.decoded)) {
    intake.decoding = false;
    return true;
  }
  for (size_t i = 0; i < intake.leaves.size(); ++i) {
    emit_decoded(*intake.leaves[i], std::move(intake.decoded[i]));
  }
  return true;
}

// Takes a raw batch for all leaves that read the leader's queue.
bool Lane::take_raw(Node& leader) {
  if (is_full() && signals_->named_end.load(std::memory_order_acquire) < epoch_) return false;
  connectors::RawBatch raw;
  if (!leader.source->take(epoch_, signals_->named_end, raw)) return false;
  host_->input_taken(*this, !signals_->changed.load(std::memory_order_relaxed) &&
                                !signals_->changed.exchange(true));
  for (Node* leaf : leader.intake->leaves) {
    leaf->use->bytes.fetch_add(raw.size, std::memory_order_relaxed);
  }
  leader.intake->partition = raw.partition_name;
  leader.intake->decoder.start(std::move(raw));
  leader.intake->decoding = true;
  return true;
}

void Lane::emit_decoded(Node& leaf, connectors::DecodedBatch decoded) {
  leaf.use->records.fetch_add(decoded.rows.rows() + decoded.bad.size(), std::memory_order_relaxed);
  leaf.use->errors.fetch_add(decoded.bad.size(), std::memory_order_relaxed);
  leaf.rows_in.fetch_add(decoded.rows.rows(), std::memory_order_relaxed);
  NodeOutput output(*this, leaf);
  for (connectors::BadRecord& bad : decoded.bad) {
    operators::ErrorRow error;
    error.sqlstate = bad.sqlstate;
    error.reason = std::move(bad.reason);
    error.column = std::move(bad.column);
    error.raw = std::move(bad.raw);
    error.source = leaf.source->input().source_name;
    error.source_partition = std::move(bad.partition_name);
    error.source_offset = static_cast<int64_t>(bad.offset.value);
    output.error(std::move(error));
  }
  if (leaf.tracker != nullptr) observe(leaf, leaf.intake->partition, decoded.rows);
  output.emit(std::move(decoded.rows));
}

void Lane::observe(Node& leaf, const std::string& partition, const ChangeBatch& rows) {
  if (rows.empty()) return;
  // Epoch time, as now() is, but not as old as a long epoch.
  const expr::EvalContext& eval = *evals_.front();
  const int64_t now = std::max(eval.now, data::timestamp_from_unix_nanos(clock_->unix_nanos()));
  leaf.tracker->observe(epoch_, partition, leaf.meter->measure(rows, eval, now));
}

bool Lane::step_table(Node& node) {
  if (filling_) {
    finish_node(node);
    return true;
  }
  if (!can_emit(node)) return false;
  bool named = signals_->named_end.load(std::memory_order_acquire) >= epoch_;
  ChangeBatch batch;
  if (node.table->take(epoch_, batch)) {
    node.rows_in.fetch_add(batch.rows(), std::memory_order_relaxed);
    if (node.tracker != nullptr) observe(node, "", batch);
    NodeOutput(*this, node).emit(std::move(batch));
    return true;
  }
  if (!named) return false;
  finish_node(node);
  return true;
}

// Feeds a leaf of the object that is filled (or of a private query) from the snapshot.
bool Lane::step_fill(Node& node) {
  if (!can_emit(node)) return false;
  NodeOutput output(*this, node);
  if (!node.fill_rows.empty()) {
    ChangeBatch batch = std::move(node.fill_rows.back());
    node.fill_rows.pop_back();
    node.rows_in.fetch_add(batch.rows(), std::memory_order_relaxed);
    output.emit(std::move(batch));
    return true;
  }
  if (node.reader != nullptr) {
    Result<ChangeBatch> batch = node.reader->next();
    if (!batch.is_ok()) {
      fail(node, batch.take_status());
      return false;
    }
    if (!batch->empty()) {
      node.rows_in.fetch_add(batch->rows(), std::memory_order_relaxed);
      output.emit(std::move(batch).value());
      return true;
    }
    node.reader.reset();
  }
  finish_node(node);
  return true;
}

void Lane::finish_node(Node& node) {
  node.phase = Node::Phase::kEnded;
  if (node.tracker != nullptr) node.tracker->end(epoch_);
  for (const Node::Edge& edge : node.consumers) {
    if (!is_active(*edge.consumer)) continue;
    if (edge.exchange == nullptr || worker_count_ == 1) {
      push(*edge.consumer, edge.input, 0, {}, true);
      continue;
    }
    for (Lane* peer : peers_) {
      Node& consumer = *peer->nodes_[edge.consumer->index];
      if (peer == this) {
        push(consumer, edge.input, worker_, {}, true);
      } else {
        consumer.backlog.fetch_add(1, std::memory_order_acq_rel);
        host_->post(peer->worker_, {peer, consumer.index, edge.input, worker_, {}, true});
      }
    }
  }
}

void Lane::push(Node& consumer, uint32_t input, uint16_t from, ChangeBatch batch, bool end) {
  consumer.backlog.fetch_add(1, std::memory_order_acq_rel);
  consumer.ports[input].senders[from].queue.push_back({std::move(batch), end});
}

bool Lane::can_emit(const Node& node) const {
  // What ends a named epoch is never held back: items of the next epoch, sent by lanes that are
  // ahead, may fill a queue that cannot move before this epoch has ended here.
  if (!filling_ && signals_->named_end.load(std::memory_order_acquire) >= epoch_) return true;
  for (const Node::Edge& edge : node.consumers) {
    if (edge.exchange == nullptr || worker_count_ == 1) {
      if (edge.consumer->backlog.load(std::memory_order_acquire) >= kBacklogLimit) return false;
      continue;
    }
    for (const Lane* peer : peers_) {
      if (peer->nodes_[edge.consumer->index]->backlog.load(std::memory_order_acquire) >=
          kBacklogLimit * worker_count_) {
        return false;
      }
    }
  }
  return true;
}

void Lane::emit(Node& node, ChangeBatch batch) {
  node.rows_out.fetch_add(batch.rows(), std::memory_order_relaxed);
  if (node.is_output && sink_) {
    sink_(std::move(batch));
    return;
  }
  size_t left = node.consumers.size();
  for (const Node::Edge& edge : node.consumers) {
    --left;
    if (!is_active(*edge.consumer)) continue;
    ChangeBatch part = left == 0 ? std::move(batch) : batch.share();
    if (edge.exchange == nullptr || worker_count_ == 1) {
      push(*edge.consumer, edge.input, 0, std::move(part), false);
    } else {
      emit_exchange(*edge.consumer, edge.input, *edge.exchange, std::move(part));
    }
  }
}

void Lane::emit_exchange(Node& consumer, uint32_t input, const Exchange& exchange,
                         ChangeBatch batch) {
  std::vector<ChangeBatch> parts = partition(batch, exchange, worker_count_);
  for (Lane* peer : peers_) {
    ChangeBatch& part = parts[peer->worker_];
    if (part.empty()) continue;
    if (peer == this) {
      push(consumer, input, worker_, std::move(part), false);
    } else {
      peer->nodes_[consumer.index]->backlog.fetch_add(1, std::memory_order_acq_rel);
      host_->post(peer->worker_, {peer, consumer.index, input, worker_, std::move(part), false});
    }
  }
}

void Lane::seal() {
  SealedLane sealed;
  for (auto& node : nodes_) {
    if (node->op && is_active(*node)) node->op->seal(sealed.run);
  }
  sealed.errors = std::move(errors_);
  errors_.clear();
  for (const auto& [object, weight] : skipped_)
    sealed.errors.push_back(skipped_row(object, weight));
  skipped_.clear();
  sealed.late = std::move(late_);
  late_.clear();
  for (auto& node : nodes_) {
    node->phase = Node::Phase::kOpen;
    node->more = false;
    for (Port& port : node->ports) {
      for (Port::Sender& sender : port.senders) sender.ended = false;
      port.ended = 0;
    }
  }
  publish();
  find_due();
  uint64_t epoch = epoch_++;
  started_ = false;
  filling_ = false;
  fill_snapshot_.reset();
  host_->sealed(*this, epoch, std::move(sealed));
}

void Lane::publish() {
  steps_since_publish_ = 0;
  size_t dirty = 0, dirty_bytes = 0;
  for (auto& node : nodes_) {
    if (node->op == nullptr) continue;
    size_t entries = node->op->dirty_entries();
    size_t rows = node->op->state_rows(), bytes = node->op->memory_bytes();
    node->state_rows.store(rows, std::memory_order_relaxed);
    node->state_bytes.store(bytes, std::memory_order_relaxed);
    if (entries == 0) continue;
    dirty += entries;
    // What is dirty takes as much as the rest, row by row; without a hot tier all is dirty.
    dirty_bytes += entries >= rows ? bytes : entries * (bytes / rows + kSealedBytes);
  }
  dirty_.store(dirty, std::memory_order_relaxed);
  if (settings_ == nullptr) return;
  if (is_writer_ != (dirty > 0)) {
    is_writer_ = dirty > 0;
    settings_->hot_tier.count_writer(is_writer_ ? 1 : -1);
  }
  const bool is_full = dirty >= settings_->max_dirty_entries.load(std::memory_order_relaxed) ||
                       dirty >= signals_->most_dirty.load(std::memory_order_relaxed) ||
                       dirty_bytes >= settings_->hot_tier.dirty_share();
  full_.store(is_writer_ && is_full, std::memory_order_relaxed);
  uint64_t most = settings_->max_epoch_bytes.load(std::memory_order_relaxed);
  if (filling_ && !failed_ && dirty_bytes > most / worker_count_) {
    fail(*nodes_.front(),
         Status(data::Error{
             .sqlstate = data::sqlstate::kOutOfMemory,
             .message = "out of memory",
             .detail = fmt::format("The first contents need more than {} MB.", most >> 20),
             .hint = "Raise max_epoch_bytes, or start with more --memory."}));
  }
}

void Lane::fail(Node& node, Status status) {
  failed_ = true;
  idle_.store(true, std::memory_order_release);
  if (!node.name.empty() && status.error().fault == data::Fault::kInternal) {
    status.error().message = fmt::format("operator {}: {}", node.name, status.error().message);
  }
  host_->failed(*this, std::move(status));
}

}  // namespace forebay::runtime
