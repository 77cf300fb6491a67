#include "evener/protocol/engine_load_json.h"

#include "evener/protocol/json_reader.h"
#include "evener/protocol/prometheus_text.h"

namespace evener::protocol {
namespace {

std::optional<double> number_in(const JsonValue& object, std::string_view key) {
  const auto value = find_in(object, key);
  if (!value || value->kind != JsonKind::Number) return std::nullopt;
  return to_sample_value(value->text);
}

/// Adds up one member over the parts of a report. Parts without it do not count; when none has it there is no sum.
class Total {
 public:
  void add(std::optional<double> value) {
    if (!value) return;
    sum_ += *value;
    ++count_;
  }
  void sum_into(LoadFigures& figures, Figure figure) const {
    if (count_ > 0) figures.set(figure, sum_);
  }
  void mean_into(LoadFigures& figures, Figure figure) const {
    if (count_ > 0) figures.set(figure, sum_ / count_);
  }
  [[nodiscard]] double sum() const { return sum_; }

 private:
  double sum_ = 0;
  double count_ = 0;
};

/// One snapshot per data-parallel rank.
LoadReading read_sglang(const std::vector<JsonValue>& ranks) {
  LoadReading reading{.engine = EngineKind::Sglang};
  Total running, waiting, waiting_tokens, used_tokens, capacity, usage, rate, utilization, most;
  for (const JsonValue& rank : ranks) {
    if (rank.kind != JsonKind::Object) continue;
    ++reading.samples;
    running.add(number_in(rank, "num_running_reqs"));
    waiting.add(number_in(rank, "num_waiting_reqs"));
    waiting_tokens.add(number_in(rank, "num_waiting_uncached_tokens"));
    // Without a capacity the absolute counts mean nothing: the rank knows only the ratio.
    if (const auto tokens = number_in(rank, "max_total_num_tokens"); tokens && *tokens > 0) {
      capacity.add(tokens);
      used_tokens.add(number_in(rank, "num_used_tokens"));
    }
    usage.add(number_in(rank, "token_usage"));
    rate.add(number_in(rank, "gen_throughput"));
    if (const auto share = number_in(rank, "utilization"); share && *share >= 0) utilization.add(share);
    most.add(number_in(rank, "max_running_requests"));
  }
  running.sum_into(reading.figures, Figure::Running);
  waiting.sum_into(reading.figures, Figure::Waiting);
  waiting_tokens.sum_into(reading.figures, Figure::WaitingTokens);
  usage.mean_into(reading.figures, Figure::KvUsed);
  capacity.sum_into(reading.figures, Figure::KvCapacityTokens);
  if (!reading.figures[Figure::KvUsed] && capacity.sum() > 0) reading.figures.set(Figure::KvUsed, used_tokens.sum() / capacity.sum());
  rate.sum_into(reading.figures, Figure::GeneratedTokensPerS);
  utilization.mean_into(reading.figures, Figure::Utilization);
  most.sum_into(reading.figures, Figure::RequestsMax);
  return reading;
}

LoadReading read_slots(const std::vector<JsonValue>& slots) {
  LoadReading reading{.engine = EngineKind::LlamaCpp};
  double busy = 0;
  for (const JsonValue& slot : slots) {
    const auto processing = find_in(slot, "is_processing");
    if (!processing) continue;
    ++reading.samples;
    if (processing->kind == JsonKind::True) ++busy;
  }
  if (reading.samples == 0) return reading;
  reading.figures.set(Figure::Running, busy);
  reading.figures.set(Figure::RequestsMax, static_cast<double>(reading.samples));
  return reading;
}

/// Statistics of iterations since they were last asked for, the newest last. None while the engine idles.
LoadReading read_iterations(const std::vector<JsonValue>& iterations) {
  LoadReading reading{.engine = EngineKind::TrtLlm, .figures = {}, .adapters = {}, .adapters_known = false, .samples = 1};
  if (iterations.empty()) return reading;
  const JsonValue& newest = iterations.back();
  const auto put = [&](Figure figure, std::optional<double> value) {
    if (value) reading.figures.set(figure, *value);
  };
  put(Figure::Running, number_in(newest, "numActiveRequests"));
  put(Figure::Waiting, number_in(newest, "numQueuedRequests"));
  put(Figure::RequestsMax, number_in(newest, "maxNumActiveRequests"));
  if (const auto cache = find_in(newest, "kvCacheStats"); cache && cache->kind == JsonKind::Object) {
    const auto blocks = number_in(*cache, "maxNumBlocks");
    put(Figure::KvBlocks, blocks);
    put(Figure::KvBlockTokens, number_in(*cache, "tokensPerBlock"));
    put(Figure::PrefixHitShare, number_in(*cache, "cacheHitRate"));
    if (const auto used = number_in(*cache, "usedNumBlocks"); used && blocks && *blocks > 0) put(Figure::KvUsed, *used / *blocks);
  }
  return reading;
}

std::optional<JsonValue> member(std::string_view key) {
  const JsonMember* found = find_member(thread_json_reader().members(), key);
  if (found == nullptr) return std::nullopt;
  return found->value;
}

std::vector<JsonValue> first_elements(const JsonValue& array) {
  std::vector<JsonValue> elements = elements_of(array);
  // Of iterations the newest count, and no engine has so many ranks or slots.
  if (elements.size() > LoadRanksMax) elements.erase(elements.begin(), elements.end() - static_cast<std::ptrdiff_t>(LoadRanksMax));
  return elements;
}

}  // namespace

LoadReading read_json_load(std::string_view body) {
  JsonReader& reader = thread_json_reader();
  const std::size_t begin = body.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  if (body[begin] == '{') {
    if (reader.read(body, JsonCheck::Structure)) return {};
    if (const auto loads = member("loads"); loads && loads->kind == JsonKind::Array) return read_sglang(first_elements(*loads));
    if (const auto version = member("version"); version && version->kind == JsonKind::String && reader.members().size() == 1) {
      return {.engine = EngineKind::Vllm, .figures = {}, .adapters = {}, .adapters_known = false, .samples = 1};
    }
    return {};
  }
  // The reader takes objects alone.
  constexpr std::string_view key = "list";
  const std::string wrapped = "{\"list\":" + std::string(body) + "}";
  if (reader.read(wrapped, JsonCheck::Structure) || reader.members().size() != 1) return {};
  const auto list = member(key);
  if (!list || list->kind != JsonKind::Array) return {};
  const std::vector<JsonValue> elements = first_elements(*list);
  if (elements.empty()) return read_iterations(elements);
  const JsonValue& last = elements.back();
  if (find_in(last, "is_processing")) return read_slots(elements);
  if (find_in(last, "kvCacheStats") || find_in(last, "numActiveRequests")) return read_iterations(elements);
  return {};
}

}  // namespace evener::protocol
