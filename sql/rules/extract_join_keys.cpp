#include "sql/plan/expressions.h"
#include "sql/plan/failure.h"
#include "sql/plan/projection.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprKind;
using expr::ExprRef;
using plan::ColumnSet;
using plan::NodeKind;

NodeRef extract(const NodeRef& node, ColumnFactory& factory) {
  if (node->kind != NodeKind::kJoin) return node;
  const auto& join = plan::as<plan::Join>(*node);
  const ColumnSet left = plan::column_set(join.input(0).columns);
  const ColumnSet right = plan::column_set(join.input(1).columns);
  auto left_input = plan::Projection::behind(join.inputs[0], factory);
  auto right_input = plan::Projection::behind(join.inputs[1], factory);
  std::vector<ExprRef> conjuncts, rest;
  plan::split_conjuncts(join.condition, conjuncts);
  std::vector<plan::JoinKey> keys = join.keys;
  for (const ExprRef& conjunct : conjuncts) {
    ExprRef a, b;
    const bool null_safe = plan::is_null_safe_equality(conjunct, &a, &b);
    bool is_key = null_safe || plan::is_equality(conjunct, &a, &b);
    // A side that overflows would do so for its pairs, too; what fails for ordinary values stays.
    is_key = is_key && plan::failure_of(conjunct) != plan::Failure::kValue;
    if (is_key && plan::uses_only(a, right) && plan::uses_only(b, left)) std::swap(a, b);
    is_key = is_key && plan::uses_only(a, left) && plan::uses_only(b, right) &&
             plan::uses_any(a, left) && plan::uses_any(b, right) &&
             expr::volatility(*conjunct) == udfs::Volatility::kImmutable;
    if (!is_key || a->type.id != b->type.id) {
      rest.push_back(conjunct);
      continue;
    }
    plan::strip_text_casts(a, b);
    plan::JoinKey key{left_input.find_or_add("key", a).id, right_input.find_or_add("key", b).id,
                      null_safe};
    bool repeated = false;
    for (const plan::JoinKey& other : keys) {
      repeated |=
          other.left == key.left && other.right == key.right && other.null_safe == null_safe;
    }
    if (!repeated) keys.push_back(key);
  }
  if (keys.size() == join.keys.size()) return node;
  NodeRef result = plan::make_join(join.join, left_input.finish(), right_input.finish(),
                                   std::move(keys), plan::make_conjunction(std::move(rest)));
  return plan::make_narrow(std::move(result), node->columns);
}

}  // namespace

NodeRef extract_join_keys(const NodeRef& root, ColumnFactory& columns) {
  return rewrite_bottom_up(root, [&](const NodeRef& node) { return extract(node, columns); });
}

}  // namespace forebay::sql::rules
