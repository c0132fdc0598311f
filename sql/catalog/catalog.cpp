#include "sql/catalog/catalog.h"

#include <algorithm>
#include <deque>

#include "engine/operators/projected_relation.h"

namespace forebay::sql::catalog {

std::string_view kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kSource:
      return "source";
    case ObjectKind::kTable:
    case ObjectKind::kVirtual:
    case ObjectKind::kSinkTable:
      return "table";
    case ObjectKind::kView:
      return "view";
    case ObjectKind::kMaterializedView:
      return "materialized view";
    case ObjectKind::kSchema:
      return "schema";
    case ObjectKind::kFunction:
      return "function";
    case ObjectKind::kIndex:
      return "index";
    case ObjectKind::kSink:
      return "sink";
  }
  return "relation";
}

data::Schema CatalogObject::stored_columns() const {
  data::Schema all = columns;
  all.insert(all.end(), hidden_columns.begin(), hidden_columns.end());
  return all;
}

CatalogObjectRef known_to(const CatalogObjectRef& object, ObjectId reader) {
  if (reader.value == 0) return object;
  auto shape = std::find_if(object->shapes.begin(), object->shapes.end(),
                            [&](const auto& one) { return reader.value < one.until; });
  if (shape == object->shapes.end()) return object;
  auto known = std::make_shared<CatalogObject>(*object);
  const auto all = static_cast<uint32_t>(object->columns.size());
  const auto count = static_cast<uint32_t>(shape->names.size());
  known->columns.resize(count);
  for (uint32_t i = 0; i < count; ++i) known->columns[i].name = shape->names[i];
  if (count == all) return known;
  if (!known->defaults.empty()) known->defaults.resize(count);
  if (!known->metadata.empty()) known->metadata.resize(count);
  for (uint32_t i = 0; i < all + object->hidden_columns.size(); ++i) {
    if (i < count || i >= all) known->choice.push_back(i);
  }
  auto renumber = [&](std::vector<uint32_t>& columns) {
    for (uint32_t& column : columns) {
      if (column >= all) column -= all - count;
    }
  };
  renumber(known->key_columns);
  for (std::vector<uint32_t>& key : known->unique_keys) renumber(key);
  if (object->relation != nullptr) {
    std::vector<uint32_t> keys = object->relation->key_columns();
    renumber(keys);
    known->relation = operators::projected(object->relation, known->choice, std::move(keys));
  }
  return known;
}

CatalogObjectRef CatalogSnapshot::find(ObjectId id) const {
  auto found = by_id_.find(id.value);
  return found == by_id_.end() ? nullptr : found->second;
}

CatalogObjectRef CatalogSnapshot::find(std::string_view schema, std::string_view name) const {
  auto found = by_name_.find({std::string(schema), std::string(name)});
  return found == by_name_.end() ? nullptr : found->second;
}

bool CatalogSnapshot::has_schema(std::string_view schema) const {
  return std::find(std::begin(kSchemas), std::end(kSchemas), schema) != std::end(kSchemas) ||
         find_schema(schema) != nullptr;
}

CatalogObjectRef CatalogSnapshot::find_schema(std::string_view name) const {
  auto found = schemas_.find(name);
  return found == schemas_.end() ? nullptr : found->second;
}

std::vector<CatalogObjectRef> CatalogSnapshot::schemas() const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [name, schema] : schemas_) all.push_back(schema);
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::members(std::string_view schema) const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [id, object] : by_id_) {
    if (object->schema == schema && object->kind != ObjectKind::kVirtual &&
        object->kind != ObjectKind::kIndex) {
      all.push_back(object);
    }
  }
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::objects() const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [id, object] : by_id_) {
    if (object->kind == ObjectKind::kVirtual) all.push_back(object);
  }
  for (const auto& [id, object] : by_id_) {
    if (object->kind != ObjectKind::kVirtual && object->kind != ObjectKind::kFunction &&
        object->kind != ObjectKind::kIndex && object->kind != ObjectKind::kSink &&
        object->kind != ObjectKind::kSinkTable) {
      all.push_back(object);
    }
  }
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::functions() const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [id, object] : by_id_) {
    if (object->kind == ObjectKind::kFunction) all.push_back(object);
  }
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::functions(std::string_view schema,
                                                         std::string_view name) const {
  std::vector<CatalogObjectRef> found = functions();
  std::erase_if(found, [&](const CatalogObjectRef& function) {
    return function->schema != schema || function->function_name != name;
  });
  return found;
}

std::vector<CatalogObjectRef> CatalogSnapshot::sinks() const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [id, object] : by_id_) {
    if (object->kind == ObjectKind::kSink) all.push_back(object);
  }
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::indexes() const {
  std::vector<CatalogObjectRef> all;
  for (const auto& [id, object] : by_id_) {
    if (object->kind == ObjectKind::kIndex) all.push_back(object);
  }
  return all;
}

std::vector<CatalogObjectRef> CatalogSnapshot::indexes(ObjectId id) const {
  std::vector<CatalogObjectRef> found = dependants(id);
  std::erase_if(found, [](const auto& object) { return object->kind != ObjectKind::kIndex; });
  return found;
}

std::vector<CatalogObjectRef> CatalogSnapshot::dependants(ObjectId id) const {
  std::vector<CatalogObjectRef> found;
  for (const auto& [other, object] : by_id_) {
    const auto& reads = object->dependencies;
    if (std::find(reads.begin(), reads.end(), id) != reads.end()) found.push_back(object);
  }
  return found;
}

std::vector<std::string> CatalogSnapshot::similar_names(std::string_view name) const {
  // Of a name of one or two letters everything is near.
  const size_t most = name.size() <= 2 ? 0 : std::max<size_t>(1, name.size() / 3);
  std::vector<std::pair<size_t, std::string>> found;
  for (const auto& [key, object] : by_name_) {
    size_t distance = edit_distance(name, object->name);
    if (distance > most || distance == name.size()) continue;
    const bool plain = object->schema == "public" || object->schema == "pg_catalog";
    found.emplace_back(distance, plain ? object->name : object->schema + "." + object->name);
  }
  // A right name in another schema is found with distance 0.
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [distance, text] : found) names.push_back(std::move(text));
  return names;
}

SnapshotRef CatalogSnapshot::with(CatalogObjectRef object) const {
  auto copy = std::make_shared<CatalogSnapshot>(*this);
  if (object->kind == ObjectKind::kSchema) {
    copy->schemas_[object->name] = std::move(object);
    return copy;
  }
  if (object->kind != ObjectKind::kFunction) {
    copy->by_name_[{object->schema, object->name}] = object;
  }
  copy->by_id_[object->id.value] = std::move(object);
  return copy;
}

SnapshotRef CatalogSnapshot::without(const std::vector<ObjectId>& ids) const {
  auto copy = std::make_shared<CatalogSnapshot>(*this);
  for (ObjectId id : ids) {
    std::erase_if(copy->schemas_, [&](const auto& entry) { return entry.second->id == id; });
    auto found = copy->by_id_.find(id.value);
    if (found == copy->by_id_.end()) continue;
    if (found->second->kind != ObjectKind::kFunction)
      copy->by_name_.erase({found->second->schema, found->second->name});
    copy->by_id_.erase(found);
  }
  return copy;
}

SnapshotRef Catalog::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

void Catalog::publish(SnapshotRef snapshot) {
  std::lock_guard lock(mutex_);
  snapshot_ = std::move(snapshot);
}

void Catalog::add_virtual(std::string schema, std::string name, data::Schema columns,
                          VirtualRows rows) {
  auto object = std::make_shared<CatalogObject>();
  object->id = ObjectId(next_virtual_++);
  object->kind = ObjectKind::kVirtual;
  object->schema = std::move(schema);
  object->name = std::move(name);
  object->columns = std::move(columns);
  object->rows = std::move(rows);
  publish(snapshot()->with(std::move(object)));
}

size_t edit_distance(std::string_view a, std::string_view b) {
  // Optimal string alignment: three rows of the table.
  std::vector<size_t> before, row(b.size() + 1), next(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = row[j - 1] + (a[i - 1] != b[j - 1]);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before = row;
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace forebay::sql::catalog
