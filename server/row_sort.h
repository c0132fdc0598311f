#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/operators/specs.h"
#include "server/memory_account.h"

namespace forebay::server {

/// Sorts the rows of one result: by the keys, ties by the bytes of the whole row. Rows and keys
/// count against the session's memory: 53200.
class RowSort {
 public:
  RowSort(std::vector<operators::SortKey> order, MemoryAccount& account)
      : order_(std::move(order)), memory_(account, "Sorting the result") {}
  data::Status add(data::ChangeBatch batch);
  /// Gives all rows in order, in batches; once.
  data::Status finish(const std::function<data::Status(const data::ChangeBatch&)>& visit);

 private:
  std::vector<operators::SortKey> order_;
  std::vector<data::ChangeBatch> batches_;
  MemoryAccount::Share memory_;
};

}  // namespace forebay::server
