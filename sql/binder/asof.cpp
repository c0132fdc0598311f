// Joins by time: ASOF JOIN, and FOR SYSTEM_TIME AS OF.

#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
#include "sql/plan/properties.h"
#include "sql/plan/watermarks.h"
#include "sql/rules/rules.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;
using operators::AsofOrder;
using plan::AsofMode;
using plan::JoinKind;
using plan::NodeKind;

namespace {

/// One input with columns for computed keys and times added.
class ComputedInput {
 public:
  ComputedInput(NodeRef input, plan::ColumnFactory& factory)
      : input_(std::move(input)), factory_(factory) {
    for (const Column& column : input_->columns) {
      columns_.push_back(column);
      values_.push_back(plan::column_ref(column));
    }
  }
  ColumnId add(const ExprRef& value) {
    for (size_t i = 0; i < values_.size(); ++i) {
      if (expr::equal(*values_[i], *value)) return columns_[i].id;
    }
    columns_.push_back(factory_.make("key", value->type));
    values_.push_back(value);
    return columns_.back().id;
  }
  NodeRef finish() const {
    if (columns_.size() == input_->columns.size()) return input_;
    return plan::make_project(input_, columns_, values_);
  }

 private:
  NodeRef input_;
  plan::ColumnFactory& factory_;
  Columns columns_;
  std::vector<ExprRef> values_;
};

/// `left = right` between the sides.
struct Equality {
  ExprRef left, right;
  bool null_safe = false;
};

bool is_between(const ExprRef& a, const ExprRef& b, const plan::ColumnSet& left,
                const plan::ColumnSet& right) {
  return plan::uses_only(a, left) && plan::uses_any(a, left) && plan::uses_only(b, right) &&
         plan::uses_any(b, right);
}

/// varchar compared with varchar needs no casts to text.
void strip_text_casts(Equality& equality) {
  auto is_text_cast = [](const ExprRef& value) {
    return value->kind == expr::ExprKind::kCall && value->children.size() == 1 &&
           value->type.id == data::TypeId::kText && value->function->category == "cast" &&
           value->children[0]->type.id == data::TypeId::kVarchar;
  };
  if (!is_text_cast(equality.left) || !is_text_cast(equality.right)) return;
  equality.left = equality.left->children[0];
  equality.right = equality.right->children[0];
}

std::optional<Equality> equality_of(const ExprRef& conjunct, const plan::ColumnSet& left,
                                    const plan::ColumnSet& right) {
  Equality out;
  out.null_safe = plan::is_null_safe_equality(conjunct, &out.left, &out.right);
  if (!out.null_safe && !plan::is_equality(conjunct, &out.left, &out.right)) return std::nullopt;
  if (expr::volatility(*conjunct) != udfs::Volatility::kImmutable) return std::nullopt;
  if (is_between(out.right, out.left, left, right)) std::swap(out.left, out.right);
  if (!is_between(out.left, out.right, left, right)) return std::nullopt;
  if (out.left->type.id != out.right->type.id) return std::nullopt;
  strip_text_casts(out);
  return out;
}

/// `left >= right` and the like between the sides.
struct Inequality {
  ExprRef left, right;
  AsofOrder order = AsofOrder::kAtOrBefore;
};

std::optional<Inequality> inequality_of(const ExprRef& conjunct, const plan::ColumnSet& left,
                                        const plan::ColumnSet& right) {
  static constexpr std::pair<std::string_view, AsofOrder> kSigns[] = {
      {">=", AsofOrder::kAtOrBefore},
      {">", AsofOrder::kBefore},
      {"<=", AsofOrder::kAtOrAfter},
      {"<", AsofOrder::kAfter}};
  if (conjunct->kind != expr::ExprKind::kCall || conjunct->children.size() != 2 ||
      expr::volatility(*conjunct) != udfs::Volatility::kImmutable) {
    return std::nullopt;
  }
  for (const auto& [sign, order] : kSigns) {
    if (conjunct->function->name != sign) continue;
    Inequality out{conjunct->children[0], conjunct->children[1], order};
    if (is_between(out.right, out.left, left, right)) {
      std::swap(out.left, out.right);
      constexpr AsofOrder kTurned[] = {AsofOrder::kAtOrAfter, AsofOrder::kAfter,
                                       AsofOrder::kAtOrBefore, AsofOrder::kBefore};
      out.order = kTurned[static_cast<size_t>(order)];
    }
    if (!is_between(out.left, out.right, left, right)) return std::nullopt;
    if (out.left->type.id != out.right->type.id) return std::nullopt;
    return out;
  }
  return std::nullopt;
}

/// The column is `p AS PROCTIME()` of a source.
bool is_clock(const NodeRef& node, ColumnId id) {
  const size_t at = plan::find_column(node->columns, id);
  if (at == plan::kNoColumn) return false;
  if (node->kind == NodeKind::kScan) {
    const auto& scan = plan::as<plan::Scan>(*node);
    const uint32_t position = scan.positions[at] >= plan::kMetadataColumn
                                  ? scan.positions[at] - plan::kMetadataColumn
                                  : scan.positions[at];
    const std::vector<std::string>& metadata = scan.object->metadata;
    return position < metadata.size() && metadata[position] == "proctime";
  }
  if (node->kind == NodeKind::kProject) {
    const ExprRef& value = plan::as<plan::Project>(*node).expressions[at];
    return value->kind == expr::ExprKind::kColumn && is_clock(node->inputs[0], value->column);
  }
  if (node->kind == NodeKind::kAggregate) return false;
  return std::any_of(node->inputs.begin(), node->inputs.end(),
                     [&](const NodeRef& input) { return is_clock(input, id); });
}

/// What keeps the latest row of each key of an append-only history: the history, each of whose rows
/// is a version. nullptr: it is something else.
NodeRef history_of(const NodeRef& node) {
  if (node->kind == NodeKind::kProject) {
    NodeRef input = history_of(node->inputs[0]);
    return input == nullptr ? nullptr : plan::with_inputs(node, {std::move(input)});
  }
  if (node->kind != NodeKind::kTopN) return nullptr;
  const auto& top = plan::as<plan::TopN>(*node);
  const bool one = top.limit != nullptr && top.limit->kind == expr::ExprKind::kLiteral &&
                   !top.limit->literal.is_null() &&
                   std::get<int64_t>(top.limit->literal.value) == 1;
  if (!one || top.offset != nullptr || top.with_ties || top.order.empty() ||
      top.partition.empty() || !plan::is_append_only(top.inputs[0])) {
    return nullptr;
  }
  const plan::SortItem& time = top.order.back();
  const bool is_partitioned =
      std::all_of(top.order.begin(), top.order.end() - 1, [&](const plan::SortItem& item) {
        return std::find(top.partition.begin(), top.partition.end(), item.column) !=
               top.partition.end();
      });
  if (!is_partitioned || !time.descending ||
      !plan::time_bounds(top.inputs[0]).contains(time.column)) {
    return nullptr;
  }
  if (!top.number) return top.inputs[0];
  Columns columns = node->columns;
  std::vector<ExprRef> values;
  for (const Column& column : top.input().columns) values.push_back(plan::column_ref(column));
  values.push_back(expr::literal({top.number->type, int64_t{1}}));
  return plan::make_project(top.inputs[0], std::move(columns), std::move(values));
}

bool is_proctime_call(const ast::Expr& value) {
  if (value.kind != ast::ExprKind::kFunction) return false;
  const auto& call = ast::as<ast::Function>(value);
  return call.name == std::vector<std::string>{"proctime"} && call.args.empty() && !call.star;
}

std::string name_of(const ast::JoinTable& join) {
  if (join.right->kind != ast::TableRefKind::kTable) return "the right side";
  return fmt::format("\"{}\"", ast::as<ast::NamedTable>(*join.right).name.back());
}

}  // namespace

struct Binder::TimeJoin {
  const ast::JoinTable& join;
  NodeRef left, right;
  const Scope& left_scope;
  /// What the right side's names mean.
  std::vector<ScopeColumn> right_columns;
  std::vector<ExprRef> conjuncts;
  plan::AsofJoin model = {};
  std::vector<Equality> equalities = {};
  ExprRef left_time = nullptr, right_time = nullptr;
  /// Conditions that are judged above the join.
  std::vector<ExprRef> rest = {};
};

bool Binder::is_time_join(const ast::JoinTable& join) {
  if (join.asof) return true;
  return join.right->kind == ast::TableRefKind::kTable &&
         ast::as<ast::NamedTable>(*join.right).as_of != nullptr;
}

Result<NodeRef> Binder::join_by_time(const ast::JoinTable& join, const NodeRef& left,
                                     const FromItem& right, const Scope& left_scope,
                                     std::vector<ExprRef> conditions, const Scope& both) {
  TimeJoin time{join, left, right.plan, left_scope, right.scope.visible, {}};
  const std::string_view word = join.asof ? "ASOF" : "FOR SYSTEM_TIME AS OF in a";
  if (join.join == ast::JoinKind::kRight || join.join == ast::JoinKind::kFull ||
      join.join == ast::JoinKind::kCross) {
    constexpr std::string_view kWords[] = {"CROSS", "INNER", "LEFT", "RIGHT", "FULL"};
    return unsupported(
        fmt::format("{} {} JOIN is", word, kWords[static_cast<size_t>(join.join)]), join.position,
        "Each row of the left side gets rows of the right side: use INNER or LEFT JOIN.");
  }
  time.model.outer = join.join == ast::JoinKind::kLeft;
  const plan::ColumnSet given = plan::column_set(left->columns);
  for (ColumnId id : plan::free_columns(right.plan)) {
    if (!given.contains(id)) continue;
    return unsupported("LATERAL in an ASOF JOIN is", join.right->position,
                       "Write it as a subquery with LIMIT 1.");
  }
  if (join.condition) {
    ExprContext context{&both, Clause::kJoin, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef bound, bind_condition(*join.condition, context, "JOIN/ON"));
    conditions.push_back(std::move(bound));
  }
  for (const ExprRef& condition : conditions) {
    plan::split_conjuncts(condition, time.conjuncts);
  }
  FOREBAY_RETURN_IF_ERROR(join.asof ? bind_nearest(time) : bind_as_of(time));
  return finish_time_join(time);
}

Status Binder::bind_nearest(TimeJoin& time) {
  const plan::ColumnSet left = plan::column_set(time.left->columns);
  const plan::ColumnSet right = plan::column_set(time.right->columns);
  const int32_t position =
      time.join.condition ? leftmost_position(*time.join.condition) : time.join.position;
  constexpr std::string_view kHint =
      "Write ON a.key = b.key AND a.time >= b.time (or >, <=, <): each row of a gets the nearest "
      "one of b.";
  for (const ExprRef& conjunct : time.conjuncts) {
    if (auto equality = equality_of(conjunct, left, right)) {
      time.equalities.push_back(std::move(*equality));
      continue;
    }
    auto inequality = inequality_of(conjunct, left, right);
    if (!inequality) {
      return unsupported("a condition of ASOF JOIN that is no comparison of its sides is",
                         position_of(conjunct) > 0 ? position_of(conjunct) : position,
                         "Filter the right side in a subquery, the result in WHERE.");
    }
    if (time.left_time) {
      return error(state::kSyntaxError, "ASOF JOIN has more than one inequality",
                   position_of(conjunct) > 0 ? position_of(conjunct) : position)
          .with_hint(std::string(kHint));
    }
    time.left_time = inequality->left;
    time.right_time = inequality->right;
    time.model.order = inequality->order;
  }
  if (!time.left_time) {
    return error(state::kSyntaxError, "ASOF JOIN has no inequality between its sides", position)
        .with_hint(std::string(kHint));
  }
  for (const ScopeColumn& column : time.right_columns) {
    if (column.value->kind == expr::ExprKind::kColumn && right.contains(column.value->column)) {
      time.model.ties.push_back(column.value->column);
    }
  }
  return Status::ok();
}

Status Binder::bind_as_of(TimeJoin& time) {
  const auto& table = ast::as<ast::NamedTable>(*time.join.right);
  const int32_t position = leftmost_position(*table.as_of);
  const plan::ColumnSet left = plan::column_set(time.left->columns);
  bool is_epoch_end = is_proctime_call(*table.as_of);
  ExprRef at;
  if (!is_epoch_end) {
    ExprContext context{&time.left_scope, Clause::kJoin, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(at, bind(*table.as_of, context));
    is_epoch_end = at->kind == expr::ExprKind::kColumn && is_clock(time.left, at->column);
  }
  FOREBAY_RETURN_IF_ERROR(split_as_of(time));
  time.model.mode = is_epoch_end ? AsofMode::kEpochEnd : AsofMode::kVersion;
  if (is_epoch_end) {
    if (!time.equalities.empty()) return Status::ok();
    return unsupported(
        fmt::format("FOR SYSTEM_TIME AS OF PROCTIME() without a key of {} is", name_of(time.join)),
        time.join.position, "Join by an equality: ON o.currency = r.currency.");
  }
  if (!plan::uses_only(at, left) || !plan::uses_any(at, left) ||
      expr::volatility(*at) != udfs::Volatility::kImmutable) {
    return unsupported("FOR SYSTEM_TIME AS OF what is no time of the left side's rows is", position,
                       "Use a column of the left side, or PROCTIME().");
  }
  return bind_version(time, std::move(at), position);
}

Status Binder::split_as_of(TimeJoin& time) {
  const plan::ColumnSet left = plan::column_set(time.left->columns);
  const plan::ColumnSet right = plan::column_set(time.right->columns);
  for (const ExprRef& conjunct : time.conjuncts) {
    if (auto equality = equality_of(conjunct, left, right)) {
      time.equalities.push_back(std::move(*equality));
    } else {
      time.rest.push_back(conjunct);
    }
  }
  if (time.rest.empty() || !time.model.outer) return Status::ok();
  const int32_t position = position_of(time.rest.front());
  return unsupported(
      "FOR SYSTEM_TIME AS OF in a LEFT JOIN with a condition that is no equality of its sides is",
      position > 0 ? position : time.join.position,
      "Filter the result in WHERE, or use an INNER JOIN.");
}

Status Binder::bind_version(TimeJoin& time, ExprRef at, int32_t position) {
  FOREBAY_RETURN_IF_ERROR(keep_primary_key(time));
  NodeRef simple = rules::optimize(time.right, columns_);
  if (NodeRef history = history_of(simple)) {
    time.right = plan::make_narrow(std::move(history), time.right->columns);
    for (const Column& column : time.right->columns) time.model.ties.push_back(column.id);
  }
  std::vector<Column> times;
  const plan::TimeBounds bounds = plan::time_bounds(time.right);
  for (const ScopeColumn& column : time.right_columns) {
    if (column.value->kind != expr::ExprKind::kColumn) continue;
    const Type type = column.value->type;
    const bool is_time =
        type.id == data::TypeId::kTimestamp || type.id == data::TypeId::kTimestampTz;
    if (!is_time || !bounds.contains(column.value->column)) continue;
    times.push_back({column.value->column, type, column.name});
  }
  if (times.size() != 1) {
    return unsupported(
        fmt::format("FOR SYSTEM_TIME AS OF a time with {}, which has {}, is", name_of(time.join),
                    times.empty() ? "no event time" : "several event times"),
        time.join.right->position,
        "Its versions begin at the column for which it declares WATERMARK FOR; PROCTIME() needs "
        "none.");
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef same, coerce(at, times[0].type, Coercion::kImplicit));
  if (!same) {
    return error(state::kDatatypeMismatch,
                 fmt::format("FOR SYSTEM_TIME AS OF needs a time of type {}, not of type {}",
                             times[0].type.name(), at->type.name()),
                 position);
  }
  time.left_time = std::move(same);
  time.right_time = plan::column_ref(times[0]);
  return Status::ok();
}

Status Binder::keep_primary_key(TimeJoin& time) {
  std::vector<Equality> all = std::move(time.equalities);
  time.equalities.clear();
  auto of_column = [&](ColumnId id) {
    return std::find_if(all.begin(), all.end(), [&](const Equality& equality) {
      const ExprRef source = plan::injective_source(equality.right);
      return !equality.null_safe && source && source->column == id;
    });
  };
  const std::vector<plan::KeySet> keys = plan::unique_keys(time.right);
  for (const plan::KeySet& key : keys) {
    if (key.empty() || !std::all_of(key.begin(), key.end(),
                                    [&](ColumnId id) { return of_column(id) != all.end(); })) {
      continue;
    }
    for (ColumnId id : key) {
      auto found = of_column(id);
      time.equalities.push_back(*found);
      all.erase(found);
    }
    // More than the key is judged for the version that it gives.
    for (Equality& equality : all) {
      if (time.model.outer) {
        return unsupported(
            "FOR SYSTEM_TIME AS OF in a LEFT JOIN with more equalities than the primary key's is",
            time.join.position, "Compare the others in the select list, or use an INNER JOIN.");
      }
      FOREBAY_ASSIGN_OR_RETURN(
          ExprRef condition,
          equality.null_safe
              ? Result<ExprRef>(expr::logical(expr::ExprKind::kIsNotDistinctFrom,
                                              {equality.left, equality.right}))
              : apply_operator("=", {equality.left, equality.right}, time.join.position));
      time.rest.push_back(std::move(condition));
    }
    return Status::ok();
  }
  return unsupported(
      fmt::format("FOR SYSTEM_TIME AS OF a time without the primary key of {} in ON is",
                  name_of(time.join)),
      time.join.position,
      keys.empty() ? "It has none, so its rows are no versions of one: use ASOF JOIN ... ON "
                     "a.key = b.key AND a.time >= b.time."
                   : "Versions belong to a key: compare each of its columns with =.");
}

Result<NodeRef> Binder::finish_time_join(TimeJoin& time) {
  Columns given = time.left->columns;
  given.insert(given.end(), time.right->columns.begin(), time.right->columns.end());
  ComputedInput left(time.left, columns_);
  ComputedInput right(time.right, columns_);
  for (const Equality& equality : time.equalities) {
    time.model.keys.push_back(
        {left.add(equality.left), right.add(equality.right), equality.null_safe});
  }
  if (time.left_time) {
    time.model.left_time = left.add(time.left_time);
    time.model.right_time = right.add(time.right_time);
  }
  NodeRef joined = plan::make_asof_join(left.finish(), right.finish(), time.model);
  joined = plan::make_narrow(std::move(joined), given);
  return plan::make_filter(std::move(joined), plan::make_conjunction(std::move(time.rest)));
}

}  // namespace forebay::sql::binder
