#include "sql/catalog/record.h"

#include <fmt/format.h>

#include "engine/data/row_codec.h"

namespace forebay::sql::catalog {
namespace {

constexpr char kVersion = 1;
constexpr char kVersionWithComments = 2;
constexpr char kVersionWithShapes = 3;
constexpr char kVersionWithLate = 4;

constexpr uint64_t kPausedFlag = 1;

void append_string(std::string_view text, std::string& out) {
  data::append_varint(text.size(), out);
  out += text;
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number() {
    uint64_t value = 0;
    ok_ = ok_ && data::read_varint(bytes_, value);
    return ok_ ? value : 0;
  }
  std::string string() {
    uint64_t size = number();
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return text;
  }
  uint8_t byte() {
    if (bytes_.empty()) {
      ok_ = false;
      return 0;
    }
    auto value = static_cast<uint8_t>(bytes_[0]);
    bytes_.remove_prefix(1);
    return value;
  }
  bool ok() const { return ok_; }
  bool at_end() const { return bytes_.empty(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::string encode_record(const StoredObject& object) {
  std::string out;
  const bool has_late = object.late_rows.value != 0;
  const bool has_more = object.paused || !object.shapes.empty() || has_late;
  out += has_late                  ? kVersionWithLate
         : has_more                ? kVersionWithShapes
         : object.comments.empty() ? kVersion
                                   : kVersionWithComments;
  out += static_cast<char>(object.kind);
  data::append_varint(object.id.value, out);
  append_string(object.schema, out);
  append_string(object.name, out);
  append_string(object.definition, out);
  data::append_varint(object.search_path.size(), out);
  for (const std::string& schema : object.search_path) append_string(schema, out);
  data::append_varint(object.tables.size(), out);
  for (TableId table : object.tables) data::append_varint(table.value, out);
  for (int i = 0; i < 8; ++i) out += static_cast<char>(object.fingerprint >> (8 * i));
  if (object.comments.empty() && !has_more) return out;
  data::append_varint(object.comments.size(), out);
  for (const auto& [place, text] : object.comments) {
    data::append_varint(place, out);
    append_string(text, out);
  }
  if (!has_more) return out;
  data::append_varint(object.paused ? kPausedFlag : 0, out);
  data::append_varint(object.shapes.size(), out);
  for (const CatalogObject::Shape& shape : object.shapes) {
    data::append_varint(shape.until, out);
    data::append_varint(shape.names.size(), out);
    for (const std::string& name : shape.names) append_string(name, out);
  }
  if (has_late) data::append_varint(object.late_rows.value, out);
  return out;
}

Result<StoredObject> decode_record(std::string_view bytes) {
  auto damaged = [](std::string why) {
    return Status(data::Error{.sqlstate = data::sqlstate::kDataCorrupted,
                              .fault = data::Fault::kEnvironment,
                              .message = "a catalog record is damaged",
                              .detail = std::move(why)});
  };
  Reader reader(bytes);
  uint8_t version = reader.byte();
  if (version < kVersion || version > kVersionWithLate) {
    return damaged(fmt::format("Its version is {}; this program knows versions {} to {}.", version,
                               int{kVersion}, int{kVersionWithLate}));
  }
  StoredObject object;
  uint8_t kind = reader.byte();
  const bool known = (kind >= 1 && kind <= 4) || (kind >= 6 && kind <= 10);
  if (!known) return damaged(fmt::format("It is of kind {}.", kind));
  object.kind = static_cast<ObjectKind>(kind);
  object.id = ObjectId(static_cast<uint32_t>(reader.number()));
  object.schema = reader.string();
  object.name = reader.string();
  object.definition = reader.string();
  for (uint64_t count = reader.number(); count > 0 && reader.ok(); --count) {
    object.search_path.push_back(reader.string());
  }
  for (uint64_t count = reader.number(); count > 0 && reader.ok(); --count) {
    object.tables.emplace_back(static_cast<uint32_t>(reader.number()));
  }
  for (int i = 0; i < 8; ++i) object.fingerprint |= uint64_t{reader.byte()} << (8 * i);
  if (version >= kVersionWithComments) {
    for (uint64_t count = reader.number(); count > 0 && reader.ok(); --count) {
      const auto place = static_cast<uint32_t>(reader.number());
      object.comments[place] = reader.string();
    }
  }
  if (version >= kVersionWithShapes) {
    object.paused = (reader.number() & kPausedFlag) != 0;
    for (uint64_t count = reader.number(); count > 0 && reader.ok(); --count) {
      CatalogObject::Shape shape;
      shape.until = static_cast<uint32_t>(reader.number());
      for (uint64_t names = reader.number(); names > 0 && reader.ok(); --names) {
        shape.names.push_back(reader.string());
      }
      object.shapes.push_back(std::move(shape));
    }
  }
  if (version == kVersionWithLate) {
    object.late_rows = ObjectId(static_cast<uint32_t>(reader.number()));
  }
  if (!reader.ok() || !reader.at_end()) return damaged("It is cut or too long.");
  return object;
}

}  // namespace forebay::sql::catalog
