#include <fmt/format.h>

#include "sql/explain/explain.h"
#include "sql/lowering/lowering.h"
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
};

class StateOf {
 public:
  StateOf(const NodeRef& plan, const catalog::CatalogSnapshot& catalog)
      : names_(plan), catalog_(catalog), storing_(lowering::storing_node(plan).get()) {}

  std::vector<Kept> all;

  void add(const NodeRef& node) {
    switch (node->kind) {
      case NodeKind::kAggregate:
        add_aggregate(node);
        break;
      case NodeKind::kDistinct:
        forever("Distinct", names_.list(ids(*node)), "a row per key");
        break;
      case NodeKind::kJoin: {
        std::vector<plan::ColumnId> keys;
        for (const plan::JoinKey& key : plan::as<plan::Join>(*node).keys) keys.push_back(key.left);
        forever("Join", names_.list(keys), "the rows of both sides");
        break;
      }
      case NodeKind::kTopN:
        add_top_n(plan::as<plan::TopN>(*node));
        break;
      case NodeKind::kOver:
        forever("Over", names_.list(plan::as<plan::Over>(*node).partition), "all rows");
        break;
      case NodeKind::kSingleRow:
        forever("SingleRow", names_.list(plan::as<plan::SingleRow>(*node).keys), "a row per key");
        break;
      case NodeKind::kSession:
        add_session(node);
        break;
      default:
        break;
    }
    for (const NodeRef& input : node->inputs) add(input);
  }

 private:
  static std::vector<plan::ColumnId> ids(const Node& node) {
    std::vector<plan::ColumnId> out;
    for (const plan::Column& column : node.columns) out.push_back(column.id);
    return out;
  }

  void forever(std::string_view name, const std::string& key, std::string_view what) {
    all.push_back({fmt::format("{} key={}: {}; nothing bounds it", name, key, what), false});
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

  void add_aggregate(const NodeRef& node) {
    const auto& aggregate = plan::as<plan::Aggregate>(*node);
    if (aggregate.scalar) {
      all.push_back({"Aggregate key=[]: one group", true});
      return;
    }
    const std::string key = names_.list(aggregate.groups);
    if (!aggregate.bounded) {
      forever("Aggregate", key, "a group per key");
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

  void add_top_n(const plan::TopN& top) {
    if (!top.limit && !top.offset && !top.number) return;  // an order only
    const bool first_only = top.limit && plan::is_append_only(top.inputs[0]);
    if (first_only && top.partition.empty()) {
      all.push_back({"TopN key=[]: the first rows", true});
      return;
    }
    forever("TopN", names_.list(top.partition), first_only ? "the first rows per key" : "all rows");
  }

  void add_session(const NodeRef& node) {
    const auto& session = plan::as<plan::Session>(*node);
    const std::string key = names_.list(session.partition);
    if (!session.bounded) {
      forever("Session", key, "all rows");
      return;
    }
    all.push_back(
        {fmt::format("Session key={}: the rows of a session, which go once {} has passed {}", key,
                     watermark_of(node->inputs[0], session.time), names_.of(session.end.id)),
         true});
  }

  plan::ColumnNames names_;
  const catalog::CatalogSnapshot& catalog_;
  const Node* storing_;
};

}  // namespace

std::vector<std::string> explain_state(const NodeRef& plan, const catalog::CatalogObject& view,
                                       const catalog::CatalogSnapshot& catalog) {
  StateOf state(plan, catalog);
  state.add(plan);
  std::vector<std::string> lines;
  if (lowering::storing_node(plan) == nullptr) {
    std::vector<std::string> keys;
    for (uint32_t position : view.key_columns) keys.push_back(plan->columns[position].name);
    lines.push_back(
        view.has_key ? fmt::format("Materialize key=[{}]: the view's rows", fmt::join(keys, ", "))
                     : "Materialize: the view's rows");
  }
  for (Kept& kept : state.all) lines.push_back(std::move(kept.text));
  return lines;
}

std::vector<std::string> unbounded_state(const NodeRef& plan,
                                         const catalog::CatalogSnapshot& catalog) {
  StateOf state(plan, catalog);
  state.add(plan);
  std::vector<std::string> lines;
  for (Kept& kept : state.all) {
    if (!kept.bounded) lines.push_back(std::move(kept.text));
  }
  return lines;
}

}  // namespace forebay::sql::explain
