// DECLARE, FETCH, MOVE, CLOSE. A cursor's rows are computed by DECLARE and kept.

#include <fmt/format.h>

#include "server/session.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

/// Keeps what a query gives.
class CursorSink final : public ResultSink {
 public:
  CursorSink(Cursor& cursor, ResultSink* notices) : cursor_(cursor), notices_(notices) {}
  Status begin_rows(const data::Schema&) override { return Status::ok(); }
  Status rows(const ChangeBatch& batch) override { return cursor_.add(batch.share()); }
  void notice(const Notice& notice) override {
    if (notices_ != nullptr) notices_->notice(notice);
  }

 private:
  Cursor& cursor_;
  ResultSink* notices_;
};

}  // namespace

Result<std::string> Session::declare(const ast::DeclareCursor& statement,
                                     const sql::BoundDeclareCursor& bound,
                                     std::span<const Datum> parameters) {
  if (statement.binary) {
    return Status(data::sqlstate::kFeatureNotSupported, "BINARY cursors are not supported")
        .with_hint("Ask for binary results in the protocol.")
        .at(statement.position);
  }
  if (transaction_ == TransactionStatus::kIdle && !statement.hold) {
    return Status(data::SqlState("25P01"), "DECLARE CURSOR can only be used in transaction blocks");
  }
  FOREBAY_RETURN_IF_ERROR(cursors_.check_free(statement.name));
  auto cursor = std::make_unique<Cursor>(statement, bound.query.schema, memory_);
  CursorSink rows(*cursor, nullptr);
  FOREBAY_RETURN_IF_ERROR(select(bound.query, parameters, rows).take_status());
  cursors_.add(statement.name, std::move(cursor));
  // Outside of a block the statement is one by itself.
  if (transaction_ == TransactionStatus::kIdle) cursors_.end_block(true);
  return std::string("DECLARE CURSOR");
}

Result<std::string> Session::fetch(const ast::Fetch& statement, ResultSink& sink) {
  FOREBAY_ASSIGN_OR_RETURN(Cursor * cursor, cursors_.find(statement.name));
  FOREBAY_ASSIGN_OR_RETURN(uint64_t rows, cursor->fetch(statement, sink));
  return fmt::format("{} {}", statement.move ? "MOVE" : "FETCH", rows);
}

Result<std::string> Session::close_cursor(const ast::CloseCursor& statement) {
  if (statement.name.empty()) {
    cursors_.clear();
    return std::string("CLOSE CURSOR ALL");
  }
  FOREBAY_RETURN_IF_ERROR(cursors_.find(statement.name).take_status());
  cursors_.remove(statement.name);
  return std::string("CLOSE CURSOR");
}

const data::Schema* Session::cursor_columns(const std::string& name) {
  auto found = cursors_.find(name);
  return found.is_ok() ? &(*found)->schema() : nullptr;
}

}  // namespace forebay::server
