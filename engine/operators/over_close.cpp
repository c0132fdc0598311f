#include "engine/operators/over_close.h"

#include <algorithm>

namespace forebay::operators {

using state::OrderedTable;

OverClose::OverClose(const OverParameters& parameters, const OverReaches& reaches,
                     const OverOrder& order, const OperatorContext& context)
    : parameters_(parameters),
      behind_(reaches.behind),
      order_(order),
      context_(context),
      is_active_(parameters.in_order.has_value() && !reaches.behind.all &&
                 reaches.ahead.rows == 0 && reaches.ahead.places.empty() &&
                 reaches.ahead.groups <= 0 && !reaches.ahead.all) {
  if (is_active_) {
    judge_.emplace(*parameters.in_order, parameters.types[parameters.in_order->column], context);
  }
}

void OverClose::seal() {
  has_place_ = false;
  if (judge_) judge_->end();
}

std::optional<std::string> OverClose::first_place() {
  const int64_t bound = judge_->current();
  if (bound == TimeJudge::kNothing) return std::nullopt;
  return order_.least_place(behind_.places, judge_->datum_of(bound), *context_.eval);
}

const OrderedTable::Entry* OverClose::first_of_groups(const OrderedTable::Group* group) const {
  const OrderedTable::Entry* first = nullptr;
  int64_t groups = 0;
  for (const OrderedTable::Entry* entry = OrderedTable::last(group); entry != nullptr;
       entry = OrderedTable::previous(group, entry)) {
    const bool is_new = first == nullptr || order_.key_of(OrderedTable::suffix(entry)) !=
                                                order_.key_of(OrderedTable::suffix(first));
    if (is_new && ++groups > behind_.groups) break;
    first = entry;
  }
  return first;
}

void OverClose::trim(OrderedTable& rows, OrderedTable::Group* group) {
  if (!is_active_) return;
  if (!behind_.places.empty() && !has_place_) {
    place_ = first_place();
    has_place_ = true;
  }
  if (!behind_.places.empty() && !place_) return;
  const OrderedTable::Entry* of_groups = behind_.groups > 0 ? first_of_groups(group) : nullptr;
  size_t left = OrderedTable::size(group);
  std::vector<OrderedTable::Entry*> gone;
  for (OrderedTable::Entry* entry = OrderedTable::first(group); entry != nullptr;
       entry = OrderedTable::next(group, entry), --left) {
    // An entry is one row or more.
    if (left <= static_cast<size_t>(behind_.rows)) break;
    if (entry == of_groups) break;
    if (place_ && !behind_.places.empty() &&
        order_.key_of(OrderedTable::suffix(entry)) >= *place_) {
      break;
    }
    gone.push_back(entry);
  }
  for (OrderedTable::Entry* entry : gone) {
    rows.set_count(group, rows.upsert(group, OrderedTable::suffix(entry)), 0);
  }
}

}  // namespace forebay::operators
