#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

/// How every fallible operation of Forebay reports failure: Status and Result<T>. Three tiers never
/// mix: FOREBAY_CHECK for a bug of ours, Status for an operation that failed, an error row (see
/// error_rows.h) for bad data in a running view.
namespace forebay::data {

/// A five-character SQLSTATE, PostgreSQL's codes.
struct SqlState {
  char code[6] = "XX000";
  constexpr SqlState() = default;
  consteval SqlState(const char (&text)[6]) {
    for (int i = 0; i < 6; ++i) code[i] = text[i];
  }
  /// `text` has exactly five characters.
  static SqlState from_text(std::string_view text);
  std::string_view view() const { return {code, 5}; }
  friend bool operator==(const SqlState& a, const SqlState& b) { return a.view() == b.view(); }
};

namespace sqlstate {
inline constexpr SqlState kFeatureNotSupported{"0A000"};
inline constexpr SqlState kProtocolViolation{"08P01"};
inline constexpr SqlState kCardinalityViolation{"21000"};
inline constexpr SqlState kStringTooLong{"22001"};
inline constexpr SqlState kNumericOutOfRange{"22003"};
inline constexpr SqlState kInvalidDatetimeFormat{"22007"};
inline constexpr SqlState kDatetimeOverflow{"22008"};
inline constexpr SqlState kSubstringError{"22011"};
inline constexpr SqlState kDivisionByZero{"22012"};
inline constexpr SqlState kIntervalOverflow{"22015"};
inline constexpr SqlState kInvalidCharacter{"22021"};
inline constexpr SqlState kInvalidParameterValue{"22023"};
inline constexpr SqlState kInvalidEscape{"22025"};
inline constexpr SqlState kInvalidRegex{"2201B"};
inline constexpr SqlState kInvalidLimit{"2201W"};
inline constexpr SqlState kInvalidOffset{"2201X"};
inline constexpr SqlState kInvalidText{"22P02"};
inline constexpr SqlState kInvalidBinary{"22P03"};
inline constexpr SqlState kBadCopyFormat{"22P04"};
inline constexpr SqlState kNotNullViolation{"23502"};
inline constexpr SqlState kUniqueViolation{"23505"};
inline constexpr SqlState kInFailedTransaction{"25P02"};
inline constexpr SqlState kInvalidStatementName{"26000"};
inline constexpr SqlState kDependentObjects{"2BP01"};
inline constexpr SqlState kInvalidCursorName{"34000"};
inline constexpr SqlState kInvalidSchemaName{"3F000"};
inline constexpr SqlState kInvalidDatabaseName{"3D000"};
inline constexpr SqlState kSyntaxError{"42601"};
inline constexpr SqlState kAmbiguousColumn{"42702"};
inline constexpr SqlState kAmbiguousFunction{"42725"};
inline constexpr SqlState kDuplicateColumn{"42701"};
inline constexpr SqlState kDuplicateAlias{"42712"};
inline constexpr SqlState kDuplicateTable{"42P07"};
inline constexpr SqlState kDuplicateObject{"42710"};
inline constexpr SqlState kGroupingError{"42803"};
inline constexpr SqlState kDatatypeMismatch{"42804"};
inline constexpr SqlState kCannotCoerce{"42846"};
inline constexpr SqlState kWrongObjectType{"42809"};
inline constexpr SqlState kUndefinedColumn{"42703"};
inline constexpr SqlState kUndefinedFunction{"42883"};
inline constexpr SqlState kUndefinedTable{"42P01"};
inline constexpr SqlState kUndefinedParameter{"42P02"};
inline constexpr SqlState kUndefinedObject{"42704"};
inline constexpr SqlState kIndeterminateDatatype{"42P18"};
inline constexpr SqlState kInvalidColumnReference{"42P10"};
inline constexpr SqlState kInvalidTableDefinition{"42P16"};
inline constexpr SqlState kInvalidName{"42602"};
inline constexpr SqlState kDiskFull{"53100"};
inline constexpr SqlState kOutOfMemory{"53200"};
inline constexpr SqlState kTooManyConnections{"53300"};
inline constexpr SqlState kProgramLimit{"54000"};
inline constexpr SqlState kTooComplex{"54001"};
inline constexpr SqlState kTooManyColumns{"54011"};
inline constexpr SqlState kNotInPrerequisiteState{"55000"};
inline constexpr SqlState kObjectInUse{"55006"};
inline constexpr SqlState kCannotChangeParameter{"55P02"};
inline constexpr SqlState kQueryCanceled{"57014"};
inline constexpr SqlState kAdminShutdown{"57P01"};
inline constexpr SqlState kIoError{"58030"};
inline constexpr SqlState kUndefinedFile{"58P01"};
inline constexpr SqlState kInternalError{"XX000"};
inline constexpr SqlState kDataCorrupted{"XX001"};
}  // namespace sqlstate

/// Whose fault an error is.
enum class Fault : uint8_t { kUser, kEnvironment, kInternal };

/// All that is known of one failure. `message` is a short primary line in PostgreSQL's manner (lower
/// case, names quoted, no final stop); `detail` and `hint` are whole sentences or empty.
struct Error {
  SqlState sqlstate;
  Fault fault = Fault::kUser;
  bool retryable = false;
  std::string message;
  std::string detail;
  std::string hint;
  /// 1-based position in the statement's text, counted in characters (code points); 0 = none.
  int32_t position = 0;
  /// Where in the input it happened: `COPY t, line 3, column x: "y"`; or empty.
  std::string context;
};

/// Success, or one Error. Cheap to return on success: one null pointer.
class [[nodiscard]] Status {
 public:
  Status() = default;
  explicit Status(Error error) : error_(std::make_unique<Error>(std::move(error))) {}
  Status(SqlState sqlstate, std::string message)
      : error_(std::make_unique<Error>(Error{.sqlstate = sqlstate, .message = std::move(message)})) {}

  static Status ok() { return {}; }
  /// The environment (disk, file, network) failed us; a retry may help.
  static Status environment(SqlState sqlstate, std::string message) {
    return Status(Error{.sqlstate = sqlstate,
                        .fault = Fault::kEnvironment,
                        .retryable = true,
                        .message = std::move(message)});
  }
  static Status internal(std::string message) {
    return Status(Error{.sqlstate = sqlstate::kInternalError,
                        .fault = Fault::kInternal,
                        .message = std::move(message)});
  }

  bool is_ok() const { return error_ == nullptr; }
  explicit operator bool() const { return is_ok(); }
  /// Requires !is_ok().
  const Error& error() const { return *error_; }
  Error& error() { return *error_; }

  Status clone() const { return error_ ? Status(*error_) : Status(); }

  Status&& with_detail(std::string text) && {
    if (error_) error_->detail = std::move(text);
    return std::move(*this);
  }
  Status&& with_hint(std::string text) && {
    if (error_) error_->hint = std::move(text);
    return std::move(*this);
  }
  /// Sets the position unless one is already known (the innermost position wins).
  Status&& at(int32_t position) && {
    if (error_ && error_->position == 0) error_->position = position;
    return std::move(*this);
  }
  /// "ERROR:  message (SQLSTATE)", for logs and tests.
  std::string to_string() const;

 private:
  std::unique_ptr<Error> error_;
};

/// A value, or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {}  // NOLINT
  bool is_ok() const { return state_.index() == 0; }
  explicit operator bool() const { return is_ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// Requires !is_ok().
  const Error& error() const { return std::get<1>(state_).error(); }
  /// Status::ok() or the error; moves it out.
  Status take_status() {
    return is_ok() ? Status() : std::move(std::get<1>(state_));
  }

 private:
  std::variant<T, Status> state_;
};

/// Thrown by a failed FOREBAY_CHECK: a bug of ours. Caught at the edge of a pipeline, a query or a
/// session, which ends; the server goes on.
class CheckFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void throw_check_failure(const char* file, int line, const char* condition,
                                      const std::string& values);

}  // namespace forebay::data

#define FOREBAY_CONCAT_INNER(a, b) a##b
#define FOREBAY_CONCAT(a, b) FOREBAY_CONCAT_INNER(a, b)

/// Returns from the enclosing function when `expression` (a Status) is an error.
#define FOREBAY_RETURN_IF_ERROR(expression)                              \
  do {                                                                   \
    if (::forebay::data::Status status_ = (expression); !status_.is_ok()) \
      return status_;                                                    \
  } while (false)

/// `FOREBAY_ASSIGN_OR_RETURN(auto x, f());` declares or assigns x, or returns f's error.
#define FOREBAY_ASSIGN_OR_RETURN(target, expression) \
  FOREBAY_ASSIGN_OR_RETURN_INNER(FOREBAY_CONCAT(result_, __LINE__), target, expression)
#define FOREBAY_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                      \
  if (!result.is_ok()) return result.take_status();                \
  target = std::move(result).value()

/// Stops the pipeline or query when our own assumption is wrong. `values` is a std::string.
#define FOREBAY_CHECK(condition, values)                                              \
  do {                                                                                \
    if (!(condition)) [[unlikely]]                                                    \
      ::forebay::data::throw_check_failure(__FILE__, __LINE__, #condition, (values)); \
  } while (false)
