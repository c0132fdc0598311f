#include "connectors/nexmark/nexmark_decoder.h"

namespace forebay::connectors {

using nexmark::EventMaker;
using nexmark::Field;
using nexmark::FieldInfo;
using nexmark::Kind;

NexmarkDecoder::NexmarkDecoder(const NexmarkConfig& config, const DecodeRequest& request)
    : config_(config), maker_(config.events), projection_(request.projection), writer_(request) {
  events_.reserve(writer_.capacity());
}

void NexmarkDecoder::start(RawBatch batch) {
  raw_ = std::move(batch);
  raw_owner_ = arena_of(raw_);
  next_ = raw_.from.value;
}

bool NexmarkDecoder::next(DecodedBatch& out) {
  out = DecodedBatch();
  if (next_ >= raw_.to.value) {
    raw_ = RawBatch();
    raw_owner_.reset();
    return false;
  }
  choose_events();
  writer_.begin(raw_owner_);
  for (size_t i = 0; i < projection_.size(); ++i) {
    fill(writer_.columns()[i], config_.fields[projection_[i]]);
  }
  const auto rows = static_cast<uint32_t>(events_.size());
  for (uint32_t row = 0; row < rows; ++row) writer_.set_origin(row, events_[row], 0);
  out.rows = writer_.finish(rows, raw_);
  return true;
}

void NexmarkDecoder::choose_events() {
  events_.clear();
  const uint32_t most = writer_.capacity();
  uint64_t place = next_ % nexmark::kGroupEvents;
  for (; next_ < raw_.to.value && events_.size() < most; ++next_) {
    if (!config_.kind || nexmark::kind_at(place) == *config_.kind) events_.push_back(next_);
    if (++place == nexmark::kGroupEvents) place = 0;
  }
}

template <typename F>
void NexmarkDecoder::fill_numbers(ColumnWriter& column, const FieldInfo& field, F number) const {
  const auto rows = static_cast<uint32_t>(events_.size());
  const bool has_nulls = !config_.kind && field.kinds != 7;
  const bool is_wide = column.layout() == Layout::kInt64;
  for (uint32_t row = 0; row < rows; ++row) {
    const uint64_t event = events_[row];
    int64_t value = 0;
    if (has_nulls && !field.belongs_to(nexmark::kind_of(event))) {
      column.set_null(row);
    } else {
      value = number(event);
    }
    if (is_wide) {
      column.set(row, value);
    } else {
      column.set(row, static_cast<int32_t>(value));
    }
  }
}

void NexmarkDecoder::fill_texts(ColumnWriter& column, const FieldInfo& field) const {
  const bool has_nulls = !config_.kind && field.kinds != 7;
  for (uint32_t row = 0; row < events_.size(); ++row) {
    const uint64_t event = events_[row];
    if (has_nulls && !field.belongs_to(nexmark::kind_of(event))) {
      column.set(row, StringView());
      column.set_null(row);
      continue;
    }
    char* buffer = column.arena().allocate(EventMaker::kMostTextBytes);
    const std::string_view text = maker_.text(field.field, event, buffer);
    // What is not in the buffer lives as long as the program.
    const bool is_kept = text.data() == buffer && text.size() > StringView::kInlineBytes;
    column.arena().shrink_last(EventMaker::kMostTextBytes - (is_kept ? text.size() : 0));
    column.set_string(row, text);
  }
}

void NexmarkDecoder::fill(ColumnWriter& column, const FieldInfo& field) const {
  if (field.value == nexmark::ValueKind::kText) {
    fill_texts(column, field);
    return;
  }
  switch (field.field) {  // a loop of its own for what every bid has
    case Field::kAuction:
      fill_numbers(column, field, [&](uint64_t event) { return maker_.auction(event); });
      break;
    case Field::kBidder:
      fill_numbers(column, field, [&](uint64_t event) { return maker_.bidder(event); });
      break;
    case Field::kPrice:
      fill_numbers(column, field, [&](uint64_t event) { return maker_.price(event); });
      break;
    case Field::kDateTime:
      fill_numbers(column, field, [&](uint64_t event) { return maker_.date_time(event); });
      break;
    default:
      fill_numbers(column, field,
                   [&](uint64_t event) { return maker_.number(field.field, event); });
  }
}

}  // namespace forebay::connectors
