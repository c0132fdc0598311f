#pragma once

#include "connectors/format.h"

namespace forebay::connectors {

/// FORMAT PLAIN ENCODE JSON: one object per line. No options.
FormatDescriptor json_format();

}  // namespace forebay::connectors
