#pragma once

#include <functional>
#include <string>

#include "sql/plan/node.h"

namespace forebay::sql::plan {

/// The plan as an indented tree, one node a line, columns by name (with their number where a name
/// is not unique). `note(node, input)` gives a line to print between a node and one of its inputs,
/// or "". What several nodes read is shown once.
std::string to_text(const NodeRef& node,
                    const std::function<std::string(const Node&, size_t)>& note = nullptr);

/// Names for columns as to_text shows them.
class ColumnNames {
 public:
  explicit ColumnNames(const NodeRef& root);
  std::string of(ColumnId id) const;
  std::string of(const ExprRef& expr) const;
  std::string list(const std::vector<ColumnId>& ids) const;

 private:
  void add(const NodeRef& node);
  std::unordered_map<ColumnId, std::string> names_;
  std::unordered_map<std::string, int> uses_;
};

}  // namespace forebay::sql::plan
