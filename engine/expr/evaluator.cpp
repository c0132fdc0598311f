#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <numeric>
#include <utility>

#include "engine/expr/evaluation.h"

namespace forebay::expr {
namespace {

/// A cast that only changes the type's name (varchar as text).
bool is_relabel(const Node& node) {
  const Expr& expr = *node.expr;
  return expr.kind == ExprKind::kCall && expr.function->keeps_bits && expr.type.modifier < 0;
}

bool is_cheap(const Node& node) {
  const Expr& expr = *node.expr;
  switch (expr.kind) {
    case ExprKind::kColumn:
    case ExprKind::kLiteral:
      return true;
    case ExprKind::kCall:
      if (is_relabel(node)) break;
      if (!expr.function->takes_any_bits || expr.function->can_fail) return false;
      break;
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
    case ExprKind::kNot:
    case ExprKind::kAnd:
    case ExprKind::kOr:
      break;
    default:
      return false;
  }
  return std::all_of(node.children.begin(), node.children.end(),
                     [](const Node& child) { return child.cheap; });
}

}  // namespace

/// What allocate, fail and explain of a running kernel come back to.
struct Evaluation::CallFrame {
  Evaluation* evaluation;
  /// For a call that is computed once for all rows: the rows that fail with it. Else count is 0.
  Rows failing;
  /// Where the errors of the last fail start.
  size_t last_failed = 0;

  static char* allocate(void* context, size_t bytes) {
    Evaluation& evaluation = *static_cast<CallFrame*>(context)->evaluation;
    if (evaluation.arena_ == nullptr) evaluation.arena_ = std::make_shared<data::Arena>();
    data::Arena& arena = *evaluation.arena_;
    const size_t most = evaluation.most_bytes_;
    if (bytes > most || arena.bytes() > most - bytes) throw std::bad_alloc();
    return arena.allocate(bytes);
  }
  static void fail(void* context, uint32_t row, const char* sqlstate, const char* message,
                   size_t message_bytes) {
    CallFrame& frame = *static_cast<CallFrame*>(context);
    frame.last_failed = frame.evaluation->errors_->size();
    const auto state = data::SqlState::from_text({sqlstate, 5});
    const std::string_view text(message, message_bytes);
    if (frame.failing.count == 0) {
      frame.evaluation->record_failure(row, state, text);
    } else {
      for_rows(frame.failing,
               [&](uint32_t failing) { frame.evaluation->record_failure(failing, state, text); });
    }
  }
  static void explain(void* context, const char* detail, size_t detail_bytes, const char* hint,
                      size_t hint_bytes) {
    CallFrame& frame = *static_cast<CallFrame*>(context);
    std::vector<RowError>& errors = *frame.evaluation->errors_;
    for (size_t i = frame.last_failed; i < errors.size(); ++i) {
      errors[i].detail.assign(detail, detail_bytes);
      errors[i].hint.assign(hint, hint_bytes);
    }
  }
};

Evaluation::Evaluation(ExprRef expr, SharedResults* shared)
    : expr_(std::move(expr)), shared_(shared), root_(build(*expr_)), builder_(expr_->type) {
  Node* root = &root_;
  while (is_relabel(*root)) root = &root->children[0];
  root->is_root = root->shared == nullptr;
}

Node Evaluation::build(const Expr& expr) {
  Node node;
  node.expr = &expr;
  node.layout = data::layout_of(expr.type.id);
  node.width = data::width_of(node.layout);
  node.can_fail = can_fail(expr);
  for (const ExprRef& child : expr.children) {
    node.children.push_back(build(*child));
    node.argument_types.push_back(child->type);
  }
  node.argument_views.resize(node.children.size());
  if (expr.kind == ExprKind::kLiteral) node.literal = data::Column::constant(expr.literal, 1);
  if (expr.kind == ExprKind::kInList) build_in_set(node);
  node.cheap = is_cheap(node);
  if (shared_ != nullptr && expr.kind == ExprKind::kCall) node.shared = shared_->find(expr);
  return node;
}

void Evaluation::begin(const ChangeBatch& batch, const EvalContext& context,
                       std::vector<RowError>& errors) {
  batch_ = &batch;
  physical_rows_ = batch.physical_rows();
  environment_ = {context.now, context.user, context.database, context.search_path,
                  context.session};
  arena_ = nullptr;
  most_bytes_ = context.most_bytes;
  errors_ = &errors;
  if (failure_count_ > 0) std::fill(failed_.begin(), failed_.end(), 0);
  failure_count_ = 0;
  scratch_used_ = 0;
}

void Evaluation::end(size_t first_error) {
  if (failure_count_ > 1) {
    std::sort(errors_->begin() + static_cast<ptrdiff_t>(first_error), errors_->end(),
              [](const RowError& a, const RowError& b) { return a.row < b.row; });
  }
  batch_ = nullptr;
  errors_ = nullptr;
}

const uint32_t* Evaluation::counting_rows(uint32_t count) {
  if (counting_.size() < count) {
    counting_.resize(count);
    std::iota(counting_.begin(), counting_.end(), 0u);
  }
  return counting_.data();
}

Rows Evaluation::batch_rows() {
  if (const Selection* selection = batch_->selection()) {
    return {selection->data(), static_cast<uint32_t>(selection->size()),
            selection->size() == physical_rows_};
  }
  return {counting_rows(physical_rows_), physical_rows_, true};
}

void Evaluation::record_failure(uint32_t row, const data::SqlState& sqlstate,
                                std::string_view message) {
  if (failed_.size() < words()) failed_.resize(words());
  const uint64_t bit = uint64_t{1} << (row & 63);
  if ((failed_[row >> 6] & bit) != 0) return;
  failed_[row >> 6] |= bit;
  ++failure_count_;
  errors_->push_back({row, sqlstate, std::string(message), {}, {}});
}

Rows Evaluation::without_failed(Rows rows, size_t failures_before, Selection& memory) const {
  if (failure_count_ == failures_before) return rows;
  memory.clear();
  for_rows(rows, [&](uint32_t row) {
    if (!has_failed(row)) memory.push_back(row);
  });
  return {memory.data(), static_cast<uint32_t>(memory.size()), false};
}

Output Evaluation::output(Node& node, bool constant) {
  const uint32_t rows = constant ? 1 : std::max(physical_rows_, 1u);
  Output out;
  node.validity.assign(words(), ~uint64_t{0});
  out.validity = node.validity.data();
  if (node.is_root && !constant) {
    out.values = builder_.resize_bytes(physical_rows_);
  } else {
    const size_t bytes = size_t{rows} * node.width;
    if (node.value_bytes < bytes) {
      node.values = std::make_unique_for_overwrite<char[]>(bytes);
      node.value_bytes = bytes;
    }
    out.values = node.values.get();
  }
  // Rows that are not computed must not look like pointers, nor like a boolean of 204.
  if (node.layout == Layout::kString || node.layout == Layout::kBool) {
    std::memset(out.values, 0, size_t{std::min(rows, constant ? 1 : physical_rows_)} * node.width);
  }
  return out;
}

ColumnRef Evaluation::evaluate(const ChangeBatch& batch, const EvalContext& context,
                               std::vector<RowError>& errors) {
  begin(batch, context, errors);
  const size_t first_error = errors.size();
  Node* root = &root_;
  while (is_relabel(*root)) root = &root->children[0];
  ColumnRef result;
  if (root->expr->kind == ExprKind::kColumn) {
    result = data::Column::with_type(batch.columns()[root->expr->column], expr_->type);
  } else if (root->expr->kind == ExprKind::kLiteral) {
    result =
        data::Column::with_type(data::Column::resized(root->literal, physical_rows_), expr_->type);
  } else {
    const ColumnView view = eval(*root, batch_rows());
    if (view.step == 0) {
      data::ColumnBuilder constant(expr_->type, 1);
      constant.append_from(view, 0);
      if (root->layout == Layout::kString) keep_string_sources(*root, constant);
      result = constant.finish_constant(physical_rows_);
    } else {
      if (root->shared != nullptr) {
        std::memcpy(builder_.resize_bytes(physical_rows_), view.values,
                    size_t{physical_rows_} * root->width);
      }
      builder_.set_validity(view.validity);
      if (root->layout == Layout::kString) keep_string_sources(*root, builder_);
      result = builder_.finish();
    }
  }
  end(first_error);
  return result;
}

Selection Evaluation::select(const ChangeBatch& batch, const EvalContext& context,
                             std::vector<RowError>& errors) {
  begin(batch, context, errors);
  const size_t first_error = errors.size();
  Selection out;
  const bool is_root = std::exchange(root_.is_root, false);  // the boolean column itself is scratch
  select_node(root_, batch_rows(), out);
  root_.is_root = is_root;
  end(first_error);
  return out;
}

void Evaluation::keep_string_sources(const Node& node, data::ColumnBuilder& builder) const {
  const Expr& expr = *node.expr;
  size_t first = 0;
  size_t step = 1;
  switch (expr.kind) {
    case ExprKind::kColumn:
      builder.keep_arenas(batch_->column(expr.column));
      return;
    case ExprKind::kLiteral:
      builder.keep_arenas(*node.literal);
      return;
    case ExprKind::kCall:
      if (arena_ != nullptr) builder.keep(arena_);
      if (node.shared != nullptr) {
        for (const data::ArenaRef& arena : node.shared->arenas) builder.keep(arena);
      }
      if (!is_relabel(node) && !expr.function->shares_arguments) return;
      break;
    case ExprKind::kCase:
      first = 1;
      step = 2;
      if (node.children.size() % 2 == 1) keep_string_sources(node.children.back(), builder);
      break;
    case ExprKind::kCoalesce:
      break;
    default:
      return;
  }
  for (size_t i = first; i < node.children.size(); i += step) {
    if (node.children[i].layout == Layout::kString) keep_string_sources(node.children[i], builder);
  }
}

ColumnView Evaluation::eval(Node& node, Rows rows) {
  const Expr& expr = *node.expr;
  switch (expr.kind) {
    case ExprKind::kColumn:
      return batch_->column(expr.column).view();
    case ExprKind::kLiteral:
      return node.literal->view();
    case ExprKind::kParameter:
      FOREBAY_CHECK(false, fmt::format("parameter ${} is not bound", expr.column + 1));
      break;
    case ExprKind::kCall:
      return node.shared == nullptr ? eval_call(node, rows) : eval_shared(node, rows);
    case ExprKind::kAnd:
    case ExprKind::kOr:
      return eval_and_or(node, rows);
    case ExprKind::kNot:
      return eval_not(node, rows);
    case ExprKind::kIsNull:
    case ExprKind::kIsNotNull:
      return eval_is_null(node, rows);
    case ExprKind::kIsDistinctFrom:
    case ExprKind::kIsNotDistinctFrom:
      return eval_distinct(node, rows);
    case ExprKind::kCase:
      return eval_case(node, rows);
    case ExprKind::kCoalesce:
      return eval_coalesce(node, rows);
    case ExprKind::kInList:
      return eval_in_list(node, rows);
  }
  return {};
}

void Evaluation::call_kernel(Node& node, Rows rows, Rows failing, Output& out) {
  CallFrame frame{this, failing};
  const udfs::ScalarCall call{
      .arguments = node.argument_views.data(),
      .argument_types = node.argument_types.data(),
      .argument_count = static_cast<uint32_t>(node.argument_views.size()),
      .rows = rows.rows,
      .row_count = rows.count,
      .dense = rows.dense,
      .result_type = node.expr->type,
      .result = out.values,
      .result_validity = out.validity,
      .result_has_nulls = &out.has_nulls,
      .allocate = &CallFrame::allocate,
      .fail = &CallFrame::fail,
      .context = &frame,
      .environment = &environment_,
      .explain = &CallFrame::explain,
  };
  node.expr->function->kernel(call);
}

ColumnView Evaluation::eval_call(Node& node, Rows rows) {
  if (is_relabel(node)) return eval(node.children[0], rows);
  ScratchRows live(*this);
  bool constant = node.expr->function->volatility != udfs::Volatility::kVolatile;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const size_t failures = failure_count_;
    node.argument_views[i] = eval(node.children[i], rows);
    constant = constant && node.argument_views[i].step == 0;
    if (failure_count_ != failures) {
      // The filtered rows may themselves be in `live`: filtering in place is safe front to back.
      ScratchRows filtered(*this);
      without_failed(rows, failures, *filtered);
      live->swap(*filtered);
      rows = live.rows();
    }
  }
  if (constant) return eval_constant_call(node, rows);
  if (node.expr->function->null_rule == udfs::NullRule::kStrict) return run_strict(node, rows);
  Output out = output(node);
  if (rows.count > 0) call_kernel(node, rows, {}, out);
  return out.view();
}

ColumnView Evaluation::eval_constant_call(Node& node, Rows rows) {
  Output out = output(node, /*constant=*/true);
  if (rows.count == 0) {
    std::memset(out.values, 0, node.width);
    return out.view(0);
  }
  if (node.expr->function->null_rule == udfs::NullRule::kStrict) {
    for (const ColumnView& view : node.argument_views) {
      if (view.is_null(0)) {
        std::memset(out.values, 0, node.width);
        out.set_null(0);
        return out.view(0);
      }
    }
  }
  call_kernel(node, {counting_rows(1), 1, true}, rows, out);
  return out.view(0);
}

ColumnView Evaluation::run_strict(Node& node, Rows rows) {
  Output out = output(node);
  if (rows.count == 0) return out.view();
  bool nullable = false;
  for (const ColumnView& view : node.argument_views) {
    if (view.validity == nullptr) continue;
    if (view.step == 0) {
      if (!view.is_null(0)) continue;
      std::fill(node.validity.begin(), node.validity.end(), 0);
      out.has_nulls = true;
      return out.view();
    }
    nullable = true;
    for (size_t w = 0; w < size_t{physical_rows_ + 63} / 64; ++w) {
      out.validity[w] &= view.validity[w];
    }
  }
  out.has_nulls = nullable;
  if (node.expr->function->takes_any_bits && (nullable || !rows.dense)) {
    if (size_t{rows.count} * 2 >= physical_rows_) {
      rows = {counting_rows(physical_rows_), physical_rows_, true};
    }
    call_kernel(node, rows, {}, out);
    return out.view();
  }
  ScratchRows present(*this);
  if (nullable) {
    present->resize(rows.count);
    uint32_t* target = present->data();
    size_t count = 0;
    for_rows(rows, [&](uint32_t row) {
      target[count] = row;
      count += out.validity[row >> 6] >> (row & 63) & 1;
    });
    present->resize(count);
    if (count < rows.count) rows = present.rows();
  }
  if (rows.count > 0) call_kernel(node, rows, {}, out);
  return out.view();
}

ColumnView Evaluation::eval_shared(Node& node, Rows rows) {
  SharedResults::Slot& slot = *node.shared;
  ScratchRows missing(*this);
  for_rows(rows, [&](uint32_t row) {
    if ((slot.computed[row >> 6] >> (row & 63) & 1) == 0) missing->push_back(row);
  });
  if (!missing->empty()) {
    const size_t failures = failure_count_;
    const bool all = missing->size() == rows.count;
    const ColumnView view = eval_call(node, all ? rows : missing.rows());
    if (view.step == 0) return view;
    ScratchRows live(*this);
    const Rows fresh = without_failed(missing.rows(), failures, *live);
    Output out{slot.values.get(), slot.validity.data(), slot.has_nulls};
    copy_rows(node.width, view, fresh, out);
    slot.has_nulls = out.has_nulls;
    for_rows(fresh, [&](uint32_t row) { slot.computed[row >> 6] |= uint64_t{1} << (row & 63); });
    const bool is_new = arena_ != nullptr && (slot.arenas.empty() || slot.arenas.back() != arena_);
    if (is_new) slot.arenas.push_back(arena_);
  }
  return {slot.values.get(), slot.has_nulls ? slot.validity.data() : nullptr, 1};
}

struct Evaluator::Impl : Evaluation {
  using Evaluation::Evaluation;
};

Evaluator::Evaluator(ExprRef expr, SharedResults* shared)
    : impl_(std::make_unique<Impl>(std::move(expr), shared)) {}
Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;

ColumnRef Evaluator::evaluate(const ChangeBatch& batch, const EvalContext& context,
                              std::vector<RowError>& errors) {
  return impl_->evaluate(batch, context, errors);
}

Selection Evaluator::select(const ChangeBatch& batch, const EvalContext& context,
                            std::vector<RowError>& errors) {
  return impl_->select(batch, context, errors);
}

data::Result<Datum> evaluate_constant(const ExprRef& expr, const EvalContext& context) {
  ChangeBatch one_row({}, 1);
  std::vector<RowError> errors;
  try {
    ColumnRef value = Evaluator(expr).evaluate(one_row, context, errors);
    if (!errors.empty()) return errors[0].to_status();
    return value->datum(0);
  } catch (const std::bad_alloc&) {
    return data::Status(data::sqlstate::kOutOfMemory, "out of memory");
  }
}

}  // namespace forebay::expr
