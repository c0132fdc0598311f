#pragma once

#include "connectors/column_writer.h"
#include "connectors/nexmark/nexmark_source.h"

namespace forebay::connectors {

/// Makes the events [from, to) of a raw batch, which has no bytes: one loop per projected column.
class NexmarkDecoder final : public Decoder {
 public:
  /// `config` outlives the decoder.
  NexmarkDecoder(const NexmarkConfig& config, const DecodeRequest& request);
  void start(RawBatch batch) override;
  bool next(DecodedBatch& out) override;

 private:
  void choose_events();
  void fill(ColumnWriter& column, const nexmark::FieldInfo& field) const;
  template <typename F>
  void fill_numbers(ColumnWriter& column, const nexmark::FieldInfo& field, F number) const;
  void fill_texts(ColumnWriter& column, const nexmark::FieldInfo& field) const;

  const NexmarkConfig& config_;
  const nexmark::EventMaker maker_;
  const std::vector<uint32_t> projection_;
  BatchWriter writer_;
  RawBatch raw_;
  data::ArenaRef raw_owner_;
  uint64_t next_ = 0;
  std::vector<uint64_t> events_;  // of the batch that is made, by row
};

}  // namespace forebay::connectors
