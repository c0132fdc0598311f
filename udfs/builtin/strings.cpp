#include <openssl/evp.h>

#include <charconv>

#include "udfs/builtin/builtin.h"
#include "udfs/builtin/case_mapping.h"
#include "udfs/utf8.h"

/// Functions over text that make other text: case, parts, padding, trimming, characters, hashes.
namespace forebay::udfs {
namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kBigint = TypeId::kBigint;
using Text = std::string_view;

Text text_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<StringView>(row).view();
}
int32_t integer_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<int32_t>(row);
}

/// A kernel that appends to a buffer, which is used again for every row.
template <auto Append>
void appending(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    buffer.clear();
    Append(text_at(call, 0, row), buffer);
    call.set_string(row, buffer);
  });
}

// ---------------------------------------------------------------- parts

void substring_from(const ScalarCall& call, uint32_t row) {
  const Text text = text_at(call, 0, row);
  const int64_t start = integer_at(call, 1, row);
  int64_t end = INT64_MAX;
  if (call.argument_count == 3) {
    const int64_t length = integer_at(call, 2, row);
    if (length < 0) {
      call.fail_row(row, data::sqlstate::kSubstringError, "negative substring length not allowed");
      return;
    }
    end = start + length;
  }
  if (end <= 1) return call.set_shared_string(row, {});
  const size_t first = utf8::offset_of(text, start - 1);
  const Text rest = text.substr(first);
  if (end == INT64_MAX) return call.set_shared_string(row, rest);
  call.set_shared_string(row, utf8::prefix(rest, end - std::max<int64_t>(start, 1)));
}

void left(const ScalarCall& call, uint32_t row) {
  const Text text = text_at(call, 0, row);
  const int64_t count = integer_at(call, 1, row);
  call.set_shared_string(row, utf8::prefix(text, count < 0 ? utf8::length(text) + count : count));
}

void right(const ScalarCall& call, uint32_t row) {
  const Text text = text_at(call, 0, row);
  const int64_t count = integer_at(call, 1, row);
  const int64_t dropped = count < 0 ? -count : utf8::length(text) - count;
  call.set_shared_string(row, text.substr(utf8::offset_of(text, dropped)));
}

/// The n-th field (from 1; negative: from the end).
void split_part(const ScalarCall& call, uint32_t row) {
  const Text text = text_at(call, 0, row);
  const Text separator = text_at(call, 1, row);
  int64_t wanted = integer_at(call, 2, row);
  if (wanted == 0) {
    call.fail_row(row, data::sqlstate::kInvalidParameterValue, "field position must not be zero");
    return;
  }
  if (text.empty()) return call.set_shared_string(row, {});
  if (separator.empty()) {
    return call.set_shared_string(row, wanted == 1 || wanted == -1 ? text : Text());
  }
  if (wanted < 0) {
    int64_t fields = 1;
    for (size_t at = text.find(separator); at != Text::npos;
         at = text.find(separator, at + separator.size())) {
      ++fields;
    }
    wanted += fields + 1;
    if (wanted < 1) return call.set_shared_string(row, {});
  }
  size_t start = 0;
  for (int64_t field = 1;; ++field) {
    const size_t end = text.find(separator, start);
    if (field == wanted) return call.set_shared_string(row, text.substr(start, end - start));
    if (end == Text::npos) return call.set_shared_string(row, {});
    start = end + separator.size();
  }
}

// ---------------------------------------------------------------- trimming and padding

bool contains_character(Text characters, Text one) {
  for (size_t at = 0; at < characters.size();) {
    const size_t width = utf8::width_at(characters, at);
    if (characters.substr(at, width) == one) return true;
    at += width;
  }
  return false;
}

Text trim_left(Text text, Text characters) {
  while (!text.empty()) {
    const size_t width = utf8::width_at(text, 0);
    if (!contains_character(characters, text.substr(0, width))) break;
    text.remove_prefix(width);
  }
  return text;
}

Text trim_right(Text text, Text characters) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && utf8::is_continuation(text[start])) --start;
    if (!contains_character(characters, text.substr(start))) break;
    text = text.substr(0, start);
  }
  return text;
}

template <bool kLeft, bool kRight>
void trim(const ScalarCall& call) {
  for_rows(call, [&](uint32_t row) {
    Text text = text_at(call, 0, row);
    const Text characters = call.argument_count == 2 ? text_at(call, 1, row) : Text(" ");
    if (kLeft) text = trim_left(text, characters);
    if (kRight) text = trim_right(text, characters);
    call.set_shared_string(row, text);
  });
}

template <bool kLeft>
void pad(const ScalarCall& call) {
  std::string buffer;
  for_rows(call, [&](uint32_t row) {
    const Text text = text_at(call, 0, row);
    const Text fill = call.argument_count == 3 ? text_at(call, 2, row) : Text(" ");
    const int64_t wanted = std::max(integer_at(call, 1, row), 0);
    const int64_t length = utf8::length(text);
    if (length >= wanted || fill.empty()) {
      call.set_string(row, utf8::prefix(text, wanted));
      return;
    }
    if (static_cast<uint64_t>(wanted) * 4 > kLongestText) {
      call.fail_row(row, data::sqlstate::kProgramLimit, "requested length too large");
      return;
    }
    buffer.clear();
    if (!kLeft) buffer += text;
    const int64_t missing = wanted - length;
    const int64_t fill_length = utf8::length(fill);
    for (int64_t i = 0; i < missing / fill_length; ++i) buffer += fill;
    buffer += utf8::prefix(fill, missing % fill_length);
    if (kLeft) buffer += text;
    call.set_string(row, buffer);
  });
}

// ---------------------------------------------------------------- characters

void append_reversed(Text text, std::string& out) {
  for (size_t end = text.size(); end > 0;) {
    size_t start = end - 1;
    while (start > 0 && utf8::is_continuation(text[start])) --start;
    out += text.substr(start, end - start);
    end = start;
  }
}

/// Written straight into the result's memory, where its length counts before it is written.
void repeat(const ScalarCall& call, uint32_t row) {
  const Text text = text_at(call, 0, row);
  const int32_t count = integer_at(call, 1, row);
  if (count <= 0 || text.empty()) return call.set_string(row, {});
  const size_t size = static_cast<size_t>(count) * text.size();
  if (size > kLongestText) {
    return call.fail_row(row, data::sqlstate::kProgramLimit, "requested length too large");
  }
  char small[StringView::kInlineBytes];
  char* target = size <= sizeof small ? small : call.allocate(call.context, size);
  std::memcpy(target, text.data(), text.size());
  for (size_t done = text.size(); done < size;) {  // copies of copies
    const size_t next = std::min(done, size - done);
    std::memcpy(target + done, target, next);
    done += next;
  }
  call.out<StringView>()[row] = StringView(Text(target, size));
}

Result<std::string> character(int32_t code) {
  if (code < 0)
    return Status(data::sqlstate::kInvalidParameterValue, "character number must be positive");
  if (code == 0) return Status(data::sqlstate::kProgramLimit, "null character not permitted");
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    return Status(data::sqlstate::kProgramLimit,
                  "requested character too large for encoding: " + std::to_string(code));
  }
  std::string out;
  utf8::append(static_cast<uint32_t>(code), out);
  return out;
}

Result<int32_t> bits_of(Text text) {
  if (text.size() > INT32_MAX / 8) {
    return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
  }
  return static_cast<int32_t>(text.size() * 8);
}

std::string translated(Text text, Text from, Text to) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t width = utf8::width_at(text, at);
    const Text one = text.substr(at, width);
    at += width;
    int64_t index = 0;
    size_t found = 0;
    while (found < from.size()) {
      const size_t from_width = utf8::width_at(from, found);
      if (from.substr(found, from_width) == one) break;
      found += from_width;
      ++index;
    }
    if (found == from.size()) {
      out += one;
      continue;
    }
    const size_t target = utf8::offset_of(to, index);
    if (target < to.size()) out += to.substr(target, utf8::width_at(to, target));
  }
  return out;
}

Result<std::string> overlaid(Text text, Text placed, int32_t start, int64_t length) {
  if (start <= 0) {
    return Status(data::sqlstate::kSubstringError, "negative substring length not allowed");
  }
  std::string out(utf8::prefix(text, start - 1));
  out += placed;
  const int64_t rest = int64_t{start} + length - 1;
  if (rest >= INT32_MAX) return Status(data::sqlstate::kNumericOutOfRange, "integer out of range");
  out += text.substr(utf8::offset_of(text, rest));
  return out;
}

std::string md5_hex(Text text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr);
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (unsigned int i = 0; i < size; ++i) {
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

template <typename U>
std::string hexadecimal(U value) {
  char buffer[20];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, 16);
  return std::string(buffer, end.ptr);
}

// ---------------------------------------------------------------- descriptors

void add_case_and_length(Definer& define) {
  define.kernel("lower", {kText}, kText, &appending<append_lower>, "in lower case",
                {{"lower('TOM')", "tom"}});
  define.kernel("upper", {kText}, kText, &appending<append_upper>, "in upper case",
                {{"upper('tom')", "TOM"}});
  define.kernel("initcap", {kText}, kText, &appending<append_initcap>,
                "first letter of every word in upper case, the others in lower case",
                {{"initcap('hi THOMAS')", "Hi Thomas"}});
  for (Text name : {"length", "char_length", "character_length"}) {
    define.define<[](Text t) { return static_cast<int32_t>(utf8::length(t)); }>(
        name, {kText}, kInteger, "number of characters", {{"length('jose')", "4"}});
  }
  define.define<[](Text t) { return static_cast<int32_t>(t.size()); }>(
      "octet_length", {kText}, kInteger, "number of bytes", {{"octet_length('jose')", "4"}});
  define.define<[](Text t) { return bits_of(t); }>(
      "bit_length", {kText}, kInteger, "number of bits", {{"bit_length('jose')", "32"}});
}

void add_parts(Definer& define) {
  auto shared = [&](Text name, std::vector<TypeId> arguments, ScalarKernel kernel, Text text,
                    std::vector<Example> examples, bool can_fail = false) {
    ScalarFunction& function =
        define.kernel(name, std::move(arguments), kText, kernel, text, std::move(examples));
    function.shares_arguments = true;
    function.can_fail = can_fail;
  };
  for (Text name : {"substring", "substr"}) {
    shared(name, {kText, kInteger}, &each<substring_from>, "the part from a position on",
           {{"substr('alphabet', 3)", "phabet"}});
    shared(name, {kText, kInteger, kInteger}, &each<substring_from>,
           "the part from a position on, of so many characters",
           {{"substr('alphabet', 3, 2)", "ph"}}, true);
  }
  shared("left", {kText, kInteger}, &each<left>,
         "the first n characters; negative: all but the last |n|", {{"left('abcde', 2)", "ab"}});
  shared("right", {kText, kInteger}, &each<right>,
         "the last n characters; negative: all but the first |n|", {{"right('abcde', 2)", "de"}});
  shared("split_part", {kText, kText, kInteger}, &each<split_part>,
         "the n-th field between separators; negative: counted from the end",
         {{"split_part('abc~@~def~@~ghi', '~@~', 2)", "def"},
          {"split_part('abc,def,ghi', ',', -1)", "ghi"}},
         true);
  auto trims = [&](Text name, ScalarKernel kernel, Text text, Example example) {
    shared(name, {kText}, kernel, text, {});
    shared(name, {kText, kText}, kernel, text, {example});
  };
  trims("ltrim", &trim<true, false>, "without the characters (blanks) at the start",
        {"ltrim('zzzytest', 'xyz')", "test"});
  trims("rtrim", &trim<false, true>, "without the characters (blanks) at the end",
        {"rtrim('testxxzx', 'xyz')", "test"});
  trims("btrim", &trim<true, true>, "without the characters (blanks) at both ends",
        {"btrim('xyxtrimyyx', 'xyz')", "trim"});
  trims("trim", &trim<true, true>, "without the characters (blanks) at both ends",
        {"trim(both 'xyz' from 'yxTomxx')", "Tom"});
}

void add_padding(Definer& define) {
  auto pads = [&](Text name, ScalarKernel kernel, Text text, Example plain, Example filled) {
    define.kernel(name, {kText, kInteger}, kText, kernel, text, {plain}).can_fail = true;
    define.kernel(name, {kText, kInteger, kText}, kText, kernel, text, {filled}).can_fail = true;
  };
  pads("lpad", &pad<true>, "filled or cut to a length, at the left", {"lpad('hi', 4)", "  hi"},
       {"lpad('hi', 5, 'xy')", "xyxhi"});
  pads("rpad", &pad<false>, "filled or cut to a length, at the right", {"rpad('hi', 4)", "hi  "},
       {"rpad('hi', 5, 'xy')", "hixyx"});
}

void add_characters(Definer& define) {
  define
      .kernel("repeat", {kText, kInteger}, kText, &each<repeat>, "the text n times",
              {{"repeat('Pg', 4)", "PgPgPgPg"}})
      .can_fail = true;
  define.kernel("reverse", {kText}, kText, &appending<append_reversed>,
                "the characters in reverse order", {{"reverse('abcde')", "edcba"}});
  define.define<[](Text t) { return t.empty() ? 0 : static_cast<int32_t>(utf8::decode(t)); }>(
      "ascii", {kText}, kInteger, "code point of the first character", {{"ascii('x')", "120"}});
  define.define<[](int32_t code) { return character(code); }>(
      "chr", {kInteger}, kText, "character with this code point", {{"chr(65)", "A"}});
  define.define<[](Text t) { return md5_hex(t); }>(
      "md5", {kText}, kText, "MD5 hash in hexadecimal",
      {{"md5('abc')", "900150983cd24fb0d6963f7d28e17f72"}});
  define.define<[](Text t, Text from, Text to) { return translated(t, from, to); }>(
      "translate", {kText, kText, kText}, kText,
      "every character of `from` replaced by the one at its place in `to`",
      {{"translate('12345', '143', 'ax')", "a2x5"}});
  define.define<[](Text t, Text placed, int32_t start) {
    return overlaid(t, placed, start, utf8::length(placed));
  }>("overlay", {kText, kText, kInteger}, kText, "a part replaced from a position on",
     {{"overlay('Txxxxas' placing 'hom' from 2)", "Thomxas"}});
  define.define<[](Text t, Text placed, int32_t start, int32_t length) {
    return overlaid(t, placed, start, length);
  }>("overlay", {kText, kText, kInteger, kInteger}, kText, "a part of so many characters replaced",
     {{"overlay('Txxxxas' placing 'hom' from 2 for 4)", "Thomas"}});
  define.define<[](int32_t x) { return hexadecimal(static_cast<uint32_t>(x)); }>(
      "to_hex", {kInteger}, kText, "in hexadecimal", {{"to_hex(2147483647)", "7fffffff"}});
  define.define<[](int64_t x) { return hexadecimal(static_cast<uint64_t>(x)); }>(
      "to_hex", {kBigint}, kText, "in hexadecimal");
}

}  // namespace

void add_strings(ScalarList& list) {
  Definer define(list, "string");
  add_case_and_length(define);
  add_parts(define);
  add_padding(define);
  add_characters(define);
}

}  // namespace forebay::udfs
