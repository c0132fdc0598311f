#include "sql/plan/join_time.h"

#include <algorithm>

#include "sql/lowering/lowering.h"

/// What bounds the state of a join, over positions.
namespace forebay::sql::lowering {

using plan::ColumnId;

operators::JoinTime Lowering::time_of(const plan::Join& join, const Stream& left,
                                      const Stream& right) {
  const Stream* streams[2] = {&left, &right};
  auto place = [&](int side, ColumnId id) {
    const std::vector<ColumnId>& columns = streams[side]->columns;
    return static_cast<uint32_t>(std::find(columns.begin(), columns.end(), id) - columns.begin());
  };
  const plan::TimeBounds bounds[2] = {plan::time_bounds(join.inputs[0]),
                                      plan::time_bounds(join.inputs[1])};
  operators::JoinTime time;
  time.by_key = join.time->by_key;
  for (int side : {0, 1}) {
    const plan::JoinTime::Side& from = join.time->sides[side];
    operators::JoinTime::Side& to = time.sides[side];
    for (ColumnId column : from.late) {
      plan::BoundTerms terms = bounds[side].at(column);
      if (time.by_key) {
        terms = bounds[0].at(join.keys[0].left);
        plan::add_terms(terms, bounds[1].at(join.keys[0].right));
      }
      to.late.push_back(bound_of(place(side, column), terms));
    }
    if (!from.needed) continue;
    to.needed = bound_of(place(side, from.needed->high), plan::needed_terms(join, side));
    for (auto [reach, out] : {std::pair(&from.lower, &to.lower), {&from.upper, &to.upper}}) {
      if (!*reach) continue;
      *out = {place(1 - side, (*reach)->column), (*reach)->offset_us};
    }
    to.timers = next_table();
  }
  return time;
}

}  // namespace forebay::sql::lowering
