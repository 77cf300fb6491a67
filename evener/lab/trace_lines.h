#pragma once
// The line formats of public traces, written by hand: the lab takes no JSON library in. Each parser returns what is wrong with the line,
// or nothing when it was read.

#include <cstdint>
#include <string_view>
#include <vector>

#include "evener/core/time.h"

namespace evener::lab {

struct MooncakeLine {
  Duration at{};
  std::uint32_t input_tokens = 0, output_tokens = 0;
  std::vector<std::uint64_t> hash_ids;
};
/// Reuses the vector of `line`.
[[nodiscard]] std::string_view parse_mooncake_line(std::string_view text, MooncakeLine& line);

struct AzureLine {
  Duration at{};  // since 1970-01-01
  std::uint32_t context_tokens = 0, generated_tokens = 0;
};
[[nodiscard]] bool is_azure_header(std::string_view text);
[[nodiscard]] std::string_view parse_azure_line(std::string_view text, AzureLine& line);

}  // namespace evener::lab
