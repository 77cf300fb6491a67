#pragma once
// The lines of public traces. Each parser returns what is wrong with the line, or nothing when it was read.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "evener/core/time.h"

namespace evener::lab {

/// JSON lines of Mooncake and of Bailian, which differ in the unit of time and in how they name sessions.
struct JsonLine {
  Duration at{};
  std::uint32_t input_tokens = 0, output_tokens = 0;
  std::vector<std::uint64_t> hash_ids;
  std::optional<std::int64_t> chat_id, parent_chat_id;  // of Bailian
};
enum class TimeUnit : std::uint8_t { Milliseconds, Seconds };
/// Reuses the vector of `line`.
[[nodiscard]] std::string_view parse_json_line(std::string_view text, TimeUnit unit, JsonLine& line);

struct AzureLine {
  Duration at{};  // since 1970-01-01
  std::uint32_t context_tokens = 0, generated_tokens = 0;
};
[[nodiscard]] bool is_azure_header(std::string_view text);
[[nodiscard]] std::string_view parse_azure_line(std::string_view text, AzureLine& line);

struct BurstGptLine {
  Duration at{};
  std::uint32_t request_tokens = 0, response_tokens = 0;
  std::string_view session;         // borrowed from the text; empty = none
  std::optional<Duration> elapsed;  // until the whole answer was there
};
/// Where the columns stand. Those of sessions came with a later release of the trace.
struct BurstGptColumns {
  std::size_t timestamp = 0, request_tokens = 0, response_tokens = 0, count = 0;
  std::optional<std::size_t> session, elapsed;
};
/// Nothing when it is no header of BurstGPT.
[[nodiscard]] std::optional<BurstGptColumns> burstgpt_columns(std::string_view header);
[[nodiscard]] std::string_view parse_burstgpt_line(std::string_view text, const BurstGptColumns& columns, BurstGptLine& line);

}  // namespace evener::lab
