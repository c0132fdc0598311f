// Leaves: stored relations, constant rows, and the records of a source with what they say of event
// time.

#include <algorithm>

#include "engine/operators/index_relation.h"
#include "sql/lowering/distribution.h"
#include "sql/lowering/lowering.h"

namespace forebay::sql::lowering {

using catalog::DeclaredWatermark;
using expr::ExprRef;
using plan::ColumnId;
using runtime::NodeInput;

namespace {

/// The scanned relation through its index; nullptr: no row can be meant.
Result<operators::StoredRelationRef> indexed_relation(const plan::Scan& scan) {
  const plan::IndexUse& use = *scan.index;
  operators::IndexBounds bounds;
  for (const ExprRef& part : use.equal) {
    FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(part, {}));
    if (value.is_null()) return operators::StoredRelationRef();
    bounds.equal.push_back(std::move(value));
  }
  for (auto [from, to] : {std::pair(&use.lower, &bounds.lower), {&use.upper, &bounds.upper}}) {
    if (from->value == nullptr) continue;
    FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(from->value, {}));
    if (value.is_null()) return operators::StoredRelationRef();
    *to = operators::IndexBounds::Bound{std::move(value), from->inclusive};
  }
  return operators::indexed(
      scan.object->relation,
      index_parameters(use.index->stored_columns(), use.index->tables.front()),
      use.index->index_keys, std::move(bounds));
}

}  // namespace

Result<Stream> Lowering::lower_scan(const plan::Scan& scan) {
  Stream out;
  for (const data::Field& field : scan.object->stored_columns()) out.types.push_back(field.type);
  out.columns.assign(out.types.size(), 0);
  for (size_t i = 0; i < scan.positions.size(); ++i)
    out.columns[scan.positions[i]] = scan.columns[i].id;
  if (scan.object->kind == catalog::ObjectKind::kVirtual) {
    out.node = add_leaf(runtime::VirtualInput{scan.object->name, scan.object->rows}, out.types);
    return out;
  }
  runtime::ObjectInput input{scan.object->id, scan.object->relation, std::nullopt,
                             scan.object->choice};
  if (scan.index) {
    FOREBAY_ASSIGN_OR_RETURN(input.relation, indexed_relation(scan));
    if (input.relation == nullptr) {  // compared with NULL
      out.node = add(operators::make_values({out.types, {}}), {});
      return out;
    }
  }
  if (!scan.key.empty()) {
    input.key.emplace();
    for (const ExprRef& part : scan.key) {
      FOREBAY_ASSIGN_OR_RETURN(data::Datum value, expr::evaluate_constant(part, {}));
      if (value.is_null()) {  // equal to nothing
        out.node = add(operators::make_values({out.types, {}}), {});
        return out;
      }
      input.key->push_back(std::move(value));
    }
  }
  // The owner of a key's shard gives its rows: the stream is hashed by the store's key.
  if (scan.object->has_key && !scan.object->key_columns.empty()) {
    std::vector<ColumnId> hashed;
    for (uint32_t position : scan.object->key_columns) hashed.push_back(out.columns[position]);
    if (std::find(hashed.begin(), hashed.end(), 0u) == hashed.end()) {
      out.hashed = distribution_of(hashed);
    }
  }
  out.node = add_leaf(std::move(input), out.types);
  return out;
}

Result<Stream> Lowering::lower_values(const plan::Values& values) {
  operators::ValuesParameters constant;
  std::vector<const std::vector<ExprRef>*> computed;
  for (const plan::Column& column : values.columns) constant.types.push_back(column.type);
  for (const auto& row : values.rows) {
    const bool literal = std::all_of(row.begin(), row.end(), [](const ExprRef& value) {
      return value->kind == expr::ExprKind::kLiteral;
    });
    if (!literal) {
      computed.push_back(&row);
      continue;
    }
    constant.rows.emplace_back();
    for (const ExprRef& value : row) constant.rows.back().push_back(value->literal);
  }
  Stream out;
  out.columns = ids_of(values.columns);
  out.types = constant.types;
  std::vector<NodeInput> parts;
  if (!constant.rows.empty() || computed.empty()) {
    parts.push_back({add(operators::make_values(std::move(constant)), {}), std::nullopt});
  }
  for (const auto* row : computed) {
    uint32_t unit = add(operators::make_values({{}, {{}}}), {});
    operators::MapParameters map;
    map.projection = *row;
    for (const plan::Column& column : values.columns) map.names.push_back(column.name);
    parts.push_back(
        {add(operators::make_map(std::move(map)), {{unit, std::nullopt}}), std::nullopt});
  }
  out.node = parts[0].node;
  if (parts.size() > 1) {
    auto count = static_cast<uint32_t>(parts.size());
    out.node = add(operators::make_union({out.types, count}), std::move(parts));
  }
  return out;
}

namespace {

/// Places the object's columns that an expression reads in the leaf's rows: behind what was asked
/// for, where they are not there already.
class LeafColumns {
 public:
  LeafColumns(const catalog::CatalogObject& object, connectors::DecodeRequest& decode)
      : object_(object), decode_(decode), record_position_(object.columns.size(), 0) {
    for (size_t i = 0; i < object.columns.size(); ++i) {
      if (is_metadata(i) || object.is_generated(i)) continue;
      record_position_[i] = static_cast<uint32_t>(decode.schema.size());
      decode.schema.push_back(object.columns[i]);
    }
  }

  bool is_metadata(size_t column) const {
    return !object_.metadata.empty() && !object_.metadata[column].empty();
  }
  void project(uint32_t column) { decode_.projection.push_back(record_position_[column]); }
  bool is_projected(uint32_t column) const {
    return std::find(decode_.projection.begin(), decode_.projection.end(),
                     record_position_[column]) != decode_.projection.end();
  }
  bool has_metadata(uint32_t column) const {
    return std::find(decode_.metadata.begin(), decode_.metadata.end(), object_.metadata[column]) !=
           decode_.metadata.end();
  }
  /// The type of the column as it is read.
  data::Type read_type(uint32_t column) const {
    if (!object_.is_generated(column)) return object_.columns[column].type;
    const std::string& name = object_.metadata[column];
    if (name == "offset") return data::kBigintType;
    if (name == "partition_number") return data::kIntegerType;
    if (name == "timestamp" || name == "proctime") return data::kTimestampTzType;
    return data::kTextType;
  }
  /// Where the column, which is decoded, is in the leaf's rows.
  uint32_t place(uint32_t column) const {
    if (!is_metadata(column)) {
      return static_cast<uint32_t>(std::find(decode_.projection.begin(), decode_.projection.end(),
                                             record_position_[column]) -
                                   decode_.projection.begin());
    }
    return static_cast<uint32_t>(
        decode_.projection.size() +
        static_cast<size_t>(
            std::find(decode_.metadata.begin(), decode_.metadata.end(), object_.metadata[column]) -
            decode_.metadata.begin()));
  }

 private:
  const catalog::CatalogObject& object_;
  connectors::DecodeRequest& decode_;
  std::vector<uint32_t> record_position_;  // of the object's columns that are not metadata
};

}  // namespace

runtime::LeafWatermark leaf_watermark(const DeclaredWatermark& declared, expr::ExprRef value,
                                      const connectors::Source* connector) {
  runtime::LeafWatermark out;
  out.value = std::move(value);
  if (declared.idle_timeout_ms) {
    out.idle_timeout_ms = declared.idle_timeout_ms;
  } else if (connector != nullptr) {
    out.idle_timeout_ms = connector->idle_timeout_ms();
  }
  if (out.idle_timeout_ms == DeclaredWatermark::kForever) out.idle_timeout_ms.reset();
  if (declared.max_future_ms != DeclaredWatermark::kForever) {
    out.max_future_ms = declared.max_future_ms;
  }
  return out;
}

namespace {

bool is_computed(const plan::Scan& scan) {
  return std::any_of(scan.positions.begin(), scan.positions.end(), [&](uint32_t position) {
    return position < plan::kMetadataPartition && scan.object->is_generated(position);
  });
}

/// Columns that a scan's generated columns are made of, without repeats.
std::vector<uint32_t> read_by_generated(const plan::Scan& scan) {
  std::vector<uint32_t> read;
  for (uint32_t position : scan.positions) {
    if (position >= plan::kMetadataPartition || !scan.object->is_generated(position)) continue;
    for (uint32_t column : expr::columns_of(*scan.object->generated[position])) {
      if (std::find(read.begin(), read.end(), column) == read.end()) read.push_back(column);
    }
  }
  return read;
}

}  // namespace

/// The scan's columns, those that are generated computed, over the leaf's rows.
Stream Lowering::add_generated(const plan::Scan& scan, Stream leaf,
                               const std::vector<uint32_t>& places) {
  operators::MapParameters map;
  map.input_types = leaf.types;
  Stream out;
  for (size_t i = 0; i < scan.columns.size(); ++i) {
    const uint32_t position = scan.positions[i];
    const plan::Column& column = scan.columns[i];
    if (position < plan::kMetadataPartition && scan.object->is_generated(position)) {
      map.projection.push_back(expr::remap(scan.object->generated[position], places));
    } else {
      const auto at = static_cast<uint32_t>(
          std::find(leaf.columns.begin(), leaf.columns.end(), column.id) - leaf.columns.begin());
      map.projection.push_back(expr::column(at, column.type));
    }
    map.names.push_back(column.name);
    out.columns.push_back(column.id);
    out.types.push_back(column.type);
  }
  out.node = add(operators::make_map(std::move(map)), {{leaf.node, std::nullopt}});
  return out;
}

Result<Stream> Lowering::lower_source(const plan::Scan& scan) {
  const auto& object = *scan.object;
  runtime::SourceInput input{object.id, object.name, object.connector, {}, object.on_error};
  connectors::DecodeRequest& decode = input.decode;
  LeafColumns columns(object, decode);
  // Read besides what the scan gives: by the watermark and by generated columns.
  const std::vector<uint32_t> generated = read_by_generated(scan);
  std::vector<uint32_t> besides =
      object.watermark ? expr::columns_of(*object.watermark->value) : std::vector<uint32_t>();
  besides.insert(besides.end(), generated.begin(), generated.end());
  Stream out;
  auto add_column = [&](plan::ColumnId id, data::Type type) {
    out.columns.push_back(id);
    out.types.push_back(type);
  };
  for (size_t i = 0; i < scan.positions.size(); ++i) {
    if (scan.positions[i] >= plan::kMetadataPartition || object.is_generated(scan.positions[i])) {
      continue;
    }
    columns.project(scan.positions[i]);
    add_column(scan.columns[i].id, scan.columns[i].type);
  }
  for (uint32_t column : besides) {
    if (columns.is_metadata(column) || columns.is_projected(column)) continue;
    columns.project(column);
    add_column(0, object.columns[column].type);
  }
  for (size_t i = 0; i < scan.positions.size(); ++i) {
    const uint32_t position = scan.positions[i];
    if (position < plan::kMetadataPartition) continue;
    decode.metadata.push_back(position == plan::kMetadataPartition ? "partition"
                              : position == plan::kMetadataOffset
                                  ? "offset"
                                  : object.metadata[position - plan::kMetadataColumn]);
    add_column(scan.columns[i].id, scan.columns[i].type);
  }
  for (uint32_t column : besides) {
    if (!columns.is_metadata(column) || columns.has_metadata(column)) continue;
    decode.metadata.push_back(object.metadata[column]);
    add_column(0, columns.read_type(column));
  }
  std::vector<uint32_t> places(object.columns.size(), 0);
  for (uint32_t column : besides) places[column] = columns.place(column);
  if (object.watermark) {
    input.watermark = leaf_watermark(
        *object.watermark, expr::remap(object.watermark->value, places), object.connector.get());
  }
  out.node = add_leaf(std::move(input), out.types);
  return !is_computed(scan) ? out : add_generated(scan, out, places);
}

}  // namespace forebay::sql::lowering
