#include "engine/runtime/reader_join.h"

#include <algorithm>

#include "engine/runtime/engine_impl.h"

namespace forebay::runtime {

namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kLookNanos = 100 * kMillisecond;
// Readers join when each is where the other was at most so long ago.
constexpr int64_t kSmallLagNanos = 500 * kMillisecond;
// How long an attempt may wait for open epochs, and for the one that is behind.
constexpr int64_t kClosingNanos = 5000 * kMillisecond;
constexpr int64_t kCatchUpNanos = 1000 * kMillisecond;
constexpr int64_t kFirstBackoffMs = 1000;
constexpr int64_t kLongestBackoffMs = 30'000;

bool are_equal(const connectors::Positions& a, const connectors::Positions& b) {
  return covers(a, b) && covers(b, a);
}

// A bounded reader may feed another's views only if it ends where the other would.
bool end_alike(const SourceQueue& a, const SourceQueue& b) {
  if (!a.input().connector->is_bounded()) return true;
  auto ends_of = [](const SourceQueue& queue) {
    std::map<std::string, std::optional<data::Offset>> ends;
    for (const connectors::PartitionPosition& end : queue.ends()) ends[end.name] = end.end;
    return ends;
  };
  return ends_of(a) == ends_of(b);
}

}  // namespace

// The distinct readers of each source, in the order of the objects.
std::map<ObjectId, std::vector<SharedUse>> EngineImpl::readers_of(
    const std::vector<RunningObject*>& objects) {
  std::map<ObjectId, std::vector<SharedUse>> readers;
  for (RunningObject* object : objects) {
    for (const SourceQueueRef& queue : object->inputs.sources) {
      if (queue == nullptr) continue;
      std::vector<SharedUse>& known = readers[queue->input().source];
      bool is_known = std::any_of(known.begin(), known.end(),
                                  [&](const SharedUse& other) { return other.queue == queue; });
      if (!is_known) known.push_back({queue, object});
    }
  }
  return readers;
}

// Before their readers are opened: those of one source that would start at the same positions
// become one. Needs the workers' locks.
void EngineImpl::share_equal_readers(const std::vector<RunningObject*>& objects) {
  for (auto& [source, readers] : readers_of(objects)) {
    std::vector<SharedUse> distinct;
    for (const SharedUse& reader : readers) {
      connectors::Positions positions = reader.queue->committed_positions();
      auto equal = std::find_if(distinct.begin(), distinct.end(), [&](const SharedUse& other) {
        return other.queue->is_paused() == reader.queue->is_paused() &&
               are_equal(other.queue->committed_positions(), positions);
      });
      if (equal == distinct.end()) {
        distinct.push_back(reader);
      } else {
        unite(*equal, reader);
      }
    }
  }
}

// What read from `other` reads from `main`, in one pipeline. Both are held at equal positions.
// Needs the workers' locks.
void EngineImpl::unite(const SharedUse& main, const SharedUse& other) {
  Pipeline* into = main.object->pipeline;
  Pipeline* from = other.object->pipeline;
  if (from->id < into->id) std::swap(into, from);
  if (into != from) merge(*into, *from);
  for (auto& lane : into->lanes) lane->replace_source(other.queue.get(), main.queue);
  for (RunningObject* object : into->objects) {
    for (size_t i = 0; i < object->inputs.sources.size(); ++i) {
      if (object->inputs.sources[i] != other.queue) continue;
      object->inputs.sources[i] = main.queue;
      object->inputs.uses[i]->renumbered = true;
    }
  }
}

bool EngineImpl::run_joins(Lock& lock, int64_t& idle_ns) {
  int64_t now = clock_->steady_nanos();
  if (join_) return advance_join(lock, now, idle_ns);
  if (ddl_busy_ || ddl_waiting_ > 0 || joins_ended_) return false;
  if (now >= next_look_ns_) {
    next_look_ns_ = now + kLookNanos;
    if (look_for_joins(now)) return true;
  }
  if (!pairs_.empty()) idle_ns = std::min(idle_ns, next_look_ns_ - now);
  return false;
}

bool EngineImpl::look_for_joins(int64_t now) {
  std::vector<RunningObject*> objects;
  for (const auto& pipeline : pipelines_) {
    if (pipeline->is_failed()) continue;
    objects.insert(objects.end(), pipeline->objects.begin(), pipeline->objects.end());
  }
  std::vector<ReaderPair> before = std::move(pairs_);
  pairs_.clear();
  std::optional<size_t> chosen;
  std::vector<std::pair<SharedUse, SharedUse>> uses;
  for (auto& [source, readers] : readers_of(objects)) {
    std::erase_if(readers, [](const SharedUse& one) { return !one.queue->is_running(); });
    for (size_t i = 1; i < readers.size(); ++i) {
      const SourceQueueRef& a = readers[0].queue;
      const SourceQueueRef& b = readers[i].queue;
      if (!end_alike(*a, *b)) continue;
      auto known = std::find_if(before.begin(), before.end(),
                                [&](const ReaderPair& pair) { return pair.a == a && pair.b == b; });
      pairs_.push_back(known == before.end() ? ReaderPair{a, b, {}, {}, 0, 0, 0}
                                             : std::move(*known));
      uses.emplace_back(readers[0], readers[i]);
      if (is_near(pairs_.back(), now) && !chosen) chosen = uses.size() - 1;
    }
  }
  return chosen && start_join(uses[*chosen].first, uses[*chosen].second, now);
}

// True when each of the two is where the other was a short time ago.
bool EngineImpl::is_near(ReaderPair& pair, int64_t now) {
  connectors::Positions a = pair.a->current_positions();
  connectors::Positions b = pair.b->current_positions();
  bool is_first = pair.marked_at_ns == 0;
  if (!is_first && !(covers(a, pair.b_mark) && covers(b, pair.a_mark))) return false;
  int64_t lag_ns = now - pair.marked_at_ns;
  pair.a_mark = std::move(a);
  pair.b_mark = std::move(b);
  pair.marked_at_ns = now;
  return !is_first && lag_ns <= kSmallLagNanos && now >= pair.not_before_ns;
}

bool EngineImpl::start_join(const SharedUse& a, const SharedUse& b, int64_t now) {
  for (const SharedUse* use : {&a, &b}) {
    if (use->object->pipeline->gate_busy || use->object->pipeline->hold) return false;
  }
  ddl_busy_ = true;
  join_.emplace();
  join_->sides[0].use = a;
  join_->sides[1].use = b;
  join_->deadline_ns = now + kClosingNanos;
  for (Pipeline* pipeline : joining_pipelines()) {
    pipeline->gate_busy = true;
    pipeline->hold = true;
  }
  return true;
}

std::vector<Pipeline*> EngineImpl::joining_pipelines() const {
  std::vector<Pipeline*> pipelines = {join_->sides[0].use.object->pipeline};
  Pipeline* other = join_->sides[1].use.object->pipeline;
  if (other != pipelines.front()) pipelines.push_back(other);
  return pipelines;
}

bool EngineImpl::advance_join(Lock& lock, int64_t now, int64_t& idle_ns) {
  std::vector<Pipeline*> pipelines = joining_pipelines();
  bool has_failed = false;
  for (Pipeline* pipeline : pipelines) {
    if (pipeline->is_ending()) return false;
    has_failed |= pipeline->is_failed();
  }
  bool gives_up = has_failed || ddl_waiting_ > 0 || joins_ended_ || now >= join_->deadline_ns;
  switch (join_->phase) {
    case ReaderJoin::Phase::kSettling:
      if (gives_up) {
        end_join(now, false);
        return true;
      }
      for (Pipeline* pipeline : pipelines) close_epoch(*pipeline);
      join_->phase = ReaderJoin::Phase::kClosing;
      return true;
    case ReaderJoin::Phase::kClosing:
      judge_join(lock, gives_up, has_failed, now);
      return true;
    case ReaderJoin::Phase::kCatchingUp:
      for (const ReaderJoin::Side& side : join_->sides) {
        if (gives_up || !side.is_behind || side.use.queue->is_drained()) continue;
        idle_ns = std::min(idle_ns, kMillisecond);
        return false;
      }
      for (Pipeline* pipeline : pipelines) {
        if (!pipeline->is_failed()) close_epoch(*pipeline);
      }
      join_->has_caught_up = true;
      join_->phase = ReaderJoin::Phase::kClosing;
      return true;
  }
  return false;
}

// Ends the open epoch of a held pipeline, behind which it stands.
void EngineImpl::close_epoch(Pipeline& pipeline) {
  pipeline.signals.released.store(pipeline.open_epoch);
  name_end(pipeline);
}

// Both pipelines stand behind a committed epoch: one now, one more epoch, or not this time.
void EngineImpl::judge_join(Lock& lock, bool gives_up, bool has_failed, int64_t now) {
  ReaderJoin::Side* main = &join_->sides[0];
  ReaderJoin::Side* other = &join_->sides[1];
  connectors::Positions a = main->use.queue->committed_positions();
  connectors::Positions b = other->use.queue->committed_positions();
  if (has_failed || joins_ended_) {
    end_join(now, false);
  } else if (are_equal(a, b)) {
    WorkerLocks workers = lock_workers(lock);
    if (main->is_behind && !other->is_behind) std::swap(main, other);  // its reader stays open
    pump_.remove(other->use.queue.get());
    unite(main->use, other->use);
    other->use.queue.reset();
    end_join(now, true);
  } else if (gives_up || join_->has_caught_up) {
    end_join(now, false);
  } else {
    catch_up(furthest(a, b), now);
  }
}

// Lets who is behind read up to `target`, in one epoch; who is there gives nothing meanwhile.
void EngineImpl::catch_up(const connectors::Positions& target, int64_t now) {
  for (ReaderJoin::Side& side : join_->sides) {
    SourceQueue& queue = *side.use.queue;
    side.is_behind = !covers(queue.committed_positions(), target);
    if (!side.is_behind) {
      queue.freeze(true);
      continue;
    }
    pump_.remove(&queue);
    queue.start_over(target);
    feed(side.use.queue);
    Pipeline& pipeline = *side.use.object->pipeline;
    pipeline.signals.released.store(pipeline.open_epoch, std::memory_order_release);
  }
  join_->deadline_ns = now + kCatchUpNanos;
  join_->phase = ReaderJoin::Phase::kCatchingUp;
  wake_workers();
}

// Lets the pipelines go on, joined or as they were.
void EngineImpl::end_join(int64_t now, bool joined) {
  for (ReaderJoin::Side& side : join_->sides) {
    if (side.use.queue == nullptr) continue;
    side.use.queue->freeze(false);
    if (!side.is_behind) continue;
    pump_.remove(side.use.queue.get());
    side.use.queue->start_over(std::nullopt);
    if (!joins_ended_) feed(side.use.queue);
  }
  for (ReaderPair& pair : pairs_) {
    if (joined || pair.a != join_->sides[0].use.queue || pair.b != join_->sides[1].use.queue) {
      continue;
    }
    pair.backoff_ms = std::clamp(pair.backoff_ms * 2, kFirstBackoffMs, kLongestBackoffMs);
    pair.not_before_ns = now + pair.backoff_ms * kMillisecond;
  }
  for (Pipeline* pipeline : joining_pipelines()) {
    pipeline->gate_busy = false;
    release(*pipeline);
  }
  join_.reset();
  ddl_busy_ = false;
}

}  // namespace forebay::runtime
