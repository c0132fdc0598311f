#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace forebay {

/// The seed of a random test: FOREBAY_TEST_SEED (scripts/test sets it), or a new one. It is
/// printed, because it replays the run.
inline uint64_t test_seed() {
  const char* const given = std::getenv("FOREBAY_TEST_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}() % 1'000'000'000;
  std::cout << "seed " << seed << std::endl;
  return seed;
}

/// True when every combination is wanted (scripts/test --full).
inline bool test_full() {
  const char* const given = std::getenv("FOREBAY_TEST_FULL");
  return given != nullptr && *given != '\0' && *given != '0';
}

/// How long a random test is: `full` with --full, else a third.
inline int test_length(int full) { return test_full() ? full : full / 3; }

}  // namespace forebay
