#include "server/prepared_statement.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/session_zone.h"

namespace forebay::server {

using data::Result;
using data::Status;

Result<PreparedRef> PreparedStatement::plan(AstRef statement, sql::BindOptions options,
                                            const sql::SnapshotRef& catalog) {
  PreparedRef prepared(new PreparedStatement(std::move(statement), std::move(options)));
  FOREBAY_ASSIGN_OR_RETURN(sql::BoundStatement bound,
                           sql::bind(*prepared->statement_, catalog, prepared->options_));
  prepared->parameter_types_ = bound.parameter_types;
  if (const data::Schema* schema = bound.result_schema()) prepared->schema_ = *schema;
  prepared->plan_ = std::make_shared<const sql::BoundStatement>(std::move(bound));
  prepared->catalog_ = catalog;
  prepared->zone_ = data::session_zone();
  return prepared;
}

PreparedRef PreparedStatement::without_plan(AstRef statement, sql::BindOptions options,
                                            std::optional<data::Schema> schema) {
  PreparedRef prepared(new PreparedStatement(std::move(statement), std::move(options)));
  prepared->schema_ = std::move(schema);
  return prepared;
}

Result<PreparedStatement::PlanRef> PreparedStatement::plan_for(
    const sql::SnapshotRef& catalog, const std::vector<std::string>& search_path) {
  const bool is_current =
      catalog_ == catalog && options_.search_path == search_path && zone_ == data::session_zone();
  if (plan_ == nullptr || is_current) return plan_;
  // The catalog, the path or the zone has moved on: what names and times mean may have changed.
  options_.search_path = search_path;
  FOREBAY_ASSIGN_OR_RETURN(PreparedRef again, plan(statement_, options_, catalog));
  if (again->schema_ != schema_ || again->parameter_types_ != parameter_types_) {
    return Status(data::sqlstate::kFeatureNotSupported, "cached plan must not change result type");
  }
  plan_ = std::move(again->plan_);
  catalog_ = catalog;
  zone_ = data::session_zone();
  return plan_;
}

Result<PreparedRef> PreparedStatements::find(const std::string& name) const {
  auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  return Status(data::sqlstate::kInvalidStatementName,
                fmt::format("prepared statement \"{}\" does not exist", name));
}

Status PreparedStatements::check_free(const std::string& name) const {
  if (!contains(name)) return Status::ok();
  return Status(data::SqlState("42P05"),
                fmt::format("prepared statement \"{}\" already exists", name));
}

}  // namespace forebay::server
