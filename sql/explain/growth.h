#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/plan/node.h"

/// EXPLAIN (STATE): how fast state grows, estimated from the rates of the relations that a plan
/// reads. Filters are taken to let everything through and keys never to repeat, so that a rate is
/// one that is not exceeded; where rows are multiplied by what only the data tells (joins, table
/// functions) it is a guess: the faster side of a join, a row per call. Bytes are those of the
/// values: fixed widths, kTextBytes for texts.
namespace forebay::sql::explain {

inline constexpr double kTextBytes = 32;

/// Rows per second that a relation brings; nullopt or no function: not known.
using RateOf = std::function<std::optional<double>(data::ObjectId)>;

/// What an operator keeps of each row that `from` gives: values of the types of `columns`.
struct Growing {
  const plan::Node* from = nullptr;
  const plan::Columns* columns = nullptr;
};

/// "; grows by up to 1,200 rows/s (bid), about 9 GB a day", with "about" where it is a guess, or
/// "; rate unknown"; where some relations are known, "; rate of auction unknown" behind them.
std::string growth_text(const std::vector<Growing>& rows, const RateOf& rate_of);

/// Of rows that are kept for a time: "; about 4,320,000 left rows at 1,200 rows/s (bid), 380 MB".
/// Empty where the rate is not known.
std::string size_text(const Growing& rows, int64_t microseconds, std::string_view side,
                      const RateOf& rate_of);

}  // namespace forebay::sql::explain
