#include "evener/protocol/ratelimit_headers.h"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

namespace evener::protocol {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t Noon = 1'769'515'200'000'000'000;  // 2026-01-27T12:00:00Z

RateAllowance read(const std::vector<std::pair<std::string_view, std::string_view>>& headers) {
  RateLimitHeaders reader;
  for (const auto& [name, value] : headers) reader.add(name, value);
  return reader.read(Noon);
}

}  // namespace

TEST_CASE("OpenAI's headers say what remains of requests and tokens, and when all is there again") {
  const RateAllowance told = read({{"X-RateLimit-Limit-Requests", "60"},
                                   {"x-ratelimit-remaining-requests", "59"},
                                   {"x-ratelimit-reset-requests", "1s"},
                                   {"x-ratelimit-limit-tokens", "150000"},
                                   {"x-ratelimit-remaining-tokens", "149984"},
                                   {"x-ratelimit-reset-tokens", "6m0s"},
                                   {"x-request-id", "7"}});
  CHECK(told.of(RateOf::Requests) == RateAllowance::Figures{.limit = 60, .remaining = 59, .reset = 1s, .window = {}, .gradual = true});
  CHECK(told.of(RateOf::Tokens) ==
        RateAllowance::Figures{.limit = 150'000, .remaining = 149'984, .reset = 6min, .window = {}, .gradual = true});
  CHECK(told.of(RateOf::InputTokens) == RateAllowance::Figures{});
  CHECK(told.tells());
}

TEST_CASE("Anthropic's headers tell input and output tokens apart, and resets as times") {
  const RateAllowance told = read({{"anthropic-ratelimit-requests-remaining", "0"},
                                   {"anthropic-ratelimit-requests-reset", "2026-01-27T12:00:30Z"},
                                   {"anthropic-ratelimit-input-tokens-limit", "40000"},
                                   {"anthropic-ratelimit-input-tokens-remaining", "39000"},
                                   {"anthropic-ratelimit-input-tokens-reset", "2026-01-27T13:00:01.5+01:00"},
                                   {"anthropic-ratelimit-output-tokens-remaining", "8000"},
                                   {"anthropic-ratelimit-output-tokens-reset", "2026-01-27T11:59:59Z"}});
  CHECK(told.of(RateOf::Requests).remaining == 0);
  CHECK(told.of(RateOf::Requests).reset == 30s);
  CHECK(told.of(RateOf::InputTokens).limit == 40'000);
  CHECK(told.of(RateOf::InputTokens).reset == 1500ms);
  CHECK(told.of(RateOf::OutputTokens).reset == 0s);  // it has passed already
  CHECK_FALSE(told.of(RateOf::Tokens).remaining);
}

TEST_CASE("the draft's headers are matched by the names of their policies, and the one that binds first counts") {
  const RateAllowance told = read({{"RateLimit", R"("minute";r=50;t=30, "day" ; r=20 ; t=3600,"bytes";r=1;t=1)"},
                                   {"RateLimit-Policy", R"("minute";q=100;w=60,"day";q=1000;w=86400,"bytes";q=9;qu="content-bytes")"}});
  CHECK(told.of(RateOf::Requests) == RateAllowance::Figures{.limit = 1000, .remaining = 20, .reset = 1h, .window = 24h, .gradual = false});
  CHECK(read({{"ratelimit-policy", R"("t";q=5;qu="tokens";w=1)"}, {"ratelimit", R"("t";r=3)"}}).of(RateOf::Tokens).remaining == 3);
  CHECK(read({{"ratelimit", R"("a;r=9,";r=4;t=2)"}}).of(RateOf::Requests).remaining == 4);  // what is in quotes is a name
  CHECK_FALSE(read({{"ratelimit", R"("a";t=2)"}}).tells());
}

TEST_CASE("what is no figure is left out, and the rest still counts") {
  const RateAllowance told = read({{"x-ratelimit-remaining-requests", "many"},
                                   {"x-ratelimit-reset-requests", "soon"},
                                   {"x-ratelimit-remaining-tokens", " 7 "},
                                   {"x-ratelimit-limit-tokens", "-1"},
                                   {"x-ratelimit-reset-tokens", "1m2"},
                                   {"x-ratelimit-remaining", "5"},
                                   {"anthropic-ratelimit-remaining", "5"}});
  CHECK_FALSE(told.of(RateOf::Requests).remaining);
  CHECK(told.of(RateOf::Tokens) == RateAllowance::Figures{.limit = {}, .remaining = 7, .reset = {}, .window = {}, .gradual = true});
}

TEST_CASE("durations have units, and a number alone is seconds") {
  CHECK(read_rate_duration("20ms") == 20ms);
  CHECK(read_rate_duration("1h2m3.5s") == 1h + 2min + 3500ms);
  CHECK(read_rate_duration("12") == 12s);
  CHECK(read_rate_duration("0s") == 0s);
  CHECK(read_rate_duration("99999999h") == RateResetMax);
  for (const std::string_view wrong : {"", "s", "1x", "-1s", "1m2", "5 s", "1e3", "nan", "inf"}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_rate_duration(wrong));
  }
}

TEST_CASE("times are read with fraction and offset, and impossible ones are none") {
  CHECK(read_rfc3339("2026-01-27T12:00:00Z") == Noon);
  CHECK(read_rfc3339("2026-01-27t12:00:00.250z") == Noon + 250'000'000);
  CHECK(read_rfc3339("2026-01-27T07:30:00-04:30") == Noon);
  CHECK(read_rfc3339("1970-01-01T00:00:00Z") == 0);
  for (const std::string_view wrong :
       {"", "2026-01-27", "2026-02-30T00:00:00Z", "2026-01-27T24:00:00Z", "2026-01-27T12:00:00", "2026-01-27T12:00:00.Z",
        "2026-01-27T12:00:00Zx", "1969-12-31T23:59:59Z", "2026-01-27T12:00:00+1:00"}) {
    CAPTURE(wrong);
    CHECK_FALSE(read_rfc3339(wrong));
  }
}

TEST_CASE("retry-after-ms is in milliseconds") {
  CHECK(read_retry_after_ms("1500") == 1500ms);
  CHECK(read_retry_after_ms("0.5") == 500us);
  CHECK_FALSE(read_retry_after_ms("soon"));
}

}  // namespace evener::protocol
