#pragma once

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/source.h"
#include "engine/data/change_batch.h"
#include "engine/expr/expr.h"
#include "engine/operators/operator.h"
#include "engine/operators/stored_relation.h"
#include "udfs/library.h"

/// The catalog: what names mean. Objects and snapshots are immutable; binding works on a snapshot
/// and needs no lock.
namespace forebay::sql::catalog {

using data::ObjectId;
using data::Result;
using data::Status;
using data::TableId;

/// DO NOT CHANGE the numbers: they are persisted in catalog records.
enum class ObjectKind : uint8_t {
  kSource = 1,
  kTable = 2,
  kView = 3,
  kMaterializedView = 4,
  /// A system table: rows are made when a query starts. Never persisted.
  kVirtual = 5,
  /// A space of names; holds no rows and is not among objects().
  kSchema = 6,
  /// A function of a user; its name in the catalog has the types of its parameters. Not among
  /// objects().
  kFunction = 7,
  /// Rows of a table or view, arranged by other columns. Not among objects().
  kIndex = 8,
  /// Rows that are delivered to somewhere else; can't be read. Not among objects().
  kSink = 9,
  /// A table of Flink's whose connector takes rows: each INSERT INTO it makes a sink. Can't be
  /// read. Not among objects().
  kSinkTable = 10,
};

/// "table", "materialized view" ...: the word of messages.
std::string_view kind_name(ObjectKind kind);

/// Makes the rows of a system table: batches of all its columns. Thread-safe.
using VirtualRows = std::function<Result<std::vector<data::ChangeBatch>>()>;

/// WATERMARK FOR column AS value: rows to come have `column` >= the largest `value` so far.
struct DeclaredWatermark {
  /// Its place in the object's `columns`; of type timestamp or timestamptz.
  uint32_t column = 0;
  /// Over the object's `columns` (column i is columns[i]), of the column's type; immutable.
  expr::ExprRef value;
  /// `value` as SQL.
  std::string text;
  /// WITH (idle_timeout): how long a partition without new records holds others back; kForever: as
  /// long as it takes. nullopt: the connector's default.
  std::optional<int64_t> idle_timeout_ms;
  /// WITH (watermark.max_future): a value later than the clock by more than this does not count;
  /// kForever: each counts.
  int64_t max_future_ms = kDefaultMaxFutureMs;

  static constexpr int64_t kForever = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kDefaultMaxFutureMs = 3'600'000;
};

/// One object. What is derived from its definition (columns, keys, relation) is made anew at each
/// start.
struct CatalogObject {
  ObjectId id;
  ObjectKind kind = ObjectKind::kTable;
  std::string schema = "public";
  std::string name;
  /// The columns that users see.
  data::Schema columns;
  /// Stored behind them, not shown: `_row_id`, keys that the view does not select. The rows of the
  /// object's relation and change stream are `columns` then `hidden_columns`.
  data::Schema hidden_columns;
  /// The CREATE statement as typed.
  std::string definition;
  /// For a view: the text of its query alone, as pg_get_viewdef shows it.
  std::string query_text;
  /// Schemas searched when it was created.
  std::vector<std::string> search_path;
  /// What it reads, without repeats.
  std::vector<ObjectId> dependencies;
  /// Declared key (tables) or derived key (views): indexes into columns + hidden_columns. Rows of
  /// tables always have one (`_row_id` when none was declared).
  std::vector<uint32_t> key_columns;
  bool has_key = false;
  /// True when the user declared PRIMARY KEY.
  bool declared_key = false;
  /// Other sets of columns known to be unique, for the planner.
  std::vector<std::vector<uint32_t>> unique_keys;
  /// Its change stream never retracts.
  bool append_only = false;
  /// Columns (of columns + hidden_columns) that watermarks bound. Tables and materialized views.
  std::vector<operators::TimeBound> time_bounds;
  /// Default expressions of a table's columns as SQL text; empty: none.
  std::vector<std::string> defaults;

  /// What INSERT into a table does with a row whose key exists.
  enum class Conflict : uint8_t { kError, kOverwrite, kIgnore };
  Conflict on_conflict = Conflict::kError;
  /// ON ERROR: of records for sources and tables with a connector, of rows for views.
  operators::ErrorPolicy on_error = operators::ErrorPolicy::kKeep;

  /// State tables in the order of lowering.
  std::vector<TableId> tables;
  /// How rows are read back; tables and materialized views only.
  operators::StoredRelationRef relation;
  /// Sources only.
  std::shared_ptr<const connectors::Source> connector;
  /// Names of INCLUDEd metadata columns by their place in `columns`: "partition", "offset" ...;
  /// empty: a column of the records. Sources only.
  std::vector<std::string> metadata;
  /// By the place in `columns`: expressions of generated columns, else nullptr; empty: there are
  /// none. Over `columns` (those that are not generated); a column with `metadata` stands there for
  /// the metadata as it comes. Sources and tables.
  std::vector<expr::ExprRef> generated;
  /// The same as SQL; empty: of METADATA and PROCTIME(), or none.
  std::vector<std::string> generated_texts;
  /// A source that was made by CREATE TABLE, in Flink's spelling.
  bool made_as_table = false;
  /// Tables that are sinks: WITH (...) of the sinks into it.
  connectors::Options sink_options;
  /// Sources and tables only.
  std::optional<DeclaredWatermark> watermark;
  /// Virtual tables only.
  VirtualRows rows;

  /// Indexes only: the indexed columns' places in the object that is indexed (dependencies[0]), and
  /// where in the index's rows each key column of that object's relation is.
  std::vector<uint32_t> index_columns;
  std::vector<uint32_t> index_keys;

  /// Functions only: the name that calls use, the parameters; `columns` are the result.
  std::string function_name;
  data::Schema parameters;
  bool strict = false;
  bool returns_rows = false;
  /// Of a function in a shared library.
  udfs::LoadedFunction native;

  /// Readers of this source, or those of this table or view, do not read.
  bool paused = false;
  /// The columns' names as objects with numbers below `until` know them: they were made before a
  /// column was added or renamed, and mean what they meant. Oldest first.
  struct Shape {
    uint32_t until = 0;
    std::vector<std::string> names;
  };
  std::vector<Shape> shapes;
  /// Seen through a shape: which of the relation's columns are `columns` then `hidden_columns`.
  /// Empty: all. Never stored.
  std::vector<uint32_t> choice;

  /// EMIT LATE INTO: of a view, the object that has its late rows; of that one, the view that made
  /// it, of which it is a part. 0: none.
  ObjectId late_rows;
  ObjectId maker;

  /// COMMENT ON: of the object by 0, of its column i by i + 1.
  std::map<uint32_t, std::string> comments;
  /// Of its circuit as it was lowered first; 0: none.
  uint64_t fingerprint = 0;

  bool is_generated(size_t column) const {
    return column < generated.size() && generated[column] != nullptr;
  }
  bool is_stored() const {
    return kind == ObjectKind::kTable || kind == ObjectKind::kMaterializedView;
  }
  /// columns then hidden_columns.
  data::Schema stored_columns() const;
};
using CatalogObjectRef = std::shared_ptr<const CatalogObject>;

/// The object as the one with number `reader` knows it (0: as it is).
CatalogObjectRef known_to(const CatalogObjectRef& object, ObjectId reader);

/// All objects at one moment.
class CatalogSnapshot {
 public:
  /// nullptr when there is none.
  CatalogObjectRef find(ObjectId id) const;
  CatalogObjectRef find(std::string_view schema, std::string_view name) const;
  bool has_schema(std::string_view schema) const;
  /// A schema that was made by CREATE SCHEMA, or nullptr.
  CatalogObjectRef find_schema(std::string_view name) const;
  /// Functions of a name.
  std::vector<CatalogObjectRef> functions(std::string_view schema, std::string_view name) const;
  /// All functions, by id.
  std::vector<CatalogObjectRef> functions() const;
  /// Those made by CREATE SCHEMA, by name.
  std::vector<CatalogObjectRef> schemas() const;
  /// What users have made in a schema, of every kind, by id; indexes go with what they are on.
  std::vector<CatalogObjectRef> members(std::string_view schema) const;
  /// All, by id; virtual tables first.
  std::vector<CatalogObjectRef> objects() const;
  /// All indexes, by id.
  std::vector<CatalogObjectRef> indexes() const;
  /// All sinks, by id.
  std::vector<CatalogObjectRef> sinks() const;
  /// Indexes on an object.
  std::vector<CatalogObjectRef> indexes(ObjectId id) const;
  /// Objects that read `id` directly.
  std::vector<CatalogObjectRef> dependants(ObjectId id) const;
  /// Names like `name` in the schemas, best first: for hints.
  std::vector<std::string> similar_names(std::string_view name) const;

  std::shared_ptr<const CatalogSnapshot> with(CatalogObjectRef object) const;
  std::shared_ptr<const CatalogSnapshot> without(const std::vector<ObjectId>& ids) const;

 private:
  std::map<uint32_t, CatalogObjectRef> by_id_;
  std::map<std::pair<std::string, std::string>, CatalogObjectRef> by_name_;
  std::map<std::string, CatalogObjectRef, std::less<>> schemas_;
};
using SnapshotRef = std::shared_ptr<const CatalogSnapshot>;

/// Schemas that always exist.
inline constexpr std::string_view kSchemas[] = {"public", "pg_catalog", "information_schema",
                                                "forebay"};
/// Ids from here on belong to virtual tables: they are not persisted.
inline constexpr uint32_t kFirstVirtualId = 0xF0000000u;
/// pg_class.oid of an object, and what regclass gives: those of users begin where PostgreSQL's do.
inline int64_t oid_of(ObjectId id) {
  return id.value >= kFirstVirtualId ? int64_t{id.value} : int64_t{id.value} + 16384;
}

/// The published snapshot. Thread-safe; writers serialise themselves (one DDL at a time).
class Catalog {
 public:
  Catalog() : snapshot_(std::make_shared<CatalogSnapshot>()) {}
  SnapshotRef snapshot() const;
  void publish(SnapshotRef snapshot);
  /// Registers a system table; before the catalog is opened. Its id is given here.
  void add_virtual(std::string schema, std::string name, data::Schema columns, VirtualRows rows);

 private:
  mutable std::mutex mutex_;  // guards snapshot_
  SnapshotRef snapshot_;
  uint32_t next_virtual_ = kFirstVirtualId;
};

/// The number of edits (insert, delete, replace, swap) between two names.
size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace forebay::sql::catalog
