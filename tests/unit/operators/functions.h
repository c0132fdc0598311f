#pragma once

#include <algorithm>
#include <string_view>

#include "udfs/function.h"

/// Small aggregate and scalar functions of the tests' own.
namespace forebay::operators::testing {

using udfs::AggregateCall;
using udfs::AggregateFunction;
using udfs::AggregateKind;
using udfs::FinishCall;

inline AggregateFunction make_count(std::vector<data::TypeId> arguments) {
  AggregateFunction function;
  function.name = "count";
  function.arguments = std::move(arguments);
  function.state_bytes = 8;
  function.update = [](const AggregateCall& call) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      *reinterpret_cast<int64_t*>(call.states[i]) += call.weights[i];
    }
  };
  function.finish = [](const FinishCall& call) {
    for (uint32_t i = 0; i < call.count; ++i) {
      call.out->append(*reinterpret_cast<const int64_t*>(call.states[i]));
    }
  };
  return function;
}
inline const AggregateFunction kCountRows = make_count({});
inline const AggregateFunction kCount = make_count({data::TypeId::kUnknown});

/// sum(bigint); above kMostSum it overflows.
inline constexpr int64_t kMostSum = 12;
inline AggregateFunction make_sum() {
  AggregateFunction function;
  function.name = "sum";
  function.arguments = {data::TypeId::kBigint};
  function.state_bytes = 16;
  function.update = [](const AggregateCall& call) {
    for (uint32_t i = 0; i < call.row_count; ++i) {
      auto* state = reinterpret_cast<int64_t*>(call.states[i]);
      state[0] += call.weights[i];
      state[1] += call.weights[i] * call.arguments[0].at<int64_t>(call.rows[i]);
    }
  };
  function.finish = [](const FinishCall& call) {
    for (uint32_t i = 0; i < call.count; ++i) {
      const auto* state = reinterpret_cast<const int64_t*>(call.states[i]);
      if (state[0] == 0) {
        call.out->append_null();
      } else if (state[1] > kMostSum) {
        call.out->append_null();
        constexpr std::string_view kMessage = "bigint out of range";
        call.fail(call.context, i, "22003", kMessage.data(), kMessage.size());
      } else {
        call.out->append(state[1]);
      }
    }
  };
  return function;
}
inline const AggregateFunction kSum = make_sum();

inline AggregateFunction make_extreme(bool maximum) {
  AggregateFunction function;
  function.name = maximum ? "max" : "min";
  function.arguments = {data::TypeId::kUnknown};
  function.kind = maximum ? AggregateKind::kMaximum : AggregateKind::kMinimum;
  return function;
}
inline const AggregateFunction kMin = make_extreme(false);
inline const AggregateFunction kMax = make_extreme(true);

}  // namespace forebay::operators::testing
