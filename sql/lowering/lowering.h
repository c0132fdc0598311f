#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/operators/stored_relation.h"
#include "engine/runtime/circuit.h"
#include "sql/plan/node.h"
#include "sql/plan/watermarks.h"

/// Plan -> circuit. Deterministic: the same plan with the same table numbers gives the same
/// circuit.
namespace forebay::sql::lowering {

using data::Result;
using data::Status;
using data::TableId;
using runtime::Fragment;

/// Columns to hash, in order; of each, those that hash the same.
using Distribution = std::vector<std::vector<plan::ColumnId>>;

/// What a lowered node is: a node of the circuit and which plan columns its columns are.
struct Stream {
  uint32_t node = 0;
  /// By position; 0: a column that nobody asked for.
  std::vector<plan::ColumnId> columns;
  std::vector<data::Type> types;
  /// Rows are on the worker that owns the hash (kGrouping) of these columns; no value: anywhere.
  /// Each place has the columns that are equal in all rows: any of them will do.
  std::optional<Distribution> hashed;

  bool is_hashed_by(const std::vector<plan::ColumnId>& keys) const;
  /// Where columns are that the stream has.
  uint32_t position(plan::ColumnId id) const;
  std::vector<uint32_t> positions(const std::vector<plan::ColumnId>& ids) const;
};

/// Lowers one plan into one fragment.
class Lowering {
 public:
  /// `next_table` gives a number for each state table, in order.
  /// `self`: the object whose fragment it is, for watermarks of the sources in it.
  explicit Lowering(std::function<TableId()> next_table, data::ObjectId self = data::ObjectId(0))
      : next_table_(std::move(next_table)), self_(self) {}

  Result<Stream> lower(const plan::NodeRef& node);
  /// The stream with exactly these columns in this order.
  Stream exactly(Stream stream, const plan::Columns& columns);

  uint32_t add_leaf(std::variant<operators::SpecRef, runtime::ObjectInput, runtime::SourceInput,
                                 runtime::TableInput, runtime::VirtualInput>
                        leaf,
                    std::vector<data::Type> types);
  uint32_t add(operators::SpecRef spec, std::vector<runtime::NodeInput> inputs);
  TableId next_table() { return next_table_(); }
  /// The circuit runs on: what compares with now() lets rows in and out as time passes.
  void set_continuous() { is_continuous_ = true; }
  /// The input with an exchange by `keys`, unless it is right already.
  runtime::NodeInput hashed_input(const Stream& stream,
                                  const std::vector<plan::ColumnId>& keys) const;
  /// The same for input `index` of `node`, noted for EXPLAIN.
  runtime::NodeInput hashed_input(const plan::Node& node, size_t index, const Stream& stream,
                                  const std::vector<plan::ColumnId>& keys);
  /// The input with an exchange by all of its columns, so that equal rows meet.
  static runtime::NodeInput by_row(const Stream& stream);
  /// What the input is exchanged by, once lowered; nullptr: no exchange.
  const std::vector<plan::ColumnId>* exchange_before(const plan::Node* node, size_t index) const;
  std::vector<runtime::CircuitNode>& nodes() { return nodes_; }

  /// An aggregate's or distinct's operator, whose state can be read as a view.
  struct Stored {
    operators::StoredRelationRef relation;
    /// Which of the relation's columns each column of the plan node is.
    std::vector<uint32_t> positions;
  };
  /// Of an aggregate or distinct that was lowered.
  const Stored& stored_of(const plan::Node* node) const;
  /// Before lowering: the state of `node` is a view's contents.
  void keep(const plan::Node* node) { kept_ = node; }
  /// Before lowering anything else first: the plan whose columns are shown.
  void shows(const plan::NodeRef& root);
  /// The terms of a bound, once the scans that it comes from are lowered.
  operators::TimeBound bound_of(uint32_t column, const plan::BoundTerms& terms) const;
  /// What bounds a column of `input`, over its stream; nullopt: nothing.
  std::optional<operators::TimeBound> bound_in(const plan::NodeRef& input, const Stream& from,
                                               plan::ColumnId time) const;

 private:
  Result<Stream> lower_new(const plan::NodeRef& node);
  Result<Stream> lower_scan(const plan::Scan& scan);
  Result<Stream> lower_source(const plan::Scan& scan);
  /// A scan whose rows go some time after they came.
  Result<Stream> lower_expiry(const plan::Scan& scan);
  Stream add_generated(const plan::Scan& scan, Stream leaf, const std::vector<uint32_t>& places);
  Result<Stream> lower_values(const plan::Values& values);
  Result<Stream> lower_map(const plan::NodeRef& input, const expr::ExprRef& predicate,
                           const plan::Project* project);
  /// Splits a condition: the stream under what compares with now(), and the rest.
  Result<Stream> lower_temporal(Stream from, const plan::Columns& columns,
                                const expr::ExprRef& condition);
  Result<Stream> lower_aggregate(const plan::NodeRef& node);
  Result<Stream> lower_join(const plan::Join& join);
  operators::JoinTime time_of(const plan::Join& join, const Stream& left, const Stream& right);
  Result<Stream> lower_distinct(const plan::NodeRef& node);
  /// Adds a call for each group column that is shown and whose equal values can look different: the
  /// least of them stands for all. Gives the column of the output that shows each group.
  std::vector<uint32_t> add_representatives(const std::vector<plan::ColumnId>& groups,
                                            operators::AggregateParameters& parameters);
  Result<Stream> lower_union(const plan::Union& node);
  Result<Stream> lower_top_n(const plan::TopN& top);
  Result<Stream> lower_over(const plan::Over& over);
  Result<Stream> lower_expand(const plan::Expand& expand);
  Result<Stream> lower_table_function(const plan::TableFunction& call);
  Result<Stream> lower_session(const plan::Session& session);
  Result<Stream> lower_asof_join(const plan::AsofJoin& join);
  /// Of a TopN or Over in what runs on: its bound, whose column comes first in `partition`.
  std::optional<operators::TimeBound> bound_partition(const plan::Node& node, const Stream& from,
                                                      std::vector<plan::ColumnId>& partition) const;
  /// What bounds the order of an Over whose input comes in that order.
  std::optional<operators::TimeBound> bound_order(const plan::Over& over, const Stream& from) const;
  Result<Stream> lower_hold(const plan::Hold& hold);
  Result<Stream> lower_late(const plan::Late& late);
  Result<Stream> lower_repeat(const plan::Repeat& repeat);
  Result<Stream> lower_single_row(const plan::SingleRow& guard);

  std::function<TableId()> next_table_;
  bool is_continuous_ = false;
  data::ObjectId self_;
  const plan::Node* kept_ = nullptr;
  std::vector<runtime::CircuitNode> nodes_;
  std::unordered_map<const plan::Node*, Stream> lowered_;
  std::unordered_map<const plan::Node*, Stored> stored_;
  /// Columns whose form is seen (plan/forms.h); of the root, which is lowered first.
  std::optional<plan::ColumnSet> shown_;
  /// How many nodes of the root's plan read a node.
  std::unordered_map<const plan::Node*, int> readers_;
  std::map<std::pair<const plan::Node*, size_t>, std::vector<plan::ColumnId>> exchanges_;
};

std::vector<plan::ColumnId> ids_of(const plan::Columns& columns);
/// The order over positions of the stream.
std::vector<operators::SortKey> sort_keys(const std::vector<plan::SortItem>& order,
                                          const Stream& stream);
/// The expression over positions of the stream instead of numbers of columns.
expr::ExprRef to_positions(const expr::ExprRef& expr, const Stream& stream);

/// A query's private circuit. The last node gives exactly the plan's columns.
Result<Fragment> lower_private(const plan::NodeRef& plan);

/// CREATE INDEX: the plan's rows, all of whose columns are the key, arranged by the first.
Result<Fragment> lower_index(const plan::NodeRef& plan, std::function<TableId()> next_table);
/// CREATE SINK: the plan's rows, delivered.
Result<Fragment> lower_sink(const plan::NodeRef& plan, std::function<TableId()> next_table,
                            data::ObjectId self);
/// How an index keeps its rows.
operators::MaterializeParameters index_parameters(const data::Schema& stored, TableId rows);

/// The circuit of a materialized view whose plan gives the stored columns (visible, then hidden) in
/// order. `key`: positions that identify a row. `self`: the view's number. `bounds`: gets what
/// watermarks say about its columns, unless nullptr. `late`: gives the rows of what EMIT LATE INTO
/// makes, unless nullptr.
Result<Fragment> lower_view(const plan::NodeRef& plan, const std::vector<uint32_t>& key,
                            bool has_key, std::function<TableId()> next_table,
                            data::ObjectId self = data::ObjectId(0),
                            std::vector<operators::TimeBound>* bounds = nullptr,
                            const plan::NodeRef& late = nullptr);

/// The circuit of a table that DML fills. Its leaf is node 0.
Fragment lower_table(const catalog::CatalogObject& table, std::function<TableId()> next_table);

/// `value`: the declared expression over the leaf's rows. `connector`: nullptr for a table.
runtime::LeafWatermark leaf_watermark(const catalog::DeclaredWatermark& declared,
                                      expr::ExprRef value, const connectors::Source* connector);

/// The bound by so many microseconds lower; all of its terms have shifts.
void loosen(operators::TimeBound& bound, int64_t micros);

/// When the plan is a choice of columns over an aggregate or distinct, whose state then is the
/// view: that node, else nullptr.
plan::NodeRef storing_node(const plan::NodeRef& plan);

/// A text that changes when the circuit or its state changes in kind; names of functions and types
/// included, numbers of tables left out.
std::string describe(const Fragment& fragment);
uint64_t fingerprint(const Fragment& fragment);

}  // namespace forebay::sql::lowering
