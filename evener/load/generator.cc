#include "evener/load/generator.h"

#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "evener/base/clock.h"
#include "evener/load/target.h"
#include "evener/load/worker.h"

namespace evener::load {
namespace {

constexpr Duration ProgressEvery = std::chrono::milliseconds(250);
constexpr unsigned ThreadsMax = 256;

net::Task<> show_progress(net::Reactor& reactor, const LiveCounts& live, LoadProgress progress, Instant start,
                          const std::function<void(const LoadProgress&)>& callback) {
  while (co_await reactor.sleep(ProgressEvery)) {
    progress.elapsed_s = seconds(monotonic_now() - start);
    // Ends are read first: the other way round more could have ended than were sent.
    progress.succeeded = live.succeeded.load(std::memory_order_relaxed);
    progress.failed = live.failed.load(std::memory_order_relaxed);
    progress.sent = std::max(live.sent.load(std::memory_order_relaxed), progress.succeeded + progress.failed);
    progress.in_flight = progress.sent - progress.succeeded - progress.failed;
    callback(progress);
  }
}

Result<void> check(const LoadOptions& options) {
  const bool endless = !std::holds_alternative<Replay>(options.workload.arrival) && options.workload.requests_max == 0 && options.duration <= Duration{};
  if (endless) return fail("this load would never end: give a duration or a number of requests", Fault::Client);
  if (options.model.empty()) return fail("the model's name is missing", Fault::Client);
  if (options.threads < 1 || options.threads > ThreadsMax) {
    return fail(fmt::format("the number of threads is {}; it must be 1..{}", options.threads, ThreadsMax), Fault::Client);
  }
  if (options.connections_max < 1) return fail("the number of connections is 0; it must be above 0", Fault::Client);
  if (options.request_timeout <= Duration{}) return fail("the time-out of a request must be above 0", Fault::Client);
  return {};
}

std::string range_text(TokenRange range) {
  return range.min == range.max ? std::to_string(range.min) : fmt::format("{} to {}", range.min, range.max);
}

}  // namespace

std::string describe(const LoadOptions& options) {
  const WorkloadOptions& workload = options.workload;
  std::string out;
  if (const auto* closed = std::get_if<ClosedLoop>(&workload.arrival)) {
    out = fmt::format("closed loop, {} connections", closed->connections);
  } else if (const auto* open = std::get_if<OpenLoop>(&workload.arrival)) {
    out = fmt::format("{} {:g} requests/s", open->spacing == OpenLoop::Spacing::Poisson ? "Poisson" : "fixed", open->rate_per_s);
  } else {
    const auto& replay = std::get<Replay>(workload.arrival);
    out = fmt::format("trace x{:g}", replay.time_scale);
    if (replay.length_scale != 1) out += fmt::format(", lengths x{:g}", replay.length_scale);
  }
  if (workload.requests_max > 0) out += fmt::format(", {} requests", workload.requests_max);
  if (options.duration > Duration{}) out += fmt::format(", {:g} s", seconds(options.duration));
  if (!std::holds_alternative<Replay>(workload.arrival)) {
    out += fmt::format(", {} tokens in, {} out", range_text(workload.input_tokens), range_text(workload.output_tokens));
    if (workload.prefix_groups > 0) out += fmt::format(", {} shared beginnings of {}", workload.prefix_groups, workload.prefix_tokens);
  }
  out += options.api == Api::Chat ? ", chat" : ", completions";
  if (options.streaming == Streaming::Yes) out += " streamed";
  return out + fmt::format(", seed {}", workload.seed);
}

Result<LoadReport> run_load(const LoadOptions& options, const LoadCallbacks& callbacks, std::stop_token stop) {
  if (auto checked = check(options); !checked) return tl::unexpected(checked.error());
  const auto workload = Workload::make(options.workload);
  if (!workload) return tl::unexpected(workload.error());
  const auto target = resolve_target(options.url);
  if (!target) return tl::unexpected(target.error());

  LiveCounts live;
  std::mutex request_mutex;
  std::function<void(const RequestRecord&)> on_request;
  if (callbacks.request) {
    on_request = [&](const RequestRecord& record) {
      const std::lock_guard lock(request_mutex);
      callbacks.request(record);
    };
  }
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < options.threads; ++i) {
    workers.push_back(std::make_unique<Worker>(options, *target, *workload, Worker::Share{.index = i, .count = options.threads}, live, on_request));
  }

  const Instant start = monotonic_now();
  if (callbacks.progress) {
    const double by_time = seconds(options.duration), by_count = seconds(workload->planned_duration());
    const LoadProgress planned{.planned_s = by_time > 0 && (by_count <= 0 || by_time < by_count) ? by_time : by_count,
                               .planned_requests = workload->planned_requests()};
    workers.front()->reactor().spawn(show_progress(workers.front()->reactor(), live, planned, start, callbacks.progress));
  }
  {
    const std::stop_callback on_stop(stop, [&] {
      for (auto& worker : workers) worker->stop();
    });
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < workers.size(); ++i) threads.emplace_back([&worker = *workers[i], start] { worker.run(start); });
    workers.front()->run(start);
    for (std::thread& thread : threads) thread.join();
  }

  LoadReport report(options.objectives);
  for (auto& worker : workers) report.merge(worker->report());
  report.title = describe(options);
  return report;
}

}  // namespace evener::load
