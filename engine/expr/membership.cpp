#include <algorithm>
#include <cmath>

#include "engine/data/datetime.h"
#include "engine/data/numeric.h"
#include "engine/expr/evaluation.h"

/// IS [NOT] DISTINCT FROM and IN: equality of values of one layout.
namespace forebay::expr {

bool same_value(data::TypeId type, const ColumnView& a, uint32_t row_a, const ColumnView& b,
                uint32_t row_b) {
  if (data::ordering_of(type) != data::Ordering::kLayout) {
    return data::compare_ordered(type, a.at<data::StringView>(row_a).view(),
                                 b.at<data::StringView>(row_b).view()) == 0;
  }
  switch (data::layout_of(type)) {
    case Layout::kBool:
      return a.at<uint8_t>(row_a) == b.at<uint8_t>(row_b);
    case Layout::kInt32:
      return a.at<int32_t>(row_a) == b.at<int32_t>(row_b);
    case Layout::kInt64:
      return a.at<int64_t>(row_a) == b.at<int64_t>(row_b);
    case Layout::kDouble: {
      const double x = a.at<double>(row_a);
      const double y = b.at<double>(row_b);
      return x == y || (std::isnan(x) && std::isnan(y));
    }
    case Layout::kNumeric:
      return data::compare(a.at<data::Numeric>(row_a), b.at<data::Numeric>(row_b)) == 0;
    case Layout::kString:
      return a.at<data::StringView>(row_a) == b.at<data::StringView>(row_b);
    case Layout::kInterval:
      return data::compare(a.at<data::Interval>(row_a), b.at<data::Interval>(row_b)) == 0;
  }
  return false;
}

ColumnView Evaluation::eval_distinct(Node& node, Rows rows) {
  ScratchRows live_a(*this);
  ScratchRows live_b(*this);
  size_t failures = failure_count_;
  const ColumnView a = eval(node.children[0], rows);
  rows = without_failed(rows, failures, *live_a);
  failures = failure_count_;
  const ColumnView b = eval(node.children[1], rows);
  rows = without_failed(rows, failures, *live_b);
  Output out = output(node);
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  const bool distinct = node.expr->kind == ExprKind::kIsDistinctFrom;
  const data::TypeId type = node.children[0].expr->type.id;
  for_rows(rows, [&](uint32_t row) {
    const bool null_a = a.is_null(row);
    const bool null_b = b.is_null(row);
    const bool same = null_a || null_b ? null_a == null_b : same_value(type, a, row, b, row);
    values[row] = same != distinct;
  });
  return out.view();
}

void Evaluation::build_in_set(Node& node) {
  const Layout layout = node.children[0].layout;
  const bool fits =
      layout == Layout::kInt32 || layout == Layout::kInt64 || layout == Layout::kString;
  if (!fits || data::ordering_of(node.children[0].expr->type.id) != data::Ordering::kLayout) return;
  auto set = std::make_unique<InSet>();
  for (size_t i = 1; i < node.children.size(); ++i) {
    const Expr& item = *node.children[i].expr;
    if (item.kind != ExprKind::kLiteral) return;
    if (item.literal.is_null()) {
      set->has_null = true;
    } else if (layout == Layout::kInt32) {
      set->integers.push_back(std::get<int32_t>(item.literal.value));
    } else if (layout == Layout::kInt64) {
      set->integers.push_back(std::get<int64_t>(item.literal.value));
    } else {
      set->strings.push_back(std::get<std::string>(item.literal.value));
    }
  }
  std::sort(set->integers.begin(), set->integers.end());
  std::sort(set->strings.begin(), set->strings.end());
  node.in_set = std::move(set);
}

namespace {

/// Looks every row up; short lists are scanned, which costs no branches.
template <typename T, typename Stored, typename Get>
void look_up(const ColumnView& subject, Rows rows, const std::vector<T>& sorted, bool has_null,
             Output& out, Get get) {
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  const bool scan = sorted.size() <= 8;
  for_rows(rows, [&](uint32_t row) {
    if (subject.is_null(row)) {
      out.set_null(row);
      return;
    }
    const T value = get(subject.at<Stored>(row));
    const bool found = scan ? std::find(sorted.begin(), sorted.end(), value) != sorted.end()
                            : std::binary_search(sorted.begin(), sorted.end(), value);
    values[row] = found;
    if (!found && has_null) out.set_null(row);
  });
}

}  // namespace

ColumnView Evaluation::eval_in_set(Node& node, Rows rows) {
  const size_t failures = failure_count_;
  const ColumnView subject = eval(node.children[0], rows);
  ScratchRows live(*this);
  rows = without_failed(rows, failures, *live);
  Output out = output(node);
  const InSet& set = *node.in_set;
  switch (node.children[0].layout) {
    case Layout::kInt32:
      look_up<int64_t, int32_t>(subject, rows, set.integers, set.has_null, out,
                                [](int32_t value) { return int64_t{value}; });
      break;
    case Layout::kInt64:
      look_up<int64_t, int64_t>(subject, rows, set.integers, set.has_null, out,
                                [](int64_t value) { return value; });
      break;
    default:
      look_up<std::string_view, data::StringView>(
          subject, rows, set.strings, set.has_null, out,
          [](const data::StringView& value) { return value.view(); });
      break;
  }
  return out.view();
}

ColumnView Evaluation::eval_in_list(Node& node, Rows rows) {
  if (node.in_set != nullptr) return eval_in_set(node, rows);
  ScratchRows open(*this);
  ScratchRows next(*this);
  ScratchRows live(*this);
  const size_t failures = failure_count_;
  const ColumnView subject = eval(node.children[0], rows);
  rows = without_failed(rows, failures, *live);
  Output out = output(node);
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  const data::TypeId type = node.children[0].expr->type.id;
  for_rows(rows, [&](uint32_t row) {
    values[row] = 0;
    if (subject.is_null(row)) out.set_null(row);
    open->push_back(row);
  });
  // As x = a OR x = b ...: an item is computed for the rows that no earlier one has settled.
  for (size_t i = 1; i < node.children.size() && !open->empty(); ++i) {
    const ColumnView item = eval(node.children[i], open.rows());
    next->clear();
    for (const uint32_t row : *open) {
      if (has_failed(row)) continue;
      if (!subject.is_null(row) && !item.is_null(row) &&
          same_value(type, subject, row, item, row)) {
        values[row] = 1;
        out.validity[row >> 6] |= uint64_t{1} << (row & 63);
        continue;
      }
      if (item.is_null(row)) out.set_null(row);
      next->push_back(row);
    }
    open->swap(*next);
  }
  return out.view();
}

}  // namespace forebay::expr
