#include "engine/runtime/source_pump.h"

#include <algorithm>

#include "engine/data/datetime.h"

namespace forebay::runtime {

namespace {
constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kFirstBackoffMs = 100;
constexpr int64_t kLongestBackoffMs = 10'000;
constexpr int64_t kTellCommittedMs = 1000;
}  // namespace

void SourcePump::add(SourceQueueRef queue, std::function<void()> on_input) {
  auto feed = std::make_shared<Feed>();
  feed->turn = queue->turn();
  feed->queue = std::move(queue);
  feed->on_input = std::move(on_input);
  {
    std::lock_guard lock(mutex_);
    for (const auto& other : feeds_) {
      if (other->queue == feed->queue && !other->removed) return;
    }
    feeds_.push_back(std::move(feed));
  }
  notifier_.notify();
}

void SourcePump::remove(const SourceQueue* queue) {
  {
    std::lock_guard lock(mutex_);
    for (auto& feed : feeds_) feed->removed |= feed->queue.get() == queue;
  }
  notifier_.notify();
}

bool SourcePump::run_once() {
  // Not locked while readers work: add() and remove() are called under the engine's mutex.
  std::vector<std::shared_ptr<Feed>> feeds, removed;
  {
    std::lock_guard lock(mutex_);
    for (auto& feed : feeds_) (feed->removed ? removed : feeds).push_back(feed);
    feeds_ = feeds;
  }
  removed.clear();
  bool progress = false;
  int64_t now = clock_->steady_nanos();
  for (auto& feed : feeds) {
    if (feed->stopped || feed->due_ns > now || !feed->queue->has_room()) continue;
    progress |= poll(*feed);
  }
  return progress;
}

bool SourcePump::poll(Feed& feed) {
  if (feed.reader == nullptr) {
    const connectors::Source& source = *feed.queue->input().connector;
    connectors::Positions positions = feed.queue->committed_positions();
    std::optional<connectors::Positions> until = feed.queue->until();
    auto reader =
        until ? source.open_until(positions, *until, *clock_) : source.open(positions, *clock_);
    if (!reader.is_ok()) {
      handle_error(feed, reader.error());
      return false;
    }
    feed.reader = std::move(reader).value();
  }
  connectors::RawBatch batch;
  int64_t wait_ms = 10;
  Result<connectors::PollOutcome> outcome = feed.reader->poll(batch, wait_ms);
  if (!outcome.is_ok()) {
    handle_error(feed, outcome.error());
    return false;
  }
  feed.backoff_ms = 0;
  switch (*outcome) {
    case connectors::PollOutcome::kBatch:
      // What partitions there are is known before anything of one of them can be taken.
      feed.queue->looked(feed.turn, clock_->steady_nanos());
      feed.queue->set_ends(feed.turn, feed.reader->ends());
      batch.read_at = data::timestamp_from_unix_nanos(clock_->unix_nanos());
      feed.queue->put(feed.turn, std::move(batch));
      feed.queue->set_status(feed.turn, "running", "");
      tell_committed(feed);
      feed.on_input();
      return true;
    case connectors::PollOutcome::kNothing:
      feed.queue->set_ends(feed.turn, feed.reader->ends());
      tell_committed(feed);
      if (std::string reason = feed.reader->waiting_reason(); reason.empty()) {
        feed.queue->looked(feed.turn, clock_->steady_nanos());
        feed.queue->set_idle(feed.turn);
        feed.queue->set_status(feed.turn, "running", "");
      } else {
        feed.queue->set_status(feed.turn, "waiting", std::move(reason));
      }
      feed.due_ns = clock_->steady_nanos() + std::max<int64_t>(1, wait_ms) * kMillisecond;
      return false;
    case connectors::PollOutcome::kEnd:
      feed.queue->set_ends(feed.turn, feed.reader->ends());
      feed.queue->set_end(feed.turn);
      feed.stopped = true;
      feed.on_input();
      return true;
  }
  return false;
}

void SourcePump::tell_committed(Feed& feed) {
  const int64_t now = clock_->steady_nanos();
  if (now < feed.tell_ns) return;
  feed.tell_ns = now + kTellCommittedMs * kMillisecond;
  feed.reader->committed(feed.queue->committed_positions());
}

void SourcePump::handle_error(Feed& feed, const data::Error& error) {
  if (!error.retryable) {
    feed.stopped = true;
    feed.queue->set_status(feed.turn, "failed", error.message);
    feed.on_input();
    return;
  }
  feed.backoff_ms = std::min(kLongestBackoffMs, std::max(kFirstBackoffMs, feed.backoff_ms * 2));
  feed.due_ns = clock_->steady_nanos() + feed.backoff_ms * kMillisecond;
  feed.queue->set_status(feed.turn, "waiting", error.message);
}

int64_t SourcePump::idle_nanos() const {
  std::lock_guard lock(mutex_);
  int64_t now = clock_->steady_nanos();
  int64_t wait = 100 * kMillisecond;
  for (const auto& feed : feeds_) {
    if (feed->stopped || !feed->queue->has_room()) continue;
    wait = std::min(wait, std::max<int64_t>(0, feed->due_ns - now));
  }
  return wait;
}

}  // namespace forebay::runtime
