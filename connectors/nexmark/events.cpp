// Field by field the distributions of the public Nexmark generator (github.com/nexmark/nexmark),
// with another source of chance: a hash of the event's number and the field. So a field costs
// nothing unless it is asked for, and events need not be made in order.

#include "connectors/nexmark/events.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace forebay::connectors::nexmark {

namespace {

constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;

/// SplitMix64's finalizer (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
/// 2014).
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/// Chance for one purpose: 64 bits for each event.
enum Purpose : uint64_t {
  kOfName = 1,
  kOfEmail,
  kOfEmailText,
  kOfCard,
  kOfCity,
  kOfItem,
  kOfItemText,
  kOfDescription,
  kOfDescriptionText,
  kOfInitialBid,
  kOfReserve,
  kOfExpires,
  kOfSeller,
  kOfCategory,
  kOfAuction,
  kOfBidder,
  kOfPrice,
  kOfChannel,
  kOfExtra,
  kOfExtraText,
};
uint64_t chance(uint64_t event, Purpose purpose) {
  return mix((event + 1) * kGolden + purpose * 0xd1342543de82ef95);
}

/// Even over [0, count); depends on the high bits of `random`.
uint64_t below(uint64_t random, uint64_t count) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(random) * count) >> 64);
}

constexpr int64_t kFirstId = 1000;
constexpr int64_t kFirstCategory = 10;
constexpr uint64_t kCategories = 5;
constexpr int64_t kHotEvery = 100;  // one of so many auctions, sellers, bidders is hot
constexpr int64_t kAuctionsInFlight = 100;
constexpr int64_t kActivePersons = 1000;
constexpr int64_t kNotYetBorn = 10;
constexpr uint64_t kExpiryEvents = 1667;  // in which 100 auctions are born
constexpr uint64_t kChannels = 10'000;
constexpr uint64_t kHotChannels = 4;

/// Counted from 0; -1 before the first.
int64_t last_auction(uint64_t event) {
  const uint64_t place = std::min<uint64_t>(event % kGroupEvents, kGroupAuctions);
  return static_cast<int64_t>(event / kGroupEvents * kGroupAuctions + place) - 1;
}
int64_t last_person(uint64_t event) { return static_cast<int64_t>(event / kGroupEvents); }

int64_t some_auction(uint64_t event, uint64_t random) {
  const int64_t last = last_auction(event);
  const int64_t least = std::max<int64_t>(last - kAuctionsInFlight, 0);
  return least +
         static_cast<int64_t>(below(random, static_cast<uint64_t>(last - least + 1 + kNotYetBorn)));
}
int64_t some_person(uint64_t event, uint64_t random) {
  const int64_t count = last_person(event) + 1;
  const int64_t active = std::min(count, kActivePersons);
  return count - active +
         static_cast<int64_t>(below(random, static_cast<uint64_t>(active + kNotYetBorn)));
}

constexpr uint32_t kPriceBits = 12;

/// 100 * 10^(6u) at 2^12 + 1 even values of u.
const std::array<double, (1 << kPriceBits) + 1>& price_points() {
  static const auto points = [] {
    std::array<double, (1 << kPriceBits) + 1> made{};
    for (size_t i = 0; i < made.size(); ++i) {
      made[i] = 100 * std::pow(10, 6 * static_cast<double>(i) / (1 << kPriceBits));
    }
    return made;
  }();
  return points;
}

int64_t price_of(const double* points, uint64_t random) {
  const uint64_t at = random >> (64 - kPriceBits);
  const double part = static_cast<double>((random << kPriceBits) >> 11) * 0x1p-53;
  return static_cast<int64_t>(points[at] + (points[at + 1] - points[at]) * part + 0.5);
}

/// `count` letters; writes up to 7 bytes behind them.
void put_letters(uint64_t random, uint32_t count, char* out) {
  for (uint32_t i = 0; i < count; i += 8) {
    const uint64_t bits = mix(random + kGolden * (i + 1));
    unsigned char bytes[8];
    std::memcpy(bytes, &bits, 8);
    for (int j = 0; j < 8; ++j) out[i + j] = static_cast<char>('a' + (bytes[j] * 26 >> 8));
  }
}

std::string letters(uint64_t random, uint32_t count) {
  std::string out(count + 8, ' ');
  put_letters(random, count, out.data());
  out.resize(count);
  return out;
}

constexpr std::string_view kFirstNames[] = {"Peter", "Paul",  "Luke",  "John",   "Saul",  "Vicky",
                                            "Kate",  "Julie", "Sarah", "Deiter", "Walter"};
constexpr std::string_view kLastNames[] = {"Shultz", "Abrams", "Spencer", "White", "Bartels",
                                           "Walton", "Smith",  "Jones",   "Noris"};
constexpr std::string_view kCities[] = {"Phoenix",  "Los Angeles", "San Francisco", "Boise",
                                        "Portland", "Bend",        "Redmond",       "Seattle",
                                        "Kent",     "Cheyenne"};
constexpr std::string_view kStates[] = {"AZ", "CA", "ID", "OR", "WA", "WY"};

template <size_t N>
std::string_view pick(const std::string_view (&list)[N], uint64_t random) {
  return list[below(random, N)];
}

/// Channels and the url of each; the hot ones first.
struct Channels {
  std::vector<std::string> names, urls;
  Channels() {
    for (std::string_view hot : {"Google", "Facebook", "Baidu", "Apple"}) add(std::string(hot));
    for (uint64_t i = 0; i < kChannels; ++i) {
      add("channel-" + std::to_string(i));
      const uint64_t random = mix(i * kGolden + 1);
      if (below(random, 10) > 0) {
        urls.back() += "&channel_id=" + std::to_string(mix(random) & 0x7fffffff);
      }
    }
  }
  void add(std::string name) {
    std::string url = "https://www.nexmark.com";
    for (uint64_t part = 1; part <= 3; ++part) {
      const uint64_t random = mix(names.size() * kGolden + part + 1);
      url += "/" + letters(random, 3 + static_cast<uint32_t>(below(mix(random), 3)));
    }
    names.push_back(std::move(name));
    urls.push_back(url + "/item.htm?query=1");
  }
};
const Channels& channels() {
  static const Channels made;
  return made;
}
size_t channel_of(uint64_t event) {
  const uint64_t random = chance(event, kOfChannel);
  return (random & 1) != 0 ? random >> 1 & (kHotChannels - 1)
                           : kHotChannels + below(random, kChannels);
}

struct EmailSizes {
  uint32_t user, host;
};
EmailSizes email_sizes(uint64_t event) {
  const uint64_t random = chance(event, kOfEmail);
  return {3 + static_cast<uint32_t>(below(random, 5)),
          3 + static_cast<uint32_t>(below(mix(random), 3))};
}

std::string_view put_email(uint64_t event, char* buffer) {
  const EmailSizes sizes = email_sizes(event);
  const uint64_t random = chance(event, kOfEmailText);
  put_letters(random, sizes.user, buffer);
  buffer[sizes.user] = '@';
  char* host = buffer + sizes.user + 1;
  put_letters(mix(random), sizes.host, host);
  std::memcpy(host + sizes.host, ".com", 4);
  return {buffer, sizes.user + 1 + sizes.host + 4};
}

std::string_view put_name(uint64_t event, char* buffer) {
  const uint64_t random = chance(event, kOfName);
  const std::string_view first = pick(kFirstNames, random), last = pick(kLastNames, mix(random));
  std::memcpy(buffer, first.data(), first.size());
  buffer[first.size()] = ' ';
  std::memcpy(buffer + first.size() + 1, last.data(), last.size());
  return {buffer, first.size() + 1 + last.size()};
}

constexpr uint32_t kCardBytes = 19;
std::string_view put_card(uint64_t event, char* buffer) {
  uint64_t random = chance(event, kOfCard);
  for (uint32_t i = 0; i < kCardBytes; ++i) {
    if (i % 5 == 4) {
      buffer[i] = ' ';
      continue;
    }
    buffer[i] = static_cast<char>('0' + below(random, 10));
    random = mix(random + kGolden);
  }
  return {buffer, kCardBytes};
}

uint32_t item_size(uint64_t event) {
  return 3 + static_cast<uint32_t>(below(chance(event, kOfItem), 17));
}
uint32_t description_size(uint64_t event) {
  return 3 + static_cast<uint32_t>(below(chance(event, kOfDescription), 97));
}

std::string_view put_letters(uint64_t event, Purpose purpose, uint32_t size, char* buffer) {
  put_letters(chance(event, purpose), size, buffer);
  return {buffer, size};
}

constexpr uint8_t kPersons = 1, kAuctions = 2, kBids = 4, kAll = 7;
constexpr FieldInfo kFields[] = {
    {Field::kEventType, "event_type", ValueKind::kNumber, kAll, true},
    {Field::kId, "id", ValueKind::kNumber, kPersons | kAuctions, false},
    {Field::kName, "name", ValueKind::kText, kPersons, false},
    {Field::kEmailAddress, "email_address", ValueKind::kText, kPersons, false},
    {Field::kCreditCard, "credit_card", ValueKind::kText, kPersons, false},
    {Field::kCity, "city", ValueKind::kText, kPersons, false},
    {Field::kState, "state", ValueKind::kText, kPersons, false},
    {Field::kItemName, "item_name", ValueKind::kText, kAuctions, false},
    {Field::kDescription, "description", ValueKind::kText, kAuctions, false},
    {Field::kInitialBid, "initial_bid", ValueKind::kNumber, kAuctions, true},
    {Field::kReserve, "reserve", ValueKind::kNumber, kAuctions, true},
    {Field::kExpires, "expires", ValueKind::kTime, kAuctions, false},
    {Field::kSeller, "seller", ValueKind::kNumber, kAuctions, false},
    {Field::kCategory, "category", ValueKind::kNumber, kAuctions, true},
    {Field::kAuction, "auction", ValueKind::kNumber, kBids, false},
    {Field::kBidder, "bidder", ValueKind::kNumber, kBids, false},
    {Field::kPrice, "price", ValueKind::kNumber, kBids, true},
    {Field::kChannel, "channel", ValueKind::kText, kBids, false},
    {Field::kUrl, "url", ValueKind::kText, kBids, false},
    {Field::kDateTime, "date_time", ValueKind::kTime, kAll, false},
    {Field::kExtra, "extra", ValueKind::kText, kAll, false},
};

}  // namespace

std::span<const FieldInfo> all_fields() { return kFields; }

EventMaker::EventMaker(const EventOptions& options)
    : options_(options), prices_(price_points().data()) {}

int64_t EventMaker::id(uint64_t event) const {
  return kFirstId + (kind_of(event) == Kind::kPerson ? last_person(event) : last_auction(event));
}

int64_t EventMaker::initial_bid(uint64_t event) const {
  return price_of(prices_, chance(event, kOfInitialBid));
}

int64_t EventMaker::reserve(uint64_t event) const {
  return initial_bid(event) + price_of(prices_, chance(event, kOfReserve));
}

int64_t EventMaker::expires(uint64_t event) const {
  constexpr int64_t kMillisecond = 1000;
  const auto horizon_ms = (kExpiryEvents * options_.gap_ns) / 1'000'000;
  const uint64_t most = std::max<uint64_t>(2 * horizon_ms, 1);
  return date_time(event) +
         kMillisecond * (1 + static_cast<int64_t>(below(chance(event, kOfExpires), most)));
}

int64_t EventMaker::seller(uint64_t event) const {
  const uint64_t random = chance(event, kOfSeller);
  return kFirstId + ((random & 3) != 0 ? last_person(event) / kHotEvery * kHotEvery
                                       : some_person(event, random));
}

int64_t EventMaker::category(uint64_t event) const {
  return kFirstCategory + static_cast<int64_t>(below(chance(event, kOfCategory), kCategories));
}

int64_t EventMaker::auction(uint64_t event) const {
  const uint64_t random = chance(event, kOfAuction);
  return kFirstId + ((random & 1) != 0 ? last_auction(event) / kHotEvery * kHotEvery
                                       : some_auction(event, random));
}

int64_t EventMaker::bidder(uint64_t event) const {
  const uint64_t random = chance(event, kOfBidder);
  const int64_t first = options_.shifted_bidders ? 2 * kFirstId : kFirstId;
  return first + ((random & 3) != 0 ? last_person(event) / kHotEvery * kHotEvery + 1
                                    : some_person(event, random));
}

int64_t EventMaker::price(uint64_t event) const {
  return price_of(prices_, chance(event, kOfPrice));
}

int64_t EventMaker::number(Field field, uint64_t event) const {
  switch (field) {
    case Field::kEventType:
      return event_type(event);
    case Field::kId:
      return id(event);
    case Field::kInitialBid:
      return initial_bid(event);
    case Field::kReserve:
      return reserve(event);
    case Field::kExpires:
      return expires(event);
    case Field::kSeller:
      return seller(event);
    case Field::kCategory:
      return category(event);
    case Field::kAuction:
      return auction(event);
    case Field::kBidder:
      return bidder(event);
    case Field::kPrice:
      return price(event);
    case Field::kDateTime:
      return date_time(event);
    default:
      return 0;
  }
}

std::string_view EventMaker::text(Field field, uint64_t event, char* buffer) const {
  switch (field) {
    case Field::kName:
      return put_name(event, buffer);
    case Field::kEmailAddress:
      return put_email(event, buffer);
    case Field::kCreditCard:
      return put_card(event, buffer);
    case Field::kCity:
      return pick(kCities, chance(event, kOfCity));
    case Field::kState:
      return pick(kStates, mix(chance(event, kOfCity)));
    case Field::kItemName:
      return put_letters(event, kOfItemText, item_size(event), buffer);
    case Field::kDescription:
      return put_letters(event, kOfDescriptionText, description_size(event), buffer);
    case Field::kChannel:
      return channels().names[channel_of(event)];
    case Field::kUrl:
      return channels().urls[channel_of(event)];
    case Field::kExtra:
      return extra(event, buffer);
    default:
      return {};
  }
}

// Fills an event up to its usual size, give or take a fifth of what is missing.
std::string_view EventMaker::extra(uint64_t event, char* buffer) const {
  constexpr uint32_t kPersonBytes = 200, kAuctionBytes = 500, kBidBytes = 100;
  uint32_t missing = 0;
  switch (kind_of(event)) {
    case Kind::kPerson: {
      const EmailSizes email = email_sizes(event);
      const auto name = static_cast<uint32_t>(put_name(event, buffer).size());
      const auto city = static_cast<uint32_t>(text(Field::kCity, event, buffer).size());
      missing = kPersonBytes - (8 + name + email.user + email.host + 5 + kCardBytes + city + 2);
      break;
    }
    case Kind::kAuction:
      missing = kAuctionBytes - (8 * 7 + item_size(event) + description_size(event));
      break;
    case Kind::kBid:
      missing = kBidBytes - 8 * 4;
      break;
  }
  const uint32_t fifth = (missing * 2 + 5) / 10;
  const uint64_t random = chance(event, kOfExtra);
  const uint32_t size = missing - fifth + static_cast<uint32_t>(below(random, 2 * fifth));
  put_letters(chance(event, kOfExtraText), size, buffer);
  return {buffer, size};
}

}  // namespace forebay::connectors::nexmark
