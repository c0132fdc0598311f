#pragma once

#include <string_view>
#include <vector>

#include "engine/data/datetime_words.h"

/// Reads dates and timestamps in the forms that PostgreSQL accepts (DateStyle ISO, MDY). Internal
/// to the text formats.
namespace forebay::data {

/// The fields of a date/time text. The time of day isn't normalised: 24:00:00 and leap seconds are
/// accepted, and run-together times (996199) aren't checked, as in PostgreSQL.
struct DecodedDateTime {
  enum class Kind : uint8_t { kFields, kEpoch, kInfinity, kNegativeInfinity };
  Kind kind = Kind::kFields;
  int32_t year = 0;  // astronomical
  int32_t month = 0;
  int32_t day = 0;
  int32_t hour = 0;
  int32_t minute = 0;
  int32_t second = 0;
  int32_t micros = 0;
  bool has_zone = false;
  int32_t seconds_east = 0;  // of UTC; 0 without a zone
};

/// Decodes tokens; `culprit` gets the word that an error is about (a zone, "now"). `time_only`: of
/// a type time, where a time beyond the day is the caller's to refuse, after what else is wrong.
DateError decode_date_time(const std::vector<DateToken>& tokens, DecodedDateTime& result,
                           std::string& culprit, bool time_only = false);

}  // namespace forebay::data
