#pragma once

#include <string>
#include <vector>

#include "connectors/options.h"
#include "sql/ast/statement.h"

/// CREATE TABLE as Flink writes it: connector, format and everything else are options.
namespace forebay::sql::binder {

/// What such a definition says, in the words of CREATE SOURCE.
struct FlinkConnector {
  enum class Errors : uint8_t { kUnset, kKeep, kFail };

  connectors::Options options;
  /// Empty: none is given, and the connector needs none.
  std::string encode;
  connectors::Options encode_options;
  /// What 'json.ignore-parse-errors' asks for.
  Errors errors = Errors::kUnset;
  /// Rows go there; none come from it.
  bool is_sink = false;
};

/// Is a CREATE TABLE (or, `of_source`, CREATE SOURCE) with options in Flink's spelling? Then it has
/// no FORMAT and no INCLUDE, and something that only Flink writes: 'format', METADATA, NOT
/// ENFORCED, a connector or an option of Flink's.
bool is_flink_spelling(const ast::RelationDef& definition, bool of_source);

/// Flink's options as ours. Options without an effect here are told in `notices`; unknown ones, and
/// what can't be done, are 22023 and 0A000 with a hint, at their position.
data::Result<FlinkConnector> read_flink_options(const ast::RelationDef& definition,
                                                std::vector<std::string>& notices);

/// Our name of a metadata key of a Flink connector; empty: there is none.
std::string flink_metadata(std::string_view connector, std::string_view key);

}  // namespace forebay::sql::binder
