#include <array>
#include <charconv>

#include "sql/parser/ast_builder.h"

namespace forebay::sql {

namespace {

/// SQL's spellings of one word, and PostgreSQL's names for them.
constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kSpellings{{
    {"int", "int4"},
    {"integer", "int4"},
    {"smallint", "int2"},
    {"bigint", "int8"},
    {"real", "float4"},
    {"float", "float8"},
    {"double", "float8"},
    {"decimal", "numeric"},
    {"dec", "numeric"},
    {"boolean", "bool"},
    {"string", "varchar"},
    {"bytes", "bytea"},
    {"varbinary", "bytea"},
    {"timestamp_ltz", "timestamptz"},
    {"tinyint", "int2"},
}};

}  // namespace

std::string standard_type_name(std::string_view word) {
  for (const auto& [spelling, name] : kSpellings) {
    if (word == spelling) return std::string(name);
  }
  return std::string(word);
}

int64_t AstBuilder::count_of(const Token* token) {
  int64_t value = 0;
  const std::string& digits = text(token);
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || value > INT32_MAX) {
    fail(data::Status(data::sqlstate::kSyntaxError, "syntax error at or near \"" + digits + "\"")
             .at(at(token)));
    return 0;
  }
  return value;
}

ast::TypeName AstBuilder::type_name(P::TypeNameContext* ctx) {
  ast::TypeName type = simple_type(ctx->base);
  if (ctx->array != nullptr) {
    type.array_dimensions = 1;
    return type;
  }
  // Dimensions follow the base type: one per "[".
  for (size_t i = ctx->base->stop->getTokenIndex() + 1; i <= ctx->stop->getTokenIndex(); ++i) {
    if (tokens_[i].type == P::LBRACKET) ++type.array_dimensions;
  }
  return type;
}

ast::TypeName AstBuilder::simple_type(P::SimpleTypeContext* ctx) {
  if (ctx->keyword != nullptr) return keyword_type(ctx->keyword);
  if (ctx->array != nullptr) {
    ast::TypeName type = type_name(ctx->element);
    ++type.array_dimensions;
    return type;
  }
  if (ctx->nested != nullptr) {
    const bool is_map = ctx->nested->getType() == P::K_MAP;
    fail(data::Status(data::sqlstate::kFeatureNotSupported,
                      is_map ? "type MAP<...> is not supported" : "type ROW<...> is not supported")
             .with_hint("Use jsonb: -> and ->> take it apart.")
             .at(at(ctx)));
    return {.position = at(ctx), .names = {"jsonb"}};
  }
  if (ctx->name != nullptr) return generic_type(ctx);
  ast::TypeName type;
  type.position = at(ctx);
  type.names = {"interval"};
  if (ctx->fields != nullptr) interval_fields(ctx->fields, type);
  if (ctx->precision != nullptr) type.modifiers = {count_of(ctx->precision)};
  return type;
}

ast::TypeName AstBuilder::generic_type(P::SimpleTypeContext* ctx) {
  ast::TypeName type;
  type.position = at(ctx);
  type.names = names(ctx->name);
  for (P::TypeModifierContext* modifier : ctx->modifiers) {
    const int64_t value = count_of(modifier->value);
    type.modifiers.push_back(modifier->sign != nullptr ? -value : value);
  }
  const char first = sql_[scanned(ctx->name->start).begin];
  const bool quoted = first == '"' || first == '`';
  if (type.names.size() != 1 || quoted) return type;
  if (type.names[0] == "float" && !type.modifiers.empty()) {
    const int64_t bits = type.modifiers[0];
    if (bits < 1 || bits > 53 || type.modifiers.size() > 1) {
      fail(data::Status(data::sqlstate::kInvalidParameterValue,
                        bits < 1 ? "precision for type float must be at least 1 bit"
                                 : "precision for type float must be less than 54 bits")
               .at(type.position));
    }
    type.names[0] = bits <= 24 ? "float4" : "float8";
    type.modifiers.clear();
  }
  type.names[0] = standard_type_name(type.names[0]);
  return type;
}

ast::TypeName AstBuilder::keyword_type(P::KeywordTypeContext* ctx) {
  ast::TypeName type;
  type.position = at(ctx);
  if (ctx->precision != nullptr) type.modifiers = {count_of(ctx->precision)};
  switch (ctx->kind->getType()) {
    case P::K_DOUBLE:
      type.names = {"float8"};
      break;
    case P::K_TIMESTAMP:
    case P::K_TIME: {
      std::string name = ctx->kind->getType() == P::K_TIME ? "time" : "timestamp";
      if (ctx->zone != nullptr && ctx->zone->getType() == P::K_WITH) {
        name += "tz";
      } else if (ctx->local != nullptr) {
        fail_syntax(ctx->local->getTokenIndex());
      }
      type.names = {std::move(name)};
      break;
    }
    default:
      type.names = {ctx->varying != nullptr ? "varchar" : "bpchar"};
      if (ctx->varying == nullptr && type.modifiers.empty()) type.modifiers = {1};
      break;
  }
  return type;
}

void AstBuilder::interval_fields(P::IntervalFieldsContext* ctx, ast::TypeName& type) {
  for (size_t i = ctx->start->getTokenIndex(); i <= ctx->stop->getTokenIndex(); ++i) {
    const ScannedToken& token = tokens_[i];
    if (token.type == P::LPAREN) {
      int64_t precision = 0;
      const std::string& digits = tokens_[i + 1].text;
      std::from_chars(digits.data(), digits.data() + digits.size(), precision);
      type.modifiers = {precision};
      break;
    }
    if (!type.interval_fields.empty()) type.interval_fields += ' ';
    for (const char c : token.text) type.interval_fields += static_cast<char>(c - 'a' + 'A');
  }
}

}  // namespace forebay::sql
