// Lines "name: value" as the headers of an answer. Whatever they are: figures are finite and not negative, resets are within their bound, and nothing
// comes from no header.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "evener/protocol/ratelimit_headers.h"
#include "evener/protocol/testing.h"

using namespace evener;
using namespace evener::protocol;
using protocol::testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto exact = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(exact.get(), data, size);
  std::string_view text(exact.get(), size);
  const bool colons = text.find(':') != std::string_view::npos;

  RateLimitHeaders headers;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      (void)read_rate_duration(line);
      (void)read_rfc3339(line);
      (void)read_retry_after_ms(line);
      continue;
    }
    headers.add(line.substr(0, colon), line.substr(colon + 1));
  }
  const RateAllowance told = headers.read(1'700'000'000'000'000'000);
  for (const RateAllowance::Figures& one : told.figures) {
    for (const auto& figure : {one.limit, one.remaining}) require(!figure || (std::isfinite(*figure) && *figure >= 0));
    for (const auto& time : {one.reset, one.window}) require(!time || (*time >= Duration::zero() && *time <= RateResetMax));
  }
  require(!told.tells() || colons);
  return 0;
}
