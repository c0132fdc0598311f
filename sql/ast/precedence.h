#pragma once

#include <cstdint>
#include <string_view>

namespace forebay::sql::ast {

/// How tightly PostgreSQL's operators bind, from the loosest (section 4.1.6 of its documentation).
enum class Precedence : int8_t {
  kLowest,
  kOr,
  kAnd,
  kNot,
  kIs,
  kComparison,
  kBetween,  // BETWEEN, IN, LIKE, ILIKE, SIMILAR
  kOther,    // every operator that is not named here
  kAdditive,
  kMultiplicative,
  kPower,
  kAtTimeZone,
  kCollate,
  kSign,  // unary + and -
  kPostfix,
  kPrimary,
};

constexpr Precedence next(Precedence precedence) {
  return static_cast<Precedence>(static_cast<int8_t>(precedence) + 1);
}

/// Of an infix operator by its symbol.
constexpr Precedence infix_precedence(std::string_view symbol) {
  if (symbol == "+" || symbol == "-") return Precedence::kAdditive;
  if (symbol == "*" || symbol == "/" || symbol == "%") return Precedence::kMultiplicative;
  if (symbol == "^") return Precedence::kPower;
  if (symbol == "=" || symbol == "<" || symbol == ">" || symbol == "<=" || symbol == ">=" ||
      symbol == "<>") {
    return Precedence::kComparison;
  }
  return Precedence::kOther;
}

}  // namespace forebay::sql::ast
