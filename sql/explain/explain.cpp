#include "sql/explain/explain.h"

#include <fmt/format.h>

#include "sql/lowering/lowering.h"
#include "sql/plan/expressions.h"
#include "sql/plan/print.h"

namespace forebay::sql::explain {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t at = 0;
  while (at < text.size()) {
    size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

Result<std::vector<std::string>> explain_plan(const plan::NodeRef& plan,
                                              const catalog::CatalogObject* object) {
  plan::ColumnNames names(plan);
  lowering::Lowering lowering([] { return TableId(0); });
  FOREBAY_ASSIGN_OR_RETURN(lowering::Stream stream, lowering.lower(plan));
  auto exchange_note = [&](const plan::Node& node, size_t input) -> std::string {
    const auto* keys = lowering.exchange_before(&node, input);
    if (keys == nullptr) return "";
    return keys->empty() ? "Exchange to one worker" : "Exchange by " + names.list(*keys);
  };
  std::string tree = plan::to_text(plan, exchange_note);
  std::vector<std::string> lines;
  if (object == nullptr) return lines_of(tree);
  std::vector<std::string> keys;
  for (uint32_t position : object->key_columns)
    keys.push_back(names.of(plan->columns[position].id));
  if (object->kind == catalog::ObjectKind::kSink) {
    lines.push_back(fmt::format("Sink {}", object->name));
  } else if (plan::NodeRef base = lowering::storing_node(plan)) {
    lines.push_back(fmt::format("View {} kept by its {}, key [{}]", object->name,
                                base->kind == plan::NodeKind::kAggregate ? "Aggregate" : "Distinct",
                                fmt::join(keys, ", ")));
  } else if (object->has_key) {
    lines.push_back(fmt::format("Materialize {} key=[{}]", object->name, fmt::join(keys, ", ")));
  } else {
    lines.push_back(fmt::format("Materialize {} as a multiset", object->name));
  }
  for (std::string& line : lines_of(tree)) lines.push_back("  " + line);
  return lines;
}

std::vector<std::string> explain_point(const PlannedQuery& query) {
  const PointPlan& point = *query.point;
  std::vector<std::string> names;
  const catalog::CatalogObjectRef& object = point.scanned;
  for (const data::Field& field : object->stored_columns()) names.push_back(field.name);
  auto text = [&](const ExprRef& expr) { return expr::to_string(*expr, names); };
  std::vector<std::string> keys, columns;
  const auto& key_columns = point.relation->key_columns();
  for (size_t i = 0; i < key_columns.size(); ++i) {
    keys.push_back(fmt::format("{} = {}", names[key_columns[i]], text(point.key[i])));
  }
  for (const ExprRef& value : point.projection) columns.push_back(text(value));
  std::vector<std::string> lines{fmt::format("Project [{}]", fmt::join(columns, ", "))};
  std::string indent = "  ";
  if (point.predicate) {
    lines.push_back(indent + "Filter " + text(point.predicate));
    indent += "  ";
  }
  lines.push_back(fmt::format("{}Get {} {} [{}]", indent, catalog::kind_name(object->kind),
                              object->name, fmt::join(keys, ", ")));
  return lines;
}

}  // namespace forebay::sql::explain
