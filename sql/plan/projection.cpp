#include "sql/plan/projection.h"

#include "sql/plan/expressions.h"

namespace forebay::sql::plan {

Projection Projection::behind(NodeRef input, ColumnFactory& factory) {
  Projection out(std::move(input), factory);
  out.is_behind_ = true;
  out.columns_ = out.input_->columns;
  for (const Column& column : out.columns_) out.values_.push_back(column_ref(column));
  return out;
}

Column Projection::add(const std::string& name, const ExprRef& value) {
  const bool is_given = value->kind == expr::ExprKind::kColumn &&
                        find_column(input_->columns, value->column) != kNoColumn &&
                        find_column(columns_, value->column) == kNoColumn;
  columns_.push_back(is_given ? Column{value->column, value->type, name}
                              : factory_.make(name, value->type));
  values_.push_back(value);
  return columns_.back();
}

Column Projection::find_or_add(const std::string& name, const ExprRef& value, bool* is_new) {
  for (size_t i = 0; i < values_.size(); ++i) {
    if (expr::equal(*values_[i], *value)) return columns_[i];
  }
  if (is_new != nullptr) *is_new = true;
  return add(name, value);
}

NodeRef Projection::finish() const {
  if (is_behind_ && columns_.size() == input_->columns.size()) return input_;
  return make_project(input_, columns_, values_);
}

}  // namespace forebay::sql::plan
