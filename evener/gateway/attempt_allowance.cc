// What the answers of external endpoints say beside the answer: how much of their rate limits is left.

#include "evener/base/clock.h"
#include "evener/gateway/attempt.h"
#include "evener/gateway/paths.h"
#include "evener/protocol/ratelimit_headers.h"

namespace evener::gateway {

void Attempt::read_allowance(const net::http1::Headers& headers) {
  protocol::RateLimitHeaders found;
  for (const net::http1::Header& header : headers) {
    found.add(header.name, header.value);
    if (!equals_ignoring_case(header.name, "retry-after-ms")) continue;
    answer_.retry_after = protocol::read_retry_after_ms(header.value).value_or(answer_.retry_after);  // finer than Retry-After
  }
  if (const RateAllowance told = found.read(wall_clock_ns()); told.tells()) lease_.allowance(told);
}

}  // namespace evener::gateway
