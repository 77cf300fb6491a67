#pragma once
// What a gateway knows of each request of a simulation before it has been answered: its prompt's blocks, how long the prompt is, more or less, and how
// long answers have been so far.

#include <cstdint>
#include <memory>
#include <vector>

#include "evener/core/rng.h"
#include "evener/lab/simulation.h"

namespace evener::lab {

/// Not thread-safe. What it is given outlives it.
class RequestViews {
 public:
  RequestViews(const Scenario& scenario, const Workload& workload, const Rng& rng)
      : scenario_(scenario), workload_(workload), rng_(rng), buffer_of_(workload.requests.size()) {}

  /// Borrows the blocks of the prompt, until close().
  [[nodiscard]] route::RequestView open(std::uint32_t request);
  void close(std::uint32_t request) { unused_.push_back(buffer_of_[request]); }
  void note_answer(std::uint32_t tokens) {
    output_sum_ += tokens;
    ++answers_;
  }

 private:
  [[nodiscard]] std::vector<std::uint64_t>& take_buffer(std::uint32_t request);
  [[nodiscard]] double estimated_prompt(std::uint32_t request) const;
  [[nodiscard]] std::uint32_t expected_output() const {
    return answers_ == 0 ? scenario_.output_tokens_prior : static_cast<std::uint32_t>((output_sum_ + answers_ / 2) / answers_);
  }

  const Scenario& scenario_;
  const Workload& workload_;
  Rng rng_;
  std::vector<std::unique_ptr<std::vector<std::uint64_t>>> buffers_;  // their addresses stay, because schedulers borrow them
  std::vector<std::uint32_t> unused_;
  std::vector<std::uint32_t> buffer_of_;  // by request
  std::uint64_t output_sum_ = 0, answers_ = 0;
};

}  // namespace evener::lab
