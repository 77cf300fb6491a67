#include "evener/load/worker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "evener/base/clock.h"
#include "evener/base/json_writer.h"

namespace evener::load {
namespace {

constexpr std::size_t WholeAnswerBytesMax = 64UL * 1024 * 1024;
constexpr std::size_t ErrorBytesMax = 64UL * 1024;

// How soon a server's close of an idle connection that crossed our request must show.
constexpr Duration KeepAliveRaceMax = std::chrono::milliseconds(50);

bool was_closed(const Error& error) {
  return error.message.ends_with("the server closed the connection") || error.message.ends_with(std::strerror(ECONNRESET)) ||
         error.message.ends_with(std::strerror(EPIPE));
}

Failure failure_of_status(std::uint16_t status) {
  if (status == 429 || status == 503) return Failure::Refused;
  return status < 500 ? Failure::Client : Failure::Server;
}

}  // namespace

Worker::Worker(const LoadOptions& options, const Target& target, Workload workload, Share share, LiveCounts& live,
               std::function<void(const RequestRecord&)> on_request)
    : options_(options),
      target_(target),
      workload_(std::move(workload)),
      share_(share),
      live_(live),
      on_request_(std::move(on_request)),
      timer_(reactor_),
      report_(options.objectives) {}

void Worker::run(Instant start) {
  start_ = start;
  const auto* closed = std::get_if<ClosedLoop>(&options_.workload.arrival);
  const std::uint64_t total = closed != nullptr ? closed->connections : options_.connections_max;
  lanes_max_ = static_cast<std::uint32_t>(total / share_.count + (share_.index < total % share_.count ? 1 : 0));
  if (closed != nullptr) {
    no_more_ = true;
    lanes_ = lanes_max_;
    for (std::uint32_t i = 0; i < lanes_max_; ++i) reactor_.spawn(serve_closed());
    if (lanes_max_ == 0) reactor_.stop();
  } else {
    lanes_max_ = std::max(lanes_max_, 1U);
    reactor_.spawn(dispatch());
  }
  reactor_.run();
  report_.not_sent += waiting_.size();
}

std::optional<Job> Worker::next_job() {
  while (const auto job = workload_.next()) {
    if (job->number % share_.count == share_.index) return job;
  }
  return std::nullopt;
}

net::Task<> Worker::dispatch() {
  const Instant end = options_.duration > Duration{} ? start_ + options_.duration : Instant::max();
  bool ended_by_time = false;
  while (const auto job = next_job()) {
    const Instant at = start_ + job->at;
    if (at >= end) {
      ended_by_time = true;
      break;
    }
    if (at > monotonic_now() && !co_await timer_.wait_until(at)) co_return;
    if (waiting_.size() >= options_.waiting_max) {
      ++report_.not_sent;
      continue;
    }
    waiting_.push_back({.job = *job, .intended = at});
    if (!idle_.empty()) {
      idle_.back()->wake.set();
      idle_.pop_back();
    } else if (lanes_ < lanes_max_) {
      ++lanes_;
      reactor_.spawn(serve_open());
    } else {
      ++report_.overdue;
    }
  }
  if (ended_by_time && !co_await timer_.wait_until(end)) co_return;
  no_more_ = true;
  // Who waits for a connection until now will not be sent any more; while there are connections to spare nobody waits for long.
  if (ended_by_time && lanes_ == lanes_max_) {
    report_.not_sent += waiting_.size();
    waiting_.clear();
  }
  for (Lane* lane : std::exchange(idle_, {})) lane->wake.set();
  if (lanes_ == 0) reactor_.stop();
}

net::Task<std::optional<Worker::Due>> Worker::wait_for_due(Lane& lane) {
  while (waiting_.empty()) {
    if (no_more_ || reactor_.stopping()) co_return std::nullopt;
    idle_.push_back(&lane);
    if (co_await lane.wake.wait_until(Instant::max()) == net::Event::Result::Cancelled) co_return std::nullopt;
  }
  const Due due = waiting_.front();
  waiting_.pop_front();
  co_return due;
}

net::Task<> Worker::serve_open() {
  Lane lane(reactor_);
  while (const auto due = co_await wait_for_due(lane)) {
    co_await perform(lane, *due);
    if (reactor_.stopping()) break;
  }
  std::erase(idle_, &lane);
  lane_ended();
}

net::Task<> Worker::serve_closed() {
  Lane lane(reactor_);
  const Instant end = options_.duration > Duration{} ? start_ + options_.duration : Instant::max();
  while (!reactor_.stopping() && monotonic_now() < end) {
    const auto job = next_job();
    if (!job) break;
    co_await perform(lane, {.job = *job, .intended = monotonic_now()});
  }
  lane_ended();
}

void Worker::lane_ended() {
  --lanes_;
  if (lanes_ == 0 && no_more_ && waiting_.empty()) reactor_.stop();
}

net::HttpRequest Worker::request_for(const Job& job) const {
  net::HttpRequest request{.method = "POST",
                           .path = target_.base_path + (options_.api == Api::Chat ? "/v1/chat/completions" : "/v1/completions"),
                           .query = {},
                           .headers = options_.headers,
                           .body = {}};
  request.headers.emplace_back("Content-Type", "application/json");
  if (!options_.api_key.empty()) request.headers.emplace_back("Authorization", "Bearer " + options_.api_key);

  const std::string prompt = workload_.prompt(job);
  request.body.reserve(prompt.size() + 256);
  JsonWriter json(request.body);
  json.begin_object().member("model", options_.model).member("max_tokens", job.output_tokens);
  if (options_.answer_length == AnswerLength::Exact) json.member("ignore_eos", true);
  if (options_.streaming == Streaming::Yes) {
    json.member("stream", true).key("stream_options").begin_object().member("include_usage", true).end_object();
  }
  if (options_.api == Api::Chat) {
    json.key("messages").begin_array().begin_object().member("role", "user").member("content", prompt).end_object().end_array();
  } else {
    json.member("prompt", prompt);
  }
  json.end_object();
  return request;
}

net::Task<Result<void>> Worker::connect(Lane& lane, Instant deadline) {
  Result<void> result;
  for (std::size_t tried = 0; tried < target_.addresses.size(); ++tried) {
    result = co_await lane.client.connect(target_.addresses[address_], deadline);
    if (result) {
      ++report_.connections_opened;
      co_return result;
    }
    address_ = (address_ + 1) % target_.addresses.size();
  }
  co_return result;
}

/// A kept connection may have been closed by the server while it was idle, which shows only when it is used: then once more on a new one.
/// A break that comes later, or anything else that goes wrong, is the server's failure and counts.
net::Task<Result<net::HttpResponse>> Worker::send(Lane& lane, const net::HttpRequest& request, Instant deadline) {
  const bool reused = lane.client.connected();
  if (!reused) {
    if (auto connected = co_await connect(lane, deadline); !connected) co_return tl::unexpected(connected.error());
  }
  const Instant begun = monotonic_now();
  auto head = co_await lane.client.send(request, target_.host, deadline);
  if (head || !reused || !was_closed(head.error()) || monotonic_now() - begun > KeepAliveRaceMax || reactor_.stopping()) co_return head;
  ++report_.resent;
  if (auto connected = co_await connect(lane, deadline); !connected) co_return tl::unexpected(connected.error());
  co_return co_await lane.client.send(request, target_.host, deadline);
}

net::Task<> Worker::perform(Lane& lane, Due due) {
  const net::HttpRequest request = request_for(due.job);
  RequestRecord record;
  record.intended = due.intended;
  record.input_tokens = due.job.input_tokens;
  record.streamed = options_.streaming == Streaming::Yes;
  record.sent = monotonic_now();
  const Instant deadline = record.sent + options_.request_timeout;
  live_.sent.fetch_add(1, std::memory_order_relaxed);

  const auto head = co_await send(lane, request, deadline);
  if (!head) {
    // Without a connection there is no descriptor; connect() has failed then, because send() is only tried on an open one.
    const bool connecting = head.error().message.starts_with("connect to ");
    record.failure = failure_of(head.error(), deadline, connecting ? Failure::Connect : Failure::Broken);
  } else {
    record.status = head->status;
    record.endpoint = net::header_value(head->headers, "x-evener-endpoint");
    if (record.endpoint.empty()) record.endpoint = net::header_value(head->headers, "x-evener-engine");
    if (head->status >= 400) {
      record.failure = failure_of_status(head->status);
      std::size_t bytes = 0;
      for (;;) {  // read to the end, so that the connection can be used again
        const auto piece = co_await lane.client.read_body(deadline);
        if (!piece || piece->empty()) break;
        if ((bytes += piece->size()) > ErrorBytesMax) {
          lane.client.close();
          break;
        }
      }
    } else if (head->status != 200) {
      record.failure = Failure::Malformed;
      lane.client.close();
    } else if (record.streamed) {
      const bool is_stream = net::header_value(head->headers, "content-type").starts_with("text/event-stream");
      record.failure = is_stream ? co_await read_stream(lane, record, deadline) : Failure::Malformed;
    } else {
      record.failure = co_await read_whole(lane, record, deadline);
    }
    if (record.failure == Failure::Malformed || record.failure == Failure::StreamError) lane.client.close();
  }
  record.end = monotonic_now();
  if (record.failure != Failure::None && reactor_.stopping()) {
    ++report_.cancelled;
    co_return;
  }
  settle(record);
}

net::Task<Failure> Worker::read_stream(Lane& lane, RequestRecord& record, Instant deadline) {
  lane.reader.reset();
  std::uint32_t events = 0;
  for (;;) {
    const auto piece = co_await lane.client.read_body(deadline);
    const Instant now = monotonic_now();
    if (!piece) co_return failure_of(piece.error(), deadline, Failure::Broken);
    if (piece->empty()) break;
    const std::uint32_t with_content = lane.reader.feed(*piece);
    if (lane.reader.failure() != Failure::None) co_return lane.reader.failure();
    for (std::uint32_t i = 0; i < with_content; ++i) {
      if (events++ == 0) {
        record.first_token = now;
      } else {
        report_.add_inter_token(now - record.last_token);
      }
      record.last_token = now;
    }
  }
  if (!lane.reader.done()) co_return Failure::Truncated;
  record.output_tokens = lane.reader.tokens().output_tokens.value_or(events);
  record.cached_tokens = lane.reader.tokens().cached_tokens;
  co_return Failure::None;
}

net::Task<Failure> Worker::read_whole(Lane& lane, RequestRecord& record, Instant deadline) {
  std::string body;
  for (;;) {
    const auto piece = co_await lane.client.read_body(deadline);
    if (!piece) co_return failure_of(piece.error(), deadline, Failure::Broken);
    if (piece->empty()) break;
    if (body.size() + piece->size() > WholeAnswerBytesMax) co_return Failure::Malformed;
    body += *piece;
  }
  const auto tokens = read_whole_answer(body);
  if (!tokens) co_return Failure::Malformed;
  record.output_tokens = tokens->output_tokens.value_or(0);
  record.cached_tokens = tokens->cached_tokens;
  co_return Failure::None;
}

Failure Worker::failure_of(const Error& error, Instant deadline, Failure otherwise) {
  if (monotonic_now() >= deadline) return Failure::TimedOut;
  // The client reports bytes that are not HTTP as EPROTO.
  return error.message.ends_with("Protocol error") ? Failure::Malformed : otherwise;
}

void Worker::settle(RequestRecord& record) {
  (record.failure == Failure::None ? live_.succeeded : live_.failed).fetch_add(1, std::memory_order_relaxed);
  report_.add(record);
  if (on_request_) on_request_(record);
}

}  // namespace evener::load
