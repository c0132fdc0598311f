#include "server/session.h"

#include <fmt/format.h>

#include "engine/data/datetime.h"
#include "engine/data/session_zone.h"
#include "engine/runtime/query.h"
#include "server/explain_running.h"
#include "server/point_read.h"
#include "server/rates.h"
#include "server/row_sort.h"
#include "server/text_position.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

bool has_plan(ast::StatementKind kind) {
  return kind == ast::StatementKind::kQuery || kind == ast::StatementKind::kInsert ||
         kind == ast::StatementKind::kUpdate || kind == ast::StatementKind::kDelete ||
         kind == ast::StatementKind::kExplain || kind == ast::StatementKind::kCopy ||
         kind == ast::StatementKind::kDeclareCursor;
}

/// EXPLAIN STATEMENT SET BEGIN: it has no rows itself.
bool begins_explained_set(const ast::Statement& statement) {
  if (statement.kind != ast::StatementKind::kExplain) return false;
  const ast::StatementPtr& inner = ast::as<ast::Explain>(statement).statement;
  return inner != nullptr && inner->kind == ast::StatementKind::kStatementSet;
}

bool is_definition(ast::StatementKind kind) {
  return kind == ast::StatementKind::kCreateSource || kind == ast::StatementKind::kCreateTable ||
         kind == ast::StatementKind::kCreateView || kind == ast::StatementKind::kCreateSchema ||
         kind == ast::StatementKind::kCreateFunction || kind == ast::StatementKind::kCreateIndex ||
         kind == ast::StatementKind::kCreateSink || kind == ast::StatementKind::kDrop ||
         kind == ast::StatementKind::kAlter || kind == ast::StatementKind::kComment;
}

// What a session may use in any case, however small --memory is.
constexpr size_t kLeastMemoryBytes = size_t{64} << 20;

// What a statement reads; nullptr: nothing.
const sql::PlannedQuery* query_of(const sql::BoundStatement& plan) {
  if (const auto* select = std::get_if<sql::BoundSelect>(&plan.what)) return &select->query;
  if (const auto* insert = std::get_if<sql::BoundInsert>(&plan.what)) {
    return insert->rows.plan == nullptr ? nullptr : &insert->rows;
  }
  if (const auto* update = std::get_if<sql::BoundUpdate>(&plan.what)) return &update->rows;
  if (const auto* remove = std::get_if<sql::BoundDelete>(&plan.what)) return &remove->rows;
  return nullptr;
}

Status in_failed_transaction() {
  return Status(data::sqlstate::kInFailedTransaction,
                "current transaction is aborted, commands ignored until end of transaction block");
}

}  // namespace

Session::Session(Database& database, std::string user, std::string database_name)
    : database_(database),
      user_(std::move(user)),
      database_name_(std::move(database_name)),
      memory_(std::max(kLeastMemoryBytes, database.options().memory_bytes / 4)) {}

Session::~Session() = default;

Result<std::vector<sql::ParsedStatement>> Session::parse(std::string_view text) const {
  return sql::parse_statements(text);
}

expr::EvalContext Session::eval_context() {
  expr::EvalContext context;
  context.now = data::timestamp_from_unix_nanos(database_.engine().clock().unix_nanos());
  context.user = user_;
  context.database = database_name_;
  context.session = this;
  sql::SnapshotRef catalog = database_.catalog().snapshot();
  context.search_path = search_path();
  context.most_bytes = std::max(kLeastMemoryBytes, database_.options().memory_bytes / 4);
  std::erase_if(context.search_path,
                [&](const std::string& schema) { return !catalog->has_schema(schema); });
  return context;
}

const std::vector<std::string>& Session::search_path() {
  static const SettingDescriptor& setting = *find_setting("search_path");
  std::string text = settings_.get(setting);
  if (text != search_path_text_) {
    search_path_ = parse_search_path(text, user_).value();
    search_path_text_ = std::move(text);
  }
  return search_path_;
}

Result<PreparedRef> Session::prepare(std::string text,
                                     std::shared_ptr<const ast::Statement> statement,
                                     std::optional<std::vector<data::Type>> parameter_types) {
  const data::SessionZoneScope zone(settings_.time_zone());
  sql::BindOptions options;
  options.text = std::move(text);
  options.user = user_;
  options.database = database_name_;
  options.search_path = search_path();
  options.force_bounded = database_.options().force_bounded;
  options.rows_per_second = [&database = database_](data::ObjectId id) {
    return rows_per_second(database.engine().figures(), id);
  };
  options.takes_parameters = parameter_types.has_value();
  if (parameter_types) options.parameter_types = std::move(*parameter_types);
  if (statement == nullptr) {
    return PreparedStatement::without_plan(nullptr, std::move(options), std::nullopt);
  }
  if (transaction_ == TransactionStatus::kFailed &&
      statement->kind != ast::StatementKind::kTransaction) {
    return in_failed_transaction();
  }
  if (begins_explained_set(*statement)) {
    auto checked = sql::bind(*statement, database_.catalog().snapshot(), options);
    if (!checked.is_ok()) return checked.take_status();
    return PreparedStatement::without_plan(std::move(statement), std::move(options), std::nullopt);
  }
  if (set_) options.explain = set_->explain;
  if (has_plan(statement->kind)) {
    return PreparedStatement::plan(std::move(statement), std::move(options),
                                   database_.catalog().snapshot());
  }
  std::optional<data::Schema> schema = session_schema(*statement);
  return PreparedStatement::without_plan(std::move(statement), std::move(options),
                                         std::move(schema));
}

Result<std::string> Session::execute(const PreparedRef& prepared, std::span<const Datum> parameters,
                                     ResultSink& sink) {
  if (prepared->statement() == nullptr) return std::string();
  const data::SessionZoneScope zone(settings_.time_zone());
  int64_t timeout_ms = settings_.statement_timeout_ms();
  cancel_.deadline_ns =
      timeout_ms == 0 ? 0 : data::SystemClock().steady_nanos() + timeout_ms * 1'000'000;
  Result<std::string> tag = Status();
  try {
    auto of_set = in_statement_set(prepared, sink);
    if (!of_set.is_ok()) {
      tag = of_set.take_status();
    } else if (of_set->has_value()) {
      tag = std::move(**of_set);
    } else {
      tag = dispatch(*prepared, parameters, sink);
    }
  } catch (const std::bad_alloc&) {
    tag = Status(data::sqlstate::kOutOfMemory, "out of memory");
  } catch (const std::exception& failure) {  // a bug of ours
    tag = Status::internal(failure.what());
  }
  if (!tag.is_ok()) fail_transaction();
  return tag;
}

Status Session::run(std::string_view text, ResultSink& sink,
                    const std::function<Status(const std::string& tag)>& done) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<sql::ParsedStatement> statements, parse(text));
  if (statements.empty()) {
    FOREBAY_RETURN_IF_ERROR(end_implicit(sink));
    return done("");
  }
  CharacterCount characters(text);
  const bool belong_together =
      std::count_if(statements.begin(), statements.end(), [](const sql::ParsedStatement& one) {
        return writes_alone(*one.statement);
      }) > 1;
  for (sql::ParsedStatement& parsed : statements) {
    std::string own(text.substr(parsed.begin, parsed.end - parsed.begin));
    std::shared_ptr<const ast::Statement> statement = std::move(parsed.statement);
    int32_t shift = characters.before(parsed.begin);
    if (shift > 0) {  // positions count from the statement's own beginning
      FOREBAY_ASSIGN_OR_RETURN(auto again, parse(own));
      statement = std::move(again.front().statement);
    }
    auto shifted = [&](Status status) {
      if (status.error().position > 0) status.error().position += shift;
      return status;
    };
    auto prepared = prepare(std::move(own), std::move(statement), std::nullopt);
    if (!prepared.is_ok()) {
      fail_transaction();
      return shifted(prepared.take_status());
    }
    if (belong_together) begin_implicit();
    Result<std::string> tag = execute(*prepared, {}, sink);
    if (!tag.is_ok()) return shifted(tag.take_status());
    FOREBAY_RETURN_IF_ERROR(done(*tag));
  }
  return end_implicit(sink);
}

// DDL is not part of a block: it is committed at once, which is safe as long as the block has
// written nothing that it would overtake.
Status Session::check_definition_in_block(ResultSink& sink) {
  if (block_ != nullptr && block_->has_writes()) {
    return Status(data::Error{
        .sqlstate = data::sqlstate::kFeatureNotSupported,
        .message = "CREATE, DROP and ALTER after writes of the same transaction are not supported",
        .hint = "COMMIT the writes first."});
  }
  sink.notice(
      {.severity = "WARNING",
       .sqlstate = data::SqlState("25001"),
       .message = "CREATE, DROP and ALTER take effect at once: ROLLBACK does not undo them"});
  return Status::ok();
}

Result<std::string> Session::dispatch(PreparedStatement& prepared,
                                      std::span<const Datum> parameters, ResultSink& sink) {
  const ast::Statement& statement = *prepared.statement();
  if (transaction_ == TransactionStatus::kFailed &&
      statement.kind != ast::StatementKind::kTransaction) {
    return in_failed_transaction();
  }
  FOREBAY_RETURN_IF_ERROR(check_read_only(statement));
  if (statement.kind == ast::StatementKind::kStatementSet || begins_explained_set(statement)) {
    FOREBAY_RETURN_IF_ERROR(end_implicit(sink));
    return begin_statement_set(prepared.statement_ref());
  }
  // These don't wait for the end of an implicit transaction: what was written before goes first.
  if (is_definition(statement.kind) || statement.kind == ast::StatementKind::kFlush ||
      statement.kind == ast::StatementKind::kRefresh) {
    FOREBAY_RETURN_IF_ERROR(end_implicit(sink));
  }
  if (transaction_ == TransactionStatus::kOpen && is_definition(statement.kind)) {
    FOREBAY_RETURN_IF_ERROR(check_definition_in_block(sink));
  }
  FOREBAY_ASSIGN_OR_RETURN(PreparedStatement::PlanRef plan,
                           prepared.plan_for(database_.catalog().snapshot(), search_path()));
  if (plan != nullptr && std::holds_alternative<sql::BoundCreate>(plan->what)) {
    // INSERT INTO a table that is a sink.
    FOREBAY_RETURN_IF_ERROR(end_implicit(sink));
    if (transaction_ == TransactionStatus::kOpen) {
      FOREBAY_RETURN_IF_ERROR(check_definition_in_block(sink));
    }
    return ddl(prepared, sink);
  }
  if (plan != nullptr) {
    if (const auto* cursor = std::get_if<sql::BoundDeclareCursor>(&plan->what)) {
      return declare(ast::as<ast::DeclareCursor>(statement), *cursor, parameters);
    }
    return run_plan(*plan, parameters, sink);
  }
  if (statement.kind == ast::StatementKind::kCreateTable &&
      ast::as<ast::CreateTable>(statement).query != nullptr) {
    return create_table_as(prepared, sink);
  }
  if (is_definition(statement.kind)) return ddl(prepared, sink);
  if (statement.kind == ast::StatementKind::kFlush) {
    FOREBAY_RETURN_IF_ERROR(flush());
    return std::string("FLUSH");
  }
  if (statement.kind == ast::StatementKind::kRefresh) return refresh(prepared);
  return session_statement(prepared, sink);
}

Result<std::string> Session::run_plan(const sql::BoundStatement& plan,
                                      std::span<const Datum> parameters, ResultSink& sink) {
  for (const std::string& message : plan.notices) sink.notice({.message = message});
  if (const sql::PlannedQuery* reads = query_of(plan)) {
    FOREBAY_RETURN_IF_ERROR(settle_implicit(*reads, sink));
  }
  if (const auto* query = std::get_if<sql::BoundSelect>(&plan.what)) {
    return select(query->query, parameters, sink);
  }
  if (const auto* to_insert = std::get_if<sql::BoundInsert>(&plan.what)) {
    return insert(*to_insert, parameters, sink);
  }
  if (const auto* to_update = std::get_if<sql::BoundUpdate>(&plan.what)) {
    return update(*to_update, parameters, sink);
  }
  if (const auto* to_delete = std::get_if<sql::BoundDelete>(&plan.what)) {
    return remove(*to_delete, parameters, sink);
  }
  if (const auto* from = std::get_if<sql::BoundCopyFrom>(&plan.what)) return copy_from(*from, sink);
  if (const auto* to = std::get_if<sql::BoundCopyTo>(&plan.what)) {
    return copy_to(*to, parameters, sink);
  }
  if (const auto* running = std::get_if<sql::BoundExplainRunning>(&plan.what)) {
    FOREBAY_RETURN_IF_ERROR(
        send_text_rows(*plan.result_schema(),
                       explain_running(*running->view, database_.engine().figures()), sink));
    return std::string("EXPLAIN");
  }
  const auto& explain = std::get<sql::BoundExplain>(plan.what);
  FOREBAY_RETURN_IF_ERROR(send_text_rows(*plan.result_schema(), explain.lines, sink));
  return std::string("EXPLAIN");
}

Result<std::string> Session::select(const sql::PlannedQuery& query,
                                    std::span<const Datum> parameters, ResultSink& sink) {
  FOREBAY_RETURN_IF_ERROR(sink.begin_rows(query.schema));
  uint64_t count = 0;
  auto send = [&](const ChangeBatch& batch) -> Status {
    FOREBAY_RETURN_IF_ERROR(cancel_.check());
    batch.for_each([&](uint32_t row) { count += static_cast<uint64_t>(batch.weight(row)); });
    return sink.rows(batch);
  };
  if (query.order.empty()) {
    FOREBAY_RETURN_IF_ERROR(
        read(query, parameters, [&](ChangeBatch batch) { return send(batch); }));
  } else {
    RowSort sort(query.order, memory_);
    FOREBAY_RETURN_IF_ERROR(
        read(query, parameters, [&](ChangeBatch batch) { return sort.add(std::move(batch)); }));
    FOREBAY_RETURN_IF_ERROR(sort.finish(send));
  }
  return fmt::format("SELECT {}", count);
}

// Runs a query over the last committed epoch: by key where the plan allows it, else as a circuit.
Status Session::read(const sql::PlannedQuery& query, std::span<const Datum> parameters,
                     const std::function<Status(ChangeBatch)>& visit) {
  if (block_ != nullptr && block_->has_writes()) {
    FOREBAY_RETURN_IF_ERROR(check_block_tables());
    FOREBAY_RETURN_IF_ERROR(block_->check_reads(query));
    for (data::ObjectId object : query.reads) FOREBAY_RETURN_IF_ERROR(block_->unfold(object));
    sql::PlannedQuery own = sql::with_relations(
        query, [&](data::ObjectId object) { return block_->relation_of(object); });
    return read_committed(own, parameters, visit);
  }
  return read_committed(query, parameters, visit);
}

Status Session::read_committed(const sql::PlannedQuery& query, std::span<const Datum> parameters,
                               const std::function<Status(ChangeBatch)>& visit) {
  expr::EvalContext context = eval_context();
  if (query.point) {
    auto snapshot = database_.engine().snapshot();
    FOREBAY_RETURN_IF_ERROR(database_.check_form(query.reads, query.catalog));
    return PointRead(*query.point, parameters, context).run(*snapshot, visit);
  }
  FOREBAY_ASSIGN_OR_RETURN(runtime::Fragment fragment, sql::lower_query(query, parameters));
  auto snapshot = database_.engine().snapshot();
  FOREBAY_RETURN_IF_ERROR(database_.check_form(query.reads, query.catalog));
  return runtime::run_query(fragment, std::move(snapshot), context,
                            {.memory_bytes = memory_.left_bytes()}, &cancel_, visit);
}

Result<std::string> Session::refresh(const PreparedStatement& prepared) {
  FOREBAY_ASSIGN_OR_RETURN(
      sql::BoundStatement bound,
      sql::bind(*prepared.statement(), database_.catalog().snapshot(), prepared.options()));
  FOREBAY_RETURN_IF_ERROR(
      database_.engine().refresh(std::get<sql::BoundRefresh>(bound.what).view, &cancel_));
  return std::string("REFRESH MATERIALIZED VIEW");
}

Result<std::string> Session::ddl(const PreparedStatement& prepared, ResultSink& sink) {
  // What is kept means the same to everybody.
  const data::SessionZoneScope zone(nullptr);
  auto bind = [&](const sql::SnapshotRef& snapshot) {
    return sql::bind(*prepared.statement(), snapshot, prepared.options());
  };
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement bound,
                           database_.execute_ddl(bind, prepared.options().text, &cancel_));
  if (std::holds_alternative<sql::BoundInsert>(bound.what)) return no_longer_a_sink();
  for (const std::string& message : bound.notices) sink.notice({.message = message});
  return definition_tag(*prepared.statement());
}

}  // namespace forebay::server
