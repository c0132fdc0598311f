#include <fmt/format.h>

#include "sql/parser/ast_builder.h"

/// DECLARE, FETCH, MOVE, CLOSE.
namespace forebay::sql {

using ast::StatementPtr;

StatementPtr AstBuilder::cursor(P::CursorStatementContext* ctx) {
  if (ctx->declare != nullptr) return declare(ctx);
  if (ctx->close != nullptr) {
    auto statement = std::make_unique<ast::CloseCursor>(at(ctx));
    if (ctx->name != nullptr) statement->name = text(ctx->name);
    return statement;
  }
  auto statement = std::make_unique<ast::Fetch>(at(ctx));
  statement->move = ctx->action->getType() == P::K_MOVE;
  statement->name = text(ctx->name);
  if (ctx->how != nullptr) fetch_how(ctx->how, *statement);
  return statement;
}

StatementPtr AstBuilder::declare(P::CursorStatementContext* ctx) {
  auto statement = std::make_unique<ast::DeclareCursor>(at(ctx));
  statement->name = text(ctx->name);
  for (size_t i = 0; i < ctx->words.size(); ++i) {
    const std::string& word = text(ctx->words[i]);
    const bool last = i + 1 == ctx->words.size();
    if (last && word == "cursor") break;
    if (!last && word == "binary") {
      statement->binary = true;
    } else if (!last && word == "scroll") {
      statement->scroll = ast::CursorScroll::kScroll;
    } else if (!last && word == "no" && text(ctx->words[i + 1]) == "scroll") {
      statement->scroll = ast::CursorScroll::kNoScroll;
      ++i;
    } else if (last || (word != "insensitive" && word != "asensitive")) {
      fail_syntax(ctx->words[i]->getTokenIndex());
    }
  }
  if (ctx->hold != nullptr && text(ctx->hold) != "hold") fail_syntax(ctx->hold->getTokenIndex());
  statement->hold = ctx->holds != nullptr && ctx->holds->getType() == P::K_WITH;
  auto rows = std::make_unique<ast::QueryStatement>(at(ctx->body));
  rows->query = query(ctx->body);
  statement->query = std::move(rows);
  return statement;
}

void AstBuilder::fetch_how(P::FetchHowContext* ctx, ast::Fetch& fetch) {
  constexpr int64_t kAll = INT64_MAX;
  int64_t count = ctx->count != nullptr ? count_of(ctx->count) : 1;
  if (ctx->sign != nullptr && ctx->sign->getType() == P::MINUS) count = -count;
  fetch.count = ctx->all != nullptr ? kAll : count;
  if (ctx->word == nullptr) return;
  const std::string& word = text(ctx->word);
  const bool counted = ctx->count != nullptr;
  const bool plain = !counted && ctx->all == nullptr;
  if (word == "absolute" && counted) {
    fetch.direction = ast::FetchDirection::kAbsolute;
  } else if (word == "relative" && counted) {
    fetch.direction = ast::FetchDirection::kRelative;
  } else if (word == "backward" || (word == "prior" && plain)) {
    fetch.direction = ast::FetchDirection::kBackward;
  } else if (word == "first" && plain) {
    fetch.direction = ast::FetchDirection::kAbsolute;
  } else if (word == "last" && plain) {
    fetch.direction = ast::FetchDirection::kAbsolute;
    fetch.count = -1;
  } else if (word == "all" && plain) {
    fetch.count = kAll;
  } else if (word != "forward" && !(word == "next" && plain)) {
    fail_syntax(ctx->word->getTokenIndex() + (plain ? 0 : 1));
  }
}

}  // namespace forebay::sql
