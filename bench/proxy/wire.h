#pragma once
// What the benchmark's backend and client agree on: the 1 KB reply, the shape of a streamed event, and the hash that proves that a
// stream arrived as it was sent. Deliberately shares no code with Evener, so that a defect there cannot hide itself here.

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

namespace proxy_bench {

/// Both programs run on one machine, so one monotonic clock serves for the delay of a chunk from end to end.
inline std::uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(t.tv_nsec);
}

inline constexpr std::uint64_t HashSeed = 14695981039346656037U;

/// FNV-1a, continued from `hash`. Enough to notice a byte that was lost, doubled, changed or moved.
inline std::uint64_t fnv1a(std::uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  return hash;
}

/// Text of exactly `size` bytes in which no JSON escape is needed.
inline std::string filler(std::size_t size) {
  static constexpr std::string_view Words = "the even load moves with less effort than any single strong horse could pull it uphill ";
  std::string text;
  text.reserve(size + Words.size());
  while (text.size() < size) {
    text += Words;
  }
  text.resize(size);
  return text;
}

/// The answer to every request that does not stream: a chat completion of exactly 1,024 bytes.
inline std::string reply_body() {
  static constexpr std::size_t Size = 1024;
  const std::string before =
      R"({"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"bench-model",)"
      R"("choices":[{"index":0,"message":{"role":"assistant","content":")";
  const std::string after =
      R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":24,"completion_tokens":160,"total_tokens":184}})";
  return before + filler(Size - before.size() - after.size()) + after;
}

// A streamed event is `data: {"t":"<20 digits>",...}\n\n`: the time at which the backend sent it, at a fixed place, then what a token
// chunk of a chat completion carries. 180 bytes in all, the usual size of one token on the wire.
inline constexpr std::string_view EventStart = "data: {\"t\":\"";
inline constexpr std::size_t TimeDigits = 20;
inline constexpr std::size_t EventBytes = 180;

/// The event with zeros for its time.
inline std::string event_template() {
  const std::string before =
      std::string(EventStart) + std::string(TimeDigits, '0') +
      R"(","id":"chatcmpl-bench","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":")";
  const std::string after = "\"}}]}\n\n";
  return before + filler(EventBytes - before.size() - after.size()) + after;
}

inline constexpr std::string_view DoneEvent = "data: [DONE]\n\n";

// The last event is an SSE comment, which clients ignore, with the hash of every body byte before it.
inline constexpr std::string_view HashStart = ": fnv1a=";
inline constexpr std::size_t HashDigits = 16;

inline std::string hash_event(std::uint64_t hash) {
  static constexpr std::string_view Digits = "0123456789abcdef";
  std::string text(HashStart);
  for (int shift = 60; shift >= 0; shift -= 4) {
    text += Digits[(hash >> shift) & 15U];
  }
  return text + "\n\n";
}

/// Reads `"name":<number>` from a piece of JSON written by our own client; `otherwise` if it is not there.
inline std::uint64_t number_field(std::string_view json, std::string_view name, std::uint64_t otherwise) {
  const std::string key = "\"" + std::string(name) + "\":";
  const std::size_t at = json.find(key);
  if (at == std::string_view::npos) {
    return otherwise;
  }
  std::uint64_t value = 0;
  for (std::size_t i = at + key.size(); i < json.size() && json[i] >= '0' && json[i] <= '9'; ++i) {
    value = value * 10 + static_cast<std::uint64_t>(json[i] - '0');
  }
  return value;
}

}  // namespace proxy_bench
