#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/parser/parser.h"
#include "sql/plan/temporal.h"

/// FROM: relations, derived tables, joins.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;
using plan::JoinKind;

Result<Binder::FromItem> Binder::bind_from(const std::vector<ast::TableRefPtr>& from,
                                           const Scope* outer) {
  FromItem all;
  all.plan = nullptr;
  all.scope.parent = outer;
  for (const auto& ref : from) {
    FOREBAY_ASSIGN_OR_RETURN(FromItem item, bind_table_ref(*ref, outer, &all.scope));
    for (const ScopeRelation& relation : item.scope.relations) {
      for (const ScopeRelation& other : all.scope.relations) {
        if (relation.alias == other.alias && relation.schema == other.schema &&
            !relation.alias.empty()) {
          return error(state::kDuplicateAlias,
                       fmt::format("table name \"{}\" specified more than once", relation.alias),
                       ref->position);
        }
      }
    }
    if (all.plan) {
      FOREBAY_ASSIGN_OR_RETURN(
          all.plan, join_items(JoinKind::kInner, all.plan, item.plan, nullptr, ref->position));
    } else {
      all.plan = item.plan;
    }
    all.scope.append(std::move(item.scope));
  }
  if (!all.plan) all.plan = plan::make_unit();
  return all;
}

Result<NodeRef> Binder::join_items(JoinKind kind, const NodeRef& left, const NodeRef& right,
                                   ExprRef condition, int32_t position) {
  plan::ColumnSet given = plan::column_set(left->columns);
  bool dependent = false;
  for (ColumnId id : plan::free_columns(right)) dependent |= given.contains(id);
  if (!dependent) return plan::make_join(kind, left, right, {}, std::move(condition));
  if (kind != JoinKind::kInner && kind != JoinKind::kLeft) {
    return unsupported("LATERAL in a RIGHT or FULL join is", position,
                       "Use INNER or LEFT JOIN LATERAL.");
  }
  return plan::make_dependent_join(kind, left, right, std::move(condition));
}

Result<Binder::FromItem> Binder::bind_table_ref(const ast::TableRef& ref, const Scope* outer,
                                                const Scope* lateral) {
  switch (ref.kind) {
    case ast::TableRefKind::kTable:
      return bind_named(ast::as<ast::NamedTable>(ref));
    case ast::TableRefKind::kSubquery: {
      const auto& table = ast::as<ast::SubqueryTable>(ref);
      FOREBAY_ASSIGN_OR_RETURN(QueryPlan query,
                               bind_query(*table.query, ref.lateral ? lateral : outer));
      return bind_derived(std::move(query), "", ref.alias, ref.position);
    }
    case ast::TableRefKind::kFunction:
      return bind_function_table(ast::as<ast::FunctionTable>(ref), lateral);
    case ast::TableRefKind::kJoin:
      return bind_join(ast::as<ast::JoinTable>(ref), outer, lateral);
  }
  return Status::internal("unknown FROM item");
}

Result<Binder::FromItem> Binder::bind_named(const ast::NamedTable& table) {
  if (table.as_of != nullptr && !std::exchange(as_of_allowed_, false)) {
    return unsupported("FOR SYSTEM_TIME AS OF outside the right side of a JOIN is",
                       leftmost_position(*table.as_of),
                       "Write o JOIN r FOR SYSTEM_TIME AS OF o.time ON o.key = r.key.");
  }
  if (table.name.size() == 1) {
    for (const CteFrame* frame = ctes_; frame != nullptr; frame = frame->parent) {
      for (size_t i = 0; i < frame->tables->size(); ++i) {
        const ast::CommonTable& cte = (*frame->tables)[i];
        if (cte.name != table.name[0]) continue;
        if (i >= frame->visible) {
          if (!frame->recursive) continue;
          return unsupported("WITH RECURSIVE is", table.position,
                             "Write the steps as separate views.");
        }
        CteFrame inner = *frame;
        inner.visible = i;
        const CteFrame* saved = std::exchange(ctes_, &inner);
        auto query = bind_query(*cte.query, frame->outer);
        ctes_ = saved;
        if (!query.is_ok()) return query.take_status();
        ast::TableAlias own;
        own.columns = cte.columns;
        FOREBAY_ASSIGN_OR_RETURN(FromItem item,
                                 bind_derived(std::move(*query), cte.name, own, cte.position));
        ScopeRelation& relation = item.scope.relations[0];
        FOREBAY_RETURN_IF_ERROR(rename_columns(relation, table.alias, table.position));
        item.scope.visible = relation.columns;
        return item;
      }
    }
  }
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object, find_object(table.name, table.position));
  if (object->kind == ObjectKind::kIndex) {
    return error(state::kWrongObjectType, fmt::format("\"{}\" is an index", object->name),
                 table.position);
  }
  if (object->kind == ObjectKind::kSink || object->kind == ObjectKind::kSinkTable) {
    return error(state::kWrongObjectType, fmt::format("\"{}\" is a sink", object->name),
                 table.position)
        .with_hint("Its rows are delivered, not kept: read what it reads.");
  }
  object = catalog::known_to(object, reader_);
  if (view_depth_ == 0) {
    references_.push_back(
        {object->id, table.position, table.name.size(), !table.alias.name.empty()});
  }
  if (object->kind == ObjectKind::kView) return bind_view(object, table.alias, table.position);
  return bind_object(object, table.alias, table.position);
}

Binder::FromItem Binder::scan_of(const CatalogObjectRef& object, bool with_hidden) {
  FromItem item;
  ScopeRelation relation;
  relation.schema = object->schema;
  relation.alias = object->name;
  relation.object = object;
  Columns columns;
  std::vector<uint32_t> positions;
  data::Schema schema = object->stored_columns();
  for (uint32_t i = 0; i < schema.size(); ++i) {
    if (i >= object->columns.size() && !with_hidden) break;
    columns.push_back(columns_.make(schema[i].name, schema[i].type));
    positions.push_back(i);
    if (i >= object->columns.size()) continue;
    if (object->kind == ObjectKind::kSource && !object->metadata.empty()) {
      const std::string& metadata = object->metadata[i];
      if (object->is_generated(i)) {
        // Computed from it.
      } else if (metadata == "partition") {
        positions.back() = plan::kMetadataPartition;
      } else if (metadata == "offset") {
        positions.back() = plan::kMetadataOffset;
      } else if (!metadata.empty()) {
        positions.back() = plan::kMetadataColumn + i;
      }
    }
    relation.columns.push_back({schema[i].name, plan::column_ref(columns.back())});
  }
  if (object->declared_key) {
    for (uint32_t position : object->key_columns) relation.key.push_back(columns[position].id);
  }
  item.plan = plan::make_scan(object, std::move(columns), std::move(positions), ttl_us_);
  item.scope.visible = relation.columns;
  item.scope.relations.push_back(std::move(relation));
  return item;
}

Result<Binder::FromItem> Binder::bind_object(const CatalogObjectRef& object,
                                             const ast::TableAlias& alias, int32_t position) {
  if (object->kind == ObjectKind::kVirtual && materialized_) {
    return unsupported(fmt::format("system table \"{}.{}\" in a materialized view is",
                                   object->schema, object->name),
                       position, "Query it directly, or make a plain view.");
  }
  if (object->kind == ObjectKind::kSource && !materialized_ && !defines_view_) {
    return unsupported(
        fmt::format("reading source \"{}\" directly is", object->name), position,
        fmt::format("A source keeps no rows: CREATE MATERIALIZED VIEW v AS SELECT * FROM {}; "
                    "then query the view.",
                    ast::quote_identifier(object->name)));
  }
  if (std::find(dependencies_.begin(), dependencies_.end(), object->id) == dependencies_.end()) {
    dependencies_.push_back(object->id);
  }
  FromItem item = scan_of(object, false);
  ScopeRelation& relation = item.scope.relations[0];
  FOREBAY_RETURN_IF_ERROR(rename_columns(relation, alias, position));
  item.scope.visible = relation.columns;
  return item;
}

Status Binder::rename_columns(ScopeRelation& relation, const ast::TableAlias& alias,
                              int32_t position) {
  if (!alias.name.empty()) {
    relation.alias = alias.name;
    relation.schema.clear();
  }
  if (alias.columns.size() > relation.columns.size()) {
    return error(state::kInvalidColumnReference,
                 fmt::format("table \"{}\" has {} columns available but {} columns specified",
                             relation.alias, relation.columns.size(), alias.columns.size()),
                 position);
  }
  for (size_t i = 0; i < alias.columns.size(); ++i) relation.columns[i].name = alias.columns[i];
  return Status::ok();
}

Result<Binder::FromItem> Binder::bind_view(const CatalogObjectRef& view,
                                           const ast::TableAlias& alias, int32_t position) {
  if (view_depth_ > 100) {
    return error(state::kTooComplex, "views are nested too deeply", position);
  }
  if (view_depth_ == 0 &&
      std::find(dependencies_.begin(), dependencies_.end(), view->id) == dependencies_.end()) {
    dependencies_.push_back(view->id);
  }
  FOREBAY_ASSIGN_OR_RETURN(auto parsed, parse_statements(view->definition));
  if (parsed.size() != 1 || parsed[0].statement->kind != ast::StatementKind::kCreateView) {
    return Status::internal(fmt::format("view \"{}\" has no query", view->name));
  }
  const auto& create = ast::as<ast::CreateView>(*parsed[0].statement);
  const CteFrame* saved = std::exchange(ctes_, nullptr);
  const bool was_top = view_depth_++ == 0;
  std::vector<ObjectId> outside = dependencies_;
  const auto* outer_path = std::exchange(search_path_, &view->search_path);
  const ObjectId outer_reader = std::exchange(reader_, view->id);
  auto query = bind_query(*create.query, nullptr);
  search_path_ = outer_path;
  reader_ = outer_reader;
  --view_depth_;
  ctes_ = saved;
  // A plain view that reads a view depends on that view, but what is materialized depends on the
  // tables.
  if (was_top && !materialized_) dependencies_ = std::move(outside);
  if (!query.is_ok()) return query.take_status();
  for (size_t i = 0; i < query->columns.size() && i < view->columns.size(); ++i) {
    query->columns[i].name = view->columns[i].name;
  }
  return bind_derived(std::move(*query), view->name, alias, position);
}

Result<Binder::FromItem> Binder::bind_derived(QueryPlan query, const std::string& name,
                                              const ast::TableAlias& alias, int32_t position) {
  FromItem item;
  item.plan = std::move(query.plan);
  ScopeRelation relation;
  relation.alias = name;
  for (OutputColumn& column : query.columns) {
    relation.columns.push_back(
        {column.name, plan::column_ref(column.column), std::move(column.fields)});
  }
  FOREBAY_RETURN_IF_ERROR(rename_columns(relation, alias, position));
  item.scope.visible = relation.columns;
  item.scope.relations.push_back(std::move(relation));
  return item;
}

namespace {

JoinKind plan_kind(ast::JoinKind kind) {
  switch (kind) {
    case ast::JoinKind::kLeft:
      return JoinKind::kLeft;
    case ast::JoinKind::kRight:
      return JoinKind::kRight;
    case ast::JoinKind::kFull:
      return JoinKind::kFull;
    default:
      return JoinKind::kInner;
  }
}

}  // namespace

Result<Binder::FromItem> Binder::bind_join(const ast::JoinTable& join, const Scope* outer,
                                           const Scope* lateral) {
  FOREBAY_ASSIGN_OR_RETURN(FromItem left, bind_table_ref(*join.left, outer, lateral));
  Scope right_lateral = left.scope;
  right_lateral.parent = lateral;
  as_of_allowed_ = is_time_join(join) && !join.asof;
  FOREBAY_ASSIGN_OR_RETURN(FromItem right, bind_table_ref(*join.right, outer, &right_lateral));
  for (const ScopeRelation& relation : right.scope.relations) {
    for (const ScopeRelation& other : left.scope.relations) {
      if (relation.alias == other.alias && relation.schema == other.schema &&
          !relation.alias.empty()) {
        return error(state::kDuplicateAlias,
                     fmt::format("table name \"{}\" specified more than once", relation.alias),
                     join.right->position);
      }
    }
  }
  JoinKind kind = plan_kind(join.join);
  FromItem out;
  std::vector<ExprRef> conditions;
  if (is_time_join(join)) {
    const FromItem right_side = right;
    const Scope left_scope = left.scope;
    if (join.natural || !join.using_columns.empty()) {
      FOREBAY_RETURN_IF_ERROR(merge_columns(join, left, right, conditions, out.scope));
    } else {
      out.scope = std::move(left.scope);
      out.scope.append(std::move(right.scope));
      out.scope.parent = outer;
    }
    FOREBAY_ASSIGN_OR_RETURN(out.plan, join_by_time(join, left.plan, right_side, left_scope,
                                                    std::move(conditions), out.scope));
  } else if (join.natural || !join.using_columns.empty()) {
    FOREBAY_RETURN_IF_ERROR(merge_columns(join, left, right, conditions, out.scope));
    FOREBAY_ASSIGN_OR_RETURN(
        out.plan, join_items(kind, left.plan, right.plan,
                             plan::make_conjunction(std::move(conditions)), join.position));
  } else {
    NodeRef left_plan = left.plan;
    NodeRef right_plan = right.plan;
    out.scope = std::move(left.scope);
    out.scope.append(std::move(right.scope));
    out.scope.parent = outer;
    FOREBAY_ASSIGN_OR_RETURN(out.plan,
                             join_on_condition(join, kind, left_plan, right_plan, out.scope));
  }
  if (!join.alias.name.empty()) {
    // An alias hides the names inside.
    ScopeRelation relation;
    relation.columns = out.scope.visible;
    FOREBAY_RETURN_IF_ERROR(rename_columns(relation, join.alias, join.position));
    out.scope.visible = relation.columns;
    out.scope.relations = {std::move(relation)};
  }
  return out;
}

Result<NodeRef> Binder::join_on_condition(const ast::JoinTable& join, JoinKind kind, NodeRef left,
                                          NodeRef right, const Scope& scope) {
  if (!join.condition) return join_items(kind, left, right, nullptr, join.position);
  ExprContext context{&scope, Clause::kJoin, nullptr, nullptr};
  PendingSubqueries pending;
  context.subqueries = &pending;
  const TemporalPlace here(*this, materialized_);
  if (kind == JoinKind::kInner) {
    ConditionSteps steps;
    FOREBAY_RETURN_IF_ERROR(bind_steps(*join.condition, context, "JOIN/ON", steps));
    FOREBAY_RETURN_IF_ERROR(check_temporal(steps));
    FOREBAY_ASSIGN_OR_RETURN(NodeRef both, join_items(kind, left, right, nullptr, join.position));
    return apply_steps(std::move(both), steps);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef condition, bind_condition(*join.condition, context, "JOIN/ON"));
  plan::ColumnSet left_columns = plan::column_set(left->columns);
  plan::ColumnSet right_columns = plan::column_set(right->columns);
  FOREBAY_RETURN_IF_ERROR(check_temporal(condition,
                                         kind == JoinKind::kLeft    ? right_columns
                                         : kind == JoinKind::kRight ? left_columns
                                                                    : plan::ColumnSet(),
                                         join.condition->position));
  for (const PendingSubquery& subquery : pending) {
    plan::ColumnSet used = plan::free_columns(subquery.plan);
    auto uses = [&](const plan::ColumnSet& columns) {
      return std::any_of(used.begin(), used.end(),
                         [&](ColumnId id) { return columns.contains(id); });
    };
    if (uses(left_columns) && uses(right_columns)) {
      return unsupported("a subquery over both sides in the condition of an outer join is",
                         subquery.position, "Compute it in a derived table of one side.");
    }
    NodeRef& side = uses(left_columns) ? left : right;
    side = plan::make_dependent_join(subquery.join, side, subquery.plan, nullptr);
  }
  return join_items(kind, left, right, std::move(condition), join.position);
}

// Of rows without partner, which an outer join shows anyhow, now() may take some away before it.
Status Binder::check_temporal(const ExprRef& condition, const plan::ColumnSet& not_kept,
                              int32_t position) const {
  std::vector<ExprRef> conjuncts;
  if (materialized_) plan::split_conjuncts(condition, conjuncts);
  for (const ExprRef& conjunct : conjuncts) {
    if (!plan::uses_now(conjunct)) continue;
    if (plan::temporal_bound(conjunct) && plan::uses_only(conjunct, not_kept)) continue;
    return unsupported("this use of now() in the condition of an outer join is", position,
                       "Compare a time of the side that may be missing with it, or filter the rows "
                       "in a subquery first.");
  }
  return Status::ok();
}

Status Binder::merge_columns(const ast::JoinTable& join, FromItem& left, FromItem& right,
                             std::vector<ExprRef>& conditions, Scope& merged) {
  std::vector<std::string> names = join.using_columns;
  if (join.natural) {
    for (const ScopeColumn& column : left.scope.visible) {
      for (const ScopeColumn& other : right.scope.visible) {
        if (other.name == column.name &&
            std::find(names.begin(), names.end(), column.name) == names.end()) {
          names.push_back(column.name);
        }
      }
    }
  }
  auto find_one = [&](const Scope& scope, const std::string& name, const char* side,
                      int32_t position) -> Result<ExprRef> {
    ExprRef found;
    for (const ScopeColumn& column : scope.visible) {
      if (column.name != name) continue;
      if (found) {
        return error(
            state::kAmbiguousColumn,
            fmt::format("common column name \"{}\" appears more than once in {} table", name, side),
            position);
      }
      found = column.value;
    }
    if (!found) {
      return error(state::kUndefinedColumn,
                   fmt::format("column \"{}\" specified in USING clause does not exist in {} table",
                               name, side),
                   position);
    }
    return found;
  };
  std::vector<ScopeColumn> common;
  for (size_t i = 0; i < names.size(); ++i) {
    int32_t position = i < join.using_positions.size() ? join.using_positions[i] : join.position;
    FOREBAY_ASSIGN_OR_RETURN(ExprRef a, find_one(left.scope, names[i], "left", position));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef b, find_one(right.scope, names[i], "right", position));
    // ASOF JOIN: the last column is the time.
    const char* op = join.asof && i + 1 == names.size() ? ">=" : "=";
    FOREBAY_ASSIGN_OR_RETURN(ExprRef equal, apply_operator(op, {a, b}, position));
    conditions.push_back(equal);
    std::vector<ExprRef> both{a, b};
    Type type;
    FOREBAY_RETURN_IF_ERROR(unify(both, "JOIN/USING", &type));
    ExprRef value = join.join == ast::JoinKind::kRight  ? both[1]
                    : join.join == ast::JoinKind::kFull ? expr::coalesce(type, both)
                                                        : both[0];
    common.push_back({names[i], value});
  }
  merged.visible = common;
  for (const Scope* scope : {&left.scope, &right.scope}) {
    for (const ScopeColumn& column : scope->visible) {
      if (std::find(names.begin(), names.end(), column.name) == names.end()) {
        merged.visible.push_back(column);
      }
    }
  }
  for (Scope* scope : {&left.scope, &right.scope}) {
    for (ScopeRelation& relation : scope->relations)
      merged.relations.push_back(std::move(relation));
  }
  if (!join.using_alias.empty()) {
    ScopeRelation relation;
    relation.alias = join.using_alias;
    relation.columns = common;
    merged.relations.push_back(std::move(relation));
  }
  return Status::ok();
}

}  // namespace forebay::sql::binder
