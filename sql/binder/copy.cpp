#include <fmt/format.h>

#include <algorithm>

#include "sql/binder/binder.h"

/// COPY: its options, and what is read or written.
namespace forebay::sql::binder {

namespace state = data::sqlstate;
using catalog::ObjectKind;

namespace {

/// The options as they are collected: what is given, before the defaults of the format are known.
struct CopyOptions {
  const ast::Option* format = nullptr;
  const ast::Option* freeze = nullptr;
  const ast::Option* delimiter = nullptr;
  const ast::Option* null = nullptr;
  const ast::Option* header = nullptr;
  const ast::Option* quote = nullptr;
  const ast::Option* escape = nullptr;
  const ast::Option* encoding = nullptr;

  const ast::Option** find(std::string_view key) {
    if (key == "format") return &format;
    if (key == "freeze") return &freeze;
    if (key == "delimiter") return &delimiter;
    if (key == "null") return &null;
    if (key == "header") return &header;
    if (key == "quote") return &quote;
    if (key == "escape") return &escape;
    if (key == "encoding") return &encoding;
    return nullptr;
  }
};

/// defGetBoolean: no value is true.
std::optional<bool> boolean_of(const ast::Option& option) {
  if (option.kind == ast::OptionValueKind::kNone) return true;
  std::string value = option.value;
  for (char& c : value) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (value == "true" || value == "on" || value == "1") return true;
  if (value == "false" || value == "off" || value == "0") return false;
  return std::nullopt;
}

Status invalid(std::string message) {
  return Status(state::kInvalidParameterValue, std::move(message));
}

Result<char> one_byte(const ast::Option& option, bool csv) {
  if ((option.key == "quote" || option.key == "escape") && !csv) {
    return Status(state::kFeatureNotSupported,
                  fmt::format("COPY {} available only in CSV mode", option.key));
  }
  if (option.value.size() == 1) return option.value[0];
  return Status(state::kFeatureNotSupported,
                fmt::format("COPY {} must be a single one-byte character", option.key));
}

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// What PostgreSQL refuses of the characters, in its order.
Status check_characters(const CopyFormat& format) {
  if (is_line_end(format.delimiter)) {
    return invalid("COPY delimiter cannot be newline or carriage return");
  }
  if (std::any_of(format.null_text.begin(), format.null_text.end(), is_line_end)) {
    return invalid("COPY null representation cannot use newline or carriage return");
  }
  constexpr std::string_view kNotInText = "\\.abcdefghijklmnopqrstuvwxyz0123456789";
  if (!format.csv && kNotInText.find(format.delimiter) != std::string_view::npos) {
    return invalid(fmt::format("COPY delimiter cannot be \"{}\"", format.delimiter));
  }
  if (format.csv && format.delimiter == format.quote) {
    return invalid("COPY delimiter and quote must be different");
  }
  if (format.null_text.find(format.delimiter) != std::string::npos) {
    return Status(state::kFeatureNotSupported,
                  "COPY delimiter must not appear in the NULL specification");
  }
  if (format.csv && format.null_text.find(format.quote) != std::string::npos) {
    return Status(state::kFeatureNotSupported,
                  "CSV quote character must not appear in the NULL specification");
  }
  return Status::ok();
}

bool is_utf8_name(std::string_view name) {
  std::string folded;
  for (char c : name) {
    if (c != '-' && c != '_') folded += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
  return folded == "utf8" || folded == "unicode";
}

}  // namespace

Result<CopyFormat> Binder::bind_copy_format(const ast::Copy& copy,
                                            std::vector<std::string>& notices) {
  CopyOptions options;
  for (const ast::Option& option : copy.options) {
    const ast::Option** place = options.find(option.key);
    if (place == nullptr) {
      return error(state::kSyntaxError, fmt::format("option \"{}\" not recognized", option.key),
                   option.position);
    }
    if (*place != nullptr) {
      return error(state::kSyntaxError, "conflicting or redundant options", option.position);
    }
    *place = &option;
    const bool needs_value = option.key != "freeze" && option.key != "header";
    if (needs_value && option.kind == ast::OptionValueKind::kNone) {
      return error(state::kSyntaxError, fmt::format("{} requires a parameter", option.key), 0);
    }
  }
  CopyFormat out;
  if (options.format != nullptr) {
    if (options.format->value == "binary") {
      return unsupported("COPY with binary format is", options.format->position,
                         "Use the format text or csv.");
    }
    out.csv = options.format->value == "csv";
    if (!out.csv && options.format->value != "text") {
      return invalid(fmt::format("COPY format \"{}\" not recognized", options.format->value))
          .at(place(options.format->position));
    }
  }
  if (out.csv) {
    out.delimiter = ',';
    out.null_text.clear();
  }
  if (options.freeze != nullptr) {
    if (!boolean_of(*options.freeze)) {
      return error(state::kSyntaxError, "freeze requires a Boolean value", 0);
    }
    if (*boolean_of(*options.freeze)) notices.push_back("COPY FREEZE has no effect in Forebay");
  }
  if (options.header != nullptr) {
    auto names = boolean_of(*options.header);
    if (!names && options.header->value != "match") {
      return error(state::kSyntaxError, "header requires a Boolean value or \"match\"", 0);
    }
    if (!names && !copy.from) {
      return error(state::kFeatureNotSupported, "cannot use \"match\" with HEADER in COPY TO", 0);
    }
    out.header = !names   ? CopyFormat::Header::kMatch
                 : *names ? CopyFormat::Header::kNames
                          : CopyFormat::Header::kNone;
  }
  if (options.encoding != nullptr && !is_utf8_name(options.encoding->value)) {
    return unsupported(fmt::format("COPY in encoding \"{}\" is", options.encoding->value),
                       options.encoding->position, "Convert to UTF8 first.");
  }
  if (options.delimiter != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(out.delimiter, one_byte(*options.delimiter, out.csv));
  }
  if (options.null != nullptr) out.null_text = options.null->value;
  if (options.quote != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(out.quote, one_byte(*options.quote, out.csv));
  }
  out.escape = out.quote;
  if (options.escape != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(out.escape, one_byte(*options.escape, out.csv));
  }
  FOREBAY_RETURN_IF_ERROR(check_characters(out));
  return out;
}

/// Generated columns have no place in the records.
Status Binder::leave_out_generated(const ast::Copy& copy, const catalog::CatalogObject& table,
                                   std::vector<uint32_t>& columns) const {
  if (table.generated.empty()) return Status::ok();
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (!table.is_generated(i) || !table.columns[i].not_null) continue;
    return unsupported("COPY into a table with a generated column that is NOT NULL is",
                       copy.table.position, "Use INSERT.");
  }
  for (size_t i = 0; i < copy.columns.size(); ++i) {
    if (!table.is_generated(columns[i])) continue;
    return error(state::kInvalidColumnReference,
                 fmt::format("column \"{}\" is a generated column", copy.columns[i].name), 0)
        .with_detail("Generated columns cannot be used in COPY.");
  }
  std::erase_if(columns, [&](uint32_t column) { return table.is_generated(column); });
  if (copy.where == nullptr) return Status::ok();
  return unsupported("COPY ... WHERE into a table with generated columns is", copy.table.position,
                     "Leave the rows out beforehand.");
}

Result<BoundCopyFrom> Binder::bind_copy_from(const ast::Copy& copy,
                                             std::vector<std::string>& notices) {
  BoundCopyFrom out;
  if (copy.file_position > 0) {
    return unsupported("COPY from a file or program of the server is", copy.file_position,
                       "Use COPY FROM STDIN, or \\copy of psql.");
  }
  FOREBAY_ASSIGN_OR_RETURN(out.table, find_target(copy.table, "copy to"));
  FOREBAY_ASSIGN_OR_RETURN(out.columns, target_columns(out.table, copy.columns));
  FOREBAY_RETURN_IF_ERROR(leave_out_generated(copy, *out.table, out.columns));
  FOREBAY_ASSIGN_OR_RETURN(out.format, bind_copy_format(copy, notices));
  out.defaults.resize(out.table->columns.size());
  for (uint32_t i = 0; i < out.defaults.size(); ++i) {
    if (std::find(out.columns.begin(), out.columns.end(), i) != out.columns.end()) continue;
    FOREBAY_ASSIGN_OR_RETURN(out.defaults[i], default_of(out.table, i));
  }
  if (copy.where != nullptr) {
    FromItem row = scan_of(out.table, false);
    ExprContext context{&row.scope, Clause::kWhere, nullptr, nullptr};
    FOREBAY_ASSIGN_OR_RETURN(ExprRef where, bind_condition(*copy.where, context, "WHERE"));
    out.where = plan::transform(where, [&](const ExprRef& part) -> ExprRef {
      if (part->kind != expr::ExprKind::kColumn) return nullptr;
      size_t at = plan::find_column(row.plan->columns, part->column);
      return expr::column(static_cast<uint32_t>(at), part->type);
    });
  }
  return out;
}

Result<BoundCopyTo> Binder::bind_copy_to(const ast::Copy& copy, std::vector<std::string>& notices) {
  BoundCopyTo out;
  if (copy.file_position > 0) {
    return unsupported("COPY to a file or program of the server is", copy.file_position,
                       "Use COPY TO STDOUT, or \\copy of psql.");
  }
  auto rows = std::make_shared<BoundStatement>();
  if (copy.rows != nullptr) {
    FOREBAY_ASSIGN_OR_RETURN(*rows, bind_statement(*copy.rows));
    if (rows->result_schema() == nullptr) {
      return error(state::kFeatureNotSupported, "COPY query must have a RETURNING clause", 0);
    }
  } else {
    FOREBAY_ASSIGN_OR_RETURN(CatalogObjectRef object,
                             find_object(copy.table.parts, copy.table.position));
    if (!object->is_stored() && object->kind != ObjectKind::kVirtual) {
      return error(state::kWrongObjectType,
                   fmt::format("cannot copy from {} \"{}\"", catalog::kind_name(object->kind),
                               object->name),
                   copy.table.position)
          .with_hint("Try the COPY (SELECT ...) TO variant.");
    }
    FOREBAY_ASSIGN_OR_RETURN(std::vector<uint32_t> wanted, target_columns(object, copy.columns));
    if (object->kind == ObjectKind::kTable && copy.columns.empty()) {
      // So that what is written can be read again.
      std::erase_if(wanted, [&](uint32_t column) { return object->is_generated(column); });
    }
    FromItem item = scan_of(object, false);
    QueryPlan query;
    for (uint32_t column : wanted) {
      const Column& found = item.plan->columns[column];
      query.columns.push_back({found.name, found});
    }
    query.plan = item.plan;
    FOREBAY_ASSIGN_OR_RETURN(PlannedQuery planned, plan_query(std::move(query)));
    rows->what = BoundSelect{std::move(planned)};
  }
  out.rows = std::move(rows);
  FOREBAY_ASSIGN_OR_RETURN(out.format, bind_copy_format(copy, notices));
  return out;
}

}  // namespace forebay::sql::binder
