#include <fmt/format.h>

#include "sql/binder/binder.h"
#include "sql/binder/types.h"
#include "udfs/library.h"

/// CREATE FUNCTION ... LANGUAGE CPP, and calls of what it made.
namespace forebay::sql::binder {

namespace state = data::sqlstate;

namespace {

constexpr data::SqlState kInvalidDefinition("42P13");

/// The signature that a library describes.
std::string described(const std::vector<TypeId>& arguments, std::string result) {
  std::vector<std::string> names;
  for (TypeId id : arguments) names.push_back(Type{id}.name());
  return fmt::format("({}) returning {}", fmt::join(names, ", "), result);
}

}  // namespace

Status Binder::bind_native(const ast::CreateFunction& create, catalog::CatalogObject& function) {
  if (create.body.size() != 2) {
    return Status(kInvalidDefinition, "a function in C++ needs a library and a symbol")
        .with_hint("LANGUAGE CPP AS '/path/to/library.so', 'symbol'.")
        .at(create.language_position);
  }
  const std::string& path = create.body[0];
  if (path.find('/') == std::string::npos) {
    return Status(kInvalidDefinition, fmt::format("\"{}\" is no path of a library", path))
        .with_hint("Give the whole path, such as '/usr/lib/forebay/library.so'.");
  }
  FOREBAY_ASSIGN_OR_RETURN(function.native,
                           udfs::load_function(path, create.body[1], function.function_name));
  std::vector<TypeId> arguments;
  for (const data::Field& parameter : function.parameters) arguments.push_back(parameter.type.id);
  bool same = false;
  std::string has;
  if (const udfs::ScalarFunction* scalar = function.native.scalar) {
    same = !function.returns_rows && !scalar->variadic && scalar->arguments == arguments &&
           scalar->result == function.columns[0].type.id;
    has = described(scalar->arguments, Type{scalar->result}.name());
  } else {
    const udfs::TableFunction* table = function.native.table;
    same = function.returns_rows && table->arguments == arguments &&
           table->columns.size() == function.columns.size();
    std::vector<std::string> columns;
    for (size_t i = 0; i < table->columns.size(); ++i) {
      columns.push_back(Type{table->columns[i].type}.name());
      same = same && table->columns[i].type == function.columns[i].type.id;
    }
    has = described(table->arguments, fmt::format("rows of ({})", fmt::join(columns, ", ")));
  }
  if (same) return Status::ok();
  return Status(kInvalidDefinition,
                fmt::format("function \"{}\" in the library has other types", create.body[1]))
      .with_detail(fmt::format("It is described as {}.", has))
      .with_hint("Declare it with these types.");
}

ExprRef Binder::call_native(const catalog::CatalogObject& function,
                            std::vector<ExprRef> arguments) const {
  return expr::call(function.native.scalar, function.columns[0].type, std::move(arguments));
}

NodeRef Binder::rows_of_native(const catalog::CatalogObject& function,
                               std::vector<ExprRef> arguments, Columns* results) {
  plan::TableFunction model;
  model.function = function.native.table;
  for (const data::Field& field : function.columns) {
    model.results.push_back(columns_.make(field.name, field.type));
  }
  *results = model.results;
  return plan::make_table_function(plan::make_unit(), model, std::move(arguments));
}

}  // namespace forebay::sql::binder
