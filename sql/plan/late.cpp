#include "sql/plan/late.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/watermarks.h"

namespace forebay::sql::plan {

using data::Result;
using data::Status;

namespace {

constexpr const char* kOperation = "late_operation";
constexpr const char* kTime = "late_time";
constexpr const char* kWatermark = "late_watermark";

Status not_supported(std::string why, std::string hint) {
  return Status(data::sqlstate::kFeatureNotSupported,
                fmt::format("EMIT LATE INTO is not supported: {}", why))
      .with_hint(std::move(hint));
}

Status not_one_relation() {
  return not_supported(
      "what is late in this view is not rows of one relation",
      "Make a view with EMIT LATE INTO of the windows of each relation, and join them in another "
      "one.");
}

/// The column by which the node drops late rows, or nullopt.
std::optional<ColumnId> judged_column(const Node& node) {
  switch (node.kind) {
    case NodeKind::kAggregate:
      if (!as<Aggregate>(node).bounded) return std::nullopt;
      return as<Aggregate>(node).groups[0];
    case NodeKind::kSession:
      if (!as<Session>(node).bounded) return std::nullopt;
      return as<Session>(node).time;
    case NodeKind::kHold:
      return as<Hold>(node).time;
    default:
      return bounded_partition(node);
  }
}

/// A plan that gives at least the columns of another one, and with them those of its relation.
struct Widened {
  NodeRef plan;
  Columns relation;
};

Widened widen_scan(const Scan& scan, ColumnFactory& columns) {
  auto wide = std::make_shared<Scan>(scan);
  Widened out;
  const CatalogObjectRef& object = scan.object;
  for (uint32_t i = 0; i < object->columns.size(); ++i) {
    uint32_t position = i;
    if (object->kind == catalog::ObjectKind::kSource && !object->metadata.empty()) {
      const std::string& metadata = object->metadata[i];
      if (object->is_generated(i)) {
        // Computed from others, at its own place.
      } else if (metadata == "partition") {
        position = kMetadataPartition;
      } else if (metadata == "offset") {
        position = kMetadataOffset;
      } else if (!metadata.empty()) {
        position = kMetadataColumn + i;
      }
    }
    const auto at = std::find(wide->positions.begin(), wide->positions.end(), position);
    if (at != wide->positions.end()) {
      out.relation.push_back(wide->columns[static_cast<size_t>(at - wide->positions.begin())]);
    } else {
      wide->positions.push_back(position);
      wide->columns.push_back(columns.make(object->columns[i].name, object->columns[i].type));
      out.relation.push_back(wide->columns.back());
    }
    out.relation.back().name = object->columns[i].name;
  }
  out.plan = std::move(wide);
  return out;
}

/// nullopt: the node's rows are not rows of one relation.
std::optional<Widened> widen(const NodeRef& node, ColumnFactory& columns) {
  if (node->kind == NodeKind::kScan) return widen_scan(as<Scan>(*node), columns);
  const bool by_row = node->kind == NodeKind::kFilter || node->kind == NodeKind::kProject ||
                      node->kind == NodeKind::kTableFunction;
  if (!by_row) return std::nullopt;
  std::optional<Widened> input = widen(node->inputs[0], columns);
  if (!input) return std::nullopt;
  if (node->kind != NodeKind::kProject) {
    input->plan = with_inputs(node, {input->plan});
    return input;
  }
  const auto& project = as<Project>(*node);
  Columns out = project.columns;
  std::vector<ExprRef> values = project.expressions;
  for (const Column& column : input->relation) {
    if (find_column(out, column.id) != kNoColumn) continue;
    out.push_back(column);
    values.push_back(column_ref(column));
  }
  input->plan = make_project(input->plan, std::move(out), std::move(values));
  return input;
}

class Keeper {
 public:
  explicit Keeper(ColumnFactory& columns) : columns_(columns) {}

  struct Kept {
    NodeRef plan;
    /// Rows of a relation with a watermark come out of which nobody has dropped the late ones.
    bool open = false;
  };
  Result<Kept> keep(const NodeRef& node) {
    const std::optional<ColumnId> time = judged_column(*node);
    std::vector<NodeRef> inputs;
    bool open = node->kind == NodeKind::kScan && reads_watermark(node);
    for (const NodeRef& input : node->inputs) {
      FOREBAY_ASSIGN_OR_RETURN(Kept kept, keep(input));
      inputs.push_back(std::move(kept.plan));
      open |= kept.open;
    }
    if (!open) return Kept{with_inputs(node, std::move(inputs)), false};
    if (!time) {
      // They may drop rows of either side.
      if (node->kind == NodeKind::kJoin || node->kind == NodeKind::kAsofJoin) {
        return not_one_relation();
      }
      return Kept{with_inputs(node, std::move(inputs)), true};
    }
    std::optional<Widened> wide = widen(node->inputs[0], columns_);
    if (!wide) return not_one_relation();
    FOREBAY_RETURN_IF_ERROR(add_part(*wide, *time));
    return Kept{with_inputs(node, {make_narrow(wide->plan, node->input().columns)}), false};
  }

  /// All parts, one after the other.
  Result<NodeRef> late() {
    if (parts_.empty()) {
      return not_supported("no row of this view is ever late",
                           "Leave it out, or group by windows of a column that has a watermark.");
    }
    if (parts_.size() == 1) return parts_[0];
    Columns out;
    for (const Column& column : parts_[0]->columns) {
      out.push_back(columns_.make(column.name, column.type));
    }
    std::vector<std::vector<ColumnId>> sources;
    for (const NodeRef& part : parts_) {
      sources.emplace_back();
      if (part->columns.size() != out.size()) return not_one_relation();
      for (size_t i = 0; i < out.size(); ++i) {
        const Column& column = part->columns[i];
        if (column.name != out[i].name || column.type != out[i].type) return not_one_relation();
        sources.back().push_back(column.id);
      }
    }
    return make_union(parts_, std::move(out), std::move(sources));
  }

 private:
  Status add_part(const Widened& wide, ColumnId time) {
    Columns columns = wide.relation;
    for (const Column& column : columns) {
      if (column.name != kOperation && column.name != kTime && column.name != kWatermark) continue;
      return Status(data::sqlstate::kDuplicateColumn,
                    fmt::format("column \"{}\" specified more than once", column.name))
          .with_hint("EMIT LATE INTO adds a column of this name; rename that of the relation.");
    }
    const Column judged = wide.plan->columns[find_column(wide.plan->columns, time)];
    const Column operation = columns_.make(kOperation, data::kTextType);
    const Column watermark = columns_.make(kWatermark, judged.type);
    NodeRef late = make_late(wide.plan, time, operation, watermark);
    std::vector<ExprRef> values;
    for (const Column& column : columns) values.push_back(column_ref(column));
    columns.push_back(operation);
    values.push_back(column_ref(operation));
    columns.push_back(columns_.make(kTime, judged.type));
    values.push_back(column_ref(judged));
    columns.push_back(watermark);
    values.push_back(column_ref(watermark));
    parts_.push_back(make_project(std::move(late), std::move(columns), std::move(values)));
    return Status::ok();
  }

  ColumnFactory& columns_;
  std::vector<NodeRef> parts_;
};

}  // namespace

Result<KeptLate> keep_late(const NodeRef& plan, ColumnFactory& columns) {
  Keeper keeper(columns);
  FOREBAY_ASSIGN_OR_RETURN(Keeper::Kept kept, keeper.keep(plan));
  KeptLate out;
  out.plan = std::move(kept.plan);
  FOREBAY_ASSIGN_OR_RETURN(out.late, keeper.late());
  return out;
}

}  // namespace forebay::sql::plan
