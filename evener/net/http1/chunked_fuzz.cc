// Any bytes as a chunked body. However it is cut it yields the same data, and what is forwarded of a good one is a good one.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/net/http1/chunked.h"

using namespace evener::net::http1;
using Kind = ChunkedDecoder::Kind;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct Outcome {
  std::string data, forwarded, trailers;
  Kind last = Kind::NeedMore;
  std::size_t consumed = 0;
};

Outcome decode(std::string_view body, std::size_t piece) {
  ChunkedDecoder decoder;
  Outcome out;
  while (out.last == Kind::NeedMore) {
    const std::string input(body.substr(out.consumed, piece));
    const ChunkedDecoder::Step step = decoder.next(input);
    require(step.bytes.empty() || step.bytes.data() == input.data());
    require(!step.bytes.empty() || step.kind == Kind::NeedMore || step.kind == Kind::Bad);
    if (step.kind == Kind::NeedMore) {
      require(input.empty());
      break;
    }
    if (step.kind == Kind::Data) out.data += step.bytes;
    if (step.kind == Kind::Data || step.kind == Kind::Framing) out.forwarded += step.bytes;
    if (step.kind == Kind::End || step.kind == Kind::Bad) out.last = step.kind;
    out.consumed += step.bytes.size();
  }
  out.trailers = decoder.trailers();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const Outcome whole = decode(body, size + 1);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
    const Outcome cut = decode(body, piece);
    require(cut.last == whole.last);
    if (whole.last == Kind::Bad) continue;
    require(cut.data == whole.data && cut.forwarded == whole.forwarded && cut.trailers == whole.trailers && cut.consumed == whole.consumed);
  }
  if (whole.last != Kind::End) return 0;
  require(whole.trailers.size() <= TrailerBytesMax);
  const std::string forwarded = whole.forwarded + whole.trailers + "\r\n";
  const Outcome again = decode(forwarded, forwarded.size());
  require(again.last == Kind::End && again.consumed == forwarded.size());
  require(again.data == whole.data && again.forwarded == whole.forwarded && again.trailers == whole.trailers);
  return 0;
}
