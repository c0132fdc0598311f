// Transaction blocks, and the implicit ones of several statements that belong together.

#include <fmt/format.h>

#include "server/session.h"

namespace forebay::server {

using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

Status in_failed_transaction() {
  return Status(data::sqlstate::kInFailedTransaction,
                "current transaction is aborted, commands ignored until end of transaction block");
}

Notice warning(data::SqlState sqlstate, std::string message) {
  return {.severity = "WARNING", .sqlstate = sqlstate, .message = std::move(message)};
}

const SettingDescriptor& read_only_setting(bool is_default) {
  static const SettingDescriptor& own = *find_setting("transaction_read_only");
  static const SettingDescriptor& by_default = *find_setting("default_transaction_read_only");
  return is_default ? by_default : own;
}

// The word of a statement that writes, for 25006; empty: it doesn't.
std::string_view write_word(const ast::Statement& statement) {
  switch (statement.kind) {
    case ast::StatementKind::kInsert:
      return "INSERT";
    case ast::StatementKind::kUpdate:
      return "UPDATE";
    case ast::StatementKind::kDelete:
      return ast::as<ast::Delete>(statement).truncates ? "TRUNCATE TABLE" : "DELETE";
    case ast::StatementKind::kCopy:
      return ast::as<ast::Copy>(statement).from ? "COPY FROM" : "";
    default:
      return "";
  }
}

}  // namespace

bool Session::writes_alone(const ast::Statement& statement) {
  return (statement.kind != ast::StatementKind::kCopy && !write_word(statement).empty()) ||
         statement.kind == ast::StatementKind::kExecute;
}

Status Session::check_read_only(const ast::Statement& statement) const {
  const bool in_block = transaction_ != TransactionStatus::kIdle;
  if (settings_.get(read_only_setting(!in_block)) != "on") return Status::ok();
  std::string word(write_word(statement));
  if (word.empty()) word = definition_tag(statement);
  if (word.empty()) return Status::ok();
  return Status(data::SqlState("25006"),
                fmt::format("cannot execute {} in a read-only transaction", word));
}

Status Session::set_modes(const std::vector<std::string>& modes, bool as_default,
                          ResultSink& sink) {
  for (const std::string& mode : modes) {
    if (mode == "READ ONLY" || mode == "READ WRITE") {
      settings_.set(read_only_setting(as_default), mode == "READ ONLY" ? "on" : "off");
    } else if (mode.ends_with("REPEATABLE READ") || mode.ends_with("SERIALIZABLE")) {
      sink.notice(
          warning(data::SqlState("01000"),
                  fmt::format("{} is not there: transactions run as READ COMMITTED", mode)));
    }
  }
  return Status::ok();
}

void Session::begin_block() {
  transaction_ = TransactionStatus::kOpen;
  if (is_implicit_) {
    is_implicit_ = false;  // the block takes over what was written before
  } else {
    block_ = std::make_unique<Transaction>(memory_);
  }
  settings_.set(read_only_setting(false), settings_.get(read_only_setting(true)));
}

void Session::end_block() {
  transaction_ = TransactionStatus::kIdle;
  settings_.reset(read_only_setting(false));
}

Status Session::check_block_tables() const {
  return block_->check_tables(
      [&](const sql::catalog::CatalogObject& table) { return database_.check_form(table); });
}

// COMMIT of a block that has written: all of it in one epoch, or nothing.
Status Session::commit_block(ResultSink& sink) {
  std::unique_ptr<Transaction> block = std::move(block_);
  if (block == nullptr || !block->has_writes()) return Status::ok();
  FOREBAY_ASSIGN_OR_RETURN(
      Transaction::Written written,
      block->commit(database_.engine(), &cancel_, [&](const sql::catalog::CatalogObject& table) {
        return database_.check_form(table);
      }));
  return finish_write(written.table, written.ticket, sink);
}

void Session::fail_transaction() {
  if (set_) set_->has_failed = true;
  if (transaction_ == TransactionStatus::kOpen) transaction_ = TransactionStatus::kFailed;
  if (is_implicit_) block_.reset();
  is_implicit_ = false;
}

void Session::begin_implicit() {
  if (transaction_ != TransactionStatus::kIdle || block_ != nullptr) return;
  block_ = std::make_unique<Transaction>(memory_);
  is_implicit_ = true;
}

Status Session::end_implicit(ResultSink& sink) {
  if (!std::exchange(is_implicit_, false)) return Status::ok();
  try {
    return commit_block(sink);
  } catch (const std::bad_alloc&) {
    return Status(data::sqlstate::kOutOfMemory, "out of memory");
  } catch (const std::exception& failure) {  // a bug of ours
    return Status::internal(failure.what());
  }
}

// What reads a view of a table that the implicit transaction has written wants to see that: what
// was written before is committed now.
Status Session::settle_implicit(const sql::PlannedQuery& query, ResultSink& sink) {
  if (!is_implicit_ || block_->check_reads(query).is_ok()) return Status::ok();
  FOREBAY_RETURN_IF_ERROR(end_implicit(sink));
  begin_implicit();
  return Status::ok();
}

Result<std::string> Session::transaction(const ast::Transaction& statement, ResultSink& sink) {
  const bool has_failed = transaction_ == TransactionStatus::kFailed;
  switch (statement.action) {
    case ast::TransactionAction::kBegin:
    case ast::TransactionAction::kStart:
      if (has_failed) return in_failed_transaction();
      if (transaction_ != TransactionStatus::kIdle) {
        sink.notice(warning(data::SqlState("25001"), "there is already a transaction in progress"));
      } else {
        begin_block();
      }
      FOREBAY_RETURN_IF_ERROR(set_modes(statement.modes, false, sink));
      return std::string(statement.action == ast::TransactionAction::kBegin ? "BEGIN"
                                                                            : "START TRANSACTION");
    case ast::TransactionAction::kCommit:
    case ast::TransactionAction::kRollback: {
      const bool keeps = statement.action == ast::TransactionAction::kCommit && !has_failed;
      if (transaction_ == TransactionStatus::kIdle) {
        sink.notice(warning(data::SqlState("25P01"), "there is no transaction in progress"));
      }
      end_block();  // also when the commit fails: then nothing is left
      is_implicit_ = false;
      cursors_.end_block(keeps);
      if (keeps) FOREBAY_RETURN_IF_ERROR(commit_block(sink));
      block_.reset();
      if (statement.chain) begin_block();
      return std::string(keeps ? "COMMIT" : "ROLLBACK");
    }
    default:
      return savepoint(statement);
  }
}

Result<std::string> Session::savepoint(const ast::Transaction& statement) {
  const bool sets = statement.action == ast::TransactionAction::kSavepoint;
  const bool releases = statement.action == ast::TransactionAction::kRelease;
  const std::string_view word = sets       ? "SAVEPOINT"
                                : releases ? "RELEASE SAVEPOINT"
                                           : "ROLLBACK TO SAVEPOINT";
  if (block_ == nullptr || is_implicit_) {
    return Status(data::SqlState("25P01"),
                  fmt::format("{} can only be used in transaction blocks", word));
  }
  const bool goes_back = !sets && !releases;
  if (transaction_ == TransactionStatus::kFailed && !goes_back) return in_failed_transaction();
  if (sets) {
    FOREBAY_RETURN_IF_ERROR(block_->savepoint(statement.savepoint));
    return std::string("SAVEPOINT");
  }
  const bool found =
      releases ? block_->release(statement.savepoint) : block_->rollback_to(statement.savepoint);
  if (!found) {
    return Status(data::SqlState("3B001"),
                  fmt::format("savepoint \"{}\" does not exist", statement.savepoint));
  }
  if (goes_back) transaction_ = TransactionStatus::kOpen;
  return std::string(releases ? "RELEASE" : "ROLLBACK");
}

}  // namespace forebay::server
