#pragma once
// ORCA: a load report in a header of an answer, so that each answer refreshes what is known without asking. vLLM and Triton give it when the
// request asks for it. Reads the forms that are in use; the value may come from a broken or hostile endpoint.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "evener/protocol/load_figures.h"

namespace evener::protocol {

/// To be sent with a request, so that the engine adds a report to its answer. Triton takes the lower case alone.
inline constexpr std::string_view OrcaRequestHeader = "endpoint-load-metrics-format";
inline constexpr std::string_view OrcaRequestValue = "text";

inline constexpr std::size_t OrcaBytesMax = 8 * 1024;  // a longer value is not read

/// How a header's value is written.
enum class OrcaForm : std::uint8_t {
  Tagged,  // endpoint-load-metrics: TEXT, JSON or BIN and a blank before the report; without one it is text
  Json,    // endpoint-load-metrics-json
  Binary,  // endpoint-load-metrics-bin: base64 of the protobuf message
};
/// The form that a header has by its name, letter case ignored; nothing for other headers. Cheap for those.
[[nodiscard]] std::optional<OrcaForm> orca_form(std::string_view header_name);

/// The figures in a header's value. Nothing when it is malformed or says nothing that is known here. Text allocates nothing.
[[nodiscard]] std::optional<LoadFigures> read_orca(std::string_view value, OrcaForm form = OrcaForm::Tagged);

}  // namespace evener::protocol
