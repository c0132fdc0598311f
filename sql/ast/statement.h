#pragma once

#include "sql/ast/query.h"

/// The statements of the AST.
namespace forebay::sql::ast {

enum class StatementKind : uint8_t {
  kQuery,
  kInsert,
  kUpdate,
  kDelete,
  kCreateSource,
  kCreateTable,
  kCreateView,
  kCreateSchema,
  kCreateFunction,
  kCreateIndex,
  kCreateSink,
  kStatementSet,
  kDrop,
  kExplain,
  kSet,
  kReset,
  kShow,
  kDescribe,
  kTransaction,
  kFlush,
  kPrepare,
  kExecute,
  kDeallocate,
  kCopy,
  kAlter,
  kComment,
  kRefresh,
  kDeclareCursor,
  kFetch,
  kCloseCursor,
  kDiscard,
  kOther,
};

struct Statement {
  Statement(StatementKind statement_kind, int32_t at) : kind(statement_kind), position(at) {}
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  virtual ~Statement() = default;

  const StatementKind kind;
  int32_t position;
};

using StatementPtr = std::unique_ptr<Statement>;

template <typename T>
const T& as(const Statement& statement) {
  return static_cast<const T&>(statement);
}
template <typename T>
T& as(Statement& statement) {
  return static_cast<T&>(statement);
}

/// A name with its place: `schema.object` or `object`, and where it begins.
struct QualifiedName {
  int32_t position = 0;
  std::vector<std::string> parts;
};

struct NameAt {
  int32_t position = 0;
  std::string name;
};

struct QueryStatement final : Statement {
  explicit QueryStatement(int32_t at) : Statement(StatementKind::kQuery, at) {}
  QueryPtr query;
};

/* -- changing rows -- */

/// `c = value`; of `(a, b) = (x, y)` one per column; of `(a, b) = (query)` one with several
/// columns.
struct SetClause {
  std::vector<NameAt> columns;
  ExprPtr value;
};

enum class ConflictAction : uint8_t { kNone, kNothing, kUpdate };

struct Insert final : Statement {
  explicit Insert(int32_t at) : Statement(StatementKind::kInsert, at) {}
  std::vector<CommonTable> with;
  bool recursive = false;
  QualifiedName table;
  std::string alias;
  std::vector<NameAt> columns;
  /// Null: DEFAULT VALUES.
  QueryPtr query;
  ConflictAction conflict = ConflictAction::kNone;
  int32_t conflict_position = 0;
  std::vector<NameAt> conflict_columns;
  /// Of ON CONFLICT ON CONSTRAINT name.
  NameAt conflict_constraint;
  std::vector<SetClause> conflict_set;
  ExprPtr conflict_where;
  std::vector<SelectItem> returning;
};

struct Update final : Statement {
  explicit Update(int32_t at) : Statement(StatementKind::kUpdate, at) {}
  std::vector<CommonTable> with;
  bool recursive = false;
  QualifiedName table;
  std::string alias;
  std::vector<SetClause> set;
  std::vector<TableRefPtr> from;
  ExprPtr where;
  std::vector<SelectItem> returning;
};

struct Delete final : Statement {
  explicit Delete(int32_t at) : Statement(StatementKind::kDelete, at) {}
  std::vector<CommonTable> with;
  bool recursive = false;
  QualifiedName table;
  std::string alias;
  std::vector<TableRefPtr> using_tables;
  ExprPtr where;
  std::vector<SelectItem> returning;
  /// Written as TRUNCATE: all rows go, and the command tag is TRUNCATE TABLE.
  bool truncates = false;
};

enum class OptionValueKind : uint8_t { kNone, kString, kNumber, kWord };

/// `key = value` of WITH (...), or an option of EXPLAIN. Keys are lower case unless quoted; a
/// dotted key is one string. A word is a value without quotes (true, json, a.b), lower case.
struct Option {
  int32_t position = 0;
  std::string key;
  OptionValueKind kind = OptionValueKind::kNone;
  int32_t value_position = 0;
  std::string value;
};

/// COPY t (columns) FROM STDIN; COPY t (columns) or (statement) TO STDOUT.
struct Copy final : Statement {
  explicit Copy(int32_t at) : Statement(StatementKind::kCopy, at) {}
  QualifiedName table;
  std::vector<NameAt> columns;
  /// In place of a table: a query, or INSERT, UPDATE, DELETE with RETURNING.
  StatementPtr rows;
  bool from = false;
  /// Of a file or program that stands in place of STDIN and STDOUT, else 0.
  int32_t file_position = 0;
  /// Those of the older spelling too: "csv" is `format csv`. Keys in lower case.
  std::vector<Option> options;
  /// Of COPY ... FROM ... WHERE.
  ExprPtr where;
};

/* -- creating and dropping -- */

/// A constraint that is parsed but not kept by the engine: the binder refuses it by its name.
struct OtherConstraint {
  int32_t position = 0;
  /// "UNIQUE", "CHECK", "FOREIGN KEY" or "COLLATE".
  std::string what;
};

struct ColumnDef {
  int32_t position = 0;
  std::string name;
  /// Without names: not given, the type is that of `generated`.
  TypeName type;
  bool not_null = false;
  bool explicit_null = false;
  bool primary_key = false;
  int32_t primary_key_position = 0;
  ExprPtr default_value;
  /// Of `c type [GENERATED ALWAYS] AS (expr)`.
  ExprPtr generated;
  /// Of METADATA, which is at `metadata_position` then; FROM 'key', else empty: the column's name.
  bool is_metadata = false;
  int32_t metadata_position = 0;
  std::string metadata_key;
  bool is_virtual = false;
  std::optional<std::string> comment;
  /// PRIMARY KEY NOT ENFORCED: of the column or, of a table's constraint, in RelationDef.
  bool key_not_enforced = false;
  std::vector<OtherConstraint> others;
};

struct Watermark {
  int32_t position = 0;
  NameAt column;
  ExprPtr value;
};

/// PRIMARY KEY (a, b).
struct KeyConstraint {
  int32_t position = 0;
  std::vector<NameAt> columns;
  bool not_enforced = false;
};

/// INCLUDE key|partition|offset|timestamp|header ['h'] [AS alias].
struct Include {
  int32_t position = 0;
  std::string what;
  std::optional<std::string> header;
  std::string alias;
};

/// FORMAT f ENCODE e (options); f and e in upper case, and not judged here.
struct FormatClause {
  int32_t position = 0;
  std::string format;
  std::string encode;
  std::vector<Option> options;
};

enum class OnErrorAction : uint8_t { kUnset, kInto, kSkip, kFail };

struct OnError {
  int32_t position = 0;
  OnErrorAction action = OnErrorAction::kUnset;
  QualifiedName into;
};

enum class TableConflict : uint8_t { kUnset, kOverwrite, kIgnore };

/// What CREATE SOURCE and CREATE TABLE have in common; which clause belongs to which is for the
/// binder, who finds the position of each here.
struct RelationDef {
  QualifiedName name;
  bool if_not_exists = false;
  bool temporary = false;
  std::vector<ColumnDef> columns;
  std::vector<Watermark> watermarks;
  std::vector<KeyConstraint> primary_keys;
  std::vector<OtherConstraint> others;
  std::vector<Include> includes;
  /// True with WITH (...), even when empty.
  bool has_options = false;
  std::vector<Option> options;
  std::optional<FormatClause> format;
  OnError on_error;
  bool append_only = false;
  int32_t append_only_position = 0;
  TableConflict on_conflict = TableConflict::kUnset;
  int32_t on_conflict_position = 0;
  std::optional<std::string> comment;
};

struct CreateSource final : Statement {
  explicit CreateSource(int32_t at) : Statement(StatementKind::kCreateSource, at) {}
  RelationDef definition;
};

struct CreateTable final : Statement {
  explicit CreateTable(int32_t at) : Statement(StatementKind::kCreateTable, at) {}
  RelationDef definition;
  /// Of CREATE TABLE ... AS query, else null.
  QueryPtr query;
  /// Of CREATE TABLE t (a, b) AS query.
  std::vector<NameAt> column_names;
  bool with_no_data = false;
};

struct CreateView final : Statement {
  explicit CreateView(int32_t at) : Statement(StatementKind::kCreateView, at) {}
  bool materialized = false;
  bool or_replace = false;
  bool if_not_exists = false;
  bool temporary = false;
  QualifiedName name;
  std::vector<NameAt> columns;
  bool has_options = false;
  std::vector<Option> options;
  OnError on_error;
  QueryPtr query;
  bool emit_on_window_close = false;
  /// Position of EMIT ON WINDOW CLOSE, else 0.
  int32_t emit_position = 0;
  /// Of EMIT LATE INTO t, else no parts.
  QualifiedName late_into;
};

/// CREATE SCHEMA. Roles do not exist yet; AUTHORIZATION alone names the schema after its role.
struct CreateSchema final : Statement {
  explicit CreateSchema(int32_t at) : Statement(StatementKind::kCreateSchema, at) {}
  bool if_not_exists = false;
  NameAt name;
  /// Empty: not given.
  NameAt owner;
};

enum class ObjectKind : uint8_t {
  kSource,
  kTable,
  kView,
  kMaterializedView,
  kSink,
  kIndex,
  kSchema,
  kFunction,
};

/// A parameter of a function, or a column of RETURNS TABLE. The name may be empty.
struct FunctionParameter {
  int32_t position = 0;
  std::string name;
  TypeName type;
};

struct CreateFunction final : Statement {
  explicit CreateFunction(int32_t at) : Statement(StatementKind::kCreateFunction, at) {}
  bool or_replace = false;
  QualifiedName name;
  std::vector<FunctionParameter> parameters;
  /// RETURNS type; not with RETURNS TABLE.
  std::optional<TypeName> result;
  /// RETURNS TABLE (...).
  std::vector<FunctionParameter> table;
  /// RETURNS TABLE or SETOF.
  bool returns_rows = false;
  /// Lower case; empty: not given.
  std::string language;
  int32_t language_position = 0;
  /// NULL for any argument gives NULL.
  bool strict = false;
  /// The strings of AS, or none.
  std::vector<std::string> body;
  /// RETURN expr, or null.
  ExprPtr returned;
};

struct Drop final : Statement {
  explicit Drop(int32_t at) : Statement(StatementKind::kDrop, at) {}
  ObjectKind object = ObjectKind::kTable;
  bool if_exists = false;
  std::vector<QualifiedName> names;
  /// Of functions, one per name: the argument types, if given.
  std::vector<std::optional<std::vector<FunctionParameter>>> signatures;
  bool cascade = false;
};

enum class AlterAction : uint8_t { kRename, kRenameColumn, kAddColumn, kPause, kResume };

struct Alter final : Statement {
  explicit Alter(int32_t at) : Statement(StatementKind::kAlter, at) {}
  ObjectKind object = ObjectKind::kTable;
  bool if_exists = false;
  QualifiedName name;
  AlterAction action = AlterAction::kRename;
  /// Of RENAME.
  NameAt new_name;
  /// Of RENAME COLUMN.
  NameAt column;
  /// Of ADD COLUMN.
  ColumnDef added;
  bool if_not_exists = false;
};

/// CREATE INDEX.
struct CreateIndex final : Statement {
  explicit CreateIndex(int32_t at) : Statement(StatementKind::kCreateIndex, at) {}
  bool unique = false;
  bool if_not_exists = false;
  /// Empty: to be made up.
  NameAt name;
  QualifiedName table;
  /// Lower case; empty: not given.
  NameAt method;
  std::vector<SortItem> items;
  std::vector<NameAt> included;
  /// Of a partial index, else null.
  ExprPtr where;
};

/// CREATE SINK.
struct CreateSink final : Statement {
  explicit CreateSink(int32_t at) : Statement(StatementKind::kCreateSink, at) {}
  bool if_not_exists = false;
  QualifiedName name;
  /// Of INTO table (columns), else no parts: what the table says takes the place of `options`.
  QualifiedName into;
  std::vector<NameAt> into_columns;
  /// Of FROM name, else no parts; `query` is then SELECT * FROM it.
  QualifiedName from;
  QueryPtr query;
  std::vector<Option> options;
  std::optional<FormatClause> format;
  /// Position of EMIT ON WINDOW CLOSE.
  std::optional<int32_t> on_close;
  /// Of EMIT LATE INTO t, else no parts.
  QualifiedName late_into;
};

/// EXECUTE STATEMENT SET BEGIN, or BEGIN STATEMENT SET: what follows up to END belongs together.
struct StatementSet final : Statement {
  explicit StatementSet(int32_t at) : Statement(StatementKind::kStatementSet, at) {}
};

/// REFRESH MATERIALIZED VIEW.
struct Refresh final : Statement {
  explicit Refresh(int32_t at) : Statement(StatementKind::kRefresh, at) {}
  QualifiedName name;
};

/// COMMENT ON. Of a column, `name` ends with it.
struct Comment final : Statement {
  explicit Comment(int32_t at) : Statement(StatementKind::kComment, at) {}
  ObjectKind object = ObjectKind::kTable;
  bool on_column = false;
  QualifiedName name;
  /// Of a function: the argument types, if given.
  std::optional<std::vector<FunctionParameter>> signature;
  /// None: IS NULL.
  std::optional<std::string> text;
};

/* -- looking, settings, sessions -- */

struct Explain final : Statement {
  explicit Explain(int32_t at) : Statement(StatementKind::kExplain, at) {}
  /// ANALYZE and VERBOSE without parentheses are options too; keys in lower case.
  std::vector<Option> options;
  /// Null: `running` says what. A StatementSet: what follows up to END is explained.
  StatementPtr statement;
  /// EXPLAIN ANALYZE MATERIALIZED VIEW v.
  QualifiedName running;
};

enum class SetScope : uint8_t { kUnset, kSession, kLocal };

/// SET. `SET TIME ZONE x` sets "timezone", `SET NAMES x` "client_encoding", `SET [LOCAL]
/// TRANSACTION modes` "transaction" and `SET SESSION CHARACTERISTICS AS TRANSACTION modes`
/// "default_transaction" (values: the modes in upper case).
struct SetStatement final : Statement {
  explicit SetStatement(int32_t at) : Statement(StatementKind::kSet, at) {}
  SetScope scope = SetScope::kUnset;
  std::string name;
  int32_t name_position = 0;
  bool to_default = false;
  /// Keys are empty.
  std::vector<Option> values;
};

struct Reset final : Statement {
  explicit Reset(int32_t at) : Statement(StatementKind::kReset, at) {}
  /// Empty: ALL.
  std::string name;
  int32_t name_position = 0;
};

enum class ShowKind : uint8_t { kSetting, kAll, kObjects, kColumns, kCreate };

/// SHOW. kSetting: `name`, as SetStatement names them ("transaction_isolation" for TRANSACTION
/// ISOLATION LEVEL). kObjects: `name` is "tables", "sources", "views", "materialized views",
/// "sinks", "indexes", "functions", "schemas", "databases", "watermarks", "jobs" or "processlist",
/// and `of` the schema of FROM. kColumns: of `of`. kCreate: of the `object` `of`.
struct Show final : Statement {
  explicit Show(int32_t at) : Statement(StatementKind::kShow, at) {}
  ShowKind show = ShowKind::kSetting;
  std::string name;
  int32_t name_position = 0;
  ObjectKind object = ObjectKind::kTable;
  QualifiedName of;
};

struct Describe final : Statement {
  explicit Describe(int32_t at) : Statement(StatementKind::kDescribe, at) {}
  QualifiedName name;
};

enum class TransactionAction : uint8_t {
  kBegin,
  kStart,
  kCommit,
  kRollback,
  kSavepoint,
  kRelease,
  kRollbackTo,
};

/// BEGIN (or START TRANSACTION), COMMIT (or END), ROLLBACK (or ABORT), and savepoints.
struct Transaction final : Statement {
  explicit Transaction(int32_t at) : Statement(StatementKind::kTransaction, at) {}
  TransactionAction action = TransactionAction::kBegin;
  /// "ISOLATION LEVEL READ COMMITTED", "READ ONLY", ...
  std::vector<std::string> modes;
  bool chain = false;
  std::string savepoint;
};

struct Flush final : Statement {
  explicit Flush(int32_t at) : Statement(StatementKind::kFlush, at) {}
};

struct Prepare final : Statement {
  explicit Prepare(int32_t at) : Statement(StatementKind::kPrepare, at) {}
  std::string name;
  std::vector<TypeName> types;
  StatementPtr statement;
};

struct Execute final : Statement {
  explicit Execute(int32_t at) : Statement(StatementKind::kExecute, at) {}
  std::string name;
  std::vector<ExprPtr> args;
};

struct Deallocate final : Statement {
  explicit Deallocate(int32_t at) : Statement(StatementKind::kDeallocate, at) {}
  /// Empty: ALL.
  std::string name;
};

enum class CursorScroll : uint8_t { kUnset, kScroll, kNoScroll };

struct DeclareCursor final : Statement {
  explicit DeclareCursor(int32_t at) : Statement(StatementKind::kDeclareCursor, at) {}
  std::string name;
  CursorScroll scroll = CursorScroll::kUnset;
  bool binary = false;
  bool hold = false;
  /// A query.
  StatementPtr query;
};

enum class FetchDirection : uint8_t { kForward, kBackward, kAbsolute, kRelative };

/// FETCH and MOVE. NEXT is FORWARD 1, PRIOR BACKWARD 1, FIRST ABSOLUTE 1, LAST ABSOLUTE -1.
struct Fetch final : Statement {
  explicit Fetch(int32_t at) : Statement(StatementKind::kFetch, at) {}
  bool move = false;
  FetchDirection direction = FetchDirection::kForward;
  /// INT64_MAX: ALL.
  int64_t count = 1;
  std::string name;
};

struct CloseCursor final : Statement {
  explicit CloseCursor(int32_t at) : Statement(StatementKind::kCloseCursor, at) {}
  /// Empty: ALL.
  std::string name;
};

struct Discard final : Statement {
  explicit Discard(int32_t at) : Statement(StatementKind::kDiscard, at) {}
  /// "ALL", "PLANS", "SEQUENCES" or "TEMP".
  std::string what;
};

/// A statement known by name and not taken apart: VACUUM, CREATE TRIGGER, ... `command` has its
/// first words in upper case ("CREATE TRIGGER"), `text` the whole.
struct OtherStatement final : Statement {
  explicit OtherStatement(int32_t at) : Statement(StatementKind::kOther, at) {}
  std::string command;
  std::string text;
};

}  // namespace forebay::sql::ast
