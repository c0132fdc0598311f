#pragma once

#include <string_view>

#include "engine/data/value.h"

/// Types and values of parameters as clients give them.
namespace forebay::server::pgwire {

/// The type that stands for PostgreSQL's `oid` in a parameter: name is text; 0, unknown and json
/// are kUnknown. 0A000 for types that are not there.
data::Result<data::Type> parameter_type(uint32_t oid);

/// The value of `bytes`, which are in the binary format of PostgreSQL's type `oid`, as a Datum of
/// `type`. Errors as data::parse_binary().
data::Result<data::Datum> parse_binary_parameter(std::string_view bytes, uint32_t oid,
                                                 data::Type type);

}  // namespace forebay::server::pgwire
