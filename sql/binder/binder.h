#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connectors/sink.h"
#include "sql/ast/statement.h"
#include "sql/binder/context.h"
#include "sql/binder/types.h"
#include "sql/planner.h"

/// Names and types of one statement: AST -> logical plan. One Binder binds one statement; private
/// to sql/.
namespace forebay::sql::binder {

/// Where the expression's text begins: `a + 1` stands at its operator, and begins at `a`.
int32_t leftmost_position(const ast::Expr& expr);
/// Where the expression of a query's output column begins, as far as its text has one for it.
int32_t output_position(const ast::Query& query, size_t at);

/// TUMBLE, HOP ... as table functions; users may have functions of these names.
bool is_window_function(const std::vector<std::string>& name);

class Binder {
 public:
  Binder(SnapshotRef snapshot, const BindOptions& options);

  // --- queries (query.cpp, select.cpp, grouping.cpp, set_operation.cpp)
  /// `keep_unknown`: untyped literals among the outputs stay untyped, for the caller to coerce.
  Result<QueryPlan> bind_query(const ast::Query& query, const Scope* outer,
                               bool keep_unknown = false);
  /// A query with WITH RECURSIVE over the catalog of types (recursion.cpp); nothing when none of
  /// its tables is recursive.
  Result<std::optional<QueryPlan>> bind_recursive(const ast::Query& query, const Scope* outer,
                                                  bool keep_unknown);

  // --- statements
  Result<BoundStatement> bind_statement(const ast::Statement& statement);
  /// BindOptions.explain before the statement; only INSERT INTO a table that is a sink.
  Result<BoundStatement> bind_explained(const ast::Explain& explain,
                                        const ast::Statement& statement);

  Result<std::vector<ExprRef>> bind_arguments(const ast::Execute& execute,
                                              const std::vector<Type>& types);

  /// The types of $1 ...; 42P18 when one is not determined.
  Result<std::vector<Type>> parameter_types() const;
  plan::ColumnFactory& columns() { return columns_; }
  void set_materialized(bool on) { materialized_ = on; }
  const std::vector<ObjectId>& dependencies() const { return dependencies_; }

 private:
  struct CteFrame;
  friend struct CteGuard;
  /// Says for its lifetime whether now() may be bound in what a materialized view keeps.
  class TemporalPlace {
   public:
    TemporalPlace(Binder& binder, bool takes_now)
        : binder_(binder), before_(std::exchange(binder.takes_now_, takes_now)) {}
    TemporalPlace(const TemporalPlace&) = delete;
    ~TemporalPlace() { binder_.takes_now_ = before_; }

   private:
    Binder& binder_;
    const bool before_;
  };

  // --- errors (names.cpp)
  Status error(data::SqlState sqlstate, std::string message, int32_t position) const;
  Status unsupported(std::string what, int32_t position, std::string hint) const;
  /// 0 inside the text of a view.
  int32_t place(int32_t position) const { return view_depth_ > 0 ? 0 : position; }
  void remember(const ExprRef& expr, int32_t position);
  int32_t position_of(const ExprRef& expr) const;

  // --- names (names.cpp)
  Result<ExprRef> bind_column(const ast::ColumnRef& ref, const ExprContext& context);
  /// What the name means; it lives as long as the scope.
  Result<const ScopeColumn*> find_column(const ast::ColumnRef& ref, const ExprContext& context);
  /// `(record).field`.
  Result<ExprRef> bind_field(const ast::Field& field, const ExprContext& context);
  Status missing_column(const ast::ColumnRef& ref, const Scope* scope) const;
  Result<CatalogObjectRef> find_object(const std::vector<std::string>& name,
                                       int32_t position) const;
  /// nullptr when there is none.
  Result<CatalogObjectRef> lookup_object(const std::vector<std::string>& name,
                                         int32_t position) const;
  Status undefined_relation(const std::vector<std::string>& name, int32_t position) const;
  /// schema and name for CREATE.
  Result<std::pair<std::string, std::string>> new_name(const ast::QualifiedName& name) const;

  // --- expressions (expression.cpp, operators.cpp, functions.cpp, subquery.cpp, conditional.cpp)
  Result<ExprRef> bind(const ast::Expr& expr, const ExprContext& context);
  Result<ExprRef> bind_inner(const ast::Expr& expr, const ExprContext& context);
  /// A condition: boolean, "argument of WHERE must be type boolean, not type integer".
  Result<ExprRef> bind_condition(const ast::Expr& expr, const ExprContext& context,
                                 std::string_view word);
  Result<ExprRef> to_condition(ExprRef bound, int32_t position, std::string_view word);
  Result<ExprRef> bind_literal(const ast::Literal& literal);
  Result<ExprRef> bind_parameter(const ast::Parameter& parameter);
  Result<ExprRef> bind_is_test(const ast::IsTest& test, const ExprContext& context);
  Result<ExprRef> bind_between(const ast::Between& between, const ExprContext& context);
  Result<ExprRef> bind_in_list(const ast::In& in, const ExprContext& context);
  Result<ExprRef> in_list(ExprRef operand, std::vector<ExprRef> items, bool negated,
                          int32_t position);
  Result<ExprRef> bind_like(const ast::Like& like, const ExprContext& context);
  Result<ExprRef> bind_case(const ast::Case& expr, const ExprContext& context);
  Result<ExprRef> bind_cast(const ast::Cast& cast, const ExprContext& context);
  Result<ExprRef> bind_regclass(const std::string& text, int32_t position) const;
  Result<ExprRef> bind_binary(const ast::Binary& binary, const ExprContext& context);
  Result<ExprRef> bind_row_comparison(std::string_view op, const ast::Row& left,
                                      const ast::Row& right, int32_t position,
                                      const ExprContext& context);
  Result<ExprRef> bind_unary(const ast::Unary& unary, const ExprContext& context);
  Result<ExprRef> bind_function(const ast::Function& function, const ExprContext& context);
  Result<ExprRef> bind_special(const ast::Function& function, const std::string& name,
                               const ExprContext& context, bool* done);
  Result<ExprRef> bind_aggregate(const ast::Function& function, const std::string& name,
                                 const ExprContext& context);
  /// The call by itself, over expressions bound in `inner`, and its type.
  Result<BoundAggregate> bind_aggregate_call(const ast::Function& function, const std::string& name,
                                             ExprContext inner, Type* result);
  Status bind_aggregate_order(const ast::Function& function, const ExprContext& inner,
                              BoundAggregate& call);
  /// mode() WITHIN GROUP (ORDER BY ...): the argument that is ordered joins the others.
  Status bind_within_group(const ast::Function& function, const std::string& name,
                           const ExprContext& inner, BoundAggregate& call);
  Status take_direct_arguments(const ast::Function& function, BoundAggregate& call);
  Result<ExprRef> add_aggregate(BoundAggregate call, const ExprContext& context,
                                PendingSubqueries below, int32_t position, Type result);
  Result<ExprRef> bind_grouping(const ast::Function& function, const ExprContext& context);
  /// The query level whose columns the aggregate is over: its own, or that of an outer query.
  Result<AggregateState*> aggregate_owner(const BoundAggregate& call, const ExprContext& context,
                                          int32_t position) const;
  Result<ExprRef> bind_scalar_call(const ast::Function& function, const std::string& name,
                                   const ExprContext& context);
  Result<ExprRef> bind_subquery(const ast::Subquery& subquery, const ExprContext& context);
  Result<ExprRef> bind_in_query(const ast::In& in, const ExprContext& context);
  Result<ExprRef> bind_quantified(const ast::Quantified& quantified, const ExprContext& context);
  Result<ExprRef> bind_quantified_list(const ast::Quantified& quantified,
                                       const ExprContext& context);
  // catalog_arrays.cpp
  Result<ExprRef> call_named(std::string_view name, std::vector<ExprRef> arguments,
                             int32_t position);
  /// ARRAY[...]; its elements as `element` unless that is kUnknown.
  Result<ExprRef> bind_array(const ast::Array& array, Type element, const ExprContext& context);
  Result<ExprRef> bind_subscript(const ast::Subscript& subscript, const ExprContext& context);
  Result<ExprRef> bind_json_subscript(ExprRef value,
                                      const std::vector<const ast::Subscript*>& chain,
                                      const ExprContext& context);
  Result<ExprRef> bind_quantified_array(const ast::Quantified& quantified, ExprRef array,
                                        const ExprContext& context);
  Result<ExprRef> bind_any_of_array(const ast::Quantified& quantified, const ExprContext& context);
  Result<ExprRef> bind_array_query(const ast::Subquery& subquery, const ExprContext& context);
  /// Is there a row of `plan` for which `condition` holds? As a value.
  ExprRef exists_mark(NodeRef plan, ExprRef condition, const ExprContext& context,
                      int32_t position);

  /// An operator applied to bound operands.
  Result<ExprRef> apply_operator(std::string_view op, std::vector<ExprRef> operands,
                                 int32_t position);
  /// Both sides as one type, as "=" would compare them.
  Status make_comparable(ExprRef& left, ExprRef& right, std::string_view op, int32_t position);
  Result<ExprRef> call_function(const FunctionMatch& match, std::vector<ExprRef> arguments,
                                int32_t position);
  /// All as their common type; "CASE types integer and text cannot be matched".
  Status unify(std::vector<ExprRef>& values, std::string_view word, Type* type);

  // --- casts (coercion.cpp)
  enum class Coercion : uint8_t { kImplicit, kAssignment, kExplicit };
  /// nullptr when there is no such cast.
  Result<ExprRef> coerce(const ExprRef& value, Type type, Coercion coercion);
  Result<ExprRef> coerce_literal(const ExprRef& value, Type type);
  Result<ExprRef> coerce_assignment(const ExprRef& value, const data::Field& target);
  /// Untyped: text.
  Result<ExprRef> settle_unknown(const ExprRef& value);
  /// Gives a type to an untyped output column of a plan.
  Result<NodeRef> retype(const NodeRef& node, ColumnId id, Type type);

  // --- FROM (from.cpp)
  struct SelectItem {
    std::string name;
    ExprRef value;
    int32_t position = 0;
    /// Of a record.
    std::vector<ScopeColumn> fields = {};
  };
  struct FromItem {
    NodeRef plan;
    Scope scope;
  };
  Result<FromItem> bind_from(const std::vector<ast::TableRefPtr>& from, const Scope* outer);
  /// `lateral`: the scope of what stands to the left, for LATERAL subqueries.
  Result<FromItem> bind_table_ref(const ast::TableRef& ref, const Scope* outer,
                                  const Scope* lateral);
  Result<FromItem> bind_named(const ast::NamedTable& table);
  Result<FromItem> bind_object(const CatalogObjectRef& object, const ast::TableAlias& alias,
                               int32_t position);
  Result<FromItem> bind_view(const CatalogObjectRef& view, const ast::TableAlias& alias,
                             int32_t position);
  Result<FromItem> bind_derived(QueryPlan query, const std::string& name,
                                const ast::TableAlias& alias, int32_t position);
  Status rename_columns(ScopeRelation& relation, const ast::TableAlias& alias, int32_t position);
  Result<FromItem> bind_join(const ast::JoinTable& join, const Scope* outer, const Scope* lateral);
  // asof.cpp: ASOF JOIN and FOR SYSTEM_TIME AS OF
  class TimeJoin;
  static bool is_time_join(const ast::JoinTable& join);
  /// `conditions`: those of USING; `both`: the scope of ON.
  Result<NodeRef> join_by_time(const ast::JoinTable& join, const NodeRef& left,
                               const FromItem& right, const Scope& left_scope,
                               std::vector<ExprRef> conditions, const Scope& both);
  // table_functions.cpp
  Result<FromItem> bind_function_table(const ast::FunctionTable& table, const Scope* lateral);
  // windows.cpp: TUMBLE, HOP, CUMULATE as FROM items
  class WindowCall;
  Result<FromItem> bind_window_table(const ast::FunctionTable& table, const Scope* lateral);
  /// The call over one row of no columns; it may use columns of the scopes around.
  Result<NodeRef> bind_table_call(const ast::Function& call, const ExprContext& context,
                                  bool with_ordinality, Columns* results);
  /// A set-returning function that is a select item, or one of its columns: `f(x)`,
  /// `(f(x)).column`. Its rows multiply those of the query.
  Result<SelectItem> bind_set_item(const ast::Expr& expr, const ExprContext& context);
  Result<Columns> join_set_call(const ast::Function& call, const ExprContext& context);
  /// pg_options_to_table(array) of system tables, pg_get_keywords().
  static bool is_catalog_function(const ast::FunctionTable& table);
  Result<FromItem> bind_catalog_function(const ast::FunctionTable& table);
  /// An inner or left join, dependent when the right side uses the left one.
  Result<NodeRef> join_items(plan::JoinKind kind, const NodeRef& left, const NodeRef& right,
                             ExprRef condition, int32_t position);
  Status merge_columns(const ast::JoinTable& join, FromItem& left, FromItem& right,
                       std::vector<ExprRef>& conditions, Scope& merged);
  Result<NodeRef> join_on_condition(const ast::JoinTable& join, plan::JoinKind kind, NodeRef left,
                                    NodeRef right, const Scope& scope);
  FromItem scan_of(const CatalogObjectRef& object, bool with_hidden);

  // --- SELECT (select.cpp, grouping.cpp)
  struct SelectState;

  // --- window functions (over.h)
  class OverBinder;
  Result<ExprRef> bind_over(const ast::Function& function, const std::string& name,
                            const ExprContext& context);
  Status check_named_windows(const std::vector<ast::NamedWindow>& named) const;
  /// The plan with the calls' columns.
  NodeRef apply_windows(NodeRef plan, const std::vector<BoundOver>& calls);
  Result<QueryPlan> bind_select(const ast::Query& query, const Scope* outer, bool keep_unknown);
  Status expand_star(const std::vector<std::string>& qualifier, int32_t position,
                     const Scope& scope, std::vector<SelectItem>& out);
  Status bind_items(const std::vector<ast::SelectItem>& items, const ExprContext& context,
                    std::vector<SelectItem>& out);
  /// WHERE and HAVING, taken apart at their ANDs: subqueries there become semi and anti joins.
  struct ConditionStep {
    /// Joined first.
    PendingSubqueries pending;
    /// A filter, or, with `plan`, a semi or anti join under `predicate`.
    ExprRef predicate;
    NodeRef plan;
    plan::JoinKind join = plan::JoinKind::kSemi;
    int32_t position = 0;
  };
  using ConditionSteps = std::vector<ConditionStep>;
  Status bind_steps(const ast::Expr& condition, const ExprContext& context, std::string_view word,
                    ConditionSteps& out);
  /// True when the conjunct was a subquery test and its steps are in `out`.
  Result<bool> bind_subquery_step(const ast::Expr& conjunct, const ExprContext& context,
                                  bool negated, ConditionSteps& out);
  Status bind_in_step(const ast::In& in, const ExprContext& context, bool negated,
                      ConditionSteps& out);
  NodeRef apply_steps(NodeRef plan, const ConditionSteps& steps);
  Status check_temporal(const ConditionSteps& steps) const;
  /// The same for the condition of an outer join; `not_kept`: columns of a side whose rows without
  /// partner it leaves out.
  Status check_temporal(const ExprRef& condition, const plan::ColumnSet& not_kept,
                        int32_t position) const;
  /// The subquery of IN, ANY, ALL: its plan, and the operand compared with its columns.
  struct Comparison {
    NodeRef plan;
    ExprRef condition;
    /// Both sides of a single comparison; else null.
    ExprRef left, right;
  };
  Result<Comparison> bind_comparison(const ast::Expr& operand, std::string_view op,
                                     const ast::Query& query, int32_t position,
                                     const ExprContext& context);
  NodeRef marks_of(NodeRef plan, ExprRef condition, Column* mark);
  NodeRef apply_pending(NodeRef plan, const PendingSubqueries& pending);
  Status bind_group_by(SelectState& state, const ast::Select& select);
  Result<ExprRef> bind_group_item(SelectState& state, const ast::Expr& item);
  // grouping_sets.cpp
  using GroupingSet = std::vector<size_t>;
  /// The sets of one item of GROUP BY, as indexes into state.groups.
  Result<std::vector<GroupingSet>> bind_group_sets(SelectState& state, const ast::GroupItem& item);
  Result<GroupingSet> bind_group_element(SelectState& state, const ast::Expr& element);
  Result<size_t> add_group(SelectState& state, const ast::Expr& expression);
  Status bind_grouping_calls(SelectState& state);
  /// The input once per set, with the groups' copies; and a row for each empty set.
  Status expand_groups(SelectState& state);
  Status bind_order_by(SelectState& state, const ast::Query& query);
  Status bind_distinct_on(SelectState& state, const ast::Select& select);
  Status make_aggregation(SelectState& state);
  /// An expression over grouped rows: group expressions and aggregates become columns, other
  /// columns are 42803.
  Result<ExprRef> regroup(SelectState& state, const ExprRef& value, bool in_subquery = false);
  Status regroup_pending(SelectState& state, PendingSubqueries& pending);
  Status regroup_windows(SelectState& state);
  Status ungrouped(SelectState& state, ColumnId id, int32_t position, bool in_subquery) const;
  bool add_dependent_group(SelectState& state, ColumnId id);
  Result<QueryPlan> finish_select(SelectState& state, const ast::Query& query, bool keep_unknown);
  /// LIMIT and OFFSET around a plan.
  Result<NodeRef> bind_limit(NodeRef plan, std::vector<plan::SortItem> order,
                             const ast::Query& query);
  Result<ExprRef> bind_limit_value(const ast::Expr& expr, Clause clause);

  // --- set operations and VALUES (set_operation.cpp)
  Result<QueryPlan> bind_values(const ast::Query& query, const Scope* outer, bool keep_unknown);
  Result<QueryPlan> bind_set_operation(const ast::Query& query, const Scope* outer,
                                       bool keep_unknown);
  Result<NodeRef> count_sides(const ast::Query& query, std::vector<NodeRef> inputs, Columns columns,
                              std::vector<std::vector<ColumnId>> sources);
  Result<QueryPlan> order_outputs(QueryPlan plan, const ast::Query& query);
  Result<QueryPlan> settle_outputs(QueryPlan plan);

  // --- statements (statement.cpp, dml.cpp, create.cpp, drop.cpp)
  Result<PlannedQuery> plan_query(QueryPlan bound);
  Result<BoundInsert> bind_insert(const ast::Insert& insert);
  /// One item of SET: the new values into `fresh`, which is by the table's columns.
  Status bind_set(const ast::SetClause& set, const CatalogObjectRef& table,
                  const ExprContext& context, std::vector<ExprRef>& fresh);
  Result<BoundUpdate> bind_update(const ast::Update& update);
  Result<BoundDelete> bind_delete(const ast::Delete& statement);
  Result<CatalogObjectRef> find_target(const ast::QualifiedName& name, std::string_view verb);
  /// 55000 for an append-only table; `verb` as in "cannot update ...".
  Status check_rows_may_change(const catalog::CatalogObject& table, std::string_view verb,
                               int32_t position) const;
  Result<std::vector<uint32_t>> target_columns(const CatalogObjectRef& table,
                                               const std::vector<ast::NameAt>& names);
  /// 428C9 for a generated column; `verb`: "INSERT" or "UPDATE".
  Status check_not_generated(const catalog::CatalogObject& table, uint32_t column,
                             std::string_view verb) const;
  Status leave_out_generated(const ast::Copy& copy, const catalog::CatalogObject& table,
                             std::vector<uint32_t>& columns) const;
  Result<ExprRef> default_of(const CatalogObjectRef& table, uint32_t column);
  Result<std::optional<Returning>> bind_returning(const CatalogObjectRef& table,
                                                  const std::string& alias,
                                                  const std::vector<ast::SelectItem>& items);
  Status bind_values_rows(BoundInsert& out, const ast::Query& values,
                          const std::vector<uint32_t>& targets, QueryPlan& rows);
  Status bind_insert_query(BoundInsert& out, const ast::Query& query,
                           const std::vector<uint32_t>& targets, QueryPlan& rows);
  // alter.cpp
  Result<BoundAlter> bind_alter(const ast::Alter& alter, std::vector<std::string>& notices);
  Result<CatalogObjectRef> find_altered(const ast::Alter& alter,
                                        std::vector<std::string>& notices) const;
  Result<BoundAlter> bind_rename(const ast::Alter& alter, const CatalogObjectRef& object);
  Result<BoundAlter> bind_comment(const ast::Comment& comment);
  // alter_columns.cpp
  Result<BoundAlter> bind_add_column(const ast::Alter& alter, const CatalogObjectRef& object,
                                     std::vector<std::string>& notices);
  Result<BoundAlter> bind_rename_column(const ast::Alter& alter, const CatalogObjectRef& object);
  // pause.cpp
  Result<BoundAlter> bind_pause(const ast::Alter& alter, const CatalogObjectRef& object,
                                std::vector<std::string>& notices);
  Result<BoundRefresh> bind_refresh(const ast::Refresh& refresh);
  // index.cpp
  Result<BoundCreate> bind_create_index(const ast::CreateIndex& create,
                                        std::vector<std::string>& notices);
  Status check_index_words(const ast::CreateIndex& create, std::vector<std::string>& notices) const;
  // sink.cpp
  Result<BoundCreate> bind_create_sink(const ast::CreateSink& create,
                                       std::vector<std::string>& notices);
  /// The sink of what a query gives: its columns and plan. The spec is checked. `on_close`: the
  /// position of EMIT ON WINDOW CLOSE.
  Result<BoundCreate> finish_sink(QueryPlan bound, std::shared_ptr<catalog::CatalogObject> object,
                                  connectors::SinkSpec spec, int32_t position,
                                  std::optional<int32_t> on_close);
  // sink_table.cpp
  /// The rest of a table whose connector takes rows.
  Result<BoundCreate> bind_sink_table(const ast::RelationDef& definition,
                                      std::shared_ptr<catalog::CatalogObject> object,
                                      std::vector<std::string>& notices);
  /// CREATE SINK ... INTO table: the object has its name and definition.
  Result<BoundCreate> bind_sink_into(const CatalogObjectRef& table,
                                     const std::vector<ast::NameAt>& columns,
                                     const ast::Query& query,
                                     std::shared_ptr<catalog::CatalogObject> object,
                                     int32_t position, std::optional<int32_t> on_close);
  Result<CatalogObjectRef> find_sink_table(const ast::QualifiedName& name);
  /// INSERT INTO such a table: CREATE SINK ... INTO with a name that is made up. nullopt: it is
  /// another table.
  Result<std::optional<BoundCreate>> bind_insert_into_sink(const ast::Insert& insert,
                                                           std::vector<std::string>& notices);
  /// The dependant's definition with the new name of `object`, bound again to see that it holds;
  /// `after`: the catalog with all that has changed before.
  Result<CatalogObjectRef> rename_in(const CatalogObjectRef& dependant,
                                     const CatalogObjectRef& object,
                                     const CatalogObjectRef& renamed,
                                     const SnapshotRef& after) const;
  // copy.cpp
  Result<CopyFormat> bind_copy_format(const ast::Copy& copy, std::vector<std::string>& notices);
  Result<BoundCopyFrom> bind_copy_from(const ast::Copy& copy, std::vector<std::string>& notices);
  Result<BoundCopyTo> bind_copy_to(const ast::Copy& copy, std::vector<std::string>& notices);
  // on_conflict.cpp
  Status bind_on_conflict(const ast::Insert& insert, BoundInsert& out);
  Status check_conflict_target(const ast::Insert& insert, const CatalogObjectRef& table);
  Result<BoundCreate> bind_create_source(const ast::CreateSource& create,
                                         std::vector<std::string>& notices);
  Result<BoundCreate> bind_create_table(const ast::CreateTable& create,
                                        std::vector<std::string>& notices);
  /// EMIT LATE INTO of a view whose plan is final: out.late, and the plans that give both.
  Status bind_late_into(const ast::CreateView& create, const catalog::CatalogObject& view,
                        BoundCreate& out);
  /// WITH (...), before the query is bound: ttl_us_.
  Status bind_view_options(const ast::CreateView& create);
  /// Refuses what a view with a ttl can't have; `plan`: as bound.
  Status check_lives(const ast::CreateView& create, const NodeRef& plan);
  Result<BoundCreate> bind_create_view(const ast::CreateView& create,
                                       std::vector<std::string>& notices);
  // user_functions.cpp
  Result<BoundCreate> bind_create_function(const ast::CreateFunction& create);
  Status check_function_words(const ast::CreateFunction& create) const;
  Status try_body(const ast::CreateFunction& create, const catalog::CatalogObject& function);
  Result<BoundDrop> bind_drop_function(const ast::Drop& drop, std::vector<std::string>& notices);
  Result<std::vector<CatalogObjectRef>> find_functions(const std::vector<std::string>& name) const;
  Result<CatalogObjectRef> choose_function(const std::vector<CatalogObjectRef>& functions,
                                           std::span<const TypeId> given,
                                           const ast::Function& call) const;
  Result<std::vector<ExprRef>> bind_call_arguments(const ast::Function& call,
                                                   const ExprContext& context,
                                                   CatalogObjectRef* function);
  /// A call of a user's function as an expression, and as a FROM item.
  Result<ExprRef> bind_user_call(const ast::Function& call, const ExprContext& context);
  Result<NodeRef> bind_user_rows(const ast::Function& call, const ExprContext& context,
                                 Columns* results);
  Result<ExprRef> inline_call(const catalog::CatalogObject& function,
                              const std::vector<ExprRef>& arguments, const ExprContext& context,
                              int32_t position);
  Result<ExprRef> as_declared(const ExprRef& value, Type type);
  Result<Type> typed(const ast::TypeName& name) const;
  // native_functions.cpp
  Status bind_native(const ast::CreateFunction& create, catalog::CatalogObject& function);
  ExprRef call_native(const catalog::CatalogObject& function, std::vector<ExprRef> arguments) const;
  NodeRef rows_of_native(const catalog::CatalogObject& function, std::vector<ExprRef> arguments,
                         Columns* results);
  /// Runs `bind_body` where $1 and the names are those of the function, without positions.
  template <typename F>
  auto in_body(const catalog::CatalogObject& function, const std::vector<ExprRef>& arguments,
               F&& bind_body) -> decltype(bind_body());
  Result<BoundCreate> bind_create_schema(const ast::CreateSchema& create,
                                         std::vector<std::string>& notices);
  Result<BoundDrop> bind_drop_schema(const ast::Drop& drop, std::vector<std::string>& notices);
  /// The objects that DROP names; parts of others (EMIT LATE INTO) only together with these.
  Result<std::vector<CatalogObjectRef>> find_dropped(const ast::Drop& drop,
                                                     std::vector<std::string>& notices) const;
  Result<BoundDrop> bind_drop(const ast::Drop& drop, std::vector<std::string>& notices);
  Result<BoundExplain> bind_explain(const ast::Explain& explain, const ast::Statement& statement);
  Result<BoundExplainRunning> bind_explain_running(const ast::Explain& explain);
  /// What CREATE makes, with the statement's text and search path.
  std::shared_ptr<catalog::CatalogObject> new_object(catalog::ObjectKind kind,
                                                     const std::string& schema,
                                                     const std::string& name) const;
  Result<bool> check_new_name(const std::string& schema, const std::string& name, int32_t position,
                              bool if_not_exists, std::vector<std::string>& notices) const;
  Status bind_columns(const ast::RelationDef& definition, catalog::CatalogObject& object,
                      bool for_source);
  Status bind_table_column(const ast::ColumnDef& column, catalog::CatalogObject& object,
                           bool for_source);
  Status bind_default(const ast::ColumnDef& column, const data::Field& field, std::string* text);
  Result<operators::ErrorPolicy> bind_on_error(const ast::OnError& clause);
  Status bind_key(const ast::RelationDef& definition, catalog::CatalogObject& object);
  // watermark.cpp
  /// WATERMARK FOR and its options, of an object whose columns are complete.
  Status bind_watermark(const ast::RelationDef& definition, catalog::CatalogObject& object);
  Result<ExprRef> bind_watermark_value(const ast::Expr& value, const catalog::CatalogObject& object,
                                       Type type);
  // generated.cpp
  /// The expressions of generated columns, whose places among the object's columns are the
  /// definition's; the other columns are complete.
  Status bind_generated(const ast::RelationDef& definition, catalog::CatalogObject& object);
  Result<ExprRef> bind_generated_value(const ast::ColumnDef& column, size_t place,
                                       const catalog::CatalogObject& object,
                                       const std::vector<bool>& hidden);
  /// The failure of a generated column that reads another one, in words that say so.
  Status note_generated(const ast::RelationDef& definition, const ast::Expr& value,
                        Status status) const;
  /// A scope of the object's columns that are not hidden. `places` takes them to their numbers;
  /// generated ones to what they are made of.
  Scope row_scope(const catalog::CatalogObject& object, const std::vector<bool>& hidden,
                  plan::Replacements& places);
  /// METADATA columns: what they are of the `offered`.
  Status bind_metadata_columns(const ast::RelationDef& definition,
                               const std::vector<data::Field>& offered,
                               catalog::CatalogObject& object, connectors::SourceSpec& spec);
  /// Sets what the option says; false: it is not one of a watermark.
  Result<bool> bind_watermark_option(const ast::Option& option,
                                     catalog::DeclaredWatermark& watermark) const;
  /// WITH (connector ...), INCLUDE and FORMAT of an object whose columns are bound.
  Status bind_connector(const ast::RelationDef& definition, catalog::CatalogObject& object,
                        std::vector<std::string>& notices);
  Status read_flink(const ast::RelationDef& definition, catalog::CatalogObject& object,
                    connectors::SourceSpec& spec, std::vector<std::string>& notices) const;
  Status bind_includes(const ast::RelationDef& definition, const std::vector<data::Field>& offered,
                       catalog::CatalogObject& object, connectors::SourceSpec& spec) const;
  /// 42601 for an option that is given twice.
  Status check_repeated(const std::vector<ast::Option>& options) const;
  static connectors::Options options_of(const std::vector<ast::Option>& options);
  /// The rest of a table that a connector fills; columns and key are bound.
  Result<BoundCreate> bind_connector_table(const ast::RelationDef& definition,
                                           std::shared_ptr<catalog::CatalogObject> table,
                                           std::vector<std::string>& notices);
  Status check_source_clauses(const ast::RelationDef& definition) const;
  /// The rest of a source.
  Result<BoundCreate> finish_source(const ast::RelationDef& definition,
                                    std::shared_ptr<catalog::CatalogObject> object,
                                    std::vector<std::string>& notices);

  SnapshotRef snapshot_;
  const BindOptions& options_;
  /// Where names are looked up: that of the session, or within a view the one that it was made
  /// with.
  const std::vector<std::string>* search_path_ = &options_.search_path;
  plan::ColumnFactory columns_;
  std::vector<Type> parameters_;
  /// Positions of leaves, and the leaves themselves, so that addresses are not used twice.
  std::unordered_map<const expr::Expr*, int32_t> positions_;
  std::vector<ExprRef> kept_;
  const CteFrame* ctes_ = nullptr;
  /// The object whose definition is being bound, 0: the statement itself.
  ObjectId reader_ = options_.reader;
  /// What $1, $2 ... are inside the body of a function.
  const std::vector<ExprRef>* function_arguments_ = nullptr;
  int32_t view_depth_ = 0;
  int32_t bound_queries_ = 0;
  /// Binding what a materialized view keeps: no system tables, no now().
  bool materialized_ = false;
  /// But here, to be checked afterwards: WHERE and HAVING.
  bool takes_now_ = false;
  /// The next table may have FOR SYSTEM_TIME AS OF.
  bool as_of_allowed_ = false;
  /// Binding what a plain view says: who reads the view is judged when it is read.
  bool defines_view_ = false;
  /// WITH (ttl = ...) of the view that is made: microseconds, 0: none.
  int64_t ttl_us_ = 0;
  std::vector<ObjectId> dependencies_;
  /// Where the statement's own text names relations in FROM.
  struct Reference {
    ObjectId object;
    int32_t position = 0;
    size_t parts = 1;
    bool has_alias = false;
  };
  std::vector<Reference> references_;
  std::vector<std::string> views_open_;
};

/// Names of a common table expression's queries that are visible at a place.
struct Binder::CteFrame {
  const std::vector<ast::CommonTable>* tables = nullptr;
  size_t visible = 0;
  const CteFrame* parent = nullptr;
  const Scope* outer = nullptr;
  /// The WITH is RECURSIVE: a reference to itself is refused by name.
  bool recursive = false;
};

}  // namespace forebay::sql::binder
