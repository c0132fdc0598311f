#include "engine/runtime/shared_decoder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/seed.h"
#include "tests/unit/connectors/decode_support.h"

namespace forebay::runtime {
namespace {

using connectors::DecodeRequest;
using connectors::testing::Decoded;

std::shared_ptr<const connectors::Source> source_of(const std::string& encode,
                                                    const data::Schema& schema) {
  connectors::SourceSpec spec;
  spec.name = "s";
  spec.schema = schema;
  spec.options = {{"connector", "file"}, {"path", "/nowhere"}};
  spec.format = "plain";
  spec.encode = encode;
  auto source = connectors::make_source(spec);
  EXPECT_TRUE(source.is_ok());
  return *source;
}

data::Schema schema() {
  return {{"id", data::kBigintType, true},
          {"n", data::kIntegerType},
          {"at", data::kTimestampType},
          {"name", data::kTextType, true}};
}

std::vector<DecodeRequest> some_requests(std::mt19937_64& random) {
  std::vector<DecodeRequest> requests(1 + random() % 4);
  for (DecodeRequest& request : requests) {
    request.schema = schema();
    request.batch_rows = 1 + static_cast<uint32_t>(random() % 9);
    for (uint32_t column : {3u, 0u, 2u, 1u}) {
      if (random() % 2 == 0) request.projection.push_back(column);
    }
    if (random() % 2 == 0) request.metadata.push_back("offset");
    if (random() % 3 == 0) request.metadata.push_back("partition");
  }
  return requests;
}

std::string some_text(std::mt19937_64& random, bool is_json) {
  auto pick = [&](std::initializer_list<const char*> good, std::initializer_list<const char*> bad) {
    const auto& list = random() % 25 == 0 ? bad : good;
    return *(list.begin() + random() % list.size());
  };
  std::string text;
  for (uint64_t lines = random() % 40; lines > 0; --lines) {
    const char* id = pick({"1", "23"}, {"\"x\"", "1e99"});
    const char* n = pick({"7", "-1"}, {"99999999999", "true"});
    const char* at = pick({"\"2020-01-02 03:04:05\""}, {"\"yesterday\"", "\"2020-13-01\""});
    const char* name = pick({"\"ann\"", "\"a somewhat longer name\""}, {"[1,", "\"\xff\""});
    if (!is_json) {
      text += fmt::format("{},{},{},{}{}\n", id, n, at, name, random() % 40 == 0 ? ",more" : "");
    } else if (random() % 25 == 0) {
      text += fmt::format("{{\"n\":{},\"name\":{}}}\n", n, name);
    } else {
      text += fmt::format("{{\"id\":{},\"n\":{},\"at\":{},\"name\":{}}}\n", id, n, at, name);
    }
  }
  return text;
}

void sort(Decoded& decoded) {
  std::sort(decoded.rows.begin(), decoded.rows.end());
  std::sort(decoded.bad.begin(), decoded.bad.end());
}

// Rows and bad records of each use are those of a decoder of its own, whoever else there is.
TEST(SharedDecoder, GivesEachUseWhatItsOwnDecoderWould) {
  uint64_t seed = test_seed();
  for (uint64_t round = 0; round < 400; ++round) {
    std::mt19937_64 random(seed + round);
    bool is_json = random() % 2 == 0;
    auto source = source_of(is_json ? "json" : "csv", schema());
    std::vector<DecodeRequest> requests = some_requests(random);
    SharedDecoder shared(*source, requests);
    for (int batch = 0; batch < 5; ++batch) {
      std::string text = some_text(random, is_json);
      shared.start(connectors::testing::raw_batch(text, 100));
      std::vector<Decoded> got(requests.size());
      std::vector<connectors::DecodedBatch> pieces;
      while (shared.next(pieces)) {
        for (size_t use = 0; use < pieces.size(); ++use) {
          pieces[use].rows.for_each([&](uint32_t row) {
            got[use].rows.push_back(connectors::testing::row_text(pieces[use].rows, row));
          });
          for (const connectors::BadRecord& bad : pieces[use].bad) {
            got[use].bad.push_back(fmt::format("{} {}{}", bad.offset.value, bad.sqlstate.view(),
                                               bad.column.empty() ? "" : " " + bad.column));
          }
        }
      }
      for (size_t use = 0; use < requests.size(); ++use) {
        auto own = source->make_decoder(requests[use]);
        Decoded expected = connectors::testing::decode(*own, text, 100);
        sort(expected);
        sort(got[use]);
        ASSERT_EQ(got[use].rows, expected.rows) << "seed " << seed + round << "\n" << text;
        ASSERT_EQ(got[use].bad, expected.bad) << "seed " << seed + round << "\n" << text;
      }
    }
  }
}

// With columns "a" and "A" a field's column depends on who asks.
TEST(SharedDecoder, NamesThatDifferByCaseOnlyAreDecodedAlone) {
  data::Schema schema = {{"a", data::kBigintType}, {"A", data::kBigintType}};
  auto source = source_of("json", schema);
  std::vector<DecodeRequest> requests(2);
  for (uint32_t use : {0u, 1u}) {
    requests[use].schema = schema;
    requests[use].projection = {use};
  }
  SharedDecoder shared(*source, requests);
  shared.start(connectors::testing::raw_batch("{\"A\":1}\n"));
  std::vector<std::string> rows(2);
  std::vector<connectors::DecodedBatch> pieces;
  while (shared.next(pieces)) {
    for (size_t use = 0; use < 2; ++use) {
      if (!pieces[use].rows.empty()) {
        rows[use] = connectors::testing::row_text(pieces[use].rows, 0);
      }
    }
  }
  EXPECT_EQ(rows[0], "1");
  EXPECT_EQ(rows[1], "1");
}

}  // namespace
}  // namespace forebay::runtime
