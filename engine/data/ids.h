#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <limits>

/// The strong types of the engine: numbers that must not be mixed up. No implicit conversion.
namespace forebay::data {

template <typename Tag, typename Number>
struct StrongNumber {
  Number value{};
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Number number) : value(number) {}
  friend constexpr auto operator<=>(const StrongNumber&, const StrongNumber&) = default;
  constexpr StrongNumber next() const { return StrongNumber(static_cast<Number>(value + 1)); }
};

/// Number of an atomic, durable version; one server-wide sequence. 0 = before the first commit.
using Epoch = StrongNumber<struct EpochTag, uint64_t>;
/// A slice of the key space, 0 <= value < kShardCount. Fixed for the life of a data directory.
using ShardId = StrongNumber<struct ShardTag, uint16_t>;
/// A catalog object (source, table, view); never used again after a DROP.
using ObjectId = StrongNumber<struct ObjectTag, uint32_t>;
/// A state table inside the store; never used again after its object is dropped.
using TableId = StrongNumber<struct TableTag, uint32_t>;
/// An operator within the whole server (unique over all circuits).
using OperatorId = StrongNumber<struct OperatorTag, uint32_t>;
using PipelineId = StrongNumber<struct PipelineTag, uint32_t>;
using WorkerId = StrongNumber<struct WorkerTag, uint16_t>;
using PartitionId = StrongNumber<struct PartitionTag, uint32_t>;
/// A position inside a partition of a source: for files the byte of a line's start.
using Offset = StrongNumber<struct OffsetTag, uint64_t>;

/// How many times a row came (+) or went (-).
using Weight = int64_t;

/// DO NOT CHANGE: state on disk is laid out by shard.
inline constexpr uint16_t kShardCount = 256;

/// The worker that owns a shard when there are `worker_count` workers: contiguous ranges of shards.
inline constexpr uint16_t worker_of_shard(uint16_t shard, uint16_t worker_count) {
  return static_cast<uint16_t>(uint32_t{shard} * worker_count / kShardCount);
}
/// The shard of a key hash: its top byte, so that low bits stay free for hash tables.
inline constexpr uint16_t shard_of_hash(uint64_t hash) { return static_cast<uint16_t>(hash >> 56); }

}  // namespace forebay::data

template <typename Tag, typename Number>
struct std::hash<forebay::data::StrongNumber<Tag, Number>> {
  size_t operator()(const forebay::data::StrongNumber<Tag, Number>& number) const {
    return std::hash<Number>()(number.value);
  }
};
