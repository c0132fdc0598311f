#include "engine/data/array.h"
#include "engine/data/json.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/json_values.h"

/// Aggregates that keep all values: array_agg, jsonb_agg, jsonb_object_agg.
namespace forebay::udfs {
namespace {

constexpr TypeId kAny = TypeId::kUnknown;

/// Calls visit(row) for every value, copies included; false when there is none.
template <typename F>
bool for_values(const CollectCall& call, F&& visit) {
  bool any = false;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    for (Weight copy = 0; copy < call.counts[row]; ++copy) {
      visit(row);
      any = true;
    }
  }
  return any;
}

/// Many copies of few values may be far longer than the values: then NULL is given.
bool is_too_long(const CollectCall& call) {
  constexpr size_t kElementBytes = 8;
  __int128 size = 0;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    size_t bytes = kElementBytes;
    const ColumnView& values = call.arguments[0];
    if (data::layout_of(call.argument_types[0].id) == data::Layout::kString &&
        !values.is_null(row)) {
      bytes += values.at<StringView>(row).size();
    }
    size += static_cast<__int128>(bytes) * call.counts[row];
  }
  *call.text_bytes = static_cast<size_t>(std::min<__int128>(size, SIZE_MAX));
  if (*call.text_bytes <= call.most_bytes) return false;
  call.out->append_null();
  return true;
}

void collect_array(const CollectCall& call) {
  if (is_too_long(call)) return;
  data::ColumnBuilder builder(call.out->type().element());
  const ColumnView& values = call.arguments[0];
  const bool any = for_values(call, [&](uint32_t row) {
    if (values.is_null(row)) {
      builder.append_null();
    } else if (data::layout_of(builder.type().id) == data::Layout::kString) {
      builder.append_string(values.at<StringView>(row).view());
    } else {
      builder.append_from(values, row);
    }
  });
  if (!any) return call.out->append_null();
  call.out->append_string(data::encode_array(*builder.finish()));
}

void collect_json(const CollectCall& call) {
  if (is_too_long(call)) return;
  std::vector<std::string> elements;
  const bool any = for_values(call, [&](uint32_t row) {
    append_json(call.argument_types[0], call.arguments[0], row, elements.emplace_back());
  });
  if (!any) return call.out->append_null();
  call.out->append_string(data::make_json_array(elements));
}

/// Of equal keys the last one in order.
void collect_object(const CollectCall& call) {
  std::vector<data::JsonMember> members;
  bool any = false;
  for (uint32_t row = 0; row < call.row_count; ++row) {
    any |= call.counts[row] > 0;
    if (call.counts[row] <= 0 || call.arguments[0].is_null(row)) continue;
    data::JsonMember& member = members.emplace_back();
    append_json_key_text(call.argument_types[0], call.arguments[0], row, member.key);
    append_json(call.argument_types[1], call.arguments[1], row, member.value);
  }
  if (!any) return call.out->append_null();
  call.out->append_string(data::make_json_object(std::move(members)));
}

}  // namespace

void add_collecting_aggregates(AggregateList& list) {
  auto add = [&](std::string_view name, std::vector<TypeId> arguments, TypeId result,
                 void (*collect)(const CollectCall&), std::string_view description,
                 Example example) {
    AggregateFunction function;
    function.name = name;
    function.arguments = std::move(arguments);
    function.result = result;
    function.kind = AggregateKind::kOrdered;
    function.sees_nulls = true;
    function.collect = collect;
    function.description = description;
    function.examples = {example};
    list.push_back(std::move(function));
  };
  add("array_agg", {kAny}, TypeId::kAnyArray, &collect_array,
      "an array of the values, NULLs too; order: by ORDER BY, then by the values' bytes",
      {"array_agg(x ORDER BY x DESC) FROM (VALUES (1), (3), (NULL), (2)) AS t(x)", "{NULL,3,2,1}"});
  add("jsonb_agg", {kAny}, TypeId::kJsonb, &collect_json,
      "a jsonb array of the values, NULLs too; order as array_agg's",
      {"jsonb_agg(x ORDER BY x) FROM (VALUES ('b'), ('a')) AS t(x)", "[\"a\", \"b\"]"});
  add("jsonb_object_agg", {TypeId::kText, kAny}, TypeId::kJsonb, &collect_object,
      "a jsonb object of keys and values; of equal keys the last in order",
      {"jsonb_object_agg(k, v) FROM (VALUES ('b', 1), ('a', 2)) AS t(k, v)",
       "{\"a\": 2, \"b\": 1}"});
}

}  // namespace forebay::udfs
