// Bailian and BurstGPT, neither of which is among the public data at hand: lines as their publishers document them.

#include <doctest/doctest.h>

#include <string>

#include "evener/lab/trace.h"

namespace evener::lab {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view TwoTurns =
    "{\"chat_id\": 159, \"parent_chat_id\": -1, \"timestamp\": 61.114, \"input_length\": 40, \"output_length\": 132, "
    "\"type\": \"text\", \"turn\": 1, \"hash_ids\": [7, 8, 9]}\n"
    "{\"chat_id\": 4, \"parent_chat_id\": -1, \"timestamp\": 61.5, \"input_length\": 40, \"output_length\": 2, "
    "\"type\": \"image\", \"turn\": 1, \"hash_ids\": [6, 8, 9]}\n"
    "{\"chat_id\": 55, \"parent_chat_id\": 159, \"timestamp\": 75, \"input_length\": 70, \"output_length\": 9, "
    "\"type\": \"text\", \"turn\": 2, \"hash_ids\": [7, 8, 10, 11, 12]}\n"
    "{\"chat_id\": 60, \"parent_chat_id\": 55, \"timestamp\": 80, \"input_length\": 90, \"output_length\": 1, "
    "\"type\": \"text\", \"turn\": 3, \"hash_ids\": []}\n";

TEST_CASE("a Bailian trace is known by its chat ids, counts seconds, and keeps the chats of a session together") {
  const TraceReading reading = read_trace(TwoTurns, "qwen.jsonl");
  CHECK(reading.problems.empty());
  REQUIRE(reading.trace.requests.size() == 4);
  const auto& requests = reading.trace.requests;
  CHECK(reading.trace.block_tokens == 16);
  CHECK(requests[1].at == 386ms);
  CHECK(requests[2].input_tokens == 70);
  CHECK(requests[0].session == requests[2].session);
  CHECK(requests[0].session == requests[3].session);
  CHECK(requests[0].session != requests[1].session);
  CHECK(requests[1].session != 0);
}

TEST_CASE("ids of a Bailian trace name blocks alone, and chained they are equal only after equal beginnings") {
  const TraceReading reading = read_trace(TwoTurns, "qwen.jsonl");
  const auto blocks = [&](std::size_t index) { return reading.trace.blocks(reading.trace.requests[index]); };
  CHECK(blocks(0)[0] == blocks(2)[0]);
  CHECK(blocks(0)[1] == blocks(2)[1]);
  CHECK(blocks(0)[2] != blocks(2)[2]);
  CHECK(blocks(0)[1] != blocks(1)[1]);  // 8 in both, after 7 and after 6
}

TEST_CASE("chats whose first one lies before the trace are still a session") {
  const TraceReading reading = read_trace(
      "{\"chat_id\": 2, \"parent_chat_id\": 1, \"timestamp\": 0, \"input_length\": 1, \"output_length\": 1}\n"
      "{\"chat_id\": 3, \"parent_chat_id\": 1, \"timestamp\": 1, \"input_length\": 1, \"output_length\": 1}\n",
      "qwen.jsonl");
  REQUIRE(reading.trace.requests.size() == 2);
  CHECK(reading.trace.requests[0].session == reading.trace.requests[1].session);
}

TEST_CASE("a damaged Bailian line is named with file and line") {
  const auto problem = [](const std::string& line) {
    const TraceReading reading = read_bailian_trace(std::string(TwoTurns) + line + "\n", "qwen.jsonl");
    REQUIRE(reading.problems.size() == 1);
    CHECK(reading.trace.requests.size() == 4);
    return reading.problems.front();
  };
  CHECK(problem("{\"timestamp\": 1, \"input_length\": 1, \"output_length\": 1}") == "qwen.jsonl:5: chat_id is missing");
  CHECK(problem("{\"chat_id\": \"x\", \"timestamp\": 1}") == "qwen.jsonl:5: a chat id is not a whole number");
  CHECK(problem("{\"chat_id\": 1, \"timestamp\": \"1\"}") == "qwen.jsonl:5: timestamp is not a number of seconds");
  CHECK(problem("{\"chat_id\": 1, \"chat_id\": 1}") == "qwen.jsonl:5: a member is given twice");
}

TEST_CASE("the first release of BurstGPT gives times and lengths, and requests that failed are left out and counted") {
  const TraceReading reading = read_trace(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n"
      "45,ChatGPT,1087,230,1317,Conversation log\n"
      "118,GPT-4,417,0,417,API log\n"
      "120,GPT-4,0,0,0,API log\n",
      "BurstGPT_1.csv");
  CHECK(reading.problems.empty());
  CHECK(reading.lines == 4);
  CHECK(reading.failed == 2);
  REQUIRE(reading.trace.requests.size() == 2);
  CHECK(reading.trace.requests[1].at == 40s);
  CHECK(reading.trace.requests[1].input_tokens == 1087);
  CHECK(reading.trace.requests[1].output_tokens == 230);
  CHECK(reading.trace.requests[1].session == 0);
  CHECK(reading.trace.requests[1].took == 0s);
}

constexpr std::string_view SecondRelease =
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\r\n";

TEST_CASE("the second release of BurstGPT also gives sessions and how long answers took") {
  const TraceReading reading = read_trace(std::string(SecondRelease) +
                                              "19440110.0,1722ac82-0a46,43,GPT-4,906,446,1352,Conversation log\r\n"
                                              "19440161.5,d5983bf9-4b48,2.5,ChatGPT,36,29,65,Conversation log\r\n"
                                              "19440162.0,,,ChatGPT,36,29,65,API log\r\n"
                                              "19440192.0,1722ac82-0a46,8,GPT-4,1779,123,1902,Conversation log\r\n",
                                          "BurstGPT_3.csv");
  CHECK(reading.problems.empty());
  REQUIRE(reading.trace.requests.size() == 4);
  const auto& requests = reading.trace.requests;
  CHECK(requests[0].at == 0s);
  CHECK(requests[0].took == 43s);
  CHECK(requests[1].at == 51'500ms);
  CHECK(requests[1].took == 2'500ms);
  CHECK(requests[2].session == 0);
  CHECK(requests[0].session == requests[3].session);
  CHECK(requests[0].session != requests[1].session);
}

TEST_CASE("a damaged BurstGPT line or header is named with file and line") {
  const auto problem = [](const std::string& line) {
    const TraceReading reading = read_burstgpt_trace(std::string(SecondRelease) + line + "\n", "b.csv");
    REQUIRE(reading.problems.size() == 1);
    CHECK(reading.malformed == 1);
    CHECK(reading.trace.requests.empty());
    return reading.problems.front();
  };
  CHECK(problem("x,,1,GPT-4,1,1,2,API log") == "b.csv:2: Timestamp is not a number of seconds");
  CHECK(problem("-1,,1,GPT-4,1,1,2,API log") == "b.csv:2: Timestamp is not a number of seconds");
  CHECK(problem("1,,soon,GPT-4,1,1,2,API log") == "b.csv:2: Elapsed time is not a number of seconds");
  CHECK(problem("1,,1,GPT-4,1.5,1,2,API log") == "b.csv:2: a token count is not a whole number");
  CHECK(problem("1,,1,GPT-4,1,99999999,2,API log") == "b.csv:2: a token count is above 16777216");
  CHECK(problem("1,,1,GPT-4,1,1,2") == "b.csv:2: the line has another number of columns than the header");
  CHECK(read_burstgpt_trace("Timestamp,Model\n1,x\n", "b.csv").problems.front() ==
        "b.csv:1: the header has no Timestamp, Request tokens and Response tokens");
}

TEST_CASE("without a header nothing of a file is taken for requests") {
  const TraceReading reading = read_trace("1,2,3\n4,5,6\n", "a.csv");
  CHECK(reading.lines == 1);
  CHECK(reading.malformed_share() == 1);
  CHECK(reading.trace.requests.empty());
}

}  // namespace
}  // namespace evener::lab
