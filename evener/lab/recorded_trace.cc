#include "evener/lab/recorded_trace.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "evener/lab/recorded_requests.h"
#include "evener/lab/trace_collector.h"
#include "evener/route/recording.h"

namespace evener::lab {
namespace {

constexpr std::uint32_t BytesPerToken = 4;  // of a prompt that nobody counted

struct Pool {
  std::string name;
  RecordedRequests requests;
};

/// What could be read of a file: its pools by their numbers in it.
struct Pools {
  std::map<std::uint32_t, Pool> by_number;
  bool ended = false;
};

bool take_chunk(std::string_view payload, Pool& pool) {
  route::EventReader reader(payload);
  while (const auto event = reader.next()) {
    if (const auto* began = std::get_if<route::recorded::Began>(&*event)) pool.name = began->pool;
    pool.requests.take(*event);
  }
  return !reader.bad();
}

Result<Pools> read_pools(std::string_view bytes, std::string_view file_name) {
  const auto head = route::read_recording_head(bytes.substr(0, route::RecordingHeadBytesMax));
  const std::string file(file_name);
  if (!head) return fail(file + " is no recording", Fault::Client);
  if (head->version != route::RecordingVersion) {
    return fail(file + " is a recording of version " + std::to_string(head->version) + "; this program reads version " +
                    std::to_string(route::RecordingVersion),
                Fault::Client);
  }
  Pools pools;
  std::size_t at = head->bytes;
  while (bytes.size() - at >= route::ChunkHead::Bytes) {
    const auto chunk = route::read_chunk_head(bytes.substr(at));
    const auto damaged = [&] { return fail(file + " is damaged at byte " + std::to_string(at), Fault::Client); };
    if (!chunk) return damaged();
    if (chunk->kind == route::ChunkHead::Kind::End) {
      pools.ended = true;
      break;
    }
    const std::string_view payload = bytes.substr(at + route::ChunkHead::Bytes, chunk->bytes);
    if (payload.size() < chunk->bytes) break;
    if (!route::is_payload_of(*chunk, payload) || !take_chunk(payload, pools.by_number[chunk->pool])) return damaged();
    at += route::ChunkHead::Bytes + chunk->bytes;
  }
  return pools;
}

/// The name that is meant, or why none is.
Result<std::string> choose_pool(const Pools& pools, std::string_view file_name, std::string_view asked) {
  std::vector<std::string> names;
  for (const auto& [number, pool] : pools.by_number) {
    const bool known = std::find(names.begin(), names.end(), pool.name) != names.end();
    if (!pool.requests.all().empty() && !known) names.push_back(pool.name);
  }
  std::string listed;
  for (const std::string& name : names) listed += (listed.empty() ? "" : ", ") + name;
  if (names.empty()) return fail(std::string(file_name) + " holds no request", Fault::Client);
  if (asked.empty() && names.size() == 1) return names.front();
  if (asked.empty()) return fail(std::string(file_name) + " holds several pools; name one of " + listed, Fault::Client);
  if (std::find(names.begin(), names.end(), asked) != names.end()) return std::string(asked);
  return fail(std::string(file_name) + " holds no request to pool " + std::string(asked) + "; there are " + listed, Fault::Client);
}

std::uint32_t median_block_tokens(const std::vector<const RecordedRequest*>& requests) {
  std::vector<std::uint32_t> sizes;
  for (const RecordedRequest* request : requests) {
    if (!request->blocks.empty() && request->view.block_tokens > 0) sizes.push_back(request->view.block_tokens);
  }
  if (sizes.empty()) return 0;
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  return *middle;
}

std::uint32_t within_limits(std::uint32_t tokens) { return std::clamp(tokens, 1U, TraceTokensMax); }

TraceRequest trace_request(const RecordedRequest& recorded) {
  const route::RequestView& view = recorded.view;
  const std::uint32_t estimated = view.prompt_tokens > 0 ? view.prompt_tokens : view.prompt_bytes / BytesPerToken;
  return {.at = recorded.arrived.time_since_epoch(),
          .input_tokens = within_limits(recorded.usage && recorded.usage->prompt_tokens > 0 ? recorded.usage->prompt_tokens : estimated),
          .output_tokens = within_limits(recorded.usage ? recorded.usage->output_tokens : view.output_tokens),
          .took = recorded.usage ? recorded.ended - recorded.arrived : Duration::zero(),
          .session = view.affinity_key,
          .tenant = view.tenant,
          .priority = view.priority,
          .first_token_objective = view.first_token_objective,
          .token_objective = view.token_objective};
}

}  // namespace

bool is_recording(std::string_view bytes) { return route::read_recording_head(bytes.substr(0, route::RecordingHeadBytesMax)).has_value(); }

Result<RecordedTrace> read_recorded_trace(std::string_view bytes, std::string_view file_name, std::string_view pool) {
  auto pools = read_pools(bytes, file_name);
  if (!pools) return tl::unexpected(pools.error());
  const auto name = choose_pool(*pools, file_name, pool);
  if (!name) return tl::unexpected(name.error());
  std::vector<const RecordedRequest*> requests;
  for (const auto& [number, each] : pools->by_number) {
    if (each.name != *name) continue;
    for (const RecordedRequest& request : each.requests.all()) requests.push_back(&request);
  }
  TraceCollector collector(file_name);
  for (const RecordedRequest* request : requests) {
    collector.line();
    if (!request->usage) collector.guess();
    collector.accept(trace_request(*request), request->blocks);
  }
  return RecordedTrace{.reading = std::move(collector).finish(median_block_tokens(requests)), .cut_off = !pools->ended};
}

}  // namespace evener::lab
