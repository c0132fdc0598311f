#include "server/event_time.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/data/text_format.h"

namespace forebay::server {

namespace {

/// One line: an object's watermark, then those of its partitions.
struct Line {
  std::string object;
  std::string source;
  runtime::WatermarkFigures figures;
};

std::vector<Line> lines_of(Database& database) {
  const sql::SnapshotRef catalog = database.catalog().snapshot();
  auto name_of = [&](data::ObjectId id) {
    const sql::CatalogObjectRef object = catalog->find(id);
    return object == nullptr ? fmt::format("#{}", id.value) : object->name;
  };
  std::vector<Line> lines;
  for (runtime::WatermarkFigures& one : database.engine().figures().watermarks) {
    lines.push_back({name_of(one.object), name_of(one.source), std::move(one)});
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.object < b.object; });
  return lines;
}

Cell time_or_null(int64_t time) {
  return time == operators::kNoWatermark ? Cell(kNull) : Cell(time);
}

std::string text_of(int64_t time) {
  if (time == operators::kNoWatermark) return {};
  std::string text;
  data::format_timestamptz(time, text);
  return text;
}

}  // namespace

data::Status fill_watermarks(Database& database, VirtualRowsBuilder& out) {
  for (const Line& line : lines_of(database)) {
    const runtime::WatermarkFigures& one = line.figures;
    out.row({line.object, one.partition ? Cell(*one.partition) : Cell(kNull),
             time_or_null(one.watermark), one.is_idle,
             one.holds_back_since ? Cell(*one.holds_back_since) : Cell(kNull), line.source,
             static_cast<int64_t>(one.far_future)});
  }
  return data::Status::ok();
}

std::vector<std::string> shown_watermark_columns() {
  return {"Object", "Partition", "Watermark", "Idle", "Holds Back Since", "Far Future"};
}

std::vector<std::vector<std::string>> shown_watermarks(Database& database) {
  std::vector<std::vector<std::string>> rows;
  for (const Line& line : lines_of(database)) {
    const runtime::WatermarkFigures& one = line.figures;
    rows.push_back({line.object, one.partition.value_or(""), text_of(one.watermark),
                    one.is_idle ? "t" : "f",
                    one.holds_back_since ? text_of(*one.holds_back_since) : "",
                    fmt::format("{}", one.far_future)});
  }
  return rows;
}

}  // namespace forebay::server
