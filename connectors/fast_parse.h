#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

/// Parsing of the plain shapes of numbers and timestamps without a branch per digit. Each function
/// either recognises the whole text or returns false, and then the caller takes the slow, complete
/// path (engine/data/text_format.h); none of them ever accepts what that path would refuse.
/// All may read up to 32 bytes from their start, whatever the length: input is padded.
namespace forebay::connectors {

inline constexpr uint64_t kPowersOfTen[] = {1,
                                            10,
                                            100,
                                            1'000,
                                            10'000,
                                            100'000,
                                            1'000'000,
                                            10'000'000,
                                            100'000'000,
                                            1'000'000'000,
                                            10'000'000'000,
                                            100'000'000'000,
                                            1'000'000'000'000,
                                            10'000'000'000'000,
                                            100'000'000'000'000,
                                            1'000'000'000'000'000,
                                            10'000'000'000'000'000};

/// 1 to 8 digits. (Lemire, "Quickly parsing eight digits", 2018; shifted so that shorter texts get
/// leading zeros.)
inline bool parse_digits8(const char* text, uint32_t length, uint64_t& value) {
  uint64_t bytes;
  std::memcpy(&bytes, text, 8);
  uint32_t missing_bits = (8 - length) * 8;  // 0..56
  bytes <<= missing_bits;
  bytes |= 0x3030303030303030ULL & ~(~uint64_t{0} << missing_bits);
  uint64_t high = bytes & 0xf0f0f0f0f0f0f0f0ULL;
  uint64_t carried = (bytes + 0x0606060606060606ULL) & 0xf0f0f0f0f0f0f0f0ULL;
  if (high != 0x3030303030303030ULL || carried != high) return false;
  bytes = (bytes & 0x0f0f0f0f0f0f0f0fULL) * 2561 >> 8;
  bytes = (bytes & 0x00ff00ff00ff00ffULL) * 6553601 >> 16;
  value = (bytes & 0x0000ffff0000ffffULL) * 42949672960001ULL >> 32;
  return true;
}

/// 1 to 16 digits.
inline bool parse_digits16(const char* text, uint32_t length, uint64_t& value) {
  if (length <= 8) return length != 0 && parse_digits8(text, length, value);
  if (length > 16) return false;
  uint64_t high, low;
  if (!parse_digits8(text, length - 8, high) || !parse_digits8(text + length - 8, 8, low)) {
    return false;
  }
  value = high * 100'000'000 + low;
  return true;
}

/// [-]digits, at most 16 of them, no needless leading zero.
inline bool parse_plain_integer(const char* text, uint32_t length, int64_t& value) {
  bool negative = *text == '-';
  text += negative;
  length -= negative;
  uint64_t magnitude;
  if (!parse_digits16(text, length, magnitude)) return false;
  if (*text == '0' && length > 1) return false;
  value = negative ? -static_cast<int64_t>(magnitude) : static_cast<int64_t>(magnitude);
  return true;
}

/// [-]digits[.digits], at most 8 before and 8 behind the point: value = mantissa * 10^-scale.
inline bool parse_plain_decimal(const char* text, uint32_t length, int64_t& mantissa,
                                uint32_t& scale) {
  bool negative = *text == '-';
  text += negative;
  length -= negative;
  if (length == 0 || length > 17) return false;
  __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
  uint32_t dots =
      static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('.')))) &
      ((uint32_t{1} << length) - 1);
  uint64_t whole, fraction = 0;
  if (dots == 0) {
    scale = 0;
    if (!parse_digits16(text, length, whole)) return false;
    if (*text == '0' && length > 1) return false;
  } else {
    uint32_t before = static_cast<uint32_t>(__builtin_ctz(dots));
    scale = length - before - 1;
    if (before - 1 > 7 || scale - 1 > 7) return false;
    if (!parse_digits8(text, before, whole) || !parse_digits8(text + before + 1, scale, fraction)) {
      return false;
    }
    if (*text == '0' && before > 1) return false;
    whole = whole * kPowersOfTen[scale] + fraction;
  }
  mantissa = negative ? -static_cast<int64_t>(whole) : static_cast<int64_t>(whole);
  return true;
}

/// As parse_plain_decimal, when the double nearest to it comes out of one exact division (Clinger,
/// PLDI 1990). "-0" is left to the slow path.
inline bool parse_plain_double(const char* text, uint32_t length, double& value) {
  int64_t mantissa;
  uint32_t scale;
  if (!parse_plain_decimal(text, length, mantissa, scale)) return false;
  if (mantissa > (int64_t{1} << 53) || mantissa < -(int64_t{1} << 53)) return false;
  if (mantissa == 0 && *text == '-') return false;
  value = static_cast<double>(mantissa) / static_cast<double>(kPowersOfTen[scale]);
  return true;
}

/// Days since 2000-01-01 of a date of the years 1..9999 (Hinnant, "chrono-compatible low-level date
/// algorithms").
inline int32_t days_of_plain_date(uint32_t year, uint32_t month, uint32_t day) {
  year -= month <= 2;
  uint32_t era = year / 400;
  uint32_t year_of_era = year - era * 400;
  uint32_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<int32_t>(era * 146097 + day_of_era) - 730425;
}

inline bool is_plain_date(uint32_t year, uint32_t month, uint32_t day) {
  if (year - 1 > 9998 || month - 1 > 11 || day - 1 > 30) return false;
  if (day <= 28) return true;
  static constexpr uint8_t kDays[13] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return day <= uint32_t{kDays[month]} + (month == 2 && leap);
}

/// The six pairs of digits of "YYYY-MM-DD?HH:MM" at once; false when the 16 bytes are not of that
/// shape. The byte at 10 is not looked at.
inline bool parse_digit_pairs(const char* text, __m128i expected, __m128i digit_mask,
                              uint16_t pairs[8]) {
  __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  __m128i digits = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  __m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digits, _mm_set1_epi8(9)), digits);
  __m128i as_expected = _mm_cmpeq_epi8(bytes, expected);
  __m128i good = _mm_blendv_epi8(as_expected, is_digit, digit_mask);
  if ((_mm_movemask_epi8(good) | 0x400) != 0xffff) return false;
  __m128i order = _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, -1, -1, -1, -1);
  __m128i weights = _mm_setr_epi8(10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 10, 1, 0, 0, 0, 0);
  __m128i values = _mm_maddubs_epi16(_mm_shuffle_epi8(digits, order), weights);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(pairs), values);
  return true;
}

/// "YYYY-MM-DD".
inline bool parse_plain_date(const char* text, uint32_t length, int32_t& days) {
  if (length != 10) return false;
  char padded[16];
  std::memcpy(padded, text, 10);
  std::memcpy(padded + 10, " 00:00", 6);
  uint16_t pairs[8];
  __m128i expected = _mm_setr_epi8(0, 0, 0, 0, '-', 0, 0, '-', 0, 0, 0, 0, 0, ':', 0, 0);
  __m128i mask = _mm_setr_epi8(-1, -1, -1, -1, 0, -1, -1, 0, -1, -1, 0, -1, -1, 0, -1, -1);
  if (!parse_digit_pairs(padded, expected, mask, pairs)) return false;
  uint32_t year = uint32_t{pairs[0]} * 100 + pairs[1];
  if (!is_plain_date(year, pairs[2], pairs[3])) return false;
  days = days_of_plain_date(year, pairs[2], pairs[3]);
  return true;
}

/// "YYYY-MM-DD HH:MM:SS[.f{1,6}][Z]", with T or a blank: microseconds since 2000-01-01.
inline bool parse_plain_timestamp(const char* text, uint32_t length, int64_t& microseconds) {
  if (length < 19 || (text[10] != ' ' && text[10] != 'T')) return false;
  uint16_t pairs[8];
  __m128i expected = _mm_setr_epi8(0, 0, 0, 0, '-', 0, 0, '-', 0, 0, 0, 0, 0, ':', 0, 0);
  __m128i mask = _mm_setr_epi8(-1, -1, -1, -1, 0, -1, -1, 0, -1, -1, 0, -1, -1, 0, -1, -1);
  if (!parse_digit_pairs(text, expected, mask, pairs)) return false;
  uint32_t tens = static_cast<uint8_t>(text[17] - '0');
  uint32_t ones = static_cast<uint8_t>(text[18] - '0');
  if (text[16] != ':' || tens > 5 || ones > 9 || pairs[4] > 23 || pairs[5] > 59) return false;
  uint32_t year = uint32_t{pairs[0]} * 100 + pairs[1];
  if (!is_plain_date(year, pairs[2], pairs[3])) return false;
  uint64_t fraction = 0;
  length -= text[length - 1] == 'Z';
  if (length != 19) {
    uint32_t digits = length - 20;
    if (text[19] != '.' || digits - 1 > 5) return false;
    if (!parse_digits8(text + 20, digits, fraction)) return false;
    fraction *= kPowersOfTen[6 - digits];
  }
  int64_t seconds = int64_t{days_of_plain_date(year, pairs[2], pairs[3])} * 86'400 +
                    int64_t{pairs[4]} * 3'600 + int64_t{pairs[5]} * 60 + tens * 10 + ones;
  microseconds = seconds * 1'000'000 + static_cast<int64_t>(fraction);
  return true;
}

}  // namespace forebay::connectors
