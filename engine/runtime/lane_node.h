#pragma once

#include "engine/runtime/lane.h"
#include "engine/runtime/shared_decoder.h"
#include "engine/runtime/watermark_meter.h"

/// The parts of a lane: operator instances, their ports and queues. Private to the lane*.cpp files.
namespace forebay::runtime {

struct Lane::Item {
  ChangeBatch batch;
  bool end = false;
};

/// One input of a node: a queue per sender. After a sender's end marker, what it sends belongs to
/// the next epoch and waits.
struct Lane::Port {
  struct Sender {
    Sender() = default;
    Sender(Sender&& other) noexcept = default;
    std::deque<Item> queue;
    bool ended = false;
  };
  std::vector<Sender> senders;
  uint32_t ended = 0;
  uint32_t next_sender = 0;
  bool is_ended() const { return ended == senders.size(); }
};

/// The source leaves of a lane that read from one queue: what one takes is decoded for all.
struct Lane::Intake {
  Intake(const connectors::Source& source, const std::vector<connectors::DecodeRequest>& requests)
      : decoder(source, requests) {}
  std::vector<Node*> leaves;  // the first takes
  SharedDecoder decoder;
  bool decoding = false;
  std::string partition;                          // of what is being decoded
  std::vector<connectors::DecodedBatch> decoded;  // by leaf
};

struct Lane::Node {
  enum class Kind : uint8_t { kOperator, kObject, kSource, kTable, kVirtual };
  enum class Phase : uint8_t { kOpen, kFlushing, kEnded };
  struct Edge {
    Node* consumer;
    uint32_t input;
    const Exchange* exchange;  // nullptr: same worker; points into `spec`
  };

  Kind kind = Kind::kOperator;
  ObjectId object;
  uint32_t index = 0;   // in Lane::nodes_; the same on all lanes
  uint32_t number = 0;  // in the object's fragment
  bool is_output = false;
  ObjectId late_object;  // whose stream it gives besides (Fragment::late); 0: none
  std::shared_ptr<const CircuitNode> spec;
  std::string name;
  operators::ErrorPolicy on_error = operators::ErrorPolicy::kKeep;
  state::TierCounters tier;
  operators::OperatorContext context;
  std::unique_ptr<operators::Operator> op;
  std::vector<Port> ports;
  std::vector<Edge> consumers;

  Phase phase = Phase::kOpen;
  bool more = false;  // the operator wants resume()
  uint32_t next_port = 0;

  // Source leaf.
  SourceQueueRef source;
  SourceUseRef use;
  std::shared_ptr<Intake> intake;
  // Table leaf.
  TableQueueRef table;
  // Leaf with a watermark.
  WatermarkTrackerRef tracker;
  std::unique_ptr<WatermarkMeter> meter;
  // While filling.
  std::unique_ptr<operators::StoredRelation::Reader> reader;
  std::vector<ChangeBatch> fill_rows;

  /// Items queued here; senders of other workers read it.
  std::atomic<uint32_t> backlog{0};
  std::atomic<uint64_t> rows_in{0}, rows_out{0}, busy_ns{0}, errors{0}, late{0};
  std::atomic<uint64_t> state_rows{0}, state_bytes{0};

  void reset() {
    for (Port& port : ports) {
      for (Port::Sender& sender : port.senders) {
        sender.queue.clear();
        sender.ended = false;
      }
      port.ended = 0;
    }
    phase = Phase::kOpen;
    more = false;
    if (intake != nullptr) intake->decoding = false;
    reader.reset();
    fill_rows.clear();
    backlog.store(0);
  }
};

/// The Output of one node of one lane.
class Lane::NodeOutput final : public operators::Output {
 public:
  NodeOutput(Lane& lane, Node& node) : lane_(lane), node_(node) {}
  void emit(ChangeBatch batch) override {
    if (!batch.empty()) lane_.emit(node_, std::move(batch));
  }
  void error(operators::ErrorRow error) override {
    error.object = node_.object;
    error.operator_name = node_.name;
    node_.errors.fetch_add(static_cast<uint64_t>(error.weight), std::memory_order_relaxed);
    error.policy = node_.on_error;
    if (error.policy == operators::ErrorPolicy::kSkip) {
      lane_.skipped_[error.object] += error.weight;
    } else {
      lane_.errors_.push_back(std::move(error));
    }
  }
  void late(uint64_t rows) override {
    node_.late.fetch_add(rows, std::memory_order_relaxed);
    lane_.late_[node_.object] += rows;
  }

 private:
  Lane& lane_;
  Node& node_;
};

}  // namespace forebay::runtime
