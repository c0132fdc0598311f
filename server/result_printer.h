#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "server/command_line.h"
#include "server/result_sink.h"

/// Prints results for people and programs: `forebay run`.
namespace forebay::server {

/// As psql prints the place of an error: severity and message, LINE n with a caret, detail and
/// hint. `sql`: the text that the error's position counts from.
std::string describe_error(const data::Error& error, std::string_view sql);

class ResultPrinter final : public ResultSink {
 public:
  /// Rows go to `out`, notices to `err`.
  ResultPrinter(OutputFormat format, std::FILE* out, std::FILE* err)
      : format_(format), out_(out), err_(err) {}

  data::Status begin_rows(const data::Schema& schema) override;
  data::Status rows(const data::ChangeBatch& batch) override;
  void notice(const Notice& notice) override;
  data::Status begin_copy_out(size_t) override { return data::Status::ok(); }
  data::Status copy_out(std::string_view line) override {
    write(line);
    return data::Status::ok();
  }
  data::Status end_copy_out() override { return data::Status::ok(); }
  /// Ends a statement: prints its table, or its tag when it gave no rows.
  void finish(std::string_view tag);

 private:
  struct Cell {
    std::string text;
    bool is_null = false;
  };
  void print_table() const;
  void print_csv_row(const std::vector<Cell>& row) const;
  void print_json_row(const std::vector<Cell>& row) const;
  void print_names_as_csv() const;
  void write(std::string_view text) const { std::fwrite(text.data(), 1, text.size(), out_); }

  const OutputFormat format_;
  std::FILE* out_;
  std::FILE* err_;
  bool has_rows_ = false;
  data::Schema schema_;
  std::vector<std::vector<Cell>> rows_;  // kTable: column widths need all of them
};

}  // namespace forebay::server
