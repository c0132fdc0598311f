#pragma once

#include <string>
#include <string_view>

#include "sql/ast/precedence.h"
#include "sql/ast/print.h"

namespace forebay::sql::ast {

/// Appends SQL text to one string; internal to print_*.cpp.
class Printer {
 public:
  /// In parentheses if it binds less tightly than `least`.
  void expr(const Expr& node, Precedence least = Precedence::kLowest);
  void query(const Query& node);
  void statement(const Statement& node);
  void type(const TypeName& type);
  std::string take() { return std::move(out_); }

 private:
  void add(std::string_view text) { out_ += text; }
  void name(const std::vector<std::string>& parts) { out_ += quote_name(parts); }
  void identifier(std::string_view text) { out_ += quote_identifier(text); }
  template <typename List, typename Print>
  void list(const List& items, Print print) {
    bool first = true;
    for (const auto& item : items) {
      if (!first) add(", ");
      first = false;
      print(item);
    }
  }
  void exprs(const std::vector<ExprPtr>& items) {
    list(items, [&](const ExprPtr& item) { expr(*item); });
  }
  void identifiers(const std::vector<std::string>& items) {
    list(items, [&](const std::string& item) { identifier(item); });
  }

  // print_expr.cpp
  void expr_inside(const Expr& node);
  void literal(const Literal& node);
  void op(const OperatorName& name);
  void binary(const Binary& node);
  void logical(const Logical& node);
  void is_test(const IsTest& node);
  void like(const Like& node);
  void in(const In& node);
  void quantified(const Quantified& node);
  void cast(const Cast& node);
  void case_of(const Case& node);
  void function(const Function& node);
  void subscript(const Subscript& node);
  void window(const WindowSpec& spec);
  void frame(const WindowFrame& frame);
  void frame_bound(const FrameBound& bound);
  void order_by(const std::vector<SortItem>& items);
  void sort_items(const std::vector<SortItem>& items);

  // print_query.cpp
  void with(const std::vector<CommonTable>& tables, bool recursive);
  void query_operand(const Query& node, bool bare);
  void select(const Select& node);
  void select_items(const std::vector<SelectItem>& items);
  void group_item(const GroupItem& item);
  void from(const std::vector<TableRefPtr>& tables);
  void table(const TableRef& node);
  void join(const JoinTable& node);
  void alias(const TableAlias& alias);

  // print_statement.cpp
  void insert(const Insert& node);
  void update(const Update& node);
  void remove(const Delete& node);
  void set_clauses(const std::vector<SetClause>& clauses);
  void returning(const std::vector<SelectItem>& items);
  void target(const QualifiedName& table, const std::string& alias);
  void names_at(const std::vector<NameAt>& names);
  void relation(const RelationDef& definition);
  void column(const ColumnDef& column);
  void create_view(const CreateView& node);
  void create_function(const CreateFunction& node);
  void parameters(const std::vector<FunctionParameter>& items);
  void option_value(const Option& option);
  void options(const std::vector<Option>& options);
  void on_error(const OnError& clause);
  void drop(const Drop& node);
  void explain(const Explain& node);
  void set(const SetStatement& node);
  void show(const Show& node);
  void transaction(const Transaction& node);
  void prepare(const Prepare& node);
  void execute(const Execute& node);

  // print_command.cpp
  void copy(const Copy& node);
  void alter(const Alter& node);
  void create_index(const CreateIndex& node);
  void create_sink(const CreateSink& node);
  void format_clause(const FormatClause& clause);
  void comment(const Comment& node);
  void declare(const DeclareCursor& node);
  void fetch(const Fetch& node);

  std::string out_;
};

/// "TABLE", "MATERIALIZED VIEW" ...
std::string_view object_words(ObjectKind kind);

/// What the node binds like when printed.
Precedence precedence_of(const Expr& node);

}  // namespace forebay::sql::ast
