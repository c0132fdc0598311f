#include <type_traits>

#include "udfs/builtin/builtin.h"

/// bit_and, bit_or, bit_xor. Each bit has a count, so that values can be taken out again.
namespace forebay::udfs {
namespace {

/// DO NOT CHANGE: persisted.
template <typename T>
struct BitCounts {
  int64_t values;
  int64_t ones[8 * sizeof(T)];
};

template <typename T>
void update(const AggregateCall& call) {
  using Bits = std::make_unsigned_t<T>;
  for (uint32_t i = 0; i < call.row_count; ++i) {
    auto& state = *reinterpret_cast<BitCounts<T>*>(call.states[i]);
    const auto value = static_cast<Bits>(call.arguments[0].at<T>(call.rows[i]));
    state.values += call.weights[i];
    for (size_t bit = 0; bit < 8 * sizeof(T); ++bit) {
      if ((value >> bit & 1) != 0) state.ones[bit] += call.weights[i];
    }
  }
}

enum class Rule : uint8_t { kAnd, kOr, kXor };

template <typename T, Rule kRule>
void finish(const FinishCall& call) {
  using Bits = std::make_unsigned_t<T>;
  for (uint32_t i = 0; i < call.count; ++i) {
    const auto& state = *reinterpret_cast<const BitCounts<T>*>(call.states[i]);
    if (state.values == 0) {
      call.out->append_null();
      continue;
    }
    Bits result = 0;
    for (size_t bit = 0; bit < 8 * sizeof(T); ++bit) {
      const int64_t ones = state.ones[bit];
      const bool set = kRule == Rule::kAnd  ? ones == state.values
                       : kRule == Rule::kOr ? ones != 0
                                            : (ones & 1) != 0;
      if (set) result |= Bits{1} << bit;
    }
    call.out->append(static_cast<T>(result));
  }
}

template <typename T>
void add(AggregateList& list, TypeId type, bool with_examples) {
  AggregateFunction function;
  function.arguments = {type};
  function.result = type;
  function.state_bytes = sizeof(BitCounts<T>);
  function.update = &update<T>;
  auto define = [&](std::string_view name, void (*finish)(const FinishCall&),
                    std::string_view description, Example example) {
    function.name = name;
    function.finish = finish;
    function.description = description;
    function.examples.clear();
    if (with_examples) function.examples = {example};
    list.push_back(function);
  };
  define("bit_and", &finish<T, Rule::kAnd>, "bits that all values have",
         {"bit_and(x) FROM (VALUES (12), (10)) AS t(x)", "8"});
  define("bit_or", &finish<T, Rule::kOr>, "bits that any value has",
         {"bit_or(x) FROM (VALUES (12), (10)) AS t(x)", "14"});
  define("bit_xor", &finish<T, Rule::kXor>, "bits that an odd number of values have",
         {"bit_xor(x) FROM (VALUES (12), (10)) AS t(x)", "6"});
}

}  // namespace

void add_bit_aggregates(AggregateList& list) {
  add<int32_t>(list, TypeId::kInteger, true);
  add<int64_t>(list, TypeId::kBigint, false);
}

}  // namespace forebay::udfs
