#include "connectors/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace forebay::connectors {

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] != b[j])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

Status invalid_value(const std::string& name, const std::string& value, std::string hint) {
  return Status(data::sqlstate::kInvalidParameterValue,
                fmt::format("invalid value for option \"{}\": \"{}\"", name, value))
      .with_hint(std::move(hint));
}

}  // namespace

std::string nearest_name(std::string_view name, const std::vector<std::string>& known) {
  std::string best;
  size_t best_distance = name.size() / 3 + 2;
  for (const std::string& candidate : known) {
    size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

Status unknown_name(std::string_view what, std::string_view name,
                    const std::vector<std::string>& known) {
  std::string nearest = nearest_name(name, known);
  std::string hint = nearest.empty()
                         ? (known.empty() ? std::string("There are none here.")
                                          : fmt::format("Known are: {}.", fmt::join(known, ", ")))
                         : fmt::format("Did you mean \"{}\"?", nearest);
  return Status(data::sqlstate::kInvalidParameterValue,
                fmt::format("unknown {} \"{}\"", what, name))
      .with_hint(std::move(hint));
}

Status OptionReader::check_names(const std::vector<std::string>& known) const {
  for (const auto& [name, value] : options_) {
    auto covers = [&name = name](const std::string& pattern) {
      if (!pattern.ends_with(".*")) return pattern == name;
      return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
    };
    if (std::none_of(known.begin(), known.end(), covers)) {
      return unknown_name("option", name, known);
    }
  }
  return Status::ok();
}

std::string OptionReader::text(const std::string& name, std::string fallback) const {
  auto found = options_.find(name);
  return found == options_.end() ? std::move(fallback) : found->second;
}

Result<bool> OptionReader::boolean(const std::string& name, bool fallback) const {
  auto found = options_.find(name);
  if (found == options_.end()) return fallback;
  std::string value = found->second;
  for (char& c : value) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (value == "true" || value == "t" || value == "on" || value == "1") return true;
  if (value == "false" || value == "f" || value == "off" || value == "0") return false;
  return invalid_value(name, found->second, "Use 'true' or 'false'.");
}

Result<double> OptionReader::positive_number(const std::string& name, double fallback) const {
  auto found = options_.find(name);
  if (found == options_.end()) return fallback;
  const std::string& text = found->second;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
      value <= 0) {
    return invalid_value(name, text, "Use a number above 0.");
  }
  return value;
}

Result<char> OptionReader::character(const std::string& name, char fallback) const {
  auto found = options_.find(name);
  if (found == options_.end()) return fallback;
  const std::string& value = found->second;
  if (value == "\\t" || value == "tab") return '\t';
  if (value.size() == 1 && value[0] != '\n' && value[0] != '\r' && value[0] > '\0') {
    return value[0];  // ASCII only: a part of a UTF-8 character would not do
  }
  return invalid_value(name, value, "Use one single-byte character.");
}

}  // namespace forebay::connectors
