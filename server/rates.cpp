#include "server/rates.h"

#include <algorithm>
#include <map>

namespace forebay::server {

std::optional<double> rows_per_second(const runtime::Figures& figures, data::ObjectId relation) {
  std::optional<double> most;
  std::map<data::ObjectId, int64_t> counted_ms;
  const auto add = [&](uint64_t rows, int64_t milliseconds) {
    if (rows == 0 || milliseconds < kLeastCountedMs) return;
    const double rate = static_cast<double>(rows) * 1000 / static_cast<double>(milliseconds);
    most = std::max(most.value_or(0), rate);
  };
  for (const runtime::ObjectFigures& object : figures.objects) {
    counted_ms[object.object] = object.counted_ms;
    if (object.object == relation) add(object.rows_out, object.counted_ms);
  }
  for (const runtime::SourceFigures& source : figures.sources) {
    if (source.source == relation) add(source.records, counted_ms[source.reader]);
  }
  return most;
}

}  // namespace forebay::server
