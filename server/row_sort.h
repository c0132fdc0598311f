#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/operators/specs.h"

namespace forebay::server {

/// Sorts the rows of one result: by the keys, ties by the bytes of the whole row.
class RowSort {
 public:
  explicit RowSort(std::vector<operators::SortKey> order) : order_(std::move(order)) {}
  void add(data::ChangeBatch batch);
  /// Gives all rows in order, in batches.
  data::Status finish(const std::function<data::Status(const data::ChangeBatch&)>& visit);

 private:
  std::vector<operators::SortKey> order_;
  std::vector<data::ChangeBatch> batches_;
};

}  // namespace forebay::server
