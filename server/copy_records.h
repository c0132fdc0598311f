#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/data/status.h"
#include "sql/planner.h"

namespace forebay::server {

/// The bytes of COPY FROM as records of fields, in PostgreSQL's text format or as CSV.
class CopyRecords {
 public:
  struct Field {
    /// Unescaped; followed by 32 readable bytes. Valid until the next call of next() or add().
    std::string_view text;
    bool is_null = false;
  };

  explicit CopyRecords(const sql::CopyFormat& format) : format_(format) {}

  /// More bytes; they need not end with a line.
  void add(std::string_view bytes);
  /// There are no more: what is left is the last line.
  void end() { input_ended_ = true; }

  /// Goes to the next record. False: it isn't whole yet or, after end(), there is none. 22P04,
  /// 22021, 54000.
  data::Result<bool> next();
  const std::vector<Field>& fields() const { return fields_; }
  /// The number of the present record's last line, from 1 on.
  uint64_t line() const { return line_; }
  /// The present record's bytes without line end; of use for people only when has_text().
  std::string_view text() const { return text_; }
  bool has_text() const { return has_text_; }

 private:
  enum class LineEnd : uint8_t { kUnknown, kNewline, kCarriageNewline };

  /// Finds the end of the record at `at_`, its line end not included; npos: it isn't there yet.
  size_t find_end();
  data::Status take_line(size_t end);
  data::Status split_text();
  data::Status split_csv();
  data::Status unescape(std::string_view raw);
  /// A place for a field that must be rewritten, with room for `size` bytes.
  char* scratch(size_t size);
  void push(std::string_view raw);

  const sql::CopyFormat format_;
  std::string buffer_;  // with padding behind the input
  size_t size_ = 0;     // of the input in buffer_
  size_t at_ = 0;       // the next record's beginning
  size_t scanned_ = 0;  // no record ends before
  bool in_quotes_ = false;
  bool after_escape_ = false;
  bool input_ended_ = false;
  bool ended_ = false;  // by \.
  LineEnd line_end_ = LineEnd::kUnknown;
  uint64_t line_ = 0;
  std::string_view text_;
  bool has_text_ = false;
  std::vector<Field> fields_;
  std::string scratch_;
  size_t scratch_used_ = 0;
};

}  // namespace forebay::server
