// Writes JSON lines for benchmarks, the same bytes for the same options.
//
//   make_json --rows 5000000 --out FILE                seven fields, 230 bytes a line:
//     id bigint (0, 1, ...), key bigint (0 .. keys-1), value integer, amount numeric with 2 digits,
//     name varchar (about 20 bytes), ts timestamp (one a millisecond), payload varchar (padding)
//   make_json --two-columns --rows 30000000 --keys 10000000 --out FILE   k bigint, v bigint
//   make_json --join a|b --rows 5000000 --out FILE     k bigint (each of 0 .. rows-1 once,
//   shuffled, in
//                                                      another order for a and b), v bigint
//
// Further: --keys N (100000), --key-order uniform|shuffled|sequence|zipf (uniform; shuffled: every
// key equally often; zipf: the n-th most frequent key 1/n as often as the first), --seed N (42),
// --bytes N (230). Without --out: standard output.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace {

enum class KeyOrder { kUniform, kShuffled, kSequence, kZipf };

struct Options {
  uint64_t rows = 5'000'000;
  uint64_t keys = 100'000;
  KeyOrder key_order = KeyOrder::kUniform;
  uint64_t seed = 42;
  uint32_t line_bytes = 230;
  bool two_columns = false;
  char join = 0;
  std::string out;
};

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Random {
  uint64_t state;
  uint64_t next() {
    uint64_t z = state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 .. bound-1.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
  }
};

/// A permutation of 0 .. size-1 computed number by number: a four-round Feistel network over the
/// next power of four, walked until it falls inside.
class Permutation {
 public:
  Permutation(uint64_t size, uint64_t seed) : size_(size) {
    while ((uint64_t{1} << (2 * half_bits_)) < size) ++half_bits_;
    Random random{seed};
    for (uint64_t& key : keys_) key = random.next();
  }
  uint64_t operator()(uint64_t number) const {
    do {
      number = round_trip(number);
    } while (number >= size_);
    return number;
  }

 private:
  uint64_t round_trip(uint64_t number) const {
    uint64_t mask = (uint64_t{1} << half_bits_) - 1;
    uint64_t left = number >> half_bits_, right = number & mask;
    for (uint64_t key : keys_) {
      uint64_t mixed = (right ^ key) * 0x9e3779b97f4a7c15ULL;
      uint64_t next = left ^ ((mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9ULL >> 32 & mask);
      left = right;
      right = next;
    }
    return left << half_bits_ | right;
  }
  uint64_t size_;
  uint32_t half_bits_ = 1;
  uint64_t keys_[4];
};

class Writer {
 public:
  explicit Writer(int fd) : fd_(fd), buffer_(new char[kBytes + kSlack]) {}
  /// Room for one line.
  char* line() {
    if (used_ >= kBytes) flush();
    return buffer_.get() + used_;
  }
  void end_line(const char* end) { used_ = static_cast<size_t>(end - buffer_.get()); }
  void flush() {
    for (size_t at = 0; at < used_;) {
      ssize_t written = ::write(fd_, buffer_.get() + at, used_ - at);
      if (written < 0) {
        std::perror("make_json: write");
        std::exit(1);
      }
      at += static_cast<size_t>(written);
    }
    used_ = 0;
  }

 private:
  static constexpr size_t kBytes = size_t{1} << 20;
  static constexpr size_t kSlack = size_t{1} << 16;
  int fd_;
  std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;
};

char* put(char* at, std::string_view text) {
  std::memcpy(at, text.data(), text.size());
  return at + text.size();
}
char* put_number(char* at, uint64_t value) { return std::to_chars(at, at + 20, value).ptr; }
char* put_digits(char* at, uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) at[i] = static_cast<char>('0' + value % 10);
  return at + digits;
}

/// 2024-01-01 plus so many milliseconds.
char* put_timestamp(char* at, uint64_t milliseconds) {
  static constexpr uint32_t kDays[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  uint64_t seconds = milliseconds / 1000;
  uint32_t day = static_cast<uint32_t>(seconds / 86'400) % 366;
  uint32_t rest = static_cast<uint32_t>(seconds % 86'400);
  uint32_t month = 0;
  while (day >= kDays[month]) day -= kDays[month++];
  at = put(at, "2024-");
  at = put_digits(at, month + 1, 2);
  *at++ = '-';
  at = put_digits(at, day + 1, 2);
  *at++ = 'T';
  at = put_digits(at, rest / 3600, 2);
  *at++ = ':';
  at = put_digits(at, rest / 60 % 60, 2);
  *at++ = ':';
  at = put_digits(at, rest % 60, 2);
  *at++ = '.';
  return put_digits(at, static_cast<uint32_t>(milliseconds % 1000), 3);
}

char* put_seven_fields(char* at, const Options& options, uint64_t row, uint64_t key,
                       Random& random) {
  static constexpr std::string_view kSyllables[16] = {"ba", "den", "ka", "lor", "mi", "nos",
                                                      "pe", "qui", "ra", "sol", "ti", "ven",
                                                      "wa", "xor", "yu", "zet"};
  char* const begin = at;
  uint64_t bits = random.next();
  at = put_number(put(at, "{\"id\":"), row);
  at = put_number(put(at, ",\"key\":"), key);
  at = put_number(put(at, ",\"value\":"), (bits & 0xffffffff) % 1'000'000);
  uint32_t cents = static_cast<uint32_t>((bits >> 32) % 10'000'000);
  at = put_number(put(at, ",\"amount\":"), cents / 100);
  *at++ = '.';
  at = put_digits(at, cents % 100, 2);
  at = put(at, ",\"name\":\"");
  uint64_t syllables = random.next();
  for (int i = 0; i < 8; ++i, syllables >>= 4) at = put(at, kSyllables[syllables & 15]);
  at = put_timestamp(put(at, "\",\"ts\":\""), row);
  at = put(at, "\",\"payload\":\"");
  const size_t used = static_cast<size_t>(at - begin) + 3;  // "} and the newline
  size_t padding = used < options.line_bytes ? options.line_bytes - used : 0;
  uint64_t letters = random.next();
  for (size_t i = 0; i < padding; ++i) {
    *at++ = static_cast<char>('a' + (letters & 15));
    letters = letters >> 4 | letters << 60;
  }
  return put(at, "\"}\n");
}

/// 0 .. ranks-1 with probabilities 1/1, 1/2, 1/3 ...: the inverse of the continuous distribution.
uint64_t zipf_rank(Random& random, uint64_t ranks) {
  double uniform = static_cast<double>(random.next() >> 11) * 0x1p-53;
  auto rank = static_cast<uint64_t>(std::exp(uniform * std::log(static_cast<double>(ranks) + 1)));
  return std::min(rank, ranks) - 1;
}

void write_all(const Options& options, int fd) {
  Writer writer(fd);
  Random random{options.seed};
  const bool pairs = options.two_columns || options.join != 0;
  const uint64_t domain = options.join != 0 ? options.rows : options.keys;
  Permutation permutation(domain, options.seed * 2 + (options.join == 'b'));
  for (uint64_t row = 0; row < options.rows; ++row) {
    uint64_t key = options.join != 0 || options.key_order == KeyOrder::kShuffled
                       ? permutation(row % domain)
                   : options.key_order == KeyOrder::kSequence ? row % domain
                   : options.key_order == KeyOrder::kZipf ? permutation(zipf_rank(random, domain))
                                                          : random.below(domain);
    char* at = writer.line();
    if (pairs) {
      at = put_number(put(at, "{\"k\":"), key);
      at = put_number(put(at, ",\"v\":"), random.below(1'000'000));
      at = put(at, "}\n");
    } else {
      at = put_seven_fields(at, options, row, key, random);
    }
    writer.end_line(at);
  }
  writer.flush();
}

[[noreturn]] void usage() {
  std::fprintf(
      stderr,
      "usage: make_json [--rows N] [--keys N] [--key-order uniform|shuffled|sequence|zipf]\n"
      "                 [--two-columns | --join a|b] [--seed N] [--bytes N] [--out FILE]\n");
  std::exit(2);
}

uint64_t number_of(const char* text) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text, text + std::strlen(text), value);
  if (error != std::errc() || *end != '\0') usage();
  return value;
}

Options read_options(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    std::string_view name = arguments[i];
    if (name == "--two-columns") {
      options.two_columns = true;
      continue;
    }
    if (i + 1 >= count) usage();
    const char* value = arguments[++i];
    std::string_view text = value;
    if (name == "--rows") {
      options.rows = number_of(value);
    } else if (name == "--keys") {
      options.keys = number_of(value);
    } else if (name == "--seed") {
      options.seed = number_of(value);
    } else if (name == "--bytes" && number_of(value) <= 60'000) {
      options.line_bytes = static_cast<uint32_t>(number_of(value));
    } else if (name == "--out") {
      options.out = value;
    } else if (name == "--join" && (text == "a" || text == "b")) {
      options.join = text[0];
    } else if (name == "--key-order" &&
               (text == "uniform" || text == "shuffled" || text == "sequence" || text == "zipf")) {
      options.key_order = text == "uniform"    ? KeyOrder::kUniform
                          : text == "shuffled" ? KeyOrder::kShuffled
                          : text == "zipf"     ? KeyOrder::kZipf
                                               : KeyOrder::kSequence;
    } else {
      usage();
    }
  }
  if (options.keys == 0) usage();
  return options;
}

}  // namespace

int main(int count, char** arguments) {
  Options options = read_options(count, arguments);
  int fd = STDOUT_FILENO;
  if (!options.out.empty()) {
    fd = ::open(options.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
      std::perror("make_json: open");
      return 1;
    }
  }
  write_all(options, fd);
  return 0;
}
