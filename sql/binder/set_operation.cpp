#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"

/// UNION, INTERSECT, EXCEPT and VALUES.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using expr::ExprKind;

Result<QueryPlan> Binder::settle_outputs(QueryPlan query) {
  for (OutputColumn& output : query.columns) {
    if (output.column.type.id != TypeId::kUnknown) continue;
    FOREBAY_ASSIGN_OR_RETURN(query.plan, retype(query.plan, output.column.id, data::kTextType));
    output.column.type = data::kTextType;
  }
  return query;
}

Result<QueryPlan> Binder::order_outputs(QueryPlan query, const ast::Query& ast) {
  for (const ast::SortItem& item : ast.order_by) {
    const bool nulls_first = item.nulls == ast::NullsOrder::kDefault
                                 ? item.descending
                                 : item.nulls == ast::NullsOrder::kFirst;
    size_t at = plan::kNoColumn;
    if (item.value->kind == ast::ExprKind::kLiteral &&
        ast::as<ast::Literal>(*item.value).literal == ast::LiteralKind::kInteger) {
      int64_t position = ast::as<ast::Literal>(*item.value).integer;
      if (position < 1 || position > static_cast<int64_t>(query.columns.size())) {
        return error(state::kInvalidColumnReference,
                     fmt::format("ORDER BY position {} is not in select list", position),
                     item.value->position);
      }
      at = static_cast<size_t>(position - 1);
    } else if (item.value->kind == ast::ExprKind::kColumnRef &&
               ast::as<ast::ColumnRef>(*item.value).names.size() == 1) {
      const std::string& name = ast::as<ast::ColumnRef>(*item.value).names[0];
      for (size_t i = 0; i < query.columns.size(); ++i) {
        if (query.columns[i].name != name) continue;
        if (at != plan::kNoColumn) {
          return error(state::kAmbiguousColumn, fmt::format("ORDER BY \"{}\" is ambiguous", name),
                       item.value->position);
        }
        at = i;
      }
      if (at == plan::kNoColumn) {
        return error(state::kUndefinedColumn, fmt::format("column \"{}\" does not exist", name),
                     item.value->position);
      }
    } else {
      return Status(state::kFeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
          .with_detail("Only result column names can be used, not expressions or functions.")
          .with_hint(
              "Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
          .at(place(leftmost_position(*item.value)));
    }
    query.order.push_back({query.columns[at].column.id, item.descending, nulls_first});
  }
  FOREBAY_ASSIGN_OR_RETURN(query.plan, bind_limit(std::move(query.plan), query.order, ast));
  return query;
}

int32_t leftmost_position(const ast::Expr& expr) {
  if (expr.kind == ast::ExprKind::kBinary) {
    return leftmost_position(*ast::as<ast::Binary>(expr).left);
  }
  if (expr.kind == ast::ExprKind::kLogical) {
    return leftmost_position(*ast::as<ast::Logical>(expr).operands[0]);
  }
  if (expr.kind == ast::ExprKind::kCast) {
    return std::min(expr.position, leftmost_position(*ast::as<ast::Cast>(expr).operand));
  }
  return expr.position;
}

int32_t output_position(const ast::Query& query, size_t at) {
  if (query.kind == ast::QueryKind::kSelect) {
    const auto& items = query.select->items;
    for (size_t i = 0; i < items.size() && i <= at; ++i) {
      if (items[i].value->kind == ast::ExprKind::kStar || i == at) {
        return leftmost_position(*items[i].value);
      }
    }
  }
  if (query.kind == ast::QueryKind::kValues && at < query.values[0].size()) {
    return leftmost_position(*query.values[0][at]);
  }
  if (query.kind == ast::QueryKind::kSetOperation) return output_position(*query.left, at);
  return query.position;
}

Result<QueryPlan> Binder::bind_set_operation(const ast::Query& query, const Scope* outer,
                                             bool keep_unknown) {
  const bool is_union = query.set_operator == ast::SetOperator::kUnion;
  const char* word = is_union                                             ? "UNION"
                     : query.set_operator == ast::SetOperator::kIntersect ? "INTERSECT"
                                                                          : "EXCEPT";
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan left, bind_query(*query.left, outer, true));
  FOREBAY_ASSIGN_OR_RETURN(QueryPlan right, bind_query(*query.right, outer, true));
  if (left.columns.size() != right.columns.size()) {
    return error(state::kSyntaxError,
                 fmt::format("each {} query must have the same number of columns", word),
                 output_position(*query.right, 0));
  }
  QueryPlan out;
  Columns columns;
  QueryPlan* sides[] = {&left, &right};
  std::vector<std::vector<ColumnId>> sources(2);
  std::vector<Column> casts[2];
  std::vector<ExprRef> values[2];
  bool casting[2] = {false, false};
  for (size_t i = 0; i < left.columns.size(); ++i) {
    Type types[] = {left.columns[i].column.type, right.columns[i].column.type};
    Type common;
    size_t misfit = 0;
    if (!common_type(types, &common, &misfit)) {
      return error(state::kDatatypeMismatch,
                   fmt::format("{} types {} and {} cannot be matched", word,
                               Type{types[0].id}.name(), Type{types[1].id}.name()),
                   output_position(*query.right, i));
    }
    // Only what compares rows needs a type now; the outermost query gives text to what stays
    // untyped.
    if (common.id == TypeId::kUnknown && (!keep_unknown || !query.set_all || !is_union))
      common = data::kTextType;
    for (size_t side = 0; side < 2; ++side) {
      Column& column = sides[side]->columns[i].column;
      if (column.type.id == TypeId::kUnknown && common.id != TypeId::kUnknown) {
        FOREBAY_ASSIGN_OR_RETURN(sides[side]->plan,
                                 retype(sides[side]->plan, column.id, Type{common.id}));
        column.type = Type{common.id};
      }
      ExprRef value = plan::column_ref(column);
      if (column.type.id != common.id) {
        FOREBAY_ASSIGN_OR_RETURN(value, coerce(value, Type{common.id}, Coercion::kImplicit));
        casting[side] = true;
        casts[side].push_back(columns_.make(sides[side]->columns[i].name, Type{common.id}));
      } else {
        casts[side].push_back(column);
      }
      values[side].push_back(value);
      sources[side].push_back(casts[side].back().id);
    }
    columns.push_back(columns_.make(left.columns[i].name, common));
    out.columns.push_back({left.columns[i].name, columns.back()});
  }
  std::vector<NodeRef> inputs;
  for (size_t side = 0; side < 2; ++side) {
    if (!casting[side]) {
      inputs.push_back(sides[side]->plan);
      continue;
    }
    // A column may be wanted twice under one number: each gets its own.
    Columns given;
    std::vector<ExprRef> expressions;
    for (size_t i = 0; i < casts[side].size(); ++i) {
      if (plan::find_column(given, casts[side][i].id) != plan::kNoColumn) continue;
      given.push_back(casts[side][i]);
      expressions.push_back(values[side][i]);
    }
    inputs.push_back(
        plan::make_project(sides[side]->plan, std::move(given), std::move(expressions)));
  }
  if (is_union) {
    out.plan = plan::make_union(std::move(inputs), columns, std::move(sources));
    if (!query.set_all) out.plan = plan::make_distinct(std::move(out.plan));
  } else {
    FOREBAY_ASSIGN_OR_RETURN(
        out.plan, count_sides(query, std::move(inputs), std::move(columns), std::move(sources)));
  }
  return order_outputs(std::move(out), query);
}

namespace {

/// What stands beside the rows of each side before they are counted.
struct SideMark {
  Column column;
  data::Datum of_left, of_right;
};

}  // namespace

/// INTERSECT and EXCEPT: the rows of both sides, counted per row and side. Without ALL a row is in
/// the result by its counts; with ALL as often as they say.
Result<NodeRef> Binder::count_sides(const ast::Query& query, std::vector<NodeRef> inputs,
                                    Columns columns, std::vector<std::vector<ColumnId>> sources) {
  const bool except = query.set_operator == ast::SetOperator::kExcept;
  std::vector<SideMark> marks;
  std::vector<plan::AggregateCall> calls;
  auto add_call = [&](const std::string& function, std::vector<ColumnId> arguments,
                      std::optional<ColumnId> filter) {
    FunctionMatch match;
    std::vector<TypeId> types(arguments.size(), TypeId::kInteger);
    FOREBAY_CHECK(match_aggregate(function, types, &match) == MatchOutcome::kFound, function);
    calls.push_back({match.aggregate, std::move(arguments), false, filter,
                     columns_.make("rows", data::kBigintType)});
    return plan::column_ref(calls.back().output);
  };
  auto flag = [&](const char* name, bool left) {
    marks.push_back({columns_.make(name, data::kBooleanType),
                     {data::kBooleanType, left},
                     {data::kBooleanType, !left}});
    return marks.back().column.id;
  };
  ExprRef predicate, copies;
  if (except && query.set_all) {
    marks.push_back({columns_.make("sign", data::kIntegerType),
                     {data::kIntegerType, int32_t{1}},
                     {data::kIntegerType, int32_t{-1}}});
    copies = add_call("sum", {marks[0].column.id}, std::nullopt);
  } else if (query.set_all) {
    ExprRef left = add_call("count", {}, flag("left", true));
    ExprRef right = add_call("count", {}, flag("right", false));
    FOREBAY_ASSIGN_OR_RETURN(ExprRef fewer, apply_operator("<", {left, right}, query.position));
    copies = expr::case_when(data::kBigintType, {fewer, left, right});
  } else {
    ExprRef left = add_call("count", {}, flag("left", true));
    ExprRef both = add_call("count", {}, std::nullopt);
    FOREBAY_ASSIGN_OR_RETURN(predicate,
                             apply_operator(except ? "=" : "<", {left, both}, query.position));
    if (!except) {
      ExprRef zero = expr::literal({data::kBigintType, int64_t{0}});
      FOREBAY_ASSIGN_OR_RETURN(ExprRef some, apply_operator(">", {left, zero}, query.position));
      predicate = expr::logical(ExprKind::kAnd, {some, predicate});
    }
  }
  Columns marked = columns;
  for (const SideMark& mark : marks) marked.push_back(mark.column);
  for (size_t side = 0; side < 2; ++side) {
    Columns given = inputs[side]->columns;
    std::vector<ExprRef> values;
    for (const Column& column : given) values.push_back(plan::column_ref(column));
    for (const SideMark& mark : marks) {
      given.push_back(columns_.make(mark.column.name, mark.column.type));
      values.push_back(expr::literal(side == 0 ? mark.of_left : mark.of_right));
      sources[side].push_back(given.back().id);
    }
    inputs[side] = plan::make_project(inputs[side], std::move(given), std::move(values));
  }
  std::vector<ColumnId> groups;
  for (const Column& column : columns) groups.push_back(column.id);
  NodeRef result = plan::make_union(std::move(inputs), std::move(marked), std::move(sources));
  result = plan::make_aggregate(std::move(result), std::move(groups), std::move(calls), false);
  if (predicate) return plan::make_narrow(plan::make_filter(std::move(result), predicate), columns);
  Column count = columns_.make("copies", data::kBigintType);
  std::vector<ExprRef> values;
  for (const Column& column : columns) values.push_back(plan::column_ref(column));
  values.push_back(std::move(copies));
  columns.push_back(count);
  result = plan::make_project(std::move(result), std::move(columns), std::move(values));
  return plan::make_repeat(std::move(result), count.id);
}

Result<QueryPlan> Binder::bind_values(const ast::Query& query, const Scope* outer,
                                      bool keep_unknown) {
  Scope scope;
  scope.parent = outer;
  std::vector<std::vector<ExprRef>> rows;
  std::vector<PendingSubqueries> pending(query.values.size());
  bool constant = true;
  const size_t width = query.values[0].size();
  for (size_t r = 0; r < query.values.size(); ++r) {
    const auto& row = query.values[r];
    if (row.size() != width) {
      return error(state::kSyntaxError, "VALUES lists must all be the same length",
                   row.empty() ? query.position : row[0]->position);
    }
    ExprContext context{&scope, Clause::kValues, nullptr, &pending[r]};
    rows.emplace_back();
    for (const auto& item : row) {
      FOREBAY_ASSIGN_OR_RETURN(ExprRef value, bind(*item, context));
      constant &= plan::columns_in(value).empty();
      rows.back().push_back(std::move(value));
    }
    constant &= pending[r].empty();
  }
  QueryPlan out;
  Columns columns;
  for (size_t i = 0; i < width; ++i) {
    std::vector<ExprRef> cells;
    bool known = !keep_unknown;
    for (const auto& row : rows) {
      cells.push_back(row[i]);
      known |= row[i]->type.id != TypeId::kUnknown;
    }
    Type type;
    if (known) {
      FOREBAY_RETURN_IF_ERROR(unify(cells, "VALUES", &type));
      for (size_t r = 0; r < rows.size(); ++r) rows[r][i] = cells[r];
    }
    std::string name = fmt::format("column{}", i + 1);
    columns.push_back(columns_.make(name, type));
    out.columns.push_back({name, columns.back()});
  }
  if (constant) {
    out.plan = plan::make_values(columns, std::move(rows));
    return order_outputs(std::move(out), query);
  }
  std::vector<NodeRef> inputs;
  std::vector<std::vector<ColumnId>> sources;
  for (size_t r = 0; r < rows.size(); ++r) {
    NodeRef input = apply_pending(plan::make_unit(), pending[r]);
    Columns own;
    sources.emplace_back();
    for (size_t i = 0; i < width; ++i) {
      own.push_back(columns_.make(columns[i].name, columns[i].type));
      sources.back().push_back(own.back().id);
    }
    inputs.push_back(plan::make_project(std::move(input), std::move(own), std::move(rows[r])));
  }
  out.plan = plan::make_union(std::move(inputs), columns, std::move(sources));
  return order_outputs(std::move(out), query);
}

}  // namespace forebay::sql::binder
