#pragma once

#include <string>

#include "sql/plan/node.h"

/// Project nodes that are put together one value after the other.
namespace forebay::sql::plan {

/// A Project over one input while it is made. Equal values share a column when asked for.
class Projection {
 public:
  /// Of no columns yet. `factory` outlives it.
  Projection(NodeRef input, ColumnFactory& factory) : input_(std::move(input)), factory_(factory) {}
  /// Of all columns of the input, in order and under their own numbers, before what is added.
  static Projection behind(NodeRef input, ColumnFactory& factory);

  /// A column of its own for `value`, which is over the input's columns. A column of the input
  /// keeps its number the first time.
  Column add(const std::string& name, const ExprRef& value);
  /// The column of an equal value, or a new one of this name. `is_new`, unless nullptr: becomes
  /// true for a new one, else stays.
  Column find_or_add(const std::string& name, const ExprRef& value, bool* is_new = nullptr);

  const Columns& columns() const { return columns_; }
  /// The input itself when nothing came behind its columns.
  NodeRef finish() const;

 private:
  NodeRef input_;
  ColumnFactory& factory_;
  Columns columns_;
  std::vector<ExprRef> values_;  // of columns_
  bool is_behind_ = false;
};

}  // namespace forebay::sql::plan
