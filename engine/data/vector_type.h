#pragma once

#include <string>
#include <string_view>

#include "engine/data/type.h"

/// int2vector and oidvector, which columns of the catalog have: arrays of smallint and of oid in
/// all but how clients know them: numbers with blanks between in text, counted from 0 in binary.
namespace forebay::data {

/// The modifier of an array type that marks a vector.
inline constexpr int32_t kVectorModifier = -2;
inline constexpr Type kInt2VectorType{array_of(TypeId::kSmallint), kVectorModifier};
inline constexpr Type kOidVectorType{array_of(TypeId::kOid), kVectorModifier};

constexpr bool is_vector(Type type) { return type == kInt2VectorType || type == kOidVectorType; }
/// pg_type.oid.
constexpr uint32_t vector_oid(Type type) { return type == kInt2VectorType ? 22 : 30; }

/// "1 2".
void format_vector(std::string_view array, Type type, std::string& out);
/// As int2vectorsend and oidvectorsend write it.
void append_binary_vector(std::string_view array, Type type, std::string& out);

}  // namespace forebay::data
