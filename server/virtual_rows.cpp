#include "server/virtual_rows.h"

#include <fmt/format.h>

#include "engine/data/text_format.h"
#include "engine/data/vector_type.h"

namespace forebay::server {

using data::TypeId;

namespace {

std::vector<data::Type> types_of(const data::Schema& schema) {
  std::vector<data::Type> types;
  for (const data::Field& field : schema) types.push_back(field.type);
  return types;
}

int64_t integer_of(const Cell& cell) {
  if (const auto* small = std::get_if<int32_t>(&cell)) return *small;
  return std::get<int64_t>(cell);
}

void append(const Cell& cell, TypeId type, data::ColumnBuilder& column) {
  if (std::holds_alternative<std::monostate>(cell)) return column.append_null();
  switch (type) {
    case TypeId::kBoolean:
      return column.append<uint8_t>(std::get<bool>(cell) ? 1 : 0);
    case TypeId::kInteger:
      return column.append(static_cast<int32_t>(integer_of(cell)));
    case TypeId::kBigint:
    case TypeId::kOid:
    case TypeId::kTimestampTz:
      return column.append(integer_of(cell));
    case TypeId::kDouble:
      return column.append(static_cast<double>(integer_of(cell)));
    default:
      break;
  }
  const auto& text = std::get<std::string>(cell);
  if (!data::is_array(type)) return column.append_string(text);
  auto array = data::parse_datum(text, data::Type{type});
  FOREBAY_CHECK(array.is_ok(), text);
  column.append_string(std::get<std::string>(array->value));
}

}  // namespace

data::Schema virtual_columns(std::string_view text) {
  data::Schema schema;
  while (!text.empty()) {
    std::string_view one = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    size_t begin = one.find_first_not_of(' ');
    size_t blank = one.find(' ', begin);
    std::string_view type = one.substr(blank + 1);
    if (type == "int2vector" || type == "oidvector") {
      const bool small = type == "int2vector";
      schema.push_back({.name = std::string(one.substr(begin, blank - begin)),
                        .type = small ? data::kInt2VectorType : data::kOidVectorType});
      continue;
    }
    const bool array = type.ends_with("[]");
    if (array) type.remove_suffix(2);
    TypeId id = data::type_of_name(type);
    FOREBAY_CHECK(id != TypeId::kUnknown, fmt::format("system table column \"{}\"", one));
    if (array) id = data::array_of(id);
    schema.push_back({.name = std::string(one.substr(begin, blank - begin)), .type = {id}});
  }
  return schema;
}

VirtualRowsBuilder::VirtualRowsBuilder(const data::Schema& schema)
    : types_(types_of(schema)), builder_(types_) {}

void VirtualRowsBuilder::row(std::initializer_list<Cell> cells) {
  FOREBAY_CHECK(cells.size() <= types_.size(), "more cells than columns");
  size_t at = 0;
  for (const Cell& cell : cells) {
    append(cell, types_[at].id, builder_.column(at));
    ++at;
  }
  for (; at < types_.size(); ++at) builder_.column(at).append_null();
  builder_.end_row();
}

std::vector<data::ChangeBatch> VirtualRowsBuilder::finish() {
  std::vector<data::ChangeBatch> batches;
  if (builder_.rows() > 0) batches.push_back(builder_.finish());
  return batches;
}

void add_virtual_table(sql::catalog::Catalog& catalog, std::string schema, std::string name,
                       std::string_view columns,
                       std::function<data::Status(VirtualRowsBuilder&)> fill) {
  data::Schema fields = virtual_columns(columns);
  catalog.add_virtual(
      std::move(schema), std::move(name), fields,
      [fields, fill = std::move(fill)]() -> data::Result<std::vector<data::ChangeBatch>> {
        VirtualRowsBuilder builder(fields);
        FOREBAY_RETURN_IF_ERROR(fill(builder));
        return builder.finish();
      });
}

}  // namespace forebay::server
