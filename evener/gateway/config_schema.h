#pragma once
// How the configuration of `evener serve` is written: one description per struct of config.h, from which the reader, the JSON Schema, the
// reference page and the example file come. The committed docs/config-reference.md, docs/evener.schema.json and examples/evener.yaml are
// these, and a test compares them.

#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/problem.h"
#include "evener/core/result.h"
#include "evener/gateway/config.h"

namespace evener::gateway {

using config::ConfigError;

/// Reads a whole file. `file_name` is for the messages. Gives the configuration with every default filled in (endpoint names too), or all
/// that is wrong with it, in the order of the file. `warnings` gets what is allowed and probably not meant.
[[nodiscard]] Result<Config, std::vector<ConfigError>> read_config(std::string_view file_name, std::string_view text,
                                                                   std::vector<ConfigError>* warnings = nullptr);

/// The rules between fields for a configuration that was not read from a file (command line, operator's changes); `origin` stands where the
/// file's name would. Fills in what read_config() fills in. Empty = nothing is wrong.
[[nodiscard]] std::vector<ConfigError> check_config(std::string_view origin, Config& config, std::vector<ConfigError>* warnings = nullptr);

/// Reads one endpoint, as it would stand in a pool's list (YAML or JSON). For changes while the gateway runs.
[[nodiscard]] Result<EndpointConfig, std::vector<ConfigError>> read_endpoint_config(std::string_view origin, std::string_view text);

/// The name an endpoint gets when it has none: host:port of its URL. The URL itself when that cannot be read.
[[nodiscard]] std::string default_endpoint_name(std::string_view url);

[[nodiscard]] std::string config_json_schema();
[[nodiscard]] std::string config_reference_markdown();
[[nodiscard]] std::string config_example_yaml();

}  // namespace evener::gateway
