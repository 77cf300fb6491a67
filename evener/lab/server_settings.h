#pragma once
// Servers by name: engines (engine_presets.h), model servers with batches, shared cores, APIs of others; and what can be set of each, one number at
// a time.

#include <string>
#include <string_view>

#include "evener/core/result.h"
#include "evener/lab/engine_presets.h"
#include "evener/lab/simulation.h"

namespace evener::lab {

/// `endpoint` has its name, model, overhead, and, of an API, that it is external. Names: tf-serving, triton, onnx, shared, api, or an engine. An error
/// names all that is known.
[[nodiscard]] Result<SimulatedEndpoint> endpoint_named(std::string_view name);

/// Settings of the server or of the endpoint in front of it. An error names the setting, the value and what is allowed.
[[nodiscard]] Result<void> set_endpoint(SimulatedEndpoint& endpoint, std::string_view name, std::string_view value);

}  // namespace evener::lab
