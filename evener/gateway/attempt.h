#pragma once
// Attempt: one try to have a request answered by one endpoint. It holds the place there, the connection, what is being sent, and the answer up
// to its first byte; and it ends in the load book exactly once. Whether to try elsewhere, and what becomes of the answer behind its first byte,
// is decided by the exchange, which may hold two of these at the same time.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "evener/gateway/client_request.h"
#include "evener/gateway/kv_note.h"
#include "evener/gateway/pool.h"
#include "evener/gateway/routing.h"
#include "evener/net/buffer.h"
#include "evener/net/http1/chunked.h"
#include "evener/net/http1/head.h"
#include "evener/net/http1/head_text.h"
#include "evener/net/socket.h"
#include "evener/net/task.h"

namespace evener::gateway {

/// Used on its worker's thread only. What it is made of outlives it. Between run() and its destruction stop() must have been awaited.
class Attempt {
 public:
  enum class End : std::uint8_t { Answered, NotTaken, Failed };  // with the first two an answer is kept
  struct Result {
    End end = End::Answered;
    route::Ending ending = route::Ending::Ok;
    bool may_retry = false;  // as far as this attempt goes; budgets are the pool's
  };

  /// What of an answer's head outlives its buffer.
  struct Answer {
    std::uint16_t status = 0;
    net::http1::Framing framing = net::http1::Framing::None;
    bool keep_alive = false;
    bool event_stream = false, json = false;  // and not compressed: it can be read on its way
    bool complete = false;                    // nothing more of it is to come
    std::uint64_t remaining = 0;              // with a length: bytes not yet taken
    net::http1::ChunkedDecoder chunks;        // with chunks
    Duration retry_after{};
  };
  /// Its head as the client will see it, and the bytes that came with it.
  struct Kept {
    net::http1::HeadText head;
    net::Buffer block;
    std::size_t begin = 0, end = 0;
  };

  Attempt(ClientRequest& request, const PoolRoute& route, const Config& config, const Endpoint& endpoint, const route::Dispatch& dispatch,
          Lease&& lease);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  /// Connects, sends, and waits (once all is sent, at most `answer_limit`; 0 = as long as it takes) for the first byte behind the answer's head,
  /// or the first content of a stream: until then the request can still go elsewhere. Once.
  net::Task<Result> run(Duration answer_limit);
  /// Fails whatever it waits for, as Cancelled. Safe from anywhere on the worker's thread.
  void cancel() {
    cancelled_ = true;
    connection_.cancel();
  }
  /// Ends what is still being sent and closes the connection, unless that was given back.
  net::Task<> stop();
  /// The answer has begun to be passed on.
  void first_token() { lease_.first_token(); }
  /// Says how it went, once; later calls do nothing.
  void end(route::Outcome outcome, const std::optional<protocol::Usage>& usage = {});
  /// After a whole answer: keeps the connection for others, if it can be used again.
  void keep_connection();
  /// Nothing of the answer is of use any more.
  void drop_answer() { kept_ = {}; }

  [[nodiscard]] const Endpoint& endpoint() const { return endpoint_; }
  [[nodiscard]] const PoolRoute& route() const { return route_; }
  [[nodiscard]] const Lease& lease() const { return lease_; }
  [[nodiscard]] route::PickReason pick() const { return pick_; }
  [[nodiscard]] Instant since() const { return lease_.since(); }
  [[nodiscard]] Duration connect_time() const { return connect_time_; }  // negative = there was no connection
  [[nodiscard]] const std::string& detail() const { return detail_; }    // why it failed
  /// Tokens that the endpoint probably computes for it before anything of an answer comes.
  [[nodiscard]] std::uint32_t prompt_cost() const {
    return lease_.share().charge - std::min(lease_.share().charge, lease_.share().output_tokens);
  }
  [[nodiscard]] bool cancelled() const { return cancelled_; }
  [[nodiscard]] bool sending() const { return sender_.running(); }
  /// For a wait of at most `step` (0 = no limit) within the request's total time.
  [[nodiscard]] Instant deadline(Duration step) const;

  // For passing the answer on.
  [[nodiscard]] net::Socket& connection() { return connection_; }
  [[nodiscard]] Answer& answer() { return answer_; }
  [[nodiscard]] const Answer& answer() const { return answer_; }
  [[nodiscard]] Kept& kept() { return kept_; }

 private:
  // attempt_send.cc
  net::Task<long> open_connection();
  net::Task<long> send_request();
  net::Task<> send_large(net::http1::HeadText head);
  void body_sent();              // from now on it is the endpoint's turn
  void send_failed(long error);  // of what is sent beside the wait for the answer

  // attempt_pump.cc
  net::Task<> pump_body(net::http1::HeadText head);

  // attempt_await.cc
  net::Task<Result> await_answer();
  void take_head(const net::http1::ResponseHead& head);
  void take_load_report(const net::http1::ResponseHead& head);
  void read_allowance(const net::http1::Headers& headers);  // attempt_allowance.cc
  void write_client_head(net::http1::HeadWriter& writer, const net::http1::ResponseHead& head) const;
  [[nodiscard]] std::string decision_text() const;  // of x-evener-decision

  Result failed(route::Ending ending, bool may_retry, std::string_view detail);

  ClientRequest& request_;
  const PoolRoute& route_;
  const Config& config_;
  const Endpoint& endpoint_;
  Worker& worker_;
  Lease lease_;
  KvNote kv_note_;
  net::Socket connection_;
  net::Sibling sender_;
  Duration answer_limit_{};  // from the request's last byte to the answer's first; 0 = none
  Instant give_up_ = Instant::max();
  route::PickReason pick_;
  bool reused_ = false, got_bytes_ = false;
  bool cancelled_ = false;
  bool awaits_answer_ = false, stalled_ = false;  // stalled: the endpoint takes nothing of the request
  bool asked_for_load_ = false;                   // so what it says is for us and not for the client
  bool request_sent_ = false;                     // a whole body, to its end: a later request may follow on the connection
  Duration connect_time_{-1};
  Answer answer_;
  Kept kept_;
  std::string detail_;
};

}  // namespace evener::gateway
