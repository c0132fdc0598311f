#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/data/column.h"
#include "engine/data/ids.h"
#include "engine/data/status.h"

/// The function ABI: what a scalar or aggregate function is to the engine. Built-in and user
/// functions go through the same structures. Versioned: a library built against another version is
/// refused (library.h); a change of anything here needs another kFunctionAbiVersion.
namespace forebay::udfs {

using data::ColumnView;
using data::Type;
using data::TypeId;
using data::Weight;

inline constexpr uint32_t kFunctionAbiVersion = 1;

/// The longest text that a function may make, in bytes: PostgreSQL's limit. Longer: 54000.
inline constexpr size_t kLongestText = 0x3fffffff;
inline constexpr std::string_view kTextTooLong =
    "string buffer exceeds maximum allowed length (1073741823 bytes)";

/// What functions may ask of the session that runs the statement.
class SessionAccess {
 public:
  virtual ~SessionAccess() = default;
  /// A setting's value; nullopt: there is none of this name.
  virtual std::optional<std::string> setting(std::string_view name) = 0;
  /// SET; gives the value as it is then.
  virtual data::Result<std::string> set(std::string_view name, std::string_view value) = 0;
  /// 57014 when the statement is cancelled meanwhile.
  virtual data::Status sleep(double seconds) = 0;
};

/// What a call can know of the statement or epoch that it runs in.
struct CallEnvironment {
  /// now() in microseconds since 2000-01-01 UTC.
  int64_t now = 0;
  std::string_view user = "root";
  std::string_view database = "dev";
  /// The schemas, existing ones, in which names are looked up; the first one is current_schema().
  std::span<const std::string> search_path;
  /// nullptr in views, and where no session is.
  SessionAccess* session = nullptr;
};

/// One vectorised call. Values are indexed by physical row.
struct ScalarCall {
  const ColumnView* arguments;
  const Type* argument_types;
  uint32_t argument_count;
  /// The rows to compute, ascending; rows not listed must not be read or written.
  const uint32_t* rows;
  uint32_t row_count;
  /// True when rows are exactly 0 .. row_count-1, so that a kernel may loop without indirection.
  bool dense;
  Type result_type;
  /// Where result values go: the layout's C++ type, by physical row.
  void* result;
  /// Bits, by physical row; initially all 1. A kernel clears the bit of a NULL result.
  uint64_t* result_validity;
  /// Set to true by a kernel that cleared a bit.
  bool* result_has_nulls;

  /// `bytes` of memory that lives as long as the result column; for strings above 12 bytes. Throws
  /// std::bad_alloc when the batch's results take more than the statement may.
  char* (*allocate)(void* context, size_t bytes);
  /// Reports that `row` fails: it has no result and becomes an error row (in a view) or the
  /// statement's error. `sqlstate` has 5 characters.
  void (*fail)(void* context, uint32_t row, const char* sqlstate, const char* message,
               size_t message_bytes);
  void* context;
  /// Never null.
  const CallEnvironment* environment;
  /// Called after fail: DETAIL and HINT of that failure, whole sentences or empty. nullptr: nobody
  /// asks for them.
  void (*explain)(void* context, const char* detail, size_t detail_bytes, const char* hint,
                  size_t hint_bytes) = nullptr;

  template <typename T>
  T* out() const {
    return static_cast<T*>(result);
  }
  void set_null(uint32_t row) const {
    result_validity[row >> 6] &= ~(uint64_t{1} << (row & 63));
    *result_has_nulls = true;
  }
  /// Fails the row when the text is too long.
  void set_string(uint32_t row, std::string_view bytes) const {
    if (bytes.size() > kLongestText)
      return fail_row(row, data::sqlstate::kProgramLimit, kTextTooLong);
    if (bytes.size() > data::StringView::kInlineBytes) {
      char* copy = allocate(context, bytes.size());
      std::memcpy(copy, bytes.data(), bytes.size());
      bytes = {copy, bytes.size()};
    }
    out<data::StringView>()[row] = data::StringView(bytes);
  }
  /// As set_string, without a copy: `bytes` is a part of an argument's value. Only in functions
  /// with shares_arguments.
  void set_shared_string(uint32_t row, std::string_view bytes) const {
    out<data::StringView>()[row] = data::StringView(bytes);
  }
  void fail_row(uint32_t row, const data::SqlState& sqlstate, std::string_view message) const {
    fail(context, row, sqlstate.code, message.data(), message.size());
  }
  void fail_row(uint32_t row, const data::Error& error) const {
    fail_row(row, error.sqlstate, error.message);
    if (explain == nullptr || (error.detail.empty() && error.hint.empty())) return;
    explain(context, error.detail.data(), error.detail.size(), error.hint.data(),
            error.hint.size());
  }
};

using ScalarKernel = void (*)(const ScalarCall& call);

enum class NullRule : uint8_t {
  kStrict,  // any NULL argument gives NULL; the kernel never sees such rows
  kCalled,  // the kernel sees NULLs and decides
};

enum class Volatility : uint8_t {
  kImmutable,
  kStable,    // one value per statement or epoch: now(), current_date
  kVolatile,  // random(): refused in views
};

/// An example that documentation shows and a test executes: `SELECT <sql>` gives the text `result`.
struct Example {
  std::string_view sql;
  std::string_view result;
};

/// One signature of a scalar function. A name may have several.
struct ScalarFunction {
  std::string_view name;
  /// kUnknown means any type, the same for all kUnknown arguments (PostgreSQL's "anyelement")
  /// unless mixed_types; as the result, that type.
  std::vector<TypeId> arguments;
  /// The last argument may be repeated any number of times.
  bool variadic = false;
  TypeId result = TypeId::kText;
  NullRule null_rule = NullRule::kStrict;
  Volatility volatility = Volatility::kImmutable;
  /// True when a call can fail for some arguments: such expressions are not moved below a filter or
  /// join, and CASE/AND/OR/COALESCE evaluate them under a selection.
  bool can_fail = false;
  /// Says that a call cannot fail although can_fail is true, for what its constant arguments are
  /// (nullptr where an argument is no constant): date_trunc of a known field. nullptr: never.
  bool (*is_safe_with)(std::span<const data::Datum* const> constants) = nullptr;
  ScalarKernel kernel = nullptr;
  std::string_view description;
  std::vector<Example> examples;
  /// "string", "math", "date/time", "conditional", "operator", "cast", "system" ...
  std::string_view category;
  /// Result strings may point into argument values (set_shared_string): the result keeps the
  /// arguments' bytes alive.
  bool shares_arguments = false;
  /// A cheap kernel over fixed-width arguments that gives some result for every bit pattern: it may
  /// be run over NULL and unselected rows too, whose results nobody reads.
  bool takes_any_bits = false;
  /// Arguments declared kUnknown may be of different types (PostgreSQL's "any": concat, pg_typeof).
  bool mixed_types = false;
  /// A cast that does nothing when result_type has no modifier (varchar to text): the evaluator
  /// then shares the argument instead of calling the kernel.
  bool keeps_bits = false;
};

/// Adds rows to aggregate states. Row i of the call: physical row rows[i], its group's state at
/// states[i], weights[i] times (negative: taken out). NULL arguments were left out unless
/// sees_nulls.
struct AggregateCall {
  const ColumnView* arguments;
  const Type* argument_types;
  uint32_t argument_count;
  const uint32_t* rows;
  char* const* states;
  const Weight* weights;
  uint32_t row_count;
};

/// Turns states into values; appends exactly one value or NULL per state. A state that has no value
/// (overflow) appends NULL and calls fail with its index.
struct FinishCall {
  const char* const* states;
  uint32_t count;
  data::ColumnBuilder* out;
  void (*fail)(void* context, uint32_t index, const char* sqlstate, const char* message,
               size_t message_bytes);
  void* context;
};

/// How an aggregate keeps what it needs.
enum class AggregateKind : uint8_t {
  /// A fixed state of state_bytes that takes values in and out: count, sum, avg.
  kAccumulator,
  /// The operator keeps the group's values in order; the result is the first (min) or last (max).
  kMinimum,
  kMaximum,
  /// The operator keeps the group's values in order; `collect` makes the result of all of them.
  kOrdered,
};

/// The rows of one group in order, for an ordered aggregate: row i of the arguments occurs
/// counts[i]
/// (> 0) times. There is at least one row.
struct CollectCall {
  const ColumnView* arguments;
  const Type* argument_types;
  uint32_t argument_count;
  const Weight* counts;
  /// 1 where row i equals row i - 1 (in SQL's sense, all arguments).
  const uint8_t* repeats;
  uint32_t row_count;
  /// The constant arguments before the ones that are collected.
  const data::Datum* direct;
  uint32_t direct_count;
  /// Takes exactly one value or NULL.
  data::ColumnBuilder* out;
  /// Functions that make long values set about how long this one is; NULL is given when it is more
  /// than `most_bytes`.
  size_t* text_bytes;
  size_t most_bytes = kLongestText;
};

/// One signature of an aggregate function. State bytes are trivially copyable, 8-aligned, all zero
/// when empty; they are persisted as they are: DO NOT CHANGE a released layout.
struct AggregateFunction {
  std::string_view name;
  /// Empty: count(*). kUnknown: any type.
  std::vector<TypeId> arguments;
  TypeId result = TypeId::kBigint;
  AggregateKind kind = AggregateKind::kAccumulator;
  bool sees_nulls = false;
  /// The result over no values is 0, not NULL.
  bool counts = false;
  /// Always over the distinct values.
  bool always_distinct = false;
  uint32_t state_bytes = 0;
  void (*update)(const AggregateCall& call) = nullptr;
  void (*finish)(const FinishCall& call) = nullptr;
  /// Of an accumulator of numerics whose result shows the largest display scale of the finite
  /// values of argument 0 that are in it: tells the state that scale, once values were taken out
  /// and before `finish`. Not called when the argument's type has a scale, or nothing is ever taken
  /// out.
  void (*set_scale)(char* state, uint16_t scale) = nullptr;
  /// kOrdered.
  void (*collect)(const CollectCall& call) = nullptr;
  /// kOrdered: `collect` looks at the first (or last) row only, so that it gets no others.
  bool first_only = false;
  bool last_only = false;
  /// Called f(direct...) WITHIN GROUP (ORDER BY x): all arguments but the last are constants, the
  /// last is x.
  bool ordered_set = false;
  std::string_view description;
  std::vector<Example> examples;
};

}  // namespace forebay::udfs
