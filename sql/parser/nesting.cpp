#include "sql/parser/nesting.h"

#include <fmt/format.h>

#include "sql/parser/grammar.h"

namespace forebay::sql {
namespace {

using P = grammar::ForebayParser;

/// Is this JOIN one that has no ON or USING: CROSS JOIN, NATURAL [LEFT [OUTER]] JOIN?
bool joins_without_condition(const std::vector<ScannedToken>& tokens, size_t join) {
  for (size_t back = 1; back <= 3 && back <= join; ++back) {
    switch (tokens[join - back].type) {
      case P::K_CROSS:
      case P::K_NATURAL:
        return true;
      case P::K_LEFT:
      case P::K_RIGHT:
      case P::K_FULL:
      case P::K_INNER:
      case P::K_OUTER:
        continue;
      default:
        return false;
    }
  }
  return false;
}

/// May this token, right before "(", be the name of a function, or VALUES or ROW?
bool may_name_function(const ScannedToken& token) {
  switch (token.type) {
    case P::IDENT:
    case P::K_VALUES:
    case P::K_ROW:
    case P::K_LEFT:
    case P::K_RIGHT:
    case P::K_CAST:
    case P::K_EXTRACT:
    case P::K_GROUPING:
    case P::K_OVERLAY:
    case P::K_POSITION:
    case P::K_SUBSTRING:
    case P::K_TRIM:
      return true;
    case P::K_MATERIALIZED:
    case P::K_EXPLAIN:
    case P::K_ESCAPE:
    case P::K_ZONE:
      return false;
    default:
      return token.type >= P::K_ABORT && token.type <= P::K_ZONE;  // not reserved
  }
}

/// May a query go on with this token after one of its parentheses has closed?
bool continues_query(int32_t type) {
  switch (type) {
    case P::K_UNION:
    case P::K_INTERSECT:
    case P::K_EXCEPT:
    case P::K_ORDER:
    case P::K_LIMIT:
    case P::K_OFFSET:
    case P::K_FETCH:
    case P::K_FOR:
    case P::RPAREN:
      return true;
    default:
      return false;
  }
}

/// Is TABLE at `at`, after "(", the first argument of a table function?
bool is_table_argument(const std::vector<ScannedToken>& tokens, size_t at) {
  size_t next = at + 2;
  while (next + 1 < tokens.size() && tokens[next].type == P::DOT) next += 2;
  if (next >= tokens.size()) return false;
  return tokens[next].type == P::COMMA || tokens[next].type == P::K_PARTITION;
}

/// The keyword of a field that Flink also writes in the plural, or 0.
int32_t plural_field(std::string_view word) {
  if (word == "seconds") return P::K_SECOND;
  if (word == "minutes") return P::K_MINUTE;
  if (word == "hours") return P::K_HOUR;
  if (word == "days") return P::K_DAY;
  return 0;
}

bool is_window_function(std::string_view word) {
  return word == "tumble" || word == "hop" || word == "cumulate" || word == "session";
}

}  // namespace

data::Status check_nesting(const std::vector<ScannedToken>& tokens) {
  int32_t depth = 0;
  int32_t waiting_joins = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    switch (tokens[i].type) {
      case P::LPAREN:
      case P::LBRACKET:
      case P::K_CASE:
        ++depth;
        break;
      case P::RPAREN:
      case P::RBRACKET:
      case P::K_END:
        depth = std::max(depth - 1, 0);
        break;
      case P::K_JOIN:
        if (!joins_without_condition(tokens, i)) ++waiting_joins;
        break;
      case P::K_ON:
      case P::K_USING:
        waiting_joins = std::max(waiting_joins - 1, 0);
        break;
      case P::SEMICOLON:
        depth = waiting_joins = 0;
        break;
      default:
        break;
    }
    if (depth + waiting_joins > kMaxNesting) {
      return data::Status(data::sqlstate::kTooComplex, "stack depth limit exceeded")
          .with_hint(fmt::format(
              "Parentheses, brackets, CASE and joins may be nested up to {} levels.", kMaxNesting))
          .at(tokens[i].position);
    }
  }
  return data::Status::ok();
}

void mark_query_parentheses(std::vector<ScannedToken>& tokens) {
  // From the end, so that the inner parentheses are known; `closes` of a "(" is its ")".
  std::vector<size_t> open_ends;
  std::vector<size_t> closes(tokens.size(), tokens.size());
  for (size_t i = tokens.size(); i-- > 0;) {
    ScannedToken& token = tokens[i];
    if (token.type == P::SEMICOLON) open_ends.clear();
    if (token.type == P::RPAREN) open_ends.push_back(i);
    if (token.type != P::LPAREN) continue;
    if (!open_ends.empty()) {
      closes[i] = open_ends.back();
      open_ends.pop_back();
    }
    if (i + 1 >= tokens.size()) continue;
    bool opens_query = false;
    switch (tokens[i + 1].type) {
      case P::K_SELECT:
      case P::K_WITH:
        opens_query = true;
        break;
      case P::K_TABLE:
        opens_query = !is_table_argument(tokens, i + 1);
        break;
      case P::K_VALUES:
        opens_query = i + 2 < tokens.size() && tokens[i + 2].type == P::LPAREN;
        break;
      case P::LPAREN_QUERY: {
        const size_t after = closes[i + 1] + 1;
        opens_query = after < tokens.size() && continues_query(tokens[after].type) &&
                      (i == 0 || !may_name_function(tokens[i - 1]));
        break;
      }
      default:
        break;
    }
    if (opens_query) token.type = P::LPAREN_QUERY;
  }
}

void mark_plural_fields(std::vector<ScannedToken>& tokens) {
  std::vector<bool> open;  // per "(": of a window's table function
  for (size_t i = 0; i < tokens.size(); ++i) {
    const int32_t type = tokens[i].type;
    if (type == P::LPAREN || type == P::LPAREN_QUERY) {
      open.push_back(i > 0 && is_window_function(tokens[i - 1].text));
    } else if (type == P::RPAREN && !open.empty()) {
      open.pop_back();
    } else if (type == P::IDENT && !open.empty() && open.back() && i > 1 &&
               tokens[i - 1].type == P::STRING && tokens[i - 2].type == P::K_INTERVAL) {
      const int32_t field = plural_field(tokens[i].text);
      if (field == 0) continue;
      tokens[i].type = field;
      tokens[i].text.pop_back();
    }
  }
}

}  // namespace forebay::sql
