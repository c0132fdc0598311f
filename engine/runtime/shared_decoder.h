#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "connectors/source.h"

/// Decoding a raw batch once for several uses of a source.
namespace forebay::runtime {

/// Input: raw batches and, per use, the columns that it needs; output: per use what a decoder of
/// its own would have given, in any order. A raw batch is decoded with the union of the columns,
/// and each use shares those that are its own. If a column of some record can't be read, the batch
/// is decoded again for each use alone, so that a record is bad exactly for the uses whose column
/// it is; while that keeps happening, batches are decoded alone from the start. One per lane; not
/// thread-safe.
class SharedDecoder {
 public:
  /// All requests have the same schema.
  SharedDecoder(const connectors::Source& source,
                const std::vector<connectors::DecodeRequest>& requests);

  void start(connectors::RawBatch batch);
  /// The next piece: `out` by use, empty where there is nothing for one. False: the raw batch is
  /// finished.
  bool next(std::vector<connectors::DecodedBatch>& out);

 private:
  struct Use {
    std::unique_ptr<connectors::Decoder> alone;
    std::vector<uint32_t> columns;  // of the union's rows
  };
  void make_union(const connectors::Source& source,
                  const std::vector<connectors::DecodeRequest>& requests);
  bool decode_united();
  void distribute(connectors::DecodedBatch decoded,
                  std::vector<connectors::DecodedBatch>& out) const;

  std::vector<Use> uses_;
  std::unique_ptr<connectors::Decoder> united_;  // nullptr: always alone
  connectors::RawBatch raw_;
  std::deque<connectors::DecodedBatch> ready_;  // united
  bool is_alone_ = false;
  size_t turn_ = 0;  // alone: whose
  // Batches still to be decoded alone, and how many it will be when the next united attempt fails.
  uint32_t alone_left_ = 0;
  uint32_t alone_next_ = 1;
};

}  // namespace forebay::runtime
