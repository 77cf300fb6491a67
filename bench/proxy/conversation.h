#pragma once
// A long chat as clients send it: the whole conversation so far, turn by turn, in JSON with its escapes. For what a gateway does that reads
// prompts: a long filler without escapes would flatter it.

#include <cstddef>
#include <string>
#include <string_view>

namespace proxy_bench {

/// A request whose body has about `body_bytes`. Conversations of different numbers share their system prompt and nothing else.
std::string conversation_request(std::string_view host, std::size_t body_bytes, std::size_t number);

}  // namespace proxy_bench
