#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/point.h"

/// Which index a filter over a stored relation reads through.
namespace forebay::sql::plan {
namespace {

enum class Comparison : uint8_t { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

/// A conjunct that compares a column of the relation with a constant.
struct Condition {
  uint32_t position = 0;  // in the relation
  Comparison comparison = Comparison::kEqual;
  ExprRef value;
};

std::optional<Comparison> comparison_of(const expr::Expr& expr) {
  if (expr.kind != expr::ExprKind::kCall || expr.children.size() != 2) return std::nullopt;
  const std::string_view name = expr.function->name;
  if (name == "=") return Comparison::kEqual;
  if (name == "<") return Comparison::kLess;
  if (name == "<=") return Comparison::kLessEqual;
  if (name == ">") return Comparison::kGreater;
  if (name == ">=") return Comparison::kGreaterEqual;
  return std::nullopt;
}

Comparison turned(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessEqual:
      return Comparison::kGreaterEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterEqual:
      return Comparison::kLessEqual;
    case Comparison::kEqual:
      break;
  }
  return comparison;
}

std::vector<Condition> conditions_of(const Scan& scan, const ExprRef& predicate) {
  std::vector<ExprRef> conjuncts;
  split_conjuncts(predicate, conjuncts);
  const ColumnSet own = column_set(scan.columns);
  std::vector<Condition> found;
  for (const ExprRef& conjunct : conjuncts) {
    std::optional<Comparison> comparison = comparison_of(*conjunct);
    if (!comparison) continue;
    ExprRef a = conjunct->children[0], b = conjunct->children[1];
    if (!uses_any(a, own)) {
      std::swap(a, b);
      comparison = turned(*comparison);
    }
    const ExprRef column = injective_source(a);
    if (!column || !is_constant(b) || uses_any(b, own) || failure_of(b) != Failure::kNever) {
      continue;
    }
    const size_t at = find_column(scan.columns, column->column);
    if (at == kNoColumn) continue;
    // A cast that keeps values apart need not keep their order.
    const bool keeps_order = a == column || a->type.is_number() || a->type.is_string();
    if (*comparison != Comparison::kEqual && !keeps_order) continue;
    ExprRef value = as_key_value(b, a, scan.columns[at].type);
    if (value) found.push_back({scan.positions[at], *comparison, std::move(value)});
  }
  return found;
}

/// How the index serves the conditions, and how well: 2 for each equality, 1 for each bound.
int use_index(const CatalogObjectRef& index, const std::vector<Condition>& conditions,
              IndexUse& use) {
  use.index = index;
  int score = 0;
  for (uint32_t column : index->index_columns) {
    const Condition* equal = nullptr;
    for (const Condition& condition : conditions) {
      if (condition.position != column) continue;
      const bool is_lower = condition.comparison == Comparison::kGreater ||
                            condition.comparison == Comparison::kGreaterEqual;
      const bool inclusive = condition.comparison == Comparison::kLessEqual ||
                             condition.comparison == Comparison::kGreaterEqual;
      if (condition.comparison == Comparison::kEqual) {
        equal = &condition;
      } else {
        (is_lower ? use.lower : use.upper) = {condition.value, inclusive};
      }
    }
    if (equal == nullptr) break;
    use.lower = use.upper = {};
    use.equal.push_back(equal->value);
    score += 2;
  }
  return score + (use.lower.value ? 1 : 0) + (use.upper.value ? 1 : 0);
}

}  // namespace

NodeRef read_by_index(
    const NodeRef& node,
    const std::function<std::vector<CatalogObjectRef>(data::ObjectId)>& indexes_of) {
  std::vector<NodeRef> inputs;
  for (const NodeRef& input : node->inputs) inputs.push_back(read_by_index(input, indexes_of));
  NodeRef rebuilt = with_inputs(node, std::move(inputs));
  if (rebuilt->kind != NodeKind::kFilter || rebuilt->inputs[0]->kind != NodeKind::kScan) {
    return rebuilt;
  }
  const auto& scan = as<Scan>(rebuilt->input());
  if (!scan.object->is_stored() || scan.object->relation == nullptr || !scan.key.empty()) {
    return rebuilt;
  }
  const std::vector<CatalogObjectRef> indexes = indexes_of(scan.object->id);
  if (indexes.empty()) return rebuilt;
  const std::vector<Condition> conditions = conditions_of(scan, as<Filter>(*rebuilt).predicate);
  int best = 0;
  auto copy = std::make_shared<Scan>(scan);
  for (const CatalogObjectRef& index : indexes) {
    auto use = std::make_shared<IndexUse>();
    const int score = use_index(index, conditions, *use);
    if (score <= best) continue;
    best = score;
    copy->index = std::move(use);
  }
  if (best == 0) return rebuilt;
  return make_filter(std::move(copy), as<Filter>(*rebuilt).predicate);
}

}  // namespace forebay::sql::plan
