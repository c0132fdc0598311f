#include "engine/data/row_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/seed.h"

namespace forebay::data {
namespace {

constexpr TypeId kTypes[] = {TypeId::kBoolean,   TypeId::kInteger, TypeId::kBigint,
                             TypeId::kDouble,    TypeId::kNumeric, TypeId::kText,
                             TypeId::kTimestamp, TypeId::kDate,    TypeId::kInterval};

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t bound) { return engine_() % bound; }

  int64_t integer() {
    switch (below(4)) {
      case 0:
        return static_cast<int64_t>(below(5)) - 2;
      case 1:
        return static_cast<int64_t>(engine_());
      case 2:
        return std::numeric_limits<int64_t>::min() + static_cast<int64_t>(below(2));
      default:
        return static_cast<int64_t>(below(2000)) - 1000;
    }
  }
  double real() {
    static const double kSpecial[] = {0.0,       -0.0,   NAN,     -NAN, INFINITY,
                                      -INFINITY, 5e-324, -5e-324, 1e308};
    if (below(3) == 0) return kSpecial[below(std::size(kSpecial))];
    return static_cast<double>(integer()) / static_cast<double>(1 + below(100));
  }
  Numeric numeric() {
    if (below(10) == 0) return Numeric::special(static_cast<Numeric::Kind>(1 + below(3)));
    Int128 unscaled = static_cast<int64_t>(below(41)) - 20;
    if (below(3) == 0) unscaled = Int128{integer()} * static_cast<int64_t>(below(1'000'000'000));
    if (below(3) == 0) unscaled *= 1000;
    return {unscaled, static_cast<uint16_t>(below(4) == 0 ? below(60) : below(5))};
  }
  std::string text() {
    static const std::string kBytes("\0\1\2a\xFE\xFF", 6);
    std::string text;
    for (uint64_t i = below(below(5) == 0 ? 40 : 4); i > 0; --i) text += kBytes[below(6)];
    return text;
  }
  Interval interval() {
    Interval value;
    value.microseconds =
        below(2) == 0 ? static_cast<int64_t>(below(3)) * 86'400'000'000 : integer();
    value.days = static_cast<int32_t>(below(64)) - 32;
    value.months = static_cast<int32_t>(below(5)) - 2;
    if (below(20) == 0) value.months = std::numeric_limits<int32_t>::max();
    return value;
  }
  Datum datum(TypeId id) {
    Type type{id};
    if (below(8) == 0) return Datum::null(type);
    switch (layout_of(id)) {
      case Layout::kBool:
        return {type, below(2) == 0};
      case Layout::kInt32:
        return {type, static_cast<int32_t>(integer())};
      case Layout::kInt64:
        return {type, integer()};
      case Layout::kDouble:
        return {type, real()};
      case Layout::kNumeric:
        return {type, numeric()};
      case Layout::kString:
        return {type, text()};
      case Layout::kInterval:
        return {type, interval()};
    }
    return Datum::null(type);
  }

 private:
  std::mt19937_64 engine_;
};

int sign(int order) { return order < 0 ? -1 : order > 0; }

// An order of our own, so that the test does not rest on compare(Datum).
template <typename T>
int order_of(T a, T b) {
  return a < b ? -1 : b < a;
}
Int128 span_of(const Interval& v) {
  return (Int128{v.months} * 30 + v.days) * 86'400'000'000 + v.microseconds;
}
int order_of_doubles(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return order_of<int>(std::isnan(a), std::isnan(b));
  return order_of(a, b);
}
/// By long division, digit by digit, so that no intermediate overflows.
int order_of_numerics(const Numeric& a, const Numeric& b) {
  auto rank = [](const Numeric& v) {
    switch (v.kind) {
      case Numeric::Kind::kNegativeInfinity:
        return 0;
      case Numeric::Kind::kFinite:
        return 1;
      case Numeric::Kind::kInfinity:
        return 2;
      case Numeric::Kind::kNaN:
        return 3;
    }
    return 4;
  };
  if (rank(a) != 1 || rank(b) != 1) return order_of(rank(a), rank(b));
  auto text = [](const Numeric& v) {
    Int128 u = v.unscaled();
    auto magnitude = u < 0 ? -static_cast<unsigned __int128>(u) : static_cast<unsigned __int128>(u);
    std::string digits;
    for (; magnitude != 0; magnitude /= 10)
      digits.insert(digits.begin(), '0' + int(magnitude % 10));
    std::string fraction;
    for (int i = 0; i < v.scale; ++i) {
      fraction.insert(fraction.begin(), digits.empty() ? '0' : digits.back());
      if (!digits.empty()) digits.pop_back();
    }
    return std::string(60 - digits.size(), '0') + digits + fraction +
           std::string(70 - v.scale, '0');
  };
  int sa = a.unscaled() < 0 ? -1 : a.unscaled() > 0;
  int sb = b.unscaled() < 0 ? -1 : b.unscaled() > 0;
  if (sa != sb) return order_of(sa, sb);
  int order = sign(text(a).compare(text(b)));
  return sa < 0 ? -order : order;
}
int ascending(const Datum& a, const Datum& b) {
  switch (layout_of(a.type.id)) {
    case Layout::kBool:
      return order_of(std::get<bool>(a.value), std::get<bool>(b.value));
    case Layout::kInt32:
      return order_of(std::get<int32_t>(a.value), std::get<int32_t>(b.value));
    case Layout::kInt64:
      return order_of(std::get<int64_t>(a.value), std::get<int64_t>(b.value));
    case Layout::kDouble:
      return order_of_doubles(std::get<double>(a.value), std::get<double>(b.value));
    case Layout::kNumeric:
      return order_of_numerics(std::get<Numeric>(a.value), std::get<Numeric>(b.value));
    case Layout::kString:
      return sign(std::get<std::string>(a.value).compare(std::get<std::string>(b.value)));
    case Layout::kInterval:
      return order_of(span_of(std::get<Interval>(a.value)), span_of(std::get<Interval>(b.value)));
  }
  return 0;
}
int expected_order(const Datum& a, const Datum& b, KeyOrder order) {
  if (a.is_null() || b.is_null()) {
    int plain = order_of<int>(a.is_null(), b.is_null());
    return order.nulls_first ? -plain : plain;
  }
  return order.descending ? -ascending(a, b) : ascending(a, b);
}

/// Equal to the last detail, NaNs alike.
bool identical(const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  switch (layout_of(a.type.id)) {
    case Layout::kDouble: {
      double x = std::get<double>(a.value), y = std::get<double>(b.value);
      return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
    }
    case Layout::kNumeric: {
      const auto &x = std::get<Numeric>(a.value), &y = std::get<Numeric>(b.value);
      return x.kind == y.kind && x.unscaled() == y.unscaled() && x.scale == y.scale;
    }
    case Layout::kInterval:
      return std::get<Interval>(a.value) == std::get<Interval>(b.value);
    default:
      return ascending(a, b) == 0;
  }
}

TEST(RowCodec, KeyOrderIsValueOrderForEveryTypeModeAndDirection) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 40'000; ++round) {
    TypeId id = kTypes[random.below(std::size(kTypes))];
    KeyOrder order{random.below(2) == 0, random.below(2) == 0};
    Datum a = random.datum(id), b = random.datum(id);
    int expected = expected_order(a, b, order);
    std::string grouping_a, grouping_b, exact_a, exact_b;
    append_key(a, KeyMode::kGrouping, grouping_a, order);
    append_key(b, KeyMode::kGrouping, grouping_b, order);
    ASSERT_EQ(sign(grouping_a.compare(grouping_b)), expected) << static_cast<int>(id);
    append_key(a, KeyMode::kExact, exact_a, order);
    append_key(b, KeyMode::kExact, exact_b, order);
    if (expected != 0) {
      ASSERT_EQ(sign(exact_a.compare(exact_b)), expected) << static_cast<int>(id);
    }
    ASSERT_EQ(exact_a == exact_b, identical(a, b)) << static_cast<int>(id);
    // Self-delimiting: what follows does not change the order of unequal keys.
    if (expected != 0) {
      ASSERT_EQ(sign((grouping_a + random.text()).compare(grouping_b + random.text())), expected);
    }
  }
}

/// A batch of random columns and the same rows as datums.
struct Table {
  std::vector<TypeId> types;
  std::vector<std::vector<Datum>> rows;
  ChangeBatch batch;
};
Table random_table(Random& random, uint32_t columns, uint32_t row_count) {
  Table table;
  std::vector<Type> types;
  for (uint32_t c = 0; c < columns; ++c) {
    table.types.push_back(kTypes[random.below(std::size(kTypes))]);
    types.push_back(Type{table.types.back()});
  }
  BatchBuilder builder(types);
  bool nulls = random.below(2) == 0;
  for (uint32_t r = 0; r < row_count; ++r) {
    std::vector<Datum> row;
    for (uint32_t c = 0; c < columns; ++c) {
      Datum datum = random.datum(table.types[c]);
      while (!nulls && datum.is_null()) datum = random.datum(table.types[c]);
      builder.column(c).append_datum(datum);
      row.push_back(std::move(datum));
    }
    builder.end_row();
    table.rows.push_back(std::move(row));
  }
  table.batch = builder.finish();
  return table;
}

TEST(RowCodec, ColumnsEncodeAsSingleValuesDoAndDecode) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    auto columns = static_cast<uint32_t>(1 + random.below(4));
    Table table = random_table(random, columns, static_cast<uint32_t>(random.below(50)));
    Selection selection;
    for (uint32_t r = 0; r < table.rows.size(); ++r) {
      if (random.below(3) != 0) selection.push_back(r);
    }
    if (random.below(2) == 0) table.batch.set_selection(selection);
    KeyMode mode = random.below(2) == 0 ? KeyMode::kGrouping : KeyMode::kExact;
    std::vector<uint32_t> numbers;
    std::vector<KeyOrder> orders;
    for (uint32_t c = 0; c < columns; ++c) {
      numbers.push_back(c);
      orders.push_back({random.below(2) == 0, random.below(2) == 0});
    }
    if (random.below(2) == 0) orders.assign(columns, {});
    KeyRows keys;
    encode_keys(table.batch, numbers, mode, keys, orders);
    add_hashes(keys);
    mark_nulls(table.batch, numbers, keys);
    ASSERT_EQ(keys.rows(), table.batch.rows());
    for (uint32_t i = 0; i < keys.rows(); ++i) {
      const auto& row = table.rows[table.batch.physical(i)];
      std::string expected, from_columns;
      bool has_null = false;
      for (uint32_t c = 0; c < columns; ++c) {
        append_key(row[c], mode, expected, orders[c]);
        append_key(table.batch.column(c), table.batch.physical(i), mode, from_columns, orders[c]);
        has_null |= row[c].is_null();
      }
      ASSERT_EQ(keys.key(i), expected);
      ASSERT_EQ(from_columns, expected);
      ASSERT_EQ(keys.hashes[i], hash_key(expected));
      ASSERT_EQ(keys.has_null[i] != 0, has_null);
      std::string_view rest = keys.key(i);
      for (uint32_t c = 0; c < columns; ++c) {
        ColumnBuilder decoded{Type{table.types[c]}};
        ASSERT_TRUE(decode_key(rest, mode, decoded, orders[c]).is_ok());
        Datum datum = decoded.finish()->datum(0);
        if (mode == KeyMode::kExact) {
          ASSERT_TRUE(identical(datum, row[c])) << static_cast<int>(table.types[c]);
        } else {
          ASSERT_EQ(expected_order(datum, row[c], {}), 0) << static_cast<int>(table.types[c]);
        }
      }
      ASSERT_TRUE(rest.empty());
    }
  }
}

TEST(RowCodec, CompactRowsRoundTripAndRefuseShortBytes) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 300; ++round) {
    auto columns = static_cast<uint32_t>(random.below(12));
    Table table = random_table(random, columns, 10);
    for (uint32_t r = 0; r < 10; ++r) {
      std::string bytes;
      append_row(table.batch, r, bytes);
      auto builders = [&] {
        std::vector<ColumnBuilder> out;
        for (TypeId id : table.types) out.emplace_back(Type{id});
        return out;
      };
      std::vector<ColumnBuilder> out = builders();
      std::string with_tail = bytes + "tail";
      std::string_view rest = with_tail;
      ASSERT_TRUE(decode_row(rest, out).is_ok());
      ASSERT_EQ(rest, "tail");
      for (uint32_t c = 0; c < columns; ++c) {
        ASSERT_TRUE(identical(out[c].finish()->datum(0), table.rows[r][c]));
      }
      if (bytes.empty()) continue;
      std::vector<ColumnBuilder> again = builders();
      std::string_view cut = std::string_view(bytes).substr(0, random.below(bytes.size()));
      Status status = decode_row(cut, again);
      ASSERT_FALSE(status.is_ok());
      ASSERT_EQ(status.error().sqlstate, sqlstate::kDataCorrupted);
    }
  }
}

TEST(RowCodec, DecodingRandomBytesNeverFails) {
  uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(1, static_cast<char>(1 + random.below(3)));
    if (random.below(2) == 0) bytes += static_cast<char>(0x10 * random.below(7));
    for (uint64_t i = random.below(30); i > 0; --i) bytes += static_cast<char>(random.below(256));
    ColumnBuilder out{Type{kTypes[random.below(std::size(kTypes))]}};
    std::string_view rest = bytes;
    KeyMode mode = random.below(2) == 0 ? KeyMode::kGrouping : KeyMode::kExact;
    (void)decode_key(rest, mode, out);
    rest = bytes;
    std::vector<ColumnBuilder> row;
    row.emplace_back(Type{kTypes[random.below(std::size(kTypes))]});
    (void)decode_row(rest, row);
  }
}

TEST(RowCodec, GroupingNumericsComeBackWithTheWantedScale) {
  auto decoded = [](Numeric value, Type type, int32_t scale) {
    std::string key;
    append_key(Datum{type, value}, KeyMode::kGrouping, key);
    ColumnBuilder out{type};
    std::string_view rest = key;
    EXPECT_TRUE(decode_key(rest, KeyMode::kGrouping, out, {}, scale).is_ok());
    return std::get<Numeric>(out.finish()->datum(0).value);
  };
  EXPECT_EQ(decoded({150, 2}, kNumericType, -1).scale, 1);
  EXPECT_EQ(decoded({150, 2}, numeric_type(10, 4), -1).scale, 4);
  EXPECT_EQ(decoded({150, 2}, numeric_type(10, 4), -1).unscaled(), 15000);
  EXPECT_EQ(decoded({150, 2}, numeric_type(10, 4), 2).unscaled(), 150);
  EXPECT_EQ(decoded({1200, 0}, kNumericType, -1).unscaled(), 1200);
  EXPECT_EQ(decoded({125, 2}, kNumericType, 1).unscaled(), 125);
}

TEST(RowCodec, LayoutsOnDiskStayAsTheyAre) {
  auto hex = [](const Datum& datum, KeyMode mode) {
    std::string key;
    append_key(datum, mode, key);
    std::string text;
    for (char byte : key) {
      text += "0123456789abcdef"[static_cast<uint8_t>(byte) >> 4];
      text += "0123456789abcdef"[static_cast<uint8_t>(byte) & 15];
    }
    return text;
  };
  constexpr KeyMode kGroup = KeyMode::kGrouping;
  EXPECT_EQ(hex(Datum::null(kTextType), kGroup), "03");
  EXPECT_EQ(hex({kBooleanType, true}, kGroup), "0201");
  EXPECT_EQ(hex({kIntegerType, int32_t{1}}, kGroup), "0280000001");
  EXPECT_EQ(hex({kBigintType, int64_t{-1}}, kGroup), "027fffffffffffffff");
  EXPECT_EQ(hex({kDoubleType, 1.0}, kGroup), "02bff0000000000000");
  EXPECT_EQ(hex({kTextType, std::string("a\0b", 3)}, kGroup), "026100ff620001");
  EXPECT_EQ(hex({kNumericType, Numeric(150, 2)}, kGroup), "024080011000");
  EXPECT_EQ(hex({kNumericType, Numeric(150, 2)}, KeyMode::kExact), "0240800110000002");
  EXPECT_EQ(hex({kNumericType, Numeric(-150, 2)}, kGroup), "02207ffeefff");
  EXPECT_EQ(hex({kIntervalType, Interval{1, 0, 0}}, kGroup), "02800000000000000000000001");
  EXPECT_EQ(hash_key("forebay"), hash_key(std::string("forebay")));
}

}  // namespace
}  // namespace forebay::data
