#pragma once

#include "connectors/format.h"

namespace forebay::connectors {

/// FORMAT PLAIN ENCODE CSV (delimiter, quote, null, header, without_header).
FormatDescriptor csv_format();

}  // namespace forebay::connectors
