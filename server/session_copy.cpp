// COPY: one statement is one atomic change, like every other; rows stay in columns on the way in.

#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "server/bulk_rows.h"
#include "server/copy_reader.h"
#include "server/session.h"

namespace forebay::server {

using data::ChangeBatch;
using data::Datum;
using data::Result;
using data::Status;
using Conflict = sql::catalog::CatalogObject::Conflict;

namespace {

/// Writes rows in COPY's formats and passes them on as lines.
class CopyOutSink final : public ResultSink {
 public:
  CopyOutSink(const sql::CopyFormat& format, ResultSink& sink) : format_(format), sink_(sink) {}

  Status begin_rows(const data::Schema& schema) override {
    columns_ = schema.size();
    FOREBAY_RETURN_IF_ERROR(sink_.begin_copy_out(columns_));
    if (format_.header == sql::CopyFormat::Header::kNone) return Status::ok();
    line_.clear();
    for (size_t c = 0; c < columns_; ++c) {
      if (c > 0) line_ += format_.delimiter;
      add_value(schema[c].name);
    }
    line_ += '\n';
    return sink_.copy_out(line_);
  }

  Status rows(const ChangeBatch& batch) override {
    Status status;
    batch.for_each([&](uint32_t row) {
      if (!status.is_ok()) return;
      line_.clear();
      for (size_t c = 0; c < columns_; ++c) {
        if (c > 0) line_ += format_.delimiter;
        const data::Column& column = batch.column(c);
        if (column.is_null(row)) {
          line_ += format_.null_text;
        } else if (column.type().is_string()) {
          add_value(column.at<data::StringView>(row).view());
        } else {
          value_.clear();
          data::format_datum(column.datum(row), value_);
          add_value(value_);
        }
      }
      line_ += '\n';
      for (data::Weight left = batch.weight(row); left > 0 && status.is_ok(); --left) {
        status = sink_.copy_out(line_);
        ++count_;
      }
    });
    return status;
  }

  void notice(const Notice& notice) override { sink_.notice(notice); }
  uint64_t count() const { return count_; }

 private:
  void add_value(std::string_view value) { format_.csv ? add_csv(value) : add_text(value); }

  void add_text(std::string_view value) {
    constexpr std::string_view kEscaped = "\b\f\n\r\t\v\\";
    constexpr std::string_view kLetters = "bfnrtv\\";
    for (char c : value) {
      const size_t place =
          static_cast<unsigned char>(c) <= '\\' ? kEscaped.find(c) : std::string_view::npos;
      if (place != std::string_view::npos) {
        line_ += '\\';
        line_ += kLetters[place];
        continue;
      }
      if (c == format_.delimiter) line_ += '\\';
      line_ += c;
    }
  }

  void add_csv(std::string_view value) {
    const char special[] = {format_.delimiter, format_.quote, '\n', '\r'};
    const bool quoted =
        value == format_.null_text || (columns_ == 1 && value == "\\.") ||
        value.find_first_of(std::string_view(special, sizeof special)) != std::string_view::npos;
    if (!quoted) {
      line_ += value;
      return;
    }
    line_ += format_.quote;
    for (char c : value) {
      if (c == format_.quote || c == format_.escape) line_ += format_.escape;
      line_ += c;
    }
    line_ += format_.quote;
  }

  const sql::CopyFormat& format_;
  ResultSink& sink_;
  size_t columns_ = 0;
  uint64_t count_ = 0;
  std::string line_;
  std::string value_;
};

}  // namespace

Result<std::string> Session::copy_to(const sql::BoundCopyTo& copy,
                                     std::span<const Datum> parameters, ResultSink& sink) {
  CopyOutSink out(copy.format, sink);
  FOREBAY_RETURN_IF_ERROR(run_plan(*copy.rows, parameters, out).take_status());
  FOREBAY_RETURN_IF_ERROR(sink.end_copy_out());
  return fmt::format("COPY {}", out.count());
}

// Reads what the client sends until it ends, without holding anything that others wait for.
Status Session::receive_copy(CopyReader& reader, ResultSink& sink) {
  while (true) {
    FOREBAY_RETURN_IF_ERROR(cancel_.check());
    FOREBAY_ASSIGN_OR_RETURN(CopyPiece piece, sink.next_copy_in());
    if (piece.kind == CopyPiece::Kind::kEnd) return reader.finish();
    if (piece.kind == CopyPiece::Kind::kData) FOREBAY_RETURN_IF_ERROR(reader.add(piece.bytes));
  }
}

Result<std::string> Session::copy_from(const sql::BoundCopyFrom& copy, ResultSink& sink) {
  runtime::Engine& engine = database_.engine();
  const expr::EvalContext context = eval_context();
  BulkRows rows(copy.table, memory_);
  // Which of two rows with one key stays is for the TableWriter to say.
  const bool in_bulk =
      copy.table->generated.empty() &&
      (copy.table->on_conflict == Conflict::kError || !copy.table->declared_key);
  std::vector<ChangeBatch> batches;
  MemoryAccount::Share batches_memory(memory_, "The rows of COPY");
  CopyReader reader(copy, context, [&](CopiedBatch batch) -> Status {
    if (in_bulk) return rows.add(std::move(batch), engine);
    FOREBAY_RETURN_IF_ERROR(batches_memory.grow(batch.rows.bytes()));
    batches.push_back(std::move(batch.rows));
    return Status::ok();
  });
  FOREBAY_RETURN_IF_ERROR(sink.begin_copy_in(copy.columns.size()));
  FOREBAY_RETURN_IF_ERROR(receive_copy(reader, sink));
  if (!in_bulk) return copy_batches(copy.table, batches, sink);
  const uint64_t count = rows.count();
  if (count > 0) FOREBAY_RETURN_IF_ERROR(write_bulk(rows));
  return fmt::format("COPY {}", count);
}

Status Session::write_bulk(BulkRows& rows) {
  runtime::Engine& engine = database_.engine();
  FOREBAY_ASSIGN_OR_RETURN(WriteTurn turn, begin_write(*rows.table(), true));
  FOREBAY_RETURN_IF_ERROR(rows.check_absent(*turn.present.relation, engine.snapshot(), &cancel_));
  if (block_ != nullptr) return block_->add_bulk(std::move(rows));
  std::vector<runtime::Engine::TableChange> changes;
  const data::ObjectId table = rows.table()->id;
  rows.take_changes(changes);
  FOREBAY_ASSIGN_OR_RETURN(uint64_t ticket, turn.gate->write_all(std::move(changes)));
  // Under the gate, whatever implicit_flush says: nobody else knows these keys before the commit.
  return engine.wait(table, ticket, nullptr);
}

// Into a table that overwrites or ignores: row by row, as INSERT does.
Result<std::string> Session::copy_batches(const sql::CatalogObjectRef& table,
                                          const std::vector<ChangeBatch>& batches,
                                          ResultSink& sink) {
  uint64_t ticket = 0;
  uint64_t count = 0;
  {
    FOREBAY_ASSIGN_OR_RETURN(WriteTurn turn, begin_write(*table, true));
    TableWriter writer(*table, table->on_conflict, turn.present, database_.engine(), memory_);
    for (const ChangeBatch& batch : batches) {
      FOREBAY_RETURN_IF_ERROR(writer.insert(batch, database_.engine()));
    }
    FOREBAY_RETURN_IF_ERROR(writer.judge());
    count = writer.count();
    FOREBAY_ASSIGN_OR_RETURN(ticket, accept(table, turn, writer));
  }
  FOREBAY_RETURN_IF_ERROR(finish_write(table->id, ticket, sink));
  return fmt::format("COPY {}", count);
}

}  // namespace forebay::server
