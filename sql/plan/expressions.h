#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "sql/plan/node.h"

/// Rewriting expressions whose columns are ColumnIds.
namespace forebay::sql::plan {

using Replacements = std::unordered_map<ColumnId, ExprRef>;

/// Top-down: where `replace` gives an expression it stands instead, else the children are
/// rewritten.
ExprRef transform(const ExprRef& expr, const std::function<ExprRef(const ExprRef&)>& replace);
ExprRef replace_columns(const ExprRef& expr, const Replacements& replacements);
void visit(const ExprRef& expr, const std::function<void(const expr::Expr&)>& visitor);

void add_columns(const ExprRef& expr, ColumnSet& out);
ColumnSet columns_in(const ExprRef& expr);
bool uses_only(const ExprRef& expr, const ColumnSet& columns);
bool uses_any(const ExprRef& expr, const ColumnSet& columns);

ExprRef column_ref(const Column& column);
bool is_column(const ExprRef& expr, ColumnId id);
ExprRef boolean_literal(bool value);
bool is_literal_true(const ExprRef& expr);
/// FALSE or NULL: as a condition never true.
bool is_literal_not_true(const ExprRef& expr);
/// No columns and no volatile or stable function inside: the same value for every row.
bool is_constant(const ExprRef& expr);

/// The operands of top-level ANDs.
void split_conjuncts(const ExprRef& expr, std::vector<ExprRef>& out);
/// nullptr of none.
ExprRef make_conjunction(std::vector<ExprRef> conjuncts);

/// `a = b` as a call of the function "=": true and both sides.
bool is_equality(const ExprRef& expr, ExprRef* left, ExprRef* right);
/// Both sides of `a IS NOT DISTINCT FROM b`.
bool is_null_safe_equality(const ExprRef& expr, ExprRef* left, ExprRef* right);

/// The column below casts that give different values for different values (integer to bigint,
/// varchar to text ...); nullptr when there is none.
ExprRef injective_source(const ExprRef& expr);
/// varchar compared with varchar needs no casts to text: both sides without them, if both have one.
void strip_text_casts(ExprRef& left, ExprRef& right);

/// True when the expression is certainly NULL if all of `nulls` are NULL.
bool is_null_when(const ExprRef& expr, const ColumnSet& nulls);
/// True when the condition is certainly not true (false or NULL) if all of `nulls` are NULL.
bool rejects_nulls(const ExprRef& condition, const ColumnSet& nulls);

}  // namespace forebay::sql::plan
