#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "evener/load/answer_reader.h"

using namespace evener;

// Whatever the bytes: read at once or in pieces (whose size the first byte chooses), the outcome is the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::size_t{data[0]} % 16 + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  load::StreamReader whole, pieces;
  const std::uint32_t at_once = whole.feed(text);
  std::uint32_t in_pieces = 0;
  for (std::size_t at = 0; at < text.size(); at += step) in_pieces += pieces.feed(text.substr(at, step));
  if (at_once != in_pieces || whole.failure() != pieces.failure() || whole.done() != pieces.done()) std::abort();
  if (whole.tokens().output_tokens != pieces.tokens().output_tokens) std::abort();
  (void)load::read_whole_answer(text);
  return 0;
}
