#include "evener/cli/demo/live_figures.h"

#include <algorithm>
#include <cmath>

namespace evener::cli::demo {
namespace {

/// The least value that share q of them do not exceed; the order of `values` is lost.
std::optional<double> quantile_s(std::vector<Duration>& values, double q) {
  if (values.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return seconds(*at);
}

}  // namespace

RecentRequests::RecentRequests(std::vector<std::string> engine_names, Instant start) : start_(start) {
  for (std::size_t i = 0; i < engine_names.size(); ++i) engines_.emplace(std::move(engine_names[i]), i);
}

void RecentRequests::add(const load::RequestRecord& record) {
  if (record.failure != load::Failure::None) {
    ++failed_;
    return;
  }
  ++answered_;
  Answer answer{.end = record.end, .ttft = {}, .tokens = record.output_tokens, .engine = {}};
  if (record.first_token != Instant{}) answer.ttft = record.first_token - record.intended;
  if (const auto found = engines_.find(record.endpoint); found != engines_.end()) answer.engine = found->second;
  answers_.push_back(answer);
  if (answers_.size() > KeptMax) answers_.pop_front();
}

LiveFigures RecentRequests::at(Instant now) {
  while (!answers_.empty() && answers_.front().end <= now - Window) answers_.pop_front();
  LiveFigures figures{.answered = answered_, .failed = failed_, .engines = std::vector<EngineFigures>(engines_.size())};
  const double window_s = seconds(std::min(now - start_, Window));
  if (answers_.empty() || window_s <= 0) return figures;

  std::vector<Duration> all;
  std::vector<std::vector<Duration>> of_engine(engines_.size());
  std::vector<std::size_t> count(engines_.size());
  std::uint64_t tokens = 0;
  for (const Answer& answer : answers_) {
    tokens += answer.tokens;
    if (answer.ttft) all.push_back(*answer.ttft);
    if (!answer.engine) continue;
    ++count[*answer.engine];
    if (answer.ttft) of_engine[*answer.engine].push_back(*answer.ttft);
  }
  const auto total = static_cast<double>(answers_.size());
  figures.requests_per_s = total / window_s;
  figures.tokens_per_s = static_cast<double>(tokens) / window_s;
  figures.ttft_p50_s = quantile_s(all, 0.5);
  figures.ttft_p99_s = quantile_s(all, 0.99);
  for (std::size_t i = 0; i < count.size(); ++i) {
    figures.engines[i] = {.requests_per_s = static_cast<double>(count[i]) / window_s,
                          .share = static_cast<double>(count[i]) / total,
                          .ttft_p50_s = quantile_s(of_engine[i], 0.5)};
  }
  return figures;
}

}  // namespace evener::cli::demo
