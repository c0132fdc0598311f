#pragma once

#include <string>

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
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// Before the first rows of a statement that gives rows.
  virtual data::Status begin_rows(const data::Schema& schema) = 0;
  /// Rows of at least `schema` columns (further ones are not shown); a weight above 1 repeats the
  /// row. An error ends the statement (the client is gone).
  virtual data::Status rows(const data::ChangeBatch& batch) = 0;
  virtual void notice(const Notice& notice) = 0;
};

}  // namespace forebay::server
