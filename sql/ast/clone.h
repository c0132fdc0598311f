#pragma once

#include "sql/ast/query.h"

/// Deep copies.
namespace forebay::sql::ast {

/// A copy of all below; null of null.
ExprPtr clone(const Expr* expr);
inline ExprPtr clone(const Expr& expr) { return clone(&expr); }
QueryPtr clone(const Query* query);
inline QueryPtr clone(const Query& query) { return clone(&query); }
TableRefPtr clone(const TableRef* ref);
WindowSpec clone(const WindowSpec& spec);
SortItem clone(const SortItem& item);

}  // namespace forebay::sql::ast
