#include <re2/re2.h>

#include <optional>

#include "engine/data/array.h"
#include "udfs/builtin/builtin.h"
#include "udfs/builtin/case_mapping.h"
#include "udfs/builtin/like.h"
#include "udfs/builtin/regex.h"
#include "udfs/utf8.h"

/// LIKE, ILIKE, SIMILAR TO and regular expressions as operators and functions.
namespace forebay::udfs {
namespace {

constexpr TypeId kText = TypeId::kText;
constexpr TypeId kInteger = TypeId::kInteger;
constexpr TypeId kBoolean = TypeId::kBoolean;
using Text = std::string_view;

Text text_at(const ScalarCall& call, uint32_t argument, uint32_t row) {
  return call.arguments[argument].at<StringView>(row).view();
}

void fail(const ScalarCall& call, uint32_t row, const data::Error& error) {
  call.fail_row(row, error);
}

// ---------------------------------------------------------------- LIKE

void store_like(const ScalarCall& call, uint32_t row, LikeResult result, bool wanted) {
  if (result == LikeResult::kBadEscape) [[unlikely]] {
    call.fail_row(row, data::sqlstate::kInvalidEscape,
                  "LIKE pattern must not end with escape character");
  } else {
    call.out<uint8_t>()[row] = (result == LikeResult::kYes) == wanted;
  }
}

/// The pattern of a row, escaped with \ and in lower case where case doesn't count.
template <bool kFoldCase>
Result<std::string> like_pattern(const ScalarCall& call, uint32_t row) {
  std::string pattern(text_at(call, 1, row));
  if (call.argument_count == 3) {
    FOREBAY_ASSIGN_OR_RETURN(pattern, escape_like(pattern, text_at(call, 2, row)));
  }
  if (!kFoldCase) return pattern;
  std::string lower;
  append_lower(pattern, lower);
  return lower;
}

template <bool kFoldCase, bool kWanted>
void like(const ScalarCall& call) {
  const bool constant =
      call.arguments[1].step == 0 && (call.argument_count == 2 || call.arguments[2].step == 0);
  std::optional<LikePattern> pattern;
  std::string folded;
  for_rows(call, [&](uint32_t row) {
    if (!pattern.has_value() || !constant) {
      Result<std::string> text = like_pattern<kFoldCase>(call, row);
      if (!text.is_ok()) return fail(call, row, text.error());
      pattern.emplace(*text);
    }
    Text subject = text_at(call, 0, row);
    if (kFoldCase) {
      folded.clear();
      append_lower(subject, folded);
      subject = folded;
    }
    store_like(call, row, pattern->match(subject), kWanted);
  });
}

// ---------------------------------------------------------------- regular expressions

/// The compiled expression of a row; a constant pattern is looked up once per call.
class RowRegex {
 public:
  /// `no_global`: the function's name, when it finds one match or counts all and refuses the flag
  /// g.
  RowRegex(const ScalarCall& call, uint32_t flags_argument, RegexOptions options = {},
           Text no_global = {})
      : call_(call), flags_argument_(flags_argument), options_(options), no_global_(no_global) {
    const bool has_flags = flags_argument < call.argument_count;
    constant_ =
        call.arguments[1].step == 0 && (!has_flags || call.arguments[flags_argument].step == 0);
  }

  /// nullptr: the row has failed.
  const re2::RE2* get(uint32_t row) {
    if (constant_ && regex_ != nullptr) return regex_;
    if (flags_argument_ < call_.argument_count) {
      Result<RegexOptions> options = parse_regex_flags(text_at(call_, flags_argument_, row));
      if (!options.is_ok()) return failed(row, options.error());
      options_ = *options;
      if (options_.global && !no_global_.empty()) {
        return failed(
            row,
            Status(data::sqlstate::kInvalidParameterValue,
                   std::string(no_global_) + "() does not support the \"global\" option")
                .with_hint(no_global_ == "regexp_match" ? "Use the regexp_matches function instead."
                                                        : "")
                .error());
      }
    }
    Result<const re2::RE2*> regex = compiled_regex(text_at(call_, 1, row), options_);
    if (!regex.is_ok()) return failed(row, regex.error());
    regex_ = *regex;
    return regex_;
  }
  bool global() const { return options_.global; }

 private:
  const re2::RE2* failed(uint32_t row, const data::Error& error) {
    fail(call_, row, error);
    return nullptr;
  }

  const ScalarCall& call_;
  uint32_t flags_argument_;
  RegexOptions options_;
  Text no_global_;
  bool constant_;
  const re2::RE2* regex_ = nullptr;
};

re2::StringPiece piece(Text text) { return {text.data(), text.size()}; }

bool matches(const re2::RE2& regex, Text text) {
  return regex.Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

template <bool kFoldCase, bool kWanted>
void regex_operator(const ScalarCall& call) {
  RegexOptions options;
  options.ignore_case = kFoldCase;
  RowRegex regex(call, UINT32_MAX, options);
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    call.out<uint8_t>()[row] = matches(*compiled, text_at(call, 0, row)) == kWanted;
  });
}

void regexp_like(const ScalarCall& call) {
  RowRegex regex(call, 2, {}, "regexp_like");
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    call.out<uint8_t>()[row] = matches(*compiled, text_at(call, 0, row));
  });
}

/// Visits matches from byte `start` on: visit(groups) returns false to stop. As PostgreSQL, an
/// empty match moves the search one character on.
template <typename Visit>
void for_matches(const re2::RE2& regex, Text text, size_t start, int groups, Visit visit) {
  re2::StringPiece found[10];
  const re2::StringPiece subject = piece(text);
  while (start <= text.size() &&
         regex.Match(subject, start, text.size(), re2::RE2::UNANCHORED, found, groups)) {
    if (!visit(found)) return;
    const size_t begin = static_cast<size_t>(found[0].data() - subject.data());
    const size_t end = begin + found[0].size();
    start =
        found[0].empty() ? (end < text.size() ? end + utf8::width_at(text, end) : end + 1) : end;
  }
}

/// Appends the replacement of one match: \1..\9 groups, \& the match, \\ a backslash.
void append_replacement(Text replacement, const re2::StringPiece* groups, int count,
                        std::string& out) {
  for (size_t at = 0; at < replacement.size(); ++at) {
    const char c = replacement[at];
    if (c != '\\' || at + 1 == replacement.size()) {
      out += c;
      continue;
    }
    const char next = replacement[++at];
    if (next == '&') {
      out.append(groups[0].data(), groups[0].size());
    } else if (next >= '1' && next <= '9') {
      const int group = next - '0';
      if (group < count && groups[group].data() != nullptr) {
        out.append(groups[group].data(), groups[group].size());
      }
    } else if (next == '\\') {
      out += '\\';
    } else {
      out += c;
      out += next;
    }
  }
}

void regexp_replace(const ScalarCall& call) {
  RowRegex regex(call, 3);
  std::string out;
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    const Text text = text_at(call, 0, row);
    const Text replacement = text_at(call, 2, row);
    const int groups = std::min(compiled->NumberOfCapturingGroups() + 1, 10);
    out.clear();
    size_t copied = 0;
    for_matches(*compiled, text, 0, groups, [&](const re2::StringPiece* found) {
      const size_t begin = static_cast<size_t>(found[0].data() - text.data());
      out += text.substr(copied, begin - copied);
      append_replacement(replacement, found, groups, out);
      copied = begin + found[0].size();
      return regex.global() && out.size() <= kLongestText;
    });
    out += text.substr(copied);
    call.set_string(row, out);
  });
}

/// A start position argument (from 1) as a byte offset; fails the row below 1.
std::optional<size_t> start_of(const ScalarCall& call, uint32_t row, uint32_t argument, Text text) {
  if (argument >= call.argument_count) return 0;
  const int32_t start = call.arguments[argument].at<int32_t>(row);
  if (start < 1) {
    call.fail_row(row, data::sqlstate::kInvalidParameterValue,
                  "invalid value for parameter \"start\": " + std::to_string(start));
    return std::nullopt;
  }
  if (start - 1 > utf8::length(text)) return text.size() + 1;
  return utf8::offset_of(text, start - 1);
}

void regexp_count(const ScalarCall& call) {
  RowRegex regex(call, 3, {}, "regexp_count");
  for_rows(call, [&](uint32_t row) {
    const Text text = text_at(call, 0, row);
    const std::optional<size_t> start = start_of(call, row, 2, text);
    if (!start.has_value()) return;
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    int32_t count = 0;
    for_matches(*compiled, text, *start, 1, [&](const re2::StringPiece*) { return ++count > 0; });
    call.out<int32_t>()[row] = count;
  });
}

/// regexp_substr: the n-th match from a position on, or NULL.
void regexp_substr(const ScalarCall& call) {
  RowRegex regex(call, 4, {}, "regexp_substr");
  for_rows(call, [&](uint32_t row) {
    const Text text = text_at(call, 0, row);
    const std::optional<size_t> start = start_of(call, row, 2, text);
    if (!start.has_value()) return;
    int32_t wanted = call.argument_count > 3 ? call.arguments[3].at<int32_t>(row) : 1;
    if (wanted < 1) {
      call.fail_row(row, data::sqlstate::kInvalidParameterValue,
                    "invalid value for parameter \"n\": " + std::to_string(wanted));
      return;
    }
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    std::optional<Text> result;
    for_matches(*compiled, text, *start, 1, [&](const re2::StringPiece* found) {
      if (--wanted == 0) result = Text(found[0].data(), found[0].size());
      return wanted > 0;
    });
    if (!result.has_value()) return call.set_null(row);
    call.set_shared_string(row, *result);
  });
}

/// regexp_match: the groups of the first match, or the whole match when there are none.
void regexp_match(const ScalarCall& call) {
  RowRegex regex(call, 2, {}, "regexp_match");
  std::vector<re2::StringPiece> found;
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    const Text text = text_at(call, 0, row);
    found.resize(static_cast<size_t>(compiled->NumberOfCapturingGroups()) + 1);
    if (!compiled->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, found.data(),
                         static_cast<int>(found.size()))) {
      return call.set_null(row);
    }
    data::ColumnBuilder parts(data::kTextType);
    for (size_t i = found.size() > 1 ? 1 : 0; i < found.size(); ++i) {
      if (found[i].data() == nullptr) {
        parts.append_null();
      } else {
        parts.append_string({found[i].data(), found[i].size()});
      }
    }
    call.set_string(row, data::encode_array(*parts.finish()));
  });
}

/// regexp_split_to_array: what stands between the matches. Empty matches at the ends and right
/// behind a match part nothing.
void regexp_split_to_array(const ScalarCall& call) {
  RowRegex regex(call, 2, {}, "regexp_split_to_array");
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    const Text text = text_at(call, 0, row);
    data::ColumnBuilder parts(data::kTextType);
    size_t last = 0, before = 0;
    for_matches(*compiled, text, 0, 1, [&](const re2::StringPiece* found) {
      const auto begin = static_cast<size_t>(found[0].data() - text.data());
      const size_t end = begin + found[0].size();
      if (begin < text.size() && end > before) {
        parts.append_string(text.substr(last, begin - last));
        last = end;
      }
      before = end;
      return true;
    });
    parts.append_string(text.substr(last));
    call.set_string(row, data::encode_array(*parts.finish()));
  });
}

/// substring(text from pattern): the first group of the first match, or the whole match.
void regex_substring(const ScalarCall& call) {
  RowRegex regex(call, UINT32_MAX);
  for_rows(call, [&](uint32_t row) {
    const re2::RE2* compiled = regex.get(row);
    if (compiled == nullptr) return;
    const int groups = compiled->NumberOfCapturingGroups() > 0 ? 2 : 1;
    re2::StringPiece found[2];
    const Text text = text_at(call, 0, row);
    const bool any =
        compiled->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, found, groups);
    const re2::StringPiece& part = found[groups - 1];
    if (!any || part.data() == nullptr) return call.set_null(row);
    call.set_shared_string(row, {part.data(), part.size()});
  });
}

// ---------------------------------------------------------------- descriptors

void add_like(Definer& define) {
  auto add = [&](Text name, ScalarKernel kernel, Text text, std::vector<Example> examples) {
    define.kernel(name, {kText, kText}, kBoolean, kernel, text, std::move(examples)).can_fail =
        true;
    define.kernel(name, {kText, kText, kText}, kBoolean, kernel, text).can_fail = true;
  };
  add("~~", &like<false, true>, "LIKE; a third argument is ESCAPE",
      {{"'abc' LIKE '_b%'", "t"}, {"'10%' LIKE '10!%' ESCAPE '!'", "t"}});
  add("!~~", &like<false, false>, "NOT LIKE; a third argument is ESCAPE",
      {{"'abc' NOT LIKE 'b%'", "t"}});
  add("~~*", &like<true, true>, "ILIKE: LIKE without regard to case", {{"'ABC' ILIKE '_b%'", "t"}});
  add("!~~*", &like<true, false>, "NOT ILIKE", {{"'ABC' NOT ILIKE '_b%'", "f"}});
  define.define<[](Text pattern, Text escape) { return escape_like(pattern, escape); }>(
      "like_escape", {kText, kText}, kText,
      "a LIKE pattern with another escape, rewritten to use \\",
      {{"like_escape('10!%', '!')", "10\\%"}});
  define.define<[](Text pattern) { return similar_to_regex(pattern, "\\"); }>(
      "similar_to_escape", {kText}, kText, "a SIMILAR TO pattern as a regular expression",
      {{"similar_to_escape('a%|b')", "^(?:a.*|b)$"}});
  define.define<[](Text pattern, Text escape) { return similar_to_regex(pattern, escape); }>(
      "similar_to_escape", {kText, kText}, kText,
      "a SIMILAR TO pattern with an escape as a regular expression");
}

void add_regex_operators(Definer& define) {
  auto add = [&](Text name, ScalarKernel kernel, Text text, Example example) {
    define.kernel(name, {kText, kText}, kBoolean, kernel, text, {example}).can_fail = true;
  };
  add("~", &regex_operator<false, true>, "matches a regular expression",
      {"'thomas' ~ 't.*ma'", "t"});
  add("~*", &regex_operator<true, true>, "matches without regard to case",
      {"'thomas' ~* 'T.*ma'", "t"});
  add("!~", &regex_operator<false, false>, "does not match", {"'thomas' !~ 't.*max'", "t"});
  add("!~*", &regex_operator<true, false>, "does not match without regard to case",
      {"'thomas' !~* 'T.*ma'", "f"});
}

void add_regex_functions(Definer& define) {
  auto add = [&](Text name, std::vector<TypeId> arguments, TypeId result, ScalarKernel kernel,
                 Text text, std::vector<Example> examples = {}, bool shares = false) {
    ScalarFunction& function =
        define.kernel(name, std::move(arguments), result, kernel, text, std::move(examples));
    function.can_fail = true;
    function.shares_arguments = shares;
  };
  add("regexp_like", {kText, kText}, kBoolean, &regexp_like, "whether there is a match",
      {{"regexp_like('Hello World', 'world$')", "f"}});
  add("regexp_like", {kText, kText, kText}, kBoolean, &regexp_like,
      "whether there is a match, with flags", {{"regexp_like('Hello World', 'world$', 'i')", "t"}});
  add("regexp_replace", {kText, kText, kText}, kText, &regexp_replace, "the first match replaced",
      {{"regexp_replace('Thomas', '.[mN]a.', 'M')", "ThM"}});
  add("regexp_replace", {kText, kText, kText, kText}, kText, &regexp_replace,
      "the first match (flag g: all) replaced",
      {{"regexp_replace('foobarbaz', 'b(..)', 'X\\1Y', 'g')", "fooXarYXazY"}});
  add("regexp_count", {kText, kText}, kInteger, &regexp_count, "number of matches",
      {{"regexp_count('ABCABCAXYaxy', 'A.')", "3"}});
  add("regexp_count", {kText, kText, kInteger}, kInteger, &regexp_count,
      "number of matches from a position on");
  add("regexp_count", {kText, kText, kInteger, kText}, kInteger, &regexp_count,
      "number of matches from a position on, with flags",
      {{"regexp_count('ABCABCAXYaxy', 'A.', 1, 'i')", "4"}});
  add("regexp_substr", {kText, kText}, kText, &regexp_substr, "the first match",
      {{"regexp_substr('number of your street, town zip', '[^,]+')", "number of your street"}},
      true);
  add("regexp_substr", {kText, kText, kInteger}, kText, &regexp_substr,
      "the first match from a position on", {}, true);
  add("regexp_substr", {kText, kText, kInteger, kInteger}, kText, &regexp_substr,
      "the n-th match from a position on", {}, true);
  add("regexp_substr", {kText, kText, kInteger, kInteger, kText}, kText, &regexp_substr,
      "the n-th match from a position on, with flags",
      {{"regexp_substr('ABCDEF', 'c(.)(..)', 1, 1, 'i')", "CDEF"}}, true);
  const TypeId texts = data::array_of(kText);
  add("regexp_match", {kText, kText}, texts, &regexp_match,
      "the groups of the first match, or the match itself without groups",
      {{"regexp_match('foobarbequebaz', '(bar)(beque)')", "{bar,beque}"}});
  add("regexp_match", {kText, kText, kText}, texts, &regexp_match,
      "the groups of the first match, with flags",
      {{"regexp_match('FOO bar', 'o+', 'i')", "{OO}"}});
  add("regexp_split_to_array", {kText, kText}, texts, &regexp_split_to_array,
      "the parts between matches",
      {{"regexp_split_to_array('hello world', '\\s+')", "{hello,world}"}});
  add("regexp_split_to_array", {kText, kText, kText}, texts, &regexp_split_to_array,
      "the parts between matches, with flags");
  add("substring", {kText, kText}, kText, &regex_substring,
      "the part that matches, or the first group of it",
      {{"substring('Thomas' from '...$')", "mas"}}, true);
}

}  // namespace

void add_patterns(ScalarList& list) {
  Definer operators(list, "operator");
  add_like(operators);
  add_regex_operators(operators);
  Definer functions(list, "string");
  add_regex_functions(functions);
}

}  // namespace forebay::udfs
