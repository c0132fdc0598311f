#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/data/time_zones.h"
#include "engine/data/type.h"
#include "sql/ast/statement.h"
#include "sql/planner.h"

namespace forebay::server {

/// A parsed statement, ready to be executed any number of times. Queries, DML and EXPLAIN keep
/// their plan as long as the catalog is the one that it was made against, and then the next plan.
/// One thread at a time.
class PreparedStatement {
 public:
  using Ref = std::shared_ptr<PreparedStatement>;
  using PlanRef = std::shared_ptr<const sql::BoundStatement>;
  using AstRef = std::shared_ptr<const sql::ast::Statement>;

  /// Plans a query, INSERT, UPDATE, DELETE or EXPLAIN. `options`: its text, and the types that the
  /// client gave for parameters.
  static data::Result<Ref> plan(AstRef statement, sql::BindOptions options,
                                const sql::SnapshotRef& catalog);
  /// What has no plan: the empty query (statement: nullptr), statements of the session (`schema`:
  /// their result's columns), and DDL, which is bound when its turn comes.
  static Ref without_plan(AstRef statement, sql::BindOptions options,
                          std::optional<data::Schema> schema);

  /// nullptr: the empty query.
  const sql::ast::Statement* statement() const { return statement_.get(); }
  const AstRef& statement_ref() const { return statement_; }
  const sql::BindOptions& options() const { return options_; }
  const std::vector<data::Type>& parameter_types() const { return parameter_types_; }
  /// The result's columns; empty optional: no rows.
  const std::optional<data::Schema>& schema() const { return schema_; }

  /// The plan for this catalog and search path; nullptr for what has none. 0A000 when another
  /// result would come of it than what the client was told; the errors of binding, when what it
  /// names has gone.
  data::Result<PlanRef> plan_for(const sql::SnapshotRef& catalog,
                                 const std::vector<std::string>& search_path);

 private:
  PreparedStatement(AstRef statement, sql::BindOptions options)
      : statement_(std::move(statement)), options_(std::move(options)) {}

  const AstRef statement_;
  sql::BindOptions options_;
  std::vector<data::Type> parameter_types_;
  std::optional<data::Schema> schema_;
  PlanRef plan_;
  sql::SnapshotRef catalog_;              // that of plan_
  const data::TimeZone* zone_ = nullptr;  // the session's when plan_ was made
};
using PreparedRef = PreparedStatement::Ref;

/// The named statements of a session: those of PREPARE and of the extended protocol share one
/// space.
class PreparedStatements {
 public:
  bool contains(const std::string& name) const { return by_name_.contains(name); }
  /// 26000.
  data::Result<PreparedRef> find(const std::string& name) const;
  /// 42P05 when there is one of this name.
  data::Status check_free(const std::string& name) const;
  /// After check_free.
  void add(const std::string& name, PreparedRef statement) {
    by_name_[name] = std::move(statement);
  }
  /// False: there was none.
  bool remove(const std::string& name) { return by_name_.erase(name) > 0; }
  void clear() { by_name_.clear(); }

 private:
  std::map<std::string, PreparedRef> by_name_;
};

}  // namespace forebay::server
