#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "connectors/source.h"
#include "engine/data/text_format.h"
#include "sql/explain/explain.h"
#include "sql/lowering/lowering.h"
#include "sql/plan/join_time.h"
#include "sql/plan/print.h"
#include "sql/plan/properties.h"
#include "sql/plan/watermarks.h"

/// EXPLAIN (STATE): what each operator keeps, and what takes it away again.
namespace forebay::sql::explain {

namespace {

using plan::Node;
using plan::NodeKind;
using plan::NodeRef;

struct Kept {
  std::string text;
  bool bounded = true;
  /// How fast it grows, or how large it is: growth_text(), size_text().
  std::string growth = {};
  /// What it keeps comes from a source that goes on.
  bool of_stream = false;
};

/// Rows come from a source for as long as it is there, and say what time it is, or never end.
bool reads_stream(const NodeRef& node) {
  if (node->kind != NodeKind::kScan) {
    return std::any_of(node->inputs.begin(), node->inputs.end(), reads_stream);
  }
  const catalog::CatalogObject& object = *plan::as<plan::Scan>(*node).object;
  if (object.kind != catalog::ObjectKind::kSource) return false;
  return object.watermark || (object.connector != nullptr && !object.connector->is_bounded());
}

class StateOf {
 public:
  /// `storing`: the node whose state is the view itself, if any.
  StateOf(const NodeRef& plan, const catalog::CatalogSnapshot& catalog, const Node* storing,
          RateOf rate_of = nullptr)
      : names_(plan), catalog_(catalog), storing_(storing), rate_of_(std::move(rate_of)) {
    find_ttl(plan);
  }

  std::vector<Kept> all;

  void add(const NodeRef& node) {
    if (!seen_.insert(node.get()).second) return;
    const size_t first = all.size();
    switch (node->kind) {
      case NodeKind::kScan:
        add_scan(plan::as<plan::Scan>(*node));
        break;
      case NodeKind::kAggregate:
        add_aggregate(node);
        break;
      case NodeKind::kDistinct:
        forever("Distinct", names_.list(ids(*node)), "a row per key", whole(*node, 0, 1));
        break;
      case NodeKind::kJoin:
        add_join(plan::as<plan::Join>(*node));
        break;
      case NodeKind::kAsofJoin:
        add_asof_join(plan::as<plan::AsofJoin>(*node));
        break;
      case NodeKind::kTopN:
        add_top_n(*node);
        break;
      case NodeKind::kOver:
        add_over(plan::as<plan::Over>(*node));
        break;
      case NodeKind::kSingleRow:
        forever("SingleRow", names_.list(plan::as<plan::SingleRow>(*node).keys), "a row per key",
                whole(*node, 0, 1));
        break;
      case NodeKind::kSession:
        add_session(node);
        break;
      case NodeKind::kHold:
        add_hold(node);
        break;
      default:
        break;
    }
    for (size_t i = first; i < all.size(); ++i) all[i].of_stream = reads_stream(node);
    for (const NodeRef& input : node->inputs) add(input);
  }

 private:
  static std::vector<plan::ColumnId> ids(const Node& node) {
    std::vector<plan::ColumnId> out;
    for (const plan::Column& column : node.columns) out.push_back(column.id);
    return out;
  }

  void forever(std::string_view name, const std::string& key, std::string_view what,
               const std::vector<Growing>& rows) {
    if (!ttl_.empty()) {
      all.push_back({fmt::format("{} key={}: {}; all goes after {}", name, key, what, ttl_), true});
      return;
    }
    all.push_back({fmt::format("{} key={}: {}; nothing bounds it", name, key, what), false,
                   growth_text(rows, rate_of_)});
  }
  /// The rows that inputs give, whole.
  static std::vector<Growing> whole(const Node& node, size_t first, size_t inputs) {
    std::vector<Growing> rows;
    for (size_t i = first; i < first + inputs; ++i) {
      rows.push_back({node.inputs[i].get(), &node.inputs[i]->columns});
    }
    return rows;
  }

  /// The ttl of the view, which all of its scans have.
  void find_ttl(const NodeRef& node) {
    if (node->kind == NodeKind::kScan && plan::as<plan::Scan>(*node).ttl_us > 0) {
      data::Interval ttl;
      ttl.microseconds = plan::as<plan::Scan>(*node).ttl_us;
      ttl_.clear();
      data::format_interval(ttl, ttl_);
    }
    for (const NodeRef& input : node->inputs) find_ttl(input);
  }

  void add_scan(const plan::Scan& scan) {
    if (scan.ttl_us == 0) return;
    all.push_back({fmt::format("Expiry of {}: the rows that came, which go after {}",
                               scan.object->name, ttl_),
                   true});
  }

  /// "the watermark of bid".
  std::string watermark_of(const NodeRef& input, plan::ColumnId column) const {
    const plan::TimeBounds bounds = plan::time_bounds(input);
    std::vector<std::string> relations;
    for (const plan::BoundTerm& term : bounds.at(column)) {
      std::string name = "?";
      if (term.source != nullptr) {
        name = term.source->object->name;
      } else if (auto object = catalog_.find(term.id.object)) {
        name = object->name;
      }
      if (std::find(relations.begin(), relations.end(), name) == relations.end()) {
        relations.push_back(std::move(name));
      }
    }
    return fmt::format("the watermark of {}", fmt::join(relations, ", "));
  }

  /// "the watermark of bid has passed at + 01:00:00".
  std::string passed(const plan::Join& join, int side) const {
    const plan::TimeOrder& order = *join.time->sides[side].needed;
    std::string text = names_.of(order.high);
    if (order.offset_us != 0) {
      data::Interval by;
      by.microseconds = std::abs(order.offset_us);
      // high < bound + offset: the bound has passed high - offset.
      text += order.offset_us < 0 ? " + " : " - ";
      data::format_interval(by, text);
    }
    std::string watermarks = watermark_of(join.inputs[static_cast<size_t>(1 - side)], order.low);
    if (join.time->sides[side].changes) {
      const std::string own = watermark_of(join.inputs[static_cast<size_t>(side)], order.high);
      if (own != watermarks) watermarks += fmt::format(" and {}", own);
    }
    return fmt::format("{} has passed {}", watermarks, text);
  }

  void add_join(const plan::Join& join) {
    std::vector<plan::ColumnId> keys;
    for (const plan::JoinKey& key : join.keys) keys.push_back(key.left);
    const std::string key = names_.list(keys);
    if (!join.time) return forever("Join", key, "the rows of both sides", whole(join, 0, 2));
    if (join.time->by_key) {
      std::string watermarks = watermark_of(join.inputs[0], join.keys[0].left);
      const std::string right = watermark_of(join.inputs[1], join.keys[0].right);
      if (right != watermarks) watermarks += fmt::format(" and {}", right);
      all.push_back({fmt::format("Join key={}: the rows of both sides, which go once {} has passed "
                                 "{}",
                                 key, watermarks, names_.of(join.keys[0].left)),
                     true});
      return;
    }
    std::string text = fmt::format("Join key={}: the rows of both sides", key);
    bool bounded = true;
    std::vector<Growing> stays;
    std::string sizes;
    for (int side : {0, 1}) {
      const auto& needed = join.time->sides[side].needed;
      const bool goes = needed.has_value();
      bounded &= goes;
      const std::vector<Growing> rows = whole(join, static_cast<size_t>(side), 1);
      if (!goes) stays.push_back(rows[0]);
      if (goes && needed->offset_us < 0) {
        sizes += size_text(rows[0], -needed->offset_us, side == 0 ? "left" : "right", rate_of_);
      }
      text += fmt::format("; {} {}", side == 0 ? "left ones" : "right ones",
                          goes ? "go once " + passed(join, side) : "stay: nothing bounds them");
    }
    if (!bounded) sizes += growth_text(stays, rate_of_);
    all.push_back({std::move(text), bounded, std::move(sizes)});
  }

  void add_aggregate(const NodeRef& node) {
    const auto& aggregate = plan::as<plan::Aggregate>(*node);
    if (aggregate.scalar) {
      all.push_back({"Aggregate key=[]: one group", true});
      return;
    }
    const std::string key = names_.list(aggregate.groups);
    if (!aggregate.bounded) {
      forever("Aggregate", key, "a group per key", {{node->inputs[0].get(), &node->columns}});
      return;
    }
    const std::string passed =
        fmt::format("{} has passed {}{}", watermark_of(node->inputs[0], aggregate.groups[0]),
                    names_.of(aggregate.groups[0]), aggregate.slack > 0 ? " and its windows" : "");
    all.push_back(
        {node.get() == storing_
             ? fmt::format(
                   "Aggregate key={}: the view's rows; what stands beside them goes once {}", key,
                   passed)
             : fmt::format("Aggregate key={}: a group per key, which goes once {}", key, passed),
         true});
  }

  void add_top_n(const Node& node) {
    const auto& top = plan::as<plan::TopN>(node);
    if (!top.limit && !top.offset && !top.number) return;  // an order only
    const bool first_only = top.limit && plan::is_append_only(top.inputs[0]);
    if (first_only && top.partition.empty()) {
      all.push_back({"TopN key=[]: the first rows", true});
      return;
    }
    add_partitions("TopN", node, top.partition, first_only ? "the first rows per key" : "all rows");
  }

  void add_over(const plan::Over& over) {
    // Rows that come in order of time, and frames that begin near the row.
    const bool in_order = plan::closes_in_order(over);
    const bool few =
        in_order && std::all_of(over.calls.begin(), over.calls.end(), [](const auto& call) {
          return call.function == operators::OverFunction::kLag || begins_near(call);
        });
    if (!few) return add_partitions("Over", over, over.partition, "all rows");
    const bool ahead = plan::looks_ahead(over);
    const std::string what =
        ahead ? "the rows that wait and those that they see" : "the rows that later ones see";
    if (plan::goes_with_time(over)) {
      const plan::ColumnId time = over.order[0].column;
      all.push_back({fmt::format("Over key={}: {}, which go once {} has passed {} and the frames",
                                 names_.list(over.partition), what,
                                 watermark_of(over.inputs[0], time), names_.of(time)),
                     true});
      return;
    }
    if (over.partition.empty()) {
      all.push_back({"Over key=[]: " + what, true});
      return;
    }
    add_partitions("Over", over, over.partition, what + ", per key");
  }
  static bool begins_near(const plan::OverCall& call) {
    return call.function >= operators::OverFunction::kFirstValue &&
           call.frame.lower.edge == operators::FrameBound::Edge::kOffset;
  }

  void add_partitions(std::string_view name, const Node& node,
                      const std::vector<plan::ColumnId>& partition, std::string_view what) {
    const std::optional<plan::ColumnId> time = plan::bounded_partition(node);
    if (!time) return forever(name, names_.list(partition), what, whole(node, 0, 1));
    all.push_back(
        {fmt::format("{} key={}: {}, which go once {} has passed {}", name, names_.list(partition),
                     what, watermark_of(node.inputs[0], *time), names_.of(*time)),
         true});
  }

  void add_asof_join(const plan::AsofJoin& join) {
    std::vector<plan::ColumnId> keys;
    for (const plan::JoinKey& key : join.keys) keys.push_back(key.left);
    const std::string key = names_.list(keys);
    if (join.mode == plan::AsofMode::kNearest) return add_nearest(join, key);
    if (join.mode == plan::AsofMode::kEpochEnd) {
      if (!plan::is_append_only(join.inputs[0])) {
        forever("LookupJoin", key, "the rows of both sides", whole(join, 0, 2));
        return;
      }
      all.push_back({fmt::format("LookupJoin key={}: the rows of the right side", key), true});
      return;
    }
    const plan::TimeBounds left = plan::time_bounds(join.inputs[0]);
    if (!left.contains(join.left_time)) {
      forever("AsofJoin", key, "left rows and all versions of the right side", whole(join, 0, 2));
      return;
    }
    all.push_back(
        {fmt::format("AsofJoin key={}: left rows, and versions that are over, which go once {} and "
                     "{} have passed {}",
                     key, watermark_of(join.inputs[0], join.left_time),
                     watermark_of(join.inputs[1], join.right_time), names_.of(join.left_time)),
         true});
  }

  void add_nearest(const plan::AsofJoin& join, const std::string& key) {
    if (!plan::forgets(join)) {
      forever("AsofJoin", key, "the rows of both sides", whole(join, 0, 2));
      return;
    }
    using operators::AsofOrder;
    const bool backward = join.order == AsofOrder::kAtOrBefore || join.order == AsofOrder::kBefore;
    std::string watermarks = watermark_of(join.inputs[0], join.left_time);
    const std::string right = watermark_of(join.inputs[1], join.right_time);
    watermarks += right == watermarks ? " has" : fmt::format(" and {} have", right);
    if (backward) {
      all.push_back({fmt::format("AsofJoin key={}: left rows, which go once {} passed {}, and "
                                 "right rows, which go once the next one is passed",
                                 key, watermarks, names_.of(join.left_time)),
                     true});
      return;
    }
    all.push_back({fmt::format("AsofJoin key={}: right rows, which go once {} passed {}, and left "
                               "rows, which go with the one that they match; without one they stay",
                               key, watermarks, names_.of(join.right_time)),
                   false, growth_text(whole(join, 0, 1), rate_of_)});
  }

  void add_session(const NodeRef& node) {
    const auto& session = plan::as<plan::Session>(*node);
    const std::string key = names_.list(session.partition);
    if (!session.bounded) {
      forever("Session", key, "all rows", whole(*node, 0, 1));
      return;
    }
    all.push_back(
        {fmt::format("Session key={}: the rows of a session, which go once {} has passed {}", key,
                     watermark_of(node->inputs[0], session.time), names_.of(session.end.id)),
         true});
  }

  void add_hold(const NodeRef& node) {
    const plan::ColumnId time = plan::as<plan::Hold>(*node).time;
    all.push_back({fmt::format("Hold: the rows until {} has passed {}",
                               watermark_of(node->inputs[0], time), names_.of(time)),
                   true});
  }

  plan::ColumnNames names_;
  std::unordered_set<const Node*> seen_;
  const catalog::CatalogSnapshot& catalog_;
  const Node* storing_;
  /// As text; empty: none.
  std::string ttl_;
  RateOf rate_of_;
};

}  // namespace

std::vector<std::string> explain_state(const NodeRef& plan, const catalog::CatalogObject& object,
                                       const catalog::CatalogSnapshot& catalog,
                                       const RateOf& rate_of) {
  const bool is_view = object.kind == catalog::ObjectKind::kMaterializedView;
  const NodeRef storing = is_view ? lowering::storing_node(plan) : nullptr;
  StateOf state(plan, catalog, storing.get(), rate_of);
  state.add(plan);
  std::vector<std::string> lines;
  if (is_view && storing == nullptr) {
    std::vector<std::string> keys;
    for (uint32_t position : object.key_columns) keys.push_back(plan->columns[position].name);
    lines.push_back(
        object.has_key ? fmt::format("Materialize key=[{}]: the view's rows", fmt::join(keys, ", "))
                       : "Materialize: the view's rows");
  }
  for (const Kept& kept : state.all) lines.push_back(kept.text + kept.growth);
  if (lines.empty()) lines.push_back("nothing");
  return lines;
}

void add_state_notices(const NodeRef& plan, std::string_view name,
                       const catalog::CatalogSnapshot& catalog, std::vector<std::string>& notices) {
  StateOf state(plan, catalog, nullptr);
  state.add(plan);
  for (const Kept& kept : state.all) {
    if (kept.bounded || !kept.of_stream) continue;
    notices.push_back(
        fmt::format("the state of \"{}\" may grow without bound: {}", name, kept.text));
  }
}

}  // namespace forebay::sql::explain
