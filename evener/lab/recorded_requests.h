#pragma once
// RecordedRequests: which answers belong to which requests in the events of a pool. A gateway that waits for answers knows; in its events an
// answer bears no number, only the endpoint, the share that its dispatch was given, and how long ago that was. That is enough: among what is
// in flight at one endpoint, equal shares of the same moment belong to equal requests.

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "evener/route/recorded_events.h"

namespace evener::lab {

struct RecordedRequest {
  route::RequestView view;  // without its blocks
  std::vector<std::uint64_t> blocks;
  Instant arrived{};
  Instant ended{};  // when its last attempt did
  bool answered = false;
  std::optional<route::TokenUsage> usage;  // nothing = no answer, or the engine did not say
};

/// Not thread-safe. Remembers every request; of attempts what is in flight and what has ended so that another one may follow.
class RecordedRequests {
 public:
  void take(const route::recorded::Event& event);
  [[nodiscard]] const std::vector<RecordedRequest>& all() const { return requests_; }

 private:
  using Index = std::uint32_t;
  struct Attempt {
    route::Share share;
    Instant dispatched{};
    Index request = 0;
  };
  struct Take;

  void arrived(const route::recorded::Arrived& event);
  void retried(const route::recorded::Retried& event);
  void released(const route::recorded::Released& event);
  void finished(const route::recorded::Finished& event);
  void decided(Index request, std::uint64_t cookie, const route::Decision& decision, Instant now);
  void dispatched(Index request, const route::Dispatch& dispatch, Instant now);
  [[nodiscard]] std::optional<Index> open_request(const route::RequestView& view);

  std::vector<RecordedRequest> requests_;
  std::unordered_map<std::uint64_t, std::vector<Attempt>> in_flight_;  // by endpoint; looked up, never iterated
  std::unordered_map<std::uint64_t, Index> queued_;                    // by cookie; likewise
  std::unordered_map<std::uint64_t, std::vector<Index>> alike_;        // by fingerprint, in order of arrival; likewise
};

}  // namespace evener::lab
