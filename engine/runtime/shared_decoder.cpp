#include "engine/runtime/shared_decoder.h"

#include <algorithm>
#include <set>

namespace forebay::runtime {

using connectors::BadRecord;
using connectors::DecodedBatch;
using connectors::DecodeRequest;

namespace {

constexpr uint32_t kMostAlone = 64;

// Names in records match whatever their case: with two columns whose names differ by case only,
// what a field means depends on which of them are asked for.
bool has_ambiguous_names(const data::Schema& schema) {
  std::set<std::string> names;
  for (const data::Field& field : schema) {
    std::string folded = field.name;
    for (char& c : folded) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    if (!names.insert(std::move(folded)).second) return true;
  }
  return false;
}

template <typename T>
uint32_t index_in(std::vector<T>& values, const T& value) {
  auto found = std::find(values.begin(), values.end(), value);
  if (found == values.end()) found = values.insert(found, value);
  return static_cast<uint32_t>(found - values.begin());
}

}  // namespace

SharedDecoder::SharedDecoder(const connectors::Source& source,
                             const std::vector<DecodeRequest>& requests) {
  for (const DecodeRequest& request : requests) {
    uses_.push_back({source.make_decoder(request), {}});
  }
  if (requests.size() > 1 && !has_ambiguous_names(requests.front().schema)) {
    make_union(source, requests);
  }
}

void SharedDecoder::make_union(const connectors::Source& source,
                               const std::vector<DecodeRequest>& requests) {
  DecodeRequest all = requests.front();
  all.projection.clear();
  all.metadata.clear();
  for (size_t i = 0; i < requests.size(); ++i) {
    for (uint32_t column : requests[i].projection) {
      uses_[i].columns.push_back(index_in(all.projection, column));
    }
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    for (const std::string& name : requests[i].metadata) {
      uint32_t position = index_in(all.metadata, name);
      uses_[i].columns.push_back(static_cast<uint32_t>(all.projection.size()) + position);
    }
  }
  united_ = source.make_decoder(all);
}

void SharedDecoder::start(connectors::RawBatch batch) {
  raw_ = std::move(batch);
  ready_.clear();
  turn_ = 0;
  is_alone_ = united_ == nullptr || alone_left_ > 0;
  if (united_ != nullptr && is_alone_) --alone_left_;
  if (!is_alone_ && !decode_united()) {
    is_alone_ = true;
    ready_.clear();
    alone_left_ = alone_next_;
    alone_next_ = std::min(kMostAlone, alone_next_ * 2);
  } else if (!is_alone_) {
    alone_next_ = 1;
  }
  if (is_alone_) uses_.front().alone->start(raw_);
}

// Decodes the whole raw batch; false: a column of some record is bad.
bool SharedDecoder::decode_united() {
  united_->start(raw_);
  DecodedBatch decoded;
  bool whole = true;
  while (united_->next(decoded)) {
    whole = whole && std::all_of(decoded.bad.begin(), decoded.bad.end(),
                                 [](const BadRecord& bad) { return bad.column.empty(); });
    if (whole) ready_.push_back(std::move(decoded));
  }
  return whole;
}

bool SharedDecoder::next(std::vector<DecodedBatch>& out) {
  out.clear();
  out.resize(uses_.size());
  if (!is_alone_) {
    if (ready_.empty()) {
      raw_ = {};
      return false;
    }
    distribute(std::move(ready_.front()), out);
    ready_.pop_front();
    return true;
  }
  while (!uses_[turn_].alone->next(out[turn_])) {
    if (++turn_ == uses_.size()) {
      raw_ = {};
      return false;
    }
    uses_[turn_].alone->start(raw_);
  }
  return true;
}

void SharedDecoder::distribute(DecodedBatch decoded, std::vector<DecodedBatch>& out) const {
  for (size_t i = 0; i < uses_.size(); ++i) {
    std::vector<data::ColumnRef> columns;
    for (uint32_t column : uses_[i].columns) columns.push_back(decoded.rows.columns()[column]);
    out[i].rows = decoded.rows.share();
    out[i].rows.mutable_columns() = std::move(columns);
    out[i].bad = decoded.bad;
  }
}

}  // namespace forebay::runtime
