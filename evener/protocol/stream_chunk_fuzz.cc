// Any bytes as the data of a stream event. What is found is in the data; text is a JSON string that simdjson reads as well; and an event that
// brings nothing brings no text, no end and no usage of its own.

#include <simdjson.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "evener/protocol/stream_chunk.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap and without padding, so that AddressSanitizer sees a read behind it.
  const auto exact = std::make_unique<char[]>(size);
  if (size != 0) std::memcpy(exact.get(), data, size);
  const std::string_view text(exact.get(), size);
  const StreamChunk chunk = read_stream_chunk(text);
  for (const std::string_view found : {chunk.text, chunk.id, chunk.created, chunk.model, chunk.usage}) {
    require(found.empty() || (found.data() >= text.data() && found.data() + found.size() <= text.data() + text.size()));
  }
  require(chunk.content || (chunk.text.empty() && !chunk.finished));

  require(chunk.content || text.find("\"choices\"") != std::string_view::npos);
  static simdjson::dom::parser parser;
  simdjson::dom::element document;
  if (parser.parse(reinterpret_cast<const char*>(data), size).get(document) != simdjson::SUCCESS) return 0;
  const std::string quoted = "\"" + std::string(chunk.text) + "\"";
  static simdjson::dom::parser second;
  simdjson::dom::element unquoted;
  require(second.parse(quoted).get(unquoted) == simdjson::SUCCESS && unquoted.is_string());
  return 0;
}
