// The tables of schema forebay: what the server knows about itself.

#include <fmt/format.h>

#include <map>

#include "engine/data/text_format.h"
#include "server/database.h"
#include "server/event_time.h"
#include "server/settings.h"
#include "server/virtual_rows.h"
#include "sql/parser/parser.h"
#include "udfs/registry.h"
#include "udfs/window_function.h"

namespace forebay::server {

namespace {

using runtime::Figures;
using sql::catalog::CatalogObject;
using sql::catalog::ObjectKind;

/// Views with more rows show NULL: a table that people poll must stay cheap.
constexpr int64_t kMostCountedRows = 100'000;
constexpr uint32_t kCountBatchRows = 4096;

int64_t number(uint64_t value) { return static_cast<int64_t>(value); }

std::string name_of(const sql::SnapshotRef& catalog, data::ObjectId id) {
  sql::CatalogObjectRef object = catalog->find(id);
  return object == nullptr ? fmt::format("#{}", id.value) : object->name;
}

Cell text_or_null(const std::string& text) { return text.empty() ? Cell(kNull) : Cell(text); }

// Bytes of a record as text: what isn't text (bytes that are no UTF-8, and zero) becomes \xff.
std::string shown_bytes(const std::string& bytes) {
  if (data::is_valid_text(bytes)) return bytes;
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    constexpr size_t kLongestCharacter = 4;
    size_t size = 1;
    while (size <= kLongestCharacter && at + size <= bytes.size() &&
           !data::is_valid_text(std::string_view(bytes).substr(at, size))) {
      ++size;
    }
    if (size <= kLongestCharacter && at + size <= bytes.size()) {
      out.append(bytes, at, size);
      at += size;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[at++]));
    }
  }
  return out;
}

data::Status fill_errors(Database& database, VirtualRowsBuilder& out) {
  sql::SnapshotRef catalog = database.catalog().snapshot();
  FOREBAY_ASSIGN_OR_RETURN(auto errors, database.engine().errors());
  for (const runtime::StoredError& error : errors) {
    const operators::ErrorRow& row = error.row;
    out.row({number(error.id), error.at, name_of(catalog, row.object), row.operator_name,
             text_or_null(row.source), text_or_null(row.source_partition),
             row.source_offset < 0 ? Cell(kNull) : Cell(row.source_offset),
             std::string(row.sqlstate.view()), shown_bytes(row.reason),
             text_or_null(shown_bytes(row.column)), text_or_null(shown_bytes(row.raw)), kNull,
             error.count, number(error.epoch.value)});
  }
  return data::Status::ok();
}

// The value of WITH (connector = ...) in the definition of a source or table.
Cell connector_of(const sql::CatalogObjectRef& object) {
  if (object == nullptr) return kNull;
  auto parsed = sql::parse_statements(object->definition);
  if (!parsed.is_ok() || parsed->size() != 1) return kNull;
  const sql::ast::Statement& statement = *parsed->front().statement;
  const sql::ast::RelationDef* definition = nullptr;
  if (statement.kind == sql::ast::StatementKind::kCreateSource) {
    definition = &sql::ast::as<sql::ast::CreateSource>(statement).definition;
  } else if (statement.kind == sql::ast::StatementKind::kCreateTable) {
    definition = &sql::ast::as<sql::ast::CreateTable>(statement).definition;
  }
  if (definition == nullptr) return kNull;
  for (const auto& option : definition->options) {
    if (option.key == "connector") return option.value;
  }
  return kNull;
}

// One row per reader and partition: readers of a source have positions of their own.
data::Status fill_sources(const Figures& figures, const sql::SnapshotRef& catalog,
                          VirtualRowsBuilder& out) {
  std::map<data::ObjectId, bool> read;
  for (const runtime::SourceFigures& source : figures.sources) {
    read[source.source] = true;
    sql::CatalogObjectRef object = catalog->find(source.source);
    const connectors::PartitionPosition& at = source.position;
    int64_t position = number(at.next.value);
    Cell end = kNull, lag = kNull;
    if (at.end) {
      end = number(at.end->value);
      lag = std::max<int64_t>(0, number(at.end->value) - position);
    }
    out.row({name_of(catalog, source.source), connector_of(object), text_or_null(at.name), position,
             end, lag, number(source.records), number(source.bytes), number(source.errors),
             source.status, text_or_null(source.reason)});
  }
  for (const sql::CatalogObjectRef& object : catalog->objects()) {
    if (object->kind != ObjectKind::kSource || read.count(object->id) > 0) continue;
    out.row({object->name, connector_of(object), kNull, kNull, kNull, kNull, int64_t{0}, int64_t{0},
             int64_t{0}, std::string(object->paused ? "paused" : "unused"),
             std::string("no view reads it")});
  }
  return data::Status::ok();
}

Cell count_rows(const Database& database, const CatalogObject& object) {
  if (object.relation == nullptr) return kNull;
  int64_t count = 0;
  data::Status status =
      object.relation->scan(*database.engine().snapshot(), 0, data::kShardCount, kCountBatchRows,
                            [&](data::ChangeBatch batch) {
                              batch.for_each([&](uint32_t row) { count += batch.weight(row); });
                              return count <= kMostCountedRows;
                            });
  if (!status.is_ok() || count > kMostCountedRows) return kNull;
  return count;
}

data::Status fill_views(const Database& database, const Figures& figures,
                        const sql::SnapshotRef& catalog, VirtualRowsBuilder& out) {
  std::map<data::ObjectId, int64_t> state_bytes;
  for (const runtime::OperatorFigures& one : figures.operators) {
    state_bytes[one.object] += number(one.state_bytes);
  }
  std::map<data::PipelineId, const runtime::PipelineFigures*> pipelines;
  for (const runtime::PipelineFigures& one : figures.pipelines) pipelines[one.id] = &one;
  for (const runtime::ObjectFigures& one : figures.objects) {
    sql::CatalogObjectRef object = catalog->find(one.object);
    if (object == nullptr || object->kind != ObjectKind::kMaterializedView) continue;
    const runtime::PipelineFigures* pipeline = pipelines[one.pipeline];
    out.row({object->name, int64_t{one.pipeline.value}, count_rows(database, *object),
             state_bytes[one.object], number(one.rows_in), number(one.rows_out), number(one.late),
             one.failing, number(one.epoch.value), one.freshness_ms,
             one.is_paused         ? Cell(std::string("paused"))
             : pipeline == nullptr ? Cell(kNull)
                                   : Cell(pipeline->status),
             pipeline == nullptr ? Cell(kNull) : text_or_null(pipeline->reason)});
  }
  return data::Status::ok();
}

data::Status fill_sinks(Database& database, VirtualRowsBuilder& out) {
  const sql::SnapshotRef catalog = database.catalog().snapshot();
  const Figures figures = database.engine().figures();
  std::map<data::PipelineId, const runtime::PipelineFigures*> pipelines;
  for (const runtime::PipelineFigures& one : figures.pipelines) pipelines[one.id] = &one;
  for (const runtime::ObjectFigures& one : figures.objects) {
    const sql::CatalogObjectRef object = catalog->find(one.object);
    if (object == nullptr || object->kind != ObjectKind::kSink) continue;
    int64_t state_bytes = 0;
    for (const runtime::OperatorFigures& figure : figures.operators) {
      if (figure.object == one.object) state_bytes += number(figure.state_bytes);
    }
    FOREBAY_ASSIGN_OR_RETURN(
        int64_t delivered,
        operators::delivered_rows(*database.engine().snapshot(), object->tables.back()));
    const runtime::PipelineFigures* pipeline = pipelines[one.pipeline];
    out.row({object->name, int64_t{one.pipeline.value}, delivered, state_bytes, number(one.rows_in),
             number(one.rows_out), int64_t{0}, one.failing, number(one.epoch.value),
             one.freshness_ms,
             one.is_paused         ? Cell(std::string("paused"))
             : pipeline == nullptr ? Cell(kNull)
                                   : Cell(pipeline->status),
             pipeline == nullptr ? Cell(kNull) : text_or_null(pipeline->reason), int64_t{0},
             int64_t{0}, delivered});
  }
  return data::Status::ok();
}

data::Status fill_pipelines(const Figures& figures, const sql::SnapshotRef& catalog,
                            VirtualRowsBuilder& out) {
  for (const runtime::PipelineFigures& one : figures.pipelines) {
    std::string objects;
    for (data::ObjectId id : one.objects) {
      if (!objects.empty()) objects += ", ";
      objects += name_of(catalog, id);
    }
    out.row({int64_t{one.id.value}, objects, number(one.epoch.value), one.epoch_ms, one.commit_ms,
             number(one.dirty_keys), number(one.memory_bytes), one.status,
             text_or_null(one.reason)});
  }
  return data::Status::ok();
}

data::Status fill_operators(const Figures& figures, const sql::SnapshotRef& catalog,
                            VirtualRowsBuilder& out) {
  for (const runtime::OperatorFigures& one : figures.operators) {
    out.row({name_of(catalog, one.object), one.operator_name, int32_t{one.worker},
             number(one.rows_in), number(one.rows_out), number(one.busy_ns / 1'000'000),
             number(one.state_rows), number(one.state_bytes), number(one.evictions),
             number(one.read_backs)});
  }
  return data::Status::ok();
}

data::Status fill_settings(const Database& database, VirtualRowsBuilder& out) {
  for (const SettingDescriptor& setting : all_settings()) {
    std::string scope = setting.scope == SettingScope::kSession  ? "session"
                        : setting.scope == SettingScope::kServer ? "server"
                                                                 : "read only";
    out.row({std::string(setting.name), database.default_setting(setting.name),
             std::string(setting.default_value), scope, std::string(setting.description)});
  }
  return data::Status::ok();
}

template <typename F>
std::string signature_of(const F& function, bool variadic) {
  std::string text = std::string(function.name) + "(";
  for (size_t i = 0; i < function.arguments.size(); ++i) {
    if (i > 0) text += ", ";
    data::TypeId id = function.arguments[i];
    text += id == data::TypeId::kUnknown ? "any" : data::Type{id}.name();
  }
  return text + (variadic ? ", ...)" : ")");
}

std::string result_name(data::TypeId id) {
  return id == data::TypeId::kUnknown ? "as the argument" : data::Type{id}.name();
}

data::Status fill_functions(VirtualRowsBuilder& out) {
  auto add = [&](const auto& function, data::TypeId type, const std::string& kind, bool variadic) {
    Cell example = kNull, result = kNull;
    if (!function.examples.empty()) {
      example = std::string(function.examples.front().sql);
      result = std::string(function.examples.front().result);
    }
    out.row({std::string(function.name), signature_of(function, variadic), result_name(type), kind,
             std::string(function.description), example, result});
  };
  for (const udfs::ScalarFunction* function : udfs::all_scalar_functions()) {
    add(*function, function->result, std::string(function->category), function->variadic);
  }
  for (const udfs::AggregateFunction* function : udfs::all_aggregate_functions()) {
    add(*function, function->result, "aggregate", false);
  }
  for (const udfs::TableFunction* function : udfs::all_table_functions()) {
    add(*function, function->columns[0].type, "table", false);
  }
  for (const udfs::WindowFunction& function : udfs::all_window_functions()) {
    add(function, function.result, "window", false);
  }
  return data::Status::ok();
}

}  // namespace

void add_system_tables(Database& database) {
  sql::catalog::Catalog& catalog = database.catalog();
  auto add = [&](const char* name, std::string_view columns,
                 std::function<data::Status(VirtualRowsBuilder&)> fill) {
    add_virtual_table(catalog, "forebay", name, columns, std::move(fill));
  };
  add("errors",
      "id bigint, at timestamptz, object text, operator text, source text, source_partition text, "
      "source_offset bigint, sqlstate text, reason text, column_name text, raw text, headers text, "
      "count bigint, epoch bigint",
      [&database](VirtualRowsBuilder& out) { return fill_errors(database, out); });
  add("sources",
      "name text, connector text, partition text, position bigint, end bigint, lag bigint, "
      "records bigint, bytes bigint, errors bigint, status text, reason text",
      [&database](VirtualRowsBuilder& out) {
        return fill_sources(database.engine().figures(), database.catalog().snapshot(), out);
      });
  add("views",
      "name text, pipeline bigint, rows bigint, state_bytes bigint, rows_in bigint, "
      "rows_out bigint, late bigint, errors bigint, epoch bigint, freshness_ms bigint, status "
      "text, "
      "reason text",
      [&database](VirtualRowsBuilder& out) {
        return fill_views(database, database.engine().figures(), database.catalog().snapshot(),
                          out);
      });
  add("pipelines",
      "id bigint, objects text, epoch bigint, epoch_ms bigint, commit_ms bigint, dirty_keys "
      "bigint, "
      "memory_bytes bigint, status text, reason text",
      [&database](VirtualRowsBuilder& out) {
        return fill_pipelines(database.engine().figures(), database.catalog().snapshot(), out);
      });
  add("operators",
      "view text, operator text, worker int, rows_in bigint, rows_out bigint, busy_ms bigint, "
      "state_rows bigint, state_bytes bigint, evictions bigint, read_backs bigint",
      [&database](VirtualRowsBuilder& out) {
        return fill_operators(database.engine().figures(), database.catalog().snapshot(), out);
      });
  add("settings", "name text, value text, default_value text, scope text, description text",
      [&database](VirtualRowsBuilder& out) { return fill_settings(database, out); });
  add("functions",
      "name text, signature text, result text, category text, description text, example text, "
      "example_result text",
      [](VirtualRowsBuilder& out) { return fill_functions(out); });
  // What these tell of does not exist yet; the tables do, so that what reads them goes on working.
  auto empty = [](VirtualRowsBuilder&) { return data::Status::ok(); };
  add("sinks",
      "name text, pipeline bigint, rows bigint, state_bytes bigint, rows_in bigint, "
      "rows_out bigint, late bigint, errors bigint, epoch bigint, freshness_ms bigint, status "
      "text, "
      "reason text, waiting_epochs bigint, waiting_bytes bigint, delivered bigint",
      [&database](VirtualRowsBuilder& out) { return fill_sinks(database, out); });
  add("watermarks", kWatermarkColumns,
      [&database](VirtualRowsBuilder& out) { return fill_watermarks(database, out); });
  add("ddl_progress", "id bigint, statement text, progress double, started timestamptz",
      [&database](VirtualRowsBuilder& out) {
        for (const DdlJob& job : database.ddl_jobs()) {
          out.row({static_cast<int64_t>(job.id), job.statement, kNull, job.started});
        }
        return data::Status::ok();
      });
}

}  // namespace forebay::server
