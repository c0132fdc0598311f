#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/select_state.h"

/// GROUP BY with GROUPING SETS, ROLLUP and CUBE, and GROUPING(). The input goes once per set into
/// one aggregation over copies of the group columns, which are NULL in the sets without them, and
/// the number of the set.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

namespace {

constexpr size_t kMostSets = 4096;
constexpr size_t kMostCubed = 12;
constexpr size_t kMostGroupingArguments = 31;

using Set = std::vector<size_t>;

Set joined(Set a, const Set& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  a.erase(std::unique(a.begin(), a.end()), a.end());
  return a;
}

}  // namespace

Result<Binder::GroupingSet> Binder::bind_group_element(SelectState& state,
                                                       const ast::Expr& element) {
  GroupingSet set;
  if (element.kind == ast::ExprKind::kRow && !ast::as<ast::Row>(element).explicit_row) {
    for (const auto& part : ast::as<ast::Row>(element).items) {
      FOREBAY_ASSIGN_OR_RETURN(size_t group, add_group(state, *part));
      set.push_back(group);
    }
    return joined(std::move(set), {});
  }
  FOREBAY_ASSIGN_OR_RETURN(size_t group, add_group(state, element));
  set.push_back(group);
  return set;
}

Result<std::vector<Binder::GroupingSet>> Binder::bind_group_sets(SelectState& state,
                                                                 const ast::GroupItem& item) {
  std::vector<GroupingSet> sets;
  std::vector<GroupingSet> elements;
  if (item.kind == ast::GroupItemKind::kEmpty) return std::vector<GroupingSet>{{}};
  for (const auto& expression : item.expressions) {
    FOREBAY_ASSIGN_OR_RETURN(GroupingSet element, bind_group_element(state, *expression));
    elements.push_back(std::move(element));
  }
  switch (item.kind) {
    case ast::GroupItemKind::kEmpty:
      break;
    case ast::GroupItemKind::kExpression:
      sets = std::move(elements);
      break;
    case ast::GroupItemKind::kRollup: {
      GroupingSet prefix;
      sets.push_back(prefix);
      for (const GroupingSet& element : elements) {
        prefix = joined(std::move(prefix), element);
        sets.push_back(prefix);
      }
      std::reverse(sets.begin(), sets.end());
      break;
    }
    case ast::GroupItemKind::kCube:
      if (elements.size() > kMostCubed) {
        return error(state::kTooManyColumns,
                     fmt::format("CUBE is limited to {} elements", kMostCubed), item.position);
      }
      for (size_t chosen = size_t{1} << elements.size(); chosen-- > 0;) {
        GroupingSet set;
        for (size_t i = 0; i < elements.size(); ++i) {
          if ((chosen >> i & 1) != 0) set = joined(std::move(set), elements[i]);
        }
        sets.push_back(std::move(set));
      }
      break;
    case ast::GroupItemKind::kGroupingSets:
      for (const ast::GroupItem& inner : item.sets) {
        FOREBAY_ASSIGN_OR_RETURN(auto more, bind_group_sets(state, inner));
        sets.insert(sets.end(), more.begin(), more.end());
      }
      break;
  }
  return sets;
}

Status Binder::bind_group_by(SelectState& state, const ast::Select& select) {
  std::vector<GroupingSet> sets{{}};
  bool plain = true;
  for (const ast::GroupItem& item : select.group_by) {
    plain &= item.kind == ast::GroupItemKind::kExpression;
    FOREBAY_ASSIGN_OR_RETURN(std::vector<GroupingSet> own, bind_group_sets(state, item));
    if (sets.size() * own.size() > kMostSets) {
      return error(state::kTooComplex,
                   fmt::format("too many grouping sets present (maximum {})", kMostSets),
                   item.position);
    }
    std::vector<GroupingSet> product;
    for (const GroupingSet& set : sets) {
      for (const GroupingSet& other : own) product.push_back(joined(set, other));
    }
    sets = std::move(product);
  }
  if (select.group_distinct) {
    std::vector<GroupingSet> once;
    for (GroupingSet& set : sets) {
      if (std::find(once.begin(), once.end(), set) == once.end()) once.push_back(std::move(set));
    }
    sets = std::move(once);
  }
  if (plain) return Status::ok();
  // One set of all groups is a plain GROUP BY, and one of none has always one row.
  if (sets.size() == 1 && sets[0].size() == state.groups.size()) {
    state.scalar = state.groups.empty();
    return Status::ok();
  }
  state.sets = std::move(sets);
  return Status::ok();
}

Result<ExprRef> Binder::bind_grouping(const ast::Function& function, const ExprContext& context) {
  if (context.aggregates == nullptr) {
    return error(state::kGroupingError,
                 fmt::format("grouping operations are not allowed {}",
                             context.clause == Clause::kWhere ? "in WHERE" : "here"),
                 function.position);
  }
  if (function.args.size() > kMostGroupingArguments) {
    return error(data::SqlState{"54023"}, "GROUPING must have fewer than 32 arguments",
                 function.position);
  }
  AggregateState::GroupingCall call;
  ExprContext inner = context;
  inner.clause = Clause::kGroupBy;
  inner.aggregates = nullptr;
  for (const ast::FunctionArg& argument : function.args) {
    FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*argument.value, inner));
    FOREBAY_ASSIGN_OR_RETURN(value, settle_unknown(value));
    call.arguments.push_back(std::move(value));
    call.positions.push_back(leftmost_position(*argument.value));
  }
  call.output = columns_.make("grouping", data::kIntegerType);
  context.aggregates->groupings.push_back(call);
  return plan::column_ref(call.output);
}

/// GROUPING's columns become what their sets say: the bit of an argument is 1 where it isn't
/// grouped.
Status Binder::bind_grouping_calls(SelectState& state) {
  plan::Replacements replacements;
  for (const AggregateState::GroupingCall& call : state.aggregates.groupings) {
    std::vector<size_t> groups;
    for (size_t i = 0; i < call.arguments.size(); ++i) {
      size_t at = 0;
      while (at < state.groups.size() && !expr::equal(*state.groups[at], *call.arguments[i])) ++at;
      if (at == state.groups.size()) {
        return error(state::kGroupingError,
                     "arguments to GROUPING must be grouping expressions of the associated query "
                     "level",
                     call.positions[i]);
      }
      groups.push_back(at);
    }
    auto bits_of = [&](const GroupingSet& set) {
      int32_t bits = 0;
      for (size_t group : groups) {
        bits =
            bits << 1 | static_cast<int32_t>(std::find(set.begin(), set.end(), group) == set.end());
      }
      return expr::literal({data::kIntegerType, bits});
    };
    ExprRef value = expr::literal({data::kIntegerType, int32_t{0}});
    if (!state.sets.empty()) {
      std::vector<ExprRef> branches;
      for (size_t k = 0; k + 1 < state.sets.size(); ++k) {
        ExprRef number = expr::literal({data::kIntegerType, static_cast<int32_t>(k)});
        FOREBAY_ASSIGN_OR_RETURN(
            ExprRef is_set, apply_operator("=", {plan::column_ref(*state.set_column), number}, 0));
        branches.push_back(is_set);
        branches.push_back(bits_of(state.sets[k]));
      }
      branches.push_back(bits_of(state.sets.back()));
      value = branches.size() == 1 ? branches[0]
                                   : expr::case_when(data::kIntegerType, std::move(branches));
    }
    replacements[call.output.id] = value;
  }
  if (replacements.empty()) return Status::ok();
  auto replace = [&](ExprRef& value) {
    if (value) value = plan::replace_columns(value, replacements);
  };
  for (SelectItem& item : state.items) {
    const ExprRef before = item.value;
    replace(item.value);
    for (auto& order : state.order) {
      if (order.value == before) order.value = item.value;
    }
    for (ExprRef& on : state.distinct_on) {
      if (on == before) on = item.value;
    }
  }
  for (auto& order : state.order) replace(order.value);
  for (ExprRef& on : state.distinct_on) replace(on);
  auto replace_in_plan = [&](NodeRef& plan) {
    if (!plan) return;
    plan = plan::map_expressions(
        plan, [&](const ExprRef& value) { return plan::replace_columns(value, replacements); });
  };
  for (PendingSubquery& pending : state.pending) replace_in_plan(pending.plan);
  for (ConditionStep& step : state.having) {
    for (PendingSubquery& pending : step.pending) replace_in_plan(pending.plan);
    replace(step.predicate);
    replace_in_plan(step.plan);
  }
  return Status::ok();
}

Status Binder::expand_groups(SelectState& state) {
  // The groups' values get columns below, of which the copies are made.
  Columns columns = state.plan->columns;
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  plan::Expand model;
  for (size_t i = 0; i < state.groups.size(); ++i) {
    const ExprRef& group = state.groups[i];
    if (group->kind == ExprKind::kColumn &&
        plan::find_column(state.plan->columns, group->column) != plan::kNoColumn) {
      model.sources.push_back(group->column);
    } else {
      columns.push_back(columns_.make(state.group_columns[i].name, group->type));
      values.push_back(group);
      model.sources.push_back(columns.back().id);
    }
    model.copies.push_back(state.group_columns[i]);
  }
  if (columns.size() > state.plan->columns.size()) {
    state.plan = plan::make_project(state.plan, columns, std::move(values));
  }
  bool has_empty = false;
  for (const GroupingSet& set : state.sets) {
    model.sets.emplace_back(state.groups.size(), false);
    for (size_t group : set) model.sets.back()[group] = true;
    has_empty |= set.empty();
  }
  model.set = *state.set_column;
  NodeRef expanded = plan::make_expand(state.plan, model);
  if (!has_empty) {
    state.plan = std::move(expanded);
    return Status::ok();
  }
  // A group of no columns has a row without any input: one row per empty set, which the aggregates
  // leave out.
  state.real_column = columns_.make("real", data::kBooleanType);
  Columns with_mark = expanded->columns;
  std::vector<ExprRef> given;
  for (const Column& column : with_mark) given.push_back(plan::column_ref(column));
  Column mark = columns_.make("real", data::kBooleanType);
  with_mark.push_back(mark);
  given.push_back(plan::boolean_literal(true));
  Columns out = expanded->columns;
  out.push_back(*state.real_column);
  Columns unreal;
  for (const Column& column : out) unreal.push_back(columns_.make(column.name, column.type));
  std::vector<std::vector<ExprRef>> rows;
  for (size_t k = 0; k < state.sets.size(); ++k) {
    if (!state.sets[k].empty()) continue;
    rows.emplace_back();
    for (const Column& column : expanded->columns) {
      rows.back().push_back(expr::literal(
          column.id == model.set.id ? data::Datum{data::kIntegerType, static_cast<int32_t>(k)}
                                    : data::Datum::null(column.type)));
    }
    rows.back().push_back(plan::boolean_literal(false));
  }
  // The union gives the numbers that the rest of the query knows, its inputs have their own.
  std::vector<std::vector<ColumnId>> sources(2);
  for (const Column& column : with_mark) sources[0].push_back(column.id);
  for (const Column& column : unreal) sources[1].push_back(column.id);
  NodeRef real = plan::make_project(std::move(expanded), with_mark, std::move(given));
  NodeRef phantom = plan::make_values(std::move(unreal), std::move(rows));
  state.plan =
      plan::make_union({std::move(real), std::move(phantom)}, std::move(out), std::move(sources));
  return Status::ok();
}

}  // namespace forebay::sql::binder
