#include "server/pgwire/parameters.h"

#include <fmt/format.h>

#include "engine/data/binary_format.h"
#include "server/pgwire/wire.h"

namespace forebay::server::pgwire {

using data::Datum;
using data::Result;
using data::Status;
using data::Type;

namespace {

// Types that parameters may have though columns may not: what clients choose for small numbers and
// names.
constexpr uint32_t kOidOid = 26, kUnknownOid = 705, kNameOid = 19, kBpcharOid = 1042;

Datum integer_datum(int64_t value, Type type) {
  if (type.id == data::TypeId::kBigint) return Datum{type, value};
  return Datum{type, static_cast<int32_t>(value)};
}

}  // namespace

Result<Type> parameter_type(uint32_t oid) {
  switch (oid) {
    case 0:
    case kUnknownOid:
      return data::kUnknownType;
    case kOidOid:
      return data::kBigintType;
    case kNameOid:
    case kBpcharOid:
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
  if (oid != kOidOid) return data::parse_binary(bytes, type);
  if (bytes.size() != 4) {
    return Status(data::sqlstate::kInvalidBinary, "incorrect binary data format");
  }
  MessageReader reader(bytes);
  return integer_datum(static_cast<uint32_t>(reader.int32()), type);
}

}  // namespace forebay::server::pgwire
