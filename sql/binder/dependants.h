#pragma once

#include <vector>

#include "sql/catalog/catalog.h"

/// Who reads what, for DROP.
namespace forebay::sql::binder {

bool contains_object(const std::vector<catalog::CatalogObjectRef>& list, data::ObjectId id);

/// Adds the objects that read `object`, directly or not, each after those that read it.
void add_dependants(const catalog::CatalogSnapshot& snapshot,
                    const catalog::CatalogObjectRef& object,
                    std::vector<catalog::CatalogObjectRef>& out);

}  // namespace forebay::sql::binder
