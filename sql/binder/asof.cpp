// Joins by time: ASOF JOIN, and FOR SYSTEM_TIME AS OF.

#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
#include "sql/plan/projection.h"
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

std::optional<Equality> equality_of(const ExprRef& conjunct, const plan::ColumnSet& left,
                                    const plan::ColumnSet& right) {
  Equality out;
  out.null_safe = plan::is_null_safe_equality(conjunct, &out.left, &out.right);
  if (!out.null_safe && !plan::is_equality(conjunct, &out.left, &out.right)) return std::nullopt;
  if (expr::volatility(*conjunct) != udfs::Volatility::kImmutable) return std::nullopt;
  if (is_between(out.right, out.left, left, right)) std::swap(out.left, out.right);
  if (!is_between(out.left, out.right, left, right)) return std::nullopt;
  if (out.left->type.id != out.right->type.id) return std::nullopt;
  plan::strip_text_casts(out.left, out.right);
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

/// One join by time while it is bound.
class Binder::TimeJoin {
 public:
  /// All that is given outlives it.
  TimeJoin(Binder& binder, const ast::JoinTable& join, NodeRef left, const FromItem& right,
           const Scope& left_scope)
      : binder_(binder),
        join_(join),
        left_(std::move(left)),
        right_(right.plan),
        left_scope_(left_scope),
        right_columns_(right.scope.visible) {}

  /// The joined rows: left columns, then right ones. `conditions`: those of USING; `both`: the
  /// scope of ON.
  Result<NodeRef> bind(std::vector<ExprRef> conditions, const Scope& both);

 private:
  /// 0A000 for kinds of joins and right sides that there are not.
  Status check_sides() const;
  Status bind_nearest();
  Status bind_as_of();
  /// Equalities between the sides, and the rest.
  Status split_conjuncts();
  Status bind_version(ExprRef at, int32_t position);
  /// What the right side's versions begin at.
  Result<Column> version_time() const;
  /// Leaves only the equalities with the right side's key.
  Status keep_primary_key();
  Result<NodeRef> finish();

  Binder& binder_;
  const ast::JoinTable& join_;
  NodeRef left_, right_;
  const Scope& left_scope_;
  /// What the right side's names mean.
  std::vector<ScopeColumn> right_columns_;
  std::vector<ExprRef> conjuncts_;
  plan::AsofJoin model_;
  std::vector<Equality> equalities_;
  ExprRef left_time_, right_time_;
  /// Conditions that are judged above the join.
  std::vector<ExprRef> rest_;
};

bool Binder::is_time_join(const ast::JoinTable& join) {
  if (join.asof) return true;
  return join.right->kind == ast::TableRefKind::kTable &&
         ast::as<ast::NamedTable>(*join.right).as_of != nullptr;
}

Result<NodeRef> Binder::join_by_time(const ast::JoinTable& join, const NodeRef& left,
                                     const FromItem& right, const Scope& left_scope,
                                     std::vector<ExprRef> conditions, const Scope& both) {
  return TimeJoin(*this, join, left, right, left_scope).bind(std::move(conditions), both);
}

Status Binder::TimeJoin::check_sides() const {
  const std::string_view word = join_.asof ? "ASOF" : "FOR SYSTEM_TIME AS OF in a";
  if (join_.join == ast::JoinKind::kRight || join_.join == ast::JoinKind::kFull ||
      join_.join == ast::JoinKind::kCross) {
    constexpr std::string_view kWords[] = {"CROSS", "INNER", "LEFT", "RIGHT", "FULL"};
    return binder_.unsupported(
        fmt::format("{} {} JOIN is", word, kWords[static_cast<size_t>(join_.join)]), join_.position,
        "Each row of the left side gets rows of the right side: use INNER or LEFT JOIN.");
  }
  const plan::ColumnSet given = plan::column_set(left_->columns);
  for (ColumnId id : plan::free_columns(right_)) {
    if (!given.contains(id)) continue;
    return binder_.unsupported("LATERAL in an ASOF JOIN is", join_.right->position,
                               "Write it as a subquery with LIMIT 1.");
  }
  return Status::ok();
}

Result<NodeRef> Binder::TimeJoin::bind(std::vector<ExprRef> conditions, const Scope& both) {
  FOREBAY_RETURN_IF_ERROR(check_sides());
  model_.outer = join_.join == ast::JoinKind::kLeft;
  if (join_.condition) {
    ExprContext context{&both, Clause::kJoin, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef bound,
                             binder_.bind_condition(*join_.condition, context, "JOIN/ON"));
    conditions.push_back(std::move(bound));
  }
  for (const ExprRef& condition : conditions) plan::split_conjuncts(condition, conjuncts_);
  FOREBAY_RETURN_IF_ERROR(join_.asof ? bind_nearest() : bind_as_of());
  return finish();
}

Status Binder::TimeJoin::bind_nearest() {
  const plan::ColumnSet left = plan::column_set(left_->columns);
  const plan::ColumnSet right = plan::column_set(right_->columns);
  const int32_t position = join_.condition ? leftmost_position(*join_.condition) : join_.position;
  constexpr std::string_view kHint =
      "Write ON a.key = b.key AND a.time >= b.time (or >, <=, <): each row of a gets the nearest "
      "one of b.";
  for (const ExprRef& conjunct : conjuncts_) {
    if (auto equality = equality_of(conjunct, left, right)) {
      equalities_.push_back(std::move(*equality));
      continue;
    }
    auto inequality = inequality_of(conjunct, left, right);
    if (!inequality) {
      return binder_.unsupported(
          "a condition of ASOF JOIN that is no comparison of its sides is",
          binder_.position_of(conjunct) > 0 ? binder_.position_of(conjunct) : position,
          "Filter the right side in a subquery, the result in WHERE.");
    }
    if (left_time_) {
      return binder_
          .error(state::kSyntaxError, "ASOF JOIN has more than one inequality",
                 binder_.position_of(conjunct) > 0 ? binder_.position_of(conjunct) : position)
          .with_hint(std::string(kHint));
    }
    left_time_ = inequality->left;
    right_time_ = inequality->right;
    model_.order = inequality->order;
  }
  if (!left_time_) {
    return binder_
        .error(state::kSyntaxError, "ASOF JOIN has no inequality between its sides", position)
        .with_hint(std::string(kHint));
  }
  for (const ScopeColumn& column : right_columns_) {
    if (column.value->kind == expr::ExprKind::kColumn && right.contains(column.value->column)) {
      model_.ties.push_back(column.value->column);
    }
  }
  return Status::ok();
}

Status Binder::TimeJoin::bind_as_of() {
  const auto& table = ast::as<ast::NamedTable>(*join_.right);
  const int32_t position = leftmost_position(*table.as_of);
  const plan::ColumnSet left = plan::column_set(left_->columns);
  bool is_epoch_end = is_proctime_call(*table.as_of);
  ExprRef at;
  if (!is_epoch_end) {
    ExprContext context{&left_scope_, Clause::kJoin, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(at, binder_.bind(*table.as_of, context));
    is_epoch_end = at->kind == expr::ExprKind::kColumn && is_clock(left_, at->column);
  }
  FOREBAY_RETURN_IF_ERROR(split_conjuncts());
  model_.mode = is_epoch_end ? AsofMode::kEpochEnd : AsofMode::kVersion;
  if (is_epoch_end) {
    if (!equalities_.empty()) return Status::ok();
    return binder_.unsupported(
        fmt::format("FOR SYSTEM_TIME AS OF PROCTIME() without a key of {} is", name_of(join_)),
        join_.position, "Join by an equality: ON o.currency = r.currency.");
  }
  if (!plan::uses_only(at, left) || !plan::uses_any(at, left) ||
      expr::volatility(*at) != udfs::Volatility::kImmutable) {
    return binder_.unsupported("FOR SYSTEM_TIME AS OF what is no time of the left side's rows is",
                               position, "Use a column of the left side, or PROCTIME().");
  }
  return bind_version(std::move(at), position);
}

Status Binder::TimeJoin::split_conjuncts() {
  const plan::ColumnSet left = plan::column_set(left_->columns);
  const plan::ColumnSet right = plan::column_set(right_->columns);
  for (const ExprRef& conjunct : conjuncts_) {
    if (auto equality = equality_of(conjunct, left, right)) {
      equalities_.push_back(std::move(*equality));
    } else {
      rest_.push_back(conjunct);
    }
  }
  if (rest_.empty() || !model_.outer) return Status::ok();
  const int32_t position = binder_.position_of(rest_.front());
  return binder_.unsupported(
      "FOR SYSTEM_TIME AS OF in a LEFT JOIN with a condition that is no equality of its sides is",
      position > 0 ? position : join_.position,
      "Filter the result in WHERE, or use an INNER JOIN.");
}

Status Binder::TimeJoin::bind_version(ExprRef at, int32_t position) {
  FOREBAY_RETURN_IF_ERROR(keep_primary_key());
  NodeRef simple = rules::optimize(right_, binder_.columns_);
  if (NodeRef history = history_of(simple)) {
    right_ = plan::make_narrow(std::move(history), right_->columns);
    for (const Column& column : right_->columns) model_.ties.push_back(column.id);
  }
  FOREBAY_ASSIGN_OR_RETURN(const Column begins, version_time());
  FOREBAY_ASSIGN_OR_RETURN(ExprRef same, binder_.coerce(at, begins.type, Coercion::kImplicit));
  if (!same) {
    return binder_.error(
        state::kDatatypeMismatch,
        fmt::format("FOR SYSTEM_TIME AS OF needs a time of type {}, not of type {}",
                    begins.type.name(), at->type.name()),
        position);
  }
  left_time_ = std::move(same);
  right_time_ = plan::column_ref(begins);
  return Status::ok();
}

Result<Column> Binder::TimeJoin::version_time() const {
  std::vector<Column> times;
  const plan::TimeBounds bounds = plan::time_bounds(right_);
  for (const ScopeColumn& column : right_columns_) {
    if (column.value->kind != expr::ExprKind::kColumn) continue;
    const Type type = column.value->type;
    const bool is_time =
        type.id == data::TypeId::kTimestamp || type.id == data::TypeId::kTimestampTz;
    if (!is_time || !bounds.contains(column.value->column)) continue;
    times.push_back({column.value->column, type, column.name});
  }
  if (times.size() != 1) {
    return binder_.unsupported(
        fmt::format("FOR SYSTEM_TIME AS OF a time with {}, which has {}, is", name_of(join_),
                    times.empty() ? "no event time" : "several event times"),
        join_.right->position,
        "Its versions begin at the column for which it declares WATERMARK FOR; PROCTIME() needs "
        "none.");
  }
  return std::move(times[0]);
}

Status Binder::TimeJoin::keep_primary_key() {
  std::vector<Equality> all = std::move(equalities_);
  equalities_.clear();
  auto of_column = [&](ColumnId id) {
    return std::find_if(all.begin(), all.end(), [&](const Equality& equality) {
      const ExprRef source = plan::injective_source(equality.right);
      return !equality.null_safe && source && source->column == id;
    });
  };
  const std::vector<plan::KeySet> keys = plan::unique_keys(right_);
  for (const plan::KeySet& key : keys) {
    if (key.empty() || !std::all_of(key.begin(), key.end(),
                                    [&](ColumnId id) { return of_column(id) != all.end(); })) {
      continue;
    }
    for (ColumnId id : key) {
      auto found = of_column(id);
      equalities_.push_back(*found);
      all.erase(found);
    }
    // More than the key is judged for the version that it gives.
    for (Equality& equality : all) {
      if (model_.outer) {
        return binder_.unsupported(
            "FOR SYSTEM_TIME AS OF in a LEFT JOIN with more equalities than the primary key's is",
            join_.position, "Compare the others in the select list, or use an INNER JOIN.");
      }
      FOREBAY_ASSIGN_OR_RETURN(
          ExprRef condition,
          equality.null_safe
              ? Result<ExprRef>(expr::logical(expr::ExprKind::kIsNotDistinctFrom,
                                              {equality.left, equality.right}))
              : binder_.apply_operator("=", {equality.left, equality.right}, join_.position));
      rest_.push_back(std::move(condition));
    }
    return Status::ok();
  }
  return binder_.unsupported(
      fmt::format("FOR SYSTEM_TIME AS OF a time without the primary key of {} in ON is",
                  name_of(join_)),
      join_.position,
      keys.empty() ? "It has none, so its rows are no versions of one: use ASOF JOIN ... ON "
                     "a.key = b.key AND a.time >= b.time."
                   : "Versions belong to a key: compare each of its columns with =.");
}

Result<NodeRef> Binder::TimeJoin::finish() {
  Columns given = left_->columns;
  given.insert(given.end(), right_->columns.begin(), right_->columns.end());
  auto left = plan::Projection::behind(left_, binder_.columns_);
  auto right = plan::Projection::behind(right_, binder_.columns_);
  auto key = [](plan::Projection& side, const ExprRef& value) {
    return side.find_or_add("key", value).id;
  };
  for (const Equality& equality : equalities_) {
    model_.keys.push_back(
        {key(left, equality.left), key(right, equality.right), equality.null_safe});
  }
  if (left_time_) {
    model_.left_time = key(left, left_time_);
    model_.right_time = key(right, right_time_);
  }
  NodeRef joined = plan::make_asof_join(left.finish(), right.finish(), model_);
  joined = plan::make_narrow(std::move(joined), given);
  return plan::make_filter(std::move(joined), plan::make_conjunction(std::move(rest_)));
}

}  // namespace forebay::sql::binder
