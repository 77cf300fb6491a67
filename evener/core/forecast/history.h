#pragma once
// History: the latest values of a series, at most as many as it was made for; the oldest is forgotten first.

#include <cassert>
#include <cstddef>
#include <vector>

namespace evener::forecast {

class History {
 public:
  /// `kept` >= 1. Memory grows with what is there, up to 8 bytes a value.
  explicit History(std::size_t kept) : kept_(kept) {}

  void push(double value) {
    if (values_.size() < kept_) {
      values_.push_back(value);
      return;
    }
    values_[oldest_] = value;
    oldest_ = oldest_ + 1 == kept_ ? 0 : oldest_ + 1;
  }

  [[nodiscard]] std::size_t size() const { return values_.size(); }
  [[nodiscard]] bool full() const { return values_.size() == kept_; }
  /// The value `steps` before the latest: ago(0) is the latest. steps < size().
  [[nodiscard]] double ago(std::size_t steps) const {
    assert(steps < values_.size());
    const std::size_t index = oldest_ + values_.size() - 1 - steps;
    return values_[index < values_.size() ? index : index - values_.size()];
  }

 private:
  std::size_t kept_;
  std::size_t oldest_ = 0;
  std::vector<double> values_;
};

}  // namespace evener::forecast
