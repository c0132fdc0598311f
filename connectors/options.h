#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/source.h"

/// Reading WITH (...) options so that nothing is silently ignored.
namespace forebay::connectors {

/// The name of `known` that is nearest to `name` (edit distance at most a third of its length), or
/// "".
std::string nearest_name(std::string_view name, const std::vector<std::string>& known);

/// 22023 with a hint: the nearest known name, else all of them.
Status unknown_name(std::string_view what, std::string_view name,
                    const std::vector<std::string>& known);

/// Typed access to options; every error is 22023 and names the option.
class OptionReader {
 public:
  explicit OptionReader(const Options& options) : options_(options) {}

  /// 22023 for an option whose name is not in `known`; "name.*" there stands for all that start so.
  Status check_names(const std::vector<std::string>& known) const;
  bool has(const std::string& name) const { return options_.count(name) != 0; }
  std::string text(const std::string& name, std::string fallback = "") const;
  Result<bool> boolean(const std::string& name, bool fallback) const;
  /// A finite number above 0.
  Result<double> positive_number(const std::string& name, double fallback) const;
  /// Exactly one byte; '\t' and 'tab' are accepted for a tabulator.
  Result<char> character(const std::string& name, char fallback) const;

 private:
  const Options& options_;
};

}  // namespace forebay::connectors
