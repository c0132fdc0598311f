#include <string>
#include <unordered_map>

#include "sql/parser/grammar.h"
#include "sql/parser/scanner.h"

namespace forebay::sql {
namespace {

/// The grammar's tokens K_WORD, by "word".
std::unordered_map<std::string, int32_t> keyword_table() {
  std::unordered_map<std::string, int32_t> table;
  for (size_t type = 1; type <= grammar::ForebayParser::K_ZONE; ++type) {
    const std::string& name = grammar::ForebayParser::symbolic_name(type);
    if (!name.starts_with("K_")) continue;
    std::string word = name.substr(2);
    for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    table.emplace(std::move(word), static_cast<int32_t>(type));
  }
  return table;
}

}  // namespace

int32_t keyword_token(std::string_view word) {
  static const std::unordered_map<std::string, int32_t> table = keyword_table();
  if (word.size() > 24) return 0;
  const auto found = table.find(std::string(word));
  return found != table.end() ? found->second : 0;
}

}  // namespace forebay::sql
