#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "connectors/source.h"
#include "engine/data/text_format.h"

/// Decoding of texts in tests: rows as "a|b|NULL", bad records as "offset sqlstate column".
namespace forebay::connectors::testing {

/// A raw batch over a copy of `text`; the bytes behind it are garbage that looks like JSON.
inline RawBatch raw_batch(std::string_view text, uint64_t from = 0) {
  std::string garbage;
  while (garbage.size() < 64) garbage += "\"}]9,:{";
  std::shared_ptr<char[]> buffer(new char[text.size() + garbage.size()]);
  if (!text.empty()) std::memcpy(buffer.get(), text.data(), text.size());
  std::memcpy(buffer.get() + text.size(), garbage.data(), garbage.size());
  RawBatch raw;
  raw.partition = PartitionId(3);
  raw.partition_name = "some.file";
  raw.from = Offset(from);
  raw.to = Offset(from + text.size());
  raw.buffer = buffer;
  raw.bytes = buffer.get();
  raw.size = text.size();
  return raw;
}

struct Decoded {
  std::vector<std::string> rows;
  std::vector<std::string> bad;
  std::vector<BadRecord> bad_records;
};

inline std::string row_text(const ChangeBatch& batch, uint32_t row) {
  std::string text;
  for (const data::ColumnRef& column : batch.columns()) {
    if (!text.empty()) text += "|";
    if (column->is_null(row)) {
      text += "NULL";
    } else {
      data::format_datum(column->datum(row), text);
    }
  }
  return text;
}

/// Decodes the rest of what `decoder` was started on. Rows are turned into text after the last
/// batch came, so that strings must outlive the raw batch.
inline void drain(Decoder& decoder, Decoded& result) {
  std::vector<ChangeBatch> batches;
  DecodedBatch batch;
  while (decoder.next(batch)) {
    for (BadRecord& bad : batch.bad) {
      result.bad.push_back(std::to_string(bad.offset.value) + " " +
                           std::string(bad.sqlstate.view()) +
                           (bad.column.empty() ? "" : " " + bad.column));
      result.bad_records.push_back(std::move(bad));
    }
    batches.push_back(std::move(batch.rows));
  }
  for (const ChangeBatch& rows : batches) {
    rows.for_each([&](uint32_t row) { result.rows.push_back(row_text(rows, row)); });
  }
}

inline Decoded decode(Decoder& decoder, std::string_view text, uint64_t from = 0) {
  Decoded result;
  decoder.start(raw_batch(text, from));
  drain(decoder, result);
  return result;
}

/// All rows that a bounded source of `spec` makes from `positions` on, decoded `batch_rows` at a
/// time. An empty projection: all columns.
inline std::vector<std::string> made_rows(const SourceSpec& spec, const data::Clock& clock,
                                          uint32_t batch_rows, const Positions& positions,
                                          std::vector<uint32_t> projection = {},
                                          std::vector<std::string> metadata = {}) {
  std::shared_ptr<const Source> source = *make_source(spec);
  std::unique_ptr<SourceReader> reader = *source->open(positions, clock);
  DecodeRequest request;
  request.schema = spec.schema;
  request.projection = std::move(projection);
  request.metadata = std::move(metadata);
  if (request.projection.empty()) {
    for (uint32_t i = 0; i < spec.schema.size(); ++i) request.projection.push_back(i);
  }
  request.batch_rows = batch_rows;
  Decoded result;
  std::unique_ptr<Decoder> decoder = source->make_decoder(request);
  RawBatch batch;
  int64_t wait_ms = 0;
  while (*reader->poll(batch, wait_ms) == PollOutcome::kBatch) {
    decoder->start(std::move(batch));
    drain(*decoder, result);
  }
  return result.rows;
}

}  // namespace forebay::connectors::testing
