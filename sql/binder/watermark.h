#pragma once

#include "sql/ast/statement.h"

namespace forebay::sql::binder {

/// WITH options that belong to the watermark and not to the connector.
bool is_watermark_option(const ast::Option& option);
/// There are options, and no connector's among them.
bool has_only_watermark_options(const ast::RelationDef& definition);

}  // namespace forebay::sql::binder
