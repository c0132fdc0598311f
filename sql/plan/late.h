#pragma once

#include "sql/plan/node.h"

/// EMIT LATE INTO t: what a view's operators drop because it is late, as rows.
namespace forebay::sql::plan {

struct KeptLate {
  /// The plan, in which what operators read carries all columns of its relation along.
  NodeRef plan;
  /// The late rows: the columns of the relation, then late_operation ('insert' or 'delete'),
  /// late_time and late_watermark, the time that was too early and what it was before; of several
  /// relations late_relation in front, the columns of all of them, and NULL where one has not such
  /// a column. It shares nodes with `plan`: both are lowered into one fragment.
  NodeRef late;
};
/// Of a view's final plan. 0A000 where nothing is ever late, or what is late is not rows of a
/// relation; 42701 where its columns have one of the names above.
data::Result<KeptLate> keep_late(const NodeRef& plan, ColumnFactory& columns);

}  // namespace forebay::sql::plan
