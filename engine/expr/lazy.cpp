#include <algorithm>

#include "engine/expr/evaluation.h"

/// AND, OR, NOT, IS NULL, CASE, COALESCE and filters: what decides which rows are computed at all.
namespace forebay::expr {
namespace {

bool byte_at(const ColumnView& view, uint32_t row) { return view.at<uint8_t>(row) != 0; }

/// Copies values of `rows` from a view into an output of the same layout.
template <typename T>
void copy_values(const ColumnView& source, Rows rows, char* target) {
  T* out = reinterpret_cast<T*>(target);
  const T* values = static_cast<const T*>(source.values);
  if (source.step == 0) {
    const T value = values[0];
    for_rows(rows, [&](uint32_t row) { out[row] = value; });
  } else {
    for_rows(rows, [&](uint32_t row) { out[row] = values[row]; });
  }
}

/// Combines one more operand into an AND or OR, three-valued. `deciding` is what settles the
/// result: false for AND, true for OR.
void combine(const ColumnView& operand, Rows rows, uint8_t deciding, Output& out) {
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  if (operand.validity == nullptr && !out.has_nulls && rows.dense && operand.step == 1) {
    const auto* __restrict bytes = static_cast<const uint8_t*>(operand.values);
    if (deciding == 0) {
      for (uint32_t row = 0; row < rows.count; ++row) values[row] &= bytes[row];
    } else {
      for (uint32_t row = 0; row < rows.count; ++row) values[row] |= bytes[row];
    }
    return;
  }
  for_rows(rows, [&](uint32_t row) {
    const uint64_t bit = uint64_t{1} << (row & 63);
    const bool is_null = (out.validity[row >> 6] & bit) == 0;
    if (!is_null && values[row] == deciding) return;
    if (operand.is_null(row)) {
      out.set_null(row);
    } else if (operand.at<uint8_t>(row) == deciding) {
      values[row] = deciding;
      out.validity[row >> 6] |= bit;
    }
  });
}

/// 64 bytes of 0 or 1 as bits.
uint64_t bits_of(const uint8_t* bytes) {
  uint64_t bits = 0;
  for (int i = 0; i < 8; ++i) {
    uint64_t word;
    std::memcpy(&word, bytes + 8 * i, 8);
    bits |= ((word * 0x0102040810204080ull) >> 56) << (8 * i);
  }
  return bits;
}

}  // namespace

void copy_rows(uint32_t width, const ColumnView& source, Rows rows, Output& out) {
  if (rows.count == 0) return;
  switch (width) {
    case 1:
      copy_values<uint8_t>(source, rows, out.values);
      break;
    case 4:
      copy_values<uint32_t>(source, rows, out.values);
      break;
    case 8:
      copy_values<uint64_t>(source, rows, out.values);
      break;
    case 16:
      copy_values<data::Interval>(source, rows, out.values);
      break;
    default:
      copy_values<data::Numeric>(source, rows, out.values);
      break;
  }
  if (source.validity == nullptr) return;
  for_rows(rows, [&](uint32_t row) {
    if (source.is_null(row)) out.set_null(row);
  });
}

void append_true_rows(const ColumnView& view, Rows rows, Selection& out) {
  if (view.step == 0) {
    if (rows.count == 0 || view.is_null(0) || !byte_at(view, 0)) return;
    for_rows(rows, [&](uint32_t row) { out.push_back(row); });
    return;
  }
  size_t count = out.size();
  out.resize(count + rows.count + 8);
  uint32_t* target = out.data();
  const auto* bytes = static_cast<const uint8_t*>(view.values);
  uint32_t row = 0;
  if (rows.dense) {
    for (; row + 64 <= rows.count; row += 64) {
      uint64_t bits = bits_of(bytes + row);
      if (view.validity != nullptr) bits &= view.validity[row >> 6];
      if (bits == 0) continue;
      for (uint32_t i = 0; i < 64; ++i) {
        target[count] = row + i;
        count += bits >> i & 1;
      }
    }
  }
  auto consider = [&](uint32_t at) {
    target[count] = at;
    count += (bytes[at] != 0) & !view.is_null(at);
  };
  if (rows.dense) {
    for (; row < rows.count; ++row) consider(row);
  } else {
    for (uint32_t i = 0; i < rows.count; ++i) consider(rows.rows[i]);
  }
  out.resize(count);
}

void Evaluation::select_node(Node& node, Rows rows, Selection& out) {
  const bool cascades = node.expr->kind == ExprKind::kAnd && !node.children.empty() &&
                        std::none_of(node.children.begin() + 1, node.children.end(),
                                     [](const Node& child) { return child.can_fail; });
  if (cascades) {
    // A row where one operand is not true is out, whatever the later ones say.
    ScratchRows first(*this);
    ScratchRows second(*this);
    Selection* current = &*first;
    Selection* next = &*second;
    for (size_t i = 0; i + 1 < node.children.size(); ++i) {
      next->clear();
      select_node(node.children[i], rows, *next);
      std::swap(current, next);
      rows = {current->data(), static_cast<uint32_t>(current->size()), false};
      if (rows.count == 0) return;
    }
    select_node(node.children.back(), rows, out);
    return;
  }
  const size_t failures = failure_count_;
  const ColumnView view = eval(node, rows);
  ScratchRows live(*this);
  append_true_rows(view, without_failed(rows, failures, *live), out);
}

ColumnView Evaluation::eval_and_or(Node& node, Rows rows) {
  const uint8_t deciding = node.expr->kind == ExprKind::kAnd ? 0 : 1;
  Output out = output(node);
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  ScratchRows live(*this);
  ScratchRows open(*this);
  for (size_t i = 0; i < node.children.size(); ++i) {
    Node& child = node.children[i];
    Rows wanted = rows;
    const bool lazy = i > 0 && !child.cheap;
    if (lazy) {
      open->clear();
      for_rows(rows, [&](uint32_t row) {
        const bool is_null = (out.validity[row >> 6] >> (row & 63) & 1) == 0;
        if (is_null || values[row] != deciding) open->push_back(row);
      });
      if (open->empty()) break;
      if (open->size() < rows.count) wanted = open.rows();
    }
    const size_t failures = failure_count_;
    const ColumnView operand = eval(child, wanted);
    if (failure_count_ != failures) {
      ScratchRows filtered(*this);
      without_failed(rows, failures, *filtered);
      live->swap(*filtered);
      rows = live.rows();
      open->erase(
          std::remove_if(open->begin(), open->end(), [&](uint32_t row) { return has_failed(row); }),
          open->end());
      wanted = lazy ? open.rows() : rows;
    }
    if (i == 0) {
      copy_rows(1, operand, rows, out);
    } else {
      combine(operand, wanted, deciding, out);
    }
  }
  return out.view();
}

ColumnView Evaluation::eval_not(Node& node, Rows rows) {
  const size_t failures = failure_count_;
  const ColumnView operand = eval(node.children[0], rows);
  ScratchRows live(*this);
  rows = without_failed(rows, failures, *live);
  Output out = output(node);
  copy_rows(1, operand, rows, out);
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  for_rows(rows, [&](uint32_t row) { values[row] ^= 1; });
  return out.view();
}

ColumnView Evaluation::eval_is_null(Node& node, Rows rows) {
  const size_t failures = failure_count_;
  const ColumnView operand = eval(node.children[0], rows);
  ScratchRows live(*this);
  rows = without_failed(rows, failures, *live);
  Output out = output(node);
  auto* values = reinterpret_cast<uint8_t*>(out.values);
  const bool wanted = node.expr->kind == ExprKind::kIsNull;
  if (operand.validity == nullptr) {
    for_rows(rows, [&](uint32_t row) { values[row] = !wanted; });
  } else {
    for_rows(rows, [&](uint32_t row) { values[row] = operand.is_null(row) == wanted; });
  }
  return out.view();
}

ColumnView Evaluation::eval_case(Node& node, Rows rows) {
  Output out = output(node);
  ScratchRows first(*this);
  ScratchRows second(*this);
  ScratchRows matched(*this);
  ScratchRows filtered(*this);
  Selection* spare = &*first;
  Selection* other = &*second;
  size_t i = 0;
  for (; i + 1 < node.children.size() && rows.count > 0; i += 2) {
    size_t failures = failure_count_;
    const ColumnView condition = eval(node.children[i], rows);
    matched->clear();
    spare->clear();
    for_rows(rows, [&](uint32_t row) {
      if (failure_count_ != failures && has_failed(row)) return;
      const bool is_true = !condition.is_null(row) && byte_at(condition, row);
      (is_true ? *matched : *spare).push_back(row);
    });
    rows = {spare->data(), static_cast<uint32_t>(spare->size()), false};
    std::swap(spare, other);
    if (matched->empty()) continue;
    failures = failure_count_;
    const ColumnView value = eval(node.children[i + 1], matched.rows());
    copy_rows(node.width, value, without_failed(matched.rows(), failures, *filtered), out);
  }
  if (rows.count == 0) return out.view();
  if (node.children.size() % 2 == 0) {
    for_rows(rows, [&](uint32_t row) { out.set_null(row); });
    return out.view();
  }
  const size_t failures = failure_count_;
  const ColumnView value = eval(node.children.back(), rows);
  copy_rows(node.width, value, without_failed(rows, failures, *filtered), out);
  return out.view();
}

ColumnView Evaluation::eval_coalesce(Node& node, Rows rows) {
  Output out = output(node);
  ScratchRows first(*this);
  ScratchRows second(*this);
  ScratchRows present(*this);
  Selection* spare = &*first;
  Selection* other = &*second;
  for (Node& child : node.children) {
    if (rows.count == 0) break;
    const size_t failures = failure_count_;
    const ColumnView value = eval(child, rows);
    present->clear();
    spare->clear();
    for_rows(rows, [&](uint32_t row) {
      if (failure_count_ != failures && has_failed(row)) return;
      (value.is_null(row) ? *spare : *present).push_back(row);
    });
    copy_rows(node.width, value, present.rows(), out);
    rows = {spare->data(), static_cast<uint32_t>(spare->size()), false};
    std::swap(spare, other);
  }
  for_rows(rows, [&](uint32_t row) { out.set_null(row); });
  return out.view();
}

}  // namespace forebay::expr
