#include "state/failpoint.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace forebay::state {

namespace {

constexpr std::string_view kNames[] = {
    "open.before_cleanup",       // the directory is locked, leftovers of a crash are still there
    "open.after_cleanup",        // before the records are read
    "open.before_format",        // a new store without its format record
    "commit.no_space",           // both modes: an error here is a full disk
    "commit.before_write",       // batch mode: nothing written yet
    "commit.after_write",        // batch mode: durable, not yet visible
    "commit.before_sst",         // ingest mode: no file written yet
    "commit.after_sst_written",  // ingest mode: the files are synced
    "commit.before_ingest",      // ingest mode: just before the atomic step
    "commit.after_ingest",       // ingest mode: durable, not yet visible
    "commit.before_snapshot",    // both modes
    "commit.after_snapshot",     // both modes: visible, not yet reported
    "resume.no_space",           // after a commit without space: an error here is a full disk
    "resume.before_open",        // the directory is closed
};

struct FailPoint {
  std::string name;
  enum class Action : uint8_t { kError, kCrash, kWait, kDelay } action = Action::kError;
  int64_t delay_ms = 0;
  uint64_t at = 0;  // 0: every hit
  uint64_t hits = 0;
};

enum class Mode : int { kUnread, kNone, kSome };
std::atomic<Mode> mode{Mode::kUnread};

std::mutex& points_mutex() {
  static std::mutex mutex;
  return mutex;
}
std::vector<FailPoint>& points() {
  static std::vector<FailPoint> points;
  return points;
}

bool parse_one(std::string_view text, FailPoint& point) {
  size_t equals = text.find('=');
  if (equals == std::string_view::npos) return false;
  point.name = text.substr(0, equals);
  if (std::find(std::begin(kNames), std::end(kNames), point.name) == std::end(kNames)) return false;
  std::string_view action = text.substr(equals + 1);
  size_t at = action.find('@');
  if (at != std::string_view::npos) {
    std::string_view number = action.substr(at + 1);
    auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), point.at);
    if (error != std::errc() || end != number.data() + number.size()) return false;
    action = action.substr(0, at);
  }
  constexpr std::string_view kDelay = "delay";
  if (action.starts_with(kDelay)) {
    point.action = FailPoint::Action::kDelay;
    const char* end = action.data() + action.size();
    auto [rest, error] = std::from_chars(action.data() + kDelay.size(), end, point.delay_ms);
    return error == std::errc() && rest == end;
  }
  if (action == "crash") point.action = FailPoint::Action::kCrash;
  if (action == "wait") point.action = FailPoint::Action::kWait;
  return action == "crash" || action == "wait" || action == "error";
}

bool set_locked(std::string_view specification) {
  points().clear();
  bool good = true;
  while (!specification.empty()) {
    size_t comma = specification.find(',');
    FailPoint point;
    good = good && parse_one(specification.substr(0, comma), point);
    points().push_back(std::move(point));
    specification.remove_prefix(comma == std::string_view::npos ? specification.size() : comma + 1);
  }
  if (!good) points().clear();
  mode.store(points().empty() ? Mode::kNone : Mode::kSome, std::memory_order_relaxed);
  return good;
}

void read_environment_locked() {
  if (mode.load(std::memory_order_relaxed) != Mode::kUnread) return;
  const char* text = std::getenv("FOREBAY_FAILPOINTS");
  if (!set_locked(text == nullptr ? "" : text)) {
    std::fprintf(stderr, "forebay: FOREBAY_FAILPOINTS is not understood: %s\n", text);
    std::_Exit(2);
  }
}

// For those that wait: a count of the calls of set_failpoints. Under points_mutex().
struct Waiting {
  std::condition_variable changed;
  uint64_t generation = 0;
  int threads = 0;
};
Waiting& waiting() {
  static Waiting waiting;
  return waiting;
}

bool hit_slow(std::string_view name) {
  std::unique_lock lock(points_mutex());
  read_environment_locked();
  bool error = false;
  int64_t delay_ms = 0;
  for (FailPoint& point : points()) {
    if (point.name != name) continue;
    ++point.hits;
    if (point.at != 0 && point.at != point.hits) continue;
    if (point.action == FailPoint::Action::kCrash) _exit(137);
    if (point.action == FailPoint::Action::kWait) {
      ++waiting().threads;
      waiting().changed.wait(lock,
                             [now = waiting().generation] { return waiting().generation != now; });
      --waiting().threads;
      return false;
    }
    if (point.action == FailPoint::Action::kDelay) {
      delay_ms += point.delay_ms;
      continue;
    }
    error = true;
  }
  lock.unlock();
  if (delay_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(delay_ms));
  return error;
}

}  // namespace

bool hit_failpoint(std::string_view name) {
  if (mode.load(std::memory_order_relaxed) == Mode::kNone) return false;
  return hit_slow(name);
}

std::span<const std::string_view> failpoint_names() { return kNames; }

int waiting_at_failpoints() {
  std::lock_guard lock(points_mutex());
  return waiting().threads;
}

bool set_failpoints(std::string_view specification) {
  std::lock_guard lock(points_mutex());
  ++waiting().generation;
  waiting().changed.notify_all();
  return set_locked(specification);
}

}  // namespace forebay::state
