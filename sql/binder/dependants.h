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

/// The notice of DROP ... CASCADE about what goes too, each as "view v".
void note_cascades(const std::vector<std::string>& cascades, std::vector<std::string>& notices);

}  // namespace forebay::sql::binder
