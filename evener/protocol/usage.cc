// Usage of an answer, wherever the API puts it: at the top (chat, completions, embeddings, a complete Responses object) or below "response"
// (the last event of a Responses stream). Only those two places count: an answer may echo the client's tools, and there anything can be called usage.

#include <bit>
#include <cstring>
#include <span>
#include <vector>

#include "evener/protocol/json_reader.h"
#include "evener/protocol/json_string.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/usage.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace evener::protocol {

namespace {

// A whole answer ends with its usage and a few small members, so the end is looked at first.
constexpr std::size_t TailBytes = 4096;

struct Counts {
  std::optional<std::uint64_t> prompt, completion, cached;
};

/// Reads the members of a usage object; the old and the new names may be mixed, the first of a pair wins.
void read_counts(std::span<const JsonMember> members, Counts& counts) {
  const auto set = [](std::optional<std::uint64_t>& count, const JsonValue& value) {
    if (!count) count = to_unsigned(value);
  };
  for (const JsonMember& member : members) {
    if (member.key == "prompt_tokens" || member.key == "input_tokens") set(counts.prompt, member.value);
    if (member.key == "completion_tokens" || member.key == "output_tokens") set(counts.completion, member.value);
    if (member.key == "prompt_tokens_details" || member.key == "input_tokens_details") {
      if (const auto cached = find_in(member.value, "cached_tokens")) set(counts.cached, *cached);
    }
  }
}

std::optional<Usage> to_usage(const Counts& counts) {
  if (!counts.prompt && !counts.completion) return std::nullopt;
  return Usage{.prompt_tokens = counts.prompt.value_or(0),
               .completion_tokens = counts.completion.value_or(0),
               .cached_tokens = counts.cached.value_or(0),
               .cached_reported = counts.cached.has_value()};
}

std::optional<Usage> usage_of(const JsonValue& object) {
  std::vector<JsonMember> members;
  if (!members_of(object, members)) return std::nullopt;
  Counts counts;
  read_counts(members, counts);
  return to_usage(counts);
}

constexpr std::string_view UsageKey = "\"usage\"";

/// Last place in [begin, p) where `"u` stands and UsageKey may begin, or nullptr. The key must fit before `end`, and p be at most end - 7.
const char* find_key_backwards(const char* begin, const char* p) {
#if defined(__SSE2__)
  for (; p - begin >= 16; p -= 16) {
    const auto load = [](const char* at) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at)); };
    const __m128i quotes = _mm_cmpeq_epi8(load(p - 16), _mm_set1_epi8('"'));
    const __m128i letters = _mm_cmpeq_epi8(load(p - 15), _mm_set1_epi8('u'));
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(quotes, letters)));
    if (hits != 0) return p - 16 + (31 - std::countl_zero(hits));
  }
#endif
  while (p != begin) {
    --p;
    if (p[0] == '"' && p[1] == 'u') return p;
  }
  return nullptr;
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/// Reads a usage object as nearly all engines write it: plain keys, whole numbers or null, and objects of the same kind one level below.
/// Whatever else comes is left to the complete reader, which gives the same answer where this one gives any.
class PlainUsage {
 public:
  PlainUsage(const char* p, const char* end) : p_(p), end_(end) {}

  /// At the opening bracket. False leaves `counts` undefined.
  bool read(Counts& counts) {
    return members([&](std::string_view key) {
      switch (key.size()) {
        case 12:
          if (key == "input_tokens") return count(counts.prompt);
          break;
        case 13:
          if (key == "prompt_tokens") return count(counts.prompt);
          if (key == "output_tokens") return count(counts.completion);
          break;
        case 17:
          if (key == "completion_tokens") return count(counts.completion);
          break;
        case 20:
          if (key == "input_tokens_details") return details(counts.cached);
          break;
        case 21:
          if (key == "prompt_tokens_details") return details(counts.cached);
          break;
        default: break;
      }
      return other();
    });
  }
  [[nodiscard]] const char* at() const { return p_; }

 private:
  static constexpr int MembersMax = 64;  // far below JsonMembersMax, from which on the complete reader refuses

  template <class OnValue>
  bool members(OnValue on_value) {
    ++p_;
    if (!past_blanks()) return false;
    if (*p_ == '}') return ++p_, true;
    for (;;) {
      if (++members_ > MembersMax || *p_ != '"') return false;
      const char* const key = ++p_;
      StringTraits traits;
      p_ = end_of_string(key, end_, traits);
      if (p_ == nullptr || traits.escaped || traits.non_ascii) return false;
      const std::string_view name(key, static_cast<std::size_t>(p_ - key));
      ++p_;
      if (!past_blanks() || *p_ != ':') return false;
      ++p_;
      if (!past_blanks() || !on_value(name) || !past_blanks()) return false;
      const char c = *p_++;
      if (c == '}') return true;
      if (c != ',' || !past_blanks()) return false;
    }
  }

  bool past_blanks() {
    while (p_ != end_ && is_blank(*p_)) ++p_;
    return p_ != end_;
  }

  bool null() {
    if (end_ - p_ < 4 || std::memcmp(p_, "null", 4) != 0) return false;
    p_ += 4;
    return true;
  }

  bool count(std::optional<std::uint64_t>& out) {
    if (*p_ == 'n') return null();
    const char* const first = p_;
    std::uint64_t value = 0;
    for (; p_ != end_ && *p_ >= '0' && *p_ <= '9'; ++p_) value = value * 10 + static_cast<std::uint64_t>(*p_ - '0');
    if (p_ == first || p_ - first > 19) return false;  // 19 digits always fit
    if (!out) out = value;
    return true;
  }

  /// The first "cached_tokens" of an object is the one that counts, be it null.
  bool details(std::optional<std::uint64_t>& cached) {
    if (*p_ != '{') return other();
    bool seen = false;
    return members([&](std::string_view key) {
      std::optional<std::uint64_t> ignored;
      if (key != "cached_tokens" || seen) return count(ignored);
      seen = true;
      return count(cached);
    });
  }

  bool other() {
    std::optional<std::uint64_t> ignored;
    return *p_ == '{' ? members([&](std::string_view) { return count(ignored); }) : count(ignored);
  }

  const char* p_;
  const char* end_;
  int members_ = 0;
};

/// Behind a value: the rest of the text, if only its last bracket closes the object that the value is in.
bool ends_its_object(const char* p, const char* end) {
  int depth = 0;
  for (; p != end; ++p) {
    if (*p == '"') {
      for (++p; p != end && *p != '"'; ++p) {
        if (*p == '\\' && ++p == end) return false;
      }
      if (p == end) return false;
    } else if (*p == '{' || *p == '[') {
      ++depth;
    } else if ((*p == '}' || *p == ']') && --depth < 0) {
      break;
    }
  }
  if (p == end) return false;
  ++p;
  while (p != end && is_blank(*p)) ++p;
  return p == end;
}

/// Behind a value: how many objects and arrays around it are closed, if the text ends with the last of them; else -1.
int closed_to_end(const char* p, const char* end) {
  int depth = 0;
  int closed = 0;
  bool at_end = false;
  for (; p != end; ++p) {
    if (is_blank(*p)) continue;
    at_end = false;
    if (*p == '"') {
      for (++p; p != end && *p != '"'; ++p) {
        if (*p == '\\' && ++p == end) return -1;
      }
      if (p == end) return -1;
    } else if (*p == '{' || *p == '[') {
      ++depth;
    } else if (*p == '}' || *p == ']') {
      if (depth > 0) {
        --depth;
      } else {
        ++closed;
        at_end = true;
      }
    }
  }
  return at_end ? closed : -1;
}

/// The end of the object or array that begins at p, or nullptr.
const char* end_of_container(const char* p, const char* end) {
  int depth = 0;
  for (; p != end; ++p) {
    if (*p == '"') {
      for (++p; p != end && *p != '"'; ++p) {
        if (*p == '\\' && ++p == end) return nullptr;
      }
      if (p == end) return nullptr;
    } else if (*p == '{' || *p == '[') {
      ++depth;
    } else if ((*p == '}' || *p == ']') && --depth == 0) {
      return p + 1;
    }
  }
  return nullptr;
}

/// Where the value of the last member "usage" begins, if it is an object, found from the end. A key is certain by its unescaped quotes and its
/// colon: inside of a string the quotes would be escaped.
const char* usage_from_end(std::string_view body, std::size_t bytes_searched = TailBytes) {
  if (body.size() < UsageKey.size() + 2) return nullptr;
  const char* const end = body.data() + body.size();
  const char* const stop =
      body.data() + (body.size() > bytes_searched ? body.size() - bytes_searched : 1);  // a key cannot be the first byte
  for (const char* key = end - UsageKey.size(); (key = find_key_backwards(stop, key)) != nullptr;) {
    if (std::memcmp(key, UsageKey.data(), UsageKey.size()) != 0 || key[-1] == '\\') continue;
    const char* p = key + UsageKey.size();
    while (p != end && is_blank(*p)) ++p;
    if (p == end || *p != ':') continue;  // a string that happens to be this word
    ++p;
    while (p != end && is_blank(*p)) ++p;
    return p != end && *p == '{' ? p : nullptr;
  }
  return nullptr;
}

}  // namespace

std::optional<Usage> read_usage(std::string_view body) {
  const char* const end = body.data() + body.size();
  JsonReader& reader = thread_json_reader();
  // Top-level is certain when only the last bracket of the text closes what the object is in.
  if (const char* const begin = usage_from_end(body)) {
    PlainUsage plain(begin, end);
    Counts counts;
    if (plain.read(counts)) {
      if (ends_its_object(plain.at(), end)) return to_usage(counts);
    } else if (const char* const behind = end_of_container(begin, end); behind != nullptr && ends_its_object(behind, end)) {
      if (reader.read(std::string_view(begin, static_cast<std::size_t>(behind - begin)), JsonCheck::Structure)) return std::nullopt;
      counts = {};
      read_counts(reader.members(), counts);
      return to_usage(counts);
    }
  }
  if (reader.read(body, JsonCheck::Structure)) return std::nullopt;
  std::optional<Usage> usage;
  if (const JsonMember* member = find_member(reader.members(), "usage")) usage = usage_of(member->value);
  if (!usage) {
    if (const JsonMember* response = find_member(reader.members(), "response")) {
      if (const auto inner = find_in(response->value, "usage")) usage = usage_of(*inner);
    }
  }
  return usage;
}

std::optional<Usage> read_usage_at_end(std::string_view text, UsagePlace place) {
  const char* const begin = usage_from_end(text, text.size());
  if (begin == nullptr) return std::nullopt;
  const char* const behind = end_of_container(begin, text.data() + text.size());
  if (behind == nullptr) return std::nullopt;
  const int closed = closed_to_end(behind, text.data() + text.size());
  if (closed != 1 && (closed != 2 || place == UsagePlace::Top)) return std::nullopt;
  JsonReader& reader = thread_json_reader();
  if (reader.read(std::string_view(begin, static_cast<std::size_t>(behind - begin)), JsonCheck::Structure)) return std::nullopt;
  Counts counts;
  read_counts(reader.members(), counts);
  return to_usage(counts);
}

}  // namespace evener::protocol
