// CREATE TABLE AS: the query's rows first, then the table, then its rows in one change.

#include <fmt/format.h>

#include "server/bulk_rows.h"
#include "server/session.h"
#include "sql/ast/clone.h"
#include "sql/ast/print.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

/// Keeps the visible columns of what a query gives.
class RowsSink final : public ResultSink {
 public:
  explicit RowsSink(MemoryAccount& account) : memory_(account, "The rows of CREATE TABLE AS") {}
  Status begin_rows(const data::Schema& schema) override {
    columns_ = schema.size();
    return Status::ok();
  }
  Status rows(const ChangeBatch& batch) override {
    ChangeBatch kept = batch.share();
    kept.mutable_columns().resize(columns_);
    FOREBAY_RETURN_IF_ERROR(memory_.grow(kept.bytes()));
    batches_.push_back(std::move(kept));
    return Status::ok();
  }
  void notice(const Notice&) override {}
  std::vector<ChangeBatch> take() { return std::move(batches_); }

 private:
  size_t columns_ = 0;
  std::vector<ChangeBatch> batches_;
  MemoryAccount::Share memory_;
};

/// Only names may be said of a table that gets its columns of a query.
Status check_clauses(const ast::CreateTable& create) {
  const ast::RelationDef& given = create.definition;
  if (given.temporary) {
    return Status(data::sqlstate::kFeatureNotSupported, "temporary relations are not supported")
        .with_hint("Leave TEMPORARY out.")
        .at(given.name.position);
  }
  const bool has_clauses = !given.columns.empty() || !given.primary_keys.empty() ||
                           !given.others.empty() || !given.watermarks.empty() ||
                           !given.includes.empty() || given.has_options || given.format ||
                           given.on_error.action != ast::OnErrorAction::kUnset ||
                           given.append_only || given.on_conflict != ast::TableConflict::kUnset;
  if (!has_clauses) return Status::ok();
  return Status(data::sqlstate::kFeatureNotSupported,
                "column definitions and clauses in CREATE TABLE AS are not supported")
      .with_hint("CREATE TABLE first, then INSERT INTO ... SELECT.")
      .at(given.name.position);
}

/// What the table's definition shall be from now on.
Result<std::string> definition_of(const ast::CreateTable& create, const data::Schema& schema) {
  if (create.column_names.size() > schema.size()) {
    return Status(data::sqlstate::kSyntaxError, "too many column names were specified");
  }
  std::string columns;
  for (size_t i = 0; i < schema.size(); ++i) {
    const std::string& name =
        i < create.column_names.size() ? create.column_names[i].name : schema[i].name;
    columns += fmt::format("{}{} {}", i == 0 ? "" : ", ", ast::quote_identifier(name),
                           schema[i].type.name());
  }
  return fmt::format("CREATE TABLE {}{} ({})",
                     create.definition.if_not_exists ? "IF NOT EXISTS " : "",
                     ast::quote_name(create.definition.name.parts), columns);
}

/// Each row by itself, without selection and weights: as the rows of an INSERT.
ChangeBatch single_rows(const ChangeBatch& batch) {
  std::vector<data::Type> types;
  for (const data::ColumnRef& column : batch.columns()) types.push_back(column->type());
  data::BatchBuilder out(types);
  for (size_t c = 0; c < types.size(); ++c) out.column(c).keep_arenas(batch.column(c));
  batch.for_each([&](uint32_t row) {
    for (data::Weight left = batch.weight(row); left > 0; --left) {
      for (size_t c = 0; c < types.size(); ++c) {
        out.column(c).append_from(batch.column(c).view(), row);
      }
      out.end_row();
    }
  });
  return out.finish();
}

}  // namespace

Result<std::string> Session::create_table_as(const PreparedStatement& prepared, ResultSink& sink) {
  const auto& create = ast::as<ast::CreateTable>(*prepared.statement());
  FOREBAY_RETURN_IF_ERROR(check_clauses(create));
  auto query = std::make_shared<ast::QueryStatement>(create.query->position);
  query->query = ast::clone(*create.query);
  FOREBAY_ASSIGN_OR_RETURN(PreparedRef rows,
                           PreparedStatement::plan(std::move(query), prepared.options(),
                                                   database_.catalog().snapshot()));
  FOREBAY_ASSIGN_OR_RETURN(std::string definition, definition_of(create, *rows->schema()));
  FOREBAY_ASSIGN_OR_RETURN(std::vector<sql::ParsedStatement> parsed, parse(definition));
  sql::BindOptions options = prepared.options();
  options.text = definition;
  auto bind = [&](const sql::SnapshotRef& snapshot) -> Result<sql::BoundStatement> {
    auto bound = sql::bind(*parsed.front().statement, snapshot, options);
    if (bound.is_ok()) return bound;
    Status status = bound.take_status();
    status.error().position = 0;  // it would count in the text that was made here
    return status;
  };
  // A name that is taken, or columns that no table can have, before the query runs.
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement checked, bind(database_.catalog().snapshot()));
  RowsSink kept(memory_);
  if (!std::get<sql::BoundCreate>(checked.what).exists_already && !create.with_no_data) {
    FOREBAY_RETURN_IF_ERROR(execute(rows, {}, kept).take_status());
  }
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement bound,
                           database_.execute_ddl(bind, prepared.options().text, &cancel_));
  for (const std::string& message : bound.notices) {
    sink.notice({.sqlstate = data::sqlstate::kDuplicateTable, .message = message});
  }
  const auto& made = std::get<sql::BoundCreate>(bound.what);
  if (made.exists_already || create.with_no_data) return std::string("CREATE TABLE AS");
  sql::CatalogObjectRef table =
      database_.catalog().snapshot()->find(made.object->schema, made.object->name);
  std::vector<ChangeBatch> batches = kept.take();
  uint64_t count = 0;
  for (ChangeBatch& batch : batches) {
    batch = single_rows(batch);
    count += batch.rows();
  }
  Status status = fill_new_table(table, std::move(batches));
  if (!status.is_ok()) {  // nothing shall be left
    sql::BoundDrop drop;
    drop.objects.push_back(table);
    auto undo = [&](const sql::SnapshotRef&) -> Result<sql::BoundStatement> {
      sql::BoundStatement dropped;
      dropped.what = drop;
      return dropped;
    };
    (void)database_.execute_ddl(undo, "DROP TABLE", nullptr);
    return status;
  }
  return fmt::format("SELECT {}", count);
}

Status Session::fill_new_table(const sql::CatalogObjectRef& table,
                               std::vector<ChangeBatch> batches) {
  constexpr uint32_t kMostRows = 4096;
  BulkRows rows(table, memory_);
  for (ChangeBatch& batch : batches) {
    for (uint32_t begin = 0; begin < batch.rows(); begin += kMostRows) {
      const uint32_t end = std::min(batch.rows(), begin + kMostRows);
      data::Selection selected;
      for (uint32_t i = begin; i < end; ++i) selected.push_back(i);
      CopiedBatch part;
      part.rows = batch.share();
      part.rows.set_selection(std::move(selected));
      if (batch.rows() > kMostRows) part.rows = std::move(part.rows).compacted();
      FOREBAY_RETURN_IF_ERROR(rows.add(std::move(part), database_.engine()));
    }
    batch = ChangeBatch();
  }
  return rows.count() == 0 ? Status::ok() : write_bulk(rows);
}

}  // namespace forebay::server
