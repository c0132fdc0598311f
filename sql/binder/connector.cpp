// WITH (connector ...), INCLUDE, METADATA and FORMAT of sources and of tables that a connector
// fills; and the rest of a source.

#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"
#include "sql/binder/flink_options.h"
#include "sql/binder/watermark.h"

namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::CatalogObject;
using catalog::ObjectKind;

connectors::Options Binder::options_of(const std::vector<ast::Option>& options) {
  connectors::Options out;
  for (const ast::Option& option : options) {
    if (is_watermark_option(option)) continue;
    std::string key = option.key;
    for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out[key] = option.kind == ast::OptionValueKind::kNone ? "true" : option.value;
  }
  return out;
}

Status Binder::check_repeated(const std::vector<ast::Option>& options) const {
  for (size_t i = 0; i < options.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (options[i].key != options[j].key) continue;
      return error(state::kSyntaxError,
                   fmt::format("option \"{}\" provided more than once", options[i].key),
                   options[i].position);
    }
  }
  return Status::ok();
}

namespace {

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

/// What a definition in Flink's spelling says of the connector.
Status Binder::read_flink(const ast::RelationDef& definition, CatalogObject& object,
                          connectors::SourceSpec& spec, std::vector<std::string>& notices) const {
  FOREBAY_ASSIGN_OR_RETURN(FlinkConnector flink, read_flink_options(definition, notices));
  spec.options = std::move(flink.options);
  if (!flink.encode.empty()) spec.format = "plain";
  spec.encode = std::move(flink.encode);
  spec.encode_options = std::move(flink.encode_options);
  if (flink.errors == FlinkConnector::Errors::kFail &&
      definition.on_error.action == ast::OnErrorAction::kUnset) {
    object.on_error = operators::ErrorPolicy::kFail;
  }
  return Status::ok();
}

Status Binder::bind_includes(const ast::RelationDef& definition,
                             const std::vector<data::Field>& offered, CatalogObject& object,
                             connectors::SourceSpec& spec) const {
  for (const ast::Include& include : definition.includes) {
    auto found = std::find_if(offered.begin(), offered.end(), [&](const data::Field& field) {
      return field.name == include.what ||
             (include.what == "partition" && field.name == "partition_number");
    });
    if (found == offered.end()) {
      return unsupported(fmt::format("INCLUDE {} is", include.what), include.position,
                         "A file has partition (its path) and offset; a topic also has key, "
                         "timestamp and header.");
    }
    std::string metadata = found->name;
    if (include.what == "header") {
      if (!include.header) {
        return unsupported("INCLUDE header without a name is", include.position,
                           "Name one: INCLUDE header 'name' AS column.");
      }
      metadata += ":" + *include.header;
    }
    std::string column = include.alias;
    if (column.empty())
      column = include.what == "header" ? "kafka_headers" : "kafka_" + include.what;
    for (const data::Field& other : object.columns) {
      if (other.name != column) continue;
      return error(state::kDuplicateColumn,
                   fmt::format("column \"{}\" specified more than once", column), include.position);
    }
    object.columns.push_back({column, found->type, found->not_null});
    object.metadata.push_back(metadata);
    spec.metadata.push_back(std::move(metadata));
    object.defaults.emplace_back();
  }
  return Status::ok();
}

Status Binder::bind_connector(const ast::RelationDef& definition, CatalogObject& object,
                              std::vector<std::string>& notices) {
  connectors::SourceSpec spec;
  spec.name = object.name;
  FOREBAY_RETURN_IF_ERROR(check_repeated(definition.options));
  if (is_flink_spelling(definition, object.kind == ObjectKind::kSource && !object.made_as_table)) {
    FOREBAY_RETURN_IF_ERROR(read_flink(definition, object, spec, notices));
  } else {
    spec.options = options_of(definition.options);
  }
  auto named = spec.options.find("connector");
  const bool is_named = named != spec.options.end();
  if (definition.format) {
    spec.format = lower(definition.format->format);
    spec.encode = lower(definition.format->encode);
    spec.encode_options = options_of(definition.format->options);
  } else if (spec.format.empty() && (!is_named || connectors::needs_format(named->second))) {
    return error(state::kSyntaxError, "a source needs FORMAT ... ENCODE ...",
                 definition.name.position)
        .with_hint("Add FORMAT PLAIN ENCODE JSON, for example.");
  }
  spec.force_bounded = options_.force_bounded;
  object.metadata.assign(object.columns.size(), "");
  std::vector<data::Field> offered;
  if (is_named) offered = connectors::metadata_columns(named->second);
  FOREBAY_RETURN_IF_ERROR(bind_metadata_columns(definition, offered, object, spec));
  for (size_t i = 0; i < object.columns.size(); ++i) {
    const bool is_computed = definition.columns[i].generated != nullptr;
    if (object.metadata[i].empty() && !is_computed) spec.schema.push_back(object.columns[i]);
  }
  FOREBAY_RETURN_IF_ERROR(bind_includes(definition, offered, object, spec));
  FOREBAY_RETURN_IF_ERROR(bind_generated(definition, object));
  auto connector = connectors::make_source(spec);
  if (!connector.is_ok()) return connector.take_status().at(definition.name.position);
  object.connector = std::move(*connector);
  return Status::ok();
}

Result<BoundCreate> Binder::finish_source(const ast::RelationDef& definition,
                                          std::shared_ptr<CatalogObject> object,
                                          std::vector<std::string>& notices) {
  object->kind = ObjectKind::kSource;
  object->append_only = true;
  FOREBAY_RETURN_IF_ERROR(bind_columns(definition, *object, true));
  FOREBAY_RETURN_IF_ERROR(bind_connector(definition, *object, notices));
  FOREBAY_RETURN_IF_ERROR(bind_watermark(definition, *object));
  BoundCreate out;
  out.object = std::move(object);
  out.catalog = snapshot_;
  return out;
}

}  // namespace forebay::sql::binder
