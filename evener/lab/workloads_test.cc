#include "evener/lab/workloads.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "evener/lab/made_load.h"

namespace evener::lab {
namespace {

constexpr double StandardErrors = 4;  // in which estimates may differ from what the law says

/// The sample's mean is within so many of its standard errors of the exact one.
void check_mean(const std::vector<double>& sample, double exact) {
  double sum = 0, squares = 0;
  for (const double value : sample) sum += value;
  const auto count = static_cast<double>(sample.size());
  const double mean = sum / count;
  for (const double value : sample) squares += (value - mean) * (value - mean);
  const double error = std::sqrt(squares / (count - 1) / count);
  INFO("estimated ", mean, " with standard error ", error, ", exact ", exact);
  CHECK(std::abs(mean - exact) < StandardErrors * error);
}

std::size_t shared_blocks(const Workload& workload, const WorkloadRequest& a, const WorkloadRequest& b) {
  const auto first = workload.blocks(a), second = workload.blocks(b);
  std::size_t count = 0;
  while (count < first.size() && count < second.size() && first[count] == second[count]) ++count;
  return count;
}

TEST_CASE("a session ends before its prompt would be longer than prompts can be, and no pause is longer than a year") {
  SessionLoad load{.arrivals = {.stages = {{1, 5}}, .cv = 0},
                   .turns_mean = 1000,
                   .requests_max = 10'000,
                   .system_tokens = 0,
                   .first_input = {.mean = 4'000'000, .max = 4'000'000},
                   .next_input = {.mean = 4'000'000, .max = 4'000'000},
                   .output = {.mean = 1},
                   .calls_mean = 1000,
                   .tool_s = PauseSecondsMax,
                   .tool_cv = 20,
                   .tool_output = {.mean = 4'000'000, .max = 4'000'000}};
  const Workload workload = session_load(load, 1);
  CHECK(workload.requests.size() == 4 * 4);
  for (const WorkloadRequest& request : workload.requests) {
    CHECK(request.input_tokens <= SessionTokensMax);
    CHECK(seconds(request.at) <= PauseSecondsMax);
  }
}

TEST_CASE("prompts of a group share its system prompt and nothing else, and all prompts are asked equally often") {
  const SharedPrefixLoad load{
      .arrivals = {.stages = {{100, 100}}}, .groups = 4, .questions = 5, .system_tokens = 320, .question_tokens = 160};
  const Workload workload = shared_prefix_load(load, 1);
  std::map<std::uint32_t, std::uint32_t> asked;  // by where the prompt's blocks begin
  for (const WorkloadRequest& request : workload.requests) {
    CHECK(request.input_tokens == 480);
    CHECK(request.blocks == 30);
    ++asked[request.first_block];
  }
  REQUIRE(asked.size() == 20);
  const auto rounds = static_cast<std::uint32_t>(workload.requests.size() / 20);
  for (const auto& [first_block, times] : asked) {
    CHECK(times >= rounds);
    CHECK(times <= rounds + 1);
  }
  for (const auto& [one, times] : asked) {
    for (const auto& [other, again] : asked) {
      if (one == other) continue;
      const bool same_group = one / 150 == other / 150;  // five prompts of 30 blocks
      CHECK(shared_blocks(workload, {.first_block = one, .blocks = 30}, {.first_block = other, .blocks = 30}) == (same_group ? 20 : 0));
    }
  }
}

/// Sessions of a load as lists of indices.
std::vector<std::vector<std::uint32_t>> sessions_of(const Workload& workload) {
  std::vector<std::vector<std::uint32_t>> sessions;
  for (std::uint32_t index = 0; index < workload.requests.size(); ++index) {
    const std::uint32_t previous = workload.requests[index].previous_turn;
    if (previous == WorkloadRequest::NoTurn) {
      sessions.push_back({index});
    } else {
      REQUIRE(sessions.back().back() == previous);
      REQUIRE(workload.requests[previous].session == workload.requests[index].session);
      sessions.back().push_back(index);
    }
  }
  return sessions;
}

TEST_CASE("sessions have as many turns and think as long as was asked for, and each prompt begins with the one before and its answer") {
  const SessionLoad load{.arrivals = {.stages = {{20, 200}}},
                         .turns_mean = 5,
                         .requests_max = 1000,
                         .system_tokens = 160,
                         .first_input = {.mean = 64},
                         .next_input = {.mean = 32},
                         .output = {.mean = 48},
                         .think_s = 20};
  const Workload workload = session_load(load, 1);
  std::vector<double> turns, thinks;
  for (const auto& session : sessions_of(workload)) {
    turns.push_back(static_cast<double>(session.size()));
    for (std::size_t turn = 0; turn < session.size(); ++turn) {
      const WorkloadRequest& request = workload.requests[session[turn]];
      CHECK(request.input_tokens == 160 + 64 + turn * (48 + 32));
      if (turn == 0) continue;
      thinks.push_back(seconds(request.at));
      const WorkloadRequest& before = workload.requests[session[turn - 1]];
      REQUIRE(shared_blocks(workload, before, request) == before.blocks);
      CHECK(request.blocks == request.input_tokens / 16);
    }
  }
  check_mean(turns, 5);
  check_mean(thinks, 20);
  std::vector<double> squares;
  for (const double think : thinks) squares.push_back((think - 20) * (think - 20));
  check_mean(squares, 400);
  // Sessions share the system prompt alone.
  CHECK(shared_blocks(workload, workload.requests.front(), workload.requests.back()) == 10);
}

TEST_CASE("an agent's turns are several requests, between which tools run for as long as was asked for") {
  const SessionLoad load{.arrivals = {.stages = {{20, 200}}},
                         .turns_mean = 3,
                         .requests_max = 1000,
                         .next_input = {.mean = 10},
                         .output = {.mean = 1},
                         .think_s = 100,
                         .calls_mean = 4,
                         .tool_s = 2,
                         .tool_cv = 2,
                         .tool_output = {.mean = 1000}};
  const Workload workload = session_load(load, 1);
  std::vector<double> turns, calls, tools, tool_squares, thinks;
  for (const auto& session : sessions_of(workload)) {
    double turns_here = 1, calls_here = 1;
    for (std::size_t i = 1; i < session.size(); ++i) {
      const WorkloadRequest& request = workload.requests[session[i]];
      const std::uint32_t added = request.input_tokens - workload.requests[session[i - 1]].input_tokens;
      if (added > 500) {  // a tool's result
        ++calls_here;
        tools.push_back(seconds(request.at));
        tool_squares.push_back((seconds(request.at) - 2) * (seconds(request.at) - 2));
      } else {
        calls.push_back(calls_here);
        calls_here = 1;
        ++turns_here;
        thinks.push_back(seconds(request.at));
      }
    }
    calls.push_back(calls_here);
    turns.push_back(turns_here);
  }
  check_mean(turns, 3);
  check_mean(calls, 4);
  check_mean(tools, 2);
  check_mean(tool_squares, 16);
  check_mean(thinks, 100);
}

TEST_CASE("a session ends at its most requests") {
  const Workload workload = session_load({.arrivals = {.stages = {{5, 20}}}, .turns_mean = 1000, .requests_max = 3}, 1);
  for (const auto& session : sessions_of(workload)) CHECK(session.size() <= 3);
}

TEST_CASE("every load that has a name is made, scales with its rate, and is the same for the same seed") {
  for (const NamedLoad& named : named_loads()) {
    CAPTURE(named.name);
    const Workload one = make_workload(named.load(), 1, 1), same = make_workload(named.load(), 1, 1),
                   half = make_workload(named.load(), 0.5, 1);
    REQUIRE(!one.requests.empty());
    REQUIRE(one.requests.size() == same.requests.size());
    CHECK(one.block_ids == same.block_ids);
    CHECK(one.requests.back().at == same.requests.back().at);
    const double share = static_cast<double>(half.requests.size()) / static_cast<double>(one.requests.size());
    CHECK(share > 0.3);
    CHECK(share < 0.7);
    CHECK(find_named_load(named.name) == &named);
  }
  CHECK(find_named_load("nothing") == nullptr);
}

TEST_CASE("a sample keeps whole sessions, about as many as were asked for") {
  Workload workload = make_workload(find_named_load("chat")->load(), 1, 1);
  std::set<std::uint64_t> before, after;
  std::map<std::uint64_t, std::size_t> turns;
  for (const WorkloadRequest& request : workload.requests) {
    before.insert(request.session);
    ++turns[request.session];
  }
  subsample(workload, 0.25, 1);
  std::map<std::uint64_t, std::size_t> kept;
  for (const WorkloadRequest& request : workload.requests) {
    after.insert(request.session);
    ++kept[request.session];
  }
  for (const auto& [session, count] : kept) CHECK(count == turns[session]);
  const auto sessions = static_cast<double>(before.size());
  CHECK(std::abs(static_cast<double>(after.size()) / sessions - 0.25) < StandardErrors * std::sqrt(0.25 * 0.75 / sessions));
}

}  // namespace
}  // namespace evener::lab
