#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"

/// ALTER ... PAUSE and RESUME, and REFRESH MATERIALIZED VIEW.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

Result<BoundAlter> Binder::bind_pause(const ast::Alter& alter, const CatalogObjectRef& object,
                                      std::vector<std::string>& notices) {
  const bool pauses = alter.action == ast::AlterAction::kPause;
  const char* word = pauses ? "PAUSE" : "RESUME";
  if (object->kind == ObjectKind::kView) {
    return unsupported(fmt::format("{} of a view is", word), alter.name.position,
                       "A view keeps nothing: it shows what it reads.");
  }
  if (object->kind == ObjectKind::kTable && object->connector == nullptr) {
    return unsupported(fmt::format("{} of a table without a connector is", word),
                       alter.name.position, "It changes by INSERT, UPDATE and DELETE alone.");
  }
  if (object->kind == ObjectKind::kMaterializedView) {
    bool reads_source = false;
    for (data::ObjectId id : object->dependencies) {
      const CatalogObjectRef read = snapshot_->find(id);
      if (read == nullptr) continue;
      reads_source |= read->kind == ObjectKind::kSource;
      if (!read->is_stored()) continue;
      return unsupported(
          fmt::format("{} of a view that reads {} \"{}\" is", word, catalog::kind_name(read->kind),
                      read->name),
          alter.name.position,
          "It moves in the same epochs as what it reads: ALTER SOURCE ... PAUSE, or PAUSE of the "
          "view that reads the source, stops it, too.");
    }
    if (!reads_source) {
      return unsupported(fmt::format("{} of a view that reads no source is", word),
                         alter.name.position, "It does not change.");
    }
  }
  BoundAlter out;
  if (object->paused == pauses) {
    notices.push_back(fmt::format("{} \"{}\" is {}paused, skipping",
                                  catalog::kind_name(object->kind), object->name,
                                  pauses ? "already " : "not "));
    return out;
  }
  auto changed = std::make_shared<CatalogObject>(*object);
  changed->paused = pauses;
  out.objects.push_back(std::move(changed));
  out.paused = pauses;
  return out;
}

Result<BoundRefresh> Binder::bind_refresh(const ast::Refresh& refresh) {
  FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object,
                           find_object(refresh.name.parts, refresh.name.position));
  if (object->kind != ObjectKind::kMaterializedView) {
    return error(state::kWrongObjectType,
                 fmt::format("\"{}\" is not a materialized view", object->name), 0);
  }
  return BoundRefresh{object->id};
}

}  // namespace forebay::sql::binder
