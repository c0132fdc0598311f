#include "engine/data/text_format.h"
#include "engine/data/vector_type.h"
#include "udfs/builtin/array_calls.h"

/// Casts of arrays: element by element, and text in and out.
namespace forebay::udfs {
namespace {

using namespace arrays;

/// What the cast of one element may ask for.
struct ElementContext {
  const ScalarCall* outer;
  uint32_t row;
  data::Arena* arena;
  bool failed;
};

/// Applies the cast of the elements to the elements of an array.
template <bool kAssignment>
void cast_elements(const ScalarCall& call) {
  const Type from = call.argument_types[0].element();
  const Type to = call.result_type.element();
  const Cast* cast = find_cast(from.id, to.id);
  const bool same = cast == nullptr || (from.id == to.id && to.modifier < 0);
  for_rows(call, [&](uint32_t row) {
    const Text bytes = bytes_at(call, 0, row);
    if (same) return call.set_string(row, bytes);
    const Array array = array_at(call, 0, row);
    const data::Column& elements = *array.elements;
    const uint32_t count = elements.size();
    ColumnBuilder builder(to);
    builder.keep_arenas(elements);
    ElementContext context{&call, row, &builder.arena(), false};
    std::vector<uint32_t> rows;
    std::vector<uint64_t> validity(count / 64 + 1, ~uint64_t{0});
    bool has_nulls = elements.has_nulls();
    for (uint32_t i = 0; i < count; ++i) {
      if (elements.is_null(i)) {
        validity[i >> 6] &= ~(uint64_t{1} << (i & 63));
      } else {
        rows.push_back(i);
      }
    }
    const ColumnView view = elements.view();
    char* values = builder.resize_bytes(count);
    if (count > 0) std::memset(values, 0, size_t{count} * data::width_of(data::layout_of(to.id)));
    ScalarCall inner = call;
    inner.arguments = &view;
    inner.argument_types = &from;
    inner.rows = rows.data();
    inner.row_count = static_cast<uint32_t>(rows.size());
    inner.dense = false;
    inner.result_type = to;
    inner.result = values;
    inner.result_validity = validity.data();
    inner.result_has_nulls = &has_nulls;
    inner.context = &context;
    inner.allocate = [](void* at, size_t size) {
      return static_cast<ElementContext*>(at)->arena->allocate(size);
    };
    inner.fail = [](void* at, uint32_t, const char* sqlstate, const char* message, size_t size) {
      auto& one = *static_cast<ElementContext*>(at);
      if (!one.failed) one.outer->fail(one.outer->context, one.row, sqlstate, message, size);
      one.failed = true;
    };
    (kAssignment ? cast->assignment : cast->function)->kernel(inner);
    if (context.failed) return;
    if (has_nulls) builder.set_validity(validity.data());
    call.set_string(row, data::encode_array(array.dimensions, *builder.finish()));
  });
}

void array_to_text(const ScalarCall& call, uint32_t row) {
  std::string text;
  if (data::is_vector(call.argument_types[0])) {
    data::format_vector(bytes_at(call, 0, row), call.argument_types[0], text);
  } else {
    data::format_array(bytes_at(call, 0, row), call.argument_types[0].element(), text);
  }
  const auto fitted = data::fit_string(text, Type{call.result_type.id, -1});
  const int32_t limit = call.result_type.modifier;
  Text shown = *fitted;
  if (limit >= 0) shown = shown.substr(0, data::bytes_of_characters(shown, limit));
  call.set_string(row, shown);
}

void text_to_array(const ScalarCall& call, uint32_t row) {
  const auto array = data::parse_array(bytes_at(call, 0, row), call.result_type.element());
  if (array.is_ok()) {
    call.set_string(row, *array);
  } else {
    call.fail_row(row, array.error().sqlstate, array.error().message);
  }
}

CastEntry array_cast(TypeId from, TypeId to, CastContext context, ScalarKernel kernel,
                     bool can_fail) {
  CastEntry entry;
  entry.from = from;
  entry.to = to;
  entry.context = context;
  entry.function.name = "cast";
  entry.function.arguments = {from};
  entry.function.result = to;
  entry.function.can_fail = can_fail;
  entry.function.kernel = kernel;
  entry.function.description = "conversion";
  entry.function.category = "cast";
  return entry;
}

}  // namespace

void add_array_casts(std::span<const CastEntry> of_elements, std::vector<CastEntry>& list) {
  for (const CastEntry& entry : of_elements) {
    CastEntry& cast = list.emplace_back(array_cast(data::array_of(entry.from),
                                                   data::array_of(entry.to), entry.context,
                                                   &cast_elements<false>, entry.function.can_fail));
    if (entry.assignment.kernel != nullptr) {
      cast.assignment = cast.function;
      cast.assignment.kernel = &cast_elements<true>;
      cast.assignment.can_fail = true;
    }
  }
  for (const data::TypeInfo& info : data::kTypeInfos) {
    if (info.id == TypeId::kUnknown) continue;
    for (TypeId text : {TypeId::kText, TypeId::kVarchar, TypeId::kChar}) {
      const TypeId array = data::array_of(info.id);
      list.push_back(
          array_cast(array, text, CastContext::kAssignment, &each<array_to_text>, false));
      list.push_back(array_cast(text, array, CastContext::kExplicit, &each<text_to_array>, true));
    }
  }
}

}  // namespace forebay::udfs
