#include "evener/protocol/engine_load.h"

#include <doctest/doctest.h>

#include <string>

#include "evener/protocol/engine_load_names.h"

using namespace evener::protocol;

TEST_CASE("vLLM's page is read") {
  const auto reading = read_load(
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 3.0\n"
      "vllm:num_requests_waiting{engine=\"0\",model_name=\"m\"} 0.0\n"
      "vllm:num_requests_waiting_by_reason{engine=\"0\",reason=\"capacity\"} 5\n"
      "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.42\n"
      "vllm:prefix_cache_queries_total{engine=\"0\"} 1000.0\n"
      "vllm:prefix_cache_hits_total{engine=\"0\"} 250.0\n"
      "vllm:generation_tokens_total{engine=\"0\"} 5000.0\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"0.001\"} 0\n"
      "vllm:time_to_first_token_seconds_bucket{engine=\"0\",le=\"+Inf\"} 9\n"
      "vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"2048\"} 1.0\n");
  CHECK(reading.engine == EngineKind::Vllm);
  CHECK(reading.figures[Figure::Running] == 3);
  CHECK(reading.figures[Figure::Waiting] == 0);
  CHECK(reading.figures[Figure::KvUsed] == 0.42);
  CHECK(reading.figures[Figure::PrefixHitShare] == 0.25);
  CHECK(reading.figures[Figure::KvCapacityTokens] == 32768);
  CHECK(reading.figures[Figure::GeneratedTokens] == 5000);
  CHECK_FALSE(reading.figures[Figure::GeneratedTokensPerS]);
  CHECK_FALSE(reading.figures[Figure::WaitingTokens]);
  CHECK_FALSE(reading.adapters_known);
}

TEST_CASE("several data-parallel engines of vLLM add up, and their KV use is averaged") {
  const auto reading = read_load(
      "vllm:num_requests_running{engine=\"0\"} 3\nvllm:num_requests_running{engine=\"1\"} 5\n"
      "vllm:kv_cache_usage_perc{engine=\"0\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\"} 0.6\n"
      "vllm:prefix_cache_queries_total{engine=\"0\"} 100\nvllm:prefix_cache_queries_total{engine=\"1\"} 300\n"
      "vllm:prefix_cache_hits_total{engine=\"0\"} 100\nvllm:prefix_cache_hits_total{engine=\"1\"} 0\n"
      "vllm:cache_config_info{block_size=\"16\",engine=\"0\",num_gpu_blocks=\"100\"} 1\n"
      "vllm:cache_config_info{block_size=\"16\",engine=\"1\",num_gpu_blocks=\"200\"} 1\n");
  CHECK(reading.figures[Figure::Running] == 8);
  CHECK(reading.figures[Figure::KvUsed] == doctest::Approx(0.4));
  CHECK(reading.figures[Figure::PrefixHitShare] == 0.25);
  CHECK(reading.figures[Figure::KvCapacityTokens] == 4800);
}

TEST_CASE("vLLM's names of earlier releases and under Ray are known, and a newer name goes before an older one") {
  CHECK(read_load("vllm:gpu_cache_usage_perc{model_name=\"m\"} 0.3\n").figures[Figure::KvUsed] == 0.3);
  CHECK(read_load("vllm:gpu_cache_usage_perc 0.3\nvllm:kv_cache_usage_perc 0.5\n").figures[Figure::KvUsed] == 0.5);
  CHECK(read_load("ray_vllm_num_requests_running{WorkerId=\"x\"} 2\n").figures[Figure::Running] == 2);
  CHECK(read_load("vllm_num_requests_waiting 2\n").figures[Figure::Waiting] == 2);
  CHECK(read_load("vllm:gpu_prefix_cache_queries_total 10\nvllm:gpu_prefix_cache_hits_total 5\n").figures[Figure::PrefixHitShare] == 0.5);
}

TEST_CASE("a missing series, a starting engine and values that are no numbers stay unknown") {
  const auto reading = read_load(
      "vllm:num_requests_running NaN\nvllm:cache_config_info{block_size=\"16\",num_gpu_blocks=\"None\"} 1\nvllm:num_requests_waiting 1\n");
  CHECK(reading.engine == EngineKind::Vllm);
  CHECK_FALSE(reading.figures[Figure::Running]);
  CHECK_FALSE(reading.figures[Figure::KvUsed]);
  CHECK_FALSE(reading.figures[Figure::KvCapacityTokens]);
  CHECK(reading.figures[Figure::Waiting] == 1);
  CHECK(read_load("vllm:cache_config_info{kv_cache_size_tokens=\"5000\",num_gpu_blocks=\"None\"} 1\n").figures[Figure::KvCapacityTokens] ==
        5000);
}

TEST_CASE("vLLM's adapters are those of the newest series") {
  const auto reading = read_load(
      "vllm:lora_requests_info{max_lora=\"4\",running_lora_adapters=\"old\",waiting_lora_adapters=\"\"} 1.7e+09\n"
      "vllm:lora_requests_info{max_lora=\"4\",running_lora_adapters=\"sql, chat\",waiting_lora_adapters=\"sql\"} 1.8e+09\n"
      "vllm:lora_requests_info{max_lora=\"4\",running_lora_adapters=\"older\",waiting_lora_adapters=\"\"} 1.6e+09\n");
  CHECK(reading.adapters_known);
  CHECK(reading.adapters == std::vector<std::string>{"chat", "sql"});
  std::string many = "vllm:lora_requests_info{running_lora_adapters=\"";
  for (std::size_t i = 0; i < AdaptersMax + 10; ++i) many += "a" + std::to_string(i) + ",";
  CHECK(read_load(many + "\"} 1\n").adapters.size() == AdaptersMax);
}

TEST_CASE("SGLang's page is read, with each way of naming ranks") {
  const auto plain = read_load(
      "sglang:num_running_reqs{model_name=\"m\"} 4\nsglang:num_queue_reqs{model_name=\"m\"} 2\nsglang:token_usage{model_name=\"m\"} 0.28\n"
      "sglang:gen_throughput{model_name=\"m\"} 117.3\nsglang:cache_hit_rate{model_name=\"m\"} 0.0\nsglang:prompt_tokens_total 400\n"
      "sglang:cached_tokens_total 100\nsglang:max_total_num_tokens 0\n");
  CHECK(plain.engine == EngineKind::Sglang);
  CHECK(plain.figures[Figure::Running] == 4);
  CHECK(plain.figures[Figure::Waiting] == 2);
  CHECK(plain.figures[Figure::KvUsed] == 0.28);
  CHECK(plain.figures[Figure::GeneratedTokensPerS] == 117.3);
  CHECK(plain.figures[Figure::PrefixHitShare] == 0.25);
  CHECK_FALSE(plain.figures[Figure::KvCapacityTokens]);

  const auto tensor = read_load(
      "sglang_num_running_reqs{tp_rank=\"0\",pp_rank=\"0\"} 16\nsglang_num_running_reqs{tp_rank=\"1\",pp_rank=\"0\"} 16\n"
      "sglang_num_running_reqs{tp_rank=\"0\",pp_rank=\"1\"} 16\nsglang_max_total_num_tokens{tp_rank=\"0\"} 1000\n"
      "sglang_max_total_num_tokens{tp_rank=\"1\"} 1000\n");
  CHECK(tensor.figures[Figure::Running] == 16);
  CHECK(tensor.figures[Figure::KvCapacityTokens] == 1000);

  const auto data = read_load(
      "sglang:num_running_reqs{tp_rank=\"0\",dp_rank=\"0\"} 3\nsglang:num_running_reqs{tp_rank=\"1\",dp_rank=\"0\"} 3\n"
      "sglang:num_running_reqs{tp_rank=\"4\",dp_rank=\"1\"} 5\n");
  CHECK(data.figures[Figure::Running] == 8);
}

TEST_CASE("SGLang's /v1/loads is read over all ranks") {
  const auto reading = read_load(
      R"({"timestamp":"2026-01-01T00:00:00","dp_rank_count":2,"loads":[
        {"dp_rank":0,"num_running_reqs":3,"num_waiting_reqs":1,"num_waiting_uncached_tokens":4000,"num_used_tokens":100,"max_total_num_tokens":1000,
         "token_usage":0.1,"gen_throughput":50.5,"cache_hit_rate":0.0,"utilization":-1,"max_running_requests":12},
        {"dp_rank":1,"num_running_reqs":2,"num_waiting_reqs":0,"num_waiting_uncached_tokens":0,"num_used_tokens":300,"max_total_num_tokens":1000,
         "token_usage":0.3,"gen_throughput":49.5,"cache_hit_rate":0.0,"utilization":0.8,"max_running_requests":12}]})");
  CHECK(reading.engine == EngineKind::Sglang);
  CHECK(reading.samples == 2);
  CHECK(reading.figures[Figure::Running] == 5);
  CHECK(reading.figures[Figure::Waiting] == 1);
  CHECK(reading.figures[Figure::WaitingTokens] == 4000);
  CHECK(reading.figures[Figure::KvUsed] == doctest::Approx(0.2));
  CHECK(reading.figures[Figure::KvCapacityTokens] == 2000);
  CHECK(reading.figures[Figure::GeneratedTokensPerS] == 100);
  CHECK(reading.figures[Figure::Utilization] == 0.8);
  CHECK(reading.figures[Figure::RequestsMax] == 24);
  CHECK_FALSE(reading.figures[Figure::PrefixHitShare]);
}

TEST_CASE("parts that SGLang's /v1/loads lacks stay unknown") {
  const auto reading =
      read_load(R"({"loads":[{"dp_rank":0,"num_running_reqs":3,"num_used_tokens":0,"max_total_num_tokens":0,"utilization":-1}]})");
  CHECK(reading.figures[Figure::Running] == 3);
  CHECK_FALSE(reading.figures[Figure::Waiting]);
  CHECK_FALSE(reading.figures[Figure::WaitingTokens]);
  CHECK_FALSE(reading.figures[Figure::KvUsed]);
  CHECK_FALSE(reading.figures[Figure::KvCapacityTokens]);
  CHECK_FALSE(reading.figures[Figure::Utilization]);
  CHECK(read_load(R"({"loads":[{"num_used_tokens":250,"max_total_num_tokens":1000}]})").figures[Figure::KvUsed] == 0.25);
}

TEST_CASE("llama.cpp's page and slots are read, and complete each other") {
  auto reading = read_load(
      "llamacpp:prompt_tokens_total 10\nllamacpp:tokens_predicted_total 77\nllamacpp:requests_processing 2\nllamacpp:requests_deferred "
      "1\n");
  CHECK(reading.engine == EngineKind::LlamaCpp);
  CHECK(reading.figures[Figure::Running] == 2);
  CHECK(reading.figures[Figure::Waiting] == 1);
  CHECK(reading.figures[Figure::GeneratedTokens] == 77);
  CHECK_FALSE(reading.figures[Figure::KvUsed]);
  const auto slots = read_load(R"([{"id":0,"n_ctx":4096,"is_processing":true},{"id":1,"n_ctx":4096,"is_processing":false}])");
  CHECK(slots.engine == EngineKind::LlamaCpp);
  CHECK(slots.figures[Figure::Running] == 1);
  CHECK(slots.figures[Figure::RequestsMax] == 2);
  reading.figures.fill_from(slots.figures);
  CHECK(reading.figures[Figure::Running] == 2);
  CHECK(reading.figures[Figure::RequestsMax] == 2);
}

TEST_CASE("TGI's page is read") {
  const auto reading =
      read_load("tgi_queue_size 3\ntgi_batch_current_size 8\ntgi_request_generated_tokens_sum 900\ntgi_batch_current_max_tokens 5\n");
  CHECK(reading.engine == EngineKind::Tgi);
  CHECK(reading.figures[Figure::Waiting] == 3);
  CHECK(reading.figures[Figure::Running] == 8);
  CHECK(reading.figures[Figure::GeneratedTokens] == 900);
}

TEST_CASE("TensorRT-LLM's page and its iteration statistics are read") {
  const auto page = read_load(
      "trtllm_num_requests_running{model_name=\"m\"} 4\ntrtllm_num_requests_waiting 2\ntrtllm_kv_cache_utilization 0.5\n"
      "trtllm_kv_cache_hit_rate 0.75\ntrtllm_kv_cache_max_blocks 1000\ntrtllm_kv_cache_tokens_per_block 32\n");
  CHECK(page.engine == EngineKind::TrtLlm);
  CHECK(page.figures[Figure::Running] == 4);
  CHECK(page.figures[Figure::Waiting] == 2);
  CHECK(page.figures[Figure::KvUsed] == 0.5);
  CHECK(page.figures[Figure::PrefixHitShare] == 0.75);
  CHECK(page.figures[Figure::KvCapacityTokens] == 32000);

  const auto json = read_load(
      R"([{"iter":1,"numActiveRequests":99},{"iter":2,"numActiveRequests":5,"numQueuedRequests":3,"maxNumActiveRequests":64,
        "kvCacheStats":{"cacheHitRate":0.25,"maxNumBlocks":1000,"usedNumBlocks":600,"freeNumBlocks":400,"tokensPerBlock":64}}])");
  CHECK(json.engine == EngineKind::TrtLlm);
  CHECK(json.figures[Figure::Running] == 5);
  CHECK(json.figures[Figure::Waiting] == 3);
  CHECK(json.figures[Figure::RequestsMax] == 64);
  CHECK(json.figures[Figure::KvUsed] == 0.6);
  CHECK(json.figures[Figure::KvCapacityTokens] == 64000);
  CHECK(json.figures[Figure::PrefixHitShare] == 0.25);

  const auto idle = read_load("[]");
  CHECK(idle.engine == EngineKind::TrtLlm);
  CHECK(idle.figures == LoadFigures());
}

TEST_CASE("Triton's page is read, with and without the TensorRT-LLM backend") {
  const auto plain = read_load(
      "nv_inference_pending_request_count{model=\"a\",version=\"1\"} 5\nnv_inference_pending_request_count{model=\"b\",version=\"1\"} 2\n"
      "nv_inference_exec_count{model=\"a\"} 90000\nnv_gpu_utilization{gpu_uuid=\"x\"} 0.5\nnv_gpu_utilization{gpu_uuid=\"y\"} 0.7\n");
  CHECK(plain.engine == EngineKind::Triton);
  CHECK(plain.figures[Figure::Waiting] == 7);
  CHECK_FALSE(plain.figures[Figure::Running]);
  CHECK(plain.figures[Figure::Utilization] == doctest::Approx(0.6));
  const auto llm = read_load(
      "nv_inference_pending_request_count{model=\"a\"} 50\n"
      "nv_trt_llm_request_metrics{model=\"a\",request_type=\"waiting\"} "
      "3\nnv_trt_llm_request_metrics{model=\"a\",request_type=\"scheduled\"} 4\n"
      "nv_trt_llm_request_metrics{model=\"a\",request_type=\"max\"} 512\n"
      "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"fraction\"} "
      "0.3\nnv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"max\"} 100\n"
      "nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type=\"tokens_per\"} 64\n");
  CHECK(llm.figures[Figure::Waiting] == 3);
  CHECK(llm.figures[Figure::Running] == 4);
  CHECK(llm.figures[Figure::KvUsed] == 0.3);
  CHECK(llm.figures[Figure::KvCapacityTokens] == 6400);
}

TEST_CASE("TensorFlow Serving is known by its names and has no figure") {
  const auto reading = read_load(":tensorflow:serving:request_count{model_name=\"m\",status=\"OK\"} 7\n");
  CHECK(reading.engine == EngineKind::TfServing);
  CHECK(reading.figures.present().empty());
}

TEST_CASE("a mapping reads any server, and goes before an engine's own names") {
  const std::vector<FigureSource> mapping = {
      {.figure = Figure::Running, .metric = "busy_workers", .labels = {{"queue", "gpu \"a\""}, {"kind", "infer"}}},
      {.figure = Figure::KvUsed, .metric = "cache_percent", .labels = {}, .scale = 0.01, .combine = Combine::Max},
      {.figure = Figure::Utilization, .metric = "load", .labels = {}, .combine = Combine::Mean},
      {.figure = Figure::Waiting, .metric = "nowhere", .labels = {}},
  };
  const auto reading = read_load(
      "busy_workers{kind=\"infer\",queue=\"gpu \\\"a\\\"\",host=\"x\"} 3\nbusy_workers{kind=\"infer\",queue=\"gpu \\\"a\\\"\",host=\"y\"} "
      "4\n"
      "busy_workers{kind=\"infer\",queue=\"b\"} 100\nbusy_workers 7\ncache_percent{gpu=\"0\"} 20\ncache_percent{gpu=\"1\"} 80\nload "
      "0.2\nload{x=\"1\"} 0.4\n",
      mapping);
  CHECK_FALSE(reading.engine);
  CHECK(reading.figures[Figure::Running] == 7);
  CHECK(reading.figures[Figure::KvUsed] == doctest::Approx(0.8));
  CHECK(reading.figures[Figure::Utilization] == doctest::Approx(0.3));
  CHECK_FALSE(reading.figures[Figure::Waiting]);

  const auto own = read_load("vllm:num_requests_running 1\nvllm:num_requests_waiting 2\nload 0.5\nbusy_workers 9\n",
                             std::vector<FigureSource>{{.figure = Figure::Running, .metric = "busy_workers", .labels = {}}});
  CHECK(own.figures[Figure::Running] == 9);
  CHECK(own.figures[Figure::Waiting] == 2);
}

TEST_CASE("a page with names of several engines counts as that of which it has the most") {
  const auto reading = read_load("nv_gpu_utilization 0.9\nvllm:num_requests_running 1\nvllm:num_requests_waiting 2\n");
  CHECK(reading.engine == EngineKind::Vllm);
  CHECK_FALSE(reading.figures[Figure::Utilization]);
}

TEST_CASE("what is no report gives nothing") {
  for (const char* body : {"", " \n", "not found", "<!doctype html><html>", "{", "{}", "[1,2]", "[[]]", "[{}]", "{\"loads\":3}",
                           "{\"error\":\"x\"}", "{\"version\":3}", "\x89PNG\r\n\x1a\n", "[{\"a\":1}", "]"}) {
    CAPTURE(body);
    const auto reading = read_load(body);
    CHECK_FALSE(reading.engine);
    CHECK(reading.samples == 0);
    CHECK(reading.figures == LoadFigures());
  }
  CHECK(read_load("python_info 1\n").samples == 1);
  CHECK(read_load(R"({"version":"0.11.0"})").engine == EngineKind::Vllm);
  CHECK(read_load("{\"loads\":[]}").figures == LoadFigures());
}

TEST_CASE("only so many ranks of a JSON report are looked into") {
  std::string body = "{\"loads\":[";
  for (std::size_t i = 0; i < LoadRanksMax + 5; ++i) body += std::string(i > 0 ? "," : "") + "{\"num_running_reqs\":1}";
  const auto reading = read_load(body + "]}");
  CHECK(reading.figures[Figure::Running] == LoadRanksMax);
}

TEST_CASE("the self-test says who it is, what is there and what is missing") {
  FigureSet present;
  CHECK(describe_load(EngineKind::TfServing, "/metrics", present) == "TensorFlow Serving (/metrics): no load figure");
  present.add(Figure::Running);
  present.add(Figure::Waiting);
  CHECK(describe_load(EngineKind::Tgi, "/metrics", present) == "TGI (/metrics): running, waiting present; token rate absent");
  present.add(Figure::GeneratedTokensPerS);
  CHECK(describe_load(EngineKind::Tgi, "/metrics", present) == "TGI (/metrics): running, waiting, token rate present");
  CHECK(describe_load(std::nullopt, "/stats", present) == "unknown engine (/stats): running, waiting, token rate present");
  CHECK(figures_of(EngineKind::Vllm).has(Figure::PrefixHitShare));
  CHECK(figures_of(EngineKind::Vllm).has(Figure::KvCapacityTokens));
  CHECK(figures_of(EngineKind::OpenAi).empty());
}

TEST_CASE("every rule can be reached by a metric's name") {
  CHECK(engine_of_metric("vllm:x")->engine == EngineKind::Vllm);
  CHECK(engine_of_metric("nv_x")->name == "x");
  CHECK_FALSE(engine_of_metric("vllmx"));
  CHECK_FALSE(engine_of_metric("vllm:"));
  CHECK_FALSE(engine_of_metric("python_info"));
  for (const LoadRule& rule : load_rules()) CHECK_FALSE(rule.name.empty());
  for (const EngineName& engine : EngineNames) CHECK(load_paths(engine.kind).size() <= 2);
}
