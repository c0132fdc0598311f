#include "connectors/file/file_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "connectors/json/json_format.h"
#include "decode_support.h"
#include "tests/support/seed.h"

namespace forebay::connectors {
namespace {

using testing::Decoded;
using Texts = std::vector<std::string>;
namespace fs = std::filesystem;

/// A folder of its own, a source on files in it, and a reader.
class FileSourceTest : public ::testing::Test {
 protected:
  FileSourceTest() {
    std::string pattern = (fs::temp_directory_path() / "forebay_file_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    spec_.name = "s";
    spec_.schema = {{"id", data::kBigintType}, {"ts", data::kTimestampType}};
    spec_.format = "plain";
    spec_.encode = "json";
    spec_.options = {{"connector", "file"}, {"path", path("a.json")}};
  }
  ~FileSourceTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  void append(const std::string& name, const std::string& text) {
    std::ofstream(path(name), std::ios::binary | std::ios::app) << text;
  }
  static std::string record(int id) { return "{\"id\":" + std::to_string(id) + "}\n"; }

  Status open(const Positions& positions = {}) {
    reader_.reset();
    Result<std::shared_ptr<const Source>> source = make_source(spec_);
    if (!source) return source.take_status();
    source_ = *source;
    return open_source(positions);
  }
  Status open_source(const Positions& positions = {}) {
    Result<std::unique_ptr<SourceReader>> reader = source_->open(positions, clock_);
    if (!reader) return reader.take_status();
    reader_ = std::move(*reader);
    DecodeRequest request;
    request.schema = spec_.schema;
    request.projection = {0};
    decoder_ = source_->make_decoder(request);
    return Status::ok();
  }
  /// Polls until there is nothing; rows go to rows_, positions to positions_.
  PollOutcome read_all() {
    while (true) {
      RawBatch raw;
      Result<PollOutcome> outcome = reader_->poll(raw, wait_ms_);
      if (!outcome) {
        error_ = outcome.error();
        return PollOutcome::kEnd;
      }
      if (*outcome != PollOutcome::kBatch) return *outcome;
      take(std::move(raw));
    }
  }
  void take(RawBatch raw) {
    PartitionPosition* position = nullptr;
    for (PartitionPosition& known : positions_) {
      if (known.id == raw.partition) position = &known;
    }
    if (position == nullptr) {
      position = &positions_.emplace_back();
      position->id = raw.partition;
      position->name = raw.partition_name;
    } else {
      EXPECT_EQ(position->next, raw.from) << "a gap";
    }
    position->next = raw.to;
    position->state = raw.state_after;
    decoder_->start(std::move(raw));
    testing::drain(*decoder_, decoded_);
  }
  Texts rows() {
    Texts rows = std::move(decoded_.rows);
    decoded_.rows.clear();
    return rows;
  }

  std::string folder_;
  SourceSpec spec_;
  data::FakeClock clock_;
  std::shared_ptr<const Source> source_;
  std::unique_ptr<SourceReader> reader_;
  std::unique_ptr<Decoder> decoder_;
  Positions positions_;
  Decoded decoded_;
  int64_t wait_ms_ = 0;
  std::optional<data::Error> error_;
};

TEST_F(FileSourceTest, FollowsWholeLines) {
  ASSERT_TRUE(open());  // no file yet
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_GT(wait_ms_, 0);
  write("a.json", record(1) + record(2) + "{\"id\":");
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_EQ(rows(), (Texts{"1", "2"}));
  append("a.json", "3}");
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_EQ(rows(), Texts{});
  append("a.json", "\n" + record(4));
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_EQ(rows(), (Texts{"3", "4"}));
  EXPECT_FALSE(error_);
  Positions ends = reader_->ends();
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].end->value, fs::file_size(path("a.json")));
  EXPECT_EQ(ends[0].name, path("a.json"));
}

TEST_F(FileSourceTest, UntilThePositionsOfAnotherReader) {
  spec_.options["path"] = path("*.json");
  spec_.options["rows_per_second"] = "1";  // is not for who catches up
  write("b.json", record(1) + record(2));
  ASSERT_TRUE(open());
  Positions own = {{PartitionId(7), path("b.json"), Offset(record(1).size()), "", std::nullopt}};
  RawBatch raw;
  ASSERT_EQ(*reader_->poll(raw, wait_ms_), PollOutcome::kBatch);
  own[0].state = raw.state_after;
  ASSERT_EQ(own[0].next, raw.to);
  write("a.json", record(3) + record(4) + record(5));
  write("c.json", record(9));
  Positions until = {
      {PartitionId(0), path("b.json"), Offset(2 * record(1).size()), "", std::nullopt},
      {PartitionId(1), path("a.json"), Offset(record(3).size() * 2), "", std::nullopt}};
  auto reader = source_->open_until(own, until, clock_);
  ASSERT_TRUE(reader.is_ok());
  reader_ = std::move(*reader);
  EXPECT_EQ(read_all(), PollOutcome::kEnd);
  EXPECT_FALSE(error_);
  Texts got = rows();
  std::sort(got.begin(), got.end());
  EXPECT_EQ(got, (Texts{"2", "3", "4"}));
  for (const PartitionPosition& position : positions_) {
    EXPECT_EQ(position.id.value, position.name == path("b.json") ? 7u : 8u);
  }
}

TEST_F(FileSourceTest, BoundedEndsAtTheEndAsItWas) {
  spec_.options["scan.bounded.mode"] = "latest";
  EXPECT_EQ(open().error().sqlstate, data::sqlstate::kUndefinedFile);
  write("a.json", record(1) + "{\"id\":2}");
  ASSERT_TRUE(open());
  EXPECT_TRUE(source_->is_bounded());
  append("a.json", "\n" + record(3));
  EXPECT_EQ(read_all(), PollOutcome::kEnd);
  EXPECT_EQ(read_all(), PollOutcome::kEnd);
  EXPECT_EQ(rows(), (Texts{"1", "2"}));
  EXPECT_FALSE(error_);
  spec_.options["scan.bounded.mode"] = "earliest";
  EXPECT_EQ(open().error().sqlstate, data::sqlstate::kInvalidParameterValue);
}

TEST_F(FileSourceTest, ForceBounded) {
  spec_.force_bounded = true;
  write("a.json", record(1));
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all(), PollOutcome::kEnd);
  EXPECT_EQ(rows(), Texts{"1"});
}

TEST_F(FileSourceTest, GoesOnAtCommittedPositions) {
  write("a.json", record(1) + record(2));
  ASSERT_TRUE(open());
  read_all();
  EXPECT_EQ(rows(), (Texts{"1", "2"}));
  append("a.json", record(3));
  ASSERT_TRUE(open(positions_));
  read_all();
  EXPECT_EQ(rows(), Texts{"3"});
  EXPECT_FALSE(error_);
}

TEST_F(FileSourceTest, GlobInNameOrderNewFilesAndStableIds) {
  spec_.options["path"] = path("*.json");
  write("b.json", record(2));
  write("c.json", record(3));
  write("other.txt", record(9));
  fs::create_directory(path("folder.json"));
  ASSERT_TRUE(open());
  read_all();
  EXPECT_EQ(rows(), (Texts{"2", "3"}));
  write("a.json", record(1));
  append("b.json", record(22));
  read_all();
  EXPECT_EQ(rows(), Texts{"22"});  // new files are looked for once a second
  clock_.advance_ms(1000);
  read_all();
  EXPECT_EQ(rows(), Texts{"1"});
  ASSERT_EQ(positions_.size(), 3u);
  std::map<std::string, uint32_t> ids;
  for (const PartitionPosition& position : positions_) ids[position.name] = position.id.value;
  EXPECT_EQ(ids.size(), 3u);
  append("a.json", record(11));
  write("0.json", record(0));
  ASSERT_TRUE(open(positions_));
  read_all();
  EXPECT_EQ(rows(), (Texts{"0", "11"}));
  for (const PartitionPosition& position : positions_) {
    if (ids.count(position.name)) {
      EXPECT_EQ(ids[position.name], position.id.value);
    }
  }
  EXPECT_EQ(positions_.size(), 4u);
  EXPECT_FALSE(error_);
}

TEST_F(FileSourceTest, TruncationIsAnError) {
  write("a.json", record(1) + record(2));
  ASSERT_TRUE(open());
  read_all();
  write("a.json", record(1));
  read_all();
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->sqlstate, data::sqlstate::kNotInPrerequisiteState);
  EXPECT_NE(error_->message.find("truncated"), std::string::npos) << error_->message;
  EXPECT_FALSE(error_->retryable);
  EXPECT_EQ(open(positions_).error().sqlstate, data::sqlstate::kNotInPrerequisiteState);
}

TEST_F(FileSourceTest, ReplacementIsAnErrorByRenameAndInPlaceAndAfterRestart) {
  for (int way = 0; way < 3; ++way) {
    SCOPED_TRACE(way);
    error_.reset();
    positions_.clear();
    write("a.json", record(1) + record(2));
    ASSERT_TRUE(open());
    read_all();
    if (way == 0) {
      write("new", record(7) + record(8) + record(9));
      fs::rename(path("new"), path("a.json"));
    } else {
      write("a.json", record(7) + record(8) + record(9));
      if (way == 2) {
        ASSERT_TRUE(open(positions_));
      }
    }
    rows();
    read_all();
    EXPECT_EQ(rows(), Texts{});
    ASSERT_TRUE(error_);
    EXPECT_EQ(error_->sqlstate, data::sqlstate::kNotInPrerequisiteState);
    EXPECT_NE(error_->message.find("was replaced"), std::string::npos) << error_->message;
  }
}

TEST_F(FileSourceTest, AChangedHeadIsNoticedToo) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += record(10000 + i);
  write("a.json", text);
  ASSERT_TRUE(open());
  read_all();
  text[6] = '9';
  write("a.json", text + record(1));
  ASSERT_TRUE(open(positions_));
  read_all();
  ASSERT_TRUE(error_);
  EXPECT_NE(error_->message.find("was replaced"), std::string::npos);
}

TEST_F(FileSourceTest, ACopyWithTheSameContentIsTheSameFile) {
  write("a.json", record(1));
  ASSERT_TRUE(open());
  read_all();
  write("new", record(1) + record(2));
  fs::rename(path("new"), path("a.json"));
  read_all();
  EXPECT_FALSE(error_);
  EXPECT_EQ(rows(), (Texts{"1", "2"}));
}

TEST_F(FileSourceTest, RowsPerSecond) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += record(i);
  write("a.json", text);
  spec_.options["rows_per_second"] = "10";
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_EQ(rows().size(), 1u);
  EXPECT_EQ(wait_ms_, 100);
  clock_.advance_ms(99);
  read_all();
  EXPECT_EQ(rows().size(), 0u);
  for (int i = 0; i < 20; ++i) {
    clock_.advance_ms(100);
    read_all();
  }
  EXPECT_EQ(rows().size(), 20u);
  clock_.advance_ms(60'000);
  read_all();
  EXPECT_LE(rows().size(), 10u);  // no burst after a pause
  spec_.options["rows_per_second"] = "0";
  EXPECT_EQ(open().error().sqlstate, data::sqlstate::kInvalidParameterValue);
}

std::string timed(int id, const std::string& time) {
  return "{\"id\":" + std::to_string(id) + ",\"ts\":\"2013-01-01 " + time + "\"}\n";
}

TEST_F(FileSourceTest, ReplaysInEventTime) {
  write("a.json", timed(1, "05:00:00") + timed(2, "05:01:00") + record(3) + "bad\n" +
                      timed(4, "05:00:30") + timed(5, "05:02:00"));
  spec_.options["replay.column"] = "TS";
  spec_.options["replay.speed"] = "60";
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all(), PollOutcome::kNothing);
  EXPECT_EQ(rows(), Texts{"1"});
  EXPECT_EQ(wait_ms_, 1000);
  clock_.advance_ms(999);
  read_all();
  EXPECT_EQ(rows(), Texts{});
  clock_.advance_ms(1);
  read_all();
  EXPECT_EQ(rows(), (Texts{"2", "3", "4"}));
  EXPECT_EQ(decoded_.bad.size(), 1u);
  // After a restart the next record is due at once.
  ASSERT_TRUE(open(positions_));
  read_all();
  EXPECT_EQ(rows(), Texts{"5"});
  append("a.json", timed(6, "05:03:00"));
  read_all();
  EXPECT_EQ(rows(), Texts{});
  clock_.advance_ms(1000);
  read_all();
  EXPECT_EQ(rows(), Texts{"6"});
}

TEST_F(FileSourceTest, ReplaysSeveralFilesByOneClock) {
  spec_.options["path"] = path("*.json");
  spec_.options["replay.column"] = "ts";
  spec_.options["scan.bounded.mode"] = "latest";
  write("a.json", timed(1, "05:00:01") + timed(3, "05:00:03"));
  write("b.json", timed(0, "05:00:00") + timed(2, "05:00:02"));
  ASSERT_TRUE(open());
  Texts all;
  for (int second = 0; second < 4; ++second) {
    EXPECT_EQ(read_all(), second < 3 ? PollOutcome::kNothing : PollOutcome::kEnd);
    for (std::string& row : rows()) all.push_back(row);
    EXPECT_EQ(all.size(), static_cast<size_t>(second) + 1);
    clock_.advance_ms(1000);
  }
  EXPECT_EQ(all, (Texts{"0", "1", "2", "3"}));
  spec_.options["replay.speed"] = "max";
  positions_.clear();
  ASSERT_TRUE(open());
  EXPECT_EQ(read_all(), PollOutcome::kEnd);
  EXPECT_EQ(rows().size(), 4u);
}

TEST_F(FileSourceTest, ByteOrderMarkIsSkipped) {
  write("a.json", "\xef\xbb\xbf" + record(1));
  ASSERT_TRUE(open());
  read_all();
  EXPECT_EQ(rows(), Texts{"1"});
  EXPECT_TRUE(decoded_.bad.empty());
}

TEST_F(FileSourceTest, AFolderIsRefused) {
  spec_.options["path"] = folder_;
  EXPECT_EQ(open().error().sqlstate, data::sqlstate::kWrongObjectType);
}

TEST_F(FileSourceTest, UnknownOptionsAndNamesAreRefusedWithAHint) {
  spec_.options["scan.bounded.mod"] = "latest";
  Status status = open();
  EXPECT_EQ(status.error().sqlstate, data::sqlstate::kInvalidParameterValue);
  EXPECT_EQ(status.error().message, "unknown option \"scan.bounded.mod\"");
  EXPECT_EQ(status.error().hint, "Did you mean \"scan.bounded.mode\"?");
  spec_.options = {{"connector", "fil"}};
  EXPECT_EQ(open().error().hint, "Did you mean \"file\"?");
  spec_.options = {};
  EXPECT_EQ(open().error().hint, "Known connectors are: file, datagen, nexmark, kafka.");
  spec_.options = {{"connector", "file"}};
  EXPECT_EQ(open().error().message, "source \"s\" has no option \"path\"");
  spec_.options["path"] = "x";
  spec_.encode = "jsn";
  EXPECT_EQ(open().error().hint, "Did you mean \"json\"?");
  spec_.encode = "json";
  spec_.format = "plane";
  EXPECT_EQ(open().error().hint, "Did you mean \"plain\"?");
  spec_.format = "plain";
  spec_.encode_options = {{"delimiter", ";"}};
  EXPECT_EQ(open().error().message, "unknown option \"delimiter\"");
  spec_.encode_options = {};
  spec_.options["replay.column"] = "tss";
  EXPECT_EQ(open().error().hint, "Did you mean \"ts\"?");
  spec_.options["replay.column"] = "id";
  EXPECT_EQ(open().error().message, "replay column \"id\" is of type bigint");
  spec_.options.erase("replay.column");
  spec_.options["replay.speed"] = "2";
  EXPECT_EQ(open().error().sqlstate, data::sqlstate::kInvalidParameterValue);
  EXPECT_EQ(connector_names(), (Texts{"file", "datagen", "nexmark", "kafka"}));
  EXPECT_EQ(metadata_columns("file").size(), 2u);
}

TEST_F(FileSourceTest, LongRecordsGrowTheBufferAndThenAreBad) {
  OptionReader no_options(spec_.encode_options);
  std::shared_ptr<const Format> json = *json_format().make(spec_, no_options);
  for (bool bounded : {false, true}) {
    SCOPED_TRACE(bounded);
    FileConfig config;
    config.path = path("a.json");
    config.bounded = bounded;
    config.limits = {.chunk_bytes = 64, .max_record_bytes = 1000};
    auto padded = [](int id, size_t size) {
      return "{\"id\":" + std::to_string(id) + ",\"x\":\"" + std::string(size, 'x') + "\"}\n";
    };
    write("a.json", record(1) + padded(2, 900) + record(3) + padded(4, 1000) + record(5) +
                        padded(6, 5000) + record(7));
    source_ = *make_file_source(config, spec_.schema, json);
    positions_.clear();
    decoded_ = {};
    ASSERT_TRUE(open_source());
    read_all();
    EXPECT_EQ(rows(), (Texts{"1", "2", "3", "5", "7"}));
    ASSERT_EQ(decoded_.bad_records.size(), 2u);
    EXPECT_EQ(decoded_.bad_records[0].sqlstate, data::sqlstate::kProgramLimit);
    EXPECT_TRUE(decoded_.bad_records[0].raw.starts_with("{\"id\":4,"));
    // One that has not ended yet waits, or ends with the file.
    append("a.json", std::string(3000, 'y'));
    if (bounded) {
      positions_.clear();
      decoded_ = {};
      ASSERT_TRUE(open_source());
    }
    read_all();
    EXPECT_EQ(decoded_.bad.size(), bounded ? 3u : 2u);
    if (!bounded) {
      append("a.json", "\n" + record(8));
      ASSERT_TRUE(open_source(positions_));
      read_all();
      EXPECT_EQ(decoded_.bad.size(), 3u);
      EXPECT_EQ(rows(), Texts{"8"});
    }
    EXPECT_FALSE(error_);
  }
}

TEST_F(FileSourceTest, ChunksOfAnySizeGiveTheSameRecords) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  OptionReader no_options(spec_.encode_options);
  std::shared_ptr<const Format> json = *json_format().make(spec_, no_options);
  for (int round = 0; round < 20; ++round) {
    FileConfig config;
    config.path = path("a.json");
    config.limits.chunk_bytes = 64 + random() % 500;
    source_ = *make_file_source(config, spec_.schema, json);
    positions_.clear();
    write("a.json", "");
    ASSERT_TRUE(open_source());
    std::string text;
    Texts expected;
    for (int i = 0; i < 200; ++i) {
      text += std::string(random() % 30, ' ') + record(i);
      expected.push_back(std::to_string(i));
    }
    Texts got;
    for (size_t at = 0; at < text.size();) {
      size_t size = std::min<size_t>(text.size() - at, random() % 2000);
      append("a.json", text.substr(at, size));
      at += size;
      read_all();
      for (std::string& row : rows()) got.push_back(row);
      if (random() % 4 == 0) {
        ASSERT_TRUE(open_source(positions_));
      }
    }
    ASSERT_EQ(got, expected);
    ASSERT_FALSE(error_);
  }
}

}  // namespace
}  // namespace forebay::connectors
