#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// The events of the Nexmark benchmark: persons, auctions and bids of an auction house. Every field
/// of every event is a function of the event's number, so that any thread can make any event and a
/// run repeats.
namespace forebay::connectors::nexmark {

/// The values of column event_type.
enum class Kind : uint8_t { kPerson = 0, kAuction = 1, kBid = 2 };

/// What the three kinds of events have. A name that several have means the same in each.
enum class Field : uint8_t {
  kEventType,
  kId,
  kName,
  kEmailAddress,
  kCreditCard,
  kCity,
  kState,
  kItemName,
  kDescription,
  kInitialBid,
  kReserve,
  kExpires,
  kSeller,
  kCategory,
  kAuction,
  kBidder,
  kPrice,
  kChannel,
  kUrl,
  kDateTime,
  kExtra,
};

enum class ValueKind : uint8_t { kNumber, kTime, kText };

struct FieldInfo {
  Field field;
  std::string_view name;
  ValueKind value;
  /// Bit 1 << Kind: events of that kind have it.
  uint8_t kinds;
  /// Its numbers fit 32 bits.
  bool is_small;
  bool belongs_to(Kind kind) const { return (kinds >> static_cast<int>(kind) & 1) != 0; }
};
/// All fields, by Field.
std::span<const FieldInfo> all_fields();

/// Of 50 events in a row the first is a person, three are auctions, 46 are bids.
inline constexpr uint64_t kGroupEvents = 50;
inline constexpr uint64_t kGroupAuctions = 3;
inline Kind kind_at(uint64_t place_in_group) {
  return place_in_group == 0                ? Kind::kPerson
         : place_in_group <= kGroupAuctions ? Kind::kAuction
                                            : Kind::kBid;
}
inline Kind kind_of(uint64_t event) { return kind_at(event % kGroupEvents); }

struct EventOptions {
  /// Microseconds since 2000-01-01, of event 0.
  int64_t base_time = 0;
  /// Event time between an event and the next one. Below 10^9.
  uint64_t gap_ns = 100'000;
  /// As the public generator: bidders' ids are 1000 higher than persons'.
  bool shifted_bidders = false;
};

/// Makes fields of events. Immutable, thread-safe. Event numbers are below 10^13.
class EventMaker {
 public:
  explicit EventMaker(const EventOptions& options);

  int64_t event_type(uint64_t event) const { return static_cast<int64_t>(kind_of(event)); }
  int64_t date_time(uint64_t event) const {
    return options_.base_time + static_cast<int64_t>(event * options_.gap_ns / 1000);
  }
  // Of persons and auctions.
  int64_t id(uint64_t event) const;
  // Of auctions. `expires` is in microseconds as date_time is.
  int64_t initial_bid(uint64_t event) const;
  int64_t reserve(uint64_t event) const;
  int64_t expires(uint64_t event) const;
  int64_t seller(uint64_t event) const;
  int64_t category(uint64_t event) const;
  // Of bids.
  int64_t auction(uint64_t event) const;
  int64_t bidder(uint64_t event) const;
  int64_t price(uint64_t event) const;

  /// A number or time that the event's kind has.
  int64_t number(Field field, uint64_t event) const;
  /// No text is longer, what text() may scribble behind it included.
  static constexpr uint32_t kMostTextBytes = 640;
  /// A text that the event's kind has: in `buffer` (kMostTextBytes) or in memory that lives as long
  /// as the program.
  std::string_view text(Field field, uint64_t event, char* buffer) const;

 private:
  std::string_view extra(uint64_t event, char* buffer) const;

  EventOptions options_;
  const double* prices_;
};

}  // namespace forebay::connectors::nexmark
