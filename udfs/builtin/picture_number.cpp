#include <algorithm>
#include <cctype>
#include <cstring>

#include "udfs/builtin/picture.h"
#include "udfs/utf8.h"

/// Numbers through pictures, both ways, step by step as PostgreSQL goes: what it prints in odd
/// cases follows from these steps only.
namespace forebay::udfs {
namespace {

using data::Result;
using data::Status;
using Kind = PictureNode::Kind;
using Sign = NumberPicture::Sign;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Writes digits into a picture.
class NumberFormatter {
 public:
  NumberFormatter(NumberPicture picture, std::string digits, bool negative, int32_t blanks)
      : picture_(std::move(picture)),
        digits_(std::move(digits)),
        sign_(negative ? '-' : '+'),
        blanks_(blanks) {
    if (picture_.zero_start > 0) --picture_.zero_start;
    if (picture_.roman) keep_roman();
    if (picture_.plus || picture_.minus) {
      sign_wrote_ = !(picture_.plus && !picture_.minus);
    } else {
      if (sign_ != '-' && picture_.fill) picture_.bracket = false;
      sign_wrote_ = sign_ == '+' && picture_.fill && !picture_.locale_sign;
      if (picture_.sign == Sign::kPre && picture_.pre == picture_.pre_sign) {
        picture_.sign = Sign::kPost;
      }
    }
    count_ = picture_.post + picture_.pre - 1;
    if (picture_.fill && picture_.decimal) find_last_relevant();
    if (!sign_wrote_ && blanks_ == 0) ++count_;
  }

  std::string run() {
    for (const PictureNode& node : picture_.nodes) {
      if (node.kind != Kind::kField) {
        out_ += node.character;
      } else {
        add(node);
      }
    }
    if (end_ < out_.size()) out_.resize(end_);
    return std::move(out_);
  }

 private:
  static constexpr size_t kNone = std::string::npos;

  void keep_roman() {
    const bool fill = picture_.fill;
    picture_.decimal = picture_.zero = picture_.blank = picture_.locale_sign = false;
    picture_.bracket = picture_.minus = picture_.plus = picture_.shift = false;
    picture_.fill = fill;
    picture_.sign = Sign::kNone;
    picture_.pre = picture_.post = picture_.pre_sign = 0;
  }

  // FM: digits behind it are left out, but for those that a 0 asks for.
  void find_last_relevant() {
    const size_t point = digits_.find('.');
    if (point == kNone) return;
    last_relevant_ = point;
    for (size_t i = point + 1; i < digits_.size(); ++i) {
      if (digits_[i] != '0') last_relevant_ = i;
    }
    if (picture_.zero_end <= blanks_) return;
    const auto last_zero =
        std::min(digits_.size() - 1, static_cast<size_t>(picture_.zero_end - blanks_));
    if (last_relevant_ < last_zero) last_relevant_ = last_zero;
  }

  char at(size_t place) const { return place < digits_.size() ? digits_[place] : '\0'; }
  bool ends_with_point() const { return last_relevant_ != kNone && at(last_relevant_) == '.'; }
  bool is_leading_zero() const {
    return !picture_.zero && place_ == 0 && at(0) == '0' && picture_.post != 0;
  }

  void add(const PictureNode& node) {
    const bool lower = node.letters == LetterCase::kLower;
    switch (node.field) {
      case Field::k9:
      case Field::k0:
      case Field::kPoint:
      case Field::kLocalePoint:
        add_digit(node.field);
        return;
      case Field::kComma:
      case Field::kGroup:
        if (in_number_) {
          out_ += ',';
        } else if (!picture_.fill) {
          out_ += ' ';
        }
        return;
      case Field::kCurrency:
        out_ += ' ';
        return;
      case Field::kRoman: {
        std::string text = digits_;
        if (lower) {
          for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
        if (!picture_.fill && text.size() < 15) text.insert(0, 15 - text.size(), ' ');
        out_ += text;
        return;
      }
      case Field::kOrdinal:
        if (picture_.roman || at(0) == '#' || sign_ == '-' || picture_.decimal) return;
        out_ += ordinal_suffix(digits_, !lower);
        return;
      case Field::kMinus:
        if (sign_ == '-') {
          out_ += '-';
        } else if (!picture_.fill) {
          out_ += ' ';
        }
        return;
      case Field::kPlus:
        if (sign_ == '+') {
          out_ += '+';
        } else if (!picture_.fill) {
          out_ += ' ';
        }
        return;
      case Field::kSign:
        out_ += sign_;
        return;
      default:
        return;
    }
  }

  void add_sign() {
    const bool is_due = current_ >= blanks_ || (picture_.zero && picture_.zero_start == current_);
    if (sign_wrote_ || !is_due || (is_leading_zero() && !ends_with_point())) return;
    if (picture_.locale_sign) {
      if (picture_.sign != Sign::kPre) return;
      out_ += sign_;
    } else if (picture_.bracket) {
      out_ += sign_ == '+' ? ' ' : '<';
    } else if (sign_ == '-') {
      out_ += '-';
    } else if (!picture_.fill) {
      out_ += ' ';
    }
    sign_wrote_ = true;
  }

  void add_own_digit(Field field) {
    if (at(place_) == '.') {
      if (!ends_with_point() || picture_.fill) out_ += '.';
    } else if (last_relevant_ != kNone && place_ > last_relevant_ && field != Field::k0) {
      // Left out.
    } else if (is_leading_zero()) {
      if (!picture_.fill) {
        out_ += ' ';
      } else if (ends_with_point()) {
        out_ += '0';
      }
    } else if (place_ < digits_.size()) {
      out_ += digits_[place_];
      in_number_ = true;
    } else {
      end_ = std::min(end_, out_.size());  // PostgreSQL's text ends where its digits have ended
    }
    if (place_ < digits_.size()) ++place_;
  }

  void add_digit(Field field) {
    if (picture_.roman) return;
    in_number_ = false;
    add_sign();
    if (current_ < blanks_ && (picture_.zero_start > current_ || !picture_.zero)) {
      if (!picture_.fill) out_ += ' ';
    } else if (picture_.zero && current_ < blanks_) {
      out_ += '0';
      in_number_ = true;
    } else {
      add_own_digit(field);
    }
    int32_t end = count_ + (blanks_ > 0 ? 1 : 0) + (picture_.decimal ? 1 : 0);
    if (last_relevant_ != kNone && last_relevant_ == place_) end = current_;
    if (current_ + 1 == end) {
      if (sign_wrote_ && picture_.bracket) {
        out_ += sign_ == '+' ? ' ' : '>';
      } else if (picture_.locale_sign && picture_.sign == Sign::kPost) {
        out_ += sign_;
      }
    }
    ++current_;
  }

  NumberPicture picture_;
  const std::string digits_;
  const char sign_;
  const int32_t blanks_;
  bool sign_wrote_ = false, in_number_ = false;
  int32_t count_ = 0, current_ = 0;
  size_t place_ = 0, last_relevant_ = kNone, end_ = kNone;
  std::string out_;
};

/// Reads digits out of a text by a picture.
class NumberReader {
 public:
  NumberReader(NumberPicture& picture, std::string_view text) : picture_(picture), text_(text) {}

  std::string run() {
    for (const PictureNode& node : picture_.nodes) {
      if (is_over()) break;
      if (node.kind != Kind::kField) {
        skip_character();
      } else if (read(node.field)) {
        ++at_;
      }
    }
    if (!digits_.empty() && digits_.back() == '.') digits_.pop_back();
    picture_.post = read_post_;
    return std::string(1, sign_) + digits_;
  }

 private:
  bool is_over() const { return at_ >= text_.size(); }
  char here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void skip_character() { at_ += at_ < text_.size() ? utf8::width_at(text_, at_) : 1; }
  void eat(int count) {
    while (count-- > 0 && !is_over() && std::strchr("0123456789.,+-", here()) == nullptr) {
      skip_character();
    }
  }

  /// True: one character was taken by the field.
  bool read(Field field) {
    switch (field) {
      case Field::k9:
      case Field::k0:
      case Field::kPoint:
      case Field::kLocalePoint:
        read_digit(field);
        return true;
      case Field::kComma:
        return (in_number_ || !picture_.fill) && here() == ',';
      case Field::kGroup:
        return (in_number_ || !picture_.fill) && here() == ',';
      case Field::kCurrency:
        eat(1);
        return false;
      case Field::kOrdinal:
        if (picture_.roman || picture_.decimal) return false;
        eat(2);
        return false;
      case Field::kMinus:
        if (here() == '-') {
          sign_ = '-';
          return true;
        }
        eat(1);
        return false;
      case Field::kPlus:
        if (here() == '+') {
          sign_ = '+';
          return true;
        }
        eat(1);
        return false;
      case Field::kSign:
        if (here() == '-' || here() == '+') {
          sign_ = here();
          return true;
        }
        eat(1);
        return false;
      default:
        return false;
    }
  }

  void read_sign_in_front() {
    if (picture_.locale_sign && picture_.sign == Sign::kPre) {
      if (here() == '-' || here() == '+') sign_ = text_[at_++];
    } else if (here() == '-' || (picture_.bracket && here() == '<')) {
      sign_ = '-';
      ++at_;
    } else if (here() == '+') {
      sign_ = '+';
      ++at_;
    }
  }

  void read_digit(Field field) {
    bool is_read = false;
    if (is_over()) return;
    if (here() == ' ') ++at_;
    if (is_over()) return;
    if (sign_ == ' ' && (field == Field::k0 || field == Field::k9) && read_pre_ + read_post_ == 0) {
      read_sign_in_front();
    }
    if (is_over()) return;
    if (is_digit(here())) {
      if (read_point_ && read_post_ == picture_.post) return;
      digits_ += here();
      ++(read_point_ ? read_post_ : read_pre_);
      is_read = true;
    } else if (picture_.decimal && !read_point_ && here() == '.') {
      digits_ += '.';
      read_point_ = is_read = true;
    }
    if (sign_ != ' ' || read_pre_ + read_post_ == 0) return;
    if (picture_.locale_sign && is_read && at_ + 1 < text_.size() && !is_digit(text_[at_ + 1])) {
      const char next = text_[at_ + 1];
      if (next != '-' && next != '+') return;
      sign_ = next;
      ++at_;
    } else if (!is_read && !picture_.locale_sign && (picture_.plus || picture_.minus)) {
      if (here() == '-' || here() == '+') sign_ = here();
    }
  }

  NumberPicture& picture_;
  const std::string_view text_;
  size_t at_ = 0;
  char sign_ = ' ';
  bool in_number_ = false, read_point_ = false;
  int32_t read_pre_ = 0, read_post_ = 0;
  std::string digits_;
};

}  // namespace

Result<std::string> format_digits(NumberPicture picture, std::string digits, bool negative) {
  int32_t blanks = 0;
  if (!picture.roman) {
    const auto before = static_cast<int32_t>(std::min(digits.find('.'), digits.size()));
    if (before < picture.pre) {
      blanks = picture.pre - before;
    } else if (before > picture.pre) {
      digits.assign(static_cast<size_t>(picture.pre + picture.post) + 1, '#');
      digits[static_cast<size_t>(picture.pre)] = '.';
    }
  }
  const bool is_ordinal =
      !picture.roman && !picture.decimal && !negative &&
      std::any_of(picture.nodes.begin(), picture.nodes.end(), [](const PictureNode& node) {
        return node.kind == Kind::kField && node.field == Field::kOrdinal;
      });
  if (is_ordinal && digits[0] != '#' && !is_digit(digits.back())) {
    return Status(data::SqlState("22P02"), "\"" + digits + "\" is not a number");
  }
  return NumberFormatter(std::move(picture), std::move(digits), negative, blanks).run();
}

std::string roman_numeral(int64_t value) {
  if (value < 1 || value > 3999) return std::string(15, '#');
  static constexpr std::pair<int, const char*> kParts[] = {
      {1000, "M"}, {900, "CM"}, {500, "D"}, {400, "CD"}, {100, "C"}, {90, "XC"}, {50, "L"},
      {40, "XL"},  {10, "X"},   {9, "IX"},  {5, "V"},    {4, "IV"},  {1, "I"}};
  std::string text;
  for (const auto& [part, letters] : kParts) {
    for (; value >= part; value -= part) text += letters;
  }
  return text;
}

Result<std::string> read_digits(NumberPicture& picture, std::string_view text) {
  if (picture.exponent) {
    return Status(data::sqlstate::kFeatureNotSupported, "\"EEEE\" not supported for input");
  }
  if (picture.roman) {
    return Status(data::sqlstate::kFeatureNotSupported, "\"RN\" not supported for input");
  }
  return NumberReader(picture, text).run();
}

}  // namespace forebay::udfs
