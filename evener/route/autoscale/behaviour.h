#pragma once
// Behaviour: how fast a pool may grow and shrink, as in a Kubernetes HorizontalPodAutoscaler's `behavior`. A stabilisation window takes
// the most careful of the latest recommendations; policies bound the change within a period, in replicas or per cent. Percentages favour
// the change: from 72 replicas, 10 % less is 64 and 10 % more is 80.

#include <cstdint>
#include <deque>
#include <vector>

#include "evener/route/autoscale/windows.h"

namespace evener::route::autoscale {

struct StepPolicy {
  enum class Unit : std::uint8_t { Replicas, Percent };
  Unit unit = Unit::Replicas;
  double most = 0;                             // change within the period
  Duration period = std::chrono::seconds(15);  // at most PeriodMax

  bool operator==(const StepPolicy&) const = default;
};

enum class Select : std::uint8_t { Largest, Smallest, Disabled };

struct Direction {
  Duration stabilisation{};  // at most WindowMax
  std::vector<StepPolicy> policies;
  Select select = Select::Largest;  // of the changes that the policies allow; without a policy any change is

  bool operator==(const Direction&) const = default;
};

struct Behaviour {
  Direction up, down;

  bool operator==(const Behaviour&) const = default;
  /// Up at once by 100 % or 4 replicas in 15 s, whichever is more; down by any number to the largest recommendation of 300 s.
  [[nodiscard]] static Behaviour kubernetes();
};

inline constexpr Duration PeriodMax = std::chrono::minutes(30);
inline constexpr std::size_t StepPoliciesMax = 16;  // per direction

enum class Brake : std::uint8_t { None, Stabilised, Stepped };

/// Not thread-safe.
class Pace {
 public:
  explicit Pace(Behaviour behaviour) : behaviour_(std::move(behaviour)) {}
  void configure(Behaviour behaviour) { behaviour_ = std::move(behaviour); }

  struct Step {
    std::uint32_t replicas = 0;
    Brake brake = Brake::None;  // what kept it from the recommendation
  };
  /// What a recommendation comes to from `current` replicas. Call it once per reading: it remembers the recommendation. The windows begin with
  /// the number found at the first reading, as Kubernetes' do, so that a start without load behind it takes no replicas away.
  [[nodiscard]] Step step(Instant now, std::uint32_t current, std::uint32_t recommended);
  /// The number of replicas was changed.
  void changed(Instant now, std::uint32_t from, std::uint32_t to);

 private:
  [[nodiscard]] std::uint32_t most(Instant now, std::uint32_t current) const;
  [[nodiscard]] std::uint32_t least(Instant now, std::uint32_t current) const;
  /// How many there were at the start of the period that ends now.
  [[nodiscard]] double at_start(Instant now, std::uint32_t current, Duration period) const;

  struct Change {
    Instant at;
    double replicas;  // signed
  };
  Behaviour behaviour_;
  Recommendations recommendations_;
  std::deque<Change> changes_;
};

}  // namespace evener::route::autoscale
