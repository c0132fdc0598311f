// Building and changing lanes: adding, removing and merging fragments between epochs.

#include <fmt/format.h>

#include <algorithm>

#include "engine/runtime/lane_node.h"

namespace forebay::runtime {

void Lane::add(const Fragment& fragment, const FragmentInputs& inputs, bool starts_empty) {
  std::vector<Node*> own;
  for (size_t i = 0; i < fragment.nodes.size(); ++i) {
    auto node = std::make_unique<Node>();
    node->object = fragment.object;
    node->index = static_cast<uint32_t>(nodes_.size());
    node->number = static_cast<uint32_t>(i);
    node->on_error = fragment.on_error;
    node->is_output = i + 1 == fragment.nodes.size();
    if (fragment.late && fragment.late->node == i) node->late_object = fragment.late->object;
    node->spec = std::make_shared<const CircuitNode>(fragment.nodes[i]);
    node->context.worker = worker_;
    node->context.worker_count = worker_count_;
    node->context.store = store_;
    node->context.starts_empty = starts_empty;
    node->context.budget = settings_ ? &settings_->hot_tier : nullptr;
    node->context.counters = &node->tier;
    node->context.batch_rows = settings_ ? settings_->batch_rows.load() : 4096;
    node->context.eval = evals_.front().get();
    node->context.watermarks = watermarks_.empty() ? nullptr : watermarks_.front().get();
    if (const LeafWatermark* declared = watermark_of(fragment.nodes[i])) {
      node->tracker = inputs.trackers[i];
      node->meter = std::make_unique<WatermarkMeter>(*declared);
    }
    const CircuitNode& spec = *node->spec;
    if (const auto* op = std::get_if<operators::SpecRef>(&spec.what)) {
      node->kind = Node::Kind::kOperator;
      node->name = std::string((*op)->name());
      node->op = (*op)->instantiate(node->context);
      node->ports.resize(spec.inputs.size());
    } else if (const auto* object = std::get_if<ObjectInput>(&spec.what)) {
      node->kind = Node::Kind::kObject;
      node->name = "stream";
      node->ports.resize(1);
      node->ports[0].senders.resize(1);
      if (Node* producer = output_node(object->object)) {
        producer->consumers.push_back({node.get(), 0, nullptr});
      }
    } else if (const auto* source = std::get_if<SourceInput>(&spec.what)) {
      node->on_error = source->on_error;
      node->kind = Node::Kind::kSource;
      node->name = "source";
      node->source = inputs.sources[i];
      node->use = inputs.uses[i];
    } else if (std::holds_alternative<TableInput>(spec.what)) {
      node->kind = Node::Kind::kTable;
      node->name = "table";
      node->table = inputs.tables[i];
    } else {
      node->kind = Node::Kind::kVirtual;
      node->name = "system table";
    }
    for (size_t input = 0; input < spec.inputs.size(); ++input) {
      const NodeInput& from = spec.inputs[input];
      FOREBAY_CHECK(from.node < i, fmt::format("node {} reads node {}", i, from.node));
      const Exchange* exchange = from.exchange ? &*from.exchange : nullptr;
      own[from.node]->consumers.push_back({node.get(), static_cast<uint32_t>(input), exchange});
      node->ports[input].senders.resize(exchange != nullptr ? worker_count_ : 1);
    }
    own.push_back(node.get());
    nodes_.push_back(std::move(node));
  }
  make_intakes();
  find_due();
}

void Lane::find_due() {
  int64_t due = INT64_MAX;
  for (const auto& node : nodes_) {
    if (node->op == nullptr) continue;
    if (const std::optional<int64_t> own = node->op->due()) due = std::min(due, *own);
  }
  due_.store(due, std::memory_order_relaxed);
}

// One intake for all leaves of a queue. Between epochs nothing is being decoded.
void Lane::make_intakes() {
  std::vector<std::vector<Node*>> groups;
  for (auto& node : nodes_) {
    if (node->kind != Node::Kind::kSource) continue;
    auto group = std::find_if(groups.begin(), groups.end(), [&](const std::vector<Node*>& other) {
      return other.front()->source == node->source;
    });
    if (group == groups.end()) group = groups.insert(groups.end(), std::vector<Node*>());
    group->push_back(node.get());
  }
  for (std::vector<Node*>& leaves : groups) {
    const auto* current = leaves.front()->intake.get();
    if (current != nullptr && current->leaves == leaves) continue;
    std::vector<connectors::DecodeRequest> requests;
    for (const Node* leaf : leaves) {
      requests.push_back(std::get<SourceInput>(leaf->spec->what).decode);
      requests.back().batch_rows = leaf->context.batch_rows;
    }
    auto intake = std::make_shared<Intake>(*leaves.front()->source->input().connector, requests);
    intake->leaves = leaves;
    for (Node* leaf : leaves) leaf->intake = intake;
  }
}

void Lane::replace_source(const SourceQueue* old, const SourceQueueRef& queue,
                          std::optional<ObjectId> object) {
  for (auto& node : nodes_) {
    if (node->source.get() != old || (object && node->object != *object)) continue;
    node->source = queue;
  }
  make_intakes();
}

Lane::Node* Lane::output_node(ObjectId object) {
  for (auto& node : nodes_) {
    const bool gives = node->object == object ? node->is_output : node->late_object == object;
    if (gives) return node.get();
  }
  return nullptr;
}

void Lane::remove(const std::vector<ObjectId>& objects) {
  auto is_removed = [&](const Node& node) {
    return std::find(objects.begin(), objects.end(), node.object) != objects.end();
  };
  for (auto& node : nodes_) {
    std::erase_if(node->consumers,
                  [&](const Node::Edge& edge) { return is_removed(*edge.consumer); });
  }
  std::erase_if(nodes_, [&](const std::unique_ptr<Node>& node) { return is_removed(*node); });
  renumber();
  make_intakes();
  find_due();
}

void Lane::absorb(Lane& other) {
  for (auto& node : other.nodes_) nodes_.push_back(std::move(node));
  other.nodes_.clear();
  for (auto& eval : other.evals_) evals_.push_back(std::move(eval));
  other.evals_.clear();
  for (auto& watermarks : other.watermarks_) watermarks_.push_back(std::move(watermarks));
  other.watermarks_.clear();
  for (operators::ErrorRow& error : other.errors_) errors_.push_back(std::move(error));
  other.errors_.clear();
  renumber();
  make_intakes();
  find_due();
}

void Lane::renumber() {
  for (size_t i = 0; i < nodes_.size(); ++i) nodes_[i]->index = static_cast<uint32_t>(i);
}

void Lane::start_fill(ObjectId object, std::shared_ptr<const state::Snapshot> snapshot) {
  filling_ = true;
  fill_object_ = object;
  fill_snapshot_ = std::move(snapshot);
}

void Lane::reset(uint64_t epoch) {
  for (auto& node : nodes_) node->reset();
  epoch_ = epoch;
  started_ = false;
  filling_ = false;
  failed_ = false;
  fill_snapshot_.reset();
  errors_.clear();
  late_.clear();
}

size_t Lane::memory_bytes() const {
  size_t total = 0;
  for (const auto& node : nodes_) total += node->state_bytes.load(std::memory_order_relaxed);
  return total;
}

void Lane::append_figures(std::vector<OperatorFigures>& figures) const {
  for (const auto& node : nodes_) {
    figures.push_back({node->object,
                       node->name,
                       worker_,
                       node->rows_in.load(std::memory_order_relaxed),
                       node->rows_out.load(std::memory_order_relaxed),
                       node->busy_ns.load(std::memory_order_relaxed),
                       node->state_rows.load(std::memory_order_relaxed),
                       node->state_bytes.load(std::memory_order_relaxed),
                       node->tier.evictions.load(std::memory_order_relaxed),
                       node->tier.read_backs.load(std::memory_order_relaxed),
                       node->number,
                       {},
                       std::string()});
    for (const NodeInput& input : node->spec->inputs) {
      figures.back().inputs.push_back(input.node);
    }
    if (const auto* op = std::get_if<operators::SpecRef>(&node->spec->what)) {
      figures.back().detail = (*op)->describe();
    }
  }
}

Lane::Traffic Lane::traffic(ObjectId object) const {
  Traffic traffic;
  for (const auto& node : nodes_) {
    if (node->object != object) continue;
    traffic.errors += node->errors.load(std::memory_order_relaxed);
    if (node->kind != Node::Kind::kOperator) {
      traffic.rows_in += node->rows_in.load(std::memory_order_relaxed);
    }
    if (node->is_output) traffic.rows_out += node->rows_out.load(std::memory_order_relaxed);
  }
  return traffic;
}

}  // namespace forebay::runtime
