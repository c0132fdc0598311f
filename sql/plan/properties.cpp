#include "sql/plan/properties.h"

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/forms.h"
#include "sql/plan/temporal.h"
#include "sql/plan/watermarks.h"

namespace forebay::sql::plan {

using catalog::ObjectKind;
using expr::ExprKind;

namespace {

constexpr size_t kMostKeys = 4;

bool contains_all(const ColumnSet& columns, const KeySet& key) {
  return std::all_of(key.begin(), key.end(), [&](ColumnId id) { return columns.contains(id); });
}

void add_key(std::vector<KeySet>& keys, KeySet key) {
  std::sort(key.begin(), key.end());
  key.erase(std::unique(key.begin(), key.end()), key.end());
  for (const KeySet& other : keys) {
    if (std::includes(key.begin(), key.end(), other.begin(), other.end())) return;
  }
  std::erase_if(keys, [&](const KeySet& other) {
    return std::includes(other.begin(), other.end(), key.begin(), key.end());
  });
  if (keys.size() < kMostKeys) keys.push_back(std::move(key));
}

std::vector<KeySet> scan_keys(const Scan& scan) {
  std::vector<KeySet> keys;
  auto add = [&](const std::vector<uint32_t>& positions) {
    KeySet key;
    for (uint32_t position : positions) {
      auto found = std::find(scan.positions.begin(), scan.positions.end(), position);
      if (found == scan.positions.end()) return;
      key.push_back(scan.columns[static_cast<size_t>(found - scan.positions.begin())].id);
    }
    add_key(keys, std::move(key));
  };
  if (scan.object->kind == ObjectKind::kSource) {
    add({kMetadataPartition, kMetadataOffset});
  } else {
    if (scan.object->has_key) add(scan.object->key_columns);
    for (const auto& positions : scan.object->unique_keys) add(positions);
  }
  return keys;
}

/// Equalities of a filter make keys smaller: a column equal to a constant, or to a column of an
/// outer query, is no part.
ColumnSet fixed_columns(const ExprRef& predicate, const ColumnSet& own) {
  ColumnSet fixed;
  std::vector<ExprRef> conjuncts;
  split_conjuncts(predicate, conjuncts);
  for (const ExprRef& conjunct : conjuncts) {
    ExprRef left, right;
    if (!is_equality(conjunct, &left, &right)) continue;
    ExprRef a = injective_source(left);
    ExprRef b = injective_source(right);
    auto is_fixed = [&](const ExprRef& value) {
      return !uses_any(value, own) && expr::volatility(*value) != udfs::Volatility::kVolatile;
    };
    if (a && is_fixed(right)) fixed.insert(a->column);
    if (b && is_fixed(left)) fixed.insert(b->column);
  }
  return fixed;
}

std::vector<KeySet> join_unique_keys(const Join& join) {
  std::vector<KeySet> left = unique_keys(join.inputs[0]);
  if (join.join == JoinKind::kSemi || join.join == JoinKind::kAnti) return left;
  std::vector<KeySet> right = unique_keys(join.inputs[1]);
  ColumnSet left_join, right_join;
  for (const JoinKey& key : join.keys) {
    left_join.insert(key.left);
    right_join.insert(key.right);
  }
  auto covered = [](const std::vector<KeySet>& keys, const ColumnSet& columns) {
    return std::any_of(keys.begin(), keys.end(),
                       [&](const KeySet& key) { return contains_all(columns, key); });
  };
  // Rows that a full join extends by NULLs on either side could look alike.
  if (join.join == JoinKind::kFull) return {};
  std::vector<KeySet> keys;
  if (join.join != JoinKind::kRight && covered(right, right_join)) {
    for (const KeySet& key : left) add_key(keys, key);
  }
  if (join.join != JoinKind::kLeft && covered(left, left_join)) {
    for (const KeySet& key : right) add_key(keys, key);
  }
  for (const KeySet& a : left) {
    for (const KeySet& b : right) {
      KeySet both = a;
      both.insert(both.end(), b.begin(), b.end());
      // A key of no columns on the nullable side still tells its one row from none only by the
      // other.
      add_key(keys, std::move(both));
    }
  }
  return keys;
}

std::vector<KeySet> asof_unique_keys(const AsofJoin& join) {
  // As many rows for each left row as a left join gives at one time, or one.
  if (join.mode != AsofMode::kEpochEnd) return unique_keys(join.inputs[0]);
  return unique_keys(
      make_join(JoinKind::kLeft, join.inputs[0], join.inputs[1], join.keys, nullptr));
}

}  // namespace

std::vector<KeySet> unique_keys(const NodeRef& node) {
  std::vector<KeySet> keys;
  switch (node->kind) {
    case NodeKind::kScan:
      return scan_keys(as<Scan>(*node));
    case NodeKind::kValues:
      if (as<Values>(*node).rows.size() <= 1) keys.push_back({});
      return keys;
    case NodeKind::kFilter: {
      ColumnSet fixed = fixed_columns(as<Filter>(*node).predicate, column_set(node->columns));
      for (KeySet key : unique_keys(node->inputs[0])) {
        std::erase_if(key, [&](ColumnId id) { return fixed.contains(id); });
        add_key(keys, std::move(key));
      }
      return keys;
    }
    case NodeKind::kProject: {
      // A copy of a column can stand for it.
      const auto& project = as<Project>(*node);
      std::unordered_map<ColumnId, ColumnId> copies;
      for (size_t i = 0; i < project.expressions.size(); ++i) {
        ExprRef source_column = injective_source(project.expressions[i]);
        if (!source_column) continue;
        ColumnId source = source_column->column;
        if (!copies.contains(source) || project.columns[i].id == source) {
          copies[source] = project.columns[i].id;
        }
      }
      for (const KeySet& key : unique_keys(node->inputs[0])) {
        KeySet renamed;
        bool all = true;
        for (ColumnId id : key) {
          auto found = copies.find(id);
          all &= found != copies.end();
          if (all) renamed.push_back(found->second);
        }
        if (all) add_key(keys, std::move(renamed));
      }
      return keys;
    }
    case NodeKind::kAggregate: {
      const auto& aggregate = as<Aggregate>(*node);
      if (aggregate.scalar) {
        keys.push_back({});
        return keys;
      }
      ColumnSet groups(aggregate.groups.begin(), aggregate.groups.end());
      for (const KeySet& key : unique_keys(node->inputs[0])) {
        if (contains_all(groups, key)) add_key(keys, key);
      }
      add_key(keys, aggregate.groups);
      return keys;
    }
    case NodeKind::kJoin:
      return join_unique_keys(as<Join>(*node));
    case NodeKind::kDistinct: {
      keys = unique_keys(node->inputs[0]);
      KeySet all;
      const NodeRef& input = node->inputs[0];
      for (size_t i = 0; i < node->columns.size(); ++i) {
        // A constant tells no rows apart.
        if (input->kind == NodeKind::kProject &&
            as<Project>(*input).expressions[i]->kind == ExprKind::kLiteral) {
          continue;
        }
        all.push_back(node->columns[i].id);
      }
      add_key(keys, std::move(all));
      return keys;
    }
    case NodeKind::kTopN: {
      const auto& top = as<TopN>(*node);
      keys = unique_keys(node->inputs[0]);
      const auto* limit = top.limit && top.limit->kind == ExprKind::kLiteral
                              ? std::get_if<int64_t>(&top.limit->literal.value)
                              : nullptr;
      if (limit != nullptr && *limit <= 1 && !top.with_ties) add_key(keys, top.partition);
      if (top.number) {
        KeySet numbered = top.partition;
        numbered.push_back(top.number->id);
        add_key(keys, std::move(numbered));
      }
      return keys;
    }
    case NodeKind::kOver: {
      const auto& over = as<Over>(*node);
      keys = unique_keys(node->inputs[0]);
      for (const OverCall& call : over.calls) {
        if (call.function != operators::OverFunction::kRowNumber) continue;
        KeySet numbered = over.partition;
        numbered.push_back(call.output.id);
        add_key(keys, std::move(numbered));
      }
      return keys;
    }
    case NodeKind::kSingleRow:
      keys = unique_keys(node->inputs[0]);
      add_key(keys, as<SingleRow>(*node).keys);
      return keys;
    case NodeKind::kDependentJoin: {
      const auto& join = as<DependentJoin>(*node);
      if (join.join == JoinKind::kSemi || join.join == JoinKind::kAnti)
        return unique_keys(node->inputs[0]);
      if (at_most_one_row(node->inputs[1])) return unique_keys(node->inputs[0]);
      return keys;
    }
    case NodeKind::kExpand: {
      for (KeySet key : unique_keys(node->inputs[0])) {
        key.push_back(as<Expand>(*node).set.id);
        add_key(keys, std::move(key));
      }
      return keys;
    }
    case NodeKind::kTableFunction: {
      const auto& call = as<TableFunction>(*node);
      KeySet place;
      if (call.ordinality) {
        place.push_back(call.ordinality->id);
      } else if (call.function->distinct_rows) {
        for (const Column& column : call.results) place.push_back(column.id);
      } else {
        return keys;
      }
      for (KeySet key : unique_keys(node->inputs[0])) {
        key.insert(key.end(), place.begin(), place.end());
        add_key(keys, std::move(key));
      }
      return keys;
    }
    case NodeKind::kAsofJoin:
      return asof_unique_keys(as<AsofJoin>(*node));
    case NodeKind::kSession:
    case NodeKind::kHold:
      return unique_keys(node->inputs[0]);
    case NodeKind::kUnion:
    case NodeKind::kRepeat:
    case NodeKind::kLate:
      return keys;
  }
  return keys;
}

bool at_most_one_row(const NodeRef& node) {
  auto keys = unique_keys(node);
  return keys.size() == 1 && keys[0].empty();
}

bool has_unique_key(const NodeRef& node, const ColumnSet& columns) {
  auto keys = unique_keys(node);
  return std::any_of(keys.begin(), keys.end(),
                     [&](const KeySet& key) { return contains_all(columns, key); });
}

bool is_append_only(const NodeRef& node) {
  switch (node->kind) {
    case NodeKind::kScan: {
      const auto& scan = as<Scan>(*node);
      if (scan.ttl_us > 0) return false;
      return scan.object->kind == ObjectKind::kSource || scan.object->append_only;
    }
    case NodeKind::kValues:
    case NodeKind::kHold:
    case NodeKind::kLate:
      return true;
    case NodeKind::kFilter:
      // As time passes rows go.
      return !uses_now(as<Filter>(*node).predicate) && is_append_only(node->inputs[0]);
    case NodeKind::kProject:
    case NodeKind::kExpand:
    case NodeKind::kTableFunction:
      return is_append_only(node->inputs[0]);
    case NodeKind::kTopN:
    case NodeKind::kOver:
      return closes_in_order(*node);
    case NodeKind::kAggregate:
      return as<Aggregate>(*node).on_close;
    case NodeKind::kSession:
      return as<Session>(*node).on_close;
    case NodeKind::kDistinct:
      // What stands for equal values can change with each one that comes.
      return is_append_only(node->inputs[0]) &&
             std::all_of(node->columns.begin(), node->columns.end(),
                         [](const Column& column) { return has_one_form(column.type); });
    case NodeKind::kJoin: {
      JoinKind kind = as<Join>(*node).join;
      if (kind != JoinKind::kInner && kind != JoinKind::kSemi) return false;
      return is_append_only(node->inputs[0]) && is_append_only(node->inputs[1]);
    }
    case NodeKind::kAsofJoin:
      return as<AsofJoin>(*node).mode == AsofMode::kEpochEnd && is_append_only(node->inputs[0]);
    case NodeKind::kUnion:
      return std::all_of(node->inputs.begin(), node->inputs.end(), is_append_only);
    default:
      return false;
  }
}

namespace {

bool column_never_null(const NodeRef& node, ColumnId id) {
  size_t at = find_column(node->columns, id);
  if (at == kNoColumn) return false;
  switch (node->kind) {
    case NodeKind::kScan: {
      const auto& scan = as<Scan>(*node);
      data::Schema schema = scan.object->stored_columns();
      return scan.positions[at] < schema.size() && schema[scan.positions[at]].not_null;
    }
    case NodeKind::kValues: {
      const auto& rows = as<Values>(*node).rows;
      return std::all_of(rows.begin(), rows.end(), [&](const auto& row) {
        return row[at]->kind == ExprKind::kLiteral && !row[at]->literal.is_null();
      });
    }
    case NodeKind::kFilter:
      if (rejects_nulls(as<Filter>(*node).predicate, {id})) return true;
      return column_never_null(node->inputs[0], id);
    case NodeKind::kProject:
      return is_never_null(node->inputs[0], as<Project>(*node).expressions[at]);
    case NodeKind::kAggregate: {
      const auto& aggregate = as<Aggregate>(*node);
      if (at < aggregate.groups.size()) return column_never_null(node->inputs[0], id);
      return aggregate.aggregates[at - aggregate.groups.size()].function->counts;
    }
    case NodeKind::kJoin:
    case NodeKind::kDependentJoin: {
      JoinKind kind =
          node->kind == NodeKind::kJoin ? as<Join>(*node).join : as<DependentJoin>(*node).join;
      const bool left = find_column(node->input(0).columns, id) != kNoColumn;
      if (left) {
        return kind != JoinKind::kRight && kind != JoinKind::kFull &&
               column_never_null(node->inputs[0], id);
      }
      return kind == JoinKind::kInner || kind == JoinKind::kRight
                 ? column_never_null(node->inputs[1], id)
                 : false;
    }
    case NodeKind::kUnion: {
      const auto& sources = as<Union>(*node).sources;
      for (size_t i = 0; i < sources.size(); ++i) {
        if (!column_never_null(node->inputs[i], sources[i][at])) return false;
      }
      return true;
    }
    case NodeKind::kDistinct:
    case NodeKind::kExpand:
    case NodeKind::kTableFunction:
      return find_column(node->input().columns, id) != kNoColumn &&
             column_never_null(node->inputs[0], id);
    case NodeKind::kSession:
      return find_column(node->input().columns, id) == kNoColumn || id == as<Session>(*node).time ||
             column_never_null(node->inputs[0], id);
    case NodeKind::kTopN:
      if (const auto& number = as<TopN>(*node).number; number && number->id == id) return true;
      return column_never_null(node->inputs[0], id);
    case NodeKind::kOver: {
      const size_t inputs = node->input().columns.size();
      if (at < inputs) return column_never_null(node->inputs[0], id);
      const OverCall& call = as<Over>(*node).calls[at - inputs];
      return call.function < operators::OverFunction::kLag ||
             (call.aggregate != nullptr && call.aggregate->counts);
    }
    case NodeKind::kAsofJoin:
      if (find_column(node->input(0).columns, id) != kNoColumn) {
        return column_never_null(node->inputs[0], id);
      }
      return !as<AsofJoin>(*node).outer && column_never_null(node->inputs[1], id);
    case NodeKind::kLate:
      return find_column(node->input().columns, id) == kNoColumn || id == as<Late>(*node).time ||
             column_never_null(node->inputs[0], id);
    case NodeKind::kHold:
      return id == as<Hold>(*node).time || column_never_null(node->inputs[0], id);
    case NodeKind::kSingleRow:
    case NodeKind::kRepeat:
      return column_never_null(node->inputs[0], id);
  }
  return false;
}

}  // namespace

bool is_never_null(const NodeRef& node, const ExprRef& expr) {
  switch (expr->kind) {
    case ExprKind::kLiteral:
      return !expr->literal.is_null();
    case ExprKind::kColumn:
      return column_never_null(node, expr->column);
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
    case ExprKind::kIsDistinctFrom:
    case ExprKind::kIsNotDistinctFrom:
      return true;
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kNot:
    case ExprKind::kInList:
      return std::all_of(expr->children.begin(), expr->children.end(),
                         [&](const ExprRef& child) { return is_never_null(node, child); });
    case ExprKind::kCoalesce:
      return std::any_of(expr->children.begin(), expr->children.end(),
                         [&](const ExprRef& child) { return is_never_null(node, child); });
    case ExprKind::kCall:
      // Casts and comparisons give a value for every value.
      return (expr->function->category == "cast" || expr->function->name == "=") &&
             expr->function->null_rule == udfs::NullRule::kStrict &&
             std::all_of(expr->children.begin(), expr->children.end(),
                         [&](const ExprRef& child) { return is_never_null(node, child); });
    default:
      return false;
  }
}

namespace {

/// Sums and averages of numbers without a limit; what is counted in fewer digits than the result
/// has would need more rows than there can be.
bool can_overflow(const udfs::AggregateFunction& function, Type type) {
  constexpr int32_t kFewDigits = 20;
  if (function.name == "count" || function.kind != udfs::AggregateKind::kAccumulator) return false;
  switch (type.id) {
    case data::TypeId::kBoolean:
    case data::TypeId::kInteger:
    case data::TypeId::kBigint:
      return false;
    case data::TypeId::kNumeric:
      return type.modifier < 0 || type.numeric_precision() > kFewDigits;
    default:
      return true;
  }
}

}  // namespace

bool can_fail(const NodeRef& node) {
  if (node->kind == NodeKind::kSingleRow) return true;
  if (node->kind == NodeKind::kTableFunction && as<TableFunction>(*node).function->can_fail) {
    return true;
  }
  for (const ExprRef& expr : expressions_of(*node)) {
    if (failure_of(expr) != Failure::kNever) return true;
  }
  const auto overflows = [&](const udfs::AggregateFunction& function,
                             const std::vector<ColumnId>& arguments) {
    if (arguments.empty()) return false;
    const size_t at = find_column(node->input().columns, arguments[0]);
    return at != kNoColumn && can_overflow(function, node->input().columns[at].type);
  };
  if (node->kind == NodeKind::kAggregate) {
    for (const AggregateCall& call : as<Aggregate>(*node).aggregates) {
      if (overflows(*call.function, call.arguments)) return true;
    }
  }
  if (node->kind == NodeKind::kOver) {
    for (const OverCall& call : as<Over>(*node).calls) {
      if (call.aggregate != nullptr && overflows(*call.aggregate, call.arguments)) return true;
    }
  }
  return std::any_of(node->inputs.begin(), node->inputs.end(),
                     [](const NodeRef& input) { return can_fail(input); });
}

}  // namespace forebay::sql::plan
