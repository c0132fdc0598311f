#include "connectors/json/json_decoder.h"

#include <algorithm>
#include <cstring>

namespace forebay::connectors {

namespace {

/// Bytes indexed at once: tokens and text stay in the second-level cache.
constexpr size_t kBlockBytes = size_t{64} << 10;

/// The newline of the line that starts at `p`, or `end`; and whether a backslash stands before it.
inline const char* find_line_end(const char* p, const char* end, bool& escapes) {
  const __m256i newline = _mm256_set1_epi8('\n');
  const __m256i backslash = _mm256_set1_epi8('\\');
  uint32_t found_backslash = 0;
  for (; p < end; p += 32) {
    __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    uint32_t newlines =
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, newline)));
    uint32_t backslashes =
        static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, backslash)));
    if (newlines != 0) {
      escapes = (found_backslash | (backslashes & (newlines ^ (newlines - 1)))) != 0;
      const char* found = p + __builtin_ctz(newlines);
      return found < end ? found : end;
    }
    found_backslash |= backslashes;
  }
  escapes = found_backslash != 0;
  return end;
}

data::Error error_of(StructureError error) {
  switch (error) {
    case StructureError::kInvalidUtf8:
      return {.sqlstate = data::sqlstate::kInvalidCharacter,
              .message = "invalid byte sequence for encoding \"UTF8\""};
    case StructureError::kControlCharacter:
      return {.sqlstate = data::sqlstate::kInvalidText,
              .message = "invalid JSON: unescaped control character in a string"};
    case StructureError::kUnclosedString:
      return {.sqlstate = data::sqlstate::kInvalidText,
              .message = "invalid JSON: a string is not closed"};
    default:
      return {.sqlstate = data::sqlstate::kInvalidText, .message = "invalid JSON"};
  }
}

}  // namespace

JsonDecoder::JsonDecoder(const DecodeRequest& request)
    : writer_(request), parser_(request, writer_) {}

void JsonDecoder::start(RawBatch batch) {
  raw_ = std::move(batch);
  raw_owner_ = arena_of(raw_);
  position_ = block_begin_ = block_end_ = one_by_one_end_ = 0;
  record_ = 0;
}

/// Where the block that starts at position_ ends: behind a newline, or with the batch.
size_t JsonDecoder::find_block_end(bool alone) const {
  size_t end = alone ? position_ : std::min(raw_.size, position_ + kBlockBytes);
  if (raw_.records != nullptr) {
    const std::vector<uint32_t>& ends = raw_.records->ends;
    if (end >= raw_.size) return raw_.size;
    auto last = std::lower_bound(ends.begin() + static_cast<ptrdiff_t>(record_), ends.end(), end);
    return size_t{*last} + 1;
  }
  const char* bytes = raw_.bytes;
  const void* newline = nullptr;
  if (!alone && end < raw_.size) newline = memrchr(bytes + position_, '\n', end - position_);
  if (newline == nullptr && end < raw_.size) {
    newline = std::memchr(bytes + end, '\n', raw_.size - end);
  }
  if (newline == nullptr) return raw_.size;
  return static_cast<size_t>(static_cast<const char*>(newline) - bytes) + 1;
}

/// Indexes the lines from position_ on: a block of them, or one.
void JsonDecoder::index_block() {
  const char* bytes = raw_.bytes;
  while (true) {
    bool alone = position_ < one_by_one_end_;
    block_begin_ = position_;
    block_end_ = find_block_end(alone);
    // The newline itself stays outside when a line is alone: it would be part of an unclosed
    // string.
    size_t size = block_end_ - block_begin_ - (alone && bytes[block_end_ - 1] == '\n');
    block_error_ = index_.scan({bytes + block_begin_, size});
    token_ = index_.begin();
    if (block_error_ == StructureError::kNone || alone) return;
    one_by_one_end_ = block_end_;
  }
}

bool JsonDecoder::next(DecodedBatch& out) {
  out = DecodedBatch();
  if (position_ >= raw_.size) {
    raw_ = RawBatch();
    raw_owner_.reset();
    return false;
  }
  writer_.begin(raw_owner_);
  uint32_t rows = 0;
  if (raw_.oversized) {
    data::Error error{.sqlstate = data::sqlstate::kProgramLimit,
                      .message = "record is longer than 100 MB"};
    file_bad(out, 0, 0, raw_.size, error, "");
    position_ = raw_.size;
  }
  while (position_ < raw_.size && rows + out.bad.size() < writer_.capacity()) {
    if (position_ >= block_end_) index_block();
    decode_lines(out, rows);
  }
  out.rows = writer_.finish(rows, raw_);
  return true;
}

/// Decodes lines of the present block until it or the batch is full.
void JsonDecoder::decode_lines(DecodedBatch& out, uint32_t& rows) {
  const char* base = raw_.bytes + block_begin_;
  const char* block_end = raw_.bytes + block_end_;
  const uint32_t* const last = index_.end();
  const uint32_t* token = token_;
  size_t position = position_;
  const size_t limit = writer_.capacity() - out.bad.size();
  const uint32_t* ends = raw_.records == nullptr ? nullptr : raw_.records->ends.data();
  size_t bad = 0;
  while (position < block_end_ && rows + bad < limit) {
    const char* line = raw_.bytes + position;
    bool escapes;
    const char* end = find_line_end(line, block_end, escapes);
    if (ends != nullptr) {
      // A record of a table may hold newlines between its tokens.
      const char* record_end = raw_.bytes + ends[record_];
      for (bool more; end < record_end; escapes |= more) {
        end = find_line_end(end + 1, block_end, more);
      }
    }
    const size_t number = record_++;
    const uint32_t line_begin = static_cast<uint32_t>(line - base);
    const uint32_t line_end = static_cast<uint32_t>(end - base);
    const size_t record = position;
    position = static_cast<size_t>(end - raw_.bytes) + (end < block_end);
    if (block_error_ != StructureError::kNone) {
      file_bad(out, number, record, record + (line_end - line_begin), error_of(block_error_), "");
      ++bad;
      continue;
    }
    if (token >= last || *token >= line_end) {  // nothing but white space
      if (ends == nullptr) continue;
      file_bad(out, number, record, record + (line_end - line_begin), error_of_empty(number), "");
      ++bad;
      continue;
    }
    const uint32_t* t = token;
    if (parser_.parse_fast(base, t, last, escapes, rows) && t[-1] < line_end &&
        (t >= last || *t >= line_end)) [[likely]] {
      writer_.set_origin(rows, raw_.offset_of(number, record), number);
      ++rows;
      token = t;
      continue;
    }
    t = token;
    while (t < last && *t < line_end) ++t;
    writer_.reset_row(rows);
    std::string column;
    Status status = parser_.parse_slow(base, token, t, line_begin, line_end, rows, column);
    token = t;
    if (status) {
      writer_.set_origin(rows, raw_.offset_of(number, record), number);
      ++rows;
    } else {
      writer_.reset_row(rows);
      file_bad(out, number, record, record + (line_end - line_begin), status.error(),
               std::move(column));
      ++bad;
    }
  }
  token_ = token;
  position_ = position;
}

/// What is wrong with a record of a table that has nothing but white space.
data::Error JsonDecoder::error_of_empty(size_t number) const {
  const std::vector<uint32_t>& none = raw_.records->without_value;
  const bool without = std::binary_search(none.begin(), none.end(), static_cast<uint32_t>(number));
  return {.sqlstate = data::sqlstate::kInvalidText,
          .message = without ? "the record has no value" : "invalid JSON: the record is empty"};
}

void JsonDecoder::file_bad(DecodedBatch& out, size_t number, size_t begin, size_t end,
                           const data::Error& error, std::string column) {
  std::string_view bytes(raw_.bytes + begin, end - begin);
  if (!bytes.empty() && bytes.back() == '\r') bytes.remove_suffix(1);
  out.bad.push_back(
      make_bad_record(raw_, raw_.offset_of(number, begin), bytes, error, std::move(column)));
}

}  // namespace forebay::connectors
