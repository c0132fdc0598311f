#include "connectors/json/structural_index.h"

#include <simdjson.h>

#include "engine/data/status.h"

namespace forebay::connectors {

namespace {
// Stage 1 has no nesting; what simdjson allocates for it is not used.
constexpr size_t kUnusedDepth = 1;
constexpr size_t kFirstCapacity = size_t{128} << 10;
}  // namespace

struct StructuralIndex::Impl {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
};

StructuralIndex::StructuralIndex() : impl_(std::make_unique<Impl>()) {
  auto error = simdjson::get_active_implementation()->create_dom_parser_implementation(
      kFirstCapacity, kUnusedDepth, impl_->parser);
  FOREBAY_CHECK(error == simdjson::SUCCESS, simdjson::error_message(error));
}

StructuralIndex::~StructuralIndex() = default;

StructureError StructuralIndex::scan(std::string_view text) {
  auto& parser = *impl_->parser;
  if (text.size() + 8 > parser.capacity()) {
    auto error = parser.set_capacity(text.size() + (text.size() >> 2) + 64);
    FOREBAY_CHECK(error == simdjson::SUCCESS, simdjson::error_message(error));
  }
  auto error = parser.stage1(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
                             simdjson::stage1_mode::regular);
  uint32_t* first = parser.structural_indexes.get();
  begin_ = end_ = first;
  switch (error) {
    case simdjson::SUCCESS:
      end_ = first + parser.n_structural_indexes;
      break;
    case simdjson::EMPTY:
      break;
    case simdjson::UTF8_ERROR:
      return StructureError::kInvalidUtf8;
    case simdjson::UNESCAPED_CHARS:
      return StructureError::kControlCharacter;
    case simdjson::UNCLOSED_STRING:
      return StructureError::kUnclosedString;
    default:
      return StructureError::kOther;
  }
  uint32_t* past = first + (end_ - first);
  for (int i = 0; i < 4; ++i) past[i] = static_cast<uint32_t>(text.size());
  return StructureError::kNone;
}

bool is_valid_utf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

}  // namespace forebay::connectors
