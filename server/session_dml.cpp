// INSERT, UPDATE, DELETE: one statement is one atomic change in one epoch.

#include <fmt/format.h>

#include "server/session.h"
#include "server/table_writer.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;
using Conflict = sql::catalog::CatalogObject::Conflict;

namespace {

// The rows of INSERT ... VALUES.
Result<ChangeBatch> evaluate_values(const sql::BoundInsert& insert,
                                    std::span<const Datum> parameters,
                                    const expr::EvalContext& context) {
  std::vector<Datum> bound(parameters.begin(), parameters.end());
  std::vector<data::Type> types;
  for (const data::Field& field : insert.table->columns) types.push_back(field.type);
  data::BatchBuilder builder(types);
  for (const std::vector<expr::ExprRef>& row : insert.values) {
    for (size_t c = 0; c < row.size(); ++c) {
      expr::ExprRef expr = bound.empty() ? row[c] : expr::bind_parameters(row[c], bound);
      if (expr->kind == expr::ExprKind::kLiteral) {
        builder.column(c).append_datum(expr->literal);
        continue;
      }
      FOREBAY_ASSIGN_OR_RETURN(Datum value, expr::evaluate_constant(expr, context));
      builder.column(c).append_datum(value);
    }
    builder.end_row();
  }
  return builder.finish();
}

// The values of one expression for the rows of a batch; the first row that fails is the error.
Result<data::ColumnRef> evaluate(const expr::ExprRef& expr, std::span<const Datum> parameters,
                                 const ChangeBatch& rows, const expr::EvalContext& context) {
  std::vector<expr::RowError> errors;
  std::vector<Datum> values(parameters.begin(), parameters.end());
  expr::Evaluator evaluator(values.empty() ? expr : expr::bind_parameters(expr, values));
  data::ColumnRef column = evaluator.evaluate(rows, context, errors);
  if (!errors.empty()) return errors.front().to_status();
  return column;
}

// ON CONFLICT DO UPDATE: the visible columns of the rows that its WHERE lets through.
Result<ChangeBatch> merge(const sql::ConflictUpdate& update, std::span<const Datum> parameters,
                          const ChangeBatch& pairs, const expr::EvalContext& context) {
  ChangeBatch rows = pairs.share();
  if (rows.empty()) return rows;
  if (update.where != nullptr) {
    std::vector<expr::RowError> errors;
    std::vector<Datum> values(parameters.begin(), parameters.end());
    expr::Evaluator where(values.empty() ? update.where
                                         : expr::bind_parameters(update.where, values));
    data::Selection passed = where.select(rows, context, errors);
    if (!errors.empty()) return errors.front().to_status();
    rows.set_selection(std::move(passed));
  }
  std::vector<data::ColumnRef> columns;
  for (const expr::ExprRef& value : update.values) {
    FOREBAY_ASSIGN_OR_RETURN(data::ColumnRef column, evaluate(value, parameters, rows, context));
    columns.push_back(std::move(column));
  }
  ChangeBatch merged(std::move(columns), rows.physical_rows());
  if (rows.selection() != nullptr) merged.set_selection(*rows.selection());
  return merged;
}

// The rows of RETURNING, before anything is written: a row that fails refuses the statement.
Result<ChangeBatch> evaluate_returning(const std::optional<sql::Returning>& returning,
                                       std::span<const Datum> parameters, TableWriter& writer,
                                       const expr::EvalContext& context) {
  if (!returning) return ChangeBatch();
  ChangeBatch rows = writer.returned();
  std::vector<data::ColumnRef> columns;
  for (const expr::ExprRef& expr : returning->projection) {
    if (rows.empty()) break;
    FOREBAY_ASSIGN_OR_RETURN(data::ColumnRef column, evaluate(expr, parameters, rows, context));
    columns.push_back(std::move(column));
  }
  return ChangeBatch(std::move(columns), rows.physical_rows());
}

Transaction::Taken taken_of(const sql::BoundInsert& insert) {
  if (insert.update) return Transaction::Taken::kRetry;
  return insert.on_conflict == Conflict::kIgnore      ? Transaction::Taken::kIgnore
         : insert.on_conflict == Conflict::kOverwrite ? Transaction::Taken::kOverwrite
                                                      : Transaction::Taken::kDuplicate;
}

Status send_returning(const std::optional<sql::Returning>& returning, const ChangeBatch& rows,
                      ResultSink& sink) {
  if (!returning) return Status::ok();
  FOREBAY_RETURN_IF_ERROR(sink.begin_rows(returning->schema));
  return rows.empty() ? Status::ok() : sink.rows(rows);
}

}  // namespace

// A statement that reads sees what this session has written before, in other pipelines too: without
// implicit_flush that may not be committed yet.
Status Session::settle_reads() {
  return settings_.implicit_flush() ? Status::ok() : database_.engine().flush({}, &cancel_);
}

// A write that nobody waits for: FLUSH does, and tells when it is lost.
void Session::remember_write(data::ObjectId table, uint64_t ticket) {
  constexpr size_t kFewWrites = 1'000;
  accepted_.push_back({table, ticket});
  if (accepted_.size() < accepted_limit_) return;
  Status status = database_.engine().check(accepted_);
  if (lost_write_.is_ok()) lost_write_ = std::move(status);
  accepted_limit_ = std::max(kFewWrites, accepted_.size() * 2);
}

Status Session::flush() {
  Status status = database_.engine().flush(accepted_, &cancel_);
  if (!status.is_ok() && status.error().sqlstate == data::sqlstate::kQueryCanceled) return status;
  accepted_.clear();
  Status lost = std::exchange(lost_write_, Status());
  return lost.is_ok() ? std::move(status) : std::move(lost);
}

// Acknowledged = committed, unless the session said otherwise. The write stands whatever happens to
// the wait for it, so a cancel ends the wait with a warning, and the statement has succeeded.
Status Session::finish_write(data::ObjectId table, uint64_t ticket, ResultSink& sink) {
  if (ticket == 0) return Status::ok();
  if (!settings_.implicit_flush()) {
    remember_write(table, ticket);
    return Status::ok();
  }
  Status status = database_.engine().wait(table, ticket, &cancel_);
  if (status.is_ok() || status.error().sqlstate != data::sqlstate::kQueryCanceled) return status;
  remember_write(table, ticket);
  sink.notice({.severity = "WARNING",
               .sqlstate = data::SqlState("01000"),
               .message = "canceling the wait for the commit due to user request",
               .detail = "The statement is accepted and takes effect, but it may not be durable or "
                         "visible yet.",
               .hint = "FLUSH waits until it is."});
  clear_cancel();  // it has done its work: what follows in the same string goes on
  return Status::ok();
}

// The right to change a table: its gate or, in a BEGIN block, nothing but the block itself.
Result<Session::WriteTurn> Session::begin_write(const sql::catalog::CatalogObject& table,
                                                bool reads) {
  WriteTurn turn;
  turn.present.relation = table.relation;
  if (block_ != nullptr) {
    FOREBAY_RETURN_IF_ERROR(check_block_tables());
    FOREBAY_RETURN_IF_ERROR(block_->unfold(table.id));
    if (auto own = block_->relation_of(table.id)) turn.present.relation = std::move(own);
    return turn;
  }
  FOREBAY_ASSIGN_OR_RETURN(turn.gate, database_.engine().enter_gate(table.id, &cancel_));
  FOREBAY_RETURN_IF_ERROR(database_.check_form(table));
  if (reads) FOREBAY_RETURN_IF_ERROR(turn.gate->settle(&cancel_));
  turn.present.gate = turn.gate.get();
  return turn;
}

// The ticket to wait for; 0: nothing changed, or COMMIT will write it.
Result<uint64_t> Session::accept(const sql::CatalogObjectRef& table, WriteTurn& turn,
                                 TableWriter& writer, Transaction::Taken taken) {
  runtime::Engine::TableChange change = writer.take_change();
  if (change.change.rows() == 0) return uint64_t{0};
  if (block_ == nullptr) return turn.gate->write(std::move(change.change), std::move(change.keys));
  FOREBAY_RETURN_IF_ERROR(block_->add(table, change.change, taken));
  return uint64_t{0};
}

Result<std::string> Session::insert(const sql::BoundInsert& insert,
                                    std::span<const Datum> parameters, ResultSink& sink) {
  const sql::catalog::CatalogObject& table = *insert.table;
  expr::EvalContext context = eval_context();
  ChangeBatch values;
  if (insert.rows.plan == nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(values, evaluate_values(insert, parameters, context));
  }
  uint64_t ticket = 0;
  uint64_t count = 0;
  ChangeBatch returned;
  if (insert.rows.plan != nullptr) FOREBAY_RETURN_IF_ERROR(settle_reads());
  {
    bool reads = insert.rows.plan != nullptr || insert.on_conflict == Conflict::kOverwrite ||
                 insert.update.has_value();
    FOREBAY_ASSIGN_OR_RETURN(WriteTurn turn, begin_write(table, reads));
    TableWriter writer(table, insert.on_conflict, turn.present, database_.engine(), memory_);
    auto add = [&](const ChangeBatch& rows) -> Status {
      if (!insert.update) return writer.insert(rows, database_.engine());
      return writer.upsert(rows, [&](const ChangeBatch& pairs) {
        return merge(*insert.update, parameters, pairs, context);
      });
    };
    if (insert.rows.plan != nullptr) {
      FOREBAY_RETURN_IF_ERROR(read(insert.rows, parameters, add));
    } else {
      FOREBAY_RETURN_IF_ERROR(add(values));
    }
    FOREBAY_RETURN_IF_ERROR(writer.judge());
    count = writer.count();
    FOREBAY_ASSIGN_OR_RETURN(returned,
                             evaluate_returning(insert.returning, parameters, writer, context));
    FOREBAY_ASSIGN_OR_RETURN(ticket, accept(insert.table, turn, writer, taken_of(insert)));
  }
  FOREBAY_RETURN_IF_ERROR(finish_write(table.id, ticket, sink));
  FOREBAY_RETURN_IF_ERROR(send_returning(insert.returning, returned, sink));
  return fmt::format("INSERT 0 {}", count);
}

// UPDATE and DELETE: find the rows, then write their change, both under the table's gate.
Result<std::string> Session::change_rows(const sql::CatalogObjectRef& table,
                                         const sql::PlannedQuery& rows,
                                         const std::optional<sql::Returning>& returning,
                                         std::span<const Datum> parameters, std::string_view word,
                                         Status (TableWriter::*add)(const ChangeBatch&),
                                         ResultSink& sink) {
  uint64_t ticket = 0;
  uint64_t count = 0;
  ChangeBatch returned;
  FOREBAY_RETURN_IF_ERROR(settle_reads());
  {
    FOREBAY_ASSIGN_OR_RETURN(WriteTurn turn, begin_write(*table, true));
    TableWriter writer(*table, table->on_conflict, turn.present, database_.engine(), memory_);
    FOREBAY_RETURN_IF_ERROR(
        read(rows, parameters, [&](ChangeBatch batch) { return (writer.*add)(batch); }));
    FOREBAY_RETURN_IF_ERROR(writer.judge());
    count = writer.count();
    FOREBAY_ASSIGN_OR_RETURN(returned,
                             evaluate_returning(returning, parameters, writer, eval_context()));
    FOREBAY_ASSIGN_OR_RETURN(ticket, accept(table, turn, writer));
  }
  FOREBAY_RETURN_IF_ERROR(finish_write(table->id, ticket, sink));
  FOREBAY_RETURN_IF_ERROR(send_returning(returning, returned, sink));
  return fmt::format("{} {}", word, count);
}

Result<std::string> Session::update(const sql::BoundUpdate& update,
                                    std::span<const Datum> parameters, ResultSink& sink) {
  return change_rows(update.table, update.rows, update.returning, parameters, "UPDATE",
                     &TableWriter::update, sink);
}

Result<std::string> Session::remove(const sql::BoundDelete& remove,
                                    std::span<const Datum> parameters, ResultSink& sink) {
  FOREBAY_ASSIGN_OR_RETURN(std::string tag,
                           change_rows(remove.table, remove.rows, remove.returning, parameters,
                                       "DELETE", &TableWriter::remove, sink));
  return remove.truncates ? std::string("TRUNCATE TABLE") : tag;
}

}  // namespace forebay::server
