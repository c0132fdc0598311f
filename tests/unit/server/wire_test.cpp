#include "server/pgwire/wire.h"

#include <gtest/gtest.h>

#include "server/pgwire/startup.h"

namespace forebay::server::pgwire {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr size_t kLimit = 1 << 20;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (int value : values) text.push_back(static_cast<char>(value));
  return text;
}

std::string message(char type, std::string_view body) {
  MessageWriter out;
  out.begin(type);
  out.bytes(body);
  out.end();
  return out.buffer();
}

std::string startup(int32_t code, std::string_view rest) {
  MessageWriter out;
  out.int32(static_cast<int32_t>(rest.size()) + 8);
  out.int32(code);
  out.bytes(rest);
  return out.buffer();
}

constexpr int32_t kVersion3 = 3 << 16;

TEST(MessageReader, FailsForGoodAfterAnOverrun) {
  MessageReader reader("\0\1"sv);
  EXPECT_EQ(reader.int32(), 0);
  EXPECT_EQ(reader.check().error().sqlstate.view(), "08P01");
  EXPECT_EQ(reader.int16(), 0);
  EXPECT_FALSE(reader.check().is_ok());
}

TEST(MessageReader, RefusesAStringWithoutItsEnd) {
  MessageReader reader("abc");
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.finish().error().message, "invalid string in message");
}

TEST(MessageReader, RefusesBytesThatAreLeftOver) {
  MessageReader reader("a\0x"sv);
  EXPECT_EQ(reader.text(), "a");
  EXPECT_TRUE(reader.check().is_ok());
  EXPECT_EQ(reader.finish().error().message, "invalid message format");
}

TEST(MessageReader, ReadsNumbersWithTheirSigns) {
  std::string body = bytes({0xFF, 0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7});
  MessageReader reader(body);
  EXPECT_EQ(reader.int16(), -2);
  EXPECT_EQ(reader.int32(), INT32_MIN);
  EXPECT_EQ(reader.int64(), 7);
  EXPECT_TRUE(reader.finish().is_ok());
}

TEST(NextFrame, NeedsTheWholeMessage) {
  std::string whole = message('Q', "SELECT 1\0"s);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(next_frame(std::string_view(whole).substr(0, size), kLimit).kind,
              Frame::Kind::kIncomplete)
        << size;
  }
  std::string with_more = whole + "more";
  Frame frame = next_frame(with_more, kLimit);
  EXPECT_EQ(frame.kind, Frame::Kind::kMessage);
  EXPECT_EQ(frame.type, 'Q');
  EXPECT_EQ(frame.body, "SELECT 1\0"sv);
  EXPECT_EQ(frame.size, whole.size());
}

TEST(NextFrame, JudgesTheLengthBeforeTheBodyHasCome) {
  EXPECT_EQ(next_frame(bytes({'Q', 0, 0, 0, 3}), kLimit).error.error().sqlstate.view(), "08P01");
  EXPECT_EQ(next_frame(bytes({'Q', 0xFF, 0xFF, 0xFF, 0xFF}), kLimit).kind, Frame::Kind::kBad);
  EXPECT_EQ(next_frame(bytes({'Q', 0x7F, 0xFF, 0xFF, 0xFF}), kLimit).error.error().sqlstate.view(),
            "54000");
  EXPECT_EQ(next_frame(bytes({'S', 0, 0, 0x40, 0}), kLimit).error.error().sqlstate.view(), "08P01")
      << "Sync has no body worth 16 KiB";
  EXPECT_EQ(next_frame(bytes({'Q', 0, 0x10, 0, 0}), kLimit).kind, Frame::Kind::kIncomplete);
}

TEST(NextFrame, RefusesUnknownTypesAtTheirFirstByte) {
  EXPECT_EQ(next_frame("G", kLimit).error.error().message, "invalid frontend message type 71");
  EXPECT_EQ(next_frame(bytes({0}), kLimit).kind, Frame::Kind::kBad);
}

TEST(Startup, JudgesTheLengthFirst) {
  EXPECT_EQ(parse_startup(bytes({0, 0, 0})).kind, StartupPacket::Kind::kIncomplete);
  EXPECT_EQ(parse_startup(bytes({0, 0, 0, 7})).kind, StartupPacket::Kind::kBad);
  EXPECT_EQ(parse_startup(bytes({0, 0, 0x27, 0x11})).kind, StartupPacket::Kind::kBad);
  EXPECT_EQ(parse_startup(bytes({0, 0, 0x27, 0x10})).kind, StartupPacket::Kind::kIncomplete);
  EXPECT_EQ(parse_startup("GET / HTTP/1.1\r\n").kind, StartupPacket::Kind::kBad);
  EXPECT_EQ(parse_startup(bytes({0x16, 3, 1, 2, 0, 1})).kind, StartupPacket::Kind::kBad);
}

TEST(Startup, ReadsParametersAndOptions) {
  std::string rest =
      "user\0root\0database\0dev\0application_name\0psql\0"
      "options\0-c statement_timeout=5s --search-path=a\\ b\0\0"s;
  StartupPacket packet = parse_startup(startup(kVersion3, rest));
  ASSERT_EQ(packet.kind, StartupPacket::Kind::kStartup);
  EXPECT_EQ(packet.user, "root");
  EXPECT_EQ(packet.database, "dev");
  std::vector<std::pair<std::string, std::string>> expected = {
      {"application_name", "psql"}, {"statement_timeout", "5s"}, {"search_path", "a b"}};
  EXPECT_EQ(packet.settings, expected);
}

TEST(Startup, DatabaseIsTheUserWhenNotGiven) {
  StartupPacket packet = parse_startup(startup(kVersion3, "user\0dev\0\0"s));
  ASSERT_EQ(packet.kind, StartupPacket::Kind::kStartup);
  EXPECT_EQ(packet.database, "dev");
}

TEST(Startup, RefusesBadLayouts) {
  for (std::string rest : {"user\0root\0"s, "user\0root"s, "user\0root\0\0x"s, std::string()}) {
    EXPECT_EQ(parse_startup(startup(kVersion3, rest)).kind, StartupPacket::Kind::kBad);
  }
  EXPECT_EQ(parse_startup(startup(kVersion3, "\0"s)).error.error().sqlstate.view(), "28000");
  EXPECT_EQ(parse_startup(startup(2 << 16, "")).error.error().sqlstate.view(), "0A000");
}

TEST(Startup, NotesMinorVersionsAndProtocolOptions) {
  StartupPacket packet = parse_startup(startup(kVersion3 + 2, "user\0a\0_pq_.x\0001\0\0"s));
  ASSERT_EQ(packet.kind, StartupPacket::Kind::kStartup);
  EXPECT_EQ(packet.minor_version, 2);
  EXPECT_EQ(packet.unknown_options, std::vector<std::string>{"_pq_.x"});
}

TEST(Startup, ReadsCancelRequests) {
  StartupPacket packet = parse_startup(startup(kCancelRequest, bytes({0, 0, 0, 9, 0xFF, 0, 0, 1})));
  ASSERT_EQ(packet.kind, StartupPacket::Kind::kCancel);
  EXPECT_EQ(packet.key.process_id, 9);
  EXPECT_EQ(static_cast<uint32_t>(packet.key.secret), 0xFF000001u);
  EXPECT_EQ(parse_startup(startup(kCancelRequest, bytes({0, 0, 0, 9}))).kind,
            StartupPacket::Kind::kBad);
  EXPECT_EQ(parse_startup(startup(kSslRequest, "")).kind, StartupPacket::Kind::kSsl);
  EXPECT_EQ(parse_startup(startup(kGssRequest, "")).kind, StartupPacket::Kind::kGss);
}

TEST(WriteError, GivesEveryField) {
  MessageWriter out;
  write_error(out, "ERROR",
              {.sqlstate = data::sqlstate::kSyntaxError,
               .message = "m",
               .detail = "d",
               .hint = "h",
               .position = 12});
  EXPECT_EQ(out.buffer().substr(0, 1), "E");
  EXPECT_EQ(out.buffer().substr(5), "SERROR\0VERROR\0C42601\0Mm\0Dd\0Hh\0P12\0\0"s);
}

}  // namespace
}  // namespace forebay::server::pgwire
