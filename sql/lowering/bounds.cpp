#include "sql/lowering/lowering.h"
#include "udfs/registry.h"

/// What watermarks say about columns, with the numbers of the circuit's leaves.
namespace forebay::sql::lowering {

using expr::ExprRef;

operators::TimeBound Lowering::bound_of(uint32_t column, const plan::BoundTerms& terms) const {
  operators::TimeBound bound;
  bound.column = column;
  for (const plan::BoundTerm& term : terms) {
    operators::WatermarkId id = term.id;
    if (term.source != nullptr) {
      auto scan = lowered_.find(term.source);
      FOREBAY_CHECK(scan != lowered_.end(), "the watermark of a scan that was not lowered");
      id = {self_, scan->second.node};
    }
    bound.terms.push_back({id, term.shift});
  }
  return bound;
}

namespace {

/// The time by so many microseconds earlier.
ExprRef earlier(const ExprRef& time, int64_t micros) {
  for (const udfs::ScalarFunction* minus : udfs::find_scalar("-")) {
    if (minus->arguments.size() != 2 || minus->arguments[0] != time->type.id ||
        minus->arguments[1] != data::TypeId::kInterval) {
      continue;
    }
    const data::Interval interval{0, 0, micros};
    return expr::call(minus, time->type,
                      {time, expr::literal({data::Type{data::TypeId::kInterval}, interval})});
  }
  FOREBAY_CHECK(false, "no interval can be taken from " + time->type.name());
}

}  // namespace

void loosen(operators::TimeBound& bound, int64_t micros) {
  for (auto& term : bound.terms) {
    FOREBAY_CHECK(term.shift != nullptr, "panes are cut from times");
    term.shift = earlier(term.shift, micros);
  }
}

}  // namespace forebay::sql::lowering
