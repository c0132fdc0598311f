// What CREATE SOURCE accepts for topics; brokers are tried in tests/kafka.

#include <gtest/gtest.h>

#include "connectors/source.h"

namespace forebay::connectors {
namespace {

class KafkaSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spec_.name = "s";
    spec_.schema = {{"a", data::kBigintType}};
    spec_.options = {
        {"connector", "kafka"}, {"topic", "t"}, {"properties.bootstrap.server", "127.0.0.1:1"}};
    spec_.format = "plain";
    spec_.encode = "json";
  }
  /// "" or "SQLSTATE message".
  std::string make() {
    auto source = make_source(spec_);
    if (source) return "";
    EXPECT_FALSE(source.error().hint.empty()) << source.error().message;
    return std::string(source.error().sqlstate.view()) + " " + source.error().message;
  }
  std::string with(const std::string& name, const std::string& value) {
    Options before = spec_.options;
    spec_.options[name] = value;
    std::string outcome = make();
    spec_.options = before;
    return outcome;
  }
  SourceSpec spec_;
};

TEST_F(KafkaSourceTest, OptionsThatAreFine) {
  EXPECT_EQ(make(), "");
  for (auto [name, value] :
       {std::pair("topic", "a, b;c"), std::pair("scan.startup.mode", "latest-offset"),
        std::pair("scan.bounded.mode", "latest"), std::pair("group.id", "lag"),
        std::pair("properties.security.protocol", "SASL_SSL"),
        std::pair("properties.sasl.mechanism", "SCRAM-SHA-512"),
        std::pair("properties.bootstrap.servers", "a:1,b:2"),
        std::pair("properties.isolation.level", "read_uncommitted")}) {
    EXPECT_EQ(with(name, value), "") << name;
  }
  spec_.options["scan.startup.mode"] = "specific-offsets";
  EXPECT_EQ(with("scan.startup.specific-offsets", "partition:0,offset:42;partition:1,offset:300"),
            "");
  spec_.options["scan.startup.mode"] = "timestamp";
  EXPECT_EQ(with("scan.startup.timestamp.millis", "1700000000000"), "");
}

TEST_F(KafkaSourceTest, OptionsThatAreRefused) {
  EXPECT_EQ(with("topik", "t"), "22023 unknown option \"topik\"");
  EXPECT_EQ(with("topic", " , "), "22023 source \"s\" has no option \"topic\"");
  EXPECT_EQ(with("topic.pattern", "t.*"),
            "22023 options \"topic\" and \"topic.pattern\" exclude each other");
  EXPECT_EQ(with("scan.startup.mode", "newest"),
            "22023 invalid value for option \"scan.startup.mode\": \"newest\"");
  EXPECT_EQ(
      with("scan.startup.mode", "timestamp"),
      "22023 \"scan.startup.mode\" = 'timestamp' needs option \"scan.startup.timestamp.millis\"");
  EXPECT_EQ(
      with("scan.startup.timestamp.millis", "1"),
      "22023 option \"scan.startup.timestamp.millis\" needs \"scan.startup.mode\" = 'timestamp'");
  EXPECT_EQ(with("scan.bounded.mode", "never"),
            "22023 invalid value for option \"scan.bounded.mode\": \"never\"");
  EXPECT_EQ(with("properties.enable.auto.commit", "true"),
            "22023 option \"properties.enable.auto.commit\" can't be set");
  EXPECT_EQ(with("properties.check.crcs", "false"),
            "22023 option \"properties.check.crcs\" can't be set");
  EXPECT_EQ(with("properties.no.such", "x"), "22023 unknown option \"properties.no.such\"");
  EXPECT_EQ(with("properties.security.protocol", "tls"),
            "22023 invalid value for option \"properties.security.protocol\"");
  spec_.options.erase("topic");
  EXPECT_EQ(with("topic.pattern", "t("),
            "22023 invalid value for option \"topic.pattern\": \"t(\"");
  EXPECT_EQ(with("topic.pattern", "t.*"), "");
  EXPECT_EQ(make(), "22023 source \"s\" has no option \"topic\"");
  spec_.options["topic"] = "t";
  spec_.options.erase("properties.bootstrap.server");
  EXPECT_EQ(make(), "22023 source \"s\" has no option \"properties.bootstrap.server\"");
}

TEST_F(KafkaSourceTest, OffsetsOfAStart) {
  spec_.options["scan.startup.mode"] = "specific-offsets";
  for (const char* bad : {"", "0:1", "partition:0", "partition:0,offset:-1", "partition:x,offset:1",
                          "partition:0,offset:1,offset:2"}) {
    EXPECT_NE(with("scan.startup.specific-offsets", bad), "") << bad;
  }
}

TEST_F(KafkaSourceTest, CsvHeadersAreForFiles) {
  spec_.encode = "csv";
  EXPECT_EQ(make(), "");
  spec_.encode_options["header"] = "true";
  EXPECT_EQ(make(), "22023 records of topics have no header: option \"header\" is for files");
}

}  // namespace
}  // namespace forebay::connectors
