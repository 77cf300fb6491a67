#include "evener/lab/recorded_trace.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "evener/route/recorded_scheduler.h"
#include "evener/route/recording.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr Instant Start{1'000s};

/// Pools of a gateway whose clients and engines are the test, and the file that they record.
class Recording {
 public:
  struct Pool {
    std::unique_ptr<route::RecordedScheduler> scheduler;
    std::vector<route::Released> released;
  };

  Pool pool(std::uint32_t number, const std::string& name, const route::PoolSettings& settings = {}) {
    return {.scheduler = std::make_unique<route::RecordedScheduler>(name, settings, 1, std::make_unique<Sink>(file_, number))};
  }
  /// After the pools are gone.
  [[nodiscard]] std::string file() const { return *file_ + route::end_chunk(route::RecordingEnd::Stopped); }
  [[nodiscard]] std::string cut_off() const { return *file_; }

 private:
  struct Sink : route::RecordingSink {
    Sink(std::shared_ptr<std::string> to, std::uint32_t pool_number) : file(std::move(to)), number(pool_number) {}
    bool take(std::string_view payload) override {
      *file += route::chunk_of(number, payload);
      return true;
    }
    std::shared_ptr<std::string> file;
    std::uint32_t number;
  };
  std::shared_ptr<std::string> file_ = std::make_shared<std::string>(route::recording_head("test"));
};

route::Dispatch dispatch_of(const route::Decision& decision) {
  REQUIRE(std::holds_alternative<route::Dispatch>(decision));
  return std::get<route::Dispatch>(decision);
}

/// An answer that took so long.
route::Outcome answer(const route::Dispatch& dispatch, Duration total, std::uint32_t prompt_tokens, std::uint32_t output_tokens) {
  return {
      .total = total, .share = dispatch.share, .usage = route::TokenUsage{.prompt_tokens = prompt_tokens, .output_tokens = output_tokens}};
}

constexpr auto First = route::Scheduler::Attempt::First;

TEST_CASE("a recorded request brings its time, class, tenant, session and blocks, and the answer that it got") {
  Recording recording;
  {
    auto pool = recording.pool(1, "chat");
    auto& scheduler = *pool.scheduler;
    scheduler.put_endpoint(EndpointId{1}, {}, Start);
    const std::vector<std::uint64_t> blocks = {11, 12};
    const route::RequestView view{.affinity_key = 5,
                                  .prompt_bytes = 4200,
                                  .priority = route::Priority::Batch,
                                  .tenant = 77,
                                  .prompt_tokens = 1050,
                                  .output_tokens = 300,
                                  .first_token_objective = 2s,
                                  .token_objective = 90ms,
                                  .blocks = blocks,
                                  .block_tokens = 500};
    const auto one = dispatch_of(scheduler.arrived({.request = view, .cookie = 1}, Start + 1s));
    // Another one of the same kind overtakes it.
    const auto two = dispatch_of(scheduler.arrived({.request = view, .cookie = 2}, Start + 2s));
    scheduler.finished(EndpointId{1}, answer(two, 1s, 1111, 20), First, Start + 3s);
    scheduler.finished(EndpointId{1}, answer(one, 4s, 1100, 400), First, Start + 5s);
  }
  const auto recorded = read_recorded_trace(recording.file(), "monday.evr");
  REQUIRE(recorded);
  CHECK_FALSE(recorded->cut_off);
  const Trace& trace = recorded->reading.trace;
  CHECK(trace.block_tokens == 500);
  REQUIRE(trace.requests.size() == 2);
  const TraceRequest& first = trace.requests[0];
  CHECK(first.at == 0s);
  CHECK(first.input_tokens == 1100);
  CHECK(first.output_tokens == 400);
  CHECK(first.took == 4s);
  CHECK(first.session == 5);
  CHECK(first.tenant == 77);
  CHECK(first.priority == route::Priority::Batch);
  CHECK(first.first_token_objective == 2s);
  CHECK(first.token_objective == 90ms);
  REQUIRE(trace.blocks(first).size() == 2);
  CHECK(trace.blocks(first)[1] == 12);
  CHECK(trace.requests[1].at == 1s);
  CHECK(trace.requests[1].output_tokens == 20);
  CHECK(recorded->reading.guessed == 0);
}

TEST_CASE("a request that waited or was tried again is one request, with the answer of its last attempt") {
  Recording recording;
  {
    auto pool = recording.pool(1, "chat");
    auto& scheduler = *pool.scheduler;
    scheduler.put_endpoint(EndpointId{1}, {.capacity = 1}, Start);
    const route::RequestView tried{.prompt_tokens = 100, .output_tokens = 50};
    const auto first = dispatch_of(scheduler.arrived({.request = tried, .cookie = 1}, Start));
    REQUIRE(std::holds_alternative<route::Queued>(scheduler.arrived({.request = {.prompt_tokens = 7}, .cookie = 2}, Start + 1s)));
    scheduler.put_endpoint(EndpointId{2}, {.capacity = 1}, Start + 1s);
    scheduler.release(pool.released, Start + 1s);
    REQUIRE(pool.released.size() == 1);
    scheduler.put_endpoint(EndpointId{3}, {}, Start + 1s);
    scheduler.finished(EndpointId{1}, {.ending = route::Ending::Reset, .total = 2s, .share = first.share}, First, Start + 2s);
    const std::vector<EndpointId> used = {EndpointId{1}};
    const auto again = dispatch_of(scheduler.retry(tried, used, Start + 2s, route::Scheduler::Attempt::Failover, 1));
    scheduler.finished(again.endpoint, answer(again, 3s, 100, 60), route::Scheduler::Attempt::Failover, Start + 5s);
    const auto& waited = std::get<route::Dispatch>(pool.released.front().decision);
    scheduler.finished(EndpointId{2}, answer(waited, 6s, 8, 9), First, Start + 7s);
  }
  const auto recorded = read_recorded_trace(recording.file(), "monday.evr");
  REQUIRE(recorded);
  const auto& requests = recorded->reading.trace.requests;
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].output_tokens == 60);
  CHECK(requests[0].took == 5s);
  CHECK(requests[1].at == 1s);
  CHECK(requests[1].input_tokens == 8);
  CHECK(requests[1].took == 6s);
}

TEST_CASE("a request without an answer gets the length that was expected of it, and is counted") {
  Recording recording;
  {
    auto pool = recording.pool(1, "chat", {.queue = {.requests_max = 0}});
    auto& scheduler = *pool.scheduler;
    scheduler.put_endpoint(EndpointId{1}, {.capacity = 1}, Start);
    const auto left = dispatch_of(scheduler.arrived({.request = {.prompt_bytes = 400, .output_tokens = 33}}, Start));
    REQUIRE(std::holds_alternative<route::Refusal>(scheduler.arrived({.request = {.prompt_tokens = 9, .output_tokens = 44}}, Start)));
    scheduler.finished(EndpointId{1}, {.ending = route::Ending::Cancelled, .total = 1s, .share = left.share}, First, Start + 1s);
  }
  const auto recorded = read_recorded_trace(recording.file(), "monday.evr");
  REQUIRE(recorded);
  const auto& requests = recorded->reading.trace.requests;
  REQUIRE(requests.size() == 2);
  CHECK(recorded->reading.guessed == 2);
  CHECK(requests[0].input_tokens == 100);  // four bytes a token
  CHECK(requests[0].output_tokens == 33);
  CHECK(requests[0].took == 0s);
  CHECK(requests[1].output_tokens == 44);
}

TEST_CASE("of several pools one is named, and a recording without an end is read as far as it goes") {
  Recording recording;
  {
    auto chat = recording.pool(1, "chat");
    auto code = recording.pool(2, "code");
    auto idle = recording.pool(3, "idle");
    for (auto* pool : {&chat, &code}) {
      pool->scheduler->put_endpoint(EndpointId{1}, {}, Start);
      (void)pool->scheduler->arrived({.request = {.prompt_tokens = pool == &chat ? 1U : 2U}}, Start);
    }
  }
  const std::string file = recording.cut_off();
  const auto unnamed = read_recorded_trace(file, "monday.evr");
  REQUIRE_FALSE(unnamed);
  CHECK(unnamed.error().message == "monday.evr holds several pools; name one of chat, code");
  CHECK(read_recorded_trace(file, "monday.evr", "idle").error().message ==
        "monday.evr holds no request to pool idle; there are chat, code");
  const auto code = read_recorded_trace(file, "monday.evr", "code");
  REQUIRE(code);
  CHECK(code->cut_off);
  CHECK(code->reading.trace.requests.front().input_tokens == 2);
}

TEST_CASE("damage and other versions are refused, with the place") {
  Recording recording;
  { (void)recording.pool(1, "chat").scheduler->arrived({}, Start); }
  std::string file = recording.file();
  const std::size_t head = route::recording_head("test").size();
  CHECK(is_recording(file));
  CHECK_FALSE(is_recording("TIMESTAMP,ContextTokens,GeneratedTokens\n"));
  file[head + route::ChunkHead::Bytes + 3] ^= 1;
  CHECK(read_recorded_trace(file, "monday.evr").error().message == "monday.evr is damaged at byte " + std::to_string(head));
  file[16] = 9;
  CHECK(read_recorded_trace(file, "monday.evr").error().message ==
        "monday.evr is a recording of version 9; this program reads version " + std::to_string(route::RecordingVersion));
}

}  // namespace
}  // namespace evener::lab
