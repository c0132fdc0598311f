#include "sql/parser/expression_chain.h"

#include <charconv>

namespace forebay::sql {

using ast::ExprPtr;
using ast::Precedence;

ExpressionChain::ExpressionChain(AstBuilder& builder, P::ExprContext* ctx)
    : builder_(builder), operand_(ctx->head), end_token_(ctx->stop->getTokenIndex() + 1) {
  tails_.reserve(ctx->tails.size());
  for (P::ExprTailContext* tail : ctx->tails) {
    const antlr4::Token* op = tail->qualified != nullptr ? tail->qualified->start : tail->op;
    tails_.push_back({tail->qualified != nullptr ? static_cast<int32_t>(P::OP)
                                                 : static_cast<int32_t>(op->getType()),
                      op, tail->negated, tail->right, tail->qualified, tail});
  }
}

ExpressionChain::ExpressionChain(AstBuilder& builder, P::BexprContext* ctx)
    : builder_(builder), operand_(ctx->head), end_token_(ctx->stop->getTokenIndex() + 1) {
  tails_.reserve(ctx->tails.size());
  for (P::BexprTailContext* tail : ctx->tails) {
    const antlr4::Token* op = tail->qualified != nullptr ? tail->qualified->start : tail->op;
    tails_.push_back({tail->qualified != nullptr ? static_cast<int32_t>(P::OP)
                                                 : static_cast<int32_t>(op->getType()),
                      op, tail->negated, tail->right, tail->qualified, nullptr});
  }
}

ExprPtr ExpressionChain::build() {
  ExprPtr result = climb(Precedence::kLowest);
  if (next_tail_ < tails_.size())
    builder_.fail_syntax(tails_[next_tail_].op_token->getTokenIndex());
  return result;
}

ExprPtr ExpressionChain::finish(ExprPtr node, int32_t children_depth) {
  builder_.set_depth(*node, children_depth);
  return node;
}

Precedence ExpressionChain::precedence_of(const Tail& tail) const {
  switch (tail.op) {
    case P::K_OR:
      return Precedence::kOr;
    case P::K_AND:
      return Precedence::kAnd;
    case P::K_IS:
    case P::K_ISNULL:
    case P::K_NOTNULL:
      return Precedence::kIs;
    case P::K_BETWEEN:
    case P::K_IN:
    case P::K_LIKE:
    case P::K_ILIKE:
    case P::K_SIMILAR:
      return Precedence::kBetween;
    case P::K_COLLATE:
      return Precedence::kCollate;
    case P::K_AT:
      return Precedence::kAtTimeZone;
    case P::K_ESCAPE:
      return Precedence::kLowest;  // taken by LIKE, else an error
    default:
      break;
  }
  // OPERATOR(...) binds as any other operator, whatever its symbol.
  if (tail.qualified != nullptr) return Precedence::kOther;
  return ast::infix_precedence(builder_.text(tail.op_token));
}

bool ExpressionChain::is_non_associative(const Tail& tail) const {
  if (tail.right == nullptr) return false;
  const Precedence precedence = precedence_of(tail);
  return precedence == Precedence::kComparison || precedence == Precedence::kBetween ||
         precedence == Precedence::kIs;
}

int32_t ExpressionChain::position_of(const Tail& tail) const {
  return builder_.at(tail.negated != nullptr && tail.op != P::K_IS ? tail.negated : tail.op_token);
}

ast::OperatorName ExpressionChain::operator_name(const Tail& tail) const {
  if (tail.qualified == nullptr) return {"", builder_.text(tail.op_token)};
  ast::OperatorName name;
  const size_t open = tail.qualified->start->getTokenIndex() + 1;
  const size_t close = tail.qualified->stop->getTokenIndex();
  if (close - open > 2) name.schema = builder_.tokens_[close - 3].text;
  name.symbol = builder_.tokens_[close - 1].text;
  return name;
}

void ExpressionChain::enter_right(const Tail& tail) {
  operand_ = tail.right;
  prefix_ = 0;
}

ExprPtr ExpressionChain::climb(Precedence least) {
  if (++recursion_ > ast::kMaxDepth) builder_.note_depth(recursion_, builder_.at(operand_));
  ExprPtr left = prefixed();
  Precedence non_associative = Precedence::kPrimary;
  while (next_tail_ < tails_.size() && !builder_.failed()) {
    const Tail& tail = tails_[next_tail_];
    const Precedence precedence = precedence_of(tail);
    if (precedence < least || tail.op == P::K_ESCAPE) break;
    if (precedence == non_associative) {
      builder_.fail_syntax(
          (tail.negated != nullptr && tail.op != P::K_IS ? tail.negated : tail.op_token)
              ->getTokenIndex());
      break;
    }
    non_associative = is_non_associative(tail) ? precedence : Precedence::kPrimary;
    ++next_tail_;
    left = apply(std::move(left), tail);
  }
  --recursion_;
  return left;
}

ExprPtr ExpressionChain::prefixed() {
  if (prefix_ >= operand_->prefixes.size() || builder_.failed())
    return builder_.primary_with_posts(operand_);
  const antlr4::Token* prefix = operand_->prefixes[prefix_++];
  const int32_t position = builder_.at(prefix);
  switch (prefix->getType()) {
    case P::K_NOT: {
      auto node = std::make_unique<ast::Not>(position);
      node->operand = climb(Precedence::kNot);
      const int32_t depth = node->operand->depth;
      return finish(std::move(node), depth);
    }
    case P::MINUS:
      return negate(climb(Precedence::kSign), position);
    default: {
      auto node = std::make_unique<ast::Unary>(position);
      node->op.symbol = builder_.text(prefix);
      node->operand =
          climb(prefix->getType() == P::PLUS ? Precedence::kSign : next(Precedence::kOther));
      const int32_t depth = node->operand->depth;
      return finish(std::move(node), depth);
    }
  }
}

ExprPtr ExpressionChain::negate(ExprPtr operand, int32_t position) {
  if (operand->kind == ast::ExprKind::kLiteral) {
    auto& number = ast::as<ast::Literal>(*operand);
    if (number.literal == ast::LiteralKind::kInteger ||
        number.literal == ast::LiteralKind::kNumeric) {
      if (number.text.starts_with('-')) {
        number.text.erase(0, 1);
      } else {
        number.text.insert(0, 1, '-');
      }
      number.position = position;
      const char* end = number.text.data() + number.text.size();
      const auto [stop, error] = std::from_chars(number.text.data(), end, number.integer);
      const bool whole = error == std::errc() && stop == end;
      number.literal = whole ? ast::LiteralKind::kInteger : ast::LiteralKind::kNumeric;
      return operand;
    }
  }
  auto node = std::make_unique<ast::Unary>(position);
  node->op.symbol.assign(1, '-');
  node->operand = std::move(operand);
  const int32_t depth = node->operand->depth;
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply(ExprPtr left, const Tail& tail) {
  switch (tail.op) {
    case P::K_AND:
    case P::K_OR:
      return apply_logical(std::move(left), tail);
    case P::K_IS:
    case P::K_ISNULL:
    case P::K_NOTNULL:
      return apply_is(std::move(left), tail);
    case P::K_BETWEEN:
      return apply_between(std::move(left), tail);
    case P::K_IN:
      return apply_in(std::move(left), tail);
    case P::K_LIKE:
    case P::K_ILIKE:
    case P::K_SIMILAR:
      return apply_like(std::move(left), tail);
    case P::K_COLLATE:
      return apply_collate(std::move(left), tail);
    case P::K_AT:
      return apply_at_time_zone(std::move(left), tail);
    default:
      return apply_operator(std::move(left), tail);
  }
}

ExprPtr ExpressionChain::apply_operator(ExprPtr left, const Tail& tail) {
  if (tail.right == nullptr) return apply_quantified(std::move(left), tail, operator_name(tail));
  auto node = std::make_unique<ast::Binary>(position_of(tail));
  node->op = operator_name(tail);
  node->left = std::move(left);
  enter_right(tail);
  node->right = climb(next(precedence_of(tail)));
  const int32_t depth = std::max(node->left->depth, node->right->depth);
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_quantified(ExprPtr left, const Tail& tail, ast::OperatorName op) {
  auto node = std::make_unique<ast::Quantified>(position_of(tail));
  node->op = std::move(op);
  node->all = tail.full->quantifier->getType() == P::K_ALL;
  const int32_t left_depth = left->depth;
  node->operand = std::move(left);
  const int32_t outer = std::exchange(builder_.deepest_, 0);
  if (tail.full->quantified->sub != nullptr) {
    node->query = builder_.query(tail.full->quantified->sub);
  } else {
    node->array = builder_.expression(tail.full->quantified->value);
  }
  const int32_t depth = std::max(left_depth, builder_.deepest_);
  builder_.deepest_ = outer;
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_logical(ExprPtr left, const Tail& tail) {
  const bool is_or = tail.op == P::K_OR;
  enter_right(tail);
  ExprPtr right = climb(next(is_or ? Precedence::kOr : Precedence::kAnd));
  if (left->kind == ast::ExprKind::kLogical && ast::as<ast::Logical>(*left).is_or == is_or) {
    const int32_t depth = std::max(left->depth - 1, right->depth);
    ast::as<ast::Logical>(*left).operands.push_back(std::move(right));
    return finish(std::move(left), depth);
  }
  auto node = std::make_unique<ast::Logical>(position_of(tail));
  node->is_or = is_or;
  const int32_t depth = std::max(left->depth, right->depth);
  node->operands.push_back(std::move(left));
  node->operands.push_back(std::move(right));
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_is(ExprPtr left, const Tail& tail) {
  if (tail.right != nullptr) {
    auto node = std::make_unique<ast::DistinctFrom>(position_of(tail));
    node->negated = tail.negated != nullptr;
    node->left = std::move(left);
    enter_right(tail);
    node->right = climb(next(Precedence::kIs));
    const int32_t depth = std::max(node->left->depth, node->right->depth);
    return finish(std::move(node), depth);
  }
  auto node = std::make_unique<ast::IsTest>(position_of(tail));
  node->negated = tail.op == P::K_NOTNULL || tail.negated != nullptr;
  if (tail.op == P::K_IS) {
    switch (tail.full->what->getType()) {
      case P::K_TRUE:
        node->test = ast::IsTestKind::kTrue;
        break;
      case P::K_FALSE:
        node->test = ast::IsTestKind::kFalse;
        break;
      case P::K_UNKNOWN:
        node->test = ast::IsTestKind::kUnknown;
        break;
      default:
        break;
    }
  }
  node->operand = std::move(left);
  const int32_t depth = node->operand->depth;
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_between(ExprPtr left, const Tail& tail) {
  auto node = std::make_unique<ast::Between>(position_of(tail));
  node->negated = tail.negated != nullptr;
  node->symmetric = tail.full->what != nullptr && tail.full->what->getType() == P::K_SYMMETRIC;
  node->operand = std::move(left);
  enter_right(tail);
  node->low = climb(Precedence::kComparison);
  if (builder_.failed() || next_tail_ >= tails_.size() || tails_[next_tail_].op != P::K_AND) {
    builder_.fail_syntax(next_tail_ < tails_.size() ? tails_[next_tail_].op_token->getTokenIndex()
                                                    : end_token_);
    return std::move(node->low);
  }
  enter_right(tails_[next_tail_++]);
  node->high = climb(next(Precedence::kBetween));
  const int32_t depth = std::max({node->operand->depth, node->low->depth, node->high->depth});
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_in(ExprPtr left, const Tail& tail) {
  auto node = std::make_unique<ast::In>(position_of(tail));
  node->negated = tail.negated != nullptr;
  const int32_t left_depth = left->depth;
  node->operand = std::move(left);
  const int32_t outer = std::exchange(builder_.deepest_, 0);
  if (tail.full->sub != nullptr) {
    node->query = builder_.query(tail.full->sub);
  } else {
    node->items = builder_.expressions(tail.full->items);
  }
  const int32_t depth = std::max(left_depth, builder_.deepest_);
  builder_.deepest_ = outer;
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_like(ExprPtr left, const Tail& tail) {
  if (tail.right == nullptr) {
    const std::string symbol =
        std::string(tail.negated != nullptr ? "!~~" : "~~") + (tail.op == P::K_ILIKE ? "*" : "");
    return apply_quantified(std::move(left), tail, {"", symbol});
  }
  auto node = std::make_unique<ast::Like>(position_of(tail));
  node->negated = tail.negated != nullptr;
  node->like = tail.op == P::K_LIKE    ? ast::LikeKind::kLike
               : tail.op == P::K_ILIKE ? ast::LikeKind::kIlike
                                       : ast::LikeKind::kSimilar;
  node->operand = std::move(left);
  enter_right(tail);
  node->pattern = climb(next(Precedence::kBetween));
  int32_t depth = std::max(node->operand->depth, node->pattern->depth);
  if (next_tail_ < tails_.size() && tails_[next_tail_].op == P::K_ESCAPE) {
    enter_right(tails_[next_tail_++]);
    node->escape = climb(next(Precedence::kBetween));
    depth = std::max(depth, node->escape->depth);
  }
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_collate(ExprPtr left, const Tail& tail) {
  auto node = std::make_unique<ast::Collate>(position_of(tail));
  node->collation = builder_.names(tail.full->collation);
  node->operand = std::move(left);
  const int32_t depth = node->operand->depth;
  return finish(std::move(node), depth);
}

ExprPtr ExpressionChain::apply_at_time_zone(ExprPtr left, const Tail& tail) {
  auto node = std::make_unique<ast::Function>(position_of(tail));
  node->syntax = ast::CallSyntax::kAtTimeZone;
  node->name = {"timezone"};
  enter_right(tail);
  ExprPtr zone = climb(next(Precedence::kAtTimeZone));
  const int32_t depth = std::max(left->depth, zone->depth);
  node->args.push_back({"", false, std::move(zone)});
  node->args.push_back({"", false, std::move(left)});
  return finish(std::move(node), depth);
}

}  // namespace forebay::sql
