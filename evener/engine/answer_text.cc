#include "evener/engine/answer_text.h"

#include <algorithm>
#include <array>

#include "evener/core/hashing.h"

namespace evener::engine {
namespace {

constexpr std::array<std::string_view, 64> Words = {
    " the",  " of",   " and",  " to",  " in",    " is",   " that",  " it",   " for",  " was",  " on",   " are",  " as",
    " with", " they", " be",   " at",  " one",   " have", " this",  " from", " or",   " had",  " by",   " not",  " word",
    " but",  " what", " some", " we",  " can",   " out",  " were",  " all",  " your", " when", " up",   " use",  " how",
    " said", " an",   " each", " she", " which", " do",   " time",  " if",   " will", " way",  " many", " then", " them",
    " load", " like", " so",   " her", " long",  " make", " horse", " see",  " him",  " two",  " has",  " bar"};

}  // namespace

AnswerText::AnswerText(std::string_view before) : context_(before.substr(before.size() - std::min(before.size(), ContextBytes))) {}

std::string_view AnswerText::next() {
  const std::string_view word = Words[hash64(context_) % Words.size()];
  context_ += word;
  if (context_.size() > ContextBytes) context_.erase(0, context_.size() - ContextBytes);
  return word;
}

}  // namespace evener::engine
