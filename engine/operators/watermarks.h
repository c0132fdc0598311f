#pragma once

#include <limits>
#include <vector>

#include "engine/data/ids.h"
#include "engine/expr/expr.h"

/// What operators know of event time. A watermark W says: rows whose time is before W are late. It
/// belongs to a leaf (a source's or a table's), is kept per partition by the runtime, never goes
/// back, and is fixed when an epoch ends and committed with it: W(e).
namespace forebay::operators {

/// A leaf whose rows carry a watermark: a node of an object's fragment.
struct WatermarkId {
  data::ObjectId object;
  uint32_t node = 0;
  friend constexpr auto operator<=>(const WatermarkId&, const WatermarkId&) = default;
};

/// Timestamps (microseconds since 2000-01-01). Nothing is late yet; every window is closed.
inline constexpr int64_t kNoWatermark = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kEndOfTime = std::numeric_limits<int64_t>::max();

/// The watermarks of a pipeline as an operator sees them in the epoch e that it works on. All calls
/// come from the operator's own thread.
class Watermarks {
 public:
  virtual ~Watermarks() = default;
  /// W(e-1): what rows of the epoch are judged against. kNoWatermark in the first epoch of the
  /// operator's object: what a table holds when a view is made is not late.
  virtual int64_t previous(WatermarkId id) const = 0;
  /// W(e); in end_epoch and resume() after it only, where all inputs have ended the epoch.
  virtual int64_t current(WatermarkId id) const = 0;
  /// The epoch's time (timestamptz), the same on all workers; it never goes back. In end_epoch and
  /// resume() after it only.
  virtual int64_t now() const { return 0; }
};

/// Bounds a column from below: rows to come have value >= the least of all terms.
struct TimeBound {
  struct Term {
    WatermarkId id;
    /// Monotone, over one timestamp column, the leaf's watermark: what it says about this column;
    /// nullptr: the watermark itself. A NULL or a failure says nothing.
    expr::ExprRef shift;
  };
  uint32_t column = 0;
  std::vector<Term> terms;  // not empty
};

}  // namespace forebay::operators
