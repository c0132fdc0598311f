#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/dependants.h"
#include "sql/catalog/record.h"
#include "sql/lowering/lowering.h"
#include "sql/parser/parser.h"
#include "sql/planner.h"

/// Objects that are made, opened again from their records, and changed: from definitions to
/// circuits.
namespace forebay::sql {

using catalog::CatalogObject;
using catalog::ObjectKind;
using data::ChangeBatch;

namespace {

/// What a table's watermark says of its rows: it is kept where they come in.
operators::TimeBound table_bound(const runtime::Fragment& fragment, const CatalogObject& table) {
  uint32_t leaf = 0;
  while (leaf < fragment.nodes.size() &&
         !std::holds_alternative<runtime::SourceInput>(fragment.nodes[leaf].what) &&
         !std::holds_alternative<runtime::TableInput>(fragment.nodes[leaf].what)) {
    ++leaf;
  }
  return {table.watermark->column, {{{table.id, leaf}, nullptr}}};
}

/// Lowers what runs; gives the object its relation and tables.
Result<std::optional<runtime::Fragment>> lower_object(const BoundCreate& create,
                                                      CatalogObject& object,
                                                      const std::function<TableId()>& next_table) {
  std::optional<runtime::Fragment> fragment;
  auto take_table = [&] {
    object.tables.push_back(next_table());
    return object.tables.back();
  };
  if (object.kind == ObjectKind::kIndex) {
    FOREBAY_ASSIGN_OR_RETURN(fragment, lowering::lower_index(create.plan, take_table));
  } else if (object.kind == ObjectKind::kSink) {
    FOREBAY_ASSIGN_OR_RETURN(fragment, lowering::lower_sink(create.plan, take_table, object.id));
  } else if (object.kind == ObjectKind::kTable && object.connector == nullptr) {
    fragment = lowering::lower_table(object, take_table);
  } else if (object.is_stored()) {
    FOREBAY_ASSIGN_OR_RETURN(
        fragment, lowering::lower_view(create.plan, object.key_columns, object.has_key, take_table,
                                       object.id, &object.time_bounds, create.late_plan));
  }
  if (fragment) {
    for (runtime::CircuitNode& node : fragment->nodes) {
      // A table's own source has no number but the table's.
      auto* source = std::get_if<runtime::SourceInput>(&node.what);
      if (source == nullptr || object.connector == nullptr) continue;
      source->source = object.id;
      source->on_error = object.on_error;
    }
    if (object.kind == ObjectKind::kTable && object.watermark) {
      object.time_bounds = {table_bound(*fragment, object)};
    }
    if (object.connector == nullptr) fragment->on_error = object.on_error;
    fragment->object = object.id;
    fragment->name = object.name;
    object.relation = fragment->relation;
  }
  return fragment;
}

/// Gives the object that EMIT LATE INTO makes its number and its relation; null without one.
CatalogObjectRef finish_late(const BoundCreate& create, CatalogObject& object,
                             runtime::Fragment& fragment, data::ObjectId id) {
  if (create.late == nullptr) return nullptr;
  auto late = std::make_shared<CatalogObject>(*create.late);
  late->id = object.late_rows = fragment.late->object = id;
  late->maker = object.id;
  late->dependencies = {object.id};
  late->relation = fragment.late->relation;
  return late;
}

}  // namespace

runtime::CatalogRecord record_of(const CatalogObject& object) {
  catalog::StoredObject record;
  record.kind = object.kind;
  record.id = object.id;
  record.schema = object.schema;
  record.name = object.name;
  record.definition = object.definition;
  record.search_path = object.search_path;
  record.tables = object.tables;
  record.fingerprint = object.fingerprint;
  record.comments = object.comments;
  record.paused = object.paused;
  record.shapes = object.shapes;
  record.late_rows = object.late_rows;
  return {object.id, catalog::encode_record(record)};
}

Result<NewObject> build_object(const BoundCreate& create, IdSource& ids) {
  auto object = std::make_shared<CatalogObject>(*create.object);
  object->id = ids.object();
  NewObject out;
  FOREBAY_ASSIGN_OR_RETURN(out.fragment,
                           lower_object(create, *object, [&] { return ids.table(); }));
  object->fingerprint = out.fragment ? lowering::fingerprint(*out.fragment) : 0;
  if (create.late != nullptr) out.late = finish_late(create, *object, *out.fragment, ids.object());
  out.record = record_of(*object);
  out.object = std::move(object);
  return out;
}

namespace {

Status cannot_open(const catalog::StoredObject& record, data::Error why) {
  return Status(
      data::Error{.sqlstate = data::sqlstate::kNotInPrerequisiteState,
                  .fault = data::Fault::kEnvironment,
                  .message = fmt::format("{} \"{}\" cannot be opened: {}",
                                         catalog::kind_name(record.kind), record.name, why.message),
                  .detail = fmt::format("Its definition is: {}", record.definition),
                  .hint = "Start the version of the program that made it."});
}

struct OpenedObject {
  CatalogObjectRef object;
  std::optional<runtime::Fragment> fragment;
  CatalogObjectRef late;  // what EMIT LATE INTO made with it, or null
  SnapshotRef added_to(const SnapshotRef& snapshot) const {
    SnapshotRef with = snapshot->with(object);
    return late == nullptr ? with : with->with(late);
  }
};

/// Opens one object on top of those that it reads.
Result<OpenedObject> open_object(const catalog::StoredObject& record, const BindOptions& options,
                                 const SnapshotRef& snapshot) {
  auto parsed = parse_statements(record.definition);
  if (!parsed.is_ok()) return cannot_open(record, parsed.error());
  if (parsed->size() != 1)
    return cannot_open(record, {.message = "its definition is not one statement"});
  BindOptions own = options;
  own.text = record.definition;
  own.search_path = record.search_path;
  own.parameter_types.clear();
  own.reader = record.id;
  auto bound = sql::bind(*(*parsed)[0].statement, snapshot, own);
  if (!bound.is_ok()) return cannot_open(record, bound.error());
  const auto* create = std::get_if<BoundCreate>(&bound->what);
  if (create == nullptr || create->object == nullptr) {
    return cannot_open(record, {.message = "its definition creates nothing"});
  }
  auto object = std::make_shared<CatalogObject>(*create->object);
  object->id = record.id;
  object->fingerprint = record.fingerprint;
  object->comments = record.comments;
  object->paused = record.paused;
  object->shapes = record.shapes;
  size_t used = 0;
  bool enough = true;
  auto next_table = [&] {
    enough = used < record.tables.size();
    return enough ? record.tables[used++] : TableId(0);
  };
  auto fragment = lower_object(*create, *object, next_table);
  if (!fragment.is_ok()) return cannot_open(record, fragment.error());
  const uint64_t fingerprint = *fragment ? lowering::fingerprint(**fragment) : 0;
  if (!enough || used != record.tables.size() || fingerprint != record.fingerprint ||
      object->name != record.name || object->kind != record.kind) {
    return cannot_open(record, {.message = "this program would keep its state in another form"});
  }
  OpenedObject opened;
  if (create->late != nullptr) {
    opened.late = finish_late(*create, *object, **fragment, record.late_rows);
  }
  opened.object = std::move(object);
  opened.fragment = std::move(*fragment);
  return opened;
}

}  // namespace

Result<OpenedCatalog> open_catalog(std::span<const runtime::CatalogRecord> records,
                                   SnapshotRef base, const BindOptions& options) {
  OpenedCatalog opened;
  opened.snapshot = std::move(base);
  std::vector<catalog::StoredObject> stored;
  for (const runtime::CatalogRecord& record : records) {
    FOREBAY_ASSIGN_OR_RETURN(catalog::StoredObject object, catalog::decode_record(record.bytes));
    stored.push_back(std::move(object));
  }
  // Numbers grow: what an object reads is older than itself.
  std::sort(stored.begin(), stored.end(),
            [](const auto& a, const auto& b) { return a.id.value < b.id.value; });
  for (const catalog::StoredObject& record : stored) {
    FOREBAY_ASSIGN_OR_RETURN(OpenedObject one, open_object(record, options, opened.snapshot));
    opened.snapshot = one.added_to(opened.snapshot);
    if (one.fragment) opened.fragments.push_back(std::move(*one.fragment));
  }
  return opened;
}

namespace {

/// Rows of a batch with one more visible column behind the first `visible`.
ChangeBatch widened(const ChangeBatch& batch, size_t visible, const Datum& value, Type type) {
  data::ColumnBuilder builder(type, batch.physical_rows());
  for (uint32_t i = 0; i < batch.physical_rows(); ++i) builder.append_datum(value);
  std::vector<data::ColumnRef> columns = batch.columns();
  columns.insert(columns.begin() + static_cast<ptrdiff_t>(visible), builder.finish());
  ChangeBatch wide(std::move(columns), batch.physical_rows());
  if (batch.selection() != nullptr) wide.set_selection(*batch.selection());
  return wide;
}

/// Writes the rows of `before` as those of `after`, which has one column more.
Status copy_rows(const CatalogObject& before, const CatalogObject& after, const Datum& value,
                 uint64_t most_bytes, const state::Snapshot& snapshot, state::SealedRun& run) {
  constexpr uint32_t kBatchRows = 4096;
  const size_t visible = before.columns.size();
  const data::Field& added = after.columns[visible];
  operators::MaterializeParameters parameters;
  for (const data::Field& field : after.stored_columns()) parameters.types.push_back(field.type);
  parameters.key_columns = after.key_columns;
  parameters.has_key = true;
  parameters.rows = after.tables.front();
  Status status;
  uint64_t bytes = 0;
  Status scanned =
      before.relation->scan(snapshot, 0, data::kShardCount, kBatchRows, [&](ChangeBatch batch) {
        if (added.not_null && value.is_null() && !batch.empty()) {
          status = Status(data::sqlstate::kNotNullViolation,
                          fmt::format("column \"{}\" of relation \"{}\" contains null values",
                                      added.name, after.name));
          return false;
        }
        ChangeBatch wide = widened(batch, visible, value, added.type);
        bytes += wide.bytes();
        if (bytes > most_bytes) {
          status = Status(
              data::Error{.sqlstate = data::sqlstate::kOutOfMemory,
                          .message = "out of memory",
                          .detail = fmt::format("The rows need more than {} MB.", most_bytes >> 20),
                          .hint = "Raise max_epoch_bytes, or create another table."});
          return false;
        }
        operators::put_rows(parameters, wide, run);
        return true;
      });
  return status.is_ok() ? std::move(scanned) : std::move(status);
}

}  // namespace

Result<AlteredTable> build_altered(const BoundAlter& alter, const Datum& value,
                                   const SnapshotRef& snapshot, IdSource& ids,
                                   uint64_t most_bytes) {
  const CatalogObjectRef before = snapshot->find(alter.objects[0]->id);
  auto table = std::make_shared<CatalogObject>(*alter.objects[0]);
  table->tables.clear();
  auto fragment = lowering::lower_table(*table, [&] {
    table->tables.push_back(ids.table());
    return table->tables.back();
  });
  fragment.object = table->id;
  fragment.name = table->name;
  fragment.on_error = table->on_error;
  table->relation = fragment.relation;
  table->fingerprint = lowering::fingerprint(fragment);
  AlteredTable out;
  out.snapshot = snapshot->without({table->id})->with(table);
  out.rewrite.records.push_back(record_of(*table));
  for (TableId id : before->tables) {
    out.rewrite.dropped.push_back({before->relation->family(), id});
  }
  out.rewrite.fragments.push_back(std::move(fragment));
  std::vector<CatalogObjectRef> readers;
  binder::add_dependants(*snapshot, before, readers);
  std::sort(readers.begin(), readers.end(),
            [](const auto& a, const auto& b) { return a->id < b->id; });
  for (const CatalogObjectRef& reader : readers) {
    if (reader->maker.value != 0) continue;  // comes with its maker
    FOREBAY_ASSIGN_OR_RETURN(catalog::StoredObject stored,
                             catalog::decode_record(record_of(*reader).bytes));
    FOREBAY_ASSIGN_OR_RETURN(OpenedObject opened,
                             open_object(stored, {}, out.snapshot->without({reader->id})));
    out.snapshot = opened.added_to(out.snapshot->without({reader->id, reader->late_rows}));
    if (opened.fragment) out.rewrite.fragments.push_back(std::move(*opened.fragment));
  }
  out.rewrite.fill = [before, after = CatalogObjectRef(table), value, most_bytes](
                         const state::Snapshot& rows, state::SealedRun& run) {
    return copy_rows(*before, *after, value, most_bytes, rows, run);
  };
  return out;
}

}  // namespace forebay::sql
