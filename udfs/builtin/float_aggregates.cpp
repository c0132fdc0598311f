#include <cmath>

#include "udfs/builtin/builtin.h"
#include "udfs/exact_sum.h"

/// sum and avg of double precision and real: exact under retraction. NaN and infinities are counted
/// apart.
namespace forebay::udfs {
namespace {

/// DO NOT CHANGE: persisted.
struct DoubleSum {
  ExactSum finite;
  int64_t count;
  int64_t nans;
  int64_t positive_infinities;
  int64_t negative_infinities;
};
static_assert(sizeof(DoubleSum) == 80);

void update(const AggregateCall& call) {
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<DoubleSum*>(call.states[i]);
    const double value = call.arguments[0].at<double>(call.rows[i]);
    const Weight weight = call.weights[i];
    state.count += weight;
    if (std::isfinite(value)) [[likely]] {
      state.finite.add(value, weight);
    } else if (std::isnan(value)) {
      state.nans += weight;
    } else if (value > 0) {
      state.positive_infinities += weight;
    } else {
      state.negative_infinities += weight;
    }
  }
}

template <bool kAverage, bool kReal = false>
void finish(const FinishCall& call) {
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const DoubleSum*>(call.states[i]);
    if (state.count == 0) {
      call.out->append_null();
      continue;
    }
    double sum = 0;
    if (state.nans != 0 || (state.positive_infinities != 0 && state.negative_infinities != 0)) {
      sum = NAN;
    } else if (state.positive_infinities != 0) {
      sum = INFINITY;
    } else if (state.negative_infinities != 0) {
      sum = -INFINITY;
    } else {
      sum = state.finite.overflowed() ? INFINITY : state.finite.value();
      if (kReal) sum = static_cast<float>(sum);
      if (!std::isfinite(sum)) {
        constexpr std::string_view kMessage = "value out of range: overflow";
        call.out->append_null();
        call.fail(call.context, i, "22003", kMessage.data(), kMessage.size());
        continue;
      }
    }
    call.out->append(kAverage ? sum / static_cast<double>(state.count) : sum);
  }
}

}  // namespace

void add_float_aggregates(AggregateList& list) {
  AggregateFunction sum;
  sum.name = "sum";
  sum.arguments = {TypeId::kDouble};
  sum.result = TypeId::kDouble;
  sum.state_bytes = sizeof(DoubleSum);
  sum.update = &update;
  sum.finish = &finish<false>;
  sum.description = "sum, rounded once";
  sum.examples = {{"sum(x) FROM (VALUES (0.5::double precision), (0.25)) AS t(x)", "0.75"}};
  AggregateFunction average = sum;
  average.name = "avg";
  average.finish = &finish<true>;
  average.description = "mean";
  average.examples = {{"avg(x) FROM (VALUES (1::double precision), (2)) AS t(x)", "1.5"}};
  AggregateFunction real_sum = sum;
  real_sum.arguments = {TypeId::kReal};
  real_sum.result = TypeId::kReal;
  real_sum.finish = &finish<false, true>;
  real_sum.examples.clear();
  AggregateFunction real_average = average;
  real_average.arguments = {TypeId::kReal};
  real_average.examples.clear();
  list.push_back(std::move(real_sum));
  list.push_back(std::move(real_average));
  list.push_back(std::move(sum));
  list.push_back(std::move(average));
}

}  // namespace forebay::udfs
