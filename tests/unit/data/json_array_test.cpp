#include <gtest/gtest.h>

#include "engine/data/array.h"
#include "engine/data/json.h"
#include "engine/data/text_format.h"

namespace forebay::data {
namespace {

TEST(Json, CanonicalText) {
  EXPECT_EQ(*parse_json(R"( {"bb": 1, "a": [1.50, 1e2, -0], "a": {"z": null}} )"),
            R"({"a": {"z": null}, "bb": 1})");
  EXPECT_EQ(*parse_json(R"(["\u00e9\n\"\/", 1.5e-3, 12E+1])"), R"(["é\n\"/", 0.0015, 120])");
}

TEST(Json, DeepNestingIsRefused) {
  const std::string deep(3000, '[');
  EXPECT_EQ(parse_json(deep).error().sqlstate.view(), "54001");
}

// Lower ones first; what stands in one line is equal.
TEST(Json, KeyBytesKeepPostgresOrder) {
  const std::vector<std::vector<std::string>> ordered = {
      {"[]"},   {"null"},   {R"("a")"},   {R"("b")"},      {"-10"},        {"-1.5", "-1.50"},
      {"0"},    {"0.001"},  {"1", "1.0"}, {"10"},          {"false"},      {"true"},
      {"[[]]"}, {"[1, 2]"}, {"{}"},       {R"({"a": 1})"}, {R"({"b": 1})"}};
  for (size_t i = 0; i < ordered.size(); ++i) {
    for (const std::string& a : ordered[i]) {
      for (size_t j = 0; j < ordered.size(); ++j) {
        for (const std::string& b : ordered[j]) {
          EXPECT_EQ(compare_json(a, b), i < j ? -1 : i > j) << a << " against " << b;
        }
      }
      std::string key;
      append_json_key(a, KeyMode::kExact, key);
      std::string_view rest = key;
      std::string back;
      ASSERT_TRUE(read_json_key(rest, 0, KeyMode::kExact, back));
      EXPECT_EQ(back, a);
      EXPECT_TRUE(rest.empty());
    }
  }
}

TEST(Array, TextAndKeys) {
  for (const std::string text :
       {"{}", "{a,\"b c\",NULL,\"null\",\"\"}", "{{a,b},{c,d}}", "[0:1]={x,\"\\\"\"}"}) {
    const Type type{array_of(TypeId::kText)};
    const Datum value = *parse_datum(text, type);
    std::string shown;
    format_datum(value, shown);
    EXPECT_EQ(shown, text);
    std::string key;
    append_key(value, KeyMode::kExact, key, {true, false});
    std::string_view rest = key;
    ColumnBuilder builder(type);
    ASSERT_TRUE(decode_key(rest, KeyMode::kExact, builder, {true, false}).is_ok());
    EXPECT_EQ(compare(builder.finish()->datum(0), value), 0);
  }
  const auto array = [](std::string_view text) { return *parse_array(text, kIntegerType); };
  EXPECT_LT(compare_arrays(array("{1,2}"), array("{1,2,0}")), 0);
  EXPECT_LT(compare_arrays(array("{1,2,3}"), array("{1,3}")), 0);
  EXPECT_GT(compare_arrays(array("{1,NULL}"), array("{1,2}")), 0);
}

}  // namespace
}  // namespace forebay::data
