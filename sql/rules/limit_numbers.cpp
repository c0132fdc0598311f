#include <algorithm>
#include <limits>
#include <string_view>

#include "sql/plan/expressions.h"
#include "sql/plan/watermarks.h"
#include "sql/rules/rules.h"

namespace forebay::sql::rules {
namespace {

using expr::ExprKind;
using expr::ExprRef;
using operators::OverFunction;
using plan::NodeKind;

/// The numbers that a filter lets through.
struct Bounds {
  int64_t least = 1;
  int64_t most = std::numeric_limits<int64_t>::max();

  /// Takes in `number op constant`; false when that says nothing plain.
  bool narrow(std::string_view op, int64_t constant) {
    constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    if (op == "=" || op == ">=") least = std::max(least, constant);
    if (op == "=" || op == "<=") most = std::min(most, constant);
    if (op == "<") most = std::min(most, constant == kLeast ? kLeast : constant - 1);
    if (op == ">") least = std::max(least, constant == kMost ? kMost : constant + 1);
    return op == "=" || op == ">=" || op == "<=" || op == "<" || op == ">";
  }
};

std::string_view mirrored(std::string_view op) {
  if (op == "<") return ">";
  if (op == ">") return "<";
  if (op == "<=") return ">=";
  if (op == ">=") return "<=";
  return op;
}

/// Takes in a comparison of the column with a constant.
bool take_bound(const ExprRef& conjunct, plan::ColumnId number, Bounds& bounds) {
  if (conjunct->kind != ExprKind::kCall || conjunct->children.size() != 2) return false;
  ExprRef column = conjunct->children[0], constant = conjunct->children[1];
  std::string_view op = conjunct->function->name;
  if (!plan::is_column(column, number)) {
    std::swap(column, constant);
    op = mirrored(op);
  }
  if (!plan::is_column(column, number) || constant->kind != ExprKind::kLiteral) return false;
  const auto* value = std::get_if<int64_t>(&constant->literal.value);
  return value != nullptr && !constant->literal.is_null() && bounds.narrow(op, *value);
}

ExprRef count_literal(int64_t count) { return expr::literal({data::kBigintType, count}); }

/// number <= n over all rows with their numbers: the first n of each partition. A rank counts as
/// number, too; then rows that are equal to the last one come with it.
NodeRef limit_by(const plan::Filter& filter, const plan::OverCall& number) {
  const auto& over = plan::as<plan::Over>(filter.input());
  const bool ties = number.function == OverFunction::kRank;
  std::vector<ExprRef> conjuncts, rest;
  plan::split_conjuncts(filter.predicate, conjuncts);
  Bounds bounds;
  for (const ExprRef& conjunct : conjuncts) {
    if (!take_bound(conjunct, number.output.id, bounds)) rest.push_back(conjunct);
  }
  if (bounds.most == std::numeric_limits<int64_t>::max()) return nullptr;
  const int64_t most = std::max<int64_t>(bounds.most, 0);
  if (over.calls.size() == 1 && !ties) {
    const int64_t rows = most < bounds.least ? 0 : most - bounds.least + 1;
    NodeRef limited = plan::make_top_n(
        over.inputs[0], over.partition, over.order, count_literal(rows),
        bounds.least > 1 ? count_literal(bounds.least - 1) : nullptr, false, number.output);
    return plan::make_filter(std::move(limited), plan::make_conjunction(std::move(rest)));
  }
  if (!std::all_of(over.calls.begin(), over.calls.end(),
                   [&](const plan::OverCall& call) { return plan::looks_back(call, ties); })) {
    return nullptr;
  }
  NodeRef limited = plan::make_top_n(over.inputs[0], over.partition, over.order,
                                     count_literal(most), nullptr, ties);
  return plan::make_filter(
      plan::with_inputs(filter.inputs[0], {std::move(limited)}),
      plan::make_conjunction(bounds.least > 1 ? std::move(conjuncts) : std::move(rest)));
}

NodeRef limit(const NodeRef& node) {
  if (node->kind != NodeKind::kFilter || node->input().kind != NodeKind::kOver) return node;
  for (const plan::OverCall& call : plan::as<plan::Over>(node->input()).calls) {
    if (call.function != OverFunction::kRowNumber && call.function != OverFunction::kRank) continue;
    if (NodeRef limited = limit_by(plan::as<plan::Filter>(*node), call)) return limited;
  }
  return node;
}

}  // namespace

NodeRef limit_numbers(const NodeRef& root) { return rewrite_bottom_up(root, limit); }

}  // namespace forebay::sql::rules
