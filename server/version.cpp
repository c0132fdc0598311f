#include "server/version.h"

namespace forebay::server {

std::string_view version() { return FOREBAY_VERSION; }

}  // namespace forebay::server
