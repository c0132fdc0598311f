#include "engine/operators/aggregate_payload.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdlib>

#include "engine/data/numeric.h"
#include "engine/data/row_codec.h"
#include "engine/operators/emission.h"

namespace forebay::operators {

namespace {

using data::Layout;
using udfs::AggregateKind;

constexpr uint32_t round_up(uint32_t bytes) { return (bytes + 7) / 8 * 8; }

data::Int128 interval_span(const data::Interval& value) {
  return (data::Int128{value.months} * 30 + value.days) * 86'400'000'000 + value.microseconds;
}

/// The order of kExact key bytes: by value, equal values by their finest detail. Negative: a first.
template <typename T>
int exact_order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}
int exact_order(const double& a, const double& b) {
  bool a_nan = a != a, b_nan = b != b;
  if (a_nan || b_nan) return int{a_nan} - int{b_nan};
  if (a == b) return int{std::signbit(b)} - int{std::signbit(a)};
  return a < b ? -1 : 1;
}
int exact_order(const data::Numeric& a, const data::Numeric& b) {
  int order = data::compare(a, b);
  return order != 0 ? order : exact_order(a.scale, b.scale);
}
int exact_order(const data::Interval& a, const data::Interval& b) {
  int order = exact_order(interval_span(a), interval_span(b));
  if (order == 0) order = exact_order(a.months, b.months);
  return order != 0 ? order : exact_order(a.days, b.days);
}

/// Calls visit.template operator()<T>() for the fixed-width layouts.
template <typename F>
void with_fixed_layout(Layout layout, F&& visit) {
  switch (layout) {
    case Layout::kBool:
      return visit.template operator()<uint8_t>();
    case Layout::kInt32:
      return visit.template operator()<int32_t>();
    case Layout::kInt64:
      return visit.template operator()<int64_t>();
    case Layout::kDouble:
      return visit.template operator()<double>();
    case Layout::kNumeric:
      return visit.template operator()<data::Numeric>();
    case Layout::kInterval:
      return visit.template operator()<data::Interval>();
    case Layout::kString:
      return;
  }
}

/// A string extreme: bytes from malloc and size + 1; size 0 means that there is no value.
struct OwnedString {
  char* bytes;
  uint64_t size_plus_one;
  std::string_view view() const { return {bytes, size_plus_one - 1}; }
};
OwnedString load_string(const char* at) {
  OwnedString value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
void store_string(char* at, std::string_view text) {
  OwnedString value{static_cast<char*>(std::malloc(text.size() + 1)), text.size() + 1};
  if (!text.empty()) std::memcpy(value.bytes, text.data(), text.size());
  std::memcpy(at, &value, sizeof value);
}

uint64_t zigzag(uint64_t word) { return word << 1 ^ (0 - (word >> 63)); }
uint64_t unzigzag(uint64_t word) { return word >> 1 ^ (0 - (word & 1)); }

bool counts_all_rows(const AggregateCallSpec& call) {
  return call.function->name == "count" && call.function->arguments.empty() &&
         call.filter_column < 0 && call.function->state_bytes == 8;
}

}  // namespace

bool counts_scales(const AggregateParameters& parameters, const AggregateCallSpec& call) {
  if (call.function->set_scale == nullptr) return false;
  if (parameters.input_types[call.arguments[0]].modifier >= 0) return false;
  // The form of a DISTINCT value changes as a smaller one comes.
  return call.distinct || !parameters.append_only;
}

AggregatePayload::AggregatePayload(const AggregateParameters& parameters)
    : parameters_(parameters) {
  for (uint32_t column : parameters.group_columns) {
    Type type = parameters.input_types[column];
    bool scaled = type.id == data::TypeId::kNumeric && type.modifier < 0;
    scaled_index_.push_back(scaled ? static_cast<int32_t>(scaled_keys_.size()) : -1);
    if (scaled) scaled_keys_.push_back(static_cast<uint32_t>(key_types_.size()));
    key_types_.push_back(type);
  }
  output_types_ = key_types_;
  uint32_t offset = round_up(static_cast<uint32_t>(kScales + 2 * scaled_keys_.size()));
  calls_.resize(parameters.aggregates.size());
  for (size_t i = 0; i < calls_.size(); ++i) {
    const AggregateCallSpec& call = parameters.aggregates[i];
    output_types_.push_back(call.result_type);
    calls_[i].layout = data::layout_of(call.result_type.id);
    if (call.function->kind != AggregateKind::kAccumulator) {
      calls_[i].state = CallState::kExtreme;
      if (calls_[i].layout == Layout::kString) continue;
      calls_[i].offset = offset;
      offset += 8 + round_up(data::width_of(calls_[i].layout));
    } else if (counts_all_rows(call)) {
      calls_[i] = {CallState::kRowCount, 0, {}};
    } else {
      if (counts_scales(parameters, call)) offset += static_cast<uint32_t>(sizeof(ScaleWords));
      calls_[i] = {CallState::kAccumulator, offset, {}};
      offset += round_up(call.function->state_bytes);
    }
  }
  fixed_words_ = offset / 8;
  for (Call& call : calls_) {
    if (call.state != CallState::kExtreme || call.layout != Layout::kString) continue;
    call.offset = offset;
    string_extremes_.push_back(offset);
    offset += sizeof(OwnedString);
  }
  bytes_ = offset;
}

namespace {

/// The order of kExact key bytes, as in the table of the values.
int exact_order(data::TypeId type, std::string_view a, std::string_view b) {
  if (data::ordering_of(type) == data::Ordering::kLayout || a == b) return a.compare(b);
  std::string key_a;
  std::string key_b;
  data::append_key(data::Datum{{type}, std::string(a)}, data::KeyMode::kExact, key_a);
  data::append_key(data::Datum{{type}, std::string(b)}, data::KeyMode::kExact, key_b);
  return key_a.compare(key_b);
}

}  // namespace

void AggregatePayload::offer_string(size_t index, bool maximum, std::string_view offered,
                                    char* payload, std::vector<char*>& retired) const {
  const Call& call = calls_[index];
  char* at = payload + call.offset;
  OwnedString current = load_string(at);
  if (current.size_plus_one != 0) {
    int order = exact_order(parameters_.aggregates[index].result_type.id, offered, current.view());
    if (order == 0 || (order > 0) != maximum) return;
    retired.push_back(current.bytes);
  }
  store_string(at, offered);
}

void AggregatePayload::offer_extremes(size_t index, const data::ColumnView& column,
                                      std::span<const uint32_t> rows,
                                      std::span<char* const> payloads,
                                      std::vector<char*>& retired) const {
  const Call& call = calls_[index];
  bool maximum = parameters_.aggregates[index].function->kind == AggregateKind::kMaximum;
  if (call.layout == Layout::kString) {
    for (size_t i = 0; i < rows.size(); ++i) {
      offer_string(index, maximum, column.at<data::StringView>(rows[i]).view(), payloads[i],
                   retired);
    }
    return;
  }
  with_fixed_layout(call.layout, [&]<typename T>() {
    for (size_t i = 0; i < rows.size(); ++i) {
      const T& offered = column.at<T>(rows[i]);
      char* at = payloads[i] + call.offset;
      if (load(at) != 0) {
        T current;
        std::memcpy(&current, at + 8, sizeof(T));
        int order = exact_order(offered, current);
        if (order == 0 || (order > 0) != maximum) continue;
      }
      int64_t present = 1;
      std::memcpy(at, &present, 8);
      std::memcpy(at + 8, &offered, sizeof(T));
    }
  });
}

void AggregatePayload::set_extreme(size_t index, const data::ColumnView& column, uint32_t row,
                                   char* payload, std::vector<char*>& retired) const {
  const Call& call = calls_[index];
  char* at = payload + call.offset;
  if (call.layout == Layout::kString) {
    std::string_view text = column.at<data::StringView>(row).view();
    OwnedString current = load_string(at);
    if (current.size_plus_one != 0) {
      if (current.view() == text) return;
      retired.push_back(current.bytes);
    }
    store_string(at, text);
    return;
  }
  with_fixed_layout(call.layout, [&]<typename T>() {
    int64_t present = 1;
    std::memcpy(at, &present, 8);
    std::memcpy(at + 8, &column.at<T>(row), sizeof(T));
  });
}

void AggregatePayload::clear_extreme(size_t index, char* payload,
                                     std::vector<char*>& retired) const {
  const Call& call = calls_[index];
  char* at = payload + call.offset;
  if (call.layout == Layout::kString) {
    OwnedString current = load_string(at);
    if (current.size_plus_one != 0) retired.push_back(current.bytes);
    std::memset(at, 0, sizeof(OwnedString));
  } else {
    std::memset(at, 0, 8 + round_up(data::width_of(call.layout)));
  }
}

void AggregatePayload::finish_extreme(const Call& call, std::span<const char* const> payloads,
                                      data::ColumnBuilder& out) const {
  if (call.layout == Layout::kString) {
    for (const char* payload : payloads) {
      OwnedString value = load_string(payload + call.offset);
      if (value.size_plus_one == 0) {
        out.append_null();
      } else {
        out.append_string(value.view());
      }
    }
    return;
  }
  with_fixed_layout(call.layout, [&]<typename T>() {
    for (const char* payload : payloads) {
      if (load(payload + call.offset) == 0) {
        out.append_null();
        continue;
      }
      T value;
      std::memcpy(&value, payload + call.offset + 8, sizeof(T));
      out.append(value);
    }
  });
}

void AggregatePayload::finish(size_t index, std::span<const char* const> payloads,
                              data::ColumnBuilder& out, std::vector<GroupFailure>& failures) const {
  const Call& call = calls_[index];
  if (call.state == CallState::kExtreme) return finish_extreme(call, payloads, out);
  if (call.state == CallState::kRowCount) {
    for (const char* payload : payloads) out.append(row_count(payload));
    return;
  }
  const udfs::AggregateFunction& function = *parameters_.aggregates[index].function;
  std::vector<const char*> states(payloads.begin(), payloads.end());
  for (const char*& state : states) state += call.offset;
  struct Context {
    std::vector<GroupFailure>& failures;
    std::string column;
  } context{failures, std::string(function.name)};
  udfs::FinishCall finish;
  finish.states = states.data();
  finish.count = static_cast<uint32_t>(states.size());
  finish.out = &out;
  finish.context = &context;
  finish.fail = [](void* opaque, uint32_t group, const char* sqlstate, const char* message,
                   size_t message_bytes) {
    auto* to = static_cast<Context*>(opaque);
    to->failures.push_back({group, data::SqlState::from_text(std::string_view(sqlstate, 5)),
                            std::string(message, message_bytes), to->column});
  };
  function.finish(finish);
}

Status AggregatePayload::decode_key_columns(std::string_view key, const char* payload,
                                            std::span<data::ColumnBuilder> out) const {
  for (size_t i = 0; i < key_types_.size(); ++i) {
    int32_t shown = scaled_index_[i] < 0 ? -1 : scale(payload, scaled_index_[i]);
    FOREBAY_RETURN_IF_ERROR(
        data::decode_key(key, data::KeyMode::kGrouping, out[i], data::KeyOrder{}, shown));
  }
  return Status::ok();
}

void AggregatePayload::encode(const char* payload, std::string& out) const {
  size_t start = out.size();
  size_t header = (fixed_words_ + 1) / 2;
  // Writes whole words and keeps only their low bytes.
  out.resize(start + header + size_t{fixed_words_} * 8);
  char* base = out.data() + start;
  char* to = base + header;
  std::memset(base, 0, header);
  for (uint32_t i = 0; i < fixed_words_; ++i) {
    uint64_t word = zigzag(static_cast<uint64_t>(load(payload + size_t{i} * 8)));
    auto used = static_cast<uint32_t>((std::bit_width(word) + 7) / 8);
    std::memcpy(to, &word, 8);
    to += used;
    base[i / 2] = static_cast<char>(base[i / 2] | used << (i % 2 * 4));
  }
  out.resize(static_cast<size_t>(to - out.data()));
  for (uint32_t offset : string_extremes_) {
    OwnedString value = load_string(payload + offset);
    data::append_varint(value.size_plus_one, out);
    if (value.size_plus_one != 0) out.append(value.view());
  }
}

Status AggregatePayload::decode(std::string_view bytes, char* payload) const {
  auto corrupt = [] { return Status(data::sqlstate::kDataCorrupted, "corrupt group bytes"); };
  size_t header = (fixed_words_ + 1) / 2;
  if (bytes.size() < header) return corrupt();
  std::string_view counts = bytes.substr(0, header);
  bytes.remove_prefix(header);
  for (uint32_t i = 0; i < fixed_words_; ++i) {
    size_t used = static_cast<uint8_t>(counts[i / 2]) >> (i % 2 * 4) & 0xF;
    if (used > 8 || used > bytes.size()) return corrupt();
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), used);
    bytes.remove_prefix(used);
    word = unzigzag(word);
    std::memcpy(payload + size_t{i} * 8, &word, 8);
  }
  for (uint32_t offset : string_extremes_) {
    uint64_t size_plus_one;
    if (!data::read_varint(bytes, size_plus_one)) return corrupt();
    if (size_plus_one == 0) continue;
    if (size_plus_one - 1 > bytes.size()) return corrupt();
    store_string(payload + offset, bytes.substr(0, size_plus_one - 1));
    bytes.remove_prefix(size_plus_one - 1);
  }
  return bytes.empty() ? Status::ok() : corrupt();
}

void AggregatePayload::destroy(char* payload) const {
  for (uint32_t offset : string_extremes_) {
    std::free(load_string(payload + offset).bytes);
    std::memset(payload + offset, 0, sizeof(OwnedString));
  }
}

AggregateParameters distinct_as_aggregate(const DistinctParameters& parameters) {
  AggregateParameters aggregate;
  aggregate.input_types = parameters.types;
  aggregate.group_columns = all_columns(parameters.types.size());
  aggregate.groups = parameters.rows;
  return aggregate;
}

}  // namespace forebay::operators
