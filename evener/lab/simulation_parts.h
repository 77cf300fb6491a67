#pragma once
// What the parts of a simulation share: the moment and the events to come, streams of chance, and how endpoints are counted. For simulation.cc and its
// parts alone.

#include <cstdint>

#include "evener/core/ids.h"
#include "evener/lab/event_heap.h"

namespace evener::lab {

struct SimulationEvent {
  enum class Kind : std::uint8_t {
    Turn,  // of a request
    Reach,
    FirstToken,
    Finish,
    Lose,
    Due,  // of a server
    Slow,
    Recover,
    Fail,
    Repair,
    Read,
    Report,
    Tick,  // of the gateways
    Join,
    Check
  };
  Kind kind{};
  std::uint32_t subject = 0;  // a request or an endpoint
  std::uint32_t number = 0;   // of Due: which of them; of a request's events: the attempt that they belong to
};

struct SimulationTime {
  Instant now{};
  EventHeap<SimulationEvent> events;

  void after(Duration delay, SimulationEvent event) { events.push(now + delay, event); }
};

/// Each draw is keyed by what it is for, never by how many came before, so that two policies meet the same luck.
enum SimulationStream : std::uint64_t { SchedulerStream = 1, ServiceStream, PromptErrorStream, GatewayStream, FailureStream, JitterStream };

[[nodiscard]] inline EndpointId id_of(std::uint32_t endpoint) { return EndpointId{endpoint + 1}; }
[[nodiscard]] inline std::uint32_t index_of(EndpointId id) { return static_cast<std::uint32_t>(id) - 1; }

}  // namespace evener::lab
