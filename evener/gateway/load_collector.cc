#include "evener/gateway/load_collector.h"

#include <algorithm>
#include <utility>

#include "evener/base/log.h"
#include "evener/gateway/control.h"
#include "evener/gateway/endpoint_url.h"
#include "evener/gateway/health_check.h"
#include "evener/net/http_client.h"
#include "evener/protocol/orca.h"

namespace evener::gateway {
namespace {

/// Doubles `first` `times` times, up to `most`.
Duration doubled(Duration first, std::uint32_t times, Duration most) {
  Duration pause = first;
  for (std::uint32_t i = 0; i < times && pause < most; ++i) pause *= 2;
  return std::min(pause, std::max(first, most));
}

struct Answer {
  bool came = false;  // false: there was none
  std::uint16_t status = 0;
  std::string body;
  std::string problem;  // why there was none
};

/// What decides how an endpoint is asked. When it changes, nothing that was found out holds.
struct Question {
  LoadReportConfig config;
  EngineKind engine = EngineKind::Generic;
  std::uint16_t port = 0;
  std::string url;

  bool operator==(const Question&) const = default;
};

/// The reading of one endpoint.
class Collector {
 public:
  Collector(Control& control, std::shared_ptr<ManagedEndpoint> endpoint, std::string pool_name)
      : control_(control), endpoint_(std::move(endpoint)), pool_name_(std::move(pool_name)), client_(control.reactor) {}

  net::Task<> run() {
    net::Reactor& reactor = control_.reactor;
    bool first = true;
    while (!endpoint_->removed) {
      const ManagedPool* pool = control_.find_pool(pool_name_);
      if (pool == nullptr) break;
      const Duration pause = pace_.pause(pool->config.load_reports.interval);
      // Spread over the interval, so that a thousand endpoints are not asked in the same instant.
      const double spread = control_.jitter();
      const Duration wait = first ? from_seconds(seconds(std::min<Duration>(pause, std::chrono::seconds(1))) * spread)
                                  : from_seconds(seconds(pause) * (0.9 + 0.2 * spread));
      first = false;
      if (co_await endpoint_->read_load_now.wait_until(reactor.now() + wait) == net::Event::Result::Cancelled) break;
      if (endpoint_->removed) break;
      pool = control_.find_pool(pool_name_);  // a reload may have moved it meanwhile
      if (pool == nullptr) break;
      const std::shared_ptr<Pool> alive = pool->pool;
      ask_by(pool->config.load_reports);
      if (question_.config.enabled && watch().paths.empty()) {
        co_await look_for_report();
      } else if (question_.config.enabled) {
        co_await read_report();
      }
      if (endpoint_->removed || reactor.stopping()) break;
      if (news_) hand_over(*alive);
      if (adapters_changed_) hand_over_adapters(*alive);
    }
  }

 private:
  LoadWatch& watch() { return endpoint_->load; }

  void ask_by(const LoadReportConfig& config) {
    Question question{
        .config = config, .engine = endpoint_->config.engine, .port = endpoint_->config.metrics_port, .url = endpoint_->config.url};
    // An API of somebody else's tells strangers nothing of its load, and may count the questions.
    if (endpoint_->config.external.enabled) question.config.enabled = false;
    if (question == question_) return;
    question_ = std::move(question);
    mapping_ = figure_sources(question_.config);
    client_.close();
    pace_.forget();
    rates_.forget();
    forget_report();
    watch().finding = question_.config.enabled ? "not asked yet" : "load reports are off";
    if (const auto url = parse_endpoint_url(question_.url)) host_ = url->host_header;
  }

  void forget_report() {
    watch().paths.clear();
    watch().engine.reset();
    watch().present = {};
    adapters_changed_ = adapters_changed_ || !watch().adapters.empty();
    watch().adapters.clear();
  }

  net::Task<Answer> ask(const std::string& path) {
    Answer answer;
    if (endpoint_->addresses.empty()) {
      answer.problem = "its name does not resolve";
      co_return answer;
    }
    const Instant deadline = control_.reactor.now() + question_.config.timeout;
    net::Address address = endpoint_->addresses[endpoint_->address_in_use];
    const std::uint16_t port = question_.port != 0 ? question_.port : protocol::metrics_port(question_.engine);
    // What is served on another port is not behind the URL's prefix, and its user has not vouched for it with his key.
    const bool elsewhere = port != 0 && port != address.port();
    if (elsewhere) address.set_port(port);
    if (!(address == asked_)) client_.close();
    asked_ = address;
    net::HttpRequest request{.method = "GET",
                             .path = elsewhere ? path : endpoint_->path_prefix + path,
                             .query = {},
                             .headers = {{"User-Agent", "evener-load-report"}},
                             .body = {}};
    if (const std::size_t question = request.path.find('?'); question != std::string::npos) {
      request.query = request.path.substr(question + 1);
      request.path.resize(question);
    }
    if (!elsewhere) {
      if (const std::string bearer = bearer_from_environment(endpoint_->config.api_key_env); !bearer.empty()) {
        request.headers.emplace_back("Authorization", bearer);
      }
    }
    // A kept connection may have been closed by the server between two readings: that says nothing, so ask again over a new one.
    for (int connections = client_.connected() ? 2 : 1; connections > 0; --connections) {
      if (!client_.connected()) {
        const auto connected = co_await client_.connect(address, deadline);
        if (!connected) {
          answer.problem = connected.error().message;
          co_return answer;
        }
      }
      auto response = co_await client_.fetch(request, host_, LoadBodyBytesMax, deadline);
      if (!response) {
        answer.problem = "GET " + path + ": " + response.error().message;
        if (connections > 1 && !client_.connected() && control_.reactor.now() < deadline) continue;
        co_return answer;
      }
      answer.came = true;
      answer.status = response->status;
      answer.body = std::move(response->body);
      co_return answer;
    }
    co_return answer;
  }

  /// Goes through the places where a report may be, until one has figures and those that complete it have been asked.
  net::Task<> look_for_report() {
    std::vector<std::string> paths;
    if (!question_.config.path.empty()) {
      paths.push_back(question_.config.path);
    } else {
      for (const std::string_view path : protocol::load_paths(question_.engine)) paths.emplace_back(path);
      for (const std::string_view path : protocol::detection_paths()) {
        if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.emplace_back(path);
      }
    }
    std::optional<protocol::EngineKind> silent;  // who answered without figures
    std::string silent_at, problem, found_at;
    std::size_t refused = 0;
    protocol::LoadReading all;
    std::vector<std::string> useful;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      Answer answer = co_await ask(paths[i]);
      if (endpoint_->removed || control_.reactor.stopping()) co_return;
      if (!answer.came) {
        // One path that hangs or is too large does not speak for the others; an endpoint that cannot be reached does.
        problem = answer.problem;
        if (!client_.connected() && useful.empty() && i == 0 && problem.starts_with("connect")) break;
        continue;
      }
      if (answer.status == 401 || answer.status == 403) ++refused;
      if (answer.status < 200 || answer.status > 299) continue;
      protocol::LoadReading reading = protocol::read_load(answer.body, mapping_);
      const protocol::FigureSet before = all.figures.present();
      if (reading.figures.present().without(before).empty()) {
        if (reading.engine && !silent) {
          silent = reading.engine;
          silent_at = paths[i];
        }
        continue;
      }
      if (!useful.empty() && reading.engine != all.engine) continue;
      merge(all, std::move(reading));
      found_at += (useful.empty() ? "" : ", ") + paths[i];
      useful.push_back(paths[i]);
      if (!question_.config.path.empty() || !all.engine) break;
      if (protocol::figures_of(*all.engine).without(all.figures.present()).empty()) break;
      // From here on only where this engine has the rest.
      const auto own = protocol::load_paths(*all.engine);
      std::erase_if(paths, [&](const std::string& path) {
        return std::find(own.begin(), own.end(), path) == own.end() && std::find(useful.begin(), useful.end(), path) == useful.end();
      });
      i = static_cast<std::size_t>(std::find(paths.begin(), paths.end(), useful.back()) - paths.begin());
    }
    if (!useful.empty()) {
      watch().paths = std::move(useful);
      found(std::move(all), found_at);
    } else if (silent) {
      pace_.found_none();
      watch().engine = silent;
      const bool quiet_vllm = silent == protocol::EngineKind::Vllm;
      set_finding(protocol::describe_load(silent, silent_at, {}) +
                  (quiet_vllm ? " (is it vLLM without statistics? they are switched off by --disable-log-stats)" : ""));
    } else if (!problem.empty()) {
      failed(problem);
    } else {
      pace_.found_none();
      set_finding(refused > 0 ? "no load report: it asks for a key (401 or 403)" : "no load report found");
    }
  }

  net::Task<> read_report() {
    protocol::LoadReading all;
    std::string read_at;
    bool any = false;
    const std::vector<std::string> paths = watch().paths;
    for (const std::string& path : paths) {
      Answer answer = co_await ask(path);
      if (endpoint_->removed || control_.reactor.stopping()) co_return;
      if (!answer.came) {
        failed(answer.problem);
        co_return;
      }
      if (answer.status != 200) {
        failed("GET " + path + " answered " + std::to_string(answer.status));
        co_return;
      }
      protocol::LoadReading reading = protocol::read_load(answer.body, mapping_);
      // An engine that idles may have nothing new to say.
      if (reading.samples == 0 && reading.engine != watch().engine) {
        failed("GET " + path + " answered something that is no load report");
        co_return;
      }
      any = any || !reading.figures.present().empty();
      merge(all, std::move(reading));
      read_at += (read_at.empty() ? "" : ", ") + path;
    }
    if (any) {
      found(std::move(all), read_at);
    } else if (all.engine != watch().engine) {
      failed("GET " + read_at + " answered without the figures it had");
    } else {
      pace_.read();
      watch().last_failure.clear();
    }
  }

  static void merge(protocol::LoadReading& all, protocol::LoadReading reading) {
    if (!all.engine) all.engine = reading.engine;
    all.figures.fill_from(reading.figures);
    if (reading.adapters_known) {
      all.adapters = std::move(reading.adapters);
      all.adapters_known = true;
    }
  }

  void found(protocol::LoadReading reading, const std::string& at) {
    pace_.read();
    ++watch().readings_total;
    watch().last_failure.clear();
    const protocol::FigureSet present = reading.figures.present();
    if (watch().engine != reading.engine || !(watch().present == present)) {
      watch().engine = reading.engine;
      watch().present = present;
      std::string text = protocol::describe_load(reading.engine, at, present);
      if (reading.engine && question_.engine != *reading.engine && question_.engine != EngineKind::OpenAi &&
          question_.engine != EngineKind::Generic) {
        text += "; configured as " + std::string(protocol::title_of(question_.engine));
      }
      set_finding(std::move(text));
    }
    if (reading.adapters_known && watch().adapters != reading.adapters) {
      watch().adapters = std::move(reading.adapters);
      adapters_changed_ = true;
    }
    rates_.apply(reading.figures, control_.reactor.now());
    news_ = to_load_report(reading.figures, control_.reactor.now());
  }

  void failed(const std::string& why) {
    ++watch().failures_total;
    watch().last_failure = why;
    pace_.failed();
    if (watch().paths.empty()) {
      set_finding("no load report: " + why);
    } else if (pace_.failures() >= LoadFailuresMax) {
      log::warn("load report lost", {{"pool", pool_name_}, {"endpoint", endpoint_->config.name}, {"why", why}});
      forget_report();
      rates_.forget();
      watch().finding = "load report lost: " + why;
    }
  }

  void set_finding(std::string text) {
    if (watch().finding == text) return;
    watch().finding = std::move(text);
    log::info("load report", {{"pool", pool_name_}, {"endpoint", endpoint_->config.name}, {"finding", watch().finding}});
  }

  void hand_over_adapters(Pool& pool) {
    std::vector<std::uint64_t> hashes;
    for (const std::string& name : watch().adapters) hashes.push_back(model_hash(name));
    const Instant now = control_.reactor.now();
    pool.with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.adapters_reported(endpoint_->id, hashes, now); });
    adapters_changed_ = false;
  }

  void hand_over(Pool& pool) {
    const route::LoadReport report = *std::exchange(news_, std::nullopt);
    watch().last_at = report.at;
    const Instant now = control_.reactor.now();
    pool.with_scheduler(now, [&](route::RecordedScheduler& scheduler) { scheduler.load_reported(endpoint_->id, report, now); });
  }

  Control& control_;
  const std::shared_ptr<ManagedEndpoint> endpoint_;
  const std::string pool_name_;
  net::HttpClient client_;
  Question question_{.config = {.enabled = false}};
  std::vector<protocol::FigureSource> mapping_;
  std::string host_ = "localhost";
  net::Address asked_;
  LoadPace pace_;
  protocol::LoadRates rates_;
  std::optional<route::LoadReport> news_;
  bool adapters_changed_ = false;
};

}  // namespace

Duration LoadPace::pause(Duration interval) const {
  if (failures_ > 0) return doubled(interval, failures_ - 1, LoadRetryMax);
  if (absences_ > 0) return doubled(std::max(interval, LoadAbsentFirst), absences_ - 1, LoadAbsentMax);
  return interval;
}

route::LoadReport to_load_report(const protocol::LoadFigures& figures, Instant at) {
  using enum protocol::Figure;
  return {.at = at,
          .running = figures[Running],
          .waiting = figures[Waiting],
          .waiting_tokens = figures[WaitingTokens],
          .kv_used = figures[KvUsed],
          .kv_capacity_tokens = figures[KvCapacityTokens],
          .utilization = figures[Utilization],
          .generated_tokens_per_s = figures[GeneratedTokensPerS],
          .prefix_hit_share = figures[PrefixHitShare],
          .requests_max = figures[RequestsMax]};
}

std::optional<route::LoadReport> load_report_in_header(std::string_view name, std::string_view value, Instant now) {
  const auto form = protocol::orca_form(name);
  if (!form) return std::nullopt;
  const auto figures = protocol::read_orca(value, *form);
  if (!figures) return std::nullopt;
  return to_load_report(*figures, now);
}

std::vector<protocol::FigureSource> figure_sources(const LoadReportConfig& config) {
  std::vector<protocol::FigureSource> sources;
  for (const auto& [key, metric] : config.figures) {
    const auto figure = protocol::figure_named(key);
    if (!figure) continue;
    sources.push_back({.figure = *figure,
                       .metric = metric.metric,
                       .labels = {metric.labels.begin(), metric.labels.end()},
                       .scale = metric.scale,
                       .combine = metric.combine});
  }
  return sources;
}

net::Task<> collect_load(Control& control, std::shared_ptr<ManagedEndpoint> endpoint, std::string pool_name) {
  Collector collector(control, std::move(endpoint), std::move(pool_name));
  co_await collector.run();
}

}  // namespace evener::gateway
