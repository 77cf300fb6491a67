#include "evener/protocol/ratelimit_headers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace evener::protocol {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool is(std::string_view name, std::string_view lower_case) {
  if (name.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (lower(name[i]) != lower_case[i]) return false;
  }
  return true;
}

/// Takes the word off the front of the text, or its end.
bool take(std::string_view& text, std::string_view word) {
  if (!is(text.substr(0, word.size()), word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A plain number of at least 0 at the front, which is taken off.
std::optional<double> take_number(std::string_view& text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> number(std::string_view text) {
  text = trimmed(text);
  const auto value = take_number(text);
  return text.empty() ? value : std::nullopt;
}

std::optional<Duration> duration_of(double seconds_given) {
  return from_seconds(std::min(std::max(seconds_given, 0.0), seconds(RateResetMax)));
}

std::optional<RateOf> kind_of(std::string_view word) {
  if (is(word, "requests")) return RateOf::Requests;
  if (is(word, "tokens")) return RateOf::Tokens;
  if (is(word, "input-tokens")) return RateOf::InputTokens;
  if (is(word, "output-tokens")) return RateOf::OutputTokens;
  return std::nullopt;
}

/// Digits of a fixed count at the front, which are taken off.
std::optional<unsigned> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  unsigned value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

/// One member of a structured list (RFC 9651): a name and its parameters.
struct Member {
  std::string_view name;  // without its quotes, as it stands
  std::optional<double> quota, window, remaining, reset;
  std::string_view unit;
};

/// The text up to the next of these characters that stands outside of quotes; it is taken off.
std::string_view take_until(std::string_view& text, std::string_view stops) {
  bool quoted = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (quoted && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      quoted = !quoted;
    } else if (!quoted && stops.find(text[at]) != std::string_view::npos) {
      break;
    }
  }
  const std::string_view taken = text.substr(0, std::min(at, text.size()));
  text.remove_prefix(taken.size());
  return taken;
}

std::string_view unquoted(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

Member take_member(std::string_view& list) {
  Member member;
  std::string_view text = take_until(list, ",");
  if (!list.empty()) list.remove_prefix(1);
  member.name = unquoted(trimmed(take_until(text, ";")));
  while (!text.empty()) {
    text.remove_prefix(1);
    std::string_view parameter = trimmed(take_until(text, ";"));
    const std::string_view key = take_until(parameter, "=");
    if (!parameter.empty()) parameter.remove_prefix(1);
    if (key == "q") member.quota = number(parameter);
    if (key == "w") member.window = number(parameter);
    if (key == "r") member.remaining = number(parameter);
    if (key == "t") member.reset = number(parameter);
    if (key == "qu") member.unit = unquoted(parameter);
  }
  return member;
}

/// What a draft's policy counts: requests unless it says otherwise. Nothing for what we do not count.
std::optional<RateOf> counted(std::string_view unit) { return unit.empty() ? std::optional(RateOf::Requests) : kind_of(unit); }

void read_draft(std::string_view policies, std::string_view limits, RateAllowance& out) {
  std::array<Member, RatePoliciesMax> known;
  std::size_t count = 0;
  while (!policies.empty() && count < known.size()) known[count++] = take_member(policies);
  for (std::size_t i = 0; !limits.empty() && i < RatePoliciesMax; ++i) {
    const Member limit = take_member(limits);
    if (!limit.remaining) continue;
    const auto policy = std::find_if(known.begin(), known.begin() + count, [&](const Member& one) { return one.name == limit.name; });
    const bool found = policy != known.begin() + count;
    const auto kind = counted(found ? policy->unit : std::string_view());
    if (!kind) continue;
    RateAllowance::Figures& figures = out.of(*kind);
    if (figures.remaining && *figures.remaining <= *limit.remaining) continue;  // of several windows the one that binds first
    figures = {.limit = {}, .remaining = limit.remaining, .reset = {}, .window = {}};
    if (limit.reset) figures.reset = duration_of(*limit.reset);
    if (found && policy->quota) figures.limit = policy->quota;
    if (found && policy->window) figures.window = duration_of(*policy->window);
  }
}

}  // namespace

void RateLimitHeaders::add(std::string_view name, std::string_view value) {
  using Part = Field::Part;
  std::string_view rest = name;
  if (take(rest, "x-ratelimit-")) {
    const auto part = take(rest, "limit-")       ? std::optional(Part::Limit)
                      : take(rest, "remaining-") ? std::optional(Part::Remaining)
                      : take(rest, "reset-")     ? std::optional(Part::Reset)
                                                 : std::nullopt;
    const auto kind = kind_of(rest);
    if (part && kind && count_ < FieldsMax) fields_[count_++] = {.kind = *kind, .part = *part, .point_in_time = false, .value = value};
  } else if (take(rest, "anthropic-ratelimit-")) {
    const std::size_t dash = rest.rfind('-');
    if (dash == std::string_view::npos) return;
    const std::string_view word = rest.substr(dash + 1);
    const auto part = is(word, "limit")       ? std::optional(Part::Limit)
                      : is(word, "remaining") ? std::optional(Part::Remaining)
                      : is(word, "reset")     ? std::optional(Part::Reset)
                                              : std::nullopt;
    const auto kind = kind_of(rest.substr(0, dash));
    if (part && kind && count_ < FieldsMax) fields_[count_++] = {.kind = *kind, .part = *part, .point_in_time = true, .value = value};
  } else if (is(name, "ratelimit")) {
    limits_ = value;
  } else if (is(name, "ratelimit-policy")) {
    policies_ = value;
  }
}

RateAllowance RateLimitHeaders::read(std::int64_t wall_ns) const {
  using Part = Field::Part;
  RateAllowance out;
  for (std::size_t i = 0; i < count_; ++i) {
    const Field& field = fields_[i];
    RateAllowance::Figures& figures = out.of(field.kind);
    figures.gradual = true;
    switch (field.part) {
      case Part::Limit: figures.limit = number(field.value); break;
      case Part::Remaining: figures.remaining = number(field.value); break;
      case Part::Reset:
        if (!field.point_in_time) {
          figures.reset = read_rate_duration(trimmed(field.value));
        } else if (const auto at = read_rfc3339(trimmed(field.value))) {
          figures.reset = duration_of(static_cast<double>(*at - wall_ns) / 1e9);
        }
        break;
    }
  }
  read_draft(policies_, limits_, out);
  return out;
}

std::optional<Duration> read_rate_duration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  bool bare = false;
  while (!text.empty()) {
    const auto value = take_number(text);
    if (!value || bare) return std::nullopt;
    if (take(text, "ms")) {
      total += *value * 1e-3;
    } else if (take(text, "h")) {
      total += *value * 3600;
    } else if (take(text, "m")) {
      total += *value * 60;
    } else if (!take(text, "s")) {
      if (total > 0) return std::nullopt;  // a unit is missing behind one that was given
      bare = true;
      total += *value;
    } else {
      total += *value;
    }
  }
  return duration_of(total);
}

std::optional<std::int64_t> read_rfc3339(std::string_view text) {
  using namespace std::chrono;
  const auto separator = [&](std::string_view allowed) {
    if (text.empty() || allowed.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  };
  const auto two = [&] { return take_digits(text, 2); };
  const auto y = take_digits(text, 4);
  if (!y || !separator("-")) return std::nullopt;
  const auto mo = two();
  if (!mo || !separator("-")) return std::nullopt;
  const auto d = two();
  if (!d || !separator("Tt ")) return std::nullopt;
  const auto h = two();
  if (!h || !separator(":")) return std::nullopt;
  const auto mi = two();
  if (!mi || !separator(":")) return std::nullopt;
  const auto s = two();
  const year_month_day date{year{static_cast<int>(*y)}, month{*mo}, day{*d}};
  // Years within reach of 64 bits of nanoseconds.
  if (!s || !date.ok() || *y < 1970 || *y > 2200 || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  double fraction = 0;
  if (!text.empty() && text.front() == '.') {
    const std::size_t digits = text.find_first_not_of("0123456789", 1);
    const std::string_view part = text.substr(0, digits);
    if (part.size() < 2) return std::nullopt;
    double scale = 0.1;
    for (const char c : part.substr(1)) {
      fraction += scale * (c - '0');
      scale /= 10;
    }
    text.remove_prefix(part.size());
  }
  int offset_minutes = 0;
  if (!separator("Zz")) {
    if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
    const int sign = text.front() == '-' ? -1 : 1;
    text.remove_prefix(1);
    const auto oh = two();
    if (!oh || !separator(":")) return std::nullopt;
    const auto om = two();
    if (!om || *oh > 23 || *om > 59) return std::nullopt;
    offset_minutes = sign * static_cast<int>(*oh * 60 + *om);
  }
  if (!text.empty()) return std::nullopt;
  const auto at = sys_days(date) + hours(*h) + minutes(static_cast<int>(*mi) - offset_minutes) + std::chrono::seconds(*s);
  return duration_cast<nanoseconds>(at.time_since_epoch()).count() + static_cast<std::int64_t>(fraction * 1e9);
}

std::optional<Duration> read_retry_after_ms(std::string_view text) {
  const auto ms = number(text);
  return ms ? duration_of(*ms / 1e3) : std::nullopt;
}

}  // namespace evener::protocol
