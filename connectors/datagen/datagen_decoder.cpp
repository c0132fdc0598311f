#include "connectors/datagen/datagen_decoder.h"

namespace forebay::connectors {

namespace {

/// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// 2014).
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

/// Even over [least, most]; 128 bits of product keep the bias below 2^-64 of the range.
int64_t between(uint64_t random, int64_t least, int64_t most) {
  const uint64_t span = static_cast<uint64_t>(most) - static_cast<uint64_t>(least) + 1;
  if (span == 0) return static_cast<int64_t>(random);
  const auto scaled = static_cast<uint64_t>((static_cast<unsigned __int128>(random) * span) >> 64);
  return static_cast<int64_t>(static_cast<uint64_t>(least) + scaled);
}

}  // namespace

DatagenDecoder::DatagenDecoder(const DatagenConfig& config, const DecodeRequest& request)
    : config_(config), projection_(request.projection), writer_(request) {}

void DatagenDecoder::start(RawBatch batch) {
  raw_ = std::move(batch);
  raw_owner_ = arena_of(raw_);
  next_ = raw_.from.value;
}

uint64_t DatagenDecoder::random(uint32_t column, uint64_t row) const {
  return mix(mix(config_.seed + kGolden * (column + 1)) + kGolden * (row + 1));
}

bool DatagenDecoder::next(DecodedBatch& out) {
  out = DecodedBatch();
  if (next_ >= raw_.to.value) {
    raw_ = RawBatch();
    raw_owner_.reset();
    return false;
  }
  writer_.begin(raw_owner_);
  const auto rows =
      static_cast<uint32_t>(std::min<uint64_t>(writer_.capacity(), raw_.to.value - next_));
  for (size_t i = 0; i < projection_.size(); ++i) {
    fill(writer_.columns()[i], config_.fields[projection_[i]], projection_[i], rows);
  }
  for (uint32_t row = 0; row < rows; ++row) writer_.set_origin(row, next_ + row, 0);
  next_ += rows;
  out.rows = writer_.finish(rows, raw_);
  return true;
}

void DatagenDecoder::fill(ColumnWriter& column, const DatagenField& field, uint32_t index,
                          uint32_t rows) {
  std::string text(field.length, ' ');
  for (uint32_t row = 0; row < rows; ++row) {
    const uint64_t number = next_ + row;
    uint64_t chance = field.is_sequence ? 0 : random(index, number);
    const int64_t value = field.is_sequence
                              ? static_cast<int64_t>(static_cast<uint64_t>(field.least) + number)
                              : between(chance, field.least, field.most);
    switch (column.layout()) {
      case Layout::kBool:
        column.set<uint8_t>(row, static_cast<uint8_t>(chance & 1));
        break;
      case Layout::kInt32:
        column.set(row, static_cast<int32_t>(value));
        break;
      case Layout::kInt64:
        column.set(row, value);
        break;
      case Layout::kDouble: {
        const double part = static_cast<double>(chance >> 11) * 0x1p-53;
        column.set(row, field.is_sequence
                            ? field.least_double + static_cast<double>(number)
                            : field.least_double + part * (field.most_double - field.least_double));
        break;
      }
      case Layout::kNumeric:
        column.set(row, data::Numeric(value, field.scale));
        break;
      case Layout::kString:
        for (char& c : text) {
          c = static_cast<char>('a' + between(chance, 0, 25));
          chance = mix(chance + kGolden);
        }
        column.set_string_copy(row, text);
        break;
      default:
        FOREBAY_CHECK(false, "datagen checks types when the source is made");
    }
  }
}

}  // namespace forebay::connectors
