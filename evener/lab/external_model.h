#pragma once
// An API of others: as much room as it likes, latencies between quantiles that one has seen, and rate limits: tokens in buckets that fill evenly,
// one for requests and one for tokens. A request beyond them is refused (429) with the time after which it would not be. Prices are the endpoint's.

#include "evener/lab/event_heap.h"
#include "evener/lab/request_server.h"

namespace evener::lab {

struct ExternalConfig {
  // Log-normal through these two; from the request to its first token, and from token to token.
  double first_token_p50_s = 0.4, first_token_p99_s = 2;
  double token_p50_s = 0.015, token_p99_s = 0.05;
  double requests_per_minute = 0;  // 0 = unlimited
  double tokens_per_minute = 0;    // of prompts and answers
};

class ExternalModel final : public RequestServer {
 public:
  ExternalModel(const ExternalConfig& config, Rng rng);

  [[nodiscard]] std::optional<JobRefused> submit(Job job, Instant now) override;
  [[nodiscard]] Instant due() const override { return milestones_.empty() ? Instant::max() : milestones_.top().at; }
  void advance(Instant now, std::vector<JobNews>& out) override;
  void set_slowdown(double factor, Instant) override { slowdown_ = factor; }
  [[nodiscard]] std::optional<RateAllowance> allowance(Instant now) override;

  /// It says nothing of itself.
  [[nodiscard]] route::LoadReport report(Instant) override { return {}; }
  [[nodiscard]] Duration busy() const override { return busy_; }

 private:
  struct Bucket {
    double per_minute = 0;  // 0 = no limit; as much fits in
    double left = 0;
    Instant at{};

    void fill(Instant now);
    /// 0 = now.
    [[nodiscard]] Duration wait_for(double amount) const;
  };
  static void tell(RateAllowance::Figures& figures, const Bucket& bucket);

  ExternalConfig config_;
  Rng rng_;
  double slowdown_ = 1;
  Bucket requests_, tokens_;
  EventHeap<JobNews> milestones_;
  Duration busy_{};
};

}  // namespace evener::lab
