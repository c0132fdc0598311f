#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "connectors/options.h"
#include "connectors/source.h"

/// Formats: how bytes become records and records become columns. A format knows nothing of where
/// the bytes come from.
namespace forebay::connectors {

/// A checked ENCODE clause. Immutable, thread-safe.
class Format {
 public:
  virtual ~Format() = default;
  virtual std::unique_ptr<Decoder> make_decoder(const DecodeRequest& request) const = 0;
  /// Bytes of the longest prefix of `bytes` that consists of whole records, each with its line end.
  /// `bytes` starts at a record's start and is followed by 64 readable bytes. 0: no whole record.
  virtual size_t whole_records(std::string_view bytes) const = 0;
  /// Bytes of the first `limit` whole records, or of all whole ones if there are fewer; `count`
  /// receives how many.
  virtual size_t first_records(std::string_view bytes, uint64_t limit, uint64_t& count) const = 0;
  /// The first record of every partition names the columns.
  virtual bool has_header() const { return false; }
};

struct FormatDescriptor {
  /// FORMAT and ENCODE, lower case.
  const char* format;
  const char* encode;
  std::vector<std::string> options;
  Result<std::shared_ptr<const Format>> (*make)(const SourceSpec& spec,
                                                const OptionReader& options);
};

struct ConnectorDescriptor {
  const char* name;
  /// Besides `connector` itself.
  std::vector<std::string> options;
  std::vector<data::Field> metadata;
  Result<std::shared_ptr<const Source>> (*make)(const SourceSpec& spec, const OptionReader& options,
                                                std::shared_ptr<const Format> format);
  /// It has rows, not records: FORMAT ... ENCODE ... may be left out and means nothing.
  bool makes_rows = false;
};

}  // namespace forebay::connectors
