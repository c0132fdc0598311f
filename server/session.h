#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/runtime/query.h"
#include "server/cursors.h"
#include "server/database.h"
#include "server/memory_account.h"
#include "server/prepared_statement.h"
#include "server/result_sink.h"
#include "server/settings.h"
#include "server/table_writer.h"
#include "server/transaction.h"
#include "sql/parser/parser.h"
#include "sql/planner.h"

/// A client's session: statements in, rows and tags out. Knows nothing of the wire. One thread at a
/// time; cancel() from any.
namespace forebay::server {

class BulkRows;
class CopyReader;

enum class TransactionStatus : char { kIdle = 'I', kOpen = 'T', kFailed = 'E' };

class Session final : private udfs::SessionAccess {
 public:
  Session(Database& database, std::string user, std::string database_name);
  ~Session() override;

  /// Parses `sql` into statements, unbound. Errors count positions from the beginning of `sql`.
  data::Result<std::vector<sql::ParsedStatement>> parse(std::string_view sql) const;
  /// Binds one statement. `parameter_types`: what the client said of $1 ...; kUnknown: inferred;
  /// nullopt: there are no parameters.
  data::Result<PreparedRef> prepare(std::string text,
                                    std::shared_ptr<const sql::ast::Statement> statement,
                                    std::optional<std::vector<data::Type>> parameter_types);
  /// Executes; gives the command tag ("SELECT 3"). `parameters` have the prepared parameter types.
  /// On an error the transaction block, if any, has failed.
  data::Result<std::string> execute(const PreparedRef& prepared,
                                    std::span<const data::Datum> parameters, ResultSink& sink);
  /// A whole simple query string: every statement in turn; `done` is called with each tag. Stops at
  /// the first error.
  data::Status run(std::string_view sql, ResultSink& sink,
                   const std::function<data::Status(const std::string& tag)>& done);

  /// Ends the statement that is running with 57014; one that waits for the commit of its write ends
  /// with a warning. Any thread.
  void cancel() { cancel_.canceled = true; }
  /// Call before a statement starts: a cancel that came late must not hit it.
  void clear_cancel() { cancel_.canceled = false; }

  TransactionStatus transaction_status() const { return transaction_; }
  /// An error outside of execute(), as of the protocol or of parsing: an open block has failed.
  void fail_transaction();

  /// True for a statement that may become a part of an implicit transaction.
  static bool writes_alone(const sql::ast::Statement& statement);
  /// What is written from here on is kept back until end_implicit, as in a block: the statements of
  /// one string, those of the extended protocol up to Sync. An error drops it. Does nothing in a
  /// block.
  void begin_implicit();
  data::Status end_implicit(ResultSink& sink);
  bool is_implicit() const { return is_implicit_; }

  /// After Sync of a failed implicit transaction and the like nothing is kept; blocks stay failed.
  SessionSettings& settings() { return settings_; }
  const std::string& user() const { return user_; }
  const std::string& database_name() const { return database_name_; }
  PreparedStatements& prepared_statements() { return prepared_; }
  /// The columns of a cursor; nullptr: there is none.
  const data::Schema* cursor_columns(const std::string& name);
  /// A quarter of --memory, 64 MB at least: for the statement that runs, and for portals.
  MemoryAccount& memory() { return memory_; }
  expr::EvalContext eval_context();

 private:
  /// The schemas of search_path.
  const std::vector<std::string>& search_path();
  data::Result<std::string> dispatch(PreparedStatement& prepared,
                                     std::span<const data::Datum> parameters, ResultSink& sink);
  data::Result<std::string> run_plan(const sql::BoundStatement& plan,
                                     std::span<const data::Datum> parameters, ResultSink& sink);
  data::Result<std::string> select(const sql::PlannedQuery& query,
                                   std::span<const data::Datum> parameters, ResultSink& sink);
  data::Status read(const sql::PlannedQuery& query, std::span<const data::Datum> parameters,
                    const std::function<data::Status(data::ChangeBatch)>& visit);
  data::Result<std::string> insert(const sql::BoundInsert& insert,
                                   std::span<const data::Datum> parameters, ResultSink& sink);
  data::Result<std::string> update(const sql::BoundUpdate& update,
                                   std::span<const data::Datum> parameters, ResultSink& sink);
  data::Result<std::string> remove(const sql::BoundDelete& remove,
                                   std::span<const data::Datum> parameters, ResultSink& sink);
  data::Status read_committed(const sql::PlannedQuery& query,
                              std::span<const data::Datum> parameters,
                              const std::function<data::Status(data::ChangeBatch)>& visit);
  data::Status check_definition_in_block(ResultSink& sink);
  /// The tables that the block has written are what they were then.
  data::Status check_block_tables() const;
  struct WriteTurn {
    std::unique_ptr<runtime::Engine::Gate> gate;
    TableWriter::Present present;
  };
  data::Result<WriteTurn> begin_write(const sql::catalog::CatalogObject& table, bool reads);
  data::Result<uint64_t> accept(const sql::CatalogObjectRef& table, WriteTurn& turn,
                                TableWriter& writer,
                                Transaction::Taken taken = Transaction::Taken::kDuplicate);
  data::Status commit_block(ResultSink& sink);
  data::Result<std::string> change_rows(const sql::CatalogObjectRef& table,
                                        const sql::PlannedQuery& rows,
                                        const std::optional<sql::Returning>& returning,
                                        std::span<const data::Datum> parameters,
                                        std::string_view word,
                                        data::Status (TableWriter::*add)(const data::ChangeBatch&),
                                        ResultSink& sink);
  data::Result<std::string> copy_from(const sql::BoundCopyFrom& copy, ResultSink& sink);
  data::Result<std::string> copy_to(const sql::BoundCopyTo& copy,
                                    std::span<const data::Datum> parameters, ResultSink& sink);
  data::Status receive_copy(CopyReader& reader, ResultSink& sink);
  data::Status write_bulk(BulkRows& rows);
  data::Result<std::string> copy_batches(const sql::CatalogObjectRef& table,
                                         const std::vector<data::ChangeBatch>& batches,
                                         ResultSink& sink);
  data::Status settle_reads();
  void remember_write(data::ObjectId table, uint64_t ticket);
  data::Status flush();
  data::Status finish_write(data::ObjectId table, uint64_t ticket, ResultSink& sink);
  data::Result<std::string> ddl(const PreparedStatement& prepared, ResultSink& sink);
  // session_statement_set.cpp
  /// What a statement between [EXPLAIN] EXECUTE STATEMENT SET BEGIN and END does; nullopt: there is
  /// no set.
  data::Result<std::optional<std::string>> in_statement_set(const PreparedRef& prepared,
                                                            ResultSink& sink);
  data::Result<std::string> begin_statement_set(const PreparedStatement::AstRef& statement);
  data::Result<std::string> refresh(const PreparedStatement& prepared);
  data::Result<std::string> session_statement(const PreparedStatement& prepared, ResultSink& sink);
  data::Result<std::string> declare(const sql::ast::DeclareCursor& statement,
                                    const sql::BoundDeclareCursor& bound,
                                    std::span<const data::Datum> parameters);
  data::Result<std::string> fetch(const sql::ast::Fetch& statement, ResultSink& sink);
  data::Result<std::string> close_cursor(const sql::ast::CloseCursor& statement);
  data::Result<std::string> create_table_as(const PreparedStatement& prepared, ResultSink& sink);
  data::Status fill_new_table(const sql::CatalogObjectRef& table,
                              std::vector<data::ChangeBatch> batches);
  data::Result<std::string> discard(const sql::ast::Discard& statement);
  std::string setting_value(const SettingDescriptor& setting) const;
  data::Result<std::string> set(const sql::ast::SetStatement& statement, ResultSink& sink);
  data::Result<std::string> set_value(const std::string& name, std::optional<std::string> value,
                                      int32_t position, ResultSink& sink);
  data::Result<std::string> show(const sql::ast::Show& statement, ResultSink& sink);
  data::Result<std::string> transaction(const sql::ast::Transaction& statement, ResultSink& sink);
  void begin_block();
  void end_block();
  data::Status set_modes(const std::vector<std::string>& modes, bool as_default, ResultSink& sink);
  data::Status check_read_only(const sql::ast::Statement& statement) const;
  data::Status settle_implicit(const sql::PlannedQuery& query, ResultSink& sink);
  data::Result<std::string> savepoint(const sql::ast::Transaction& statement);
  data::Result<std::string> prepare_statement(const PreparedStatement& prepared);
  data::Result<std::string> execute_statement(const PreparedStatement& prepared, ResultSink& sink);
  std::optional<data::Schema> session_schema(const sql::ast::Statement& statement);

  // udfs::SessionAccess: what functions ask (session_access.cpp).
  std::optional<std::string> setting(std::string_view name) override;
  data::Result<std::string> set(std::string_view name, std::string_view value) override;
  data::Status sleep(double seconds) override;

  Database& database_;
  const std::string user_;
  const std::string database_name_;
  SessionSettings settings_;
  /// Settings of applications: names with a dot.
  std::map<std::string, std::string> custom_settings_;
  std::string search_path_text_;  // the setting of which search_path_ was made
  std::vector<std::string> search_path_;
  TransactionStatus transaction_ = TransactionStatus::kIdle;
  MemoryAccount memory_;
  std::unique_ptr<Transaction> block_;  // of BEGIN or implicit; else nullptr
  /// The statements of a set that is open.
  struct StatementSet {
    std::vector<PreparedRef> statements;
    bool has_failed = false;
    /// Not null: the statements are explained, one by one, and not run.
    std::shared_ptr<const sql::ast::Explain> explain;
  };
  std::optional<StatementSet> set_;
  bool is_implicit_ = false;
  PreparedStatements prepared_;
  Cursors cursors_;
  /// Writes that were answered before their commit, for FLUSH; looked through at accepted_limit_.
  std::vector<runtime::Engine::AcceptedWrite> accepted_;
  size_t accepted_limit_ = 1'000;
  data::Status lost_write_;
  runtime::CancelToken cancel_;
};

/// Sends lines as rows of one text column.
data::Status send_text_rows(const data::Schema& schema, const std::vector<std::string>& lines,
                            ResultSink& sink);
/// "CREATE TABLE", "DROP VIEW" ...
std::string definition_tag(const sql::ast::Statement& statement);

}  // namespace forebay::server
