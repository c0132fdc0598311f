// Events of the nexmark connector: the same ones however they are made, and with the benchmark's
// distributions.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "connectors/nexmark/events.h"
#include "connectors/source.h"
#include "decode_support.h"
#include "engine/data/clock.h"

namespace forebay::connectors {
namespace {

using nexmark::EventMaker;
using nexmark::Kind;
using testing::Decoded;
using Texts = std::vector<std::string>;

class NexmarkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_ = SourceSpec();
    spec_.name = "s";
    spec_.options = {{"connector", "nexmark"}, {"nexmark.event.num", "40000"}};
    for (const nexmark::FieldInfo& field : nexmark::all_fields()) {
      spec_.schema.push_back({std::string(field.name), type_of(field)});
    }
  }
  static data::Type type_of(const nexmark::FieldInfo& field) {
    switch (field.value) {
      case nexmark::ValueKind::kNumber:
        return data::kBigintType;
      case nexmark::ValueKind::kTime:
        return data::kTimestampType;
      case nexmark::ValueKind::kText:
        break;
    }
    return data::kTextType;
  }
  std::string error() {
    auto source = make_source(spec_);
    return source ? "" : std::string(source.error().sqlstate.view()) + " " + source.error().message;
  }
  Texts rows(uint32_t batch_rows = 4096, const Positions& positions = {},
             std::vector<uint32_t> projection = {}, std::vector<std::string> metadata = {}) {
    return testing::made_rows(spec_, clock_, batch_rows, positions, std::move(projection),
                              std::move(metadata));
  }
  SourceSpec spec_;
  data::FakeClock clock_;
};

TEST_F(NexmarkTest, TheSameEventsHoweverTheyAreCut) {
  const Texts all = rows();
  ASSERT_EQ(all.size(), 40000u);
  EXPECT_EQ(rows(7), all);
  PartitionPosition position;
  position.next = Offset(12345);
  EXPECT_EQ(rows(4096, {position}), Texts(all.begin() + 12345, all.end()));
}

// A column is the same whichever others are asked for, and whether the stream has one kind or all.
TEST_F(NexmarkTest, KindsAreTheirPartOfTheWhole) {
  std::map<std::string, Texts> expected;
  const auto fields = nexmark::all_fields();
  for (const char* kind : {"Person", "Auction", "bid"}) {
    const Kind wanted = kind[0] == 'P'   ? Kind::kPerson
                        : kind[0] == 'A' ? Kind::kAuction
                                         : Kind::kBid;
    std::vector<uint32_t> columns;
    data::Schema schema;
    for (uint32_t i = 1; i < fields.size(); ++i) {
      if (!fields[i].belongs_to(wanted)) continue;
      columns.push_back(i);
      schema.push_back({std::string(fields[i].name), type_of(fields[i]), true});
    }
    SetUp();
    const Texts whole = rows(4096, {}, columns, {"offset"});
    Texts part;
    for (uint64_t event = 0; event < whole.size(); ++event) {
      if (nexmark::kind_of(event) == wanted) {
        part.push_back(whole[event]);
      } else {
        EXPECT_NE(whole[event].find("NULL"), std::string::npos);
      }
    }
    spec_.schema = schema;
    spec_.options["nexmark.table.type"] = kind;
    EXPECT_EQ(rows(1000, {}, {}, {"offset"}), part) << kind;
  }
}

TEST_F(NexmarkTest, DistributionsAreThoseOfTheBenchmark) {
  EventMaker maker({});
  constexpr uint64_t kFirst = 1'000'000, kEvents = 200'000;
  uint64_t bids = 0, hot_auctions = 0, hot_bidders = 0, hot_channels = 0, cheap = 0, extra = 0,
           with_id = 0, kinds[3] = {};
  std::set<std::string> channels;
  char buffer[EventMaker::kMostTextBytes];
  for (uint64_t event = kFirst; event < kFirst + kEvents; ++event) {
    const Kind kind = nexmark::kind_of(event);
    ++kinds[static_cast<int>(kind)];
    EXPECT_LT(maker.date_time(event - 1), maker.date_time(event));
    if (kind != Kind::kBid) continue;
    ++bids;
    const auto last_auction = static_cast<int64_t>(event / 50 * 3 + 2 + 1000);
    const auto last_person = static_cast<int64_t>(event / 50 + 1000);
    const int64_t auction = maker.auction(event), bidder = maker.bidder(event);
    EXPECT_GE(auction, last_auction - 100);
    EXPECT_LE(auction, last_auction + 10);
    EXPECT_GT(bidder, last_person - 1000);
    EXPECT_LE(bidder, last_person + 10);
    hot_auctions += auction % 100 == 0;
    hot_bidders += bidder % 100 == 1;
    EXPECT_GE(maker.price(event), 100);
    EXPECT_LE(maker.price(event), 100'000'000);
    cheap += maker.price(event) < 100'000;
    const std::string channel(maker.text(nexmark::Field::kChannel, event, buffer));
    const std::string url(maker.text(nexmark::Field::kUrl, event, buffer));
    hot_channels += !channel.starts_with("channel-");
    with_id += channel.starts_with("channel-") && url.find("&channel_id=") != std::string::npos;
    channels.insert(channel);
    EXPECT_EQ(std::count(url.begin(), url.end(), '/'), 6) << url;
    extra += maker.text(nexmark::Field::kExtra, event, buffer).size();
  }
  EXPECT_EQ(kinds[0], kEvents * 2 / 100);
  EXPECT_EQ(kinds[1], kEvents * 6 / 100);
  const auto share = [&](uint64_t count) { return static_cast<double>(count) / bids; };
  EXPECT_NEAR(share(hot_auctions), 0.505, 0.01);
  EXPECT_NEAR(share(hot_bidders), 0.7525, 0.01);
  EXPECT_NEAR(share(hot_channels), 0.5, 0.01);
  EXPECT_NEAR(share(with_id), 0.45, 0.01);
  EXPECT_NEAR(share(cheap), 0.5, 0.01);
  EXPECT_NEAR(share(extra), 68, 1);
  EXPECT_GT(channels.size(), 9900u);
}

TEST_F(NexmarkTest, SizesAndTimes) {
  EventMaker maker({0, 10'000, true});
  EXPECT_EQ(maker.date_time(100'000), 1'000'000);
  char buffer[EventMaker::kMostTextBytes];
  uint64_t bytes[3] = {}, count[3] = {};
  for (uint64_t event = 0; event < 20'000; ++event) {
    const Kind kind = nexmark::kind_of(event);
    ++count[static_cast<int>(kind)];
    for (const nexmark::FieldInfo& field : nexmark::all_fields()) {
      if (!field.belongs_to(kind) || field.name == "channel" || field.name == "url") continue;
      bytes[static_cast<int>(kind)] += field.value == nexmark::ValueKind::kText
                                           ? maker.text(field.field, event, buffer).size()
                                       : field.name != "event_type" ? 8
                                                                    : 0;
    }
    if (kind == Kind::kBid) {
      EXPECT_GE(maker.bidder(event), 2000);
    }
    if (kind != Kind::kAuction) continue;
    EXPECT_EQ(maker.id(event), static_cast<int64_t>(1000 + event / 50 * 3 + event % 50 - 1));
    EXPECT_GT(maker.expires(event), maker.date_time(event));
    EXPECT_LE(maker.expires(event), maker.date_time(event) + 2 * 17'000);
    EXPECT_GT(maker.reserve(event), maker.initial_bid(event));
    EXPECT_GE(maker.category(event), 10);
    EXPECT_LE(maker.category(event), 14);
    EXPECT_LE(maker.seller(event), static_cast<int64_t>(1000 + event / 50 + 10));
  }
  EXPECT_NEAR(static_cast<double>(bytes[0]) / count[0], 208, 5);  // date_time comes on top
  EXPECT_NEAR(static_cast<double>(bytes[1]) / count[1], 508, 10);
  EXPECT_NEAR(static_cast<double>(bytes[2]) / count[2], 100, 2);
}

TEST_F(NexmarkTest, WhatIsRefused) {
  EXPECT_EQ(error(), "");
  spec_.options["nexmark.table.type"] = "Bid";
  EXPECT_EQ(error(), "22023 unknown column of a Nexmark bid \"event_type\"");
  spec_.options["nexmark.table.type"] = "Bids";
  EXPECT_EQ(error(), "22023 invalid value \"Bids\" for option \"nexmark.table.type\"");
  spec_.options.erase("nexmark.table.type");
  spec_.options["nexmark.event.num"] = "many";
  EXPECT_EQ(error(), "22023 invalid value \"many\" for option \"nexmark.event.num\"");
  spec_.options["nexmark.event.num"] = "1";
  spec_.schema = {{"prize", data::kBigintType}};
  EXPECT_EQ(error(), "22023 unknown column of Nexmark events \"prize\"");
  spec_.schema = {{"auction", data::kIntegerType}};
  EXPECT_EQ(error(),
            "22023 column \"auction\" of type integer does not hold a Nexmark event's auction");
  spec_.schema = {{"auction", data::kBigintType, true}};
  EXPECT_EQ(error(), "22023 column \"auction\" is NULL in events of other kinds");
}

}  // namespace
}  // namespace forebay::connectors
