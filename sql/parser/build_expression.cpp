#include <charconv>

#include "sql/parser/expression_chain.h"

namespace forebay::sql {

using ast::ExprPtr;

namespace {

ExprPtr string_literal(std::string value, int32_t position) {
  auto node = std::make_unique<ast::Literal>(position);
  node->literal = ast::LiteralKind::kString;
  node->text = std::move(value);
  return node;
}

}  // namespace

ExprPtr AstBuilder::expression(P::ExprContext* ctx) {
  if (ctx->tails.empty() && ctx->head->prefixes.empty()) return primary_with_posts(ctx->head);
  return ExpressionChain(*this, ctx).build();
}

ExprPtr AstBuilder::expression(P::BexprContext* ctx) { return ExpressionChain(*this, ctx).build(); }

ExprPtr AstBuilder::expression_or_default(P::ExprOrDefaultContext* ctx) {
  if (ctx->value != nullptr) return expression(ctx->value);
  return std::make_unique<ast::Default>(at(ctx));
}

std::vector<ExprPtr> AstBuilder::expressions(const std::vector<P::ExprContext*>& list) {
  std::vector<ExprPtr> result;
  result.reserve(list.size());
  for (P::ExprContext* item : list) result.push_back(expression(item));
  return result;
}

ExprPtr AstBuilder::primary_with_posts(P::OperandContext* ctx) {
  ExprPtr result = primary(ctx->value);
  for (P::PostfixContext* post : ctx->posts) {
    if (failed()) break;
    result = postfix(std::move(result), post);
  }
  return result;
}

ExprPtr AstBuilder::postfix(ExprPtr operand, P::PostfixContext* ctx) {
  const int32_t position = at(ctx);
  int32_t depth = operand->depth;
  if (ctx->cast != nullptr) {
    auto node = std::make_unique<ast::Cast>(position);
    node->style = ast::CastStyle::kDoubleColon;
    node->operand = std::move(operand);
    node->type = type_name(ctx->type);
    set_depth(*node, depth);
    return node;
  }
  const int32_t outer = std::exchange(deepest_, 0);
  auto node = std::make_unique<ast::Subscript>(position);
  node->operand = std::move(operand);
  node->slice = ctx->slice != nullptr;
  if (ctx->index != nullptr) node->lower = expression(ctx->index);
  if (ctx->lower != nullptr) node->lower = expression(ctx->lower);
  if (ctx->upper != nullptr) node->upper = expression(ctx->upper);
  depth = std::max(depth, deepest_);
  deepest_ = outer;
  set_depth(*node, depth);
  ExprPtr result = std::move(node);
  for (P::ColLabelContext* field : ctx->fields)
    result = select_field(std::move(result), field->start, at(field));
  return result;
}

ExprPtr AstBuilder::select_field(ExprPtr operand, const Token* name, int32_t position) {
  auto node = std::make_unique<ast::Field>(position);
  const int32_t depth = operand->depth;
  node->operand = std::move(operand);
  if (name != nullptr) node->name = text(name);
  set_depth(*node, depth);
  return node;
}

ExprPtr AstBuilder::primary(P::PrimaryContext* ctx) {
  const int32_t outer = std::exchange(deepest_, 0);
  ExprPtr result = primary_inside(ctx);
  // A mere parenthesised expression keeps its own depth.
  if (result->depth <= deepest_ && ctx->open == nullptr) set_depth(*result, deepest_);
  deepest_ = std::max(outer, result->depth);
  return result;
}

ExprPtr AstBuilder::primary_inside(P::PrimaryContext* ctx) {
  if (ctx->literal != nullptr) return literal(ctx->literal);
  if (ctx->name != nullptr) return name_or_literal(ctx);
  if (ctx->call != nullptr) {
    if (ctx->typedString == nullptr) return function_call(ctx->call);
    fail(data::Status(data::sqlstate::kFeatureNotSupported,
                      "type modifiers before a string constant are not supported")
             .with_hint("Write a cast: '...'::type(modifier).")
             .at(at(ctx)));
    return literal(ctx->typedString);
  }
  if (ctx->open != nullptr) return parenthesised(ctx);
  if (ctx->typed != nullptr) return typed_literal(ctx->typed);
  if (ctx->caseOf != nullptr) return case_expression(ctx->caseOf);
  if (ctx->special != nullptr) return special_call(ctx->special);
  if (ctx->valueFunction != nullptr) return value_function(ctx);
  return word_form(ctx);
}

ExprPtr AstBuilder::literal(const Token* token) {
  const ScannedToken& scan = scanned(token);
  if (scan.type == P::PARAM) {
    auto parameter = std::make_unique<ast::Parameter>(scan.position);
    const auto [stop, error] =
        std::from_chars(scan.text.data(), scan.text.data() + scan.text.size(), parameter->index);
    if (error != std::errc() || parameter->index < 1 || parameter->index > 65535) {
      fail(data::Status(data::sqlstate::kUndefinedParameter, "there is no parameter $" + scan.text)
               .at(scan.position));
    }
    return parameter;
  }
  auto node = std::make_unique<ast::Literal>(scan.position);
  switch (scan.type) {
    case P::STRING:
      node->literal = ast::LiteralKind::kString;
      node->text = scan.text;
      break;
    case P::INTEGER: {
      const auto [stop, error] =
          std::from_chars(scan.text.data(), scan.text.data() + scan.text.size(), node->integer);
      node->literal =
          error == std::errc() ? ast::LiteralKind::kInteger : ast::LiteralKind::kNumeric;
      node->text = scan.text;
      break;
    }
    case P::NUMERIC:
      node->literal = ast::LiteralKind::kNumeric;
      node->text = scan.text;
      break;
    case P::K_TRUE:
    case P::K_FALSE:
      node->literal = ast::LiteralKind::kBoolean;
      node->boolean = scan.type == P::K_TRUE;
      break;
    case P::BITSTRING:
      fail(data::Status(data::sqlstate::kFeatureNotSupported,
                        "bit string constants are not supported")
               .with_hint("Write bytes as '\\x...'::bytea.")
               .at(scan.position));
      break;
    default:
      break;  // NULL
  }
  return node;
}

ExprPtr AstBuilder::make_typed(ast::TypeName type, const Token* string) {
  auto node = std::make_unique<ast::Cast>(type.position);
  node->style = ast::CastStyle::kTypedLiteral;
  node->type = std::move(type);
  node->operand = string_literal(text(string), at(string));
  set_depth(*node, 1);
  return node;
}

ExprPtr AstBuilder::name_or_literal(P::PrimaryContext* ctx) {
  if (ctx->typedString != nullptr) {
    ast::TypeName type{.position = at(ctx->name), .names = names(ctx->name)};
    const char first = sql_[scanned(ctx->name->start).begin];
    const bool quoted = first == '"' || first == '`';
    if (type.names.size() == 1 && !quoted) type.names[0] = standard_type_name(type.names[0]);
    return make_typed(std::move(type), ctx->typedString);
  }
  if (ctx->star != nullptr) {
    auto star = std::make_unique<ast::Star>(at(ctx->name));
    star->qualifier = names(ctx->name);
    return star;
  }
  auto column = std::make_unique<ast::ColumnRef>(at(ctx->name));
  column->names = names(ctx->name);
  return column;
}

ExprPtr AstBuilder::parenthesised(P::PrimaryContext* ctx) {
  ExprPtr result;
  if (ctx->sub != nullptr) {
    result = subquery(ast::SubqueryKind::kScalar, ctx->sub, at(ctx));
  } else if (ctx->items.size() == 1) {
    result = expression(ctx->items[0]);
    if (result->kind == ast::ExprKind::kSubscript) {
      static_cast<ast::Subscript&>(*result).closed = true;
    }
  } else {
    auto row = std::make_unique<ast::Row>(at(ctx));
    row->items = expressions(ctx->items);
    set_depth(*row, deepest_);
    result = std::move(row);
  }
  for (P::ColLabelContext* field : ctx->fields)
    result = select_field(std::move(result), field->start, at(field));
  if (ctx->star != nullptr) result = select_field(std::move(result), nullptr, at(ctx->star));
  return result;
}

ExprPtr AstBuilder::subquery(ast::SubqueryKind kind, P::QueryContext* ctx, int32_t position) {
  auto node = std::make_unique<ast::Subquery>(position);
  node->subquery = kind;
  node->query = query(ctx);
  set_depth(*node, deepest_);
  return node;
}

/// EXISTS, ARRAY, ROW, CAST.
ExprPtr AstBuilder::word_form(P::PrimaryContext* ctx) {
  const int32_t position = at(ctx);
  switch (ctx->word->getType()) {
    case P::K_EXISTS:
      return subquery(ast::SubqueryKind::kExists, ctx->sub, position);
    case P::K_ARRAY:
      if (ctx->sub != nullptr) return subquery(ast::SubqueryKind::kArray, ctx->sub, position);
      return array_items(ctx->array, position);
    case P::K_ROW: {
      auto row = std::make_unique<ast::Row>(position);
      row->explicit_row = true;
      row->items = expressions(ctx->items);
      return row;
    }
    default: {
      auto cast = std::make_unique<ast::Cast>(position);
      cast->operand = expression(ctx->items[0]);
      cast->type = type_name(ctx->type);
      return cast;
    }
  }
}

ExprPtr AstBuilder::array_items(P::ArrayItemsContext* ctx, int32_t position) {
  auto array = std::make_unique<ast::Array>(position);
  array->items = expressions(ctx->items);
  for (P::ArrayItemsContext* row : ctx->rows) array->items.push_back(array_items(row, at(row)));
  set_depth(*array, deepest_);
  return array;
}

ExprPtr AstBuilder::value_function(P::PrimaryContext* ctx) {
  auto call = std::make_unique<ast::Function>(at(ctx));
  call->syntax = ast::CallSyntax::kNoParens;
  call->name = {text(ctx->valueFunction)};
  if (ctx->precision != nullptr) {
    call->args.push_back({"", false, literal(ctx->precision)});
    set_depth(*call, 1);
  }
  return call;
}

ExprPtr AstBuilder::case_expression(P::CaseExprContext* ctx) {
  auto node = std::make_unique<ast::Case>(at(ctx));
  if (ctx->subject != nullptr) node->subject = expression(ctx->subject);
  for (P::CaseWhenContext* when : ctx->whens) {
    ExprPtr condition = expression(when->condition);
    node->branches.push_back({std::move(condition), expression(when->result)});
  }
  if (ctx->otherwise != nullptr) node->otherwise = expression(ctx->otherwise);
  return node;
}

ExprPtr AstBuilder::special_call(P::SpecialCallContext* ctx) {
  auto call = std::make_unique<ast::Function>(at(ctx));
  const auto add = [&](ExprPtr arg) { call->args.push_back({"", false, std::move(arg)}); };
  switch (ctx->what->getType()) {
    case P::K_EXTRACT:
      call->name = {"extract"};
      call->syntax = ast::CallSyntax::kExtract;
      add(string_literal(text(ctx->field), at(ctx->field)));
      break;
    case P::K_SUBSTRING:
      call->name = {"substring"};
      break;
    case P::K_OVERLAY:
      call->name = {"overlay"};
      break;
    case P::K_POSITION:
      call->name = {"position"};
      add(expression(ctx->hay));
      add(expression(ctx->needle));
      break;
    default:
      call->name = {ctx->side == nullptr || ctx->side->getType() == P::K_BOTH ? "btrim"
                    : ctx->side->getType() == P::K_LEADING                    ? "ltrim"
                                                                              : "rtrim"};
      break;
  }
  for (P::ExprContext* arg : ctx->args) add(expression(arg));
  if (ctx->chars != nullptr) add(expression(ctx->chars));
  if (ctx->placing != nullptr) add(expression(ctx->placing));
  if (ctx->from != nullptr) add(expression(ctx->from));
  if (ctx->count != nullptr) {
    // SUBSTRING(x FOR n) begins at 1.
    if (ctx->from == nullptr) {
      auto one = std::make_unique<ast::Literal>(at(ctx->count));
      one->literal = ast::LiteralKind::kInteger;
      one->integer = 1;
      one->text.assign(1, '1');
      add(std::move(one));
    }
    add(expression(ctx->count));
  }
  return call;
}

ExprPtr AstBuilder::typed_literal(P::TypedLiteralContext* ctx) {
  ast::TypeName type;
  if (ctx->type != nullptr) {
    type = keyword_type(ctx->type);
  } else {
    type.position = at(ctx);
    type.names = {"interval"};
    if (ctx->fields != nullptr) interval_fields(ctx->fields, type);
    if (ctx->precision != nullptr) type.modifiers = {count_of(ctx->precision)};
  }
  return make_typed(std::move(type), ctx->value);
}

std::unique_ptr<ast::Function> AstBuilder::function_call(P::FunctionCallContext* ctx) {
  auto call = std::make_unique<ast::Function>(at(ctx));
  call->name = names(ctx->name);
  call->star = ctx->star != nullptr;
  call->distinct = ctx->quantifier != nullptr && ctx->quantifier->getType() == P::K_DISTINCT;
  for (P::ArgumentContext* arg : ctx->args) {
    call->args.push_back(
        {arg->name != nullptr ? text(arg->name) : std::string(), arg->variadic != nullptr,
         arg->table != nullptr ? table_argument(arg->table) : expression(arg->value)});
    if (arg->partition == nullptr) continue;
    ExprPtr partition = primary(arg->partition);
    std::vector<ExprPtr>& columns = call->args.back().partition_by;
    if (partition != nullptr && partition->kind == ast::ExprKind::kRow) {
      columns = std::move(ast::as<ast::Row>(*partition).items);
    } else {
      columns.push_back(std::move(partition));
    }
  }
  if (ctx->order != nullptr) call->order_by = sort_items(ctx->order);
  if (ctx->within != nullptr) {
    if (ctx->order != nullptr || call->distinct) {
      fail(data::Status(data::sqlstate::kSyntaxError,
                        ctx->order != nullptr
                            ? "cannot use multiple ORDER BY clauses with WITHIN GROUP"
                            : "cannot use DISTINCT with WITHIN GROUP")
               .at(at(ctx->within)));
    }
    call->within_group = true;
    call->order_by = sort_items(ctx->within);
  }
  if (ctx->filter != nullptr) call->filter = expression(ctx->filter);
  if (ctx->overName != nullptr) {
    call->over = std::make_unique<ast::WindowSpec>();
    call->over->position = at(ctx->overName);
    call->over->reference_only = true;
    call->over->existing = text(ctx->overName);
  } else if (ctx->over != nullptr) {
    call->over = std::make_unique<ast::WindowSpec>(window_spec(ctx->over));
  }
  return call;
}

std::vector<ast::SortItem> AstBuilder::sort_items(P::OrderByClauseContext* ctx) {
  std::vector<ast::SortItem> result;
  for (P::SortItemContext* item : ctx->items) result.push_back(sort_item(item));
  return result;
}

ast::SortItem AstBuilder::sort_item(P::SortItemContext* item) {
  ast::SortItem sort{expression(item->value)};
  sort.descending = item->direction != nullptr && item->direction->getType() == P::K_DESC;
  if (item->usingOp != nullptr) sort.descending = item->usingOp->getType() == P::GT;
  if (item->nulls != nullptr) {
    sort.nulls =
        item->nulls->getType() == P::K_FIRST ? ast::NullsOrder::kFirst : ast::NullsOrder::kLast;
  }
  return sort;
}

ast::WindowSpec AstBuilder::window_spec(P::WindowSpecContext* ctx) {
  ast::WindowSpec spec;
  spec.position = at(ctx);
  if (ctx->existing != nullptr) spec.existing = text(ctx->existing);
  spec.partition_by = expressions(ctx->partition);
  if (ctx->order != nullptr) spec.order_by = sort_items(ctx->order);
  if (ctx->frame != nullptr) spec.frame = window_frame(ctx->frame);
  return spec;
}

ast::WindowFrame AstBuilder::window_frame(P::WindowFrameContext* ctx) {
  ast::WindowFrame frame;
  frame.position = at(ctx);
  const auto unit = ctx->unit->getType();
  frame.unit = unit == P::K_ROWS    ? ast::FrameUnit::kRows
               : unit == P::K_RANGE ? ast::FrameUnit::kRange
                                    : ast::FrameUnit::kGroups;
  frame.lower = frame_bound(ctx->lower);
  if (ctx->upper != nullptr) frame.upper = frame_bound(ctx->upper);
  if (ctx->excluded != nullptr) {
    switch (ctx->excluded->getType()) {
      case P::K_ROW:
        frame.exclusion = ast::FrameExclusion::kCurrentRow;
        break;
      case P::K_GROUP:
        frame.exclusion = ast::FrameExclusion::kGroup;
        break;
      case P::K_TIES:
        frame.exclusion = ast::FrameExclusion::kTies;
        break;
      default:
        break;
    }
  }
  return frame;
}

ast::FrameBound AstBuilder::frame_bound(P::FrameBoundContext* ctx) {
  ast::FrameBound bound;
  bound.position = at(ctx);
  if (ctx->current != nullptr) return bound;
  const bool preceding = ctx->direction->getType() == P::K_PRECEDING;
  if (ctx->unbounded != nullptr) {
    bound.kind = preceding ? ast::FrameBoundKind::kUnboundedPreceding
                           : ast::FrameBoundKind::kUnboundedFollowing;
  } else {
    bound.kind = preceding ? ast::FrameBoundKind::kPreceding : ast::FrameBoundKind::kFollowing;
    bound.offset = expression(ctx->value);
  }
  return bound;
}

}  // namespace forebay::sql
