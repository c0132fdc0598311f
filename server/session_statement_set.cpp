// EXECUTE STATEMENT SET BEGIN ... END: several INSERT INTO sinks that are made together, or, with
// EXPLAIN before it, explained.

#include <fmt/format.h>

#include "engine/data/session_zone.h"
#include "server/session.h"

namespace forebay::server {

using data::Result;
using data::Status;
namespace ast = sql::ast;

Result<std::string> Session::begin_statement_set(const PreparedStatement::AstRef& statement) {
  if (transaction_ != TransactionStatus::kIdle) {
    return Status(data::SqlState("25001"), "a STATEMENT SET cannot run inside a transaction block")
        .at(statement->position);
  }
  set_.emplace();
  if (statement->kind == ast::StatementKind::kExplain) {
    set_->explain = std::static_pointer_cast<const ast::Explain>(statement);
  }
  return std::string("BEGIN STATEMENT SET");
}

Result<std::optional<std::string>> Session::in_statement_set(const PreparedRef& prepared,
                                                             ResultSink& sink) {
  const ast::Statement& statement = *prepared->statement();
  if (!set_) {
    if (prepared->options().explain == nullptr) return std::optional<std::string>();
    return Status(
               data::sqlstate::kFeatureNotSupported,
               "a statement that was prepared in EXPLAIN STATEMENT SET is not supported after it")
        .at(statement.position);
  }
  const bool ends = statement.kind == ast::StatementKind::kTransaction;
  if (ends) {
    const auto action = ast::as<ast::Transaction>(statement).action;
    const StatementSet set = std::move(*set_);
    set_.reset();
    if (set.has_failed || action == ast::TransactionAction::kRollback) {
      return std::optional<std::string>("ROLLBACK");
    }
    if (action != ast::TransactionAction::kCommit) {
      return Status(data::sqlstate::kSyntaxError, "a STATEMENT SET ends with END")
          .at(statement.position);
    }
    if (set.statements.empty()) {
      return Status(data::sqlstate::kSyntaxError, "a STATEMENT SET without statements")
          .with_hint("Write INSERT INTO ... SELECT between BEGIN and END.")
          .at(statement.position);
    }
    if (set.explain != nullptr) return std::optional<std::string>("EXPLAIN STATEMENT SET");
    // What is kept means the same to everybody.
    const data::SessionZoneScope zone(nullptr);
    std::vector<Database::Bind> binds;
    for (const PreparedRef& one : set.statements) {
      binds.push_back([one](const sql::SnapshotRef& snapshot) {
        return sql::bind(*one->statement(), snapshot, one->options());
      });
    }
    auto made = database_.create_all(binds, "EXECUTE STATEMENT SET", &cancel_);
    if (!made.is_ok()) {
      Status failed = made.take_status();
      failed.error().position = 0;  // a place in another statement's text
      return failed;
    }
    for (const sql::BoundStatement& one : *made) {
      for (const std::string& message : one.notices) sink.notice({.message = message});
    }
    return std::optional<std::string>("EXECUTE STATEMENT SET");
  }
  if (set_->has_failed) {
    return Status(data::sqlstate::kInFailedTransaction,
                  "current statement set is aborted, commands ignored until END");
  }
  FOREBAY_ASSIGN_OR_RETURN(PreparedStatement::PlanRef plan,
                           prepared->plan_for(database_.catalog().snapshot(), search_path()));
  const bool fits =
      statement.kind == ast::StatementKind::kInsert && plan != nullptr &&
      (set_->explain == nullptr ? std::holds_alternative<sql::BoundCreate>(plan->what)
                                : std::holds_alternative<sql::BoundExplain>(plan->what));
  if (!fits) {
    return Status(data::sqlstate::kFeatureNotSupported,
                  "only INSERT INTO tables that are sinks is supported in a STATEMENT SET")
        .with_hint("Close the set with END, or give it up with ROLLBACK.")
        .at(statement.position);
  }
  set_->statements.push_back(prepared);
  if (set_->explain != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(std::string tag, run_plan(*plan, {}, sink));
    return std::optional<std::string>(std::move(tag));
  }
  return std::optional<std::string>("INSERT 0 0");
}

}  // namespace forebay::server
