#include <algorithm>

#include "sql/parser/ast_builder.h"

namespace forebay::sql {

std::vector<ast::FunctionParameter> AstBuilder::function_parameters(
    const std::vector<P::FunctionParamContext*>& params) {
  std::vector<ast::FunctionParameter> out;
  for (P::FunctionParamContext* param : params) {
    if (failed()) break;
    ast::FunctionParameter parameter;
    parameter.position = at(param);
    if (param->name != nullptr) parameter.name = text(param->name);
    parameter.type = type_name(param->type);
    out.push_back(std::move(parameter));
  }
  return out;
}

ast::StatementPtr AstBuilder::create_function(P::CreateFunctionContext* ctx) {
  auto statement = std::make_unique<ast::CreateFunction>(at(ctx));
  statement->or_replace = ctx->replace != nullptr;
  statement->name = qualified(ctx->name);
  statement->parameters = function_parameters(ctx->params);
  if (ctx->result != nullptr) statement->result = type_name(ctx->result);
  statement->table = function_parameters(ctx->cols);
  statement->returns_rows = ctx->setof != nullptr || !ctx->cols.empty();
  for (P::FunctionOptionContext* option : ctx->options) {
    if (failed()) break;
    function_option(option, *statement);
  }
  return statement;
}

void AstBuilder::function_option(P::FunctionOptionContext* ctx, ast::CreateFunction& function) {
  if (!ctx->body.empty()) {
    for (const auto* part : ctx->body) function.body.push_back(text(part));
  } else if (ctx->value != nullptr) {
    function.returned = expression(ctx->value);
  } else if (ctx->language != nullptr) {
    function.language = text(ctx->language);
    std::transform(function.language.begin(), function.language.end(), function.language.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    function.language_position = scanned(ctx->language).position;
  } else if (ctx->strict != nullptr) {
    function.strict = true;
  } else {
    // What the rest says (how a call may be moved, what it costs) is known of an inlined body.
    static constexpr std::string_view kWords[] = {
        "immutable", "stable", "volatile", "leakproof",  "called", "parallel",
        "safe",      "unsafe", "input",    "restricted", "strict"};
    const std::string& word = text(ctx->word);
    if (std::find(std::begin(kWords), std::end(kWords), word) == std::end(kWords)) {
      fail_syntax(ctx->word->getTokenIndex());
    }
    if (word == "strict") function.strict = true;
  }
}

}  // namespace forebay::sql
