#include <fmt/format.h>

#include <algorithm>

#include "sql/ast/print.h"
#include "sql/binder/binder.h"
#include "sql/binder/dependants.h"

/// DROP.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;

namespace {

ObjectKind kind_of(ast::ObjectKind kind) {
  switch (kind) {
    case ast::ObjectKind::kSource:
      return ObjectKind::kSource;
    case ast::ObjectKind::kView:
      return ObjectKind::kView;
    case ast::ObjectKind::kMaterializedView:
      return ObjectKind::kMaterializedView;
    case ast::ObjectKind::kIndex:
      return ObjectKind::kIndex;
    case ast::ObjectKind::kSink:
      return ObjectKind::kSink;
    default:
      return ObjectKind::kTable;
  }
}

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

void note_cascades(const std::vector<std::string>& cascades, std::vector<std::string>& notices) {
  if (cascades.size() == 1) notices.push_back("drop cascades to " + cascades[0]);
  if (cascades.size() > 1) {
    notices.push_back(fmt::format("drop cascades to {} other objects", cascades.size()));
  }
}

bool contains_object(const std::vector<CatalogObjectRef>& list, ObjectId id) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& object) { return object->id == id; });
}

void add_dependants(const catalog::CatalogSnapshot& snapshot, const CatalogObjectRef& object,
                    std::vector<CatalogObjectRef>& out) {
  for (const CatalogObjectRef& reader : snapshot.dependants(object->id)) {
    add_dependants(snapshot, reader, out);
    if (!contains_object(out, reader->id)) out.push_back(reader);
  }
}

Result<std::vector<CatalogObjectRef>> Binder::find_dropped(
    const ast::Drop& drop, std::vector<std::string>& notices) const {
  const ObjectKind wanted = kind_of(drop.object);
  const std::string word(catalog::kind_name(wanted));
  std::vector<CatalogObjectRef> targets;
  for (const ast::QualifiedName& name : drop.names) {
    FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object, lookup_object(name.parts, name.position));
    if (!object) {
      const std::string shown = fmt::format("{}", fmt::join(name.parts, "."));
      if (!drop.if_exists) {
        return error(
            wanted == ObjectKind::kIndex ? state::kUndefinedObject : state::kUndefinedTable,
            fmt::format("{} \"{}\" does not exist", word, shown), name.position);
      }
      notices.push_back(fmt::format("{} \"{}\" does not exist, skipping", word, shown));
      continue;
    }
    if (object->kind == ObjectKind::kVirtual) {
      return error(data::SqlState("42501"),
                   fmt::format("permission denied: \"{}\" is a system catalog", object->name),
                   name.position);
    }
    // What CREATE TABLE has made.
    const bool is_flink_table = wanted == ObjectKind::kTable &&
                                (object->kind == ObjectKind::kSinkTable ||
                                 (object->kind == ObjectKind::kSource && object->made_as_table));
    if (object->kind != wanted && !is_flink_table) {
      const std::string own = upper(catalog::kind_name(object->kind));
      return error(state::kWrongObjectType,
                   fmt::format("\"{}\" is not {} {}", object->name,
                               wanted == ObjectKind::kIndex ? "an" : "a", word),
                   name.position)
          .with_hint(fmt::format("Use DROP {} to remove {} {}.", own,
                                 object->kind == ObjectKind::kIndex ? "an" : "a",
                                 catalog::kind_name(object->kind)));
    }
    if (!contains_object(targets, object->id)) targets.push_back(object);
  }
  for (const CatalogObjectRef& target : targets) {
    if (target->maker.value == 0 || contains_object(targets, target->maker)) continue;
    const CatalogObjectRef maker = snapshot_->find(target->maker);
    return Status(state::kDependentObjects,
                  fmt::format("cannot drop {} {} because {} {} requires it", word, target->name,
                              catalog::kind_name(maker->kind), maker->name))
        .with_hint(fmt::format("You can drop {} {} instead.", catalog::kind_name(maker->kind),
                               maker->name));
  }
  return targets;
}

Result<BoundDrop> Binder::bind_drop(const ast::Drop& drop, std::vector<std::string>& notices) {
  const std::string word(catalog::kind_name(kind_of(drop.object)));
  FOREBAY_ASSIGN_OR_RETURN(const std::vector<CatalogObjectRef> targets,
                           find_dropped(drop, notices));
  BoundDrop out;
  std::vector<std::string> details, cascades;
  for (const CatalogObjectRef& target : targets) {
    std::vector<CatalogObjectRef> readers;
    add_dependants(*snapshot_, target, readers);
    for (size_t i = readers.size(); i-- > 0;) {
      const CatalogObjectRef& reader = readers[i];
      // Indexes go with what they are of, late rows with the view that keeps them.
      const bool is_part = reader->kind == ObjectKind::kIndex || reader->maker.value != 0;
      if (is_part || contains_object(targets, reader->id)) continue;
      // Named by what it reads itself.
      std::string read = fmt::format("{} {}", word, target->name);
      for (ObjectId id : reader->dependencies) {
        CatalogObjectRef object = snapshot_->find(id);
        if (object && (object->id == target->id || contains_object(readers, id))) {
          read = fmt::format("{} {}", catalog::kind_name(object->kind), object->name);
        }
      }
      details.push_back(
          fmt::format("{} {} depends on {}", catalog::kind_name(reader->kind), reader->name, read));
      if (!contains_object(out.objects, reader->id)) {
        cascades.push_back(fmt::format("{} {}", catalog::kind_name(reader->kind), reader->name));
      }
    }
    for (const CatalogObjectRef& reader : readers) {
      if (!contains_object(out.objects, reader->id)) out.objects.push_back(reader);
    }
    if (!contains_object(out.objects, target->id)) out.objects.push_back(target);
  }
  if (!cascades.empty() && !drop.cascade) {
    std::string what = targets.size() == 1
                           ? fmt::format("cannot drop {} {} because other objects depend on it",
                                         word, targets[0]->name)
                           : "cannot drop desired object(s) because other objects depend on them";
    return Status(state::kDependentObjects, what)
        .with_detail(fmt::format("{}", fmt::join(details, "\n")))
        .with_hint("Use DROP ... CASCADE to drop the dependent objects too.");
  }
  note_cascades(cascades, notices);
  return out;
}

}  // namespace forebay::sql::binder
