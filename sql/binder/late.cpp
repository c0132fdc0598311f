#include "sql/plan/late.h"

#include <fmt/format.h>

#include "sql/binder/binder.h"
#include "sql/plan/expressions.h"
#include "sql/plan/properties.h"

/// EMIT LATE INTO t.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

Status Binder::bind_late_into(const ast::CreateView& create, const CatalogObject& view,
                              BoundCreate& out) {
  const int32_t position = create.late_into.position;
  FOREBAY_ASSIGN_OR_RETURN(auto name, new_name(create.late_into));
  const CatalogObjectRef known = snapshot_->find(name.first, name.second);
  // A definition that is bound again finds what it made.
  const bool is_own =
      known != nullptr && options_.reader.value != 0 && known->maker == options_.reader;
  const bool is_view = name.first == view.schema && name.second == view.name;
  if ((known != nullptr && !is_own) || is_view) {
    return error(state::kDuplicateTable, fmt::format("relation \"{}\" already exists", name.second),
                 position)
        .with_hint("EMIT LATE INTO makes it, with the view.");
  }
  auto kept = plan::keep_late(out.plan, columns_);
  if (!kept.is_ok()) return kept.take_status().at(position);
  auto late = new_object(ObjectKind::kMaterializedView, name.first, name.second);
  late->append_only = true;
  for (const Column& column : kept->late->columns) {
    const bool never_null = plan::is_never_null(kept->late, plan::column_ref(column));
    late->columns.push_back({column.name, column.type, never_null});
  }
  out.plan = std::move(kept->plan);
  out.late_plan = std::move(kept->late);
  out.late = std::move(late);
  return Status::ok();
}

}  // namespace forebay::sql::binder
