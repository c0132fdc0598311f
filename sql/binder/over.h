#pragma once

#include "sql/binder/binder.h"

namespace forebay::sql::binder {

/// One call with OVER while it is bound: the function with its arguments (over.cpp), and what OVER
/// says (window.cpp).
class Binder::OverBinder {
 public:
  /// All that is given outlives it.
  OverBinder(Binder& binder, const ast::Function& function, const std::string& name,
             const ExprContext& context)
      : binder_(binder), function_(function), name_(name), context_(context), inner_(context) {}

  /// The call's column, which is among those of context.windows from now on; or NULL where a
  /// constant argument makes it so.
  Result<ExprRef> bind(bool is_aggregate);

 private:
  /// What OVER and the windows that it is built on say; parts of the statement.
  struct Window {
    const std::vector<ast::ExprPtr>* partition = nullptr;
    const std::vector<ast::SortItem>* order = nullptr;
    const ast::WindowFrame* frame = nullptr;
  };

  // --- over.cpp
  /// Is a window function allowed here, and with these words?
  Status check_place() const;
  Status bind_aggregate();
  /// row_number, lag ...: the call's arguments and number. NULL where a constant argument makes it
  /// so; else nothing.
  Result<ExprRef> bind_function();
  Result<ExprRef> bind_lag();
  /// A constant number; nothing for NULL.
  Result<std::optional<int64_t>> bind_number(const ast::Expr& value);

  // --- window.cpp
  Result<Window> resolve(const ast::WindowSpec& spec) const;
  Status bind_window(const Window& window);
  Status bind_frame(const ast::WindowFrame& frame);
  Status bind_frame_bound(const ast::WindowFrame& frame, bool lower);
  /// RANGE with an offset: the bound's place over the ORDER BY column.
  Status bind_frame_place(const ast::FrameBound& from, bool lower);

  Binder& binder_;
  const ast::Function& function_;
  const std::string& name_;
  const ExprContext& context_;
  /// For the parts of the call.
  ExprContext inner_;
  BoundOver bound_;
};

}  // namespace forebay::sql::binder
