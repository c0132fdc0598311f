#include "sql/parser/parser.h"

#include <fmt/format.h>

#include <array>

#include "sql/parser/ast_builder.h"
#include "sql/parser/nesting.h"

/// The one file where ANTLR runs and where its exceptions end. SLL prediction first, which is fast
/// and never wrong when it succeeds; when it fails, LL once more, whose failure says where the
/// error is.
namespace forebay::sql {
namespace {

using data::Result;
using data::Status;
using grammar::ForebayParser;

/// A larger statement would take gigabytes of parse contexts.
constexpr size_t kMaxTokens = 1'000'000;

/// What ANTLR sees of a scanned token: its type and its index among all tokens of the text. A
/// semicolon, and the end of the text, is EOF: the grammar knows statements one by one.
class GrammarToken final : public antlr4::Token {
 public:
  GrammarToken(const ScannedToken* scanned, size_t index) : scanned_(scanned), index_(index) {
    const bool end = scanned == nullptr || scanned->type == ForebayParser::SEMICOLON;
    type_ = end ? antlr4::Token::EOF : static_cast<size_t>(scanned->type);
  }
  std::string getText() const override {
    return scanned_ != nullptr ? scanned_->text : std::string();
  }
  size_t getType() const override { return type_; }
  void set_type(size_t type) { type_ = type; }
  size_t getLine() const override { return 1; }
  size_t getCharPositionInLine() const override { return index_; }
  size_t getChannel() const override { return DEFAULT_CHANNEL; }
  size_t getTokenIndex() const override { return index_; }
  size_t getStartIndex() const override { return index_; }
  size_t getStopIndex() const override { return index_; }
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  antlr4::CharStream* getInputStream() const override { return nullptr; }
  std::string toString() const override { return getText(); }

 private:
  const ScannedToken* scanned_;
  size_t index_;
  size_t type_;
};

/// Tokens [begin, end] of a vector, of which `end` is an EOF. Indexes are those of the vector.
class StatementTokens final : public antlr4::TokenStream {
 public:
  StatementTokens(std::vector<GrammarToken>& tokens, size_t begin, size_t end)
      : tokens_(tokens), begin_(begin), end_(end), at_(begin) {}

  antlr4::Token* LT(ssize_t k) override {
    const auto index = static_cast<ssize_t>(at_) + (k > 0 ? k - 1 : k);
    if (index < static_cast<ssize_t>(begin_)) return nullptr;
    furthest_ = std::max(furthest_, std::min(static_cast<size_t>(index), end_));
    return &tokens_[std::min(static_cast<size_t>(index), end_)];
  }
  size_t LA(ssize_t k) override {
    const antlr4::Token* token = LT(k);
    return token != nullptr ? token->getType() : antlr4::Token::INVALID_TYPE;
  }
  antlr4::Token* get(size_t index) const override { return &tokens_[index]; }
  void consume() override {
    if (at_ < end_) ++at_;
  }
  void seek(size_t index) override { at_ = std::clamp(index, begin_, end_); }
  size_t index() override { return at_; }
  size_t begin() const { return begin_; }
  /// The last token that was looked at since the beginning of the run.
  size_t furthest() const { return furthest_; }
  void forget_furthest() { furthest_ = begin_; }
  size_t size() override { return end_ + 1; }
  ssize_t mark() override { return 0; }
  void release(ssize_t) override {}
  antlr4::TokenSource* getTokenSource() const override { return nullptr; }
  std::string getSourceName() const override { return "sql"; }
  std::string getText(const antlr4::misc::Interval&) override { return {}; }
  std::string getText() override { return {}; }
  std::string getText(antlr4::RuleContext*) override { return {}; }
  std::string getText(antlr4::Token*, antlr4::Token*) override { return {}; }

 private:
  std::vector<GrammarToken>& tokens_;
  size_t begin_;
  size_t end_;
  size_t at_;
  size_t furthest_ = 0;
};

/// Gives up at the first error and remembers its token.
class StopAtError final : public antlr4::DefaultErrorStrategy {
 public:
  void reportError(antlr4::Parser*, const antlr4::RecognitionException& error) override {
    token_index_ = error.getOffendingToken()->getTokenIndex();
  }
  void recover(antlr4::Parser*, std::exception_ptr) override {
    throw antlr4::ParseCancellationException();
  }
  antlr4::Token* recoverInline(antlr4::Parser* parser) override {
    token_index_ = parser->getCurrentToken()->getTokenIndex();
    throw antlr4::ParseCancellationException();
  }
  void sync(antlr4::Parser*) override {}
  size_t token_index() const { return token_index_; }

 private:
  size_t token_index_ = 0;
};

class GrammarRun {
 public:
  GrammarRun(std::vector<GrammarToken>& tokens, size_t begin, size_t end)
      : stream_(tokens, begin, end),
        parser_(&stream_),
        strategy_(std::make_shared<StopAtError>()),
        after_(tokens[end]),
        type_after_(after_.getType()) {
    // The statement may end without a semicolon.
    after_.set_type(antlr4::Token::EOF);
    parser_.removeErrorListeners();
    parser_.setErrorHandler(strategy_);
    parser_.setBuildParseTree(false);
  }
  ~GrammarRun() { after_.set_type(type_after_); }
  GrammarRun(const GrammarRun&) = delete;
  GrammarRun& operator=(const GrammarRun&) = delete;

  /// The context of a rule, owned by this; null on a syntax error (see error_token).
  template <typename Context>
  Context* run(Context* (ForebayParser::*rule)()) {
    for (const auto mode : {antlr4::atn::PredictionMode::SLL, antlr4::atn::PredictionMode::LL}) {
      try {
        parser_.reset();
        stream_.forget_furthest();
        parser_.getInterpreter<antlr4::atn::ParserATNSimulator>()->setPredictionMode(mode);
        return (parser_.*rule)();
      } catch (const antlr4::ParseCancellationException&) {
        continue;
      }
    }
    return nullptr;
  }
  /// The index of the token where the text stops making sense: the last one that prediction looked
  /// at. Where PostgreSQL's scanner looks ahead itself (after NOT, NULLS and WITH) it is the word
  /// before.
  size_t error_token() const {
    const size_t furthest = stream_.furthest();
    if (furthest == stream_.begin()) return furthest;
    switch (stream_.get(furthest - 1)->getType()) {
      case ForebayParser::K_NOT:
      case ForebayParser::K_NULLS:
      case ForebayParser::K_WITH:
        return std::max(strategy_->token_index(), furthest - 1);
      default:
        return furthest;
    }
  }

 private:
  StatementTokens stream_;
  ForebayParser parser_;
  std::shared_ptr<StopAtError> strategy_;
  GrammarToken& after_;
  const size_t type_after_;
};

std::vector<GrammarToken> grammar_tokens(const std::vector<ScannedToken>& tokens) {
  std::vector<GrammarToken> result;
  result.reserve(tokens.size() + 1);
  for (size_t i = 0; i < tokens.size(); ++i) result.emplace_back(&tokens[i], i);
  result.emplace_back(nullptr, tokens.size());
  return result;
}

/// Number of edits between two short words, at most `limit` + 1 (counting a swap as two).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

/// A hint when the error is at the first word of a statement, and the word is nearly a statement's.
std::string leading_word_hint(const std::vector<ScannedToken>& tokens, size_t begin, size_t error) {
  static constexpr std::array<std::string_view, 24> kLeading{
      "select", "insert",   "update",  "delete",  "create", "drop",     "with",     "values",
      "show",   "set",      "explain", "begin",   "commit", "rollback", "truncate", "alter",
      "flush",  "describe", "prepare", "execute", "reset",  "copy",     "start",    "subscribe"};
  if (error != begin || error >= tokens.size() || tokens[error].type != ForebayParser::IDENT)
    return {};
  const std::string& word = tokens[error].text;
  if (word.size() < 3 || word.size() > 12) return {};
  std::string_view best;
  size_t best_distance = word.size() <= 4 ? 2 : 3;
  for (const std::string_view candidate : kLeading) {
    const size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (best.empty()) return {};
  std::string upper(best);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  return fmt::format("Did you mean \"{}\"?", upper);
}

/// Where the error is, of a run that failed. When it is at a "(", then perhaps what stands inside
/// is wrong, and therefore the kind of parenthesis: one look at it as the other kind.
template <typename Context>
size_t find_error(std::vector<GrammarToken>& grammar, size_t begin, size_t end, size_t error,
                  Context* (ForebayParser::*rule)()) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    const size_t type = grammar[error].getType();
    if (type != ForebayParser::LPAREN && type != ForebayParser::LPAREN_QUERY) break;
    grammar[error].set_type(type == ForebayParser::LPAREN ? ForebayParser::LPAREN_QUERY
                                                          : ForebayParser::LPAREN);
    GrammarRun again(grammar, begin, end);
    if (again.run(rule) != nullptr || again.error_token() <= error) break;
    error = again.error_token();
  }
  return error;
}

/// Where the statement at `begin` ends: before a semicolon, or behind EXECUTE STATEMENT SET BEGIN,
/// perhaps with EXPLAIN before it.
size_t statement_end(const std::vector<ScannedToken>& tokens, size_t begin) {
  const auto is = [&](size_t i, size_t type) {
    return i < tokens.size() && tokens[i].type == static_cast<int32_t>(type);
  };
  size_t set = begin;
  if (is(set, ForebayParser::K_EXPLAIN)) {
    ++set;
    if (is(set, ForebayParser::LPAREN) || is(set, ForebayParser::LPAREN_QUERY)) {
      while (set < tokens.size() && !is(set, ForebayParser::RPAREN)) ++set;
      ++set;
    }
    while (is(set, ForebayParser::K_ANALYZE) || is(set, ForebayParser::K_VERBOSE)) ++set;
  }
  const bool executes = is(set, ForebayParser::K_EXECUTE);
  if (executes) ++set;
  if ((executes || set > begin) && is(set, ForebayParser::K_STATEMENT) &&
      is(set + 1, ForebayParser::K_SET) && is(set + 2, ForebayParser::K_BEGIN)) {
    return set + 3;
  }
  size_t end = begin;
  while (end < tokens.size() && tokens[end].type != ForebayParser::SEMICOLON) ++end;
  return end;
}

/// The scanner failed behind `tokens`. An error of the grammar before that place comes first, as it
/// would if the two ran together.
Status first_failure(std::string_view sql, const std::vector<ScannedToken>& tokens,
                     Status scan_failure) {
  std::vector<GrammarToken> grammar = grammar_tokens(tokens);
  for (size_t begin = 0; begin < tokens.size(); ++begin) {
    const size_t end = statement_end(tokens, begin);
    if (end == begin) continue;
    GrammarRun run(grammar, begin, end);
    if (run.run(&ForebayParser::oneStatement) == nullptr) {
      const size_t error =
          find_error(grammar, begin, end, run.error_token(), &ForebayParser::oneStatement);
      if (error < tokens.size()) return syntax_error(sql, tokens, error);
    }
    begin = end < tokens.size() && tokens[end].type == ForebayParser::SEMICOLON ? end : end - 1;
  }
  return scan_failure;
}

Result<std::vector<ScannedToken>> prepare_tokens(std::string_view sql) {
  std::vector<ScannedToken> tokens;
  Status scanned = scan_sql(sql, tokens);
  FOREBAY_RETURN_IF_ERROR(check_nesting(tokens));
  if (tokens.size() > kMaxTokens) {
    return Status(data::sqlstate::kProgramLimit,
                  fmt::format("statement of {} words is too long (limit {} words)", tokens.size(),
                              kMaxTokens))
        .with_hint("Split it, or load the rows through a source.");
  }
  mark_query_parentheses(tokens);
  mark_plural_fields(tokens);
  if (!scanned.is_ok()) return first_failure(sql, tokens, std::move(scanned));
  return tokens;
}

Result<ast::StatementPtr> parse_one(std::string_view sql, const std::vector<ScannedToken>& tokens,
                                    std::vector<GrammarToken>& grammar, size_t begin, size_t end) {
  GrammarRun run(grammar, begin, end);
  auto* context = run.run(&ForebayParser::oneStatement);
  if (context == nullptr) {
    const size_t error =
        find_error(grammar, begin, end, run.error_token(), &ForebayParser::oneStatement);
    return syntax_error(sql, tokens, error).with_hint(leading_word_hint(tokens, begin, error));
  }
  AstBuilder builder(sql, tokens);
  ast::StatementPtr statement = builder.statement(context->body);
  if (!builder.status().is_ok()) return std::move(builder.status());
  return statement;
}

}  // namespace

Result<std::vector<ParsedStatement>> parse_statements(std::string_view sql) {
  FOREBAY_ASSIGN_OR_RETURN(const std::vector<ScannedToken> tokens, prepare_tokens(sql));
  std::vector<GrammarToken> grammar = grammar_tokens(tokens);
  std::vector<ParsedStatement> result;
  for (size_t begin = 0; begin < tokens.size(); ++begin) {
    if (tokens[begin].type == ForebayParser::SEMICOLON) continue;
    const size_t end = statement_end(tokens, begin);
    FOREBAY_ASSIGN_OR_RETURN(ast::StatementPtr statement,
                             parse_one(sql, tokens, grammar, begin, end));
    result.push_back({std::move(statement), tokens[begin].begin, tokens[end - 1].end});
    begin = end < tokens.size() && tokens[end].type == ForebayParser::SEMICOLON ? end : end - 1;
  }
  return result;
}

Result<ast::ExprPtr> parse_expression(std::string_view text) {
  FOREBAY_ASSIGN_OR_RETURN(const std::vector<ScannedToken> tokens, prepare_tokens(text));
  std::vector<GrammarToken> grammar = grammar_tokens(tokens);
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].type == ForebayParser::SEMICOLON) return syntax_error(text, tokens, i);
  }
  GrammarRun run(grammar, 0, tokens.size());
  auto* context = run.run(&ForebayParser::oneExpression);
  if (context == nullptr) {
    return syntax_error(
        text, tokens,
        find_error(grammar, 0, tokens.size(), run.error_token(), &ForebayParser::oneExpression));
  }
  AstBuilder builder(text, tokens);
  ast::ExprPtr expr = builder.expression(context->body);
  if (!builder.status().is_ok()) return std::move(builder.status());
  return expr;
}

}  // namespace forebay::sql
