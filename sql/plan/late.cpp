#include "sql/plan/late.h"

#include <fmt/format.h>

#include <algorithm>

#include "sql/plan/expressions.h"
#include "sql/plan/join_time.h"
#include "sql/plan/watermarks.h"

namespace forebay::sql::plan {

using data::Result;
using data::Status;

namespace {

constexpr const char* kRelation = "late_relation";
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
      "Make views of the windows with EMIT LATE INTO first, and join them in another one.");
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
  CatalogObjectRef object;
  Columns relation;
};

Widened widen_scan(const Scan& scan, ColumnFactory& columns) {
  auto wide = std::make_shared<Scan>(scan);
  Widened out;
  const CatalogObjectRef& object = scan.object;
  out.object = object;
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
    std::vector<NodeRef> inputs;
    std::vector<bool> opens;
    for (const NodeRef& input : node->inputs) {
      FOREBAY_ASSIGN_OR_RETURN(Kept kept, keep(input));
      inputs.push_back(std::move(kept.plan));
      opens.push_back(kept.open);
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!opens[i]) continue;
      FOREBAY_ASSIGN_OR_RETURN(std::vector<ColumnId> times, judged_columns(*node, i));
      if (times.empty()) continue;
      std::optional<Widened> wide = widen(node->inputs[i], columns_);
      if (!wide || times.size() > 1) return not_one_relation();
      FOREBAY_RETURN_IF_ERROR(add_part(*wide, times[0]));
      inputs[i] = make_narrow(wide->plan, node->input(i).columns);
      opens[i] = false;
    }
    const bool open = node->kind == NodeKind::kScan
                          ? reads_watermark(node)
                          : std::find(opens.begin(), opens.end(), true) != opens.end();
    return Kept{with_inputs(node, std::move(inputs)), open};
  }

  /// All parts, one after the other. Of several relations: with the name of the relation, and with
  /// NULLs for the columns that it does not have.
  Result<NodeRef> late() {
    if (parts_.empty()) {
      return not_supported("no row of this view is ever late",
                           "Leave it out, or group by windows of a column that has a watermark.");
    }
    const bool several = std::any_of(parts_.begin(), parts_.end(), [&](const Part& part) {
      return part.object->id != parts_[0].object->id;
    });
    Columns out;
    if (several) out.push_back(columns_.make(kRelation, data::kTextType));
    for (const Part& part : parts_) FOREBAY_RETURN_IF_ERROR(add_names(part.relation, out));
    for (const Part& part : parts_) FOREBAY_RETURN_IF_ERROR(add_names(part.added, out));
    std::vector<NodeRef> plans;
    for (const Part& part : parts_) plans.push_back(as_columns(part, out, several));
    if (plans.size() == 1) return plans[0];
    std::vector<std::vector<ColumnId>> sources;
    Columns all;
    for (const Column& column : out) all.push_back(columns_.make(column.name, column.type));
    for (const NodeRef& plan : plans) {
      sources.emplace_back();
      for (const Column& column : plan->columns) sources.back().push_back(column.id);
    }
    return make_union(std::move(plans), std::move(all), std::move(sources));
  }

 private:
  /// Late rows of one input of one operator.
  struct Part {
    NodeRef plan;
    CatalogObjectRef object;
    Columns relation;
    /// What it says of the row, by the names that it has.
    Columns added;
  };

  /// The columns by which the node drops late rows of an input: one of them is enough.
  Result<std::vector<ColumnId>> judged_columns(const Node& node, size_t input) const {
    if (node.kind == NodeKind::kAsofJoin) {
      const auto& join = as<AsofJoin>(node);
      if (join.mode != AsofMode::kNearest) return not_one_relation();
      if (!forgets(join)) return std::vector<ColumnId>();
      return std::vector<ColumnId>{input == 0 ? join.left_time : join.right_time};
    }
    if (node.kind == NodeKind::kJoin) {
      const auto& time = as<Join>(node).time;
      if (time == nullptr) return std::vector<ColumnId>();
      // By the watermarks of both sides.
      if (time->by_key) return not_one_relation();
      return time->sides[input].late;
    }
    const std::optional<ColumnId> time = judged_column(node);
    return time ? std::vector<ColumnId>{*time} : std::vector<ColumnId>();
  }

  Status add_part(const Widened& wide, ColumnId time) {
    for (const Column& column : wide.relation) {
      for (const char* name : {kRelation, kOperation, kTime, kWatermark}) {
        if (column.name != name) continue;
        return Status(data::sqlstate::kDuplicateColumn,
                      fmt::format("column \"{}\" specified more than once", name))
            .with_hint("EMIT LATE INTO adds a column of this name; rename that of the relation.");
      }
    }
    Column judged = wide.plan->columns[find_column(wide.plan->columns, time)];
    const Column operation = columns_.make(kOperation, data::kTextType);
    const Column watermark = columns_.make(kWatermark, judged.type);
    judged.name = kTime;
    parts_.push_back({make_late(wide.plan, time, operation, watermark),
                      wide.object,
                      wide.relation,
                      {operation, judged, watermark}});
    return Status::ok();
  }

  /// Adds those whose names are new.
  Status add_names(const Columns& columns, Columns& out) {
    for (const Column& column : columns) {
      const auto known = std::find_if(
          out.begin(), out.end(), [&](const Column& other) { return other.name == column.name; });
      if (known == out.end()) {
        out.push_back(columns_.make(column.name, column.type));
      } else if (known->type != column.type) {
        return not_supported(
            fmt::format("column \"{}\" is of type {} in one relation and {} in another",
                        column.name, known->type.name(), column.type.name()),
            "Make a view with EMIT LATE INTO of each of them.");
      }
    }
    return Status::ok();
  }

  NodeRef as_columns(const Part& part, const Columns& wanted, bool several) {
    Columns out;
    std::vector<ExprRef> values;
    for (const Column& column : wanted) {
      out.push_back(columns_.make(column.name, column.type));
      const Column* own = nullptr;
      for (const Columns* columns : {&part.relation, &part.added}) {
        for (const Column& one : *columns) {
          if (one.name == column.name) own = &one;
        }
      }
      if (own != nullptr) {
        values.push_back(column_ref(*own));
      } else if (several && column.name == kRelation) {
        values.push_back(expr::literal({data::kTextType, part.object->name}));
      } else {
        values.push_back(expr::literal(data::Datum::null(column.type)));
      }
    }
    return make_project(part.plan, std::move(out), std::move(values));
  }

  ColumnFactory& columns_;
  std::vector<Part> parts_;
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
