#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "engine/expr/expr.h"
#include "engine/runtime/engine.h"
#include "sql/catalog/catalog.h"

/// From a parsed statement to something that can be executed. Everything here is pure: no I/O, no
/// locks; it reads an immutable catalog snapshot. Errors carry SQLSTATE, position and hint.
///
///     bind()         statement -> BoundStatement
///     lower_query()  PlannedQuery + parameter values -> runtime::Fragment for runtime::run_query
///     build_object() BoundCreate + fresh numbers -> catalog object, fragment, catalog record
///     open_catalog() stored records -> catalog snapshot, fragments to attach
namespace forebay::sql {

namespace ast {
struct Statement;
struct Execute;
struct Explain;
}  // namespace ast
namespace plan {
struct Node;
using NodeRef = std::shared_ptr<const Node>;
}  // namespace plan

using catalog::CatalogObjectRef;
using catalog::SnapshotRef;
using data::Datum;
using data::ObjectId;
using data::Result;
using data::Status;
using data::TableId;
using data::Type;
using expr::ExprRef;

struct BindOptions {
  /// The text that the statement was parsed from, the statement alone: kept by CREATE. Positions in
  /// the AST count from its first character.
  std::string text;
  /// Types that the client gave for $1, $2 ...; kUnknown or missing: inferred.
  std::vector<Type> parameter_types;
  /// False: the statement comes without parameters, and $1 is an error (42P02).
  bool takes_parameters = true;
  /// Searched in order after pg_catalog.
  std::vector<std::string> search_path = {"public"};
  std::string user = "root";
  std::string database = "dev";
  /// Binding the definition of this object again: it knows what it reads as it was then. 0: none.
  ObjectId reader;
  /// EXPLAIN (STATE): rows per second that a source, table or view has brought, as measured;
  /// nullopt or no function: nothing is known.
  std::function<std::optional<double>(ObjectId)> rows_per_second;
  /// Not null: an INSERT INTO a sink is bound as if this EXPLAIN stood before it.
  std::shared_ptr<const ast::Explain> explain;
  /// `forebay run`: sources end at their present end.
  bool force_bounded = false;
};

/// Reads by key without a circuit: relation->get(key) per execution; evaluate `predicate` and
/// `projection` over the row found (columns: those of the relation).
struct PointPlan {
  ObjectId object;
  operators::StoredRelationRef relation;
  /// The object as the query knows it.
  CatalogObjectRef scanned;
  /// One per relation->key_columns(): constants or parameters, of exactly the column's type. A NULL
  /// among them: no rows.
  std::vector<ExprRef> key;
  /// nullptr: none.
  ExprRef predicate;
  /// One per output column (hidden sort columns included).
  std::vector<ExprRef> projection;
};

/// A bound, optimised query. Immutable; may be kept in a plan cache as long as the catalog snapshot
/// that it was bound against is the published one.
struct PlannedQuery {
  /// The columns of the result. The fragment's rows may have more columns behind them, for sorting:
  /// to be cut off after the sort.
  data::Schema schema;
  std::vector<Type> parameter_types;
  /// Sort the rows by these columns before they are sent (also when the plan holds a top-N: its
  /// rows come unordered); ties by the bytes of the whole row. Empty: any order.
  std::vector<operators::SortKey> order;
  /// Objects that are read (tables and materialized views), for snapshots and pipelines.
  std::vector<ObjectId> reads;
  std::optional<PointPlan> point;
  plan::NodeRef plan;
  /// Held so that what the plan points to stays alive.
  SnapshotRef catalog;
};

/// The circuit of one execution: parameters (one Datum per parameter_types, of that type) are put
/// in and the plan is lowered. A value that is refused, as LIMIT -1 is, is the error.
Result<runtime::Fragment> lower_query(const PlannedQuery& query, std::span<const Datum> parameters);

/// The query reading other relations in place of the objects' own: how a transaction sees its own
/// rows. `relation_of` gives nullptr for what is read as it is.
PlannedQuery with_relations(
    const PlannedQuery& query,
    const std::function<operators::StoredRelationRef(ObjectId)>& relation_of);

/// RETURNING: expressions over the table's stored columns (of the new row; of the old one for
/// DELETE).
struct Returning {
  data::Schema schema;
  std::vector<ExprRef> projection;
};

/// ON CONFLICT DO UPDATE: expressions over the stored columns of the row that is there, then the
/// visible columns of the proposed one (EXCLUDED).
struct ConflictUpdate {
  /// The visible columns as they shall be.
  std::vector<ExprRef> values;
  /// Rows for which it isn't true stay as they are. nullptr: none.
  ExprRef where;
};

/// INSERT. The caller checks NOT NULL, appends hidden columns (`_row_id` from
/// Engine::allocate_row_ids), checks keys and writes.
struct BoundInsert {
  CatalogObjectRef table;
  /// INSERT ... VALUES without subqueries: rows of expressions without columns, one per visible
  /// column of the table, casts and defaults included; evaluate with evaluate_constant. Then `rows`
  /// has no plan.
  std::vector<std::vector<ExprRef>> values;
  /// Otherwise: gives the table's visible columns, casts and defaults included.
  PlannedQuery rows;
  catalog::CatalogObject::Conflict on_conflict = catalog::CatalogObject::Conflict::kError;
  /// Comes before `on_conflict`.
  std::optional<ConflictUpdate> update;
  std::optional<Returning> returning;
};

/// UPDATE: `rows` gives per row to change the table's stored columns as they are, then the visible
/// columns as they shall be (casts included). Hidden columns stay.
struct BoundUpdate {
  CatalogObjectRef table;
  PlannedQuery rows;
  std::optional<Returning> returning;
};

/// DELETE: `rows` gives the table's stored columns of the rows to delete.
struct BoundDelete {
  CatalogObjectRef table;
  /// Written as TRUNCATE.
  bool truncates = false;
  PlannedQuery rows;
  std::optional<Returning> returning;
};

/// How COPY writes rows.
struct CopyFormat {
  bool csv = false;
  char delimiter = '\t';
  std::string null_text = "\\N";
  enum class Header : uint8_t { kNone, kNames, kMatch };
  Header header = Header::kNone;
  /// CSV only.
  char quote = '"';
  char escape = '"';
};

/// COPY ... FROM STDIN.
struct BoundCopyFrom {
  CatalogObjectRef table;
  /// The fields of a record, as numbers of visible columns.
  std::vector<uint32_t> columns;
  /// One per visible column: the value of one that the records don't have, else null.
  std::vector<ExprRef> defaults;
  /// Over the visible columns: rows for which it isn't true are left out. nullptr: none.
  ExprRef where;
  CopyFormat format;
};

struct BoundStatement;
/// COPY ... TO STDOUT: sends what `rows`, a query or DML with RETURNING, gives.
struct BoundCopyTo {
  std::shared_ptr<const BoundStatement> rows;
  CopyFormat format;
};

/// DECLARE: its query; the rest is in the statement.
struct BoundDeclareCursor {
  PlannedQuery query;
};

struct BoundSelect {
  PlannedQuery query;
};

/// CREATE SOURCE, TABLE, VIEW, MATERIALIZED VIEW: checked, but without numbers.
struct BoundCreate {
  /// IF NOT EXISTS and there is one: do nothing but tell the notice of BoundStatement.
  bool exists_already = false;
  /// All but id, tables and relation.
  std::shared_ptr<const catalog::CatalogObject> object;
  /// Of a materialized view, else null.
  plan::NodeRef plan;
  SnapshotRef catalog;
  /// EMIT LATE INTO: the object that gets the late rows, likewise, and its plan; else null.
  std::shared_ptr<const catalog::CatalogObject> late = nullptr;
  plan::NodeRef late_plan = nullptr;
};

/// DROP: all objects to go, dependants first. `exists_already`-like cases (IF EXISTS) give notices.
struct BoundDrop {
  std::vector<CatalogObjectRef> objects;
};

/// ALTER and COMMENT ON: objects that take the place of those with their numbers. Empty: nothing to
/// do. A shape without number gets a new object number.
struct BoundAlter {
  std::vector<CatalogObjectRef> objects;
  /// PAUSE or RESUME of the only object.
  std::optional<bool> paused;
  /// ADD COLUMN to the only object, a table: a constant expression, the value in its rows.
  /// build_altered() makes the rest.
  ExprRef added;
};

/// REFRESH MATERIALIZED VIEW.
struct BoundRefresh {
  ObjectId view;
};

/// EXPLAIN ANALYZE MATERIALIZED VIEW: of a running view.
struct BoundExplainRunning {
  CatalogObjectRef view;
};

/// EXPLAIN: lines of text, one column "QUERY PLAN".
struct BoundExplain {
  std::vector<std::string> lines;
};

struct BoundStatement {
  std::variant<BoundSelect, BoundInsert, BoundUpdate, BoundDelete, BoundCreate, BoundDrop,
               BoundExplain, BoundCopyFrom, BoundCopyTo, BoundDeclareCursor, BoundAlter,
               BoundRefresh, BoundExplainRunning>
      what;
  /// All parameters, by number.
  std::vector<Type> parameter_types;
  /// NOTICE messages: 'relation "t" already exists, skipping'.
  std::vector<std::string> notices;

  /// The result's columns; nullptr when the statement gives no rows.
  const data::Schema* result_schema() const;
};

/// Binds a query, INSERT, UPDATE, DELETE, COPY, CREATE ..., DROP or EXPLAIN. Other kinds (SET,
/// SHOW, BEGIN ...) belong to the session and are an internal error here.
Result<BoundStatement> bind(const ast::Statement& statement, const SnapshotRef& snapshot,
                            const BindOptions& options);

/// The arguments of EXECUTE as expressions without columns, cast to the parameters' types. 42804.
Result<std::vector<ExprRef>> bind_arguments(const ast::Execute& execute,
                                            const std::vector<Type>& types,
                                            const SnapshotRef& snapshot,
                                            const BindOptions& options);

/// Where new numbers come from: the engine's allocate_object and allocate_table.
class IdSource {
 public:
  virtual ~IdSource() = default;
  virtual ObjectId object() = 0;
  virtual TableId table() = 0;
};

/// What is stored of an object.
runtime::CatalogRecord record_of(const catalog::CatalogObject& object);

struct NewObject {
  CatalogObjectRef object;
  /// Tables and materialized views: for Engine::create. Sources and views: none.
  std::optional<runtime::Fragment> fragment;
  runtime::CatalogRecord record;
  /// What EMIT LATE INTO makes with it; it has no record and no fragment of its own. Else null.
  CatalogObjectRef late;
};
Result<NewObject> build_object(const BoundCreate& create, IdSource& ids);

/// A table with one column more.
struct AlteredTable {
  SnapshotRef snapshot;
  /// Of the table and of what reads it, for Engine::rewrite; `fill` fails with 53200 when the rows
  /// come to more than `most_bytes`.
  runtime::Engine::Rewrite rewrite;
};
/// `alter`, whose `added` is `value`, against the snapshot that it was bound to.
Result<AlteredTable> build_altered(const BoundAlter& alter, const Datum& value,
                                   const SnapshotRef& snapshot, IdSource& ids, uint64_t most_bytes);

struct OpenedCatalog {
  SnapshotRef snapshot;
  /// In dependency order, for Engine::attach.
  std::vector<runtime::Fragment> fragments;
};
/// Parses, binds and lowers every record again, with its stored numbers. `base` holds the virtual
/// tables. XX001 when a record is damaged; 55000 when this program lowers an object to another
/// circuit than the one whose state is stored.
Result<OpenedCatalog> open_catalog(std::span<const runtime::CatalogRecord> records,
                                   SnapshotRef base, const BindOptions& options);

}  // namespace forebay::sql
