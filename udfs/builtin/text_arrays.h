#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The elements of a text[]; nullopt is NULL. Dimensions are ignored.
namespace forebay::udfs {

using OptionalTexts = std::vector<std::optional<std::string>>;
OptionalTexts texts_of(std::string_view array);

}  // namespace forebay::udfs
