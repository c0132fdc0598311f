#pragma once

#include "connectors/format.h"

namespace forebay::connectors {

/// connector = 'kafka': the topics of a Kafka cluster, followed or read to their present end.
ConnectorDescriptor kafka_connector();

}  // namespace forebay::connectors
