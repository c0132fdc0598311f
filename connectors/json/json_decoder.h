#pragma once

#include "connectors/column_writer.h"
#include "connectors/json/json_record.h"
#include "connectors/json/structural_index.h"

namespace forebay::connectors {

/// JSON lines to columns. Input: raw batches of whole lines, or of records with a table of them;
/// output: rows in their order, bad records apart. A block of lines is indexed at once; when that
/// fails (a broken string, invalid UTF-8) its lines are indexed one by one, so a broken record
/// harms no other. Whether a record is bad depends on its bytes and the projection alone.
class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(const DecodeRequest& request);
  void start(RawBatch batch) override;
  bool next(DecodedBatch& out) override;

 private:
  void index_block();
  void decode_lines(DecodedBatch& out, uint32_t& rows);
  size_t find_block_end(bool alone) const;
  data::Error error_of_empty(size_t number) const;
  void file_bad(DecodedBatch& out, size_t number, size_t begin, size_t end,
                const data::Error& error, std::string column);

  BatchWriter writer_;
  JsonRecordParser parser_;
  StructuralIndex index_;

  RawBatch raw_;
  data::ArenaRef raw_owner_;
  size_t position_ = 0;     // in raw_.bytes: the next line
  size_t record_ = 0;       // number of the line at position_ in the raw batch
  size_t block_begin_ = 0;  // what index_ covers
  size_t block_end_ = 0;
  size_t one_by_one_end_ = 0;  // lines before this are indexed alone
  StructureError block_error_ = StructureError::kNone;
  const uint32_t* token_ = nullptr;  // the first token of the line at position_
};

}  // namespace forebay::connectors
