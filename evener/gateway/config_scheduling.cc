#include "evener/gateway/config_scheduling.h"

#include <chrono>

#include "evener/gateway/config.h"
#include "evener/gateway/config_rules.h"
#include "evener/protocol/prompt_blocks.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t PartsMax = 20;  // scorers or filters of a composed policy

Of<route::ScorerSettings> scorer() {
  using enum route::ScorerKind;
  using S = route::ScorerSettings;
  return Describe<S>("scorer", "A score between 0 and 1 for each candidate, and how much it counts.")
      .field("type", &S::kind,
             one_of<route::ScorerKind>(
                 {{FreeCapacity, "free-capacity", "The share of its capacity that is free; without a capacity, the fewest in flight."},
                  {Queue, "queue", "The fewest waiting in its queue, as it reports."},
                  {KvFree, "kv-free", "The most free room in its KV cache, as it reports."},
                  {UncachedTokens, "uncached-tokens", "The fewest prompt tokens to compute, this request's included."},
                  {FirstToken, "first-token", "The shortest predicted time to the first token."},
                  {Finish, "finish", "The shortest predicted time to the last token."},
                  {PrefixHit, "prefix-hit", "The share of the prompt that it probably holds in its cache."},
                  {Session, "session", "The endpoint that the session hashes to."},
                  {Adapter, "adapter", "Whether it has the LoRA adapter loaded, as it reports."},
                  {Tier, "tier", "Weak endpoints for light requests, strong ones for heavy and urgent ones."},
                  {Network, "network", "The nearest zone."},
                  {Price, "price", "The cheapest for this request."},
                  {Power, "power", "The least power drawn."}}),
             {.doc = "What is scored.", .presence = Presence::Required})
      .field("weight", &S::weight, number({0.001, 1000}), {.doc = "How much it counts beside the others."})
      .done();
}

Of<route::FilterSettings> filter() {
  using enum route::FilterKind;
  using F = route::FilterSettings;
  return Describe<F>("filter", "Leaves candidates out; one that would leave nobody is passed over.")
      .field("type", &F::kind,
             one_of<route::FilterKind>(
                 {{PrefixHit, "prefix-hit", "At least this share of the prompt is probably in its cache."},
                  {KvUsed, "kv-used", "At most this share of its KV cache is in use."},
                  {FirstToken, "first-token", "The predicted first token comes within this many times the request's objective."}}),
             {.doc = "What is asked.", .presence = Presence::Required})
      .field("threshold", &F::threshold, number({0, 1000}), {.doc = "The bound."})
      .done();
}

}  // namespace

Of<route::PolicyKind> describe_policies() {
  using enum route::PolicyKind;
  return one_of<route::PolicyKind>({
      {RoundRobin, "round-robin", "Each endpoint in turn, whatever its weight or load."},
      {WeightedRoundRobin, "weighted-round-robin", "In turn by weight, smoothly interleaved."},
      {Random, "random", "By chance, in proportion to weight."},
      {LeastRequest, "least-request", "The fewest requests in flight per weight."},
      {PowerOfTwo, "power-of-two", "The better of two drawn by chance: near least-request, with less herding between several gateways."},
      {PeakEwma, "peak-ewma", "The lowest product of recent latency and requests in flight; reacts to an endpoint that slows down."},
      {BoundedHash, "bounded-hash", "Requests of one session to one endpoint (consistent hashing), unless it carries more than its share."},
      {Maglev, "maglev", "Requests of one session to one endpoint by a Maglev table; moves few sessions when endpoints change."},
      {Balanced, "balanced",
       "The least waiting added, in seconds predicted from learned speeds, tokens in flight and cached prefixes. Where bodies are not read "
       "(path_prefix): least-request."},
      {StickyUntilSaturated, "sticky-until-saturated", "The endpoint that holds most of the prompt, until it is too busy."},
      {Blend, "blend", "llm-d's weighted scores: prefix hit 3, queue 2, free KV cache 2."},
      {DynamoCost, "dynamo-cost", "Dynamo's cost: uncached prompt blocks and blocks in flight."},
      {SmgCacheAware, "smg-cache-aware", "SMG's rule: the longest match while loads are even, else the shortest queue."},
      {LeastLoad, "least-load",
       "SMG's score: seconds of prompt work that it reports to be waiting and that were sent since, and more as its KV cache fills."},
      {CheapestWithinSlo, "cheapest-within-slo", "The cheapest endpoint that is predicted to meet the request's objectives."},
      {Composed, "composed", "Put together in `composition`."},
      {DynamoLmetric, "dynamo-lmetric", "Dynamo's product: uncached prompt blocks times blocks in flight."},
      {AibrixPrefixCache, "aibrix-prefix-cache",
       "AIBrix's rule: the longest match among endpoints that are not busier than most, unless requests are more than 8 apart."},
      {Vtc, "vtc", "AIBrix's fairness between tenants: the more tokens a tenant took of late, the further down the list it goes."},
      {OrcaWeighted, "orca-weighted", "Weighted round robin by requests per second over the utilization that endpoints report."},
  });
}

Of<route::CompositionSettings> describe_composition() {
  using C = route::CompositionSettings;
  return Describe<C>("composition", "The parts of policy: composed. Filters leave candidates out, the highest weighted score wins.")
      .field("filters", &C::filters, list_of(filter(), {0, PartsMax}), {.doc = "Asked in this order."})
      .field("scorers", &C::scorers, list_of(scorer(), {0, PartsMax}), {.doc = "What counts."})
      .field("picker", &C::picker,
             one_of<route::PickerKind>({{route::PickerKind::Best, "best", "The highest score; equals by chance."},
                                        {route::PickerKind::Weighted, "weighted", "By chance, in proportion to the score."}}),
             {.doc = "Who is taken."})
      .done();
}

Of<PrefixIndexConfig> describe_prefix_index() {
  using P = PrefixIndexConfig;
  return Describe<P>("prefix_index", "What is kept of which endpoint holds which beginnings of prompts, for policies that ask.")
      .field("blocks_max", &P::blocks_max, whole_number<std::uint32_t>({1024, 10'000'000}),
             {.doc = "Most different blocks, about 100 bytes each; the oldest go first. Read when the pool is made: a later change needs a "
                     "restart."})
      .field("block_bytes", &P::block_bytes, whole_number<std::uint32_t>({protocol::BlockBytesMin, protocol::BlockBytesMax}),
             {.doc = "Prompt text of a block. Smaller ones find shorter common beginnings and cost more."})
      .done();
}

Of<ZoneConfig> describe_zone() {
  return Describe<ZoneConfig>("zone", "A place where endpoints are.")
      .field("latency", &ZoneConfig::latency, duration({Duration::zero(), seconds(60)}),
             {.doc = "From the gateway there and back; counts as waiting when endpoints are compared."})
      .field("price", &ZoneConfig::price, describe_price(), {.doc = "What endpoints there charge that have no price of their own."})
      .done();
}

Of<DataClassConfig> describe_data_class() {
  return Describe<DataClassConfig>("data_class", "Where requests with data of a kind may go.")
      .field("zones", &DataClassConfig::zones,
             list_of(text({.what = "a zone", .bytes_max = 64, .may_be_empty = false}), {1, route::ZonesMax}),
             {.doc = "They go to endpoints in these zones, or are refused.", .presence = Presence::Required})
      .done();
}

Of<route::Modality> describe_modality() {
  return one_of<route::Modality>({{route::Text, "text", "Text."},
                                  {route::Image, "image", "Images."},
                                  {route::Audio, "audio", "Sound."},
                                  {route::Video, "video", "Films."}});
}

route::PrefixSettings prefix_settings(const PoolConfig& pool) { return {.blocks_max = pool.prefix_index.blocks_max}; }

}  // namespace evener::gateway
