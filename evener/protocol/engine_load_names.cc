#include "evener/protocol/engine_load_names.h"

#include <array>

namespace evener::protocol {
namespace {

using enum EngineKind;
using enum Figure;
using enum Combine;

constexpr std::array Rules = {
    // One series per data-parallel rank (label engine): counts add up, shares are averaged.
    LoadRule{Vllm, Running, "num_requests_running"},
    LoadRule{Vllm, Waiting, "num_requests_waiting"},
    LoadRule{Vllm, KvUsed, "kv_cache_usage_perc", Mean},
    LoadRule{Vllm, KvUsed, "gpu_cache_usage_perc", Mean},  // until 0.9
    LoadRule{Vllm, KvBlocks, "cache_config_info", Sum, {}, {}, "num_gpu_blocks"},
    LoadRule{Vllm, KvBlockTokens, "cache_config_info", Mean, {}, {}, "block_size"},
    LoadRule{Vllm, KvCapacityTokens, "cache_config_info", Sum, {}, {}, "kv_cache_size_tokens"},
    LoadRule{Vllm, GeneratedTokens, "generation_tokens_total"},
    LoadRule{Vllm, PrefixQueryTokens, "prefix_cache_queries_total"},
    LoadRule{Vllm, PrefixQueryTokens, "gpu_prefix_cache_queries_total"},
    LoadRule{Vllm, PrefixQueryTokens, "gpu_prefix_cache_queries"},
    LoadRule{Vllm, PrefixHitTokens, "prefix_cache_hits_total"},
    LoadRule{Vllm, PrefixHitTokens, "gpu_prefix_cache_hits_total"},
    LoadRule{Vllm, PrefixHitTokens, "gpu_prefix_cache_hits"},
    LoadRule{Vllm, PrefixHitShare, "gpu_prefix_cache_hit_rate", Mean},

    // Its gauge cache_hit_rate is left out on purpose: it falls back to 0 while the engine only decodes.
    LoadRule{Sglang, Running, "num_running_reqs"},
    LoadRule{Sglang, Waiting, "num_queue_reqs"},
    LoadRule{Sglang, KvUsed, "token_usage", Mean},
    LoadRule{Sglang, KvCapacityTokens, "max_total_num_tokens"},
    LoadRule{Sglang, KvBlocks, "cache_config_info", Sum, {}, {}, "num_pages"},
    LoadRule{Sglang, KvBlockTokens, "cache_config_info", Mean, {}, {}, "page_size"},
    LoadRule{Sglang, GeneratedTokensPerS, "gen_throughput"},
    LoadRule{Sglang, GeneratedTokens, "generation_tokens_total"},
    LoadRule{Sglang, PrefixQueryTokens, "prompt_tokens_total"},
    LoadRule{Sglang, PrefixHitTokens, "cached_tokens_total"},
    LoadRule{Sglang, RequestsMax, "max_running_requests"},

    LoadRule{LlamaCpp, Running, "requests_processing"},
    LoadRule{LlamaCpp, Waiting, "requests_deferred"},
    LoadRule{LlamaCpp, KvUsed, "kv_cache_usage_ratio", Mean},  // older builds
    LoadRule{LlamaCpp, GeneratedTokens, "tokens_predicted_total"},

    LoadRule{Tgi, Running, "batch_current_size"},
    LoadRule{Tgi, Waiting, "queue_size"},
    LoadRule{Tgi, GeneratedTokens, "request_generated_tokens_sum"},

    LoadRule{TrtLlm, Running, "num_requests_running"},
    LoadRule{TrtLlm, Running, "num_active_requests"},
    LoadRule{TrtLlm, Waiting, "num_requests_waiting"},
    LoadRule{TrtLlm, Waiting, "num_queued_requests"},
    LoadRule{TrtLlm, KvUsed, "kv_cache_utilization", Mean},
    LoadRule{TrtLlm, KvBlocks, "kv_cache_max_blocks"},
    LoadRule{TrtLlm, KvBlockTokens, "kv_cache_tokens_per_block", Mean},
    LoadRule{TrtLlm, PrefixHitShare, "kv_cache_hit_rate", Mean},
    LoadRule{TrtLlm, GeneratedTokens, "generation_tokens_total"},
    LoadRule{TrtLlm, RequestsMax, "max_num_active_requests"},

    // The first of each pair needs the TensorRT-LLM backend. nv_inference_exec_count counts executions and is no load.
    LoadRule{Triton, Running, "trt_llm_request_metrics", Sum, "request_type", "scheduled"},
    LoadRule{Triton, Waiting, "trt_llm_request_metrics", Sum, "request_type", "waiting"},
    LoadRule{Triton, Waiting, "inference_pending_request_count"},
    LoadRule{Triton, KvUsed, "trt_llm_kv_cache_block_metrics", Mean, "kv_cache_block_type", "fraction"},
    LoadRule{Triton, KvBlocks, "trt_llm_kv_cache_block_metrics", Sum, "kv_cache_block_type", "max"},
    LoadRule{Triton, KvBlockTokens, "trt_llm_kv_cache_block_metrics", Mean, "kv_cache_block_type", "tokens_per"},
    LoadRule{Triton, Utilization, "gpu_utilization", Mean},
};

static_assert(Rules.size() <= LoadRulesMax);

struct Prefix {
  EngineKind engine{};
  std::string_view word;
  std::string_view separators;  // any one of them
};
constexpr std::array<Prefix, 7> Prefixes = {{
    {Vllm, "vllm", ":_"},
    {Sglang, "sglang", ":_"},
    {LlamaCpp, "llamacpp", ":_"},
    {Tgi, "tgi", "_"},
    {TrtLlm, "trtllm", "_"},
    {Triton, "nv", "_"},
    {TfServing, ":tensorflow:serving", ":"},
}};

}  // namespace

std::span<const LoadRule> load_rules() { return Rules; }

std::optional<EngineMetricName> engine_of_metric(std::string_view name) {
  if (name.starts_with("ray_")) name.remove_prefix(4);
  for (const Prefix& prefix : Prefixes) {
    const std::size_t length = prefix.word.size();
    if (name.size() > length + 1 && name.starts_with(prefix.word) && prefix.separators.find(name[length]) != std::string_view::npos) {
      return EngineMetricName{.engine = prefix.engine, .name = name.substr(length + 1)};
    }
  }
  return std::nullopt;
}

}  // namespace evener::protocol
