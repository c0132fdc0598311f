#pragma once

#include <map>
#include <string>
#include <vector>

#include "sql/catalog/catalog.h"

/// What is stored of an object: its statement and its numbers. All else is made from the statement
/// again at each start.
///
/// The bytes (version 1; DO NOT CHANGE, add a version):
///
///     1 byte   version = 1
///     1 byte   kind (ObjectKind)
///     varint   object id
///     string   schema, name, definition (each: varint length, bytes)
///     varint   number of schemas of the search path, then each as string
///     varint   number of state tables, then each id as varint, in the order of lowering
///     8 bytes  fingerprint of the lowered circuit, little-endian; 0: none
///
/// Version 2, of objects with comments, has behind that:
///
///     varint   number of comments, then each: varint 0 of the object, i + 1 of its column i;
///     string
///
/// Version 3, of objects that are paused or have shapes, has behind that (the number of comments
/// may be 0):
///
///     varint   flags: 1 paused
///     varint   number of shapes, then each: varint until, varint number of names, each as string
///
/// Version 4, of views with EMIT LATE INTO, has behind that:
///
///     varint   number of the object that has its late rows
namespace forebay::sql::catalog {

struct StoredObject {
  ObjectKind kind = ObjectKind::kTable;
  ObjectId id;
  std::string schema;
  std::string name;
  std::string definition;
  std::vector<std::string> search_path;
  std::vector<TableId> tables;
  uint64_t fingerprint = 0;
  std::map<uint32_t, std::string> comments;
  bool paused = false;
  std::vector<CatalogObject::Shape> shapes;
  ObjectId late_rows;
};

std::string encode_record(const StoredObject& object);
/// XX001 on bytes that encode_record did not make.
Result<StoredObject> decode_record(std::string_view bytes);

}  // namespace forebay::sql::catalog
