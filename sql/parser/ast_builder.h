#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sql/ast/precedence.h"
#include "sql/ast/statement.h"
#include "sql/parser/grammar.h"
#include "sql/parser/scanner.h"

/// Makes the AST of ANTLR's contexts; internal to sql/parser. It reads labels and tokens only. The
/// first failure is kept in status(); what is built after it is of no use.
namespace forebay::sql {

class ExpressionChain;

class AstBuilder {
 public:
  using P = grammar::ForebayParser;
  using Token = antlr4::Token;

  AstBuilder(std::string_view sql, const std::vector<ScannedToken>& tokens)
      : sql_(sql), tokens_(tokens) {}

  ast::StatementPtr statement(P::StatementContext* ctx);
  ast::ExprPtr expression(P::ExprContext* ctx);
  data::Status& status() { return status_; }

 private:
  friend class ExpressionChain;

  // Tokens.
  const ScannedToken& scanned(const Token* token) const { return tokens_[token->getTokenIndex()]; }
  int32_t at(const Token* token) const;
  int32_t at(const antlr4::ParserRuleContext* ctx) const { return at(ctx->start); }
  const std::string& text(const Token* token) const { return scanned(token).text; }
  const std::string& text(const antlr4::ParserRuleContext* ctx) const { return text(ctx->start); }
  /// The names of `a.b.c`.
  std::vector<std::string> names(const antlr4::ParserRuleContext* ctx) const;
  ast::QualifiedName qualified(const antlr4::ParserRuleContext* ctx) const;
  ast::NameAt name_at(const antlr4::ParserRuleContext* ctx) const { return {at(ctx), text(ctx)}; }
  std::vector<ast::NameAt> name_list(P::ColumnListContext* ctx) const;
  std::vector<std::string> plain_names(P::ColumnListContext* ctx) const;
  /// The words of a rule that is keywords only, in upper case.
  std::string upper_words(const antlr4::ParserRuleContext* ctx) const;

  // Failures.
  bool failed() const { return !status_.is_ok(); }
  void fail(data::Status status);
  /// "syntax error at or near" the token of that index (which may be the end).
  void fail_syntax(size_t token_index);

  // Depth: `deepest_` is the height of what was built in the present scope.
  void note_depth(int32_t depth, int32_t position);
  /// Sets the depth of a node above children of at most that depth.
  void set_depth(ast::Expr& node, int32_t children_depth);

  // build_expression.cpp
  ast::ExprPtr expression(P::BexprContext* ctx);
  ast::ExprPtr expression_or_default(P::ExprOrDefaultContext* ctx);
  ast::ExprPtr primary_with_posts(P::OperandContext* ctx);
  ast::ExprPtr primary(P::PrimaryContext* ctx);
  ast::ExprPtr primary_inside(P::PrimaryContext* ctx);
  ast::ExprPtr postfix(ast::ExprPtr operand, P::PostfixContext* ctx);
  ast::ExprPtr literal(const Token* token);
  ast::ExprPtr name_or_literal(P::PrimaryContext* ctx);
  ast::ExprPtr parenthesised(P::PrimaryContext* ctx);
  ast::ExprPtr word_form(P::PrimaryContext* ctx);
  ast::ExprPtr value_function(P::PrimaryContext* ctx);
  ast::ExprPtr array_items(P::ArrayItemsContext* ctx, int32_t position);
  ast::ExprPtr case_expression(P::CaseExprContext* ctx);
  ast::ExprPtr special_call(P::SpecialCallContext* ctx);
  ast::ExprPtr typed_literal(P::TypedLiteralContext* ctx);
  ast::ExprPtr subquery(ast::SubqueryKind kind, P::QueryContext* ctx, int32_t position);
  ast::ExprPtr select_field(ast::ExprPtr operand, const Token* name, int32_t position);
  ast::ExprPtr make_typed(ast::TypeName type, const Token* string);
  std::unique_ptr<ast::Function> function_call(P::FunctionCallContext* ctx);
  std::vector<ast::ExprPtr> expressions(const std::vector<P::ExprContext*>& list);
  ast::WindowSpec window_spec(P::WindowSpecContext* ctx);
  ast::WindowFrame window_frame(P::WindowFrameContext* ctx);
  ast::FrameBound frame_bound(P::FrameBoundContext* ctx);
  std::vector<ast::SortItem> sort_items(P::OrderByClauseContext* ctx);
  ast::SortItem sort_item(P::SortItemContext* item);

  // build_type.cpp
  ast::TypeName type_name(P::TypeNameContext* ctx);
  ast::TypeName simple_type(P::SimpleTypeContext* ctx);
  ast::TypeName keyword_type(P::KeywordTypeContext* ctx);
  ast::TypeName generic_type(P::SimpleTypeContext* ctx);
  /// Sets the fields, and the precision of SECOND(n).
  void interval_fields(P::IntervalFieldsContext* ctx, ast::TypeName& type);
  /// An integer token's value; fails if it is too large for a count.
  int64_t count_of(const Token* token);

  // build_query.cpp
  ast::QueryPtr query(P::QueryContext* ctx);
  ast::QueryPtr query_body(P::QueryBodyContext* ctx, P::WithClauseContext* with);
  std::vector<ast::CommonTable> common_tables(P::WithClauseContext* ctx);
  ast::QueryPtr query_primary(P::QueryPrimaryContext* ctx);
  std::unique_ptr<ast::Select> simple_select(P::SimpleSelectContext* ctx);
  /// TABLE name, as an argument.
  ast::ExprPtr table_argument(P::QualifiedNameContext* name);
  void query_limits(P::QueryBodyContext* ctx, ast::Query& query);
  void fetch_first(P::LimitPartContext* ctx, ast::Query& query);
  std::vector<ast::SelectItem> select_items(const std::vector<P::TargetContext*>& targets);
  std::vector<ast::ExprPtr> values_row(P::ValuesRowContext* ctx);
  ast::GroupItem group_item(P::GroupItemContext* ctx);
  std::vector<ast::TableRefPtr> from_list(const std::vector<P::TableRefContext*>& tables);
  ast::TableRefPtr table_ref(P::TableRefContext* ctx);
  ast::TableRefPtr table_primary(P::TablePrimaryContext* ctx);
  ast::TableRefPtr join(ast::TableRefPtr left, P::JoinTailContext* ctx);
  ast::TableAlias table_alias(P::TableAliasContext* ctx);

  // build_dml.cpp
  ast::StatementPtr dml(P::DmlStatementContext* ctx);
  ast::StatementPtr insert(P::InsertBodyContext* ctx, int32_t position);
  ast::StatementPtr update(P::UpdateBodyContext* ctx, int32_t position);
  ast::StatementPtr remove(P::DeleteBodyContext* ctx, int32_t position);
  std::vector<ast::SetClause> set_clauses(const std::vector<P::SetItemContext*>& items);
  void conflict_clause(P::InsertConflictContext* ctx, ast::Insert& insert);
  std::vector<ast::SelectItem> returning(P::ReturningClauseContext* ctx);

  // build_definition.cpp
  ast::StatementPtr create(P::CreateStatementContext* ctx);
  ast::StatementPtr create_table(P::CreateTableContext* ctx);
  ast::StatementPtr create_function(P::CreateFunctionContext* ctx);
  void function_option(P::FunctionOptionContext* ctx, ast::CreateFunction& function);
  std::vector<ast::FunctionParameter> function_parameters(
      const std::vector<P::FunctionParamContext*>& params);
  ast::StatementPtr create_schema(P::CreateSchemaContext* ctx);
  ast::StatementPtr truncate(P::TruncateStatementContext* ctx);
  ast::StatementPtr create_source(P::CreateSourceContext* ctx);
  ast::StatementPtr create_view(P::CreateViewContext* ctx);
  ast::StatementPtr drop(P::DropStatementContext* ctx);
  ast::ObjectKind object_kind(P::DropObjectContext* ctx) const;
  void elements(const std::vector<P::TableElementContext*>& list, ast::RelationDef& definition);
  void clauses(const std::vector<P::TableClauseContext*>& list, ast::RelationDef& definition);
  void clause(P::TableClauseContext* ctx, ast::RelationDef& definition);
  ast::ColumnDef column_definition(P::ColumnDefinitionContext* ctx);
  void column_constraint(P::ColumnConstraintContext* ctx, ast::ColumnDef& column);
  std::vector<ast::Option> option_list(P::OptionListContext* ctx);
  void option_value(P::OptionValueContext* ctx, ast::Option& option);
  ast::OnError on_error(P::OnErrorContext* ctx);
  ast::StatementPtr alter(P::AlterStatementContext* ctx);
  ast::StatementPtr create_index(P::CreateIndexContext* ctx);
  ast::StatementPtr create_sink(P::CreateSinkContext* ctx);
  /// SELECT * FROM name.
  std::unique_ptr<ast::Select> select_all(P::QualifiedNameContext* name, int32_t position);
  ast::StatementPtr refresh(P::RefreshStatementContext* ctx);
  ast::StatementPtr comment(P::CommentStatementContext* ctx);
  void fail_duplicate(const char* clause, int32_t position);

  // build_copy.cpp
  ast::StatementPtr copy(P::CopyStatementContext* ctx);
  ast::Option copy_option(P::CopyOptionContext* ctx);
  ast::Option copy_word(P::CopyWordContext* ctx);

  // build_cursor.cpp
  ast::StatementPtr cursor(P::CursorStatementContext* ctx);
  ast::StatementPtr declare(P::CursorStatementContext* ctx);
  void fetch_how(P::FetchHowContext* ctx, ast::Fetch& fetch);

  // build_session.cpp
  ast::StatementPtr explain(P::ExplainStatementContext* ctx);
  ast::StatementPtr session(P::SessionStatementContext* ctx);
  ast::StatementPtr set(P::SetStatementContext* ctx);
  ast::Option set_value(P::SetValueContext* ctx);
  /// SET TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE.
  void set_interval_zone(P::TypedLiteralContext* ctx, ast::SetStatement& statement);
  ast::StatementPtr reset(P::ResetStatementContext* ctx);
  ast::StatementPtr show(P::ShowStatementContext* ctx);
  ast::StatementPtr transaction(P::TransactionStatementContext* ctx);
  ast::StatementPtr prepare(P::PrepareStatementContext* ctx);
  ast::StatementPtr execute(P::ExecuteStatementContext* ctx);
  ast::StatementPtr other(P::OtherStatementContext* ctx);
  ast::StatementPtr discard(P::DiscardStatementContext* ctx);
  std::string dotted(const antlr4::ParserRuleContext* ctx) const;

  std::string_view sql_;
  const std::vector<ScannedToken>& tokens_;
  data::Status status_;
  int32_t deepest_ = 0;
};

/// PostgreSQL's name of a type that SQL spells otherwise ("integer" -> "int4"); any other word as
/// it is.
std::string standard_type_name(std::string_view word);

/// "syntax error at or near ..." or "... at end of input", for a token's index or tokens.size().
data::Status syntax_error(std::string_view sql, const std::vector<ScannedToken>& tokens,
                          size_t token_index);

}  // namespace forebay::sql
