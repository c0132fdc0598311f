#include "connectors/csv/csv_records.h"

#include <immintrin.h>

#include <algorithm>

namespace forebay::connectors {

namespace {
constexpr size_t kLeastIndexedBytes = size_t{32} << 10;
}  // namespace

void CsvSplitter::start(std::string_view text, bool ends_here) {
  text_ = text;
  ends_here_ = ends_here;
  begin_ = position_ = indexed_ = 0;
  specials_.clear();
  next_special_ = 0;
}

/// Indexes a further stretch, as long as what a record under way already spans, so that the work
/// stays linear; forgets what lies before the present record.
void CsvSplitter::index_more() {
  specials_.erase(specials_.begin(), specials_.begin() + static_cast<ptrdiff_t>(next_special_));
  next_special_ = 0;
  size_t stretch = std::max(kLeastIndexedBytes, indexed_ - position_);
  size_t end = std::min(text_.size(), indexed_ + stretch);
  size_t used = specials_.size();
  specials_.resize(used + (end - indexed_) + 32);
  uint32_t* out = specials_.data() + used;
  const __m256i delimiter = _mm256_set1_epi8(dialect_.delimiter);
  const __m256i quote = _mm256_set1_epi8(dialect_.quote);
  const __m256i newline = _mm256_set1_epi8('\n');
  for (size_t at = indexed_; at < end; at += 32) {
    __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text_.data() + at));
    __m256i special = _mm256_or_si256(
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, delimiter), _mm256_cmpeq_epi8(bytes, quote)),
        _mm256_cmpeq_epi8(bytes, newline));
    uint32_t mask = static_cast<uint32_t>(_mm256_movemask_epi8(special));
    if (end - at < 32) mask &= (uint32_t{1} << (end - at)) - 1;
    while (mask != 0) {
      *out++ = static_cast<uint32_t>(at) + static_cast<uint32_t>(__builtin_ctz(mask));
      mask &= mask - 1;
    }
  }
  specials_.resize(static_cast<size_t>(out - specials_.data()));
  indexed_ = end;
}

CsvEnd CsvSplitter::next() {
  while (true) {
    size_t first = next_special_;
    CsvEnd end = split();
    if (end == CsvEnd::kWhole) return end;
    next_special_ = first;
    if (end == CsvEnd::kIncomplete && indexed_ < text_.size()) {
      index_more();
      continue;
    }
    if (end == CsvEnd::kIncomplete && !ends_here_) return end;
    return recover();
  }
}

/// Takes the first line of a record that is malformed as the record.
CsvEnd CsvSplitter::recover() {
  size_t newline = text_.find('\n', position_);
  if (newline == std::string_view::npos && !ends_here_) return CsvEnd::kIncomplete;
  begin_ = position_;
  position_ = newline == std::string_view::npos ? text_.size() : newline + 1;
  fields_.clear();
  while (next_special_ < specials_.size() && specials_[next_special_] < position_) ++next_special_;
  if (next_special_ == specials_.size()) indexed_ = std::max(indexed_, position_);
  return CsvEnd::kMalformed;
}

/// Splits the record at position_ along the specials that are known. kIncomplete: they don't reach.
CsvEnd CsvSplitter::split() {
  fields_.clear();
  const char* text = text_.data();
  const uint32_t* special = specials_.data() + next_special_;
  const uint32_t* const last = specials_.data() + specials_.size();
  const bool to_end = ends_here_ && indexed_ == text_.size();
  uint32_t at = static_cast<uint32_t>(position_);
  while (true) {
    CsvField field{.begin = at, .end = at};
    if (special != last && *special == at && text[at] == dialect_.quote) {
      field.quoted = true;
      field.begin = at + 1;
      ++special;
      while (true) {
        while (special != last && text[*special] != dialect_.quote) ++special;
        if (special == last) return CsvEnd::kIncomplete;
        if (special + 1 == last || special[1] != *special + 1 ||
            text[special[1]] != dialect_.quote) {
          break;
        }
        field.doubled_quotes = true;
        special += 2;
      }
      field.end = *special++;
      at = field.end + 1;
      if (at < text_.size() && text[at] == '\r') ++at;
      if (special == last) {
        if (at < indexed_) return CsvEnd::kMalformed;
        if (!to_end) return CsvEnd::kIncomplete;
      } else if (*special != at || text[at] == dialect_.quote ||
                 (text[at] == dialect_.delimiter && text[at - 1] == '\r')) {
        return CsvEnd::kMalformed;
      }
    } else {
      while (special != last && text[*special] == dialect_.quote) ++special;
      if (special == last && !to_end) return CsvEnd::kIncomplete;
      at = special == last ? static_cast<uint32_t>(text_.size()) : *special;
      field.end = at;
    }
    bool ends = special == last || text[*special] == '\n';
    if (ends && !field.quoted && field.end > field.begin && text[field.end - 1] == '\r')
      --field.end;
    fields_.push_back(field);
    if (special != last) ++special;
    ++at;
    if (!ends) continue;
    begin_ = position_;
    position_ = std::min<size_t>(at, text_.size());
    next_special_ = static_cast<size_t>(special - specials_.data());
    return CsvEnd::kWhole;
  }
}

}  // namespace forebay::connectors
