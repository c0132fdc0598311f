#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/data/change_batch.h"
#include "server/memory_account.h"
#include "server/result_sink.h"
#include "sql/ast/statement.h"

namespace forebay::server {

/// A cursor: the rows of its query as they were at DECLARE, and a place among them.
class Cursor {
 public:
  /// The rows count against the session's memory: 53200.
  Cursor(const sql::ast::DeclareCursor& declaration, data::Schema schema, MemoryAccount& account);

  const data::Schema& schema() const { return schema_; }
  bool holds() const { return holds_; }
  data::Status add(data::ChangeBatch batch);

  /// Moves as FETCH says and, unless it is MOVE, sends the rows that it passes: how many they are.
  /// 55000 backwards with NO SCROLL.
  data::Result<uint64_t> fetch(const sql::ast::Fetch& how, ResultSink& sink);

 private:
  /// The rows first, first + step ... to `last`, counted from 1.
  data::Status send(int64_t first, int64_t last, ResultSink& sink) const;
  /// As ABSOLUTE: onto one row, or in front of the first or behind the last.
  data::Result<uint64_t> go_to(int64_t row, bool move, ResultSink& sink);

  const data::Schema schema_;
  const bool holds_;
  const bool forward_only_;
  std::vector<data::ChangeBatch> batches_;
  std::vector<int64_t> ends_;  // of batches_: rows up to there, repeats counted
  int64_t rows_ = 0;
  int64_t place_ = 0;  // 0: in front of the first row; rows_ + 1: behind the last
  MemoryAccount::Share memory_;
};

/// The cursors of a session.
class Cursors {
 public:
  /// 34000.
  data::Result<Cursor*> find(const std::string& name);
  /// 42P03 when there is one of this name.
  data::Status check_free(const std::string& name) const;
  void add(std::string name, std::unique_ptr<Cursor> cursor);
  void remove(const std::string& name) { by_name_.erase(name); }
  void clear() { by_name_.clear(); }
  /// At the end of a block: COMMIT keeps those WITH HOLD; ROLLBACK those of earlier blocks.
  void end_block(bool committed);

 private:
  struct Entry {
    std::unique_ptr<Cursor> cursor;
    bool of_this_block = true;
  };
  std::map<std::string, Entry> by_name_;
};

}  // namespace forebay::server
