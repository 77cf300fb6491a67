#include "evener/protocol/orca.h"

#include <doctest/doctest.h>

#include <string>

using namespace evener::protocol;

TEST_CASE("an ORCA header in text is read as vLLM writes it") {
  const auto figures = read_orca("TEXT named_metrics.kv_cache_usage_perc=0.4, named_metrics.num_requests_waiting=1");
  REQUIRE(figures);
  CHECK((*figures)[Figure::KvUsed] == 0.4);
  CHECK((*figures)[Figure::Waiting] == 1);
  CHECK_FALSE((*figures)[Figure::Running]);
}

TEST_CASE("an ORCA header in JSON is read as vLLM and Triton write it") {
  const auto vllm = read_orca(R"(JSON {"named_metrics": {"kv_cache_usage_perc": 0.4, "num_requests_waiting": 1.0}})");
  REQUIRE(vllm);
  CHECK((*vllm)[Figure::KvUsed] == 0.4);
  CHECK((*vllm)[Figure::Waiting] == 1);
  const auto triton = read_orca(R"(JSON {"cpu_utilization":0.9,"named_metrics":{"kv_cache_utilization":0.25,"max_token_capacity":65536}})");
  REQUIRE(triton);
  CHECK((*triton)[Figure::KvUsed] == 0.25);
  CHECK((*triton)[Figure::KvCapacityTokens] == 65536);
  CHECK((*triton)[Figure::Utilization] == 0.9);
  const auto other = read_orca(R"({"cpuUtilization":0.9,"applicationUtilization":0.3})", OrcaForm::Json);
  REQUIRE(other);
  CHECK((*other)[Figure::Utilization] == 0.3);
}

TEST_CASE("text without a tag, with colons, is read as Envoy's servers write it") {
  const auto figures = read_orca("cpu_utilization:0.3,mem_utilization:0.8,named_metrics.num_requests_running:7");
  REQUIRE(figures);
  CHECK((*figures)[Figure::Utilization] == 0.3);
  CHECK((*figures)[Figure::Running] == 7);
}

TEST_CASE("the binary form is read") {
  // 1: 0.5 (fixed 64), 3: 12 (varint, old), 8: {1: "num_requests_waiting", 2: 2.0}, 8: {1: "num_requests_running"}
  const std::string text = "CQAAAAAAAOA/GAxCHwoUbnVtX3JlcXVlc3RzX3dhaXRpbmcRAAAAAAAAAEBCFgoUbnVtX3JlcXVlc3RzX3J1bm5pbmc=";
  for (const auto& [value, form] : {std::pair{text, OrcaForm::Binary}, std::pair{"BIN " + text, OrcaForm::Tagged}}) {
    const auto figures = read_orca(value, form);
    REQUIRE(figures);
    CHECK((*figures)[Figure::Utilization] == 0.5);
    CHECK((*figures)[Figure::Waiting] == 2);
    CHECK((*figures)[Figure::Running] == 0);
  }
}

TEST_CASE("what is malformed or says nothing known is no report") {
  for (const char* value : {"",
                            " ",
                            "TEXT",
                            "TEXT ",
                            "TEXT a",
                            "TEXT =1",
                            "TEXT named_metrics.num_requests_waiting=many",
                            "JSON",
                            "JSON {",
                            "JSON []",
                            R"(JSON {"named_metrics":3})",
                            R"(JSON {"named_metrics":{"num_requests_waiting":"1"}})",
                            "BIN ?",
                            "BIN CQAA",
                            "BIN Q",
                            "TEXT named_metrics.unknown=3",
                            "TEXT mem_utilization=0.5",
                            "TEXT named_metrics.kv_cache_usage_perc=40",
                            "TEXT named_metrics.num_requests_waiting=-1",
                            "TEXT named_metrics.kv_cache_usage_perc=nan"}) {
    CAPTURE(value);
    CHECK_FALSE(read_orca(value));
  }
}

TEST_CASE("a header's value has a limit") {
  std::string value = "TEXT named_metrics.num_requests_waiting=1,";
  value.append(OrcaBytesMax - value.size(), ' ');
  CHECK(read_orca(value));
  CHECK_FALSE(read_orca(value + " "));
}

TEST_CASE("the headers of ORCA are known by name, in any letter case") {
  CHECK(orca_form("endpoint-load-metrics") == OrcaForm::Tagged);
  CHECK(orca_form("Endpoint-Load-Metrics-BIN") == OrcaForm::Binary);
  CHECK(orca_form("endpoint-load-metrics-json") == OrcaForm::Json);
  CHECK_FALSE(orca_form("endpoint-load-metrics-format"));
  CHECK_FALSE(orca_form("content-type"));
}
