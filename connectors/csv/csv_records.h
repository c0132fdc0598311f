#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Where CSV records and their fields end (RFC 4180).
namespace forebay::connectors {

/// How a CSV text is written.
struct CsvDialect {
  char delimiter = ',';
  char quote = '"';
  /// An unquoted field with this text is NULL.
  std::string null_text;
  bool header = false;
};

enum class CsvEnd : uint8_t {
  kWhole,       // ends with a newline outside quotes, or with the end of the input where allowed
  kIncomplete,  // the input ends first
  kMalformed,   // something stands between a closing quote and the next delimiter, or a quote is
               // open at the end of the input: the record is its first line, and bad
};

/// One field of a record: its bytes without the enclosing quotes.
struct CsvField {
  uint32_t begin = 0;
  uint32_t end = 0;
  bool quoted = false;
  bool doubled_quotes = false;
};

/// Splits a text into records and fields. A quote opens a quoted field only at the field's start;
/// within one, two quotes stand for one. A stray quote elsewhere is an ordinary character.
/// Delimiters, quotes and newlines are found 32 bytes at a time.
class CsvSplitter {
 public:
  explicit CsvSplitter(const CsvDialect& dialect) : dialect_(dialect) {}

  /// Starts on `text`, which is followed by 32 readable bytes. `ends_here`: the end of the text
  /// ends the last record.
  void start(std::string_view text, bool ends_here);
  /// The next record: its fields, and in end() where the one after it starts. On kIncomplete and at
  /// the text's end nothing moves.
  CsvEnd next();
  bool at_end() const { return position_ >= text_.size(); }
  size_t begin() const { return begin_; }
  size_t end() const { return position_; }
  const std::vector<CsvField>& fields() const { return fields_; }
  /// The record has no byte but its line end.
  bool is_blank() const {
    return fields_.size() == 1 && !fields_[0].quoted && fields_[0].begin == fields_[0].end;
  }

 private:
  void index_more();
  CsvEnd split();
  CsvEnd recover();

  const CsvDialect dialect_;
  std::string_view text_;
  bool ends_here_ = false;
  size_t begin_ = 0;
  size_t position_ = 0;
  std::vector<CsvField> fields_;

  // Positions of delimiters, quotes and newlines in [position_, indexed_).
  std::vector<uint32_t> specials_;
  size_t next_special_ = 0;
  size_t indexed_ = 0;
};

}  // namespace forebay::connectors
