#include "server/explain_running.h"

#include <fmt/format.h>

#include <map>

namespace forebay::server {

namespace {

using runtime::OperatorFigures;

class Tree {
 public:
  Tree(const sql::catalog::CatalogObject& view, const runtime::Figures& figures) {
    for (const OperatorFigures& one : figures.operators) {
      if (one.object != view.id) continue;
      auto [found, is_new] = nodes_.try_emplace(one.node, one);
      if (is_new) continue;
      OperatorFigures& sum = found->second;
      sum.rows_in += one.rows_in;
      sum.rows_out += one.rows_out;
      sum.busy_ns += one.busy_ns;
      sum.state_rows += one.state_rows;
      sum.state_bytes += one.state_bytes;
      sum.evictions += one.evictions;
      sum.read_backs += one.read_backs;
    }
  }

  std::vector<std::string> lines() {
    if (!nodes_.empty()) add(nodes_.rbegin()->first, 0);
    return std::move(lines_);
  }

 private:
  void add(uint32_t number, size_t depth) {
    const OperatorFigures& node = nodes_.at(number);
    std::string line(2 * depth, ' ');
    line += node.operator_name;
    if (!node.detail.empty()) line += " " + node.detail;
    const bool is_shown = !shown_.emplace(number, true).second;
    if (is_shown) {  // two operators read it
      lines_.push_back(line + " (as above)");
      return;
    }
    line += fmt::format(" (rows in={} out={} busy={} ms", node.rows_in, node.rows_out,
                        node.busy_ns / 1'000'000);
    if (node.state_rows > 0 || node.state_bytes > 0) {
      line += fmt::format(" state rows={} bytes={}", node.state_rows, node.state_bytes);
    }
    if (node.evictions > 0 || node.read_backs > 0) {
      line += fmt::format(" evictions={} read back={}", node.evictions, node.read_backs);
    }
    lines_.push_back(line + ")");
    for (uint32_t input : node.inputs) add(input, depth + 1);
  }

  std::map<uint32_t, OperatorFigures> nodes_;
  std::map<uint32_t, bool> shown_;
  std::vector<std::string> lines_;
};

}  // namespace

std::vector<std::string> explain_running(const sql::catalog::CatalogObject& view,
                                         const runtime::Figures& figures) {
  return Tree(view, figures).lines();
}

}  // namespace forebay::server
