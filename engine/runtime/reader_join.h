#pragma once

#include <optional>

#include "engine/runtime/pipeline.h"

/// How readers of one source become one. A view that is made reads by itself, in a pipeline of its
/// own or of its tables. When it is nearly where another reader is, both pipelines are held behind
/// a committed epoch, whoever is behind reads in one more epoch exactly up to where the other is,
/// and then both are one pipeline with one reader. All of it happens in short steps of the
/// coordinator, under the DDL turn, and gives way to DDL.
namespace forebay::runtime {

/// A reader and the first object that uses it.
struct SharedUse {
  SourceQueueRef queue;
  RunningObject* object = nullptr;
};

/// Two readers of one source that may join, and where they were when looked at last.
struct ReaderPair {
  SourceQueueRef a, b;
  connectors::Positions a_mark, b_mark;
  int64_t marked_at_ns = 0;
  /// After an attempt that did not succeed.
  int64_t not_before_ns = 0;
  int64_t backoff_ms = 0;
};

/// The attempt under way.
struct ReaderJoin {
  enum class Phase : uint8_t {
    kSettling,    // epochs that were named before are being committed
    kClosing,     // the pipelines' open epochs are named and being committed
    kCatchingUp,  // who is behind reads in an epoch of its own
  };
  struct Side {
    SharedUse use;
    bool is_behind = false;  // reads up to the other
  };
  Side sides[2];
  Phase phase = Phase::kSettling;
  bool has_caught_up = false;
  int64_t deadline_ns = 0;
};

}  // namespace forebay::runtime
