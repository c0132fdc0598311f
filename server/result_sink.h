#pragma once

#include <string>
#include <string_view>

#include "engine/data/change_batch.h"
#include "engine/data/type.h"

namespace forebay::server {

/// A message to the client that is not an error.
struct Notice {
  std::string severity = "NOTICE";
  data::SqlState sqlstate{"00000"};
  std::string message;
  std::string detail;
  std::string hint;
};

/// Receives what one statement gives. Called from the thread that executes.
/// What COPY FROM STDIN gets of the client.
struct CopyPiece {
  /// kIdle: nothing has come for a while; time to look whether the statement was cancelled.
  enum class Kind : uint8_t { kData, kEnd, kIdle } kind = Kind::kIdle;
  /// Valid until the next piece is asked for. Pieces need not end with lines.
  std::string_view bytes;
};

class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// Before the first rows of a statement that gives rows.
  virtual data::Status begin_rows(const data::Schema& schema) = 0;
  /// Rows of at least `schema` columns (further ones are not shown); a weight above 1 repeats the
  /// row. An error ends the statement (the client is gone).
  virtual data::Status rows(const data::ChangeBatch& batch) = 0;
  virtual void notice(const Notice& notice) = 0;

  /// COPY TO STDOUT: begins, sends a row with its line end, ends.
  virtual data::Status begin_copy_out(size_t columns) { return no_copy(columns); }
  virtual data::Status copy_out(std::string_view line) { return no_copy(line.size()); }
  virtual data::Status end_copy_out() { return no_copy(0); }
  /// COPY FROM STDIN: begins; then pieces until kEnd. An error when the client gives up.
  virtual data::Status begin_copy_in(size_t columns) { return no_copy(columns); }
  virtual data::Result<CopyPiece> next_copy_in() { return no_copy(0); }

 private:
  static data::Status no_copy(size_t) {
    return data::Status(data::sqlstate::kFeatureNotSupported, "COPY is not supported here")
        .with_hint("Connect a client that knows COPY, such as psql.");
  }
};

}  // namespace forebay::server
