#include "server/pgwire/parameters.h"

#include <fmt/format.h>

#include <bit>

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
constexpr uint32_t kInt2Oid = 21, kOidOid = 26, kFloat4Oid = 700, kUnknownOid = 705, kNameOid = 19,
                   kBpcharOid = 1042;

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
    case kInt2Oid:
      return data::kIntegerType;
    case kOidOid:
      return data::kBigintType;
    case kFloat4Oid:
      return data::kDoubleType;
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
  MessageReader reader(bytes);
  bool is_known_width = oid == kInt2Oid || oid == kOidOid || oid == kFloat4Oid;
  if (!is_known_width) return data::parse_binary(bytes, type);
  if (bytes.size() != (oid == kInt2Oid ? 2u : 4u)) {
    return Status(data::sqlstate::kInvalidBinary, "incorrect binary data format");
  }
  if (oid == kInt2Oid) return integer_datum(reader.int16(), type);
  if (oid == kOidOid) return integer_datum(static_cast<uint32_t>(reader.int32()), type);
  return Datum{type, double{std::bit_cast<float>(static_cast<uint32_t>(reader.int32()))}};
}

}  // namespace forebay::server::pgwire
