#include "evener/route/speed.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/for_each_seed.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Instant Start = Instant{} + 1000s;

/// Of an endpoint that takes 50 ms and 0.1 ms per prompt token, and 20 ms and 1 ms per request in flight between two tokens.
SpeedRecord taught(int answers, double weight = 1) {
  SpeedRecord record;
  for (int i = 0; i < answers; ++i) {
    const auto ahead = static_cast<std::uint32_t>(i % 3 * 500);
    const auto uncached = static_cast<std::uint32_t>(100 + i % 5 * 300);
    record.first_token({.uncached_tokens = uncached, .ahead_tokens = ahead}, 0.05 + 1e-4 * (ahead + uncached), weight);
    const double in_flight = 1 + i % 8;
    record.tokens(in_flight, 0.02 + 1e-3 * in_flight, weight);
  }
  return record;
}

constexpr SpeedView Own{.base_s = 0.05, .prefill_s_per_token = 1e-4, .step_s = 0.02, .step_s_per_request = 1e-3, .at = Start};
constexpr SpeedView Pool{.base_s = 0.2, .prefill_s_per_token = 4e-4, .step_s = 0.08, .step_s_per_request = 4e-3};

}  // namespace

TEST_CASE("the more answers an endpoint gave, the more it is taken for what they showed and not for one of its pool") {
  for (const int answers : {1, 2, 5, 20, 100}) {
    CAPTURE(answers);
    const SpeedView own = taught(answers).view(1, Start);
    const double belief = believed_speed({.speed = own}, {.now = Start, .speed = Pool}).prefill_s_per_token;
    CHECK(belief == doctest::Approx(own.prefill_s_per_token + (Pool.prefill_s_per_token - own.prefill_s_per_token) * 5 / (5.0 + answers)));
  }
}

TEST_CASE("one answer says that times grow in proportion to what is ahead, and answers that differ show what does not grow") {
  SpeedRecord record;
  record.first_token({.uncached_tokens = 100}, 0.06, 1);
  record.tokens(2, 0.024, 1);
  const SpeedView view = record.view(1, Start);
  CHECK(view.base_s == doctest::Approx(0));
  CHECK(view.prefill_s_per_token == doctest::Approx(6e-4));
  CHECK(view.step_s == doctest::Approx(0));
  CHECK(view.step_s_per_request == doctest::Approx(0.012));
  CHECK(taught(20).view(1, Start).base_s == doctest::Approx(0.05).epsilon(0.3));
  CHECK(taught(20).view(1, Start).step_s == doctest::Approx(0.02).epsilon(0.3));
}

TEST_CASE("prefill is learned from the prompt and what was ahead of it, decoding from the requests in flight") {
  // 63 answers have their full say, against the two that would say that times are proportional.
  const SpeedView view = taught(500).view(1, Start);
  CHECK(view.base_s == doctest::Approx(0.05).epsilon(0.1));
  CHECK(view.prefill_s_per_token == doctest::Approx(1e-4).epsilon(0.1));
  CHECK(view.step_s == doctest::Approx(0.02).epsilon(0.1));
  CHECK(view.step_s_per_request == doctest::Approx(1e-3).epsilon(0.1));
  CHECK(view.at == Start);
}

TEST_CASE("what one endpoint taught is scaled by weight for another") {
  const SpeedRecord of_strong = taught(100, 4);  // four times as strong as weight 1
  const SpeedView itself = of_strong.view(4, Start);
  CHECK(itself.prefill_s_per_token == doctest::Approx(1e-4).epsilon(0.1));
  CHECK(of_strong.view(1, Start).prefill_s_per_token == doctest::Approx(4 * itself.prefill_s_per_token));
  CHECK(of_strong.view(2, Start).step_s == doctest::Approx(2 * itself.step_s));
}

TEST_CASE("an endpoint is expected to be what it showed, and without news more and more like the pool") {
  const EndpointView endpoint{.speed = Own};
  CHECK(expected_speed(endpoint, {.now = Start, .speed = Pool}).base_s == doctest::Approx(0.05));
  const SpeedView old = expected_speed(endpoint, {.now = Start + 20s, .speed = Pool});
  CHECK(old.base_s == doctest::Approx(0.125));
  CHECK(old.prefill_s_per_token == doctest::Approx(2.5e-4));
  CHECK(old.step_s == doctest::Approx(0.05));
  CHECK(old.step_s_per_request == doctest::Approx(2.5e-3));
  CHECK(expected_speed(endpoint, {.now = Start + 24h, .speed = Pool}).base_s == doctest::Approx(0.2).epsilon(0.01));
}

TEST_CASE("an endpoint that was slow is taken for twice as fast as the pool when it has been silent for long, so that it is tried") {
  const auto slow_by = [](double factor) { return EndpointView{.speed = {.prefill_s_per_token = factor * 1e-4, .at = Start}}; };
  const SpeedView pool{.prefill_s_per_token = 1e-4};
  const auto belief = [&](double factor, Duration silence) {
    return believed_speed(slow_by(factor), {.now = Start + silence, .speed = pool}).prefill_s_per_token / 1e-4;
  };
  CHECK(belief(4, 0s) == doctest::Approx(4));
  CHECK(belief(4, 45s) > 1);
  CHECK(belief(4, 50s) < 1);
  CHECK(belief(10, 80s) > 1);
  CHECK(belief(10, 90s) < 1);
  CHECK(belief(10, 24h) == doctest::Approx(0.5).epsilon(0.01));
  CHECK(belief(1, 1s) == doctest::Approx(1).epsilon(0.01));  // what is in use is taken for what it is
}

TEST_CASE("after a silence one answer is enough to see that an endpoint has changed, and a usual one changes nothing") {
  const Share share{.uncached_tokens = 1000};
  for (const double now_s : {0.015, 0.15, 1.5}) {
    CAPTURE(now_s);
    SpeedRecord record = taught(100);  // 0.15 s
    record.after_silence(share, now_s, 1);
    record.first_token(share, now_s, 1);
    const SpeedView view = record.view(1, Start);
    CHECK(view.base_s + 1000 * view.prefill_s_per_token == doctest::Approx(now_s).epsilon(now_s < 0.1 ? 1.0 : 0.15));
  }
  SpeedRecord nothing;
  nothing.after_silence(share, 1, 1);
  CHECK_FALSE(nothing.view(1, Start).first_token_known());
}

TEST_CASE("an endpoint that showed nothing is taken for one of the pool, as strong as its weight says") {
  const EndpointView strong{.weight = 4, .weight_configured = 4};
  const SpeedView belief = believed_speed(strong, {.now = Start, .speed = Pool});
  CHECK(belief.base_s == doctest::Approx(0.05));
  CHECK(belief.prefill_s_per_token == doctest::Approx(1e-4));
  CHECK(belief.step_s == doctest::Approx(0.02));
  CHECK(belief.step_s_per_request == doctest::Approx(1e-3));
}

TEST_CASE("what only the endpoint itself knows is believed at any age") {
  const SpeedView belief = believed_speed({.speed = Own}, {.now = Start + 24h});
  CHECK(belief.base_s == 0.05);
  CHECK(belief.step_s_per_request == 1e-3);
}

TEST_CASE("where nothing was learned at all nothing is believed") {
  const SpeedView belief = believed_speed({}, {.now = Start});
  CHECK_FALSE(belief.first_token_known());
  CHECK_FALSE(belief.token_known());
  CHECK(predict({}, belief, 1000, 1).first_token_s == 0);
}

TEST_CASE("a first token waits for the network, the base, what is ahead and the prompt, a later one for all that decode") {
  const EndpointView endpoint{.in_flight = 3, .in_flight_uncached_tokens = 1000, .network_s = 0.01};
  const Prediction prediction = predict(endpoint, Own, 500, 0);
  CHECK(prediction.first_token_s == doctest::Approx(0.01 + 0.05 + 0.15));
  CHECK(prediction.token_s == doctest::Approx(0.02 + 4e-3));
}

TEST_CASE("what others sent there is ahead, too, as far as the report is trusted") {
  const EndpointView endpoint{.in_flight = 3, .in_flight_uncached_tokens = 1000, .foreign_requests = 4, .foreign_uncached_tokens = 2000};
  const Prediction prediction = predict(endpoint, Own, 0, 0.5);
  CHECK(prediction.first_token_s == doctest::Approx(0.05 + 0.2));
  CHECK(prediction.token_s == doctest::Approx(0.02 + 6e-3));
}

TEST_CASE("what is expected lies between what the endpoint showed and the pool, what is believed is at most twice as good") {
  for_each_seed(500, [](Rng& rng) {
    const auto some = [&] { return rng.below(3) == 0 ? 0.0 : rng.uniform(); };
    const SpeedView own{.base_s = some(), .prefill_s_per_token = some(), .step_s = some(), .step_s_per_request = some(), .at = Start};
    const SpeedView pool{.base_s = some(), .prefill_s_per_token = some(), .step_s = some(), .step_s_per_request = some()};
    const double weight = 0.1 + rng.uniform() * 5;
    const EndpointView endpoint{.weight = weight, .weight_configured = weight, .speed = own};
    const PoolView view{.now = Start + from_seconds(rng.exponential(60)), .speed = pool};
    const SpeedView expected = expected_speed(endpoint, view), belief = believed_speed(endpoint, view);
    CHECK(expected.base_s >= std::min(own.base_s, pool.base_s / weight) - 1e-12);
    CHECK(expected.base_s <= std::max(own.base_s, pool.base_s / weight) + 1e-12);
    CHECK(expected.step_s >= std::min(own.step_s, pool.step_s / weight) - 1e-12);
    CHECK(expected.step_s <= std::max(own.step_s, pool.step_s / weight) + 1e-12);
    CHECK(belief.base_s <= expected.base_s + 1e-12);
    CHECK(belief.base_s >= expected.base_s / 2 - 1e-12);
    CHECK(expected.first_token_known() == (own.first_token_known() || pool.first_token_known()));
  });
}
