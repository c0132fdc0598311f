#include "state/store.h"

namespace forebay::state {

std::string store_key_prefix(uint16_t shard, TableId table) {
  std::string prefix(kStoreKeyPrefixBytes, '\0');
  write_store_key_prefix(shard, table, prefix.data());
  return prefix;
}

}  // namespace forebay::state
