#include "server/result_printer.h"

#include <gtest/gtest.h>

namespace forebay::server {
namespace {

data::Schema schema() { return {{"id", data::kIntegerType}, {"name", data::kTextType}}; }

data::ChangeBatch rows() {
  data::BatchBuilder builder({data::kIntegerType, data::kTextType});
  builder.column(0).append(int32_t{1});
  builder.column(1).append_string("two\nlines, \"quoted\"");
  builder.end_row();
  builder.column(0).append(int32_t{200});
  builder.column(1).append_null();
  builder.end_row(2);
  return builder.finish();
}

std::string print(OutputFormat format) {
  char* memory = nullptr;
  size_t size = 0;
  std::FILE* out = open_memstream(&memory, &size);
  ResultPrinter printer(format, out, stderr);
  EXPECT_TRUE(printer.begin_rows(schema()).is_ok());
  EXPECT_TRUE(printer.rows(rows()).is_ok());
  printer.finish("SELECT 3");
  std::fclose(out);
  std::string text(memory, size);
  std::free(memory);
  return text;
}

// What psql 15 prints for the same rows.
TEST(ResultPrinter, PrintsTablesAsPsql) {
  EXPECT_EQ(print(OutputFormat::kTable),
            " id  |      name       \n"
            "-----+-----------------\n"
            "   1 | two            +\n"
            "     | lines, \"quoted\"\n"
            " 200 | \n"
            " 200 | \n"
            "(3 rows)\n\n");
}

TEST(ResultPrinter, PrintsCsvAsPsql) {
  EXPECT_EQ(print(OutputFormat::kCsv), "id,name\n1,\"two\nlines, \"\"quoted\"\"\"\n200,\n200,\n");
}

TEST(ResultPrinter, PrintsJsonLines) {
  EXPECT_EQ(print(OutputFormat::kJson),
            "{\"id\": 1, \"name\": \"two\\nlines, \\\"quoted\\\"\"}\n"
            "{\"id\": 200, \"name\": null}\n{\"id\": 200, \"name\": null}\n");
}

TEST(DescribeError, PointsAtTheCharacter) {
  data::Error error{.sqlstate = data::sqlstate::kUndefinedColumn,
                    .message = "column \"x\" does not exist",
                    .hint = "did you mean \"y\"?",
                    .position = 20};
  // The position counts characters, not bytes.
  EXPECT_EQ(describe_error(error, "SELECT '\xC3\xA4',\n       x FROM t"),
            "ERROR:  column \"x\" does not exist\n"
            "LINE 2:        x FROM t\n"
            "               ^\n"
            "HINT:  did you mean \"y\"?\n");
}

}  // namespace
}  // namespace forebay::server
