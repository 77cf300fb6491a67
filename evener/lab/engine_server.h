#pragma once
// EngineServer: an EngineModel that runs in virtual time. Steps in which nothing but decoding happens are taken many at once, which changes when
// things are computed and nothing else.

#include "evener/lab/engine_model.h"
#include "evener/lab/request_server.h"

namespace evener::lab {

class EngineServer final : public RequestServer {
 public:
  /// At most `steps_at_once` quiet steps in one stretch; 1 = each on its own.
  EngineServer(const EngineConfig& config, std::uint32_t steps_at_once) : model_(config), steps_at_once_(steps_at_once) {}

  [[nodiscard]] std::uint32_t block_tokens() const override { return model_.config().kv_block_tokens; }
  [[nodiscard]] std::optional<JobRefused> submit(Job job, Instant now) override;
  void cancel(std::uint64_t id, Instant now) override;
  [[nodiscard]] Instant due() const override { return end_; }
  void advance(Instant now, std::vector<JobNews>& out) override;
  void resume(Instant now) override;
  /// The step in progress ends when it would have.
  void set_slowdown(double factor, Instant now) override;
  [[nodiscard]] route::LoadReport report(Instant now) override;
  [[nodiscard]] Duration busy() const override { return busy_; }
  [[nodiscard]] EngineTotals totals() const override { return model_.totals(); }

 private:
  [[nodiscard]] bool working() const { return end_ < Instant::max(); }
  void begin_step(Instant now);
  [[nodiscard]] std::uint32_t quiet_left() const { return static_cast<std::uint32_t>(quiet_.size()) - quiet_taken_; }
  void forget_quiet();
  void catch_up(Instant now);
  void end_quiet_early(Instant now);

  EngineModel model_;
  std::uint32_t steps_at_once_;
  double slowdown_ = 1;
  Duration busy_{};
  // While it is working: one step, whose outcome waits for its end, or else a stretch of quiet ones.
  Instant end_ = Instant::max();
  const StepOutcome* step_ = nullptr;
  std::vector<Duration> quiet_;    // how long each step of the stretch takes
  std::uint32_t quiet_taken_ = 0;  // of them, those that the model has been told to take
  Instant quiet_begin_{};          // when the first of the others begins
};

}  // namespace evener::lab
