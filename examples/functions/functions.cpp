// Functions of one's own for Forebay: copy this folder, write, run build.sh.

#include <algorithm>
#include <cmath>
#include <string>

#include "udfs/extension.h"

using forebay::udfs::TypeId;

// The kilometres between two places on the globe, given in degrees. `lift` makes a loop over
// columns of a function of values; NULL among the arguments gives NULL without a call.
FOREBAY_SCALAR_FUNCTION(haversine_km) {
  function.arguments = {TypeId::kDouble, TypeId::kDouble, TypeId::kDouble, TypeId::kDouble};
  function.result = TypeId::kDouble;
  function.kernel = &forebay::udfs::lift<[](double lat1, double lon1, double lat2, double lon2) {
    constexpr double kDegree = 3.14159265358979323846 / 180;
    const double half_lat = std::sin((lat2 - lat1) * kDegree / 2);
    const double half_lon = std::sin((lon2 - lon1) * kDegree / 2);
    const double a = half_lat * half_lat +
                     std::cos(lat1 * kDegree) * std::cos(lat2 * kDegree) * half_lon * half_lon;
    return 2 * 6371.0 * std::asin(std::sqrt(std::fmin(1, a)));
  }>;
}

// A text without vowels; a row whose text is empty fails, and becomes an error row of a view.
FOREBAY_SCALAR_FUNCTION(without_vowels) {
  function.arguments = {TypeId::kText};
  function.result = TypeId::kText;
  function.can_fail = true;
  function.kernel = [](const forebay::udfs::ScalarCall& call) {
    std::string out;
    forebay::udfs::for_rows(call, [&](uint32_t row) {
      const std::string_view text = call.arguments[0].at<forebay::data::StringView>(row).view();
      if (text.empty()) {
        return call.fail_row(row, forebay::data::SqlState("22023"), "the text is empty");
      }
      out.clear();
      for (char c : text) {
        if (std::string_view("aeiouAEIOU").find(c) == std::string_view::npos) out += c;
      }
      call.set_string(row, out);
    });
  };
}

// The words of a text with their places, as rows. A kernel gives at most `limit` rows a call and
// goes on at the cursor when it is called again.
FOREBAY_TABLE_FUNCTION(words) {
  function.arguments = {TypeId::kText};
  function.columns = {{"place", TypeId::kInteger}, {"word", TypeId::kText}};
  function.kernel = [](const forebay::udfs::TableCall& call) {
    forebay::udfs::TableCursor& at = *call.cursor;
    for (uint32_t given = 0; given < call.limit && at.next < call.row_count;) {
      const std::string_view text =
          call.arguments[0].at<forebay::data::StringView>(call.rows[at.next]).view();
      // state[0]: how far it is in this text.
      const size_t begin = text.find_first_not_of(' ', static_cast<size_t>(at.state[0]));
      if (begin == std::string_view::npos) {
        at.next_row();
        continue;
      }
      const size_t end = std::min(text.find(' ', begin), text.size());
      call.origins->push_back(at.next);
      call.columns[0].append(static_cast<int32_t>(++at.produced));
      call.columns[1].append_string(text.substr(begin, end - begin));
      at.state[0] = static_cast<int64_t>(end);
      ++given;
    }
  };
}
