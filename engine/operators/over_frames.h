#pragma once

#include <algorithm>

#include "engine/operators/over_values.h"

namespace forebay::operators {

/// Rows [from, to) of a stretch.
struct OverSpan {
  uint32_t from = 0;
  uint32_t to = 0;
  bool empty() const { return from >= to; }
  uint32_t size() const { return empty() ? 0 : to - from; }
  OverSpan cut(uint32_t first, uint32_t end) const {
    return {std::max(from, first), std::min(to, end)};
  }
};

/// The frames of one call's rows, as rows of the stretch.
class OverFrames {
 public:
  OverFrames(const OverFrame& frame, const OverItems& items, const OverRows& rows,
             const OverPlaces& places)
      : frame_(frame), items_(items), rows_(rows), places_(places) {}

  /// Without EXCLUDE. To be asked for ascending rows.
  OverSpan of(uint32_t row) {
    OverSpan span{start(row), end(row)};
    if (span.to < span.from) span.to = span.from;
    return span;
  }
  /// What EXCLUDE leaves out of a frame: up to two spans, in order.
  void excluded(uint32_t row, OverSpan frame, OverSpan out[2]) const {
    out[0] = out[1] = {};
    switch (frame_.exclusion) {
      case FrameExclusion::kNoOthers:
        return;
      case FrameExclusion::kCurrentRow:
        out[0] = frame.cut(row, row + 1);
        return;
      case FrameExclusion::kGroup:
        out[0] = frame.cut(rows_.peers_from(row), rows_.peers_to(row));
        return;
      case FrameExclusion::kTies:
        out[0] = frame.cut(rows_.peers_from(row), row);
        out[1] = frame.cut(row + 1, rows_.peers_to(row));
        return;
    }
  }
  static constexpr uint32_t kNoRow = UINT32_MAX;
  /// The n-th row (from 0) of a row's frame without what is excluded, from its start or its end; or
  /// kNoRow.
  uint32_t nth_row(uint32_t row, int64_t n, bool from_end) {
    const OverSpan frame = of(row);
    OverSpan out[2];
    excluded(row, frame, out);
    OverSpan parts[3] = {frame, {}, {}};
    size_t last = 0;
    for (const OverSpan& span : out) {
      if (span.empty()) continue;
      parts[last + 1] = {span.to, frame.to};
      parts[last++].to = span.from;
    }
    for (size_t i = 0; i <= last; ++i) {
      const OverSpan& part = parts[from_end ? last - i : i];
      if (n < part.size()) {
        const auto step = static_cast<uint32_t>(n);
        return from_end ? part.to - 1 - step : part.from + step;
      }
      n -= part.size();
    }
    return kNoRow;
  }
  bool excludes() const { return frame_.exclusion != FrameExclusion::kNoOthers; }
  /// Rows never leave.
  bool only_grows() const {
    return frame_.lower.edge == FrameBound::Edge::kPartitionStart && !excludes();
  }

 private:
  uint32_t start(uint32_t row) {
    const FrameBound& bound = frame_.lower;
    if (bound.edge == FrameBound::Edge::kPartitionStart) return 0;
    switch (frame_.unit) {
      case FrameUnit::kRows:
        return clamped(row, bound.offset, rows_.count());
      case FrameUnit::kGroups:
        return group_start(row, bound.offset, 0);
      case FrameUnit::kRange:
        break;
    }
    if (bound.value == nullptr) return rows_.peers_from(row);
    const uint32_t item = rows_.item[row];
    const std::string_view place = places_.lower_failed[item] != 0
                                       ? OverPlaces::beyond(bound.offset > 0)
                                       : places_.lower.key(item);
    while (lower_at_ < rows_.count() && items_.keys[rows_.item[lower_at_]] < place) ++lower_at_;
    return lower_at_;
  }
  uint32_t end(uint32_t row) {
    const FrameBound& bound = frame_.upper;
    if (bound.edge == FrameBound::Edge::kPartitionEnd) return rows_.count();
    switch (frame_.unit) {
      case FrameUnit::kRows:
        return clamped(row, bound.offset + 1, rows_.count());
      case FrameUnit::kGroups:
        return group_start(row, bound.offset, 1);
      case FrameUnit::kRange:
        break;
    }
    if (bound.value == nullptr) return rows_.peers_to(row);
    const uint32_t item = rows_.item[row];
    const std::string_view place = places_.upper_failed[item] != 0
                                       ? OverPlaces::beyond(bound.offset > 0)
                                       : places_.upper.key(item);
    while (upper_at_ < rows_.count() && items_.keys[rows_.item[upper_at_]] <= place) ++upper_at_;
    return upper_at_;
  }
  /// The first row of the group `offset` groups away, or of the one after it.
  uint32_t group_start(uint32_t row, int64_t offset, int64_t after) const {
    const auto groups = static_cast<uint32_t>(rows_.group_start.size() - 1);
    const uint32_t group = clamped(rows_.group[row], offset, groups);
    const int64_t wanted = int64_t{rows_.group[row]} + std::clamp<int64_t>(offset, -kFar, kFar);
    if (after == 0 || wanted < 0 || group == groups) return rows_.group_start[group];
    return rows_.group_start[group + 1];
  }
  static uint32_t clamped(uint32_t at, int64_t offset, uint32_t most) {
    return static_cast<uint32_t>(
        std::clamp<int64_t>(int64_t{at} + std::clamp<int64_t>(offset, -kFar, kFar), 0, most));
  }
  static constexpr int64_t kFar = int64_t{1} << 40;

  const OverFrame& frame_;
  const OverItems& items_;
  const OverRows& rows_;
  const OverPlaces& places_;
  uint32_t lower_at_ = 0;
  uint32_t upper_at_ = 0;
};

}  // namespace forebay::operators
