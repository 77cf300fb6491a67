// Any bytes as a request. What is accepted, written anew and parsed again is the same request; cutting the bytes changes nothing.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "evener/net/http1/testing.h"

using namespace evener::net::http1;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void same_request(const RequestHead& a, const RequestHead& b) {
  require(a.method == b.method && a.method_id == b.method_id);
  require(a.target == b.target && a.path == b.path && a.query == b.query);
  require(a.framing == b.framing && a.content_length == b.content_length);
  require(a.host == b.host || a.host.empty());
  std::uint32_t at = 0;
  for (const Header& header : a.headers) {
    if (header.hop_by_hop) continue;
    while (b.headers.items[at].hop_by_hop || (a.headers.find(HeaderId::Host) == nullptr && b.headers.items[at].id == HeaderId::Host)) ++at;
    require(at < b.headers.count);
    require(header.name == b.headers.items[at].name && header.value == b.headers.items[at].value && header.id == b.headers.items[at].id);
    ++at;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HeadScanner scanner;
  const HeadScanner::State state = scanner.scan(bytes);

  HeadScanner stepwise;
  HeadScanner::State stepped = HeadScanner::State::NeedMore;
  const std::size_t step = 1 + size / 16;
  for (std::size_t end = 0; stepped == HeadScanner::State::NeedMore && end < size;) {
    end = end + step < size ? end + step : size;
    stepped = stepwise.scan(bytes.substr(0, end));
  }
  require(stepped == state);

  RequestHead head;
  if (state != HeadScanner::State::Complete) {
    // The parser must bear heads that no scanner saw.
    require(parse_request_head(std::string(bytes), head) != nullptr);
    return 0;
  }
  require(stepwise.length() == scanner.length());
  const std::string exact(bytes.substr(0, scanner.length()));
  const HeadError* error = parse_request_head(exact, head);
  if (error != nullptr) {
    require(error->status >= 400 && error->status <= 505 && *error->reason != '\0');
    return 0;
  }
  // Without a Host one is added, and the full number of headers becomes one too many for the second reading.
  if (head.headers.count == HeadersMax && head.headers.find(HeaderId::Host) == nullptr) return 0;
  const std::string once = testing::rewrite(head);
  RequestHead again;
  require(testing::answer_to_request(once, again) == testing::Accepted);
  same_request(head, again);
  require(testing::rewrite(again) == once);
  return 0;
}
