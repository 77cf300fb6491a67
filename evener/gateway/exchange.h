#pragma once
// Exchange: one request and its answer. Reads and checks the head, finds the pool, reads the body (whole where it must be inspected,
// else as a stream), lets the pool decide, tries endpoints until one answers, relays the answer as it comes, and writes one log line.
// It lives in a coroutine frame that exists only while the request does.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "evener/base/short_text.h"
#include "evener/gateway/access_log.h"
#include "evener/gateway/kv_note.h"
#include "evener/gateway/body_pace.h"
#include "evener/gateway/memory_quota.h"
#include "evener/gateway/pool.h"
#include "evener/gateway/prompt_note.h"
#include "evener/gateway/routing.h"
#include "evener/gateway/session.h"
#include "evener/net/http1/chunked.h"
#include "evener/net/http1/head.h"
#include "evener/net/http1/head_text.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/priority_hint.h"
#include "evener/protocol/sse.h"
#include "evener/telemetry/trace_context.h"

namespace evener::gateway {

enum class AfterExchange : std::uint8_t { KeepAlive, Close };

/// Serves the next request of the session.
[[nodiscard]] net::Task<AfterExchange> run_exchange(Session& session);

/// An answer of our own that tells a client what to do. `type` and `code` are OpenAI's, so that its SDKs raise the matching exception.
struct OwnError {
  std::uint16_t status = 500;
  std::string_view type, code;
  std::string message;
  Duration retry_after{};              // 0 = no Retry-After
};

class Exchange {
 public:
  static constexpr std::size_t LoggedTextMax = 128;          // of a path or model in the log
  static constexpr std::size_t RequestIdMax = 128;           // a longer one of the client is not taken
  static constexpr std::uint32_t AttemptsMax = 10;           // retry.attempts_max can be no higher

  explicit Exchange(Session& session);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  net::Task<AfterExchange> run();

 private:
  // exchange_read.cc: the head and a whole body
  net::Task<bool> read_head();                               // false: answered, or the client is gone
  net::Task<bool> read_body(std::uint64_t limit);            // the same; on success body() is whole
  net::Task<bool> receive(Instant deadline, BodyPace* pace = nullptr);  // behind request_end_; false: gone, or late and told so
  net::Task<bool> read_chunked_body(std::uint64_t limit);
  net::Task<> continue_if_expected();
  void take_request_line();
  void move_request(net::Buffer larger);
  [[nodiscard]] bool enlarge_request(std::size_t bytes);     // false: the memory quota does not allow it
  [[nodiscard]] BodyPace body_pace() const;
  [[nodiscard]] net::http1::RequestHead& parsed_head();      // parses again after a suspension; costs a third of a microsecond
  [[nodiscard]] std::string_view body() const;

  // exchange.cc: routing, answers of our own, the log
  net::Task<> find_route();                                  // sets route_, or answers
  void take_route(const PoolRoute& route);                   // sets route_, and what headers say of urgency and tenant
  void read_prompt(protocol::Operation operation, const protocol::OpenAiRequest& request);  // where route_'s pool asks for it
  net::Task<> serve_models(const protocol::OperationMatch& match);
  net::Task<> refuse(OwnError error, EndedBy ended = EndedBy::Refused);
  net::Task<> answer(std::uint16_t status, std::string_view content_type, std::string body, Duration retry_after = {});
  net::Task<> linger();                                      // lets an early answer arrive before the connection closes
  void name_request();                                       // request id and trace context
  void write_log();

  // exchange_proxy.cc: deciding and trying
  enum class BodyMode : std::uint8_t { Whole, Streamed };
  struct Attempt {
    enum class End : std::uint8_t { Answered, NotTaken, Failed } end = End::Answered;  // with the first two an answer is kept
    route::Ending ending = route::Ending::Ok;
    bool may_retry = false;
  };
  net::Task<> proxy();                                       // to route_, with body_mode_
  [[nodiscard]] bool bind_to_zones();                        // by the data class; false: it is one that the pool does not know
  net::Task<bool> decide(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried, route::Scheduler::Attempt kind);
  void find_endpoint(const Pool& pool, EndpointId id);
  enum class Connection : std::uint8_t { KeptOrNew, New };
  net::Task<Attempt> try_endpoint(Connection connection);
  net::Task<long> open_connection();
  net::Task<long> send_request();
  net::Task<> pump_body(net::http1::HeadText head);          // runs beside the wait for the answer
  net::Task<> send_large(net::http1::HeadText head);
  net::Task<> stop_sending();                                // ends what runs beside, and the connection with it
  void write_upstream_head(net::http1::HeadWriter& writer);
  std::size_t body_pieces(std::array<iovec, 4>& pieces, std::size_t at, std::string& model) const;
  net::Task<> refuse_for_memory();
  enum class BodyFault : std::uint8_t { None, Malformed, Late };
  [[nodiscard]] static OwnError body_error(BodyFault fault);
  net::Task<> refuse_body(BodyFault fault);
  net::Task<> refuse_large(std::uint64_t limit);
  net::Task<> refuse_with(const route::Refusal& refusal);
  net::Task<> refuse_after(const Attempt& attempt);
  [[nodiscard]] Duration class_limit(std::string_view name) const;
  static void client_hung_up(void* self);

  // exchange_relay.cc: passing the answer on
  struct Answer {                                            // what of the head outlives its buffer
    std::uint16_t status = 0;
    net::http1::Framing framing = net::http1::Framing::None;
    bool keep_alive = false, event_stream = false, json = false;
    std::uint64_t remaining = 0;
    Duration retry_after{};
  };
  net::Task<Attempt> await_answer();
  net::Task<> relay(route::Ending ending);
  enum class Passed : std::uint8_t { More, Done, ClientGone, Bad };
  net::Task<Passed> pass_on(std::string_view bytes);
  net::Task<> break_off(std::string error);                  // what to tell in a last event, as JSON
  [[nodiscard]] std::string decision_text() const;           // of x-evener-decision
  void write_client_head(net::http1::HeadWriter& writer, const net::http1::ResponseHead& head) const;
  void observe(std::string_view data);
  void first_byte();
  void end_attempt(route::Ending ending, Duration to_first_token);  // of an answer that was passed on
  [[nodiscard]] Instant answer_deadline(Duration step) const;

  Session& session_;
  Worker& worker_;
  net::Socket& client_;
  net::Reactor& reactor_;
  std::shared_ptr<const Routing> routing_;

  // The request. Its bytes stay until the first byte of an answer is passed on, because until then it may be sent again.
  net::Buffer request_;
  std::size_t head_bytes_ = 0, request_end_ = 0;             // request_ holds [head][body or its beginning][next request]
  net::Buffer chunked_body_;                                 // the decoded body, when it came in chunks
  std::size_t chunked_body_bytes_ = 0;
  std::uint64_t body_bytes_ = 0;                             // of a whole body
  MemoryQuota::Share memory_;
  net::http1::Method method_ = net::http1::Method::Other;
  net::http1::Framing request_framing_ = net::http1::Framing::None;
  std::uint64_t request_content_length_ = 0;
  bool http10_ = false, keep_alive_ = true, expects_continue_ = false;
  bool body_read_ = false;                                   // nothing of this request is left in the connection
  BodyMode body_mode_ = BodyMode::Whole;
  bool request_sent_ = false;                                // a whole body, to its end: a later request may follow on the connection
  BodyFault body_fault_ = BodyFault::None;                   // of a streamed body, while it was passed on
  bool body_forwarded_ = false;                              // a streamed body has begun to flow: it cannot be sent again
  std::uint8_t hops_ = 0;
  ShortText<RequestIdMax> request_id_;
  ShortText<LoggedTextMax> log_path_;
  std::string model_;
  std::string_view log_method_;                              // static
  Duration first_token_limit_{-1};
  telemetry::TraceContext trace_;
  protocol::ByteRange model_value_;                          // in the body: what to replace when the model is renamed
  bool model_renamed_ = false, model_quoted_ = true;
  route::RequestView view_;
  std::optional<protocol::PriorityHint> tier_;               // what the body's service_tier says
  std::string tenant_;                                       // for the log
  std::unique_ptr<PromptNote> prompt_;                       // in pools that ask for it

  // The attempt.
  net::Socket upstream_;
  Lease lease_;
  KvNote kv_note_;
  net::Sibling sender_;
  bool reused_ = false, got_bytes_ = false, client_gone_ = false, answer_begun_ = false, answer_done_ = false, surplus_ = false;
  Waiter* waiting_ = nullptr;
  Answer answer_;
  struct KeptAnswer {                                        // its head as the client will see it, and the bytes that came with it
    net::http1::HeadText head;
    net::Buffer block;
    std::size_t begin = 0, end = 0;
  };
  KeptAnswer kept_answer_;
  net::http1::ChunkedDecoder chunks_;
  std::optional<protocol::SseObserver> sse_;
  std::string json_answer_;

  // For the log and the metrics.
  const PoolRoute* route_ = nullptr;                         // both in routing_
  const Endpoint* endpoint_ = nullptr;                       // of the latest attempt
  std::string detail_;
  std::string_view pick_;
  EndedBy ended_ = EndedBy::Done;
  std::uint16_t status_ = 0;
  std::uint32_t attempts_ = 0;
  Instant began_, dispatched_{};
  Duration queue_{-1}, connect_{-1}, first_token_{-1};
  std::uint64_t request_bytes_ = 0, response_bytes_ = 0;
  std::optional<protocol::Usage> usage_;
};

}  // namespace evener::gateway
