#pragma once
// The usage of an answer of which only the last bytes are at hand. Usage of a whole answer: read_usage() in openai.h.

#include <cstdint>
#include <optional>
#include <string_view>

#include "evener/protocol/openai.h"

namespace evener::protocol {

enum class UsagePlace : std::uint8_t {
  Top,            // {..., "usage": {...}}
  TopOrResponse,  // or {..., "response": {..., "usage": {...}}}
};

/// `end` are the last bytes of one JSON text, cut anywhere. Its last "usage" object counts if it stands in a place where the API puts it, which
/// is seen by how many brackets are closed behind it; nothing when it is not among these bytes.
[[nodiscard]] std::optional<Usage> read_usage_at_end(std::string_view end, UsagePlace place);

}  // namespace evener::protocol
