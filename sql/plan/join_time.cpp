#include "sql/plan/join_time.h"

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"
#include "sql/plan/temporal.h"

namespace forebay::sql::plan {

using data::TypeId;
using expr::ExprKind;

namespace {

bool is_timestamp(const Type& type) {
  return type.id == TypeId::kTimestamp || type.id == TypeId::kTimestampTz;
}

/// A time column plus a constant.
struct Shifted {
  ColumnId column = 0;
  int64_t offset_us = 0;
};

std::optional<Shifted> shifted_column(const ExprRef& expr) {
  if (!is_timestamp(expr->type)) return std::nullopt;
  if (expr->kind == ExprKind::kColumn) return Shifted{expr->column, 0};
  if (expr->kind != ExprKind::kCall) return std::nullopt;
  const std::string_view name = expr->function->name;
  if (expr->function->category == "cast") {
    // In UTC times with and without zone are the same numbers, unless they are rounded.
    const ExprRef& inner = expr->children[0];
    const bool rounds = expr->type.modifier >= 0 && expr->type.modifier != inner->type.modifier;
    return rounds ? std::nullopt : shifted_column(inner);
  }
  if ((name != "+" && name != "-") || expr->children.size() != 2) return std::nullopt;
  std::optional<Shifted> from = shifted_column(expr->children[0]);
  std::optional<int64_t> by = microseconds(expr->children[1]);
  if (!from && name == "+") {
    from = shifted_column(expr->children[1]);
    by = microseconds(expr->children[0]);
  }
  if (!from || !by) return std::nullopt;
  from->offset_us += name == "+" ? *by : -*by;
  if (from->offset_us > kMostShift || from->offset_us < -kMostShift) return std::nullopt;
  return from;
}

class Orders {
 public:
  explicit Orders(const Join& join)
      : sides_{column_set(join.input(0).columns), column_set(join.input(1).columns)} {
    for (const JoinKey& key : join.keys) {
      const size_t at = find_column(join.input(0).columns, key.left);
      if (key.null_safe || !is_timestamp(join.input(0).columns[at].type)) continue;
      add({key.left, 0}, {key.right, 0});
      add({key.right, 0}, {key.left, 0});
    }
  }

  void add(const ExprRef& conjunct) {
    if (conjunct->kind != ExprKind::kCall || conjunct->children.size() != 2) return;
    const ExprRef &a = conjunct->children[0], &b = conjunct->children[1];
    const std::string_view op = conjunct->function->name;
    // Ends are kept in: the condition itself is judged as well.
    const bool up = op == "<" || op == "<=" || op == "=";
    const bool down = op == ">" || op == ">=" || op == "=";
    if (up) add(a, b);
    if (down) add(b, a);
  }

  std::vector<TimeOrder> all;

 private:
  /// a <= b.
  void add(const ExprRef& a, const ExprRef& b) {
    const std::optional<Shifted> low = shifted_column(a), high = shifted_column(b);
    if (low && high) return add(*low, *high);
    if (const auto by = interval_of(b)) return add_difference(a, 0, *by);
    if (const auto by = interval_of(a)) return add_difference(b, 1, *by);
  }

  static std::optional<int64_t> interval_of(const ExprRef& expr) {
    if (expr->type.id != TypeId::kInterval) return std::nullopt;
    return microseconds(expr);
  }

  /// x - y <= by, or at_least: x - y >= by.
  void add_difference(const ExprRef& difference, bool at_least, int64_t by) {
    if (difference->kind != ExprKind::kCall || difference->function->name != "-" ||
        difference->children.size() != 2) {
      return;
    }
    std::optional<Shifted> x = shifted_column(difference->children[0]);
    const std::optional<Shifted> y = shifted_column(difference->children[1]);
    if (!x || !y) return;
    x->offset_us -= by;
    if (at_least) {
      add(*y, *x);
    } else {
      add(*x, *y);
    }
  }

  void add(const Shifted& low, const Shifted& high) {
    for (int side : {0, 1}) {
      if (!sides_[side].contains(low.column) || !sides_[1 - side].contains(high.column)) continue;
      const int64_t offset = low.offset_us - high.offset_us;
      for (TimeOrder& known : all) {
        if (known.low != low.column || known.high != high.column) continue;
        known.offset_us = std::max(known.offset_us, offset);
        return;
      }
      all.push_back({low.column, high.column, offset, side});
    }
  }

  ColumnSet sides_[2];
};

std::optional<size_t> bounded_key(const Join& join, const TimeBounds& left,
                                  const TimeBounds& right) {
  std::optional<size_t> best;
  int64_t best_coarseness = 0;
  for (size_t i = 0; i < join.keys.size(); ++i) {
    const JoinKey& key = join.keys[i];
    auto a = left.find(key.left);
    auto b = right.find(key.right);
    if (a == left.end() || b == right.end()) continue;
    // Rows that NULL matches would stay.
    const auto never_null = [&](size_t side, ColumnId id) {
      const Columns& columns = join.input(side).columns;
      return is_never_null(join.inputs[side], column_ref(columns[find_column(columns, id)]));
    };
    if (key.null_safe && !never_null(0, key.left) && !never_null(1, key.right)) continue;
    const int64_t lag = std::max(coarseness(a->second), coarseness(b->second));
    if (best && lag >= best_coarseness) continue;
    best = i;
    best_coarseness = lag;
  }
  return best;
}

/// How rows of one side can go.
std::optional<TimeOrder> choose_order(const std::vector<TimeOrder>& orders, int side, bool changes,
                                      const TimeBounds& own, const TimeBounds& other) {
  const TimeOrder* best = nullptr;
  bool best_ends = false;
  for (const TimeOrder& order : orders) {
    if (order.low_side == side || !other.contains(order.low)) continue;
    if (changes && !own.contains(order.high)) continue;
    const bool ends = std::any_of(orders.begin(), orders.end(), [&](const TimeOrder& up) {
      return up.low_side == side && up.low == order.high;
    });
    if (best != nullptr && (ends < best_ends || (ends == best_ends && order.high != best->high)))
      continue;
    if (best != nullptr && ends == best_ends && order.offset_us <= best->offset_us) continue;
    best = &order;
    best_ends = ends;
  }
  return best == nullptr ? std::nullopt : std::optional<TimeOrder>(*best);
}

void add_once(std::vector<ColumnId>& columns, ColumnId id) {
  if (std::find(columns.begin(), columns.end(), id) == columns.end()) columns.push_back(id);
}

/// nullptr: no side's rows go.
std::shared_ptr<const JoinTime> interval_time(const Join& join, std::vector<TimeOrder> orders,
                                              const TimeBounds (&bounds)[2]) {
  auto time = std::make_shared<JoinTime>();
  time->orders = std::move(orders);
  for (int side : {0, 1}) {
    JoinTime::Side& of = time->sides[side];
    of.changes = !is_append_only(join.inputs[static_cast<size_t>(side)]);
    of.needed = choose_order(time->orders, side, of.changes, bounds[side], bounds[1 - side]);
    if (!of.needed) continue;
    add_once(time->sides[1 - side].late, of.needed->low);
    if (of.changes) add_once(of.late, of.needed->high);
    of.lower = {of.needed->low, of.needed->offset_us};
    for (const TimeOrder& order : time->orders) {
      if (order.low_side != side || order.low != of.needed->high) continue;
      if (!of.upper || (of.upper->column == order.high && of.upper->offset_us > -order.offset_us)) {
        of.upper = {order.high, -order.offset_us};
      }
    }
  }
  if (!time->sides[0].needed && !time->sides[1].needed) return nullptr;
  return time;
}

}  // namespace

NodeRef bound_join(const NodeRef& node, const std::vector<ExprRef>& above) {
  const auto& join = as<Join>(*node);
  const TimeBounds bounds[2] = {time_bounds(join.inputs[0]), time_bounds(join.inputs[1])};
  if (bounds[0].empty() && bounds[1].empty()) return node;
  auto copy = std::make_shared<Join>(join);
  if (const auto key = bounded_key(join, bounds[0], bounds[1])) {
    const auto at = copy->keys.begin() + static_cast<std::ptrdiff_t>(*key);
    std::rotate(copy->keys.begin(), at, at + 1);
    auto time = std::make_shared<JoinTime>();
    time->by_key = true;
    time->sides[0].late = {copy->keys[0].left};
    time->sides[1].late = {copy->keys[0].right};
    copy->time = std::move(time);
    return copy;
  }
  Orders orders(join);
  std::vector<ExprRef> conjuncts;
  split_conjuncts(join.condition, conjuncts);
  if (join.join == JoinKind::kInner) {
    conjuncts.insert(conjuncts.end(), above.begin(), above.end());
  }
  for (const ExprRef& conjunct : conjuncts) orders.add(conjunct);
  copy->time = interval_time(join, std::move(orders.all), bounds);
  return copy->time ? copy : node;
}

std::vector<ExprRef> conditions_below(const Node& node, size_t index,
                                      const std::vector<ExprRef>& above) {
  std::vector<ExprRef> below;
  switch (node.kind) {
    case NodeKind::kFilter:
      split_conjuncts(as<Filter>(node).predicate, below);
      below.insert(below.end(), above.begin(), above.end());
      return below;
    case NodeKind::kProject: {
      const auto& project = as<Project>(node);
      Replacements replacements;
      for (size_t i = 0; i < project.columns.size(); ++i) {
        replacements[project.columns[i].id] = project.expressions[i];
      }
      for (const ExprRef& conjunct : above) {
        below.push_back(replace_columns(conjunct, replacements));
      }
      return below;
    }
    case NodeKind::kJoin: {
      const JoinKind kind = as<Join>(node).join;
      const bool passes = kind == JoinKind::kInner ||
                          (index == 0 ? kind != JoinKind::kRight && kind != JoinKind::kFull
                                      : kind == JoinKind::kRight);
      if (passes) below = above;
      if (kind == JoinKind::kInner) split_conjuncts(as<Join>(node).condition, below);
      return below;
    }
    default:
      return {};
  }
}

namespace {

/// What rows with low >= `terms` say about high: low + offset <= high.
BoundTerms moved(BoundTerms terms, const Type& type, int64_t offset_us) {
  if (offset_us == 0) return terms;
  for (BoundTerm& term : terms) {
    term.shift = earlier(term.shift ? term.shift : expr::column(0, type), -offset_us);
  }
  return terms;
}

Type type_of(const Node& node, ColumnId id) {
  return node.columns[find_column(node.columns, id)].type;
}

}  // namespace

BoundTerms needed_terms(const Join& join, int side) {
  const JoinTime::Side& of = join.time->sides[side];
  const TimeOrder& order = *of.needed;
  const NodeRef& other = join.inputs[static_cast<size_t>(1 - side)];
  BoundTerms terms =
      moved(time_bounds(other).at(order.low), type_of(*other, order.low), order.offset_us);
  if (of.changes) {
    add_terms(terms, time_bounds(join.inputs[static_cast<size_t>(side)]).at(order.high));
  }
  return terms;
}

TimeBounds join_bounds(const Join& join, const TimeBounds& left, const TimeBounds& right) {
  const bool left_only = join.join == JoinKind::kSemi || join.join == JoinKind::kAnti;
  TimeBounds out;
  for (const JoinKey& key : join.keys) {
    auto a = left.find(key.left);
    auto b = right.find(key.right);
    if (a == left.end() || b == right.end()) continue;
    BoundTerms both = a->second;
    add_terms(both, b->second);
    out[key.left] = both;
    if (!left_only) out[key.right] = both;
  }
  if (!join.time) return out;
  // A change of one side shows rows of the other that it matches: high >= low + offset.
  for (const TimeOrder& order : join.time->orders) {
    const int side = 1 - order.low_side;  // that of `high`
    if ((side == 1 && left_only) || out.contains(order.high)) continue;
    const TimeBounds& own = side == 0 ? left : right;
    const TimeBounds& other = side == 0 ? right : left;
    auto a = own.find(order.high);
    auto b = other.find(order.low);
    if (a == own.end() || b == other.end()) continue;
    const Type type = type_of(join.input(static_cast<size_t>(1 - side)), order.low);
    if (type.id != type_of(join.input(static_cast<size_t>(side)), order.high).id) continue;
    BoundTerms both = a->second;
    add_terms(both, moved(b->second, type, order.offset_us));
    out[order.high] = std::move(both);
  }
  return out;
}

}  // namespace forebay::sql::plan
