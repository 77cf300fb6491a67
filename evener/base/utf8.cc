#include "evener/base/utf8.h"

namespace evener {

void append_valid_utf8(std::string& out, std::string_view text) {
  std::size_t begin = 0;  // of the run not yet copied
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = utf8_sequence_length(text, at);
    if (length != 0) {
      at += length;
      continue;
    }
    out.append(text.substr(begin, at - begin));
    out.append(Utf8Replacement);
    begin = ++at;
  }
  out.append(text.substr(begin));
}

}  // namespace evener
