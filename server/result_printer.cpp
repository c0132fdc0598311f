#include "server/result_printer.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/text_format.h"

namespace forebay::server {

using data::Status;
using data::TypeId;

namespace {

// Columns on a screen, counted as one per code point.
size_t width_of_text(std::string_view text) {
  size_t width = 0;
  for (char c : text) width += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return width;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

bool is_right_aligned(TypeId id) {
  return data::Type{id}.is_number();
}

std::string spaces(size_t count) { return std::string(count, ' '); }

std::string csv_quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos && text != "\\.") {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string json_quoted(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        quoted += "\\\"";
        break;
      case '\\':
        quoted += "\\\\";
        break;
      case '\n':
        quoted += "\\n";
        break;
      case '\r':
        quoted += "\\r";
        break;
      case '\t':
        quoted += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          quoted += c;
        }
    }
  }
  return quoted + '"';
}

}  // namespace

std::string describe_error(const data::Error& error, std::string_view sql) {
  std::string text = fmt::format("ERROR:  {}\n", error.message);
  if (error.position > 0) {
    size_t at = 0;
    for (int32_t i = 1; i < error.position && at < sql.size(); ++i) {
      ++at;
      while (at < sql.size() && (static_cast<unsigned char>(sql[at]) & 0xC0) == 0x80) ++at;
    }
    auto number = std::count(sql.begin(), sql.begin() + static_cast<ptrdiff_t>(at), '\n') + 1;
    size_t start = at == 0 ? std::string_view::npos : sql.rfind('\n', at - 1);
    start = start == std::string_view::npos ? 0 : start + 1;
    std::string_view line = sql.substr(start, sql.find('\n', start) - start);
    std::string title = fmt::format("LINE {}: ", number);
    text += fmt::format("{}{}\n{}^\n", title, line,
                        spaces(title.size() + width_of_text(sql.substr(start, at - start))));
  }
  if (!error.detail.empty()) text += fmt::format("DETAIL:  {}\n", error.detail);
  if (!error.hint.empty()) text += fmt::format("HINT:  {}\n", error.hint);
  if (!error.context.empty()) text += fmt::format("CONTEXT:  {}\n", error.context);
  return text;
}

Status ResultPrinter::begin_rows(const data::Schema& schema) {
  has_rows_ = true;
  schema_ = schema;
  rows_.clear();
  if (format_ == OutputFormat::kCsv) print_names_as_csv();
  return Status::ok();
}

Status ResultPrinter::rows(const data::ChangeBatch& batch) {
  Status status;
  batch.for_each([&](uint32_t row) {
    std::vector<Cell> cells(schema_.size());
    for (size_t i = 0; i < cells.size(); ++i) {
      data::Datum datum = batch.column(i).datum(row);
      cells[i].is_null = datum.is_null();
      data::format_datum(datum, cells[i].text);
    }
    for (data::Weight left = batch.weight(row); left > 0; --left) {
      switch (format_) {
        case OutputFormat::kTable:
          rows_.push_back(cells);
          break;
        case OutputFormat::kCsv:
          print_csv_row(cells);
          break;
        case OutputFormat::kJson:
          print_json_row(cells);
          break;
      }
    }
  });
  if (std::ferror(out_) != 0) return Status(data::sqlstate::kIoError, "cannot write the result");
  return status;
}

void ResultPrinter::notice(const Notice& notice) {
  std::string text = fmt::format("{}:  {}\n", notice.severity, notice.message);
  if (!notice.detail.empty()) text += fmt::format("DETAIL:  {}\n", notice.detail);
  if (!notice.hint.empty()) text += fmt::format("HINT:  {}\n", notice.hint);
  std::fwrite(text.data(), 1, text.size(), err_);
}

void ResultPrinter::finish(std::string_view tag) {
  if (format_ == OutputFormat::kTable) {
    if (has_rows_) {
      print_table();
    } else if (!tag.empty()) {
      write(fmt::format("{}\n", tag));
    }
  }
  has_rows_ = false;
  rows_.clear();
  std::fflush(out_);
}

void ResultPrinter::print_table() const {
  std::vector<size_t> widths;
  for (const data::Field& field : schema_) widths.push_back(width_of_text(field.name));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      for (std::string_view line : lines_of(row[i].text)) {
        widths[i] = std::max(widths[i], width_of_text(line));
      }
    }
  }
  std::string head, rule;
  for (size_t i = 0; i < schema_.size(); ++i) {
    size_t free = widths[i] - width_of_text(schema_[i].name);
    head += fmt::format("{} {}{}{} ", i == 0 ? "" : "|", spaces(free / 2), schema_[i].name,
                        spaces(free - free / 2));
    rule += fmt::format("{}{}", i == 0 ? "" : "+", std::string(widths[i] + 2, '-'));
  }
  write(head + "\n" + rule + "\n");
  for (const auto& row : rows_) {
    size_t height = 1;
    for (const Cell& cell : row) height = std::max(height, lines_of(cell.text).size());
    for (size_t at = 0; at < height; ++at) {
      std::string text;
      for (size_t i = 0; i < row.size(); ++i) {
        auto lines = lines_of(row[i].text);
        std::string_view line = at < lines.size() ? lines[at] : std::string_view();
        bool goes_on = at + 1 < lines.size();
        std::string pad = spaces(widths[i] - width_of_text(line));
        bool right = is_right_aligned(schema_[i].type.id);
        bool last = i + 1 == row.size();
        text += fmt::format("{} {}{}{}", i == 0 ? "" : "|", right ? pad : "", line,
                            right || (last && !goes_on) ? "" : pad);
        if (goes_on) {
          text += '+';
        } else if (!last) {
          text += ' ';
        }
      }
      write(text + "\n");
    }
  }
  write(fmt::format("({} {})\n\n", rows_.size(), rows_.size() == 1 ? "row" : "rows"));
}

void ResultPrinter::print_names_as_csv() const {
  std::string line;
  for (const data::Field& field : schema_) {
    if (!line.empty()) line += ',';
    line += csv_quoted(field.name);
  }
  write(line + "\n");
}

void ResultPrinter::print_csv_row(const std::vector<Cell>& row) const {
  std::string line;
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += ',';
    // As psql --csv: NULL is nothing, and so is the empty string.
    line += csv_quoted(row[i].text);
  }
  write(line + "\n");
}

void ResultPrinter::print_json_row(const std::vector<Cell>& row) const {
  std::string line = "{";
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) line += ", ";
    line += json_quoted(schema_[i].name) + ": ";
    const Cell& cell = row[i];
    TypeId id = schema_[i].type.id;
    bool is_special = cell.text.find_first_of("yN") != std::string::npos;  // Infinity, NaN
    if (cell.is_null) {
      line += "null";
    } else if (id == TypeId::kBoolean) {
      line += cell.text == "t" ? "true" : "false";
    } else if (is_right_aligned(id) && !is_special) {
      line += cell.text;
    } else {
      line += json_quoted(cell.text);
    }
  }
  write(line + "}\n");
}

}  // namespace forebay::server
