#include <algorithm>
#include <bit>
#include <unordered_map>

#include "sql/plan/expressions.h"
#include "sql/plan/join_time.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprRef;
using plan::as;
using plan::ColumnId;
using plan::Node;
using plan::NodeKind;

/// All that a node is, with columns by their places in its inputs: two nodes with equal shapes give
/// the same rows in the same columns.
struct Shape {
  std::vector<size_t> inputs;  // numbers of their shapes
  std::vector<int64_t> numbers;
  std::vector<ExprRef> expressions;
  /// Equal to itself only.
  bool is_unique = false;

  bool operator==(const Shape& other) const {
    return !is_unique && !other.is_unique && inputs == other.inputs && numbers == other.numbers &&
           std::equal(expressions.begin(), expressions.end(), other.expressions.begin(),
                      other.expressions.end(), [](const ExprRef& a, const ExprRef& b) {
                        return a == b || (a && b && expr::equal(*a, *b));
                      });
  }
};

/// Writes the shape of one node.
class ShapeWriter {
 public:
  ShapeWriter(const Node& node, std::vector<size_t> inputs) : node_(node) {
    for (const NodeRef& input : node.inputs) {
      for (const plan::Column& column : input->columns) {
        places_.emplace(column.id, static_cast<uint32_t>(places_.size()));
      }
    }
    shape_.inputs = std::move(inputs);
    add(static_cast<int64_t>(node.kind));
    for (const plan::Column& column : node.columns) {
      add(static_cast<int64_t>(column.type.id));
      add(column.type.modifier);
    }
  }

  Shape write() && {
    switch (node_.kind) {
      case NodeKind::kScan:
        write(as<plan::Scan>(node_));
        break;
      case NodeKind::kFilter:
        add(as<plan::Filter>(node_).predicate);
        break;
      case NodeKind::kProject:
        for (const ExprRef& value : as<plan::Project>(node_).expressions) add(value);
        break;
      case NodeKind::kAggregate:
        write(as<plan::Aggregate>(node_));
        break;
      case NodeKind::kJoin:
        write(as<plan::Join>(node_));
        break;
      case NodeKind::kDistinct:
        break;
      case NodeKind::kUnion:
        write(as<plan::Union>(node_));
        break;
      case NodeKind::kTopN:
        write(as<plan::TopN>(node_));
        break;
      case NodeKind::kOver:
        write(as<plan::Over>(node_));
        break;
      case NodeKind::kSession:
        write(as<plan::Session>(node_));
        break;
      case NodeKind::kTableFunction:
        write(as<plan::TableFunction>(node_));
        break;
      case NodeKind::kHold:
        add_column(as<plan::Hold>(node_).time);
        break;
      case NodeKind::kValues:
      case NodeKind::kSingleRow:
      case NodeKind::kRepeat:
      case NodeKind::kExpand:
      case NodeKind::kAsofJoin:
      case NodeKind::kLate:
      case NodeKind::kDependentJoin:
        shape_.is_unique = true;
        break;
    }
    return std::move(shape_);
  }

 private:
  void add(int64_t number) { shape_.numbers.push_back(number); }
  void add_pointer(const void* pointer) { add(std::bit_cast<int64_t>(pointer)); }
  void add_column(ColumnId id) {
    const auto place = places_.find(id);
    if (place == places_.end()) shape_.is_unique = true;  // a correlation
    add(place == places_.end() ? 0 : place->second);
  }
  void add_column(const std::optional<ColumnId>& id) {
    add(id.has_value());
    if (id) add_column(*id);
  }
  void add(const std::vector<ColumnId>& ids) {
    add(static_cast<int64_t>(ids.size()));
    for (ColumnId id : ids) add_column(id);
  }
  void add(const std::vector<plan::SortItem>& order) {
    add(static_cast<int64_t>(order.size()));
    for (const plan::SortItem& item : order) {
      add_column(item.column);
      add(item.descending);
      add(item.nulls_first);
    }
  }
  void add(const ExprRef& expr) {
    if (expr && expr::volatility(*expr) == udfs::Volatility::kVolatile) shape_.is_unique = true;
    shape_.expressions.push_back(
        expr ? plan::transform(expr,
                               [&](const ExprRef& part) -> ExprRef {
                                 if (part->kind != expr::ExprKind::kColumn) return nullptr;
                                 const auto place = places_.find(part->column);
                                 if (place == places_.end()) {
                                   shape_.is_unique = true;
                                   return nullptr;
                                 }
                                 return expr::column(place->second, part->type);
                               })
             : nullptr);
  }

  void write(const plan::Scan& scan) {
    if (!scan.key.empty() || scan.index) shape_.is_unique = true;
    add_pointer(scan.object.get());
    add(scan.ttl_us);
    for (uint32_t position : scan.positions) add(position);
  }

  void write(const plan::Union& node) {
    for (size_t i = 0; i < node.sources.size(); ++i) {
      for (ColumnId id : node.sources[i]) {
        add(static_cast<int64_t>(plan::find_column(node.inputs[i]->columns, id)));
      }
    }
  }

  void write(const plan::Aggregate& aggregate) {
    add(aggregate.groups);
    for (bool flag : {aggregate.scalar, aggregate.bounded, aggregate.on_close}) add(flag);
    add(aggregate.slack);
    for (const plan::AggregateCall& call : aggregate.aggregates) {
      add_pointer(call.function);
      add(call.arguments);
      add(call.distinct);
      add_column(call.filter);
      add(call.order);
      for (const data::Datum& value : call.direct) add(expr::literal(value));
    }
  }

  void add(const plan::TimeOrder& order) {
    add_column(order.low);
    add_column(order.high);
    add(order.offset_us);
    add(order.low_side);
  }
  void add(const std::optional<plan::JoinTime::Reach>& reach) {
    add(reach.has_value());
    if (!reach) return;
    add_column(reach->column);
    add(reach->offset_us);
  }
  void write(const plan::Join& join) {
    add(static_cast<int64_t>(join.join));
    add(static_cast<int64_t>(join.keys.size()));
    for (const plan::JoinKey& key : join.keys) {
      add_column(key.left);
      add_column(key.right);
      add(key.null_safe);
    }
    add(join.condition);
    add(join.time != nullptr);
    if (join.time == nullptr) return;
    add(join.time->by_key);
    add(static_cast<int64_t>(join.time->orders.size()));
    for (const plan::TimeOrder& order : join.time->orders) add(order);
    for (const plan::JoinTime::Side& side : join.time->sides) {
      add(side.late);
      add(side.needed.has_value());
      if (side.needed) add(*side.needed);
      add(side.changes);
      add(side.lower);
      add(side.upper);
    }
  }

  void write(const plan::TopN& top) {
    add(top.partition);
    add(top.order);
    add(top.limit);
    add(top.offset);
    add(top.with_ties);
    add(top.number.has_value());
  }

  void add(const operators::FrameBound& bound) {
    add(static_cast<int64_t>(bound.edge));
    add(bound.offset);
    // Over the order's column as column 0, not over the input.
    shape_.expressions.push_back(bound.value);
  }
  void write(const plan::Over& over) {
    add(over.partition);
    add(over.order);
    for (const plan::OverCall& call : over.calls) {
      add(static_cast<int64_t>(call.function));
      add_pointer(call.aggregate);
      add(call.arguments);
      add_column(call.filter);
      add_column(call.fallback);
      add(call.number);
      add(static_cast<int64_t>(call.frame.unit));
      add(call.frame.lower);
      add(call.frame.upper);
      add(static_cast<int64_t>(call.frame.exclusion));
    }
  }

  void write(const plan::Session& session) {
    add(session.partition);
    add_column(session.time);
    add(session.gap);
    add(session.bounded);
    add(session.on_close);
  }

  void write(const plan::TableFunction& call) {
    add_pointer(call.function);
    for (const ExprRef& argument : call.arguments) add(argument);
    add(call.ordinality.has_value());
    add(call.outer);
  }

  const Node& node_;
  std::unordered_map<ColumnId, uint32_t> places_;
  Shape shape_;
};

class Sharing {
 public:
  NodeRef share(const NodeRef& node) {
    if (const auto known = shared_.find(node.get()); known != shared_.end()) return known->second;
    const size_t shape = shape_of(node);
    NodeRef result;
    if (const auto first = first_.find(shape); first != first_.end()) {
      result = renamed(first->second, node->columns);
    } else {
      std::vector<NodeRef> inputs;
      for (const NodeRef& input : node->inputs) inputs.push_back(share(input));
      result = plan::with_inputs(node, std::move(inputs));
      if (is_worth_sharing(*node)) first_.emplace(shape, result);
    }
    shared_.emplace(node.get(), result);
    return result;
  }

 private:
  /// Records are decoded or state is kept below; rows of tables and views are there already. Over
  /// and TopN want a Hold right below.
  static bool is_worth_sharing(const Node& node) {
    switch (node.kind) {
      case NodeKind::kScan:
        return as<plan::Scan>(node).object->kind == catalog::ObjectKind::kSource ||
               as<plan::Scan>(node).ttl_us > 0;
      case NodeKind::kHold:
        return false;
      case NodeKind::kFilter:
      case NodeKind::kProject:
      case NodeKind::kTableFunction:
      case NodeKind::kUnion:
        return std::any_of(node.inputs.begin(), node.inputs.end(),
                           [](const NodeRef& input) { return is_worth_sharing(*input); });
      default:
        return true;
    }
  }

  static NodeRef renamed(const NodeRef& node, const plan::Columns& columns) {
    std::vector<ExprRef> values;
    for (const plan::Column& column : node->columns) values.push_back(plan::column_ref(column));
    return plan::make_project(node, columns, std::move(values));
  }

  /// The number of the node's shape; of equal ones the same.
  size_t shape_of(const NodeRef& node) {
    if (const auto known = numbers_.find(node.get()); known != numbers_.end()) return known->second;
    std::vector<size_t> inputs;
    for (const NodeRef& input : node->inputs) inputs.push_back(shape_of(input));
    Shape shape = ShapeWriter(*node, std::move(inputs)).write();
    const auto equal = std::find(shapes_.begin(), shapes_.end(), shape);
    const auto number = static_cast<size_t>(equal - shapes_.begin());
    if (equal == shapes_.end()) shapes_.push_back(std::move(shape));
    numbers_.emplace(node.get(), number);
    return number;
  }

  std::vector<Shape> shapes_;
  std::unordered_map<const Node*, size_t> numbers_;
  std::unordered_map<size_t, NodeRef> first_;
  std::unordered_map<const Node*, NodeRef> shared_;
};

}  // namespace

NodeRef share_common(const NodeRef& node) { return Sharing().share(node); }

}  // namespace forebay::sql::rules
