#pragma once

#include <string>
#include <vector>

#include "server/database.h"
#include "server/virtual_rows.h"

/// Watermarks as people see them: forebay.watermarks and SHOW WATERMARKS.
namespace forebay::server {

/// Columns of forebay.watermarks, for add_virtual_table.
inline constexpr std::string_view kWatermarkColumns =
    "object text, partition text, watermark timestamptz, idle bool, "
    "holds_back_since timestamptz, source text, far_future bigint";
data::Status fill_watermarks(Database& database, VirtualRowsBuilder& out);

/// Names of SHOW WATERMARKS' columns, and its rows.
std::vector<std::string> shown_watermark_columns();
std::vector<std::vector<std::string>> shown_watermarks(Database& database);

}  // namespace forebay::server
