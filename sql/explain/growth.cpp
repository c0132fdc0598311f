#include "sql/explain/growth.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace forebay::sql::explain {

namespace {

using plan::Node;
using plan::NodeKind;

/// What a node gives.
struct Flow {
  double rows = 0;  // per second
  bool is_guess = false;
  std::vector<std::string> known, unknown;  // relations
};

void add_names(const std::vector<std::string>& names, std::vector<std::string>& to) {
  for (const std::string& name : names) {
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
  }
}

/// Relations of both; the caller settles the rows.
void add_relations(const Flow& from, Flow& to) {
  to.is_guess |= from.is_guess;
  add_names(from.known, to.known);
  add_names(from.unknown, to.unknown);
}

Flow flow_of(const Node& node, const RateOf& rate_of);

Flow flow_of_join(const Node& node, const RateOf& rate_of) {
  Flow flow = flow_of(node.input(0), rate_of);
  const auto* join = node.kind == NodeKind::kJoin ? &plan::as<plan::Join>(node) : nullptr;
  // One row at most per left row.
  if (join == nullptr || join->join == plan::JoinKind::kSemi ||
      join->join == plan::JoinKind::kAnti) {
    return flow;
  }
  const Flow right = flow_of(node.input(1), rate_of);
  flow.rows = std::max(flow.rows, right.rows);
  add_relations(right, flow);
  flow.is_guess = true;
  return flow;
}

Flow flow_of(const Node& node, const RateOf& rate_of) {
  Flow flow;
  switch (node.kind) {
    case NodeKind::kScan: {
      const auto& object = plan::as<plan::Scan>(node).object;
      const std::optional<double> rate = rate_of ? rate_of(object->id) : std::nullopt;
      flow.rows = rate.value_or(0);
      (rate ? flow.known : flow.unknown).push_back(object->name);
      return flow;
    }
    case NodeKind::kJoin:
    case NodeKind::kAsofJoin:
      return flow_of_join(node, rate_of);
    case NodeKind::kAggregate:
      if (plan::as<plan::Aggregate>(node).scalar) return flow;  // one row
      break;
    default:
      break;
  }
  for (const plan::NodeRef& input : node.inputs) {
    const Flow from = flow_of(*input, rate_of);
    flow.rows += from.rows;
    add_relations(from, flow);
  }
  if (node.kind == NodeKind::kExpand) {
    flow.rows *= static_cast<double>(plan::as<plan::Expand>(node).sets.size());
  }
  flow.is_guess |= node.kind == NodeKind::kTableFunction || node.kind == NodeKind::kRepeat;
  return flow;
}

double bytes_of(const plan::Columns& columns) {
  double bytes = 0;
  for (const plan::Column& column : columns) {
    const data::Layout layout = data::layout_of(column.type.id);
    bytes += layout == data::Layout::kString ? kTextBytes : data::width_of(layout);
  }
  return bytes;
}

/// 1,200; 0.5 for less than ten.
std::string rows_text(double rows) {
  if (rows < 9.95) return fmt::format("{:.2g}", rows);
  std::string digits = fmt::format("{:.0f}", rows);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string bytes_text(double bytes) {
  constexpr const char* kUnits[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  for (; bytes >= 999.5 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  return fmt::format("{:.{}f} {}", bytes, unit > 0 && bytes < 9.95 ? 1 : 0, kUnits[unit]);
}

}  // namespace

std::string growth_text(const std::vector<Growing>& rows, const RateOf& rate_of) {
  Flow all;
  double bytes = 0;
  for (const Growing& part : rows) {
    const Flow flow = flow_of(*part.from, rate_of);
    all.rows += flow.rows;
    bytes += flow.rows * bytes_of(*part.columns);
    add_relations(flow, all);
  }
  if (all.known.empty()) return all.unknown.empty() ? "" : "; rate unknown";
  constexpr double kDay = 86'400;
  std::string text =
      fmt::format("; grows by {} {} rows/s ({}), about {} a day", all.is_guess ? "about" : "up to",
                  rows_text(all.rows), fmt::join(all.known, ", "), bytes_text(bytes * kDay));
  if (!all.unknown.empty()) {
    text += fmt::format("; rate of {} unknown", fmt::join(all.unknown, ", "));
  }
  return text;
}

std::string size_text(const Growing& rows, int64_t microseconds, std::string_view side,
                      const RateOf& rate_of) {
  const Flow flow = flow_of(*rows.from, rate_of);
  if (flow.known.empty() || !flow.unknown.empty()) return "";
  const double count = std::ceil(flow.rows * static_cast<double>(microseconds) / 1e6);
  return fmt::format("; about {} {} rows at {} rows/s ({}), {}", rows_text(count), side,
                     rows_text(flow.rows), fmt::join(flow.known, ", "),
                     bytes_text(count * bytes_of(*rows.columns)));
}

}  // namespace forebay::sql::explain
