#pragma once
// One thread of the load generator: its reactor, its connections and its share of the workload.

#include <atomic>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "evener/load/answer_reader.h"
#include "evener/load/generator.h"
#include "evener/load/target.h"
#include "evener/net/http_client.h"
#include "evener/net/precise_timer.h"
#include "evener/net/reactor.h"

namespace evener::load {

/// Of all threads together, for the display of progress.
struct LiveCounts {
  std::atomic<std::uint64_t> sent{0}, succeeded{0}, failed{0};
};

class Worker {
 public:
  /// Of the workload's requests this worker sends those whose number leaves `index` when divided by `count`.
  struct Share {
    std::uint64_t index = 0, count = 1;
  };
  Worker(const LoadOptions& options, const Target& target, Workload workload, Share share, LiveCounts& live,
         std::function<void(const RequestRecord&)> on_request);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Runs the share to its end on the calling thread; `start` is the zero of the schedule.
  void run(Instant start);
  /// Any thread: cancels what is in flight and ends run().
  void stop() { reactor_.stop(); }

  [[nodiscard]] net::Reactor& reactor() { return reactor_; }
  [[nodiscard]] LoadReport& report() { return report_; }

 private:
  /// A request to send, and when it should have been.
  struct Due {
    Job job;
    Instant intended;
  };
  /// One connection with what it needs to read answers.
  struct Lane {
    explicit Lane(net::Reactor& reactor) : client(reactor), wake(reactor) {}
    net::HttpClient client;
    net::Event wake;
    StreamReader reader;
  };

  std::optional<Job> next_job();
  net::Task<> dispatch();
  net::Task<> serve_open();
  net::Task<> serve_closed();
  void lane_ended();
  net::Task<std::optional<Due>> wait_for_due(Lane& lane);

  net::Task<> perform(Lane& lane, Due due);
  net::Task<Result<net::HttpResponse>> send(Lane& lane, const net::HttpRequest& request, Instant deadline);
  net::Task<Result<void>> connect(Lane& lane, Instant deadline);
  net::Task<Failure> read_stream(Lane& lane, RequestRecord& record, Instant deadline);
  net::Task<Failure> read_whole(Lane& lane, RequestRecord& record, Instant deadline);
  [[nodiscard]] net::HttpRequest request_for(const Job& job) const;
  [[nodiscard]] static Failure failure_of(const Error& error, Instant deadline, Failure otherwise);
  void settle(RequestRecord& record);

  const LoadOptions& options_;
  const Target& target_;
  Workload workload_;
  Share share_;
  LiveCounts& live_;
  std::function<void(const RequestRecord&)> on_request_;
  net::Reactor reactor_;
  net::PreciseTimer timer_;
  LoadReport report_;
  Instant start_{};
  std::deque<Due> waiting_;
  std::vector<Lane*> idle_;          // the one used last is used first, so that no more connections are open than are needed
  std::uint32_t lanes_ = 0, lanes_max_ = 0;
  std::size_t address_ = 0;          // of the target, the one that answered last
  bool no_more_ = false;             // nothing will be added to waiting_
};

}  // namespace evener::load
