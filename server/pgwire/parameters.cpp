#include "server/pgwire/parameters.h"

#include <fmt/format.h>

#include "engine/data/binary_format.h"
#include "engine/data/text_format.h"
#include "server/pgwire/wire.h"

namespace forebay::server::pgwire {

using data::Datum;
using data::Result;
using data::Status;
using data::Type;

namespace {

// Types that parameters may have though columns may not: what clients choose for small numbers and
// names.
constexpr uint32_t kOidOid = 26, kOidArrayOid = 1028, kUnknownOid = 705, kNameOid = 19,
                   kJsonOid = 114;

Datum integer_datum(int64_t value, Type type) {
  if (type.id == data::TypeId::kBigint) return Datum{type, value};
  return Datum{type, static_cast<int32_t>(value)};
}

Status wrong_format() {
  return Status(data::sqlstate::kInvalidBinary, "incorrect binary data format");
}

/// The bytes of an array of oids as those of an array of bigint.
Result<std::string> widened_oids(std::string_view bytes) {
  MessageReader reader(bytes);
  MessageWriter out;
  const int32_t dimensions = reader.int32();
  out.int32(dimensions);
  out.int32(reader.int32());
  if (static_cast<uint32_t>(reader.int32()) != kOidOid) return wrong_format();
  out.int32(static_cast<int32_t>(data::type_oid(data::TypeId::kBigint)));
  if (dimensions < 0 || dimensions > 6) return wrong_format();
  int64_t elements = dimensions == 0 ? 0 : 1;
  for (int32_t i = 0; i < dimensions; ++i) {
    const int32_t length = reader.int32();
    if (length < 0 || length > static_cast<int64_t>(bytes.size())) return wrong_format();
    elements *= length;
    if (elements > static_cast<int64_t>(bytes.size())) return wrong_format();
    out.int32(length);
    out.int32(reader.int32());
  }
  for (int64_t i = 0; i < elements; ++i) {
    const int32_t size = reader.int32();
    if (size != -1 && size != 4) return wrong_format();
    out.int32(size == -1 ? -1 : 8);
    if (size != -1) out.int64(static_cast<uint32_t>(reader.int32()));
  }
  if (!reader.finish().is_ok()) return wrong_format();
  return out.buffer();
}

}  // namespace

Result<Type> parameter_type(uint32_t oid) {
  switch (oid) {
    case 0:
    case kUnknownOid:
    case kJsonOid:  // its text, which becomes what the statement needs
      return data::kUnknownType;
    case kOidOid:
      return data::kBigintType;
    case kOidArrayOid:
      return Type{data::array_of(data::TypeId::kBigint)};
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
  if (oid == kOidArrayOid) {
    FOREBAY_ASSIGN_OR_RETURN(const std::string widened, widened_oids(bytes));
    return data::parse_binary(widened, type);
  }
  if (oid != kOidOid) return data::parse_binary(bytes, type);
  if (bytes.size() != 4) return wrong_format();
  MessageReader reader(bytes);
  return integer_datum(static_cast<uint32_t>(reader.int32()), type);
}

uint32_t oid_like(Type type) {
  if (type.id == data::TypeId::kBigint) return kOidOid;
  return type == Type{data::array_of(data::TypeId::kBigint)} ? kOidArrayOid : 0;
}

}  // namespace forebay::server::pgwire
