#pragma once

#include "connectors/column_writer.h"
#include "connectors/datagen/datagen_source.h"

namespace forebay::connectors {

/// Makes the rows [from, to) of a raw batch, which has no bytes. Cost: one hash per random value.
class DatagenDecoder final : public Decoder {
 public:
  /// `config` outlives the decoder.
  DatagenDecoder(const DatagenConfig& config, const DecodeRequest& request);
  void start(RawBatch batch) override;
  bool next(DecodedBatch& out) override;

 private:
  void fill(ColumnWriter& column, const DatagenField& field, uint32_t index, uint32_t rows);
  uint64_t random(uint32_t column, uint64_t row) const;

  const DatagenConfig& config_;
  const std::vector<uint32_t> projection_;
  BatchWriter writer_;
  RawBatch raw_;
  data::ArenaRef raw_owner_;
  uint64_t next_ = 0;
};

}  // namespace forebay::connectors
