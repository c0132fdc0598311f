#include "sql/parser/ast_builder.h"

#include <fmt/format.h>

namespace forebay::sql {

data::Status syntax_error(std::string_view sql, const std::vector<ScannedToken>& tokens,
                          size_t token_index) {
  if (token_index < tokens.size()) {
    const ScannedToken& token = tokens[token_index];
    return data::Status(data::sqlstate::kSyntaxError,
                        fmt::format("syntax error at or near \"{}\"",
                                    sql.substr(token.begin, token.end - token.begin)))
        .at(token.position);
  }
  int32_t position = 1;
  for (const char c : sql) position += (c & 0xC0) != 0x80;
  return data::Status(data::sqlstate::kSyntaxError, "syntax error at end of input").at(position);
}

int32_t AstBuilder::at(const Token* token) const {
  const size_t index = token->getTokenIndex();
  return index < tokens_.size() ? tokens_[index].position : 0;
}

std::vector<std::string> AstBuilder::names(const antlr4::ParserRuleContext* ctx) const {
  std::vector<std::string> result;
  for (size_t i = ctx->start->getTokenIndex(); i <= ctx->stop->getTokenIndex(); i += 2) {
    result.push_back(tokens_[i].text);
  }
  return result;
}

ast::QualifiedName AstBuilder::qualified(const antlr4::ParserRuleContext* ctx) const {
  return {at(ctx), names(ctx)};
}

std::vector<ast::NameAt> AstBuilder::name_list(P::ColumnListContext* ctx) const {
  std::vector<ast::NameAt> result;
  if (ctx == nullptr) return result;
  for (P::ColIdContext* name : ctx->names) result.push_back(name_at(name));
  return result;
}

std::vector<std::string> AstBuilder::plain_names(P::ColumnListContext* ctx) const {
  std::vector<std::string> result;
  if (ctx == nullptr) return result;
  for (P::ColIdContext* name : ctx->names) result.push_back(text(name));
  return result;
}

std::string AstBuilder::upper_words(const antlr4::ParserRuleContext* ctx) const {
  std::string words;
  for (size_t i = ctx->start->getTokenIndex(); i <= ctx->stop->getTokenIndex(); ++i) {
    if (!words.empty()) words += ' ';
    for (const char c : tokens_[i].text)
      words += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return words;
}

void AstBuilder::fail(data::Status status) {
  if (status_.is_ok()) status_ = std::move(status);
}

void AstBuilder::fail_syntax(size_t token_index) { fail(syntax_error(sql_, tokens_, token_index)); }

void AstBuilder::note_depth(int32_t depth, int32_t position) {
  deepest_ = std::max(deepest_, depth);
  if (depth > ast::kMaxDepth) {
    fail(data::Status(data::sqlstate::kTooComplex, "stack depth limit exceeded")
             .with_hint(fmt::format(
                 "Expressions, joins and set operations may be chained and nested up to {} "
                 "levels; use parentheses to balance them.",
                 ast::kMaxDepth))
             .at(position));
  }
}

void AstBuilder::set_depth(ast::Expr& node, int32_t children_depth) {
  node.depth = children_depth + 1;
  note_depth(node.depth, node.position);
}

ast::StatementPtr AstBuilder::statement(P::StatementContext* ctx) {
  if (ctx->dml != nullptr) return dml(ctx->dml);
  if (ctx->explain != nullptr) return explain(ctx->explain);
  if (ctx->create != nullptr) return create(ctx->create);
  if (ctx->drop != nullptr) return drop(ctx->drop);
  if (ctx->session != nullptr) return session(ctx->session);
  if (ctx->prepare != nullptr) return prepare(ctx->prepare);
  if (ctx->truncate != nullptr) return truncate(ctx->truncate);
  if (ctx->copy != nullptr) return copy(ctx->copy);
  if (ctx->alter != nullptr) return alter(ctx->alter);
  if (ctx->comment != nullptr) return comment(ctx->comment);
  if (ctx->refresh != nullptr) return refresh(ctx->refresh);
  if (ctx->cursor != nullptr) return cursor(ctx->cursor);
  if (ctx->discard != nullptr) return discard(ctx->discard);
  if (ctx->set != nullptr) return std::make_unique<ast::StatementSet>(at(ctx));
  return other(ctx->other);
}

}  // namespace forebay::sql
