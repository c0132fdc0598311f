#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
#include "sql/binder/dependants.h"

/// CREATE SCHEMA and DROP SCHEMA.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;

Result<BoundCreate> Binder::bind_create_schema(const ast::CreateSchema& create,
                                               std::vector<std::string>& notices) {
  const std::string& name = create.name.name;
  if (name.starts_with("pg_")) {
    return error(data::SqlState("42939"), fmt::format("unacceptable schema name \"{}\"", name),
                 create.name.position)
        .with_detail("The prefix \"pg_\" is reserved for system schemas.");
  }
  const std::string& owner = create.owner.name;
  const bool is_self = owner == options_.user || owner == "current_user" ||
                       owner == "session_user" || owner == "current_role";
  if (!owner.empty() && !is_self) {
    return error(state::kUndefinedObject, fmt::format("role \"{}\" does not exist", owner),
                 create.owner.position);
  }
  BoundCreate out;
  if (snapshot_->has_schema(name)) {
    if (!create.if_not_exists) {
      return error(data::SqlState("42P06"), fmt::format("schema \"{}\" already exists", name),
                   create.name.position);
    }
    notices.push_back(fmt::format("schema \"{}\" already exists, skipping", name));
    out.exists_already = true;
    return out;
  }
  out.object = new_object(ObjectKind::kSchema, name, name);
  out.catalog = snapshot_;
  return out;
}

Result<BoundDrop> Binder::bind_drop_schema(const ast::Drop& drop,
                                           std::vector<std::string>& notices) {
  BoundDrop out;
  std::vector<CatalogObjectRef> schemas;
  for (const ast::QualifiedName& name : drop.names) {
    const std::string& schema = name.parts.back();
    CatalogObjectRef object = snapshot_->find_schema(schema);
    if (!object && snapshot_->has_schema(schema)) {
      return error(data::SqlState("42501"),
                   fmt::format("permission denied: \"{}\" is a system schema", schema),
                   name.position);
    }
    if (!object) {
      const std::string missing = fmt::format("schema \"{}\" does not exist", schema);
      if (!drop.if_exists) return error(state::kInvalidSchemaName, missing, name.position);
      notices.push_back(missing + ", skipping");
      continue;
    }
    if (!contains_object(schemas, object->id)) schemas.push_back(std::move(object));
  }
  std::vector<std::string> details, cascades;
  std::vector<CatalogObjectRef> members;
  for (const CatalogObjectRef& schema : schemas) {
    for (CatalogObjectRef& member : snapshot_->members(schema->name)) {
      members.push_back(std::move(member));
    }
  }
  for (const CatalogObjectRef& member : members) {
    std::vector<CatalogObjectRef> going;
    add_dependants(*snapshot_, member, going);
    going.push_back(member);
    details.push_back(fmt::format("{} {}.{} depends on schema {}", catalog::kind_name(member->kind),
                                  member->schema, member->name, member->schema));
    for (const CatalogObjectRef& object : going) {
      if (contains_object(out.objects, object->id)) continue;
      out.objects.push_back(object);
      cascades.push_back(
          fmt::format("{} {}.{}", catalog::kind_name(object->kind), object->schema, object->name));
    }
  }
  out.objects.insert(out.objects.end(), schemas.begin(), schemas.end());
  if (!cascades.empty() && !drop.cascade) {
    return Status(state::kDependentObjects,
                  schemas.size() == 1
                      ? fmt::format("cannot drop schema {} because other objects depend on it",
                                    schemas[0]->name)
                      : "cannot drop desired object(s) because other objects depend on them")
        .with_detail(fmt::format("{}", fmt::join(details, "\n")))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
  }
  note_cascades(cascades, notices);
  return out;
}

}  // namespace forebay::sql::binder
