#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine/operators/specs.h"

/// Window calls and frames as EXPLAIN shows them.
namespace forebay::operators {

namespace {

std::string bound_text(const FrameBound& bound, bool rows) {
  switch (bound.edge) {
    case FrameBound::Edge::kPartitionStart:
      return "start";
    case FrameBound::Edge::kPartitionEnd:
      return "end";
    case FrameBound::Edge::kOffset:
      break;
  }
  if (!rows && bound.value != nullptr) return expr::to_string(*bound.value, {"order"});
  return fmt::format("{:+}", bound.offset);
}

std::string frame_text(const OverFrame& frame) {
  constexpr std::string_view kUnits[] = {"rows", "range", "groups"};
  constexpr std::string_view kExclusions[] = {"", " without current", " without group",
                                              " without ties"};
  const bool counts = frame.unit != FrameUnit::kRange;
  return fmt::format(" {} {}..{}{}", kUnits[static_cast<size_t>(frame.unit)],
                     bound_text(frame.lower, counts), bound_text(frame.upper, counts),
                     kExclusions[static_cast<size_t>(frame.exclusion)]);
}

}  // namespace

std::string call_text(const OverCall& call, const std::vector<std::string>& arguments) {
  constexpr std::string_view kNames[] = {"row_number", "rank",     "dense_rank", "percent_rank",
                                         "cume_dist",  "ntile",    "lag",        "first_value",
                                         "last_value", "nth_value"};
  const bool framed = call.function >= OverFunction::kFirstValue;
  const bool numbered = call.function == OverFunction::kNtile ||
                        call.function == OverFunction::kLag ||
                        call.function == OverFunction::kNthValue;
  std::string text = fmt::format("{}({})",
                                 call.function == OverFunction::kAggregate
                                     ? call.aggregate->name
                                     : kNames[static_cast<size_t>(call.function)],
                                 fmt::join(arguments, ", "));
  if (numbered) text += fmt::format(" {}", call.number);
  return framed ? text + frame_text(call.frame) : text;
}

}  // namespace forebay::operators
