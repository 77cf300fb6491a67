#include "evener/load/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "evener/core/hashing.h"
#include "evener/core/rng.h"

namespace evener::load {
namespace {

constexpr std::array<std::string_view, 64> Words = {
    " the", " and", " for", " are", " but", " not", " you", " all", " any", " can", " had", " her", " was", " one", " our", " out",
    " day", " get", " has", " him", " his", " how", " man", " new", " now", " old", " see", " two", " way", " who", " boy", " did",
    " its", " let", " put", " say", " she", " too", " use", " dad", " mom", " car", " dog", " cat", " run", " eat", " red", " big",
    " far", " few", " got", " hot", " job", " law", " lot", " low", " map", " men", " own", " pay", " ten", " top", " try", " yes"};
constexpr std::size_t BytesPerToken = 4;

void append_words(std::string& out, std::uint64_t seed, std::uint64_t tokens) {
  for (std::uint64_t i = 0; i < tokens; i += 8) {
    std::uint64_t bits = splitmix64(seed + i);
    for (std::uint64_t k = 0; k < 8 && i + k < tokens; ++k, bits >>= 6) out += Words[bits & 63U];
  }
}

// Streams of chance that must not depend on each other.
enum class Stream : std::uint64_t { Lengths = 1, Groups, Prefix, Rest, Arrivals };
std::uint64_t key(std::uint64_t seed, Stream stream, std::uint64_t number) {
  return hash_combine(hash_combine(seed, static_cast<std::uint64_t>(stream)), number);
}

std::uint32_t draw(TokenRange range, Rng& rng) { return range.min + static_cast<std::uint32_t>(rng.below(std::uint64_t{range.max} - range.min + 1)); }

std::uint32_t scaled(std::uint32_t tokens, double factor) {
  return static_cast<std::uint32_t>(std::clamp(std::round(tokens * factor), 1.0, static_cast<double>(lab::TraceTokensMax)));
}

Result<void> check_range(std::string_view name, TokenRange range) {
  if (range.min < 1 || range.max < range.min || range.max > lab::TraceTokensMax) {
    return fail(fmt::format("{} is {}..{}; it must be at least 1 and at most {}, the lower end first", name, range.min, range.max, lab::TraceTokensMax),
                Fault::Client);
  }
  return {};
}

Result<void> check_positive(std::string_view name, double value) {
  if (!(value > 0) || !std::isfinite(value)) return fail(fmt::format("{} is {}; it must be above 0", name, value), Fault::Client);
  return {};
}

}  // namespace

Result<Workload> Workload::make(const WorkloadOptions& options) {
  Result<void> checked;
  if (const auto* closed = std::get_if<ClosedLoop>(&options.arrival)) {
    checked = check_positive("the number of connections", closed->connections);
  } else if (const auto* open = std::get_if<OpenLoop>(&options.arrival)) {
    checked = check_positive("the rate", open->rate_per_s);
  } else {
    const auto& replay = std::get<Replay>(options.arrival);
    if (!replay.trace || replay.trace->requests.empty()) return fail("the trace holds no request", Fault::Client);
    checked = check_positive("the time scale", replay.time_scale);
    if (checked) checked = check_positive("the length scale", replay.length_scale);
  }
  if (checked) checked = check_range("the prompt length", options.input_tokens);
  if (checked) checked = check_range("the answer length", options.output_tokens);
  if (checked && (options.prefix_groups > 0) != (options.prefix_tokens > 0)) {
    checked = fail(fmt::format("shared prompt beginnings need both a number of groups ({}) and a length ({})", options.prefix_groups, options.prefix_tokens),
                   Fault::Client);
  }
  if (!checked) return tl::unexpected(checked.error());
  return Workload(options);
}

Workload::Workload(const WorkloadOptions& options) : options_(options) {
  if (const auto* open = std::get_if<OpenLoop>(&options_.arrival)) {
    arrivals_ = open->spacing == OpenLoop::Spacing::Poisson ? lab::Arrivals::poisson(open->rate_per_s, key(options_.seed, Stream::Arrivals, 0))
                                                            : lab::Arrivals::fixed(open->rate_per_s);
  }
}

std::optional<Job> Workload::next() {
  if (options_.requests_max > 0 && next_ >= options_.requests_max) return std::nullopt;
  Job job{.number = next_};
  if (const auto* replay = std::get_if<Replay>(&options_.arrival)) {
    if (next_ >= replay->trace->requests.size()) return std::nullopt;
    const lab::TraceRequest& recorded = replay->trace->requests[next_];
    job.at = Duration(std::llround(static_cast<double>(recorded.at.count()) / replay->time_scale));
    job.input_tokens = scaled(recorded.input_tokens, replay->length_scale);
    job.output_tokens = scaled(recorded.output_tokens, replay->length_scale);
  } else {
    Rng rng(key(options_.seed, Stream::Lengths, next_));
    job.input_tokens = draw(options_.input_tokens, rng);
    job.output_tokens = draw(options_.output_tokens, rng);
    if (arrivals_) job.at = *arrivals_->next();
  }
  ++next_;
  return job;
}

std::string Workload::prompt(const Job& job) const {
  std::string text;
  text.reserve(job.input_tokens * BytesPerToken);
  std::uint32_t left = job.input_tokens;
  const auto take = [&](std::uint64_t seed, std::uint64_t tokens) {
    const auto taken = static_cast<std::uint32_t>(std::min<std::uint64_t>(tokens, left));
    append_words(text, seed, taken);
    left -= taken;
  };
  if (const auto* replay = std::get_if<Replay>(&options_.arrival)) {
    const lab::Trace& trace = *replay->trace;
    const lab::TraceRequest& recorded = trace.requests[job.number];
    // Ids are the trace's own: two runs of different seeds still share the same blocks.
    const std::uint64_t block_tokens = trace.block_tokens == 0 ? 0 : scaled(trace.block_tokens, replay->length_scale);
    for (const std::uint64_t id : trace.blocks(recorded)) take(splitmix64(id), block_tokens);
  } else if (options_.prefix_groups > 0) {
    const std::uint64_t group = Rng(key(options_.seed, Stream::Groups, job.number)).below(options_.prefix_groups);
    take(key(options_.seed, Stream::Prefix, group), options_.prefix_tokens);
  }
  take(key(options_.seed, Stream::Rest, job.number), left);
  return text;
}

std::uint64_t Workload::planned_requests() const {
  if (const auto* replay = std::get_if<Replay>(&options_.arrival)) {
    const std::uint64_t all = replay->trace->requests.size();
    return options_.requests_max > 0 ? std::min(all, options_.requests_max) : all;
  }
  return options_.requests_max;
}

Duration Workload::planned_duration() const {
  if (const auto* replay = std::get_if<Replay>(&options_.arrival)) {
    const Duration last = replay->trace->requests[planned_requests() - 1].at;
    return Duration(std::llround(static_cast<double>(last.count()) / replay->time_scale));
  }
  const auto* open = std::get_if<OpenLoop>(&options_.arrival);
  return open != nullptr && options_.requests_max > 0 ? from_seconds(static_cast<double>(options_.requests_max) / open->rate_per_s) : Duration{};
}

}  // namespace evener::load
