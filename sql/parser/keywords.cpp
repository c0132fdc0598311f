#include <algorithm>
#include <string>
#include <unordered_map>

#include "sql/parser/grammar.h"
#include "sql/parser/parser.h"
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

const std::unordered_map<std::string, int32_t>& table() {
  static const std::unordered_map<std::string, int32_t> words = keyword_table();
  return words;
}

}  // namespace

std::vector<std::string> keywords() {
  std::vector<std::string> words;
  for (const auto& [word, token] : table()) words.push_back(word);
  std::sort(words.begin(), words.end());
  return words;
}

int32_t keyword_token(std::string_view word) {
  if (word.size() > 24) return 0;
  const auto found = table().find(std::string(word));
  return found != table().end() ? found->second : 0;
}

}  // namespace forebay::sql
