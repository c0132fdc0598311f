#include "sql/plan/watermarks.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/datetime.h"
#include "sql/plan/expressions.h"
#include "sql/plan/join_time.h"
#include "sql/plan/print.h"
#include "sql/plan/temporal.h"
#include "udfs/registry.h"

namespace forebay::sql::plan {

using catalog::ObjectKind;
using data::TypeId;
using expr::ExprKind;

namespace {

bool is_time(TypeId type) {
  return type == TypeId::kTimestamp || type == TypeId::kTimestampTz || type == TypeId::kDate;
}

/// A constant interval of fixed length. (Adding a month to the 30th and the 31st of January gives
/// the same day: their order is lost.)
bool is_fixed_interval(const ExprRef& expr) {
  if (expr->kind != ExprKind::kLiteral || expr->type.id != TypeId::kInterval) return false;
  return !expr->literal.is_null() && std::get<data::Interval>(expr->literal.value).months == 0;
}

bool is_value(const ExprRef& expr) {
  return expr->kind == ExprKind::kLiteral && !expr->literal.is_null();
}

/// The column, or COALESCE, that the expression follows: it grows when that does. nullptr: none is
/// known.
ExprRef monotone_source(const ExprRef& expr) {
  if (!is_time(expr->type.id)) return nullptr;
  if (expr->kind == ExprKind::kColumn || expr->kind == ExprKind::kCoalesce) return expr;
  if (expr->kind != ExprKind::kCall) return nullptr;
  const auto& arguments = expr->children;
  const std::string_view name = expr->function->name;
  if (expr->function->category == "cast") return monotone_source(arguments[0]);
  if (name == "+" && arguments.size() == 2) {
    if (is_fixed_interval(arguments[1])) return monotone_source(arguments[0]);
    if (is_fixed_interval(arguments[0])) return monotone_source(arguments[1]);
  }
  if (name == "-" && arguments.size() == 2 && is_fixed_interval(arguments[1])) {
    return monotone_source(arguments[0]);
  }
  if (name == "date_trunc" && is_value(arguments[0])) return monotone_source(arguments[1]);
  if (name == "date_bin" && is_fixed_interval(arguments[0]) && is_value(arguments[2])) {
    return monotone_source(arguments[1]);
  }
  return nullptr;
}

bool same_term(const BoundTerm& a, const BoundTerm& b) {
  if (a.source != b.source || a.id != b.id) return false;
  if (a.shift == nullptr || b.shift == nullptr) return a.shift == b.shift;
  return expr::equal(*a.shift, *b.shift);
}

/// What bounds of the columns say about an expression over them; nothing: empty.
BoundTerms terms_of(const ExprRef& expr, const TimeBounds& bounds) {
  const ExprRef source = monotone_source(expr);
  if (source == nullptr) return {};
  if (source->kind == ExprKind::kCoalesce) {  // of one of them
    BoundTerms all;
    for (const ExprRef& child : source->children) {
      const ExprRef over_child =
          transform(expr, [&](const ExprRef& part) { return part == source ? child : ExprRef(); });
      const BoundTerms terms = terms_of(over_child, bounds);
      if (terms.empty()) return {};
      add_terms(all, terms);
    }
    return all;
  }
  auto found = bounds.find(source->column);
  if (found == bounds.end()) return {};
  BoundTerms terms = found->second;
  if (expr->kind == ExprKind::kColumn) return terms;
  for (BoundTerm& term : terms) {
    const ExprRef inner = term.shift ? term.shift : expr::column(0, source->type);
    term.shift = replace_columns(expr, {{source->column, inner}});
  }
  return terms;
}

TimeBounds scan_bounds(const Scan& scan) {
  TimeBounds bounds;
  if (scan.ttl_us > 0) return bounds;  // rows go behind the watermark
  const catalog::CatalogObject& object = *scan.object;
  for (size_t i = 0; i < scan.positions.size(); ++i) {
    const uint32_t position = scan.positions[i];
    if (object.kind == ObjectKind::kSource) {
      if (!object.watermark) continue;
      const uint32_t column = object.watermark->column;
      if (position != column && position != kMetadataColumn + column) continue;
      bounds[scan.columns[i].id] = {{&scan, {}, nullptr}};
      continue;
    }
    const uint32_t stored = object.choice.empty() || position >= object.choice.size()
                                ? position
                                : object.choice[position];
    for (const operators::TimeBound& bound : object.time_bounds) {
      if (bound.column != stored) continue;
      BoundTerms& terms = bounds[scan.columns[i].id];
      for (const auto& term : bound.terms) terms.push_back({nullptr, term.id, term.shift});
    }
  }
  return bounds;
}

/// Those of `columns` only.
TimeBounds kept(const TimeBounds& bounds, const std::vector<ColumnId>& columns) {
  TimeBounds out;
  for (ColumnId id : columns) {
    if (auto found = bounds.find(id); found != bounds.end()) out.insert(*found);
  }
  return out;
}

TimeBounds asof_bounds(const AsofJoin& join) {
  const TimeBounds left = time_bounds(join.inputs[0]);
  if (join.mode == AsofMode::kEpochEnd) return left;
  const TimeBounds right = time_bounds(join.inputs[1]);
  TimeBounds out;
  auto add = [&](ColumnId of_left, ColumnId of_right) {
    auto a = left.find(of_left);
    auto b = right.find(of_right);
    if (a == left.end() || b == right.end()) return;
    BoundTerms& both = out[of_left];
    add_terms(both, a->second);
    add_terms(both, b->second);
  };
  for (const JoinKey& key : join.keys) add(key.left, key.right);
  // A right row that comes or goes changes left rows that are not earlier.
  if (join.order == operators::AsofOrder::kAtOrBefore ||
      join.order == operators::AsofOrder::kBefore) {
    add(join.left_time, join.right_time);
  }
  return out;
}

TimeBounds union_bounds(const Union& node) {
  std::vector<TimeBounds> inputs;
  for (const NodeRef& input : node.inputs) inputs.push_back(time_bounds(input));
  TimeBounds out;
  for (size_t c = 0; c < node.columns.size(); ++c) {
    BoundTerms all;
    bool bounded = true;
    for (size_t i = 0; i < inputs.size() && bounded; ++i) {
      auto found = inputs[i].find(node.sources[i][c]);
      bounded = found != inputs[i].end();
      if (bounded) add_terms(all, found->second);
    }
    if (bounded && !all.empty()) out[node.columns[c].id] = std::move(all);
  }
  return out;
}

TimeBounds project_bounds(const Project& project) {
  const TimeBounds inputs = time_bounds(project.inputs[0]);
  TimeBounds out;
  if (inputs.empty()) return out;
  for (size_t i = 0; i < project.columns.size(); ++i) {
    BoundTerms terms = terms_of(project.expressions[i], inputs);
    if (!terms.empty()) out[project.columns[i].id] = std::move(terms);
  }
  return out;
}

TimeBounds expand_bounds(const Expand& expand) {
  TimeBounds bounds = time_bounds(expand.inputs[0]);
  for (size_t i = 0; i < expand.copies.size(); ++i) {
    const bool always = std::all_of(expand.sets.begin(), expand.sets.end(),
                                    [&](const std::vector<bool>& set) { return set[i]; });
    auto found = bounds.find(expand.sources[i]);
    if (always && found != bounds.end()) bounds[expand.copies[i].id] = BoundTerms(found->second);
  }
  return bounds;
}

/// A row that isn't late changes sessions only that reach it: their end is not before it. Their
/// start, and the times of their other rows, can be.
TimeBounds session_bounds(const Session& session) {
  TimeBounds bounds = time_bounds(session.inputs[0]);
  TimeBounds out;
  if (auto found = bounds.find(session.time); found != bounds.end()) {
    out[session.end.id] = found->second;
  }
  return out;
}

/// Without fixed intervals that are added to it.
ExprRef without_offset(ExprRef shift) {
  while (shift != nullptr && shift->kind == ExprKind::kCall && shift->children.size() == 2 &&
         (shift->function->name == "+" || shift->function->name == "-") &&
         is_fixed_interval(shift->children[1])) {
    shift = shift->children[0];
  }
  return shift != nullptr && shift->kind == ExprKind::kColumn ? nullptr : shift;
}

/// The two bounds are a constant apart at all times.
bool move_together(const BoundTerms& a, const BoundTerms& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const BoundTerm left{a[i].source, a[i].id, without_offset(a[i].shift)};
    const BoundTerm right{b[i].source, b[i].id, without_offset(b[i].shift)};
    if (!same_term(left, right)) return false;
  }
  return true;
}

/// What is given when its column `time` is final may by then be behind the bounds of others.
TimeBounds given_at(TimeBounds bounds, ColumnId time) {
  const BoundTerms first = bounds.at(time);
  std::erase_if(bounds, [&](const auto& bound) { return !move_together(bound.second, first); });
  return bounds;
}

TimeBounds aggregate_bounds(const Aggregate& aggregate) {
  TimeBounds out = kept(time_bounds(aggregate.inputs[0]), aggregate.groups);
  return aggregate.on_close ? given_at(std::move(out), aggregate.groups[0]) : out;
}

/// A series goes up from its first argument.
TimeBounds table_function_bounds(const TableFunction& call) {
  TimeBounds bounds = time_bounds(call.inputs[0]);
  if (call.function->name != "generate_series" || call.arguments.size() != 3) return bounds;
  const ExprRef& step = call.arguments[2];
  if (!is_fixed_interval(step)) return bounds;
  const auto& interval = std::get<data::Interval>(step->literal.value);
  if (interval.days < 0 || interval.microseconds < 0) return bounds;
  BoundTerms terms = terms_of(call.arguments[0], bounds);
  if (!terms.empty()) bounds[call.results[0].id] = std::move(terms);
  return bounds;
}

/// How long a RANGE frame that ends behind its row is open; nullopt: not known.
std::optional<int64_t> frame_wait(const OverCall& call) {
  const ExprRef& place = call.frame.upper.value;
  if (call.function < operators::OverFunction::kFirstValue || place == nullptr ||
      place->kind != ExprKind::kCall || place->children.size() != 2 ||
      !is_fixed_interval(place->children[1]) || place->children[0]->kind != ExprKind::kColumn) {
    return std::nullopt;
  }
  return microseconds(place->children[1]);
}

/// Rows that wait for time to pass are so much older than the bound; those that wait for others
/// can have any age.
TimeBounds in_order_bounds(const Over& over) {
  TimeBounds bounds = time_bounds(over.inputs[0]);
  if (!looks_ahead(over)) return bounds;
  int64_t most = 0;
  for (const OverCall& call : over.calls) {
    if (looks_back(call, true)) continue;
    const std::optional<int64_t> wait = frame_wait(call);
    if (!wait) return {};
    most = std::max(most, *wait);
  }
  const ColumnId time = over.order[0].column;
  const data::Type type = over.input().columns[find_column(over.input().columns, time)].type;
  if (type.id != TypeId::kTimestamp && type.id != TypeId::kTimestampTz) return {};
  BoundTerms terms = bounds.at(time);
  for (BoundTerm& term : terms) {
    term.shift = earlier(term.shift != nullptr ? term.shift : expr::column(0, type), most);
  }
  TimeBounds out;
  out[time] = std::move(terms);
  return out;
}

}  // namespace

void add_terms(BoundTerms& terms, const BoundTerms& others) {
  for (const BoundTerm& other : others) {
    const bool known = std::any_of(terms.begin(), terms.end(),
                                   [&](const BoundTerm& term) { return same_term(term, other); });
    if (!known) terms.push_back(other);
  }
}

ExprRef earlier(const ExprRef& time, int64_t micros) {
  for (const udfs::ScalarFunction* minus : udfs::find_scalar("-")) {
    if (minus->arguments.size() != 2 || minus->arguments[0] != time->type.id ||
        minus->arguments[1] != TypeId::kInterval) {
      continue;
    }
    data::Interval interval;
    interval.microseconds = micros;
    return expr::call(minus, time->type,
                      {time, expr::literal({data::Type{TypeId::kInterval}, interval})});
  }
  FOREBAY_CHECK(false, "no interval can be taken from " + time->type.name());
}

TimeBounds time_bounds(const NodeRef& node) {
  switch (node->kind) {
    case NodeKind::kScan:
      return scan_bounds(as<Scan>(*node));
    case NodeKind::kFilter:
      // A filter with now() takes rows out long after they came.
      if (expr::volatility(*as<Filter>(*node).predicate) != udfs::Volatility::kImmutable) return {};
      return time_bounds(node->inputs[0]);
    case NodeKind::kDistinct:
    case NodeKind::kRepeat:
      return time_bounds(node->inputs[0]);
    case NodeKind::kProject:
      return project_bounds(as<Project>(*node));
    case NodeKind::kAggregate:
      return aggregate_bounds(as<Aggregate>(*node));
    case NodeKind::kJoin:
      return join_bounds(as<Join>(*node), time_bounds(node->inputs[0]),
                         time_bounds(node->inputs[1]));
    case NodeKind::kUnion:
      return union_bounds(as<Union>(*node));
    case NodeKind::kTopN:
      if (closes_in_order(*node)) return time_bounds(node->inputs[0]);
      return kept(time_bounds(node->inputs[0]), as<TopN>(*node).partition);
    case NodeKind::kOver:
      // A row that looks ahead may come at any time: it is not bounded by its own.
      if (closes_in_order(*node)) return in_order_bounds(as<Over>(*node));
      return kept(time_bounds(node->inputs[0]), as<Over>(*node).partition);
    case NodeKind::kSingleRow:
      return kept(time_bounds(node->inputs[0]), as<SingleRow>(*node).keys);
    case NodeKind::kAsofJoin:
      return asof_bounds(as<AsofJoin>(*node));
    case NodeKind::kHold:
      return given_at(time_bounds(node->inputs[0]), as<Hold>(*node).time);
    case NodeKind::kExpand:
      return expand_bounds(as<Expand>(*node));
    case NodeKind::kTableFunction:
      return table_function_bounds(as<TableFunction>(*node));
    case NodeKind::kSession:
      return session_bounds(as<Session>(*node));
    case NodeKind::kValues:
    case NodeKind::kLate:
    case NodeKind::kDependentJoin:
      return {};
  }
  return {};
}

bool reads_watermark(const NodeRef& node) {
  if (node->kind == NodeKind::kScan) {
    const catalog::CatalogObject& object = *as<Scan>(*node).object;
    return object.watermark.has_value() || !object.time_bounds.empty();
  }
  return std::any_of(node->inputs.begin(), node->inputs.end(), reads_watermark);
}

int64_t coarseness(const BoundTerms& terms) {
  constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();
  int64_t most = 0;
  for (const BoundTerm& term : terms) {
    if (term.shift == nullptr) continue;
    visit(term.shift, [&](const expr::Expr& part) {
      if (part.kind != ExprKind::kCall) return;
      if (part.function->name == "date_bin") {
        const auto& width = std::get<data::Interval>(part.children[0]->literal.value);
        most = std::max(most, width.days * data::kMicrosPerDay + width.microseconds);
      } else if (part.function->name == "date_trunc") {
        most = kUnknown;
      }
    });
  }
  return most;
}

namespace {

/// `above`: conditions that rows must hold further up.
NodeRef bound_groups(const NodeRef& node, bool on_close, const std::vector<ExprRef>& above) {
  std::vector<NodeRef> inputs;
  for (size_t i = 0; i < node->inputs.size(); ++i) {
    inputs.push_back(bound_groups(node->inputs[i], on_close, conditions_below(*node, i, above)));
  }
  // These name their columns by place.
  if (node->kind == NodeKind::kDistinct || node->kind == NodeKind::kTopN) {
    inputs[0] = make_narrow(inputs[0], node->input().columns);
  }
  const NodeRef same = with_inputs(node, std::move(inputs));
  if (node->kind == NodeKind::kJoin) return bound_join(same, above);
  if (node->kind == NodeKind::kSession) {
    auto session = std::make_shared<Session>(as<Session>(*same));
    session->bounded = time_bounds(same->inputs[0]).contains(session->time);
    session->on_close = session->bounded && on_close;
    return session;
  }
  if (node->kind != NodeKind::kAggregate && node->kind != NodeKind::kDistinct) return same;
  auto aggregate = node->kind == NodeKind::kAggregate
                       ? std::make_shared<Aggregate>(as<Aggregate>(*same))
                       : std::make_shared<Aggregate>();
  if (node->kind == NodeKind::kDistinct) {
    for (const Column& column : same->columns) aggregate->groups.push_back(column.id);
  }
  const TimeBounds bounds = time_bounds(same->inputs[0]);
  auto bounded = aggregate->groups.end();
  for (auto group = aggregate->groups.begin(); group != aggregate->groups.end(); ++group) {
    if (!bounds.contains(*group)) continue;
    if (bounded == aggregate->groups.end() ||
        coarseness(bounds.at(*group)) < coarseness(bounds.at(*bounded))) {
      bounded = group;
    }
  }
  if (bounded == aggregate->groups.end()) return same;
  std::rotate(aggregate->groups.begin(), bounded, bounded + 1);
  aggregate->bounded = true;
  // Panes are never final when their first window is.
  aggregate->on_close = on_close && aggregate->slack == 0;
  return make_aggregate(same->inputs[0], *aggregate, aggregate->aggregates);
}

}  // namespace

NodeRef bound_groups(const NodeRef& node, bool on_close) {
  return bound_groups(node, on_close, {});
}

bool forgets(const AsofJoin& join) {
  return join.mode != AsofMode::kEpochEnd && time_bounds(join.inputs[0]).contains(join.left_time) &&
         time_bounds(join.inputs[1]).contains(join.right_time);
}

std::optional<ColumnId> bounded_partition(const Node& node) {
  const std::vector<ColumnId>* partition = nullptr;
  if (node.kind == NodeKind::kTopN) partition = &as<TopN>(node).partition;
  if (node.kind == NodeKind::kOver) partition = &as<Over>(node).partition;
  if (partition == nullptr || partition->empty()) return std::nullopt;
  const TimeBounds bounds = time_bounds(node.inputs[0]);
  std::optional<ColumnId> finest;
  for (ColumnId id : *partition) {
    if (!bounds.contains(id)) continue;
    if (!finest || coarseness(bounds.at(id)) < coarseness(bounds.at(*finest))) finest = id;
  }
  return finest;
}

}  // namespace forebay::sql::plan
