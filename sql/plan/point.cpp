#include "sql/plan/point.h"

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "udfs/registry.h"

namespace forebay::sql::plan {

using expr::ExprKind;

ExprRef as_key_value(const ExprRef& constant, const ExprRef& side, Type type) {
  if (side->kind == ExprKind::kColumn) {
    if (constant->type.id != type.id) return nullptr;
    if (constant->kind != ExprKind::kLiteral) return constant;
    data::Datum value = constant->literal;
    value.type = type;
    return expr::literal(std::move(value));
  }
  // cast(column) = constant: the other way round where nothing is lost.
  if (type.id == data::TypeId::kVarchar && constant->type.id == data::TypeId::kText) {
    if (constant->kind == ExprKind::kLiteral) {
      data::Datum value = constant->literal;
      value.type = type;
      return expr::literal(std::move(value));
    }
    const udfs::Cast* cast = udfs::find_cast(data::TypeId::kText, data::TypeId::kVarchar);
    return cast == nullptr ? nullptr : expr::call(cast->function, data::kVarcharType, {constant});
  }
  if (type.id == data::TypeId::kSmallint && constant->kind == ExprKind::kLiteral) {
    const auto* number = std::get_if<int32_t>(&constant->literal.value);
    if (number != nullptr && *number >= INT16_MIN && *number <= INT16_MAX) {
      return expr::literal({type, *number});
    }
  }
  if (type.id == data::TypeId::kInteger && constant->kind == ExprKind::kLiteral) {
    const auto* number = std::get_if<int64_t>(&constant->literal.value);
    if (number != nullptr && *number >= INT32_MIN && *number <= INT32_MAX) {
      return expr::literal({type, static_cast<int32_t>(*number)});
    }
  }
  return nullptr;
}

namespace {

/// Finds a constant for every key column of the scanned relation; the conjuncts left over go to
/// `rest`.
bool find_key(const Scan& scan, const ExprRef& predicate, std::vector<ExprRef>& key,
              std::vector<ExprRef>& rest) {
  if (!scan.object->is_stored() || scan.object->relation == nullptr || !scan.key.empty())
    return false;
  const auto& key_columns = scan.object->relation->key_columns();
  if (key_columns.empty()) return false;
  std::vector<ExprRef> conjuncts;
  split_conjuncts(predicate, conjuncts);
  key.assign(key_columns.size(), nullptr);
  const ColumnSet own = column_set(scan.columns);
  for (const ExprRef& conjunct : conjuncts) {
    ExprRef a, b;
    bool used = false;
    if (is_equality(conjunct, &a, &b)) {
      if (!uses_any(a, own)) std::swap(a, b);
      ExprRef column = injective_source(a);
      if (column && is_constant(b) && !uses_any(b, own) && failure_of(b) == Failure::kNever) {
        size_t at = find_column(scan.columns, column->column);
        for (size_t k = 0; at != kNoColumn && k < key_columns.size() && !used; ++k) {
          if (key_columns[k] != scan.positions[at] || key[k]) continue;
          key[k] = as_key_value(b, a, scan.columns[at].type);
          used = key[k] != nullptr;
        }
      }
    }
    if (!used) rest.push_back(conjunct);
  }
  return std::all_of(key.begin(), key.end(), [](const ExprRef& value) { return value != nullptr; });
}

/// The expression over the positions of the stored relation.
ExprRef over_relation(const ExprRef& expr, const Scan& scan) {
  if (!expr) return nullptr;
  return transform(expr, [&](const ExprRef& part) -> ExprRef {
    if (part->kind != ExprKind::kColumn) return nullptr;
    size_t at = find_column(scan.columns, part->column);
    FOREBAY_CHECK(at != kNoColumn, "column of another relation");
    return expr::column(scan.positions[at], part->type);
  });
}

}  // namespace

std::optional<PointPlan> find_point_plan(const NodeRef& plan) {
  const Project* project = plan->kind == NodeKind::kProject ? &as<Project>(*plan) : nullptr;
  const NodeRef& below = project ? plan->inputs[0] : plan;
  if (below->kind != NodeKind::kFilter || below->inputs[0]->kind != NodeKind::kScan)
    return std::nullopt;
  const auto& scan = as<Scan>(below->input());
  PointPlan point;
  std::vector<ExprRef> rest;
  if (!find_key(scan, as<Filter>(*below).predicate, point.key, rest)) return std::nullopt;
  point.object = scan.object->id;
  point.relation = scan.object->relation;
  point.scanned = scan.object;
  point.predicate = over_relation(make_conjunction(std::move(rest)), scan);
  for (size_t i = 0; i < plan->columns.size(); ++i) {
    ExprRef value = project ? project->expressions[i] : column_ref(plan->columns[i]);
    point.projection.push_back(over_relation(value, scan));
  }
  return point;
}

NodeRef read_by_key(const NodeRef& node) {
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) inputs.push_back(read_by_key(input));
  NodeRef rebuilt = with_inputs(node, std::move(inputs));
  if (rebuilt->kind != NodeKind::kFilter || rebuilt->inputs[0]->kind != NodeKind::kScan)
    return rebuilt;
  const auto& scan = as<Scan>(rebuilt->input());
  std::vector<ExprRef> key, rest;
  if (!find_key(scan, as<Filter>(*rebuilt).predicate, key, rest)) return rebuilt;
  auto copy = std::make_shared<Scan>(scan);
  copy->key = std::move(key);
  return make_filter(std::move(copy), make_conjunction(std::move(rest)));
}

}  // namespace forebay::sql::plan
