// Texts that are too long: refused before they are made. The arguments here claim lengths that are
// not there; nobody may read them.

#include <gtest/gtest.h>

#include "udfs/registry.h"

namespace forebay::udfs {
namespace {

struct Outcome {
  std::string error;
};

data::StringView claimed(size_t bytes) {
  static const char text[] = "some text of more than twelve bytes";
  return data::StringView(std::string_view(text, bytes));
}

/// One row of `name`, whose arguments are texts of these lengths.
std::string call(std::string_view name, std::vector<size_t> lengths) {
  std::vector<data::StringView> values;
  for (size_t length : lengths) values.push_back(claimed(length));
  std::vector<ColumnView> views;
  for (const data::StringView& value : values) views.push_back({&value, nullptr, 1});
  std::vector<Type> types(lengths.size(), data::kTextType);
  const std::vector<TypeId> declared(lengths.size(), TypeId::kText);
  const ScalarFunction* function = nullptr;
  for (const ScalarFunction* one : find_scalar(name)) {
    if (one->arguments == declared) function = one;
  }
  if (function == nullptr) return "no such function";
  Outcome outcome;
  char result[16] = {};
  uint64_t validity = ~uint64_t{0};
  bool has_nulls = false;
  const uint32_t row = 0;
  CallEnvironment environment;
  ScalarCall made{};
  made.arguments = views.data();
  made.argument_types = types.data();
  made.argument_count = static_cast<uint32_t>(views.size());
  made.rows = &row;
  made.row_count = 1;
  made.dense = true;
  made.result_type = Type{function->result};
  made.result = result;
  made.result_validity = &validity;
  made.result_has_nulls = &has_nulls;
  made.allocate = [](void* context, size_t) -> char* {
    static_cast<Outcome*>(context)->error = "allocates";
    throw std::bad_alloc();
  };
  made.fail = [](void* context, uint32_t, const char* sqlstate, const char* message, size_t bytes) {
    static_cast<Outcome*>(context)->error =
        std::string(sqlstate, 5) + " " + std::string(message, bytes);
  };
  made.context = &outcome;
  made.environment = &environment;
  try {
    function->kernel(made);
  } catch (const std::bad_alloc&) {
    return outcome.error;
  }
  return outcome.error;
}

constexpr const char* kTooLong =
    "54000 string buffer exceeds maximum allowed length (1073741823 bytes)";

TEST(LongTexts, JoinedOnesAreRefused) {
  EXPECT_EQ(call("||", {size_t{600} << 20, size_t{600} << 20}), kTooLong);
  EXPECT_EQ(call("||", {size_t{1} << 29, (size_t{1} << 29) - 1}), "allocates");
}

TEST(LongTexts, BitLengthDoesNotOverflow) {
  EXPECT_EQ(call("bit_length", {size_t{300} << 20}), "22003 integer out of range");
  EXPECT_EQ(call("bit_length", {size_t{200} << 20}), "");
}

/// string_agg and the like of one text of `bytes` bytes, `count` times.
size_t collected(std::string_view name, size_t bytes, Weight count, size_t most_bytes,
                 bool& is_null) {
  const AggregateFunction* function = find_aggregate(name).front();
  const std::string text(bytes, 'x');
  const data::StringView values[] = {data::StringView(text), data::StringView(std::string_view())};
  const ColumnView views[] = {{&values[0], nullptr, 1}, {&values[1], nullptr, 1}};
  const Type types[] = {data::kTextType, data::kTextType};
  const uint8_t repeats = 0;
  data::ColumnBuilder builder(name == "array_agg" ? data::Type{data::array_of(TypeId::kText)}
                                                  : data::kTextType);
  size_t made = 0;
  CollectCall call{};
  call.arguments = views;
  call.argument_types = types;
  call.argument_count = 2;
  call.counts = &count;
  call.repeats = &repeats;
  call.row_count = 1;
  call.out = &builder;
  call.text_bytes = &made;
  call.most_bytes = most_bytes;
  function->collect(call);
  is_null = builder.finish()->view().is_null(0);
  return made;
}

TEST(LongTexts, StringAggSaysHowLongItWouldBe) {
  bool is_null = false;
  EXPECT_EQ(collected("string_agg", 100'000, 30'000, kLongestText, is_null), 3'000'000'000u);
  EXPECT_TRUE(is_null);
  EXPECT_EQ(collected("string_agg", 100, 30, 3000, is_null), 3000u);
  EXPECT_FALSE(is_null);
  EXPECT_EQ(collected("string_agg", 100, 30, 2999, is_null), 3000u);
  EXPECT_TRUE(is_null);
}

TEST(LongTexts, ArrayAggAndJsonbAggSayHowLongTheyWouldBe) {
  for (const char* name : {"array_agg", "jsonb_agg"}) {
    bool is_null = false;
    EXPECT_GT(collected(name, 100'000, 30'000, kLongestText, is_null), kLongestText) << name;
    EXPECT_TRUE(is_null) << name;
    EXPECT_LT(collected(name, 100, 30, 5000, is_null), 5000u) << name;
    EXPECT_FALSE(is_null) << name;
  }
}

}  // namespace
}  // namespace forebay::udfs
