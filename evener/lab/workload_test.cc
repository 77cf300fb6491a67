#include "evener/lab/workload.h"

#include <doctest/doctest.h>

#include <vector>

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

std::vector<std::uint64_t> blocks_of(const Workload& workload, std::size_t request, std::uint32_t block_tokens) {
  std::vector<std::uint64_t> blocks;
  append_blocks(blocks, workload, workload.requests[request], block_tokens);
  return blocks;
}

std::size_t shared(const std::vector<std::uint64_t>& a, const std::vector<std::uint64_t>& b) {
  std::size_t count = 0;
  while (count < a.size() && count < b.size() && a[count] == b[count]) ++count;
  return count;
}

TEST_CASE("blocks of any size are shared as far as whole recorded blocks are") {
  // Two prompts of 1500 tokens with equal first 1000, recorded in blocks of 500.
  Workload workload{
      .requests = {{.input_tokens = 1500, .first_block = 0, .blocks = 3}, {.input_tokens = 1500, .first_block = 3, .blocks = 3}},
      .block_ids = {1, 2, 3, 1, 2, 4},
      .block_tokens = 500};
  const auto shared_blocks = [&](std::uint32_t size) { return shared(blocks_of(workload, 0, size), blocks_of(workload, 1, size)); };
  CHECK(shared_blocks(500) == 2);
  CHECK(shared_blocks(100) == 10);
  CHECK(shared_blocks(1000) == 1);
  CHECK(shared_blocks(16) == 62);  // 62 * 16 = 992; the 63rd ends in the third recorded block
  CHECK(shared_blocks(512) == 1);
  CHECK(shared_blocks(480) == 2);
  CHECK(blocks_of(workload, 0, 480).size() == 3);
  CHECK(blocks_of(workload, 0, 16).size() == 93);
}

Trace conversation() {
  Trace trace;
  trace.requests = {{.at = 0s, .input_tokens = 1, .output_tokens = 1, .took = 4s, .session = 9},
                    {.at = 1s, .input_tokens = 2, .output_tokens = 1},
                    {.at = 3s, .input_tokens = 3, .output_tokens = 1, .took = 1s, .session = 9},   // did not wait for the first answer
                    {.at = 14s, .input_tokens = 4, .output_tokens = 1, .took = 2s, .session = 9},  // 10 s after the second
                    {.at = 20s, .input_tokens = 5, .output_tokens = 1, .session = 9}};
  return trace;
}

TEST_CASE("turns of a recorded session come at their own times, or as long after the answers as they did") {
  const Workload as_recorded = workload_of(conversation());
  for (const WorkloadRequest& request : as_recorded.requests) CHECK(request.previous_turn == WorkloadRequest::NoTurn);
  CHECK(as_recorded.requests[3].session == 9);

  const Workload closed = workload_of(conversation(), Turns::AfterAnswers);
  CHECK(closed.requests[2].previous_turn == WorkloadRequest::NoTurn);
  CHECK(closed.requests[2].at == 3s);
  CHECK(closed.requests[3].previous_turn == 2);
  CHECK(closed.requests[3].at == 10s);
  CHECK(closed.requests[4].previous_turn == 3);
  CHECK(closed.requests[4].at == 4s);
}

TEST_CASE("a window keeps what begins in it, and its later turns") {
  Workload workload = workload_of(conversation(), Turns::AfterAnswers);
  keep_window(workload, 2s, 5s);
  REQUIRE(workload.requests.size() == 3);
  CHECK(workload.requests[0].input_tokens == 3);
  CHECK(workload.requests[0].at == 1s);
  CHECK(workload.requests[1].previous_turn == 0);
  CHECK(workload.requests[1].at == 10s);
  CHECK(workload.requests[2].previous_turn == 1);
}

TEST_CASE("the first so many are requests and sessions, each session whole") {
  Workload workload = workload_of(conversation(), Turns::AfterAnswers);
  keep_first(workload, 1);
  CHECK(workload.requests.size() == 1);
  workload = workload_of(conversation(), Turns::AfterAnswers);
  keep_first(workload, 3);
  CHECK(workload.requests.size() == 5);
}

TEST_CASE("a request keeps the objectives that it has") {
  Workload workload{.requests = {{.first_token_objective = 1s}, {}}};
  set_objectives(workload, 2s, 100ms);
  CHECK(workload.requests[0].first_token_objective == 1s);
  CHECK(workload.requests[0].token_objective == 100ms);
  CHECK(workload.requests[1].first_token_objective == 2s);
}

}  // namespace
}  // namespace evener::lab
