#include "evener/cli/config_file.h"

#include "evener/base/files.h"
#include "evener/gateway/config_schema.h"

namespace evener::cli {
namespace {
constexpr std::size_t ConfigBytesMax = 8 * 1024 * 1024;
}

Result<gateway::Config> read_config_file(const std::string& path) {
  const auto text = read_file(path, ConfigBytesMax);
  if (!text) return tl::unexpected(text.error());
  auto config = gateway::read_config(path, *text);
  if (!config) {
    std::string problems;
    for (const auto& error : config.error()) problems += (problems.empty() ? "" : "\n") + config::with_caret(error);
    return fail(problems, Fault::Client);
  }
  return std::move(*config);
}

}  // namespace evener::cli
