#include "evener/load/workload.h"

#include <doctest/doctest.h>

#include <set>

namespace evener::load {
namespace {

using namespace std::chrono_literals;

std::size_t common_beginning(const std::string& a, const std::string& b) {
  std::size_t length = 0;
  while (length < std::min(a.size(), b.size()) && a[length] == b[length]) ++length;
  return length;
}

std::shared_ptr<const lab::Trace> two_requests() {
  return std::make_shared<const lab::Trace>(
      lab::read_mooncake_trace("{\"timestamp\":0,\"input_length\":1100,\"output_length\":50,\"hash_ids\":[0,1,2]}\n"
                               "{\"timestamp\":3000,\"input_length\":1030,\"output_length\":0,\"hash_ids\":[0,3,4]}\n",
                               "t")
          .trace);
}

TEST_CASE("a prompt has exactly the asked number of tokens of four bytes, and equal seeds give equal prompts") {
  WorkloadOptions options;
  options.input_tokens = {.min = 10, .max = 200};
  options.requests_max = 50;
  auto first = *Workload::make(options), second = *Workload::make(options);
  std::set<std::string> prompts;
  std::set<std::uint32_t> lengths;
  while (const auto job = first.next()) {
    const auto again = second.next();
    REQUIRE(again);
    const std::string prompt = first.prompt(*job);
    CHECK(prompt.size() == job->input_tokens * 4);
    CHECK(prompt == second.prompt(*again));
    CHECK(job->at == again->at);
    prompts.insert(prompt);
    lengths.insert(job->input_tokens);
  }
  CHECK(prompts.size() == 50);
  CHECK(lengths.size() > 20);
  options.seed = 2;
  auto other = *Workload::make(options);
  CHECK(!prompts.contains(other.prompt(*other.next())));
}

TEST_CASE("prompts of one group share exactly the asked beginning") {
  WorkloadOptions options;
  options.input_tokens = {.min = 100, .max = 100};
  options.prefix_groups = 3;
  options.prefix_tokens = 40;
  options.requests_max = 60;
  auto workload = *Workload::make(options);
  std::set<std::string> beginnings;
  std::set<std::string> prompts;
  while (const auto job = workload.next()) {
    const std::string prompt = workload.prompt(*job);
    beginnings.insert(prompt.substr(0, 160));
    prompts.insert(prompt.substr(160));
  }
  CHECK(beginnings.size() == 3);
  CHECK(prompts.size() == 60);
}

TEST_CASE("a replay keeps the recorded moments, lengths and shared blocks") {
  WorkloadOptions options;
  options.arrival = Replay{.trace = two_requests(), .time_scale = 10};
  auto workload = *Workload::make(options);
  CHECK(workload.planned_requests() == 2);
  CHECK(workload.planned_duration() == 300ms);
  const auto first = workload.next(), second = workload.next();
  REQUIRE((first && second));
  CHECK(!workload.next());
  CHECK(second->at == 300ms);
  CHECK(first->output_tokens == 50);
  CHECK(second->output_tokens == 1);  // nothing was generated; the API cannot ask for that
  const std::string a = workload.prompt(*first), b = workload.prompt(*second);
  CHECK(a.size() == 1100 * 4);
  CHECK(b.size() == 1030 * 4);
  CHECK(common_beginning(a, b) / 4 == 512);
}

TEST_CASE("a replay at a tenth of the length keeps what requests share") {
  WorkloadOptions options;
  options.arrival = Replay{.trace = two_requests(), .time_scale = 1, .length_scale = 0.1};
  auto workload = *Workload::make(options);
  const auto first = workload.next(), second = workload.next();
  CHECK(first->input_tokens == 110);
  CHECK(first->output_tokens == 5);
  CHECK(common_beginning(workload.prompt(*first), workload.prompt(*second)) / 4 == 51);
}

TEST_CASE("the number of requests limits every kind of load") {
  for (const Arrival& arrival : {Arrival(ClosedLoop{.connections = 2}), Arrival(OpenLoop{.rate_per_s = 5}), Arrival(Replay{.trace = two_requests()})}) {
    WorkloadOptions options;
    options.arrival = arrival;
    options.requests_max = 1;
    auto workload = *Workload::make(options);
    CHECK(workload.next());
    CHECK(!workload.next());
    CHECK(workload.planned_requests() == 1);
  }
}

TEST_CASE("options that make no sense are refused with their value") {
  const auto message = [](WorkloadOptions options) { return Workload::make(options).error().message; };
  WorkloadOptions options;
  options.arrival = OpenLoop{.rate_per_s = 0};
  CHECK(message(options) == "the rate is 0; it must be above 0");
  options.arrival = ClosedLoop{.connections = 0};
  CHECK(message(options) == "the number of connections is 0; it must be above 0");
  options.arrival = Replay{};
  CHECK(message(options) == "the trace holds no request");
  options.arrival = Replay{.trace = two_requests(), .time_scale = -1};
  CHECK(message(options) == "the time scale is -1; it must be above 0");
  options.arrival = OpenLoop{};
  options.input_tokens = {.min = 5, .max = 4};
  CHECK(message(options).starts_with("the prompt length is 5..4;"));
  options.input_tokens = {.min = 5, .max = 5};
  options.prefix_groups = 2;
  CHECK(message(options).starts_with("shared prompt beginnings need both"));
}

}  // namespace
}  // namespace evener::load
