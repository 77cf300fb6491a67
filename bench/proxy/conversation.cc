#include "bench/proxy/conversation.h"

#include "bench/proxy/sockets.h"
#include "bench/proxy/wire.h"

namespace proxy_bench {
namespace {

constexpr std::size_t SystemBytes = 4096;
constexpr std::size_t TurnBytes = 2000;

/// Text, code and some words that are not English, as JSON writes them.
std::string turn_text(std::size_t number, std::size_t turn) {
  std::string text = "Turn " + std::to_string(turn) + " of conversation " + std::to_string(number) + ":\\n";
  for (std::size_t line = 0; text.size() < TurnBytes; ++line) {
    const std::string at = std::to_string(number * 7919 + turn * 131 + line);
    text += "    if (load[" + at + "] < \\\"least\\\") { move(" + at + "); }  // d\u00e9plac\u00e9 \u2192 " + at + "\\n";
    text += filler(120) + "\\n";
  }
  return text;
}

}  // namespace

std::string conversation_request(std::string_view host, std::size_t body_bytes, std::size_t number) {
  std::string body = R"({"messages":[{"role":"system","content":")" + filler(SystemBytes) + "\"}";
  const std::string_view after = R"(],"model":"bench-model","max_tokens":160,"temperature":0.7})";
  for (std::size_t turn = 0; turn == 0 || body.size() + after.size() < body_bytes; ++turn) {
    body += turn % 2 == 0 ? R"(,{"role":"user","content":")" : R"(,{"role":"assistant","content":")";
    body += turn_text(number, turn) + "\"}";
  }
  return chat_post(host, body.append(after));
}

}  // namespace proxy_bench
