#pragma once

#include <cstddef>
#include <string>
#include <utility>

#include "engine/data/status.h"

namespace forebay::server {

/// The memory that one session's statements and portals hold outside of circuits, under one limit:
/// the rows of a sort, of INSERT, UPDATE and DELETE, and those that portals keep. One thread at a
/// time.
class MemoryAccount {
 public:
  explicit MemoryAccount(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  size_t left_bytes() const { return limit_bytes_ > used_bytes_ ? limit_bytes_ - used_bytes_ : 0; }
  size_t used_bytes() const { return used_bytes_; }

  /// What one user of the account holds; given back when it goes.
  class Share {
   public:
    /// `what` starts the error's DETAIL: "Sorting the result". The account outlives its shares.
    Share(MemoryAccount& account, std::string what) : account_(&account), what_(std::move(what)) {}
    ~Share() { shrink(held_bytes_); }
    Share(Share&& other) noexcept
        : account_(other.account_),
          what_(other.what_),
          held_bytes_(std::exchange(other.held_bytes_, 0)) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// Takes `bytes` more. 53200, and takes nothing, when that is beyond the limit.
    data::Status grow(size_t bytes);
    /// Gives back `bytes`, at most what is held.
    void shrink(size_t bytes);

   private:
    MemoryAccount* const account_;
    const std::string what_;
    size_t held_bytes_ = 0;
  };

 private:
  const size_t limit_bytes_;
  size_t used_bytes_ = 0;
};

}  // namespace forebay::server
