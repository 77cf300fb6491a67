#include "evener/protocol/priority_hint.h"

#include <algorithm>
#include <span>

namespace evener::protocol {

namespace {

struct Word {
  std::string_view word;
  PriorityHint priority;
};

constexpr Word Tiers[] = {
    {"priority", PriorityHint::Realtime}, {"fast", PriorityHint::Realtime},     {"default", PriorityHint::Standard},
    {"scale", PriorityHint::Standard},    {"standard", PriorityHint::Standard}, {"flex", PriorityHint::Batch},
    {"batch", PriorityHint::Batch},
};
constexpr Word Words[] = {
    {"realtime", PriorityHint::Realtime}, {"system", PriorityHint::Realtime},   {"interactive", PriorityHint::Realtime},
    {"high", PriorityHint::Realtime},     {"standard", PriorityHint::Standard}, {"default", PriorityHint::Standard},
    {"normal", PriorityHint::Standard},   {"medium", PriorityHint::Standard},   {"batch", PriorityHint::Batch},
    {"bulk", PriorityHint::Batch},        {"low", PriorityHint::Batch},         {"background", PriorityHint::Background},
};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<PriorityHint> find(std::span<const Word> words, std::string_view text) {
  for (const Word& word : words) {
    if (std::ranges::equal(word.word, text, {}, {}, lower)) return word.priority;
  }
  return std::nullopt;
}

}  // namespace

std::optional<PriorityHint> priority_of_service_tier(std::string_view tier) { return find(Tiers, tier); }

std::optional<PriorityHint> priority_of_word(std::string_view word) { return find(Words, word); }

}  // namespace evener::protocol
