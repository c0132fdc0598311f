#include "udfs/window_function.h"

namespace forebay::udfs {

std::span<const WindowFunction> all_window_functions() {
  using enum TypeId;
  static const std::vector<WindowFunction> functions{
      {"row_number",
       {},
       0,
       kBigint,
       "number of the row in its partition, from 1",
       {{"row_number() OVER (ORDER BY x DESC) FROM (VALUES (5), (7)) AS t(x) ORDER BY x LIMIT 1",
         "2"}}},
      {"rank",
       {},
       0,
       kBigint,
       "number of the first row that is equal in the order: 1, 1, 3",
       {{"rank() OVER (ORDER BY x) FROM (VALUES (5), (5), (7)) AS t(x) ORDER BY x DESC LIMIT 1",
         "3"}}},
      {"dense_rank",
       {},
       0,
       kBigint,
       "number of the group of rows that are equal in the order: 1, 1, 2",
       {{"dense_rank() OVER (ORDER BY x) FROM (VALUES (5), (5), (7)) AS t(x) ORDER BY x DESC "
         "LIMIT 1",
         "2"}}},
      {"percent_rank",
       {},
       0,
       kDouble,
       "(rank - 1) / (rows of the partition - 1)",
       {{"percent_rank() OVER (ORDER BY x) FROM (VALUES (5), (6), (7)) AS t(x) ORDER BY x LIMIT 1 "
         "OFFSET 1",
         "0.5"}}},
      {"cume_dist",
       {},
       0,
       kDouble,
       "share of the partition's rows that come before or are equal in the order",
       {{"cume_dist() OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x LIMIT 1",
         "0.5"}}},
      {"ntile",
       {kInteger},
       0,
       kInteger,
       "number of the row's bucket, from 1, of so many that are as equal as can be",
       {{"ntile(2) OVER (ORDER BY x) FROM (VALUES (5), (6), (7)) AS t(x) ORDER BY x DESC LIMIT 1",
         "2"}}},
      {"lag",
       {kUnknown, kInteger, kUnknown},
       2,
       kUnknown,
       "value in the row before, or so many rows before; where there is none, NULL or the third "
       "argument",
       {{"lag(x) OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x DESC LIMIT 1", "5"}}},
      {"lead",
       {kUnknown, kInteger, kUnknown},
       2,
       kUnknown,
       "value in the row after, or so many rows after; where there is none, NULL or the third "
       "argument",
       {{"lead(x, 1, 0) OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x DESC LIMIT 1",
         "0"}}},
      {"first_value",
       {kUnknown},
       0,
       kUnknown,
       "value in the first row of the frame",
       {{"first_value(x) OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x DESC LIMIT 1",
         "5"}}},
      {"last_value",
       {kUnknown},
       0,
       kUnknown,
       "value in the last row of the frame, which ends with the current row unless it says more",
       {{"last_value(x) OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x LIMIT 1",
         "5"}}},
      {"nth_value",
       {kUnknown, kInteger},
       0,
       kUnknown,
       "value in the n-th row of the frame, from 1; NULL where there is none",
       {{"nth_value(x, 2) OVER (ORDER BY x) FROM (VALUES (5), (7)) AS t(x) ORDER BY x DESC LIMIT 1",
         "7"}}},
  };
  return functions;
}

const WindowFunction* find_window_function(std::string_view name) {
  for (const WindowFunction& function : all_window_functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

}  // namespace forebay::udfs
