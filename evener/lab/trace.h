#pragma once
// Recorded request streams: when a request came, how long its prompt and its answer were, which blocks of the prompt it shares with others, and
// which session it belongs to. Reads the traces of Mooncake, Bailian, Azure and BurstGPT; what our own gateways record is read in
// recorded_trace.h. A line that cannot be read is named and counted, never passed over in silence. Pure: the text comes in as bytes, the caller
// reads the file.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/rng.h"
#include "evener/core/time.h"
#include "evener/route/view.h"

namespace evener::lab {

struct TraceRequest {
  Duration at{};  // since the first request of the trace
  std::uint32_t input_tokens = 0;
  std::uint32_t output_tokens = 0;  // may be 0 in a recording: nothing was generated
  std::uint32_t first_block = 0;    // into Trace::block_ids
  std::uint32_t blocks = 0;
  Duration took{};            // until its answer had ended; 0 = the recorder does not say
  std::uint64_t session = 0;  // 0 = none
  std::uint64_t tenant = 0;   // 0 = nobody in particular
  route::Priority priority = route::Priority::Standard;
  Duration first_token_objective{}, token_objective{};  // 0 = none
};

struct Trace {
  std::vector<TraceRequest> requests;  // in order of time
  /// Ids of prompt blocks, all requests one after the other. Ids are chained: equal ids mean that everything before is equal, too.
  std::vector<std::uint64_t> block_ids;
  std::uint32_t block_tokens = 0;  // prompt tokens per id; 0 when the trace knows no blocks

  [[nodiscard]] std::span<const std::uint64_t> blocks(const TraceRequest& request) const {
    return std::span(block_ids).subspan(request.first_block, request.blocks);
  }
};

struct TraceReading {
  Trace trace;
  std::uint64_t lines = 0;            // with content, header not counted
  std::uint64_t malformed = 0;        // lines left out
  std::uint64_t failed = 0;           // lines left out because the request failed when it was recorded, so that its lengths say nothing
  std::uint64_t out_of_order = 0;     // lines earlier than the one before; they were sorted in
  std::uint64_t guessed = 0;          // requests whose answer was not recorded; they have the length that was expected of it
  std::vector<std::string> problems;  // the first ProblemsMax malformed lines, each "file:line: what is wrong"
  static constexpr std::size_t ProblemsMax = 20;

  [[nodiscard]] double malformed_share() const { return lines == 0 ? 0 : static_cast<double>(malformed) / static_cast<double>(lines); }
};

/// A prompt or an answer longer than this is taken for damage: 16 Mi tokens.
inline constexpr std::uint32_t TraceTokensMax = 1U << 24;
inline constexpr std::uint32_t MooncakeBlockTokens = 512;
inline constexpr std::uint32_t BailianBlockTokens = 16;

/// One JSON object per line: timestamp (ms), input_length, output_length, and optionally hash_ids with an id per 512 tokens. Other members
/// are allowed and ignored; a repeated one of ours is not.
[[nodiscard]] TraceReading read_mooncake_trace(std::string_view text, std::string_view file_name);
/// The same of Alibaba's Bailian (Qwen): timestamp in seconds, chat_id and parent_chat_id (-1 = none; chats that come from the same first one are
/// a session), and hash_ids with an id per 16 tokens, which are those of blocks alone and are chained here.
[[nodiscard]] TraceReading read_bailian_trace(std::string_view text, std::string_view file_name);
/// Header TIMESTAMP,ContextTokens,GeneratedTokens, then e.g. 2023-11-16 18:17:03.9799600,4808,10 (UTC; a trailing Z or +00:00 is allowed).
[[nodiscard]] TraceReading read_azure_trace(std::string_view text, std::string_view file_name);
/// A header with at least Timestamp (s), Request tokens and Response tokens; Session ID and Elapsed time are read where they are there. A
/// request without a prompt or a response failed when it was recorded.
[[nodiscard]] TraceReading read_burstgpt_trace(std::string_view text, std::string_view file_name);
/// Takes the format from the first line with content: JSON with a chat_id is Bailian, other JSON Mooncake, a header with Request tokens BurstGPT,
/// everything else Azure.
[[nodiscard]] TraceReading read_trace(std::string_view text, std::string_view file_name);

/// Recorders that write time in coarse steps (the Mooncake conversations: 3 s) make bursts that never happened. Spreads the requests of each
/// instant uniformly up to the next instant; the last ones over the median step. Order within an instant is kept.
void spread_equal_times(Trace& trace, Rng& rng);

}  // namespace evener::lab
