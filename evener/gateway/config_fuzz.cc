// Any bytes as a configuration file: it is read or refused with messages that have a place, and reading it again gives the same.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/problem.h"
#include "evener/gateway/config_schema.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace evener;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<gateway::ConfigError> warnings;
  const auto config = gateway::read_config("fuzz.yaml", text, &warnings);
  require(config == gateway::read_config("fuzz.yaml", text));
  if (!config) {
    require(!config.error().empty());
    require(config.error().size() <= config::Problems::ErrorsMax + 1);
    for (const gateway::ConfigError& error : config.error()) {
      const std::string shown = config::with_caret(error);
      require(error.message.find('\n') == std::string::npos && shown.size() < 100'000);
    }
  } else {
    // What was accepted keeps the rules between fields, also without its file.
    gateway::Config copy = *config;
    require(gateway::check_config("fuzz", copy).empty());
    require(copy == *config);
  }
  return 0;
}
