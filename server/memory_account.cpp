#include "server/memory_account.h"

#include <fmt/format.h>

#include <algorithm>

namespace forebay::server {

data::Status MemoryAccount::Share::grow(size_t bytes) {
  if (bytes > account_->left_bytes()) {
    return data::Status(
        data::Error{.sqlstate = data::sqlstate::kOutOfMemory,
                    .message = "out of memory",
                    .detail = fmt::format("{} needs more than the {} MB that a session may use.",
                                          what_, account_->limit_bytes_ >> 20),
                    .hint = "Take fewer rows at a time, or start the server with more --memory."});
  }
  account_->used_bytes_ += bytes;
  held_bytes_ += bytes;
  return data::Status::ok();
}

void MemoryAccount::Share::shrink(size_t bytes) {
  bytes = std::min(bytes, held_bytes_);
  account_->used_bytes_ -= bytes;
  held_bytes_ -= bytes;
}

}  // namespace forebay::server
