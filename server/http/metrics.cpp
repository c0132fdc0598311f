#include "server/http/metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>

#include "server/version.h"

namespace forebay::server::http {

namespace {

using runtime::Figures;

std::string name_of(const sql::SnapshotRef& catalog, data::ObjectId id) {
  sql::CatalogObjectRef object = catalog->find(id);
  return object == nullptr ? fmt::format("#{}", id.value) : object->name;
}

std::string escape_label(std::string_view value) {
  std::string out;
  for (char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

std::string json_string(std::string_view value) {
  std::string out = "\"";
  for (char c : value) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// The samples of one metric stand together, below its HELP and TYPE lines.
class Metric {
 public:
  Metric(std::string& out, std::string_view name, std::string_view help) : out_(out), name_(name) {
    fmt::format_to(std::back_inserter(out_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help,
                   name.ends_with("_total") ? "counter" : "gauge");
  }

  void sample(Labels labels, double value) {
    out_ += name_;
    char separator = '{';
    for (const auto& [label, text] : labels) {
      fmt::format_to(std::back_inserter(out_), "{}{}=\"{}\"", separator, label, escape_label(text));
      separator = ',';
    }
    fmt::format_to(std::back_inserter(out_), "{} {}\n", labels.size() == 0 ? "" : "}", value);
  }
  void sample(Labels labels, uint64_t value) { sample(labels, static_cast<double>(value)); }
  void sample(Labels labels, int64_t value) { sample(labels, static_cast<double>(value)); }

 private:
  std::string& out_;
  const std::string name_;
};

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

uint64_t resident_bytes() {
  unsigned long long total = 0, resident = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%llu %llu", &total, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void write_process(std::string& out) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  Metric(out, "forebay_build_info", "1; the version is the label.")
      .sample({{"version", version()}}, uint64_t{1});
  Metric(out, "process_cpu_seconds_total", "User and system CPU time.")
      .sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  Metric(out, "process_resident_memory_bytes", "Resident memory.").sample({}, resident_bytes());
}

void write_store(std::string& out, const state::StoreFigures& store, uint64_t epoch,
                 uint64_t memory_budget) {
  Metric(out, "forebay_committed_epoch", "Number of the last committed epoch.").sample({}, epoch);
  Metric(out, "forebay_memory_budget_bytes", "The budget of --memory.").sample({}, memory_budget);
  Metric(out, "forebay_store_data_bytes", "Live files of the state store.")
      .sample({}, store.data_bytes);
  Metric(out, "forebay_store_memory_bytes", "Caches, memtables and filters of the state store.")
      .sample({}, store.memory_bytes);
  Metric(out, "forebay_store_written_bytes_total", "Bytes written to disk, compaction included.")
      .sample({}, store.bytes_written);
  Metric(out, "forebay_store_committed_bytes_total", "Keys and values that epochs committed.")
      .sample({}, store.bytes_committed);
  Metric(out, "forebay_store_pending_compaction_bytes", "Bytes that wait for compaction.")
      .sample({}, store.pending_compaction_bytes);
}

// Between 1970, where clocks begin, and 2000, where timestamps do.
constexpr double kSecondsBefore2000 = 946'684'800;

// One metric over a list: `labels(item)` and `value(item)` give each sample.
template <typename Items, typename Sample>
void write_each(std::string& out, std::string_view name, std::string_view help, const Items& items,
                const Sample& sample) {
  Metric metric(out, name, help);
  for (const auto& item : items) sample(metric, item);
}

void write_pipelines(std::string& out, const Figures& figures) {
  using One = runtime::PipelineFigures;
  auto each = [&](std::string_view name, std::string_view help, auto value) {
    write_each(out, name, help, figures.pipelines, [&](Metric& metric, const One& one) {
      metric.sample({{"pipeline", std::to_string(one.id.value)}}, value(one));
    });
  };
  each("forebay_pipeline_failed", "1 while the pipeline is halted by a failure.",
       [](const One& one) { return uint64_t{one.status == "failed"}; });
  each("forebay_pipeline_epoch", "The pipeline's last committed epoch.",
       [](const One& one) { return one.epoch.value; });
  each("forebay_pipeline_epoch_seconds", "Duration of the last epoch.",
       [](const One& one) { return static_cast<double>(one.epoch_ms) / 1e3; });
  each("forebay_pipeline_commit_seconds", "Duration of the last commit.",
       [](const One& one) { return static_cast<double>(one.commit_ms) / 1e3; });
  each("forebay_pipeline_dirty_keys", "State entries changed since the last commit.",
       [](const One& one) { return one.dirty_keys; });
  each("forebay_pipeline_memory_bytes", "Hot state and buffers of the pipeline.",
       [](const One& one) { return one.memory_bytes; });
}

void write_views(std::string& out, const Figures& figures, const sql::SnapshotRef& catalog) {
  using One = runtime::ObjectFigures;
  auto each = [&](std::string_view name, std::string_view help, auto value) {
    write_each(out, name, help, figures.objects, [&](Metric& metric, const One& one) {
      metric.sample({{"object", name_of(catalog, one.object)}}, value(one));
    });
  };
  each("forebay_object_rows_in_total", "Changes that came into the view or table.",
       [](const One& one) { return one.rows_in; });
  each("forebay_object_rows_out_total", "Changes of the view or table itself.",
       [](const One& one) { return one.rows_out; });
  each("forebay_object_errors_total", "Error rows.", [](const One& one) { return one.errors; });
  each("forebay_object_late_total", "Rows that were dropped because they came too late.",
       [](const One& one) { return one.late; });
  each("forebay_object_freshness_seconds", "Age of the last committed epoch's inputs.",
       [](const One& one) { return static_cast<double>(one.freshness_ms) / 1e3; });
}

void write_sources(std::string& out, const Figures& figures, const sql::SnapshotRef& catalog) {
  using One = runtime::SourceFigures;
  auto each = [&](std::string_view name, std::string_view help, auto value) {
    write_each(out, name, help, figures.sources, [&](Metric& metric, const One& one) {
      metric.sample({{"source", name_of(catalog, one.source)},
                     {"reader", name_of(catalog, one.reader)},
                     {"partition", one.position.name}},
                    value(one));
    });
  };
  each("forebay_source_records_total", "Records read.", [](const One& one) { return one.records; });
  each("forebay_source_read_bytes_total", "Bytes read.", [](const One& one) { return one.bytes; });
  each("forebay_source_errors_total", "Records that became error rows.",
       [](const One& one) { return one.errors; });
  each("forebay_source_failed", "1 while the source has failed.",
       [](const One& one) { return uint64_t{one.status == "failed"}; });
  each("forebay_source_lag", "Distance to the partition's end, in its own units.",
       [](const One& one) {
         const auto& at = one.position;
         return at.end && at.end->value > at.next.value ? at.end->value - at.next.value : 0;
       });
}

void write_watermarks(std::string& out, const Figures& figures, const sql::SnapshotRef& catalog) {
  using One = runtime::WatermarkFigures;
  std::vector<One> leaves, partitions;
  for (const One& one : figures.watermarks) {
    (one.partition ? partitions : leaves).push_back(one);
  }
  std::erase_if(leaves, [](const One& one) {
    return one.watermark == operators::kNoWatermark || one.watermark == operators::kEndOfTime;
  });
  write_each(out, "forebay_watermark_seconds", "The watermark, in seconds since 1970.", leaves,
             [&](Metric& metric, const One& one) {
               metric.sample({{"object", name_of(catalog, one.object)},
                              {"source", name_of(catalog, one.source)}},
                             static_cast<double>(one.watermark) / 1e6 + kSecondsBefore2000);
             });
  auto each = [&](std::string_view name, std::string_view help, auto value) {
    write_each(out, name, help, partitions, [&](Metric& metric, const One& one) {
      metric.sample({{"object", name_of(catalog, one.object)},
                     {"source", name_of(catalog, one.source)},
                     {"partition", *one.partition}},
                    value(one));
    });
  };
  each("forebay_watermark_partition_idle", "1 while the partition does not hold others back.",
       [](const One& one) { return uint64_t{one.is_idle}; });
  each("forebay_watermark_partition_holds_back", "1 while it alone holds the watermark back.",
       [](const One& one) { return uint64_t{one.holds_back_since.has_value()}; });
  each("forebay_watermark_far_future_total", "Times too far in the future, which do not count.",
       [](const One& one) { return one.far_future; });
}

void write_operators(std::string& out, const Figures& figures, const sql::SnapshotRef& catalog) {
  using One = runtime::OperatorFigures;
  // Operators of one kind in one view share their names; their number tells them apart.
  auto each = [&](std::string_view name, std::string_view help, auto value) {
    size_t number = 0;
    write_each(out, name, help, figures.operators, [&](Metric& metric, const One& one) {
      metric.sample({{"object", name_of(catalog, one.object)},
                     {"operator", one.operator_name},
                     {"worker", std::to_string(one.worker)},
                     {"number", std::to_string(number++)}},
                    value(one));
    });
  };
  each("forebay_operator_rows_in_total", "Changes in.", [](const One& one) { return one.rows_in; });
  each("forebay_operator_rows_out_total", "Changes out.",
       [](const One& one) { return one.rows_out; });
  each("forebay_operator_busy_seconds_total", "Time spent working.",
       [](const One& one) { return static_cast<double>(one.busy_ns) / 1e9; });
  each("forebay_operator_state_rows", "Rows of state in memory.",
       [](const One& one) { return one.state_rows; });
  each("forebay_operator_state_bytes", "Bytes of state in memory.",
       [](const One& one) { return one.state_bytes; });
  each("forebay_operator_evictions_total", "State entries that left memory.",
       [](const One& one) { return one.evictions; });
  each("forebay_operator_read_backs_total", "State entries read back.",
       [](const One& one) { return one.read_backs; });
}

}  // namespace

std::string metrics_text(Database& database) {
  Figures figures = database.engine().figures();
  sql::SnapshotRef catalog = database.catalog().snapshot();
  std::string out;
  write_process(out);
  write_store(out, database.store_figures(), database.committed_epoch().value,
              database.options().memory_bytes);
  write_pipelines(out, figures);
  write_views(out, figures, catalog);
  write_sources(out, figures, catalog);
  write_watermarks(out, figures, catalog);
  write_operators(out, figures, catalog);
  return out;
}

std::string health_json(Database& database) {
  Figures figures = database.engine().figures();
  sql::SnapshotRef catalog = database.catalog().snapshot();
  std::string failures;
  auto add = [&](std::string_view kind, const std::string& name, const std::string& reason) {
    failures += fmt::format("{}{{\"{}\": {}, \"reason\": {}}}", failures.empty() ? "" : ", ", kind,
                            json_string(name), json_string(reason));
  };
  for (const runtime::PipelineFigures& one : figures.pipelines) {
    if (one.status == "failed") add("pipeline", std::to_string(one.id.value), one.reason);
  }
  for (const runtime::SourceFigures& one : figures.sources) {
    if (one.status == "failed") add("source", name_of(catalog, one.source), one.reason);
  }
  return fmt::format("{{\"status\": \"{}\", \"version\": {}, \"epoch\": {}, \"failures\": [{}]}}\n",
                     failures.empty() ? "ok" : "degraded", json_string(version()),
                     database.committed_epoch().value, failures);
}

}  // namespace forebay::server::http
