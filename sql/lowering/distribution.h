#pragma once

#include "sql/lowering/lowering.h"

/// On which worker the rows of a lowered node are: what spares exchanges.
namespace forebay::sql::lowering {

/// By the hash of these columns.
Distribution distribution_of(const std::vector<plan::ColumnId>& keys);

/// The stream's distribution when only `columns` go on; no value when that doesn't tell it.
std::optional<Distribution> kept(const Stream& before, const std::vector<plan::ColumnId>& columns);

/// The stream's distribution in the names that a projection gives to its columns.
std::optional<Distribution> renamed(const Stream& from,
                                    const std::vector<expr::ExprRef>& projection,
                                    const std::vector<plan::ColumnId>& columns);

/// Where a join's rows are. What one side does not match has NULL for the other side's keys, so
/// that only those of a side that is kept whole tell it; in an inner join they are equal.
std::optional<Distribution> distribution_after(plan::JoinKind join, const Stream& left,
                                               const std::vector<plan::ColumnId>& left_keys,
                                               const Stream& right,
                                               const std::vector<plan::ColumnId>& right_keys);

}  // namespace forebay::sql::lowering
