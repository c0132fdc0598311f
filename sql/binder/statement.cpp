#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/plan/point.h"
#include "sql/plan/properties.h"
#include "sql/rules/rules.h"

/// The switch over statements, and queries as whole statements.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

namespace {

void collect_reads(const NodeRef& node, std::vector<ObjectId>& out) {
  if (node->kind == plan::NodeKind::kScan) {
    const auto& object = *plan::as<plan::Scan>(*node).object;
    if (object.is_stored() && std::find(out.begin(), out.end(), object.id) == out.end()) {
      out.push_back(object.id);
    }
  }
  for (const NodeRef& input : node->inputs) collect_reads(input, out);
}

}  // namespace

Result<PlannedQuery> Binder::plan_query(QueryPlan bound) {
  FOREBAY_ASSIGN_OR_RETURN(bound, settle_outputs(std::move(bound)));
  PlannedQuery out;
  out.catalog = snapshot_;
  FOREBAY_ASSIGN_OR_RETURN(out.parameter_types, parameter_types());
  Columns columns;
  for (const OutputColumn& output : bound.columns) {
    out.schema.push_back({output.name, output.column.type, false});
    columns.push_back(output.column);
  }
  for (const plan::SortItem& item : bound.order) {
    size_t at = plan::find_column(columns, item.column);
    if (at == plan::kNoColumn) {
      at = columns.size();
      columns.push_back(bound.plan->columns[plan::find_column(bound.plan->columns, item.column)]);
    }
    out.order.push_back({static_cast<uint32_t>(at), item.descending, item.nulls_first});
  }
  out.plan = rules::optimize(plan::make_narrow(bound.plan, columns), columns_);
  out.point = plan::find_point_plan(out.plan);
  if (!out.point) {
    out.plan = plan::read_by_index(plan::read_by_key(out.plan),
                                   [&](ObjectId object) { return snapshot_->indexes(object); });
  }
  collect_reads(out.plan, out.reads);
  return out;
}

Result<BoundStatement> Binder::bind_statement(const ast::Statement& statement) {
  BoundStatement out;
  switch (statement.kind) {
    case ast::StatementKind::kQuery: {
      FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound,
                               bind_query(*ast::as<ast::QueryStatement>(statement).query, nullptr));
      FOREBAY_ASSIGN_OR_RETURN(PlannedQuery query, plan_query(std::move(bound)));
      out.what = BoundSelect{std::move(query)};
      break;
    }
    case ast::StatementKind::kInsert: {
      FOREBAY_ASSIGN_OR_RETURN(
          std::optional<BoundCreate> sink,
          bind_insert_into_sink(ast::as<ast::Insert>(statement), out.notices));
      if (sink) {
        out.what = std::move(*sink);
        break;
      }
      FOREBAY_ASSIGN_OR_RETURN(BoundInsert insert, bind_insert(ast::as<ast::Insert>(statement)));
      out.what = std::move(insert);
      break;
    }
    case ast::StatementKind::kUpdate: {
      FOREBAY_ASSIGN_OR_RETURN(BoundUpdate update, bind_update(ast::as<ast::Update>(statement)));
      out.what = std::move(update);
      break;
    }
    case ast::StatementKind::kDelete: {
      FOREBAY_ASSIGN_OR_RETURN(BoundDelete erase, bind_delete(ast::as<ast::Delete>(statement)));
      out.what = std::move(erase);
      break;
    }
    case ast::StatementKind::kCopy: {
      const auto& copy = ast::as<ast::Copy>(statement);
      if (copy.from) {
        FOREBAY_ASSIGN_OR_RETURN(BoundCopyFrom from, bind_copy_from(copy, out.notices));
        out.what = std::move(from);
      } else {
        FOREBAY_ASSIGN_OR_RETURN(BoundCopyTo to, bind_copy_to(copy, out.notices));
        out.what = std::move(to);
      }
      break;
    }
    case ast::StatementKind::kDeclareCursor: {
      const auto& declare = ast::as<ast::DeclareCursor>(statement);
      const auto& rows = ast::as<ast::QueryStatement>(*declare.query);
      FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound, bind_query(*rows.query, nullptr));
      FOREBAY_ASSIGN_OR_RETURN(PlannedQuery query, plan_query(std::move(bound)));
      out.what = BoundDeclareCursor{std::move(query)};
      break;
    }
    case ast::StatementKind::kCreateSource: {
      FOREBAY_ASSIGN_OR_RETURN(
          BoundCreate create,
          bind_create_source(ast::as<ast::CreateSource>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kCreateTable: {
      FOREBAY_ASSIGN_OR_RETURN(
          BoundCreate create, bind_create_table(ast::as<ast::CreateTable>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kCreateView: {
      FOREBAY_ASSIGN_OR_RETURN(BoundCreate create,
                               bind_create_view(ast::as<ast::CreateView>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kCreateFunction: {
      FOREBAY_ASSIGN_OR_RETURN(BoundCreate create,
                               bind_create_function(ast::as<ast::CreateFunction>(statement)));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kCreateSchema: {
      FOREBAY_ASSIGN_OR_RETURN(
          BoundCreate create,
          bind_create_schema(ast::as<ast::CreateSchema>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kDrop: {
      const auto& statement_to_drop = ast::as<ast::Drop>(statement);
      FOREBAY_ASSIGN_OR_RETURN(BoundDrop drop,
                               statement_to_drop.object == ast::ObjectKind::kFunction
                                   ? bind_drop_function(statement_to_drop, out.notices)
                               : statement_to_drop.object == ast::ObjectKind::kSchema
                                   ? bind_drop_schema(statement_to_drop, out.notices)
                                   : bind_drop(statement_to_drop, out.notices));
      out.what = std::move(drop);
      break;
    }
    case ast::StatementKind::kAlter: {
      FOREBAY_ASSIGN_OR_RETURN(BoundAlter alter,
                               bind_alter(ast::as<ast::Alter>(statement), out.notices));
      out.what = std::move(alter);
      break;
    }
    case ast::StatementKind::kRefresh: {
      FOREBAY_ASSIGN_OR_RETURN(BoundRefresh refresh,
                               bind_refresh(ast::as<ast::Refresh>(statement)));
      out.what = refresh;
      break;
    }
    case ast::StatementKind::kCreateIndex: {
      FOREBAY_ASSIGN_OR_RETURN(
          BoundCreate create, bind_create_index(ast::as<ast::CreateIndex>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kCreateSink: {
      FOREBAY_ASSIGN_OR_RETURN(BoundCreate create,
                               bind_create_sink(ast::as<ast::CreateSink>(statement), out.notices));
      out.what = std::move(create);
      break;
    }
    case ast::StatementKind::kComment: {
      FOREBAY_ASSIGN_OR_RETURN(BoundAlter comment, bind_comment(ast::as<ast::Comment>(statement)));
      out.what = std::move(comment);
      break;
    }
    case ast::StatementKind::kExplain: {
      if (ast::as<ast::Explain>(statement).statement == nullptr) {
        FOREBAY_ASSIGN_OR_RETURN(BoundExplainRunning running,
                                 bind_explain_running(ast::as<ast::Explain>(statement)));
        out.what = std::move(running);
        break;
      }
      FOREBAY_ASSIGN_OR_RETURN(BoundExplain explain,
                               bind_explain(ast::as<ast::Explain>(statement),
                                            *ast::as<ast::Explain>(statement).statement));
      out.what = std::move(explain);
      break;
    }
    default:
      return Status::internal("this statement belongs to the session");
  }
  FOREBAY_ASSIGN_OR_RETURN(out.parameter_types, parameter_types());
  return out;
}

}  // namespace forebay::sql::binder
