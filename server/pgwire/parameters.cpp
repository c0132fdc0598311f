#include "server/pgwire/parameters.h"

#include <fmt/format.h>

#include "engine/data/binary_format.h"
#include "engine/data/text_format.h"

namespace forebay::server::pgwire {

using data::Datum;
using data::Result;
using data::Status;
using data::Type;

namespace {

// Types that parameters may have though columns may not.
constexpr uint32_t kUnknownOid = 705, kNameOid = 19, kJsonOid = 114;

}  // namespace

Result<Type> parameter_type(uint32_t oid) {
  switch (oid) {
    case 0:
    case kUnknownOid:
    case kJsonOid:  // its text, which becomes what the statement needs
      return data::kUnknownType;
    case kNameOid:
      return data::kTextType;
    default:
      break;
  }
  data::TypeId id = data::type_of_oid(oid);
  if (id != data::TypeId::kUnknown) return Type{id};
  return Status(data::Error{.sqlstate = data::sqlstate::kFeatureNotSupported,
                            .message = fmt::format("type with OID {} is not supported", oid),
                            .hint = "Give the parameter as text."});
}

Result<Datum> parse_binary_parameter(std::string_view bytes, uint32_t oid, Type type) {
  if (oid == kJsonOid) return data::parse_datum(bytes, type);
  return data::parse_binary(bytes, type);
}

}  // namespace forebay::server::pgwire
