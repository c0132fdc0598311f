#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sql/binder/over.h"

/// What OVER says: windows with names, PARTITION BY, ORDER BY, frames.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using operators::FrameUnit;
using Edge = operators::FrameBound::Edge;

namespace {

constexpr data::SqlState kWindowingError{"42P20"};
constexpr data::SqlState kInvalidFrameOffset{"22013"};
constexpr data::SqlState kUndefinedWindow{"42704"};
constexpr data::SqlState kNullNotAllowed{"22004"};

const ast::NamedWindow* find_window(const std::vector<ast::NamedWindow>& named,
                                    const std::string& name) {
  for (const ast::NamedWindow& window : named) {
    if (window.name == name) return &window;
  }
  return nullptr;
}

std::string_view unit_word(ast::FrameUnit unit) {
  return unit == ast::FrameUnit::kRows    ? "ROWS"
         : unit == ast::FrameUnit::kRange ? "RANGE"
                                          : "GROUPS";
}

bool has_offset(const ast::FrameBound& bound) { return bound.offset != nullptr; }

/// Bounds that no frame can have, in PostgreSQL's words; or nullptr.
const char* impossible_frame(ast::FrameBoundKind lower, ast::FrameBoundKind upper) {
  using Kind = ast::FrameBoundKind;
  if (lower == Kind::kUnboundedFollowing) return "frame start cannot be UNBOUNDED FOLLOWING";
  if (upper == Kind::kUnboundedPreceding) return "frame end cannot be UNBOUNDED PRECEDING";
  if (lower == Kind::kCurrentRow && upper == Kind::kPreceding) {
    return "frame starting from current row cannot have preceding rows";
  }
  if (lower == Kind::kFollowing && (upper == Kind::kPreceding || upper == Kind::kCurrentRow)) {
    return "frame starting from following row cannot have preceding rows";
  }
  return nullptr;
}

/// The type in which a column of `type` and an offset are added up, and the offset's type; kUnknown
/// where RANGE takes no offset.
struct RangeTypes {
  TypeId value = TypeId::kUnknown;
  TypeId offset = TypeId::kUnknown;
};
RangeTypes range_types(TypeId type) {
  switch (type) {
    case TypeId::kSmallint:
    case TypeId::kInteger:
    case TypeId::kBigint:
      return {TypeId::kBigint, TypeId::kBigint};
    case TypeId::kReal:
    case TypeId::kDouble:
      return {TypeId::kDouble, TypeId::kDouble};
    case TypeId::kNumeric:
      return {TypeId::kNumeric, TypeId::kNumeric};
    case TypeId::kDate:
    case TypeId::kTimestamp:
      return {TypeId::kTimestamp, TypeId::kInterval};
    case TypeId::kTimestampTz:
      return {TypeId::kTimestampTz, TypeId::kInterval};
    default:
      return {};
  }
}

/// Negative or no number.
bool is_negative(const data::Datum& offset) {
  if (const auto* number = std::get_if<double>(&offset.value)) return !(*number >= 0);
  data::Datum zero = offset;
  switch (offset.type.id) {
    case TypeId::kBigint:
      zero.value = int64_t{0};
      break;
    case TypeId::kNumeric:
      zero.value = data::Numeric(data::Int128{0}, 0);
      break;
    default:
      zero.value = data::Interval{};
      break;
  }
  return data::compare(offset, zero) < 0;
}

bool is_infinite(const data::Datum& offset) {
  if (const auto* number = std::get_if<double>(&offset.value)) return std::isinf(*number);
  const auto* number = std::get_if<data::Numeric>(&offset.value);
  return number != nullptr && !number->is_finite();
}

}  // namespace

Status Binder::check_named_windows(const std::vector<ast::NamedWindow>& named) const {
  for (size_t i = 0; i < named.size(); ++i) {
    if (find_window(named, named[i].name) != &named[i]) {
      return error(kWindowingError, fmt::format("window \"{}\" is already defined", named[i].name),
                   named[i].spec.position);
    }
    // Of those before it only.
    if (!named[i].spec.existing.empty()) {
      const ast::NamedWindow* base = find_window(named, named[i].spec.existing);
      if (base == nullptr || base >= &named[i]) {
        return error(kUndefinedWindow,
                     fmt::format("window \"{}\" does not exist", named[i].spec.existing),
                     named[i].spec.position);
      }
    }
  }
  return Status::ok();
}

Result<Binder::OverBinder::Window> Binder::OverBinder::resolve(const ast::WindowSpec& spec) const {
  Window own;
  if (!spec.partition_by.empty()) own.partition = &spec.partition_by;
  if (!spec.order_by.empty()) own.order = &spec.order_by;
  if (spec.frame) own.frame = &*spec.frame;
  if (spec.existing.empty()) return own;
  const ast::NamedWindow* found = find_window(*context_.windows->named, spec.existing);
  if (found == nullptr) {
    return binder_.error(kUndefinedWindow,
                         fmt::format("window \"{}\" does not exist", spec.existing), spec.position);
  }
  FOREBAY_ASSIGN_OR_RETURN(Window base, resolve(found->spec));
  if (spec.reference_only) return base;
  if (own.partition != nullptr) {
    return binder_.error(
        kWindowingError,
        fmt::format("cannot override PARTITION BY clause of window \"{}\"", spec.existing),
        spec.position);
  }
  if (own.order != nullptr && base.order != nullptr) {
    return binder_.error(
        kWindowingError,
        fmt::format("cannot override ORDER BY clause of window \"{}\"", spec.existing),
        spec.position);
  }
  if (base.frame != nullptr) {
    Status status = binder_.error(
        kWindowingError,
        fmt::format("cannot copy window \"{}\" because it has a frame clause", spec.existing),
        spec.position);
    const bool nothing_else = own.order == nullptr && own.frame == nullptr;
    if (!nothing_else) return status;
    return std::move(status).with_hint("Omit the parentheses in this OVER clause.");
  }
  own.partition = base.partition;
  if (own.order == nullptr) own.order = base.order;
  return own;
}

Status Binder::OverBinder::bind_window(const Window& window) {
  if (window.partition != nullptr) {
    for (const auto& item : *window.partition) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*item, inner_));
      FOREBAY_ASSIGN_OR_RETURN(value, binder_.settle_unknown(value));
      bound_.partition.push_back(std::move(value));
    }
  }
  if (window.order != nullptr) {
    for (const ast::SortItem& item : *window.order) {
      BoundAggregate::Order order;
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*item.value, inner_));
      FOREBAY_ASSIGN_OR_RETURN(order.value, binder_.settle_unknown(value));
      order.descending = item.descending;
      order.nulls_first = item.nulls == ast::NullsOrder::kDefault
                              ? item.descending
                              : item.nulls == ast::NullsOrder::kFirst;
      bound_.order.push_back(std::move(order));
    }
  }
  if (window.frame == nullptr) return Status::ok();
  return bind_frame(*window.frame);
}

Status Binder::OverBinder::bind_frame(const ast::WindowFrame& frame) {
  const int32_t position = function_.over->position;
  if (const char* why = impossible_frame(frame.lower.kind, frame.upper.kind)) {
    const bool of_start = frame.lower.kind == ast::FrameBoundKind::kUnboundedFollowing;
    const int32_t at = of_start ? frame.lower.position : frame.upper.position;
    return binder_.error(kWindowingError, why, at > 0 ? at : frame.lower.position);
  }
  if (frame.unit == ast::FrameUnit::kGroups && bound_.order.empty()) {
    return binder_.error(kWindowingError, "GROUPS mode requires an ORDER BY clause", position);
  }
  if (frame.unit == ast::FrameUnit::kRange && bound_.order.size() != 1 &&
      (has_offset(frame.lower) || has_offset(frame.upper))) {
    return binder_.error(
        kWindowingError,
        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column", position);
  }
  bound_.call.frame.unit = static_cast<FrameUnit>(frame.unit);
  bound_.call.frame.exclusion = static_cast<operators::FrameExclusion>(frame.exclusion);
  inner_.aggregates = nullptr;
  inner_.subqueries = nullptr;
  FOREBAY_RETURN_IF_ERROR(bind_frame_bound(frame, true));
  return bind_frame_bound(frame, false);
}

Status Binder::OverBinder::bind_frame_bound(const ast::WindowFrame& frame, bool lower) {
  const ast::FrameBound& from = lower ? frame.lower : frame.upper;
  operators::FrameBound& to = lower ? bound_.call.frame.lower : bound_.call.frame.upper;
  to = {Edge::kOffset, 0, nullptr};
  switch (from.kind) {
    case ast::FrameBoundKind::kUnboundedPreceding:
      to.edge = Edge::kPartitionStart;
      return Status::ok();
    case ast::FrameBoundKind::kUnboundedFollowing:
      to.edge = Edge::kPartitionEnd;
      return Status::ok();
    case ast::FrameBoundKind::kCurrentRow:
      return Status::ok();
    default:
      break;
  }
  const bool preceding = from.kind == ast::FrameBoundKind::kPreceding;
  if (frame.unit == ast::FrameUnit::kRange) {
    to.offset = preceding ? -1 : 1;
    return bind_frame_place(from, lower);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*from.offset, inner_));
  if (!plan::columns_in(value).empty()) {
    return binder_.error(
        state::kInvalidColumnReference,
        fmt::format("argument of {} must not contain variables", unit_word(frame.unit)),
        from.offset->position);
  }
  FOREBAY_ASSIGN_OR_RETURN(ExprRef number,
                           binder_.coerce(value, data::kBigintType, Coercion::kAssignment));
  if (!number) {
    return binder_.error(state::kDatatypeMismatch,
                         fmt::format("argument of {} must be type bigint, not type {}",
                                     unit_word(frame.unit), Type{value->type.id}.name()),
                         from.offset->position);
  }
  number = expr::fold_constants(number);
  if (number->kind != expr::ExprKind::kLiteral) {
    return binder_.unsupported("a frame offset that is no constant is", function_.over->position,
                               "Write it as a number.");
  }
  const char* const which = lower ? "starting" : "ending";
  if (number->literal.is_null()) {
    return Status(kNullNotAllowed, fmt::format("frame {} offset must not be null", which));
  }
  const int64_t offset = std::get<int64_t>(number->literal.value);
  if (offset < 0) {
    return Status(kInvalidFrameOffset, fmt::format("frame {} offset must not be negative", which));
  }
  constexpr int64_t kFar = int64_t{1} << 40;
  to.offset = preceding ? -std::min(offset, kFar) : std::min(offset, kFar);
  return Status::ok();
}

Status Binder::OverBinder::bind_frame_place(const ast::FrameBound& from, bool lower) {
  BoundAggregate::Order& order = bound_.order[0];
  FOREBAY_ASSIGN_OR_RETURN(ExprRef value, binder_.bind(*from.offset, inner_));
  const int32_t at = from.offset->position;
  if (!plan::columns_in(value).empty()) {
    return binder_.error(state::kInvalidColumnReference,
                         "argument of RANGE must not contain variables", at);
  }
  const Type ordered = order.value->type;
  const RangeTypes types = range_types(ordered.id);
  ExprRef offset;
  if (types.value != TypeId::kUnknown) {
    if (value->type.id == TypeId::kUnknown && types.offset != TypeId::kInterval) {
      FOREBAY_ASSIGN_OR_RETURN(value, binder_.coerce(value, Type{ordered.id}, Coercion::kImplicit));
    }
    FOREBAY_ASSIGN_OR_RETURN(offset,
                             binder_.coerce(value, Type{types.offset}, Coercion::kImplicit));
  }
  if (!offset) {
    std::string what =
        fmt::format("RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
                    Type{ordered.id}.name());
    if (types.value == TypeId::kUnknown)
      return binder_.error(state::kFeatureNotSupported, what, at);
    what += fmt::format(" and offset type {}", Type{value->type.id}.name());
    return binder_.error(state::kFeatureNotSupported, what, at)
        .with_hint("Cast the offset value to an appropriate type.");
  }
  offset = expr::fold_constants(offset);
  if (offset->kind != expr::ExprKind::kLiteral) {
    return binder_.unsupported("a frame offset that is no constant is", at,
                               "Write it as a constant.");
  }
  if (offset->literal.is_null()) {
    return Status(kNullNotAllowed,
                  fmt::format("frame {} offset must not be null", lower ? "starting" : "ending"));
  }
  if (is_negative(offset->literal)) {
    return Status(kInvalidFrameOffset, "invalid preceding or following size in window function");
  }
  if (is_infinite(offset->literal)) {
    return binder_.unsupported("a frame offset that is infinite is", at, "Write UNBOUNDED.");
  }
  if (ordered.id != types.value) {
    FOREBAY_ASSIGN_OR_RETURN(order.value,
                             binder_.coerce(order.value, Type{types.value}, Coercion::kImplicit));
    FOREBAY_CHECK(order.value != nullptr, "a cast to a wider type");
  }
  const bool preceding = from.kind == ast::FrameBoundKind::kPreceding;
  const ExprRef column = expr::column(0, order.value->type);
  FOREBAY_ASSIGN_OR_RETURN(
      ExprRef place,
      binder_.apply_operator(preceding == order.descending ? "+" : "-", {column, offset}, at));
  FOREBAY_CHECK(place->type.id == types.value, "a place in the order of its column's type");
  (lower ? bound_.call.frame.lower : bound_.call.frame.upper).value = place;
  return Status::ok();
}

}  // namespace forebay::sql::binder
