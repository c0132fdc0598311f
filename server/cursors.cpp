#include "server/cursors.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay::server {

using data::ChangeBatch;
using data::Result;
using data::Status;
using sql::ast::FetchDirection;

Cursor::Cursor(const sql::ast::DeclareCursor& declaration, data::Schema schema,
               MemoryAccount& account)
    : schema_(std::move(schema)),
      holds_(declaration.hold),
      forward_only_(declaration.scroll == sql::ast::CursorScroll::kNoScroll),
      memory_(account, "The rows of a cursor") {}

Status Cursor::add(ChangeBatch batch) {
  FOREBAY_RETURN_IF_ERROR(memory_.grow(batch.bytes()));
  batch.for_each([&](uint32_t row) { rows_ += batch.weight(row); });
  batches_.push_back(std::move(batch));
  ends_.push_back(rows_);
  return Status::ok();
}

Status Cursor::send(int64_t first, int64_t last, ResultSink& sink) const {
  const int64_t step = first <= last ? 1 : -1;
  for (int64_t row = first; row != last + step; row += step) {
    auto end = std::lower_bound(ends_.begin(), ends_.end(), row);
    auto number = static_cast<size_t>(end - ends_.begin());
    const ChangeBatch& batch = batches_[number];
    int64_t place = number == 0 ? row : row - ends_[number - 1];  // within the batch, from 1
    uint32_t i = 0;
    // Whole batches of single rows are found at once.
    if (batch.weights() == nullptr) {
      i = static_cast<uint32_t>(place - 1);
    } else {
      while (place > batch.weight(batch.physical(i))) place -= batch.weight(batch.physical(i++));
    }
    data::Selection rows{batch.physical(i)};
    if (step == 1 && batch.weights() == nullptr) {
      const int64_t most = std::min<int64_t>(batch.rows() - i, last - row + 1);
      for (int64_t more = 1; more < most; ++more) {
        rows.push_back(batch.physical(i + static_cast<uint32_t>(more)));
      }
      row += most - 1;
    }
    ChangeBatch part(batch.columns(), batch.physical_rows());
    part.set_selection(std::move(rows));
    FOREBAY_RETURN_IF_ERROR(sink.rows(part));
  }
  return Status::ok();
}

Result<uint64_t> Cursor::go_to(int64_t row, bool move, ResultSink& sink) {
  if (row < place_ && forward_only_) {
    return Status(data::sqlstate::kNotInPrerequisiteState, "cursor can only scan forward")
        .with_hint("Declare it with SCROLL option to enable backward scan.");
  }
  place_ = std::clamp<int64_t>(row, 0, rows_ + 1);
  if (place_ == 0 || place_ > rows_) return uint64_t{0};
  if (!move) FOREBAY_RETURN_IF_ERROR(send(place_, place_, sink));
  return uint64_t{1};
}

Result<uint64_t> Cursor::fetch(const sql::ast::Fetch& how, ResultSink& sink) {
  if (!how.move) FOREBAY_RETURN_IF_ERROR(sink.begin_rows(schema_));
  int64_t count = how.count;
  bool forward = how.direction == FetchDirection::kForward;
  switch (how.direction) {
    case FetchDirection::kAbsolute:
      return go_to(count >= 0 ? count : std::max<int64_t>(0, rows_ + 1 + count), how.move, sink);
    case FetchDirection::kRelative:
      count = std::clamp<int64_t>(count, -(rows_ + 1), rows_ + 1);
      return go_to(place_ + count, how.move, sink);
    case FetchDirection::kForward:
    case FetchDirection::kBackward:
      break;
  }
  if (count == 0) return go_to(place_, how.move, sink);
  if (count < 0) {
    forward = !forward;
    count = -count;
  }
  if (!forward && forward_only_) return go_to(-1, how.move, sink).take_status();
  const int64_t first = forward ? place_ + 1 : place_ - 1;
  const int64_t there = forward ? rows_ - place_ : place_ - 1;  // rows on this side
  const int64_t passed = std::clamp<int64_t>(there, 0, count);
  // Asked for more than there are, it stands beyond the last of them.
  place_ = passed < count ? (forward ? rows_ + 1 : 0) : forward ? place_ + count : place_ - count;
  if (passed > 0 && !how.move) {
    FOREBAY_RETURN_IF_ERROR(send(first, forward ? first + passed - 1 : first - passed + 1, sink));
  }
  return static_cast<uint64_t>(passed);
}

Result<Cursor*> Cursors::find(const std::string& name) {
  auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second.cursor.get();
  return Status(data::sqlstate::kInvalidCursorName,
                fmt::format("cursor \"{}\" does not exist", name));
}

Status Cursors::check_free(const std::string& name) const {
  if (!by_name_.contains(name)) return Status::ok();
  return Status(data::SqlState("42P03"), fmt::format("cursor \"{}\" already exists", name));
}

void Cursors::add(std::string name, std::unique_ptr<Cursor> cursor) {
  by_name_[std::move(name)] = {std::move(cursor), true};
}

void Cursors::end_block(bool committed) {
  std::erase_if(by_name_, [&](const auto& item) {
    const Entry& entry = item.second;
    return committed ? !entry.cursor->holds() : entry.of_this_block;
  });
  for (auto& [name, entry] : by_name_) entry.of_this_block = false;
}

}  // namespace forebay::server
