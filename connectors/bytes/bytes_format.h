#pragma once

#include "connectors/format.h"

namespace forebay::connectors {

/// FORMAT PLAIN ENCODE BYTES: the record as it is, in the source's one column (bytea or text). In
/// files a record is a line without its end. No options.
FormatDescriptor bytes_format();

}  // namespace forebay::connectors
