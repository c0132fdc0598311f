#pragma once

#include <optional>

#include "connectors/file/pacer.h"
#include "connectors/format.h"

namespace forebay::connectors {

/// connector = 'file': a file or a glob, followed or read to its present end.
ConnectorDescriptor file_connector();

/// What WITH (...) says about files, checked.
struct FileConfig {
  std::string path;
  /// `path` is a pattern of glob(3).
  bool is_glob = false;
  bool bounded = false;
  std::optional<double> rows_per_second;
  /// Not set for replay.speed = 'max': nothing waits then.
  std::optional<ReplayConfig> replay;
  FileLimits limits;
};

/// The source behind the descriptor; named here for tests, which set small limits.
Result<std::shared_ptr<const Source>> make_file_source(FileConfig config, data::Schema schema,
                                                       std::shared_ptr<const Format> format);

}  // namespace forebay::connectors
