#pragma once

#include <chrono>
#include <cstdint>

/// The seam for time: production reads the machine's clocks, tests a fake one.
namespace forebay::data {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Monotonic nanoseconds, for timers and intervals.
  virtual int64_t steady_nanos() const = 0;
  /// Nanoseconds since 1970-01-01 UTC, for now().
  virtual int64_t unix_nanos() const = 0;
};

class SystemClock final : public Clock {
 public:
  int64_t steady_nanos() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  int64_t unix_nanos() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};

/// Stands still until moved. Not thread-safe: for single-threaded runs.
class FakeClock final : public Clock {
 public:
  int64_t steady_nanos() const override { return nanos_; }
  int64_t unix_nanos() const override { return nanos_ + kStart; }
  void advance_ms(int64_t ms) { nanos_ += ms * 1'000'000; }

 private:
  static constexpr int64_t kStart = 1'700'000'000'000'000'000;
  int64_t nanos_ = 0;
};

}  // namespace forebay::data
