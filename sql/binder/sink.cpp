#include "connectors/sink.h"

#include <fmt/format.h>

#include "sql/binder/binder.h"
#include "sql/explain/explain.h"
#include "sql/plan/watermarks.h"
#include "sql/rules/rules.h"

/// CREATE SINK: a query whose rows are delivered.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

Result<BoundCreate> Binder::bind_create_sink(const ast::CreateSink& create,
                                             std::vector<std::string>& notices) {
  BoundCreate out;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(create.name));
  FOREBAY_ASSIGN_OR_RETURN(
      out.exists_already,
      check_new_name(name.first, name.second, create.name.position, create.if_not_exists, notices));
  if (out.exists_already) return out;
  if (!create.late_into.parts.empty()) {
    return unsupported("EMIT LATE INTO of a sink is", create.late_into.position,
                       "Create a materialized view with EMIT LATE INTO, and a sink FROM it.");
  }
  auto object = new_object(ObjectKind::kSink, name.first, name.second);
  materialized_ = true;
  if (!create.into.parts.empty()) {
    FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef table, find_sink_table(create.into));
    references_.push_back({table->id, create.into.position, create.into.parts.size(), true});
    FOREBAY_ASSIGN_OR_RETURN(
        out, bind_sink_into(table, create.into_columns, *create.query, std::move(object),
                            create.name.position, create.on_close));
    explain::add_state_notices(out.plan, out.object->name, *snapshot_, notices);
    return out;
  }
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan bound, bind_query(*create.query, nullptr));
  FOREBAY_ASSIGN_OR_RETURN(bound, settle_outputs(std::move(bound)));
  if (!parameters_.empty()) {
    return error(state::kUndefinedParameter, "there is no parameter $1", create.query->position);
  }
  connectors::SinkSpec spec;
  spec.name = object->name;
  FOREBAY_RETURN_IF_ERROR(check_repeated(create.options));
  spec.options = options_of(create.options);
  if (create.format) {
    spec.format = create.format->format;
    spec.encode = create.format->encode;
    spec.encode_options = options_of(create.format->options);
  }
  FOREBAY_ASSIGN_OR_RETURN(out, finish_sink(std::move(bound), std::move(object), std::move(spec),
                                            create.name.position, create.on_close));
  explain::add_state_notices(out.plan, out.object->name, *snapshot_, notices);
  return out;
}

Result<BoundCreate> Binder::finish_sink(QueryPlan bound, std::shared_ptr<CatalogObject> object,
                                        connectors::SinkSpec spec, int32_t position,
                                        std::optional<int32_t> on_close) {
  Columns columns;
  for (const auto& column : bound.columns) {
    columns.push_back(column.column);
    columns.back().name = column.name;
    object->columns.push_back({column.name, column.column.type, false});
  }
  spec.schema = object->columns;
  Status status = connectors::check_sink(spec);
  if (!status.is_ok()) return std::move(status).at(position);
  object->dependencies = dependencies_;
  NodeRef plan = rules::optimize(plan::make_narrow(bound.plan, columns), columns_);
  plan = plan::make_narrow(plan::bound_groups(plan, on_close.has_value()), columns);
  if (on_close) {
    Result<NodeRef> closed = plan::close_windows(plan, columns_);
    if (!closed.is_ok()) return closed.take_status().at(*on_close);
    plan = std::move(closed).value();
  }
  plan = rules::merge_projections(rules::prune_columns(plan, plan::column_set(columns)));
  BoundCreate out;
  out.plan = rules::share_common(plan::make_narrow(std::move(plan), columns));
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

}  // namespace forebay::sql::binder
