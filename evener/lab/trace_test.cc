#include "evener/lab/trace.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <string>
#include <unordered_set>

#include "evener/lab/arrivals.h"
#include "tests/data_folder.h"
#include "tests/for_each_seed.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a Mooncake line gives time, lengths and block ids, in any order of members and with others between") {
  const TraceReading reading = read_mooncake_trace(
      "{\"timestamp\": 1000, \"input_length\": 1100, \"output_length\": 5, \"hash_ids\": [0, 7, 9]}\n"
      "\n"
      "{\"hash_ids\":[],\"type\":{\"x\":[1,\"}\"]},\"output_length\":0,\"input_length\":3,\"timestamp\":1250.5}\r\n",
      "t.jsonl");
  CHECK(reading.problems.empty());
  CHECK(reading.lines == 2);
  REQUIRE(reading.trace.requests.size() == 2);
  const TraceRequest& first = reading.trace.requests[0];
  CHECK(first.at == 0s);
  CHECK(first.input_tokens == 1100);
  CHECK(first.output_tokens == 5);
  REQUIRE(reading.trace.blocks(first).size() == 3);
  CHECK(reading.trace.blocks(first)[2] == 9);
  CHECK(reading.trace.requests[1].at == 250'500us);
  CHECK(reading.trace.blocks(reading.trace.requests[1]).empty());
}

TEST_CASE("a damaged Mooncake line is named with file and line, counted, and the others are still read") {
  const auto problem = [](const std::string& line) {
    const TraceReading reading = read_mooncake_trace("{\"timestamp\":0,\"input_length\":1,\"output_length\":1}\n" + line + "\n", "t.jsonl");
    CHECK(reading.trace.requests.size() == 1);
    CHECK(reading.malformed == 1);
    return reading.problems.empty() ? std::string() : reading.problems[0];
  };
  CHECK(problem("[]") == "t.jsonl:2: the line is not a JSON object");
  CHECK(problem("{\"timestamp\":0,\"input_length\":1}") == "t.jsonl:2: output_length is missing");
  CHECK(problem("{\"timestamp\":0,\"input_length\":1,\"output_length\":1") == "t.jsonl:2: the object does not end");
  CHECK(problem("{\"timestamp\":0,\"input_length\":1,\"output_length\":1} x") == "t.jsonl:2: something follows the object");
  CHECK(problem("{\"timestamp\":0,\"timestamp\":0,\"input_length\":1,\"output_length\":1}") == "t.jsonl:2: a member is given twice");
  CHECK(problem("{\"timestamp\":\"0\",\"input_length\":1,\"output_length\":1}") == "t.jsonl:2: timestamp is not a number of milliseconds");
  CHECK(problem("{\"timestamp\":-1,\"input_length\":1,\"output_length\":1}") == "t.jsonl:2: timestamp is not a number of milliseconds");
  CHECK(problem("{\"timestamp\":0,\"input_length\":16777217,\"output_length\":1}") == "t.jsonl:2: a token count is above 16777216");
  CHECK(problem("{\"timestamp\":0,\"input_length\":-5,\"output_length\":1}") == "t.jsonl:2: a token count is not a whole number");
  CHECK(problem("{\"timestamp\":0,\"input_length\":1.5,\"output_length\":1}") == "t.jsonl:2: the object does not end");
  CHECK(problem("{\"timestamp\":0,\"input_length\":0,\"output_length\":1}") == "t.jsonl:2: input_length is 0");
  CHECK(problem("{\"timestamp\":0,\"input_length\":1,\"output_length\":1,\"hash_ids\":[1,\"a\"]}") ==
        "t.jsonl:2: hash_ids is not a list of whole numbers");
  CHECK(problem("{\"a\":" + std::string(100, '[') + "}") == "t.jsonl:2: the line is not valid JSON");
}

TEST_CASE("of many damaged lines all are counted but only the first twenty are described") {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "nonsense\n";
  const TraceReading reading = read_mooncake_trace(text, "t.jsonl");
  CHECK(reading.malformed == 50);
  CHECK(reading.problems.size() == TraceReading::ProblemsMax);
}

TEST_CASE("an Azure line gives time to the tenth of a microsecond and both token counts") {
  const TraceReading reading = read_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-12-31 23:59:59.9799600,4808,10\r\n2024-01-01 00:00:00.0319600,3180,0\r\n", "a.csv");
  CHECK(reading.problems.empty());
  REQUIRE(reading.trace.requests.size() == 2);
  CHECK(reading.trace.requests[1].at == 52ms);
  CHECK(reading.trace.requests[0].input_tokens == 4808);
  CHECK(reading.trace.requests[1].output_tokens == 0);
  CHECK(reading.trace.block_tokens == 0);
}

TEST_CASE("a damaged Azure line or header is named with file and line") {
  const auto problem = [](const std::string& text) {
    const TraceReading reading = read_azure_trace(text, "a.csv");
    REQUIRE(reading.problems.size() == 1);
    return reading.problems[0];
  };
  const std::string header = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  CHECK(problem("2023-11-16 18:17:03,1,1\n") == "a.csv:1: the header is not TIMESTAMP,ContextTokens,GeneratedTokens");
  CHECK(problem(header + "2023-13-16 18:17:03,1,1\n") == "a.csv:2: the timestamp is not of the form 2023-11-16 18:17:03.9799600");
  CHECK(problem(header + "2023-11-16 18:17:03.,1,1\n") == "a.csv:2: the timestamp is not of the form 2023-11-16 18:17:03.9799600");
  CHECK(problem(header + "2023-11-16 18:17:03,1\n") == "a.csv:2: GeneratedTokens is missing");
  CHECK(problem(header + "2023-11-16 18:17:03,1,1,1\n") == "a.csv:2: something follows the third column");
  CHECK(problem(header + "2023-11-16 18:17:03,x,1\n") == "a.csv:2: a token count is not a whole number");
}

TEST_CASE("lines out of order are sorted in and counted") {
  const TraceReading reading = read_azure_trace(
      "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:05,1,1\n2023-11-16 18:17:03,2,1\n2023-11-16 18:17:04,3,1\n", "a.csv");
  CHECK(reading.out_of_order == 1);
  CHECK(reading.trace.requests[0].input_tokens == 2);
  CHECK(reading.trace.requests[2].at == 2s);
}

TEST_CASE("spreading moves requests of one instant towards the next instant, never past it, and keeps their order") {
  for_each_seed(200, [](Rng& rng) {
    Trace trace;
    for (std::uint32_t i = 0; i < 40; ++i)
      trace.requests.push_back({.at = Duration(3s) * static_cast<std::int64_t>(i / 10), .input_tokens = i + 1});
    spread_equal_times(trace, rng);
    std::set<Duration> distinct;
    for (std::uint32_t i = 0; i < 40; ++i) {
      const Duration bucket = Duration(3s) * static_cast<std::int64_t>(i / 10);
      REQUIRE(trace.requests[i].input_tokens == i + 1);
      REQUIRE(trace.requests[i].at >= bucket);
      REQUIRE(trace.requests[i].at < bucket + 3s);
      distinct.insert(trace.requests[i].at);
    }
    REQUIRE(distinct.size() == 40);
  });
}

TEST_CASE("Poisson arrivals have the asked rate and a coefficient of variation of one, and equal seeds give equal times") {
  Arrivals arrivals = Arrivals::poisson(50, 7);
  Arrivals again = Arrivals::poisson(50, 7);
  double previous = 0, sum = 0, squares = 0;
  constexpr int Count = 100'000;
  for (int i = 0; i < Count; ++i) {
    const auto at = arrivals.next();
    REQUIRE(at == again.next());
    const double gap = seconds(*at) - previous;
    previous = seconds(*at);
    sum += gap;
    squares += gap * gap;
  }
  const double mean = sum / Count;
  CHECK(mean == doctest::Approx(0.02).epsilon(0.01));
  CHECK(std::sqrt(squares / Count - mean * mean) / mean == doctest::Approx(1).epsilon(0.02));
}

TEST_CASE("a fixed rate does not drift, and recorded arrivals end with the recording") {
  Arrivals fixed = Arrivals::fixed(3);
  Duration last{};
  for (int i = 0; i <= 3'000'000; ++i) last = *fixed.next();
  CHECK(last == 1'000'000s);
  Arrivals recorded = Arrivals::recorded({1s, 2s});
  CHECK(recorded.next() == 1s);
  CHECK(recorded.next() == 2s);
  CHECK(!recorded.next());
}

// Statistics published for these files: counts, means, and the share of prompt tokens an infinite prefix cache would find.
void check_public_trace(const std::string& file, std::size_t requests, double span_s, double mean_input, double mean_output) {
  const auto text = read_data_file(file);
  if (!text) return;
  const TraceReading reading = read_trace(*text, file);
  CHECK(reading.malformed == 0);
  CHECK(reading.trace.requests.size() == requests);
  CHECK(seconds(reading.trace.requests.back().at) == doctest::Approx(span_s).epsilon(0.001));
  double input = 0, output = 0;
  for (const TraceRequest& request : reading.trace.requests) {
    input += request.input_tokens;
    output += request.output_tokens;
  }
  CHECK(input / static_cast<double>(requests) == doctest::Approx(mean_input).epsilon(0.001));
  CHECK(output / static_cast<double>(requests) == doctest::Approx(mean_output).epsilon(0.006));
}

TEST_CASE("the public traces are read completely and have their published statistics") {
  check_public_trace("mooncake/conversation_trace.jsonl", 12'031, 3'537, 12'035, 343);
  check_public_trace("mooncake/synthetic_trace.jsonl", 3'993, 1'022, 15'325, 149);
  check_public_trace("azure2023/AzureLLMInferenceTrace_conv.csv", 19'366, 3'502, 1'155, 211);
  check_public_trace("azure2023/AzureLLMInferenceTrace_code.csv", 8'819, 3'436, 2'048, 28);
}

TEST_CASE("an infinite prefix cache would find 37.4 % of the tokens of the Mooncake conversations") {
  const auto text = read_data_file("mooncake/conversation_trace.jsonl");
  if (!text) return;
  const Trace trace = read_trace(*text, "conversation_trace.jsonl").trace;
  std::unordered_set<std::uint64_t> seen;
  double hits = 0, tokens = 0;
  for (const TraceRequest& request : trace.requests) {
    std::uint32_t leading = 0;
    bool unbroken = true;
    for (const std::uint64_t id : trace.blocks(request)) {
      unbroken = unbroken && seen.contains(id);
      leading += unbroken ? 1 : 0;
      seen.insert(id);
    }
    hits += std::min(leading * trace.block_tokens, request.input_tokens);
    tokens += request.input_tokens;
  }
  CHECK(hits / tokens == doctest::Approx(0.3736).epsilon(0.001));
}

}  // namespace
}  // namespace evener::lab
