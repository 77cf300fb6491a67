#include "evener/lab/load_size.h"

#include <doctest/doctest.h>

#include <string>

namespace evener::lab {
namespace {

std::string problem(const MadeLoad& load) {
  const auto most = load_factor_max(load);
  return most ? std::string() : most.error().message;
}

TEST_CASE("a load is taken up to the factor at which it could come to more requests than a run takes") {
  const IndependentLoad load{.arrivals = {.stages = {{100, 1000}}}};
  CHECK(*load_factor_max(load) == doctest::Approx(MadeRequestsMax / 100'000));
  IndependentLoad bursts = load;
  bursts.arrivals.bursts = {.ratio = 5, .share = 0.25};  // 2.5 times the mean in a burst, and one may last all the time
  CHECK(*load_factor_max(bursts) == doctest::Approx(MadeRequestsMax / 250'000));
  IndependentLoad days = load;
  days.arrivals.daily = {.swing = 1, .weekend = 0.3};  // 1.25 times the week's mean on working days, at noon twice that
  CHECK(*load_factor_max(days) == doctest::Approx(MadeRequestsMax / 250'000));
}

TEST_CASE("the blocks of sessions count, too") {
  const SessionLoad load{.arrivals = {.stages = {{1, 1000}}},
                         .turns_mean = 2,
                         .system_tokens = 16'000,
                         .first_input = {.mean = 1000},
                         .next_input = {.mean = 1000},
                         .output = {.mean = 1000}};
  CHECK(*load_factor_max(load) == doctest::Approx(MadeBlocksMax / (1000 * 20'000 / MadeBlockTokens)));
}

TEST_CASE("what no lower rate would help is refused with what to change") {
  IndependentLoad load{.arrivals = {.stages = {{1, 600}}}};
  load.arrivals.bursts = {.ratio = 5, .share = 0.1, .mean_s = 1e-6};
  CHECK(problem(load) ==
        "the load would have changes of its rate 120000000; at most 10000000: take a longer burst-for or day, or a shorter for");
  load.arrivals = {.stages = {{1, 30e6}, {1, 30e6}}};
  CHECK(problem(load).starts_with("the load would have seconds, all stages together, 60000000; at most 31622400"));
  CHECK(
      problem(SharedPrefixLoad{.groups = 100'000, .questions = 100'000}).starts_with("the load would have different prompts 10000000000"));
  CHECK(problem(SharedPrefixLoad{.groups = 1000, .questions = 10, .system_tokens = 1'000'000}).find("blocks of 16 tokens") !=
        std::string::npos);
}

TEST_CASE("every load that has a name can be played at ten times its rates") {
  for (const NamedLoad& named : named_loads()) CHECK_MESSAGE(load_factor_max(named.load()).value_or(0) >= 10, named.name);
}

}  // namespace
}  // namespace evener::lab
