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
#include "evener/gateway/attempt.h"
#include "evener/gateway/body_pace.h"
#include "evener/gateway/client_request.h"
#include "evener/gateway/continuation.h"
#include "evener/gateway/memory_quota.h"
#include "evener/gateway/pool.h"
#include "evener/gateway/refusals.h"
#include "evener/gateway/routing.h"
#include "evener/gateway/session.h"
#include "evener/protocol/openai.h"
#include "evener/protocol/priority_hint.h"
#include "evener/protocol/sse.h"

namespace evener::gateway {

enum class AfterExchange : std::uint8_t { KeepAlive, Close };

class Exchange {
 public:
  static constexpr std::size_t LoggedTextMax = 128;  // of a path or model in the log
  static constexpr std::uint32_t AttemptsMax = 10;   // retry.attempts_max can be no higher

  /// Serves the next request of the session.
  [[nodiscard]] static net::Task<AfterExchange> run(Session& session);

  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  explicit Exchange(Session& session);
  ~Exchange();

  // exchange_read.cc: the head and a whole body
  net::Task<bool> read_head();                                          // false: answered, or the client is gone
  net::Task<bool> read_body(std::uint64_t limit);                       // the same; on success body() is whole
  net::Task<bool> receive(Instant deadline, BodyPace* pace = nullptr);  // behind request_.end; false: gone, or late and told so
  net::Task<bool> read_chunked_body(std::uint64_t limit);
  net::Task<> continue_if_expected();
  void take_request_line();
  void move_request(net::Buffer larger);
  [[nodiscard]] bool enlarge_request(std::size_t bytes);  // false: the memory quota does not allow it
  net::Task<> refuse_for_memory();
  net::Task<> refuse_body(BodyFault fault);
  net::Task<> refuse_large(std::uint64_t limit);

  // exchange.cc: routing, answers of our own, the log
  net::Task<> find_route();  // sets route_, or answers
  /// Sets route_, and what headers say of urgency and tenant. Gives the tenant's name, which stands in the parsed head.
  std::string_view take_route(const PoolRoute& route);
  /// Where route_'s pool asks for it.
  void read_prompt(protocol::Operation operation, const protocol::OpenAiRequest& request, std::string_view tenant);
  net::Task<> serve_models(const protocol::OperationMatch& match);
  net::Task<> refuse(OwnError error, EndedBy ended = EndedBy::Refused);
  net::Task<> answer(std::uint16_t status, std::string_view content_type, std::string body, Duration retry_after = {});
  net::Task<> linger();  // lets an early answer arrive before the connection closes
  void name_request();   // request id and trace context
  void write_log();

  // exchange_proxy.cc: deciding and trying
  /// Asks route_'s endpoints, with request_.body_mode. How the attempt that current_ names ended, if its answer is to be passed on; else the
  /// client has been told why there is none, or is gone.
  net::Task<std::optional<route::Ending>> ask(Pool& pool);
  [[nodiscard]] bool bind_to_zones();  // by the data class; false: it is one that the pool does not know
  [[nodiscard]] bool decide(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried,
                            route::Scheduler::Attempt kind);                                          // false: it is in the queue now
  net::Task<bool> wait_in_queue(Pool& pool, Pool::Decided& decided, route::Scheduler::Attempt kind);  // false: the client left meanwhile
  /// Of a further attempt, with the wait for capacity; false as above.
  net::Task<bool> decide_again(Pool& pool, Pool::Decided& decided, std::span<const EndpointId> tried, route::Scheduler::Attempt kind);
  [[nodiscard]] const Endpoint* find_endpoint(const Pool& pool, EndpointId id);  // nullptr: it has been removed
  void end_unanswered(Attempt& attempt, Attempt::Result& result);                // attempt_, which brought no answer that counts
  net::Task<> stop_attempt();                   // attempt_, if there is one; nothing of it is of use any more
  [[nodiscard]] Duration answer_limit() const;  // to the first byte of an answer's body; 0 = none
  static void client_hung_up(void* self);
  static void give_way(void* self);                                  // to a more urgent request
  net::Task<bool> arrive_again(Pool& pool, Pool::Decided& decided);  // after that; false: the client left

  // exchange_hedge.cc: a second attempt while the first still runs
  struct Hedge {
    explicit Hedge(net::Reactor& reactor) : late(reactor) {}
    net::Event late;  // times out when the first token is late; set: no hedge is wanted any more
    net::Sibling runner;
    std::optional<Attempt> attempt;  // once there is one
    Attempt::Result result;
    bool won = false;
  };
  net::Task<Attempt::Result> race(Pool& pool, Duration hedge_after);  // attempt_ against a hedge; current_ is who answered
  net::Task<> run_hedge(Pool& pool, Duration hedge_after);
  net::Task<> lose(Attempt& attempt, Attempt::Result result);

  enum class Passed : std::uint8_t { More, Done, ClientGone, Bad };
  /// How an answer has been passed on.
  struct Passage {
    Passed passed = Passed::Done;
    route::Ending ending = route::Ending::Ok;
    const char* broken = nullptr;  // static; why it is not whole
    Duration to_first_token{};
  };

  // exchange_relay.cc: the answer from its first byte on
  net::Task<> proxy();  // asks route_'s endpoints, and passes an answer on
  void begin_answer(Attempt& attempt);
  net::Task<Passage> pass_all(Attempt& attempt, route::Ending ending);
  void conclude(Attempt& attempt);                                                  // a whole answer
  net::Task<> break_off(Attempt& attempt, route::Ending& ending, const char* why);  // what is not whole; `ending` may become the client's
  net::Task<> tell_broken(Attempt& attempt, std::string error);                     // in a last event, as JSON
  void end_attempt(Attempt& attempt, route::Ending ending, Duration to_first_token);

  // exchange_continue.cc: the rest of an answer that broke off
  net::Task<Passage> continue_elsewhere(Passage passage);          // current_ is then whoever came last
  net::Task<bool> ask_for_rest(Pool& pool, route::Ending ending);  // current_ is its answer; false: nobody gives one
  net::Task<Passed> pass_events(Attempt& attempt, std::string_view bytes);
  net::Task<Passed> send_events(std::string_view head, std::string_view events, std::string_view end);

  // exchange_pass.cc: its bytes
  net::Task<Passed> pass_on(Attempt& attempt, std::string_view bytes);
  void observe(const Attempt::Answer& answer, std::string_view data);

  Session& session_;
  Worker& worker_;
  net::Socket& client_;
  net::Reactor& reactor_;
  std::shared_ptr<const Routing> routing_;

  ClientRequest request_;
  MemoryQuota::Share memory_;  // for what request_ holds
  ShortText<LoggedTextMax> log_path_;
  std::string_view log_method_;                 // static
  std::optional<protocol::PriorityHint> tier_;  // what the body's service_tier says
  std::string tenant_;                          // for the log

  std::array<EndpointId, AttemptsMax> tried_{};
  std::optional<Attempt> attempt_;  // the latest, but for a hedge
  std::unique_ptr<Hedge> hedge_;    // of attempt_, where it may be hedged
  Attempt* current_ = nullptr;      // whose answer is passed on, and who is in the log
  Waiter waiter_;
  bool waiting_ = false;        // in the pool's queue
  bool awaits_answer_ = false;  // attempt_ runs, and nothing of an answer has come
  bool preempted_ = false;
  bool surplus_ = false;  // bytes came behind the answer
  std::optional<protocol::SseObserver> sse_;
  std::string json_answer_;
  std::unique_ptr<Continuation> continuation_;  // of a stream that another endpoint may go on with

  // For the log and the metrics.
  const PoolRoute* route_ = nullptr;  // in routing_
  std::string detail_;
  EndedBy ended_ = EndedBy::Done;
  std::uint16_t status_ = 0;
  std::uint32_t attempts_ = 0;  // how many of tried_
  Duration queue_{-1}, first_token_{-1};
  std::uint64_t response_bytes_ = 0;
  std::optional<protocol::Usage> usage_;
};

}  // namespace evener::gateway
