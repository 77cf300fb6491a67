#include "evener/cli/lab_load.h"

#include <doctest/doctest.h>

#include <string>

#include "evener/cli/testing/temporary_file.h"

namespace evener::cli {
namespace {

using namespace std::chrono_literals;

constexpr const char* Sessions =
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "100,a,10,GPT-4,50,5,55,Conversation log\n"
    "105,b,2,GPT-4,60,6,66,Conversation log\n"
    "130,a,4,GPT-4,70,7,77,Conversation log\n"
    "190,,1,GPT-4,80,8,88,API log\n";

TEST_CASE("a part of a trace begins at once, and a load of two halves its distances") {
  const TemporaryFile trace(Sessions);
  const auto experiment = read_experiment({.trace = trace.path(), .from = "4s", .length = "30s", .as_recorded = true});
  REQUIRE(experiment);
  const lab::Workload workload = experiment->workload(2, 1);
  REQUIRE(workload.requests.size() == 2);
  CHECK(workload.requests[0].input_tokens == 60);
  CHECK(workload.requests[0].at == 500ms);
  CHECK(workload.requests[1].at == 13s);
}

TEST_CASE("in a closed loop a recorded turn waits for the answer before it") {
  const TemporaryFile trace(Sessions);
  const auto experiment = read_experiment({.trace = trace.path(), .as_recorded = true, .closed_loop = true});
  REQUIRE(experiment);
  const lab::Workload workload = experiment->workload(2, 1);
  REQUIRE(workload.requests.size() == 4);
  CHECK(workload.requests[2].previous_turn == 0);
  CHECK(workload.requests[2].at == 20s);  // people do not think faster
  CHECK(workload.requests[3].at == 45s);
}

TEST_CASE("a trace that does not say when answers ended has no closed loop") {
  const TemporaryFile trace("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,GPT-4,50,5,55,API log\n");
  const auto experiment = read_experiment({.trace = trace.path(), .closed_loop = true});
  REQUIRE_FALSE(experiment);
  CHECK(experiment.error().message == "--closed-loop: " + trace.path() + " does not say of sessions when their answers ended");
}

TEST_CASE("a trace of which too much cannot be read is refused, unless that is allowed") {
  const TemporaryFile trace(std::string(Sessions) + "nonsense\n");
  const auto refused = read_experiment({.trace = trace.path()});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::Client);
  CHECK(refused.error().message == trace.path() + ": 20.0 % of the lines cannot be read, more than the 1 % of --malformed-max");
  CHECK(read_experiment({.trace = trace.path(), .malformed_max = 0.2}));
}

TEST_CASE("load that would fill the memory or never end is refused with what to change") {
  const auto problem = [](const LabArguments& arguments) {
    const auto experiment = read_experiment(arguments);
    return experiment ? std::string() : experiment.error().message;
  };
  CHECK(problem({.workload = "independent:rate=100,for=1h", .loads = "1,100"}) ==
        "--workload independent:rate=100,for=1h at --load 100 could come to more than 20000000 requests or 268435456 blocks of prompts, "
        "which is "
        "what a run takes; take at most --load 55.6, or a shorter for");
  CHECK(problem({.workload = "independent:arrivals=mmpp,burst-for=1us"})
            .starts_with("--workload independent:arrivals=mmpp,burst-for=1us: the load"));
  CHECK(problem({.workload = "independent:arrivals=diurnal,day=1s,for=8000h"}).find("take a longer burst-for or day") != std::string::npos);
  CHECK(problem({.workload = "shared-prefix:groups=1000000,questions=1000000"}).find("take fewer groups") != std::string::npos);
  const TemporaryFile trace(Sessions);
  CHECK(problem({.trace = trace.path(), .loads = "1e-9"}).find("would take more than 100 years; take at least") != std::string::npos);
}

TEST_CASE("only so many of a made-up load are sessions, each of them whole") {
  const auto experiment = read_experiment({.workload = "sessions:turns=3,rate=5,for=1m", .requests = 7});
  REQUIRE(experiment);
  const lab::Workload workload = experiment->workload(1, 1);
  std::size_t first_turns = 0;
  for (const lab::WorkloadRequest& request : workload.requests)
    first_turns += request.previous_turn == lab::WorkloadRequest::NoTurn ? 1 : 0;
  CHECK(first_turns == 7);
  CHECK(workload.requests.size() > 7);
}

}  // namespace
}  // namespace evener::cli
