#include "udfs/builtin/case_mapping.h"

#include <clocale>
#include <cwctype>

#include "udfs/utf8.h"

namespace forebay::udfs {
namespace {

/// Lives for the process; never freed on purpose.
locale_t utf8_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

bool is_ascii(std::string_view text) {
  unsigned char all = 0;
  for (char c : text) all |= static_cast<unsigned char>(c);
  return all < 0x80;
}

char lower_ascii(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
char upper_ascii(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }

template <typename Map>
void append_mapped(std::string_view text, std::string& out, Map map) {
  for (size_t at = 0; at < text.size();) {
    const size_t width = utf8::width_at(text, at);
    utf8::append(static_cast<uint32_t>(map(utf8::decode(text.substr(at, width)))), out);
    at += width;
  }
}

}  // namespace

void append_lower(std::string_view text, std::string& out) {
  if (is_ascii(text)) {
    for (char c : text) out += lower_ascii(c);
    return;
  }
  append_mapped(text, out, [](uint32_t code) { return towlower_l(code, utf8_locale()); });
}

void append_upper(std::string_view text, std::string& out) {
  if (is_ascii(text)) {
    for (char c : text) out += upper_ascii(c);
    return;
  }
  append_mapped(text, out, [](uint32_t code) { return towupper_l(code, utf8_locale()); });
}

void append_initcap(std::string_view text, std::string& out) {
  bool inside = false;
  append_mapped(text, out, [&](uint32_t code) {
    const wint_t mapped =
        inside ? towlower_l(code, utf8_locale()) : towupper_l(code, utf8_locale());
    inside = iswalnum_l(mapped, utf8_locale()) != 0;
    return mapped;
  });
}

}  // namespace forebay::udfs
