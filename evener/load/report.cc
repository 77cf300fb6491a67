#include "evener/load/report.h"

#include <algorithm>
#include <cmath>

namespace evener::load {
namespace {

constexpr std::array<std::string_view, Failures> FailureNames = {
    "none", "connect", "broken", "truncated", "stream_error", "timed_out", "refused", "client", "server", "malformed"};

bool happened(Instant at) { return at != Instant{}; }

}  // namespace

std::string_view name_of(Failure failure) { return FailureNames[static_cast<std::size_t>(failure)]; }

void LoadReport::add(const RequestRecord& record) {
  if (happened(record.sent)) {
    lateness.record(record.sent - record.intended);
    first_sent = std::min(first_sent, record.sent);
  }
  last_end = std::max(last_end, record.end);
  if (record.status != 0) ++statuses[record.status];

  std::string name = record.endpoint.empty() ? "(unnamed)" : record.endpoint;
  if (!endpoints.contains(name) && endpoints.size() >= EndpointsMax) name = "(others)";
  EndpointShare* share = record.status != 0 || !record.endpoint.empty() ? &endpoints[name] : nullptr;
  if (share != nullptr) ++share->requests;

  if (record.failure != Failure::None) {
    ++failed;
    ++failures[static_cast<std::size_t>(record.failure)];
    if (share != nullptr) ++share->failed;
    return;
  }

  ++succeeded;
  input_tokens += record.input_tokens;
  output_tokens += record.output_tokens;
  cached_tokens += record.cached_tokens;
  input_sequence.record(record.input_tokens);
  output_sequence.record(record.output_tokens);
  const Duration whole = record.end - record.intended;
  e2e.record(whole);
  share->output_tokens += record.output_tokens;
  share->e2e.record(whole);

  bool is_good = !objectives_.e2e_max || whole <= *objectives_.e2e_max;
  if (record.streamed && happened(record.first_token)) {
    const Duration first = record.first_token - record.intended;
    ttft.record(first);
    share->ttft.record(first);
    is_good = is_good && (!objectives_.ttft_max || first <= *objectives_.ttft_max);
    if (record.output_tokens > 1) {
      const Duration each = (record.last_token - record.first_token) / (record.output_tokens - 1);
      tpot.record(each);
      is_good = is_good && (!objectives_.tpot_max || each <= *objectives_.tpot_max);
    }
  } else if (objectives_.ttft_max || objectives_.tpot_max) {
    is_good = false;  // not a stream: nobody saw a first token, so nobody can say that it was in time
  }
  if (is_good) ++good;
}

void LoadReport::merge(const LoadReport& other) {
  ttft.merge(other.ttft);
  tpot.merge(other.tpot);
  itl.merge(other.itl);
  e2e.merge(other.e2e);
  lateness.merge(other.lateness);
  input_sequence.merge(other.input_sequence);
  output_sequence.merge(other.output_sequence);
  succeeded += other.succeeded;
  failed += other.failed;
  good += other.good;
  input_tokens += other.input_tokens;
  output_tokens += other.output_tokens;
  cached_tokens += other.cached_tokens;
  for (std::size_t i = 0; i < Failures; ++i) failures[i] += other.failures[i];
  for (const auto& [status, count] : other.statuses) statuses[status] += count;
  for (const auto& [name, share] : other.endpoints) {
    EndpointShare& mine = endpoints[name];
    mine.requests += share.requests;
    mine.failed += share.failed;
    mine.output_tokens += share.output_tokens;
    mine.ttft.merge(share.ttft);
    mine.e2e.merge(share.e2e);
  }
  first_sent = std::min(first_sent, other.first_sent);
  last_end = std::max(last_end, other.last_end);
  cancelled += other.cancelled;
  connections_opened += other.connections_opened;
  resent += other.resent;
  overdue += other.overdue;
  not_sent += other.not_sent;
}

double LoadReport::duration_s() const { return last_end > first_sent ? seconds(last_end - first_sent) : 0; }

double LoadReport::per_second(std::uint64_t count) const {
  const double span = duration_s();
  return span > 0 ? static_cast<double>(count) / span : 0;
}

}  // namespace evener::load
