// Hedging: when the first token is late, a second endpoint is asked beside the first. Whoever has content first is passed on; the other one is
// cancelled at once, its connection closed, because what it would still compute helps nobody.

#include <span>
#include <variant>

#include "evener/gateway/exchange.h"

namespace evener::gateway {

net::Task<Attempt::Result> Exchange::race(Pool& pool, Duration hedge_after) {
  hedge_ = std::make_unique<Hedge>(reactor_);
  Hedge& hedge = *hedge_;
  hedge.runner.start(run_hedge(pool, hedge_after));
  const Attempt::Result first = co_await attempt_->run(answer_limit());
  awaits_answer_ = false;  // what it has may be passed on as soon as the hedge has ended: nobody may take its place now
  // A first attempt that failed leaves the request to the hedge, if there is one already; else it is retried like any other.
  const bool wait_for_hedge = first.end != Attempt::End::Answered && !hedge.won && hedge.attempt && !request_.client_gone;
  if (wait_for_hedge) {
    Attempt::Result failed = first;
    end_unanswered(*attempt_, failed);  // its endpoint's doing is known now, however long the hedge takes
  } else if (!hedge.won) {
    hedge.late.set();
    if (hedge.attempt) hedge.attempt->cancel();
  }
  co_await hedge.runner.join();
  if (!hedge.attempt) co_return first;
  pool.metrics().hedges[static_cast<std::size_t>(hedge.won ? HedgeResult::Won : HedgeResult::Lost)].add();
  Attempt& loser = hedge.won ? *attempt_ : *hedge.attempt;
  pool.metrics().hedge_tokens.add(loser.prompt_cost());
  co_await lose(loser, hedge.won ? first : hedge.result);
  if (!hedge.won) co_return first;
  current_ = &*hedge.attempt;
  co_return hedge.result;
}

net::Task<> Exchange::run_hedge(Pool& pool, Duration hedge_after) {
  Hedge& hedge = *hedge_;
  if (co_await hedge.late.wait_until(attempt_->since() + hedge_after) != net::Event::Result::TimedOut) co_return;
  if (attempts_ >= AttemptsMax) co_return;
  Waiter nobody(reactor_);  // a hedge never waits
  constexpr auto kind = route::Scheduler::Attempt::Hedge;
  const Pool::Decided decided =
      pool.retry(request_.id, request_.model, request_.view, std::span(tried_).first(attempts_), kind, nobody, reactor_.now());
  const auto* dispatch = std::get_if<route::Dispatch>(&decided.decision);
  if (dispatch == nullptr) {
    pool.metrics().hedges[static_cast<std::size_t>(HedgeResult::NotAllowed)].add();
    co_return;
  }
  Lease lease(pool, *dispatch, kind, decided.number, reactor_);
  tried_[attempts_++] = dispatch->endpoint;
  const Endpoint* endpoint = route_->find(dispatch->endpoint);  // in the routing that the first attempt uses
  if (endpoint == nullptr) {
    lease.end({.ending = route::Ending::Cancelled, .blocks = request_.view.blocks});
    co_return;
  }
  hedge.attempt.emplace(request_, *route_, routing_->config(), *endpoint, *dispatch, std::move(lease));
  hedge.result = co_await hedge.attempt->run(answer_limit());
  if (hedge.attempt->cancelled()) co_return;
  // An error that comes soon must not take the place of the answer that the first one, while it runs, may still give.
  const bool error = hedge.attempt->answer().status >= 400 && attempt_->lease().held();
  if (hedge.result.end != Attempt::End::Answered || error) {
    co_await lose(*hedge.attempt, hedge.result);
    co_return;
  }
  hedge.won = true;
  attempt_->cancel();
}

net::Task<> Exchange::lose(Attempt& attempt, Attempt::Result result) {
  // One that failed by itself says so; one that was overtaken says nothing of its endpoint.
  if (result.end == Attempt::End::Answered && attempt.cancelled())
    result = {.end = Attempt::End::Failed, .ending = route::Ending::Cancelled};
  const std::string detail = detail_;
  end_unanswered(attempt, result);
  detail_ = detail;
  co_await attempt.stop();
  attempt.drop_answer();
}

}  // namespace evener::gateway
