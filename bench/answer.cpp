// The right answers to the benchmarks, computed from make_json's files without any of the engine:
//   answer filter FILE          count of lines with "value" >= 20000
//   answer group FILE KEY VALUE groups, sum of counts, sum of sums, sum of maxima, by integer field KEY
//   answer join A B             pairs with equal "k"
// Fields are found by their names; every line is one flat JSON object of integers and plain strings.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <unordered_map>

namespace {

int64_t field(const std::string& line, const std::string& name) {
  size_t at = line.find('"' + name + "\":");
  if (at == std::string::npos) {
    std::fprintf(stderr, "no field %s in %s\n", name.c_str(), line.c_str());
    std::exit(1);
  }
  return std::strtoll(line.c_str() + at + name.size() + 3, nullptr, 10);
}

struct Group {
  int64_t count = 0;
  int64_t sum = 0;
  int64_t max = INT64_MIN;
};

int filter(const char* file) {
  std::ifstream in(file);
  std::string line;
  int64_t count = 0;
  while (std::getline(in, line)) count += field(line, "value") >= 20000;
  std::printf("%lld\n", static_cast<long long>(count));
  return 0;
}

int group(const char* file, const char* key, const char* value) {
  std::ifstream in(file);
  std::string line;
  std::unordered_map<int64_t, Group> groups;
  while (std::getline(in, line)) {
    Group& group = groups[field(line, key)];
    int64_t number = field(line, value);
    ++group.count;
    group.sum += number;
    if (number > group.max) group.max = number;
  }
  Group all{0, 0, 0};
  for (const auto& [unused, group] : groups) {
    all.count += group.count;
    all.sum += group.sum;
    all.max += group.max;
  }
  std::printf("%zu|%lld|%lld|%lld\n", groups.size(), static_cast<long long>(all.count),
              static_cast<long long>(all.sum), static_cast<long long>(all.max));
  return 0;
}

int join(const char* left, const char* right) {
  std::unordered_map<int64_t, int64_t> keys;
  std::string line;
  std::ifstream a(left);
  while (std::getline(a, line)) ++keys[field(line, "k")];
  std::ifstream b(right);
  int64_t pairs = 0;
  while (std::getline(b, line)) {
    auto found = keys.find(field(line, "k"));
    if (found != keys.end()) pairs += found->second;
  }
  std::printf("%lld\n", static_cast<long long>(pairs));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "filter") == 0) return filter(argv[2]);
  if (argc == 5 && std::strcmp(argv[1], "group") == 0) return group(argv[2], argv[3], argv[4]);
  if (argc == 4 && std::strcmp(argv[1], "join") == 0) return join(argv[2], argv[3]);
  std::fprintf(stderr, "usage: answer filter FILE | group FILE KEY VALUE | join A B\n");
  return 2;
}
