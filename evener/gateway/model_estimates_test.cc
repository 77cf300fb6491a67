#include "evener/gateway/model_estimates.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace evener;
using namespace evener::gateway;

namespace {

TextCounts counts_of(std::size_t letters) {
  TextCounts counts;
  count_text(std::string(letters, 'a'), counts);
  return counts;
}

}  // namespace

TEST_CASE("what one model's engines report changes nothing for another model") {
  ModelEstimates estimates;
  const TextCounts prompt = counts_of(100);
  const auto before = estimates.expect(1, prompt, {});
  for (int i = 0; i < 50; ++i) {
    estimates.learn_prompt(1, prompt, before.prompt * 2);
    estimates.learn_output(1, {}, 4);
  }
  CHECK(estimates.expect(1, prompt, {}).prompt > before.prompt * 3 / 2);
  CHECK(estimates.expect(1, prompt, {}).output < before.output / 2);
  CHECK(estimates.expect(2, prompt, {}).prompt == before.prompt);
  CHECK(estimates.expect(2, prompt, {}).output == before.output);
}

TEST_CASE("models beyond the limit share one estimate, and asking for a model takes no room") {
  ModelEstimates estimates;
  for (std::uint64_t model = 1; model <= 10'000; ++model) (void)estimates.expect(model, {}, {});
  CHECK(estimates.models() == 0);
  for (std::uint64_t model = 1; model <= ModelEstimates::ModelsMax + 10; ++model) estimates.learn_output(model, {}, 3);
  CHECK(estimates.models() == ModelEstimates::ModelsMax);
  for (int i = 0; i < 100; ++i) estimates.learn_output(ModelEstimates::ModelsMax + 1, {}, 1000);
  CHECK(estimates.expect(ModelEstimates::ModelsMax + 2, {}, {}).output > 500);
  CHECK(estimates.expect(1, {}, {}).output < 500);
}

TEST_CASE("how far estimates of prompts are off is known by model, and nothing is said before any report") {
  ModelEstimates estimates;
  CHECK(estimates.prompt_errors().reports == 0);
  const TextCounts prompt = counts_of(100);
  const std::uint32_t expected = estimates.expect(1, prompt, {}).prompt;
  for (int i = 0; i < 300; ++i) estimates.learn_prompt(1, prompt, expected);
  for (int i = 0; i < 100; ++i) estimates.learn_prompt(2, prompt, i % 2 == 0 ? expected * 2 : expected / 2);  // nothing to be learned from
  const auto errors = estimates.prompt_errors();
  CHECK(errors.reports == 400);
  CHECK(errors.worst > 0.4);
  CHECK(errors.mean > errors.worst / 5);
  CHECK(errors.mean < errors.worst / 2);
}

TEST_CASE("workers may ask and teach at the same time") {
  ModelEstimates estimates;
  std::vector<std::thread> workers;
  for (std::uint64_t w = 0; w < 4; ++w) {
    workers.emplace_back([&, w] {
      for (std::uint64_t i = 0; i < 500; ++i) {
        estimates.learn_prompt(i % 7 + w, counts_of(30), 10);
        (void)estimates.expect(i % 5, counts_of(30), {});
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  CHECK(estimates.models() == 10);
}
