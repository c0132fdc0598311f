#include "udfs/catalog_facts.h"

#include <mutex>
#include <utility>

namespace forebay::udfs {

namespace {

std::mutex facts_mutex;
std::shared_ptr<const CatalogFacts> known_facts;  // facts_mutex

}  // namespace

std::shared_ptr<const CatalogFacts> catalog_facts() {
  std::lock_guard lock(facts_mutex);
  return known_facts;
}

void set_catalog_facts(std::shared_ptr<const CatalogFacts> facts) {
  std::lock_guard lock(facts_mutex);
  known_facts = std::move(facts);
}

}  // namespace forebay::udfs
