// Any bytes as an answer. What is accepted, written anew and parsed again is the same answer.

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const Method to : {Method::Post, Method::Head}) {
    ResponseHead head;
    const int answer = testing::answer_to_response(bytes, head, to);
    require(answer == testing::Waiting || answer == testing::Accepted || answer == 502);
    if (answer != testing::Accepted) {
      ResponseHead unused;
      HeadScanner scanner;
      if (scanner.scan(bytes) != HeadScanner::State::Complete) require(parse_response_head(bytes, to, unused) != nullptr);
      continue;
    }
    require(head.status >= 100 && head.status <= 599 && head.status != 101);
    require(head.framing != Framing::UntilClose || !head.keep_alive);
    const std::string once = testing::rewrite(head);
    ResponseHead again;
    require(testing::answer_to_response(once, again, to) == testing::Accepted);
    require(again.status == head.status && again.framing == head.framing && again.content_length == head.content_length);
    require(testing::rewrite(again) == once);
  }
  return 0;
}
