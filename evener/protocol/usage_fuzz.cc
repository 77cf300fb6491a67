// Any bytes as an answer or as TensorFlow Serving's model status: nothing is read behind them, and what is found is in them.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "evener/protocol/engine_health.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto exact = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view body(exact.get(), size);
  if (const auto usage = read_usage(body)) {
    require(body.find(std::to_string(usage->prompt_tokens)) != std::string_view::npos || usage->prompt_tokens == 0);
    require(body.find(std::to_string(usage->completion_tokens)) != std::string_view::npos || usage->completion_tokens == 0);
    require(body.find(std::to_string(usage->cached_tokens)) != std::string_view::npos || usage->cached_tokens == 0);
  }
  const HealthAnswer health = read_health(HealthRule::ModelAvailable, 200, body);
  require(health != HealthAnswer::Healthy || body.find("\"AVAILABLE\"") != std::string_view::npos);
  return 0;
}
