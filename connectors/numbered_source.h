#pragma once

#include <optional>
#include <string>

#include "connectors/source.h"

/// Sources that have no records: they make each row out of its number.
namespace forebay::connectors {

/// What such sources share: one partition, whose offsets are the rows' numbers; a raw batch is a
/// range of them and has no bytes. `make_decoder` is left.
class NumberedSource : public Source {
 public:
  /// `row_count` not set: rows have no end. `rows_per_second` not set: they come as fast as they
  /// are taken.
  NumberedSource(std::string partition, std::optional<uint64_t> row_count,
                 std::optional<double> rows_per_second)
      : partition_(std::move(partition)),
        row_count_(row_count),
        rows_per_second_(rows_per_second) {}
  Result<std::unique_ptr<SourceReader>> open(const Positions& positions,
                                             const data::Clock& clock) const override;
  Result<std::unique_ptr<SourceReader>> open_until(const Positions& positions,
                                                   const Positions& until,
                                                   const data::Clock& clock) const override;
  bool is_bounded() const override { return row_count_.has_value(); }

 private:
  const std::string partition_;
  const std::optional<uint64_t> row_count_;
  const std::optional<double> rows_per_second_;
};

}  // namespace forebay::connectors
