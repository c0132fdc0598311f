#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connectors/source.h"
#include "engine/operators/operator.h"
#include "engine/operators/stored_relation.h"

/// The circuit: what lowering makes of a plan and workers run.
namespace forebay::runtime {

using data::ChangeBatch;
using data::ObjectId;
using data::Result;
using data::Status;
using data::TableId;
using data::Type;

/// Rows that go to the worker that owns the shard of the hash of their key columns.
struct Exchange {
  std::vector<uint32_t> key_columns;  // empty: all rows meet on one worker
  data::KeyMode mode = data::KeyMode::kGrouping;
};

/// One input of an operator node: the output of an earlier node, directly on the same worker or
/// through an exchange.
struct NodeInput {
  uint32_t node = 0;
  std::optional<Exchange> exchange;
};

/// WATERMARK FOR of a leaf's rows.
struct LeafWatermark {
  /// Over the leaf's rows; a timestamp. What it says is bounded from below by its largest value.
  expr::ExprRef value;
  /// A partition that was read to its end, and from which nothing came for so long, does not hold
  /// the others back; nullopt: it does.
  std::optional<int64_t> idle_timeout_ms;
  /// Values later than the clock by more than this do not count; nullopt: all do.
  std::optional<int64_t> max_future_ms;
};

/// Leaf: the change stream of another object (table or view) of the same pipeline. In a private
/// query: the object's rows in the snapshot.
struct ObjectInput {
  ObjectId object;
  operators::StoredRelationRef relation;
  /// Private queries only: read just the rows whose key columns equal these constants (point plan).
  std::optional<std::vector<data::Datum>> key;
  /// Of the object's columns, those that the reader knows; empty: all. `relation` gives just them.
  std::vector<uint32_t> columns;
};
/// Leaf: records of a source, decoded. Its own reader with its own positions, named (object, use).
struct SourceInput {
  ObjectId source;
  std::string source_name;
  std::shared_ptr<const connectors::Source> connector;
  connectors::DecodeRequest decode;
  /// For records that can't be read.
  operators::ErrorPolicy on_error = operators::ErrorPolicy::kKeep;
  std::optional<LeafWatermark> watermark = {};
};
/// Leaf: the rows that DML writes into this object, a table.
struct TableInput {
  std::optional<LeafWatermark> watermark = {};
};
/// Leaf, private queries only: rows made when the query starts (system tables). Called once.
struct VirtualInput {
  std::string name;
  std::function<Result<std::vector<ChangeBatch>>()> rows;
};

struct CircuitNode {
  /// An operator, or a leaf.
  std::variant<operators::SpecRef, ObjectInput, SourceInput, TableInput, VirtualInput> what;
  std::vector<NodeInput> inputs;  // operators only; in input order
  std::vector<Type> output_types;
};

/// The circuit of one object or of one query: nodes in topological order (inputs before users). The
/// last node's output is the object's change stream.
struct Fragment {
  ObjectId object;
  std::string name;
  std::vector<CircuitNode> nodes;
  /// How the object's rows are read back; nullptr for private queries.
  operators::StoredRelationRef relation;
  /// For rows that fail in its operators.
  operators::ErrorPolicy on_error = operators::ErrorPolicy::kKeep;
  /// EMIT LATE INTO: another object, whose rows a node before the last one keeps. It has no circuit
  /// of its own: it comes, moves and goes with this one. Others read its stream from that node.
  struct LateOutput {
    ObjectId object;
    uint32_t node = 0;
    operators::StoredRelationRef relation;
  };
  std::optional<LateOutput> late;
};

/// What a leaf declares, or nullptr.
const LeafWatermark* watermark_of(const CircuitNode& node);

/// All state tables of a fragment.
std::vector<state::DroppedTable> tables_of(const Fragment& fragment);

}  // namespace forebay::runtime
