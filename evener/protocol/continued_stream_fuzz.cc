// Any bytes as the streams of two engines, the second behind a line of dashes. However they are cut, the client gets the same; of the first
// engine it gets every byte of every whole event; and text is never told from the events of the first in any other way than from the client's.

#include <cstdint>
#include <string>
#include <string_view>

#include "evener/protocol/continued_stream.h"
#include "evener/protocol/stream_chunk.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

constexpr std::string_view Between = "\n----\n";

std::string pass(ContinuedStream& stream, SseCutter& cutter, std::string_view bytes, std::size_t piece) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    const std::string part(bytes.substr(at, piece));
    cutter.feed(part);
    while (const auto event = cutter.next()) out += stream.pass(*event);
  }
  return out;
}

/// What a reader makes of the events: their data, one per line.
std::string data_of(std::string_view stream) {
  SseCutter cutter;
  cutter.feed(stream);
  std::string out;
  while (const auto event = cutter.next()) {
    if (event->data) (out += *event->data) += '\n';
    if (event->several) out += "several\n";
  }
  return out;
}

std::string text_of(std::string_view stream) {
  SseCutter cutter;
  cutter.feed(stream);
  std::string text;
  while (const auto event = cutter.next()) {
    if (event->data && *event->data != "[DONE]") text += read_stream_chunk(*event->data).text;
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = all.find(Between);
  const std::string_view first = all.substr(0, cut), second = cut == std::string_view::npos ? "" : all.substr(cut + Between.size());
  // An event that is held is bounded, one that lies whole in a piece is not: here all are small.
  if (size > SseCutter::EventBytesMax) return 0;

  std::string expected;
  for (const std::size_t piece : {size + 1, std::size_t{1}, std::size_t{7}}) {
    ContinuedStream stream(Operation::ChatCompletions);
    SseCutter cutter;
    std::string client = pass(stream, cutter, first, piece);
    require(client + std::string(cutter.unfinished()) == first);
    cutter.restart();
    stream.resume();
    client += pass(stream, cutter, second, piece);
    if (stream.continuable()) require(text_of(client) == stream.text());
    // Not byte for byte: the LF of a CRLF that had not come is not waited for.
    if (piece == size + 1) expected = data_of(client);
    require(data_of(client) == expected);
  }
  return 0;
}
