#include "evener/lab/external_model.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start{};

TEST_CASE("half of the first tokens come by the median, and one in a hundred after the 99th percentile") {
  ExternalModel api({.first_token_p50_s = 0.4, .first_token_p99_s = 2}, Rng(1));
  constexpr int Requests = 20'000;
  for (std::uint64_t id = 1; id <= Requests; ++id) CHECK(!api.submit({.id = id, .output_tokens = 1}, Start));
  std::vector<JobNews> news;
  const auto first_by = [&](Duration at) {
    api.advance(Start + at, news);
    return static_cast<double>(std::count_if(news.begin(), news.end(), [](const JobNews& one) { return one.first; })) / Requests;
  };
  CHECK(first_by(400ms) == doctest::Approx(0.5).epsilon(0.02));
  CHECK(first_by(2s) == doctest::Approx(0.99).epsilon(0.002));
}

TEST_CASE("beyond its limits it refuses, and takes the request after the time that it named") {
  ExternalModel api({.requests_per_minute = 60, .tokens_per_minute = 6000}, Rng(1));
  for (std::uint64_t id = 1; id <= 60; ++id) CHECK(!api.submit({.id = id, .input_tokens = 10}, Start));
  const auto refused = api.submit({.id = 61, .input_tokens = 10}, Start);
  REQUIRE(refused);
  CHECK(refused->retry_after == 1s);
  CHECK(api.submit({.id = 61, .input_tokens = 10}, Start + 999ms));
  CHECK(!api.submit({.id = 61, .input_tokens = 10}, Start + 1s));
  CHECK(api.allowance(Start + 1s)->of(RateOf::Requests).remaining == 0);
  CHECK(api.allowance(Start + 31s)->of(RateOf::Requests).remaining == 30);
}

TEST_CASE("long requests are limited by their tokens, and one longer than a minute's goes alone") {
  ExternalModel api({.requests_per_minute = 60, .tokens_per_minute = 6000}, Rng(1));
  CHECK(!api.submit({.id = 1, .input_tokens = 5000, .output_tokens = 1000}, Start));
  CHECK(api.submit({.id = 2, .input_tokens = 3000}, Start)->retry_after == 30s);
  CHECK(api.submit({.id = 3, .input_tokens = 9000}, Start)->retry_after == 60s);
  CHECK(!api.submit({.id = 3, .input_tokens = 9000}, Start + 60s));
}

}  // namespace
}  // namespace evener::lab
