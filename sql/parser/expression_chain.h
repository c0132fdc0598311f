#pragma once

#include <vector>

#include "sql/parser/ast_builder.h"

namespace forebay::sql {

/// Applies precedence and associativity to a flat chain `operand tail tail ...` (precedence
/// climbing). Left-associative chains are built by a loop; recursion goes by levels of precedence
/// and prefixes.
class ExpressionChain {
 public:
  using P = AstBuilder::P;

  ExpressionChain(AstBuilder& builder, P::ExprContext* ctx);
  ExpressionChain(AstBuilder& builder, P::BexprContext* ctx);

  ast::ExprPtr build();

 private:
  struct Tail {
    int32_t op;
    const antlr4::Token* op_token;
    const antlr4::Token* negated;
    P::OperandContext* right;
    P::QualifiedOperatorContext* qualified;
    /// Null in a b_expr.
    P::ExprTailContext* full;
  };

  ast::ExprPtr climb(ast::Precedence least);
  ast::ExprPtr prefixed();
  ast::ExprPtr negate(ast::ExprPtr operand, int32_t position);
  /// Takes the next tail, on `left`.
  ast::ExprPtr apply(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_operator(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_quantified(ast::ExprPtr left, const Tail& tail, ast::OperatorName op);
  ast::ExprPtr apply_logical(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_is(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_between(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_in(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_like(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_collate(ast::ExprPtr left, const Tail& tail);
  ast::ExprPtr apply_at_time_zone(ast::ExprPtr left, const Tail& tail);

  void enter_right(const Tail& tail);
  ast::Precedence precedence_of(const Tail& tail) const;
  bool is_non_associative(const Tail& tail) const;
  ast::OperatorName operator_name(const Tail& tail) const;
  int32_t position_of(const Tail& tail) const;
  ast::ExprPtr finish(ast::ExprPtr node, int32_t children_depth);

  AstBuilder& builder_;
  P::OperandContext* operand_;
  size_t prefix_ = 0;
  std::vector<Tail> tails_;
  size_t next_tail_ = 0;
  /// Index of the token behind the chain.
  size_t end_token_ = 0;
  int32_t recursion_ = 0;
};

}  // namespace forebay::sql
