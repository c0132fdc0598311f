#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/change_batch.h"
#include "engine/expr/expr.h"
#include "server/copy_records.h"

namespace forebay::connectors {
class ColumnWriter;
}

namespace forebay::server {

/// Rows of COPY FROM: batches of the table's visible columns, and the lines that they came from.
struct CopiedBatch {
  data::ChangeBatch rows;
  /// The line of physical row 0; the others follow one by one, unless `lines` has each.
  uint64_t first_line = 0;
  std::vector<uint64_t> lines;

  uint64_t line_of(uint32_t physical) const {
    return lines.empty() ? first_line + physical : lines[physical];
  }
};

/// `COPY t, line 3`: where an error is.
std::string copy_place(const sql::catalog::CatalogObject& table, uint64_t line);

/// Parses the bytes of COPY FROM straight into columns: casts, defaults, WHERE, NOT NULL. Errors
/// are PostgreSQL's and say the line and column in their context.
class CopyReader {
 public:
  using Take = std::function<data::Status(CopiedBatch)>;

  CopyReader(const sql::BoundCopyFrom& copy, const expr::EvalContext& context, Take take);
  ~CopyReader();

  /// More bytes of the input. An error ends it.
  data::Status add(std::string_view bytes);
  /// The input is complete.
  data::Status finish();

 private:
  data::Status read_records();
  data::Status read_record();
  data::Status check_header() const;
  data::Status give();
  data::Status check_not_null(const CopiedBatch& batch) const;
  /// Adds the context to an error of the present record.
  data::Status at_record(data::Status status) const;
  /// The same of one of its fields.
  data::Status at_field(data::Status status, size_t field) const;

  const sql::BoundCopyFrom& copy_;
  const sql::catalog::CatalogObject& table_;
  const expr::EvalContext& context_;
  const Take take_;
  CopyRecords records_;
  std::vector<connectors::ColumnWriter> writers_;  // one per field of a record
  uint32_t rows_ = 0;                              // in writers_
  uint64_t first_line_ = 0;
  std::vector<uint64_t> lines_;
  bool header_read_ = false;
  bool lacks_column_ = false;  // one that is NOT NULL and has no default
};

}  // namespace forebay::server
