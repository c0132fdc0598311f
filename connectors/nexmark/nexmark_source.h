#pragma once

#include <optional>

#include "connectors/format.h"
#include "connectors/nexmark/events.h"

/// connector = 'nexmark': the events of the Nexmark benchmark, all in one stream or those of one
/// kind. Events are made where records of other sources are decoded, and only the columns that are
/// asked for.
namespace forebay::connectors {

ConnectorDescriptor nexmark_connector();

struct NexmarkConfig {
  nexmark::EventOptions events;
  /// Not set: all three.
  std::optional<nexmark::Kind> kind;
  /// By column of the schema.
  std::vector<nexmark::FieldInfo> fields;
  /// Of all kinds; not set: no end.
  std::optional<uint64_t> event_count;
  /// Events of all kinds.
  std::optional<double> rows_per_second;
};

}  // namespace forebay::connectors
