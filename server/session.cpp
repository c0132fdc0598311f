#include "server/session.h"

#include <fmt/format.h>

#include "engine/data/datetime.h"
#include "engine/runtime/query.h"
#include "server/row_sort.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;

namespace {

namespace ast = sql::ast;

// Code points in the first `bytes` bytes.
int32_t characters(std::string_view text, size_t bytes) {
  int32_t count = 0;
  for (char c : text.substr(0, bytes)) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

bool is_bindable(ast::StatementKind kind) {
  switch (kind) {
    case ast::StatementKind::kQuery:
    case ast::StatementKind::kInsert:
    case ast::StatementKind::kUpdate:
    case ast::StatementKind::kDelete:
    case ast::StatementKind::kCreateSource:
    case ast::StatementKind::kCreateTable:
    case ast::StatementKind::kCreateView:
    case ast::StatementKind::kDrop:
    case ast::StatementKind::kExplain: return true;
    default: return false;
  }
}

bool is_definition(ast::StatementKind kind) {
  return kind == ast::StatementKind::kCreateSource || kind == ast::StatementKind::kCreateTable ||
         kind == ast::StatementKind::kCreateView || kind == ast::StatementKind::kDrop;
}

bool is_write(ast::StatementKind kind) {
  return is_definition(kind) || kind == ast::StatementKind::kInsert ||
         kind == ast::StatementKind::kUpdate || kind == ast::StatementKind::kDelete;
}

Status in_failed_transaction() {
  return Status(data::sqlstate::kInFailedTransaction,
                "current transaction is aborted, commands ignored until end of transaction block");
}

}  // namespace

Session::Session(Database& database, std::string user, std::string database_name)
    : database_(database), user_(std::move(user)), database_name_(std::move(database_name)) {}

Session::~Session() = default;

Result<std::vector<sql::ParsedStatement>> Session::parse(std::string_view text) const {
  return sql::parse_statements(text);
}

expr::EvalContext Session::eval_context() const {
  expr::EvalContext context;
  context.now = data::timestamp_from_unix_nanos(database_.engine().clock().unix_nanos());
  context.user = user_;
  context.database = database_name_;
  return context;
}

sql::BindOptions Session::bind_options(std::string text) const {
  sql::BindOptions options;
  options.text = std::move(text);
  options.user = user_;
  options.database = database_name_;
  options.force_bounded = database_.options().force_bounded;
  return options;
}

Result<PreparedRef> Session::prepare(std::string text,
                                     std::shared_ptr<const ast::Statement> statement,
                                     std::vector<data::Type> parameter_types) {
  auto prepared = std::make_shared<Prepared>();
  prepared->text = std::move(text);
  prepared->given_types = parameter_types;
  prepared->statement = std::move(statement);
  if (prepared->statement == nullptr) return PreparedRef(std::move(prepared));
  if (transaction_ == TransactionStatus::kFailed &&
      prepared->statement->kind != ast::StatementKind::kTransaction) {
    return in_failed_transaction();
  }
  if (!is_bindable(prepared->statement->kind)) {
    prepared->schema = session_schema(*prepared->statement);
    if (prepared->statement->kind == ast::StatementKind::kExecute) {
      auto found = prepared_.find(ast::as<ast::Execute>(*prepared->statement).name);
      if (found != prepared_.end()) prepared->schema = found->second->schema;
    }
    return PreparedRef(std::move(prepared));
  }
  // CREATE and DROP are bound when their turn comes; what they take of parameters is nothing.
  if (is_definition(prepared->statement->kind)) return PreparedRef(std::move(prepared));
  sql::BindOptions options = bind_options(prepared->text);
  options.parameter_types = std::move(parameter_types);
  prepared->catalog = database_.catalog().snapshot();
  FOREBAY_ASSIGN_OR_RETURN(auto bound,
                           sql::bind(*prepared->statement, prepared->catalog, options));
  prepared->parameter_types = bound.parameter_types;
  if (const data::Schema* schema = bound.result_schema()) prepared->schema = *schema;
  prepared->bound = std::make_shared<const sql::BoundStatement>(std::move(bound));
  return PreparedRef(std::move(prepared));
}

Result<std::string> Session::execute(const PreparedRef& prepared,
                                     std::span<const Datum> parameters, ResultSink& sink) {
  if (prepared->statement == nullptr) return std::string();
  int64_t timeout_ms = settings_.statement_timeout_ms();
  cancel_.deadline_ns =
      timeout_ms == 0 ? 0 : data::SystemClock().steady_nanos() + timeout_ms * 1'000'000;
  Result<std::string> tag = Status();
  try {
    PreparedRef current = prepared;
    if (prepared->bound != nullptr && prepared->catalog != database_.catalog().snapshot()) {
      // The catalog has moved on: what names mean may have changed.
      auto again = prepare(prepared->text, prepared->statement, prepared->given_types);
      if (!again.is_ok()) return again.take_status();
      if ((*again)->schema != prepared->schema ||
          (*again)->parameter_types != prepared->parameter_types) {
        return Status(data::sqlstate::kFeatureNotSupported,
                      "cached plan must not change result type");
      }
      current = *again;
    }
    tag = dispatch(*current, parameters, sink);
  } catch (const data::CheckFailure& failure) {
    tag = Status::internal(failure.what());
  } catch (const std::bad_alloc&) {
    tag = Status(data::sqlstate::kOutOfMemory, "out of memory");
  }
  if (!tag.is_ok() && transaction_ == TransactionStatus::kOpen) {
    transaction_ = TransactionStatus::kFailed;
  }
  return tag;
}

Status Session::run(std::string_view text, ResultSink& sink,
                    const std::function<Status(const std::string& tag)>& done) {
  FOREBAY_ASSIGN_OR_RETURN(std::vector<sql::ParsedStatement> statements, parse(text));
  if (statements.empty()) return done("");
  for (sql::ParsedStatement& parsed : statements) {
    std::string own(text.substr(parsed.begin, parsed.end - parsed.begin));
    std::shared_ptr<const ast::Statement> statement = std::move(parsed.statement);
    int32_t shift = characters(text, parsed.begin);
    if (shift > 0) {  // positions count from the statement's own beginning
      FOREBAY_ASSIGN_OR_RETURN(auto again, parse(own));
      statement = std::move(again.front().statement);
    }
    auto shifted = [&](Status status) {
      if (status.error().position > 0) status.error().position += shift;
      return status;
    };
    auto prepared = prepare(std::move(own), std::move(statement), {});
    if (!prepared.is_ok()) {
      if (transaction_ == TransactionStatus::kOpen) transaction_ = TransactionStatus::kFailed;
      return shifted(prepared.take_status());
    }
    Result<std::string> tag = execute(*prepared, {}, sink);
    if (!tag.is_ok()) return shifted(tag.take_status());
    FOREBAY_RETURN_IF_ERROR(done(*tag));
  }
  return Status::ok();
}

Result<std::string> Session::dispatch(const Prepared& prepared,
                                      std::span<const Datum> parameters, ResultSink& sink) {
  const ast::Statement& statement = *prepared.statement;
  if (transaction_ == TransactionStatus::kFailed &&
      statement.kind != ast::StatementKind::kTransaction) {
    return in_failed_transaction();
  }
  if (transaction_ == TransactionStatus::kOpen && is_write(statement.kind)) {
    return Status(data::Error{
        .sqlstate = data::sqlstate::kFeatureNotSupported,
        .message = "writing inside a transaction block is not supported",
        .hint = "Run each statement by itself (autocommit); every statement is atomic."});
  }
  if (prepared.bound != nullptr) {
    for (const std::string& message : prepared.bound->notices) sink.notice({.message = message});
  }
  switch (statement.kind) {
    case ast::StatementKind::kQuery:
      return select(std::get<sql::BoundSelect>(prepared.bound->what).query, parameters, sink);
    case ast::StatementKind::kInsert:
      return insert(std::get<sql::BoundInsert>(prepared.bound->what), parameters, sink);
    case ast::StatementKind::kUpdate:
      return update(std::get<sql::BoundUpdate>(prepared.bound->what), parameters, sink);
    case ast::StatementKind::kDelete:
      return remove(std::get<sql::BoundDelete>(prepared.bound->what), parameters, sink);
    case ast::StatementKind::kExplain: {
      const auto& lines = std::get<sql::BoundExplain>(prepared.bound->what).lines;
      FOREBAY_RETURN_IF_ERROR(send_text_rows(*prepared.schema, lines, sink));
      return std::string("EXPLAIN");
    }
    case ast::StatementKind::kCreateSource:
    case ast::StatementKind::kCreateTable:
    case ast::StatementKind::kCreateView:
    case ast::StatementKind::kDrop: return ddl(prepared, sink);
    case ast::StatementKind::kFlush:
      FOREBAY_RETURN_IF_ERROR(database_.engine().flush(&cancel_));
      return std::string("FLUSH");
    default: return session_statement(prepared, sink);
  }
}

Result<std::string> Session::select(const sql::PlannedQuery& query,
                                    std::span<const Datum> parameters, ResultSink& sink) {
  FOREBAY_RETURN_IF_ERROR(sink.begin_rows(query.schema));
  uint64_t count = 0;
  auto send = [&](const ChangeBatch& batch) {
    batch.for_each([&](uint32_t row) { count += static_cast<uint64_t>(batch.weight(row)); });
    return sink.rows(batch);
  };
  if (query.order.empty()) {
    FOREBAY_RETURN_IF_ERROR(
        read(query, parameters, [&](ChangeBatch batch) { return send(batch); }));
  } else {
    RowSort sort(query.order);
    FOREBAY_RETURN_IF_ERROR(read(query, parameters, [&](ChangeBatch batch) {
      sort.add(std::move(batch));
      return Status::ok();
    }));
    FOREBAY_RETURN_IF_ERROR(sort.finish(send));
  }
  return fmt::format("SELECT {}", count);
}

// Runs a query over the last committed epoch: by key where the plan allows it, else as a circuit.
Status Session::read(const sql::PlannedQuery& query, std::span<const Datum> parameters,
                     const std::function<Status(ChangeBatch)>& visit) {
  expr::EvalContext context = eval_context();
  if (query.point) return read_point(*query.point, parameters, context, visit);
  FOREBAY_ASSIGN_OR_RETURN(runtime::Fragment fragment, sql::lower_query(query, parameters));
  return runtime::run_query(fragment, database_.engine().snapshot(), context, query_limits(),
                            &cancel_, visit);
}

runtime::QueryLimits Session::query_limits() const {
  return {.memory_bytes = std::max<size_t>(64 << 20, database_.options().memory_bytes / 4)};
}

Status Session::read_point(const sql::PointPlan& point, std::span<const Datum> parameters,
                           const expr::EvalContext& context,
                           const std::function<Status(ChangeBatch)>& visit) {
  std::vector<Datum> values(parameters.begin(), parameters.end());
  auto bound = [&](const expr::ExprRef& expr) {
    return values.empty() ? expr : expr::bind_parameters(expr, values);
  };
  std::vector<Datum> key;
  key.reserve(point.key.size());
  for (const expr::ExprRef& part : point.key) {
    if (part->kind == expr::ExprKind::kParameter) {
      key.push_back(values[part->column]);
    } else if (part->kind == expr::ExprKind::kLiteral) {
      key.push_back(part->literal);
    } else {
      FOREBAY_ASSIGN_OR_RETURN(Datum datum, expr::evaluate_constant(bound(part), context));
      key.push_back(std::move(datum));
    }
    if (key.back().is_null()) return Status::ok();
  }
  data::BatchBuilder builder(point.relation->types());
  FOREBAY_RETURN_IF_ERROR(point.relation->get(*database_.engine().snapshot(), key, builder));
  if (builder.rows() == 0) return Status::ok();
  ChangeBatch batch = builder.finish();
  std::vector<expr::RowError> errors;
  if (point.predicate != nullptr) {
    batch.set_selection(
        expr::Evaluator(bound(point.predicate)).select(batch, context, errors));
    if (batch.empty() && errors.empty()) return Status::ok();
  }
  std::vector<data::ColumnRef> columns;
  columns.reserve(point.projection.size());
  for (const expr::ExprRef& expr : point.projection) {
    if (!errors.empty()) break;
    columns.push_back(expr->kind == expr::ExprKind::kColumn
                          ? batch.columns()[expr->column]
                          : expr::Evaluator(bound(expr)).evaluate(batch, context, errors));
  }
  if (!errors.empty()) return Status(errors.front().sqlstate, errors.front().message);
  ChangeBatch result(std::move(columns), batch.physical_rows());
  if (batch.selection() != nullptr) result.set_selection(*batch.selection());
  result.share_weights_of(batch);
  return visit(std::move(result));
}

Result<std::string> Session::ddl(const Prepared& prepared, ResultSink& sink) {
  sql::BindOptions options = bind_options(prepared.text);
  auto bind = [&](const sql::SnapshotRef& snapshot) {
    return sql::bind(*prepared.statement, snapshot, options);
  };
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement bound, database_.execute_ddl(bind, &cancel_));
  for (const std::string& message : bound.notices) sink.notice({.message = message});
  return definition_tag(*prepared.statement);
}

}  // namespace forebay::server
