#include <doctest/doctest.h>

#include "evener/net/reactor.h"

namespace evener::net {
namespace {

Task<> wait_for(Event& event, Event::Result& result) { result = co_await event.wait_until(Instant::max()); }

}  // namespace

TEST_CASE("a message that comes between a cancellation and its waiter's resumption is not lost") {
  Reactor reactor;
  Event event(reactor);
  Event::Result result = Event::Result::TimedOut;
  reactor.spawn(wait_for(event, result));
  // Both in one turn: a client leaves, and the capacity it waited for is handed to it.
  event.cancel();
  event.set();
  reactor.stop();
  reactor.run();
  CHECK(result == Event::Result::Set);
}

TEST_CASE("a cancellation does not take back a message") {
  Reactor reactor;
  Event event(reactor);
  Event::Result result = Event::Result::TimedOut;
  reactor.spawn(wait_for(event, result));
  event.set();
  event.cancel();
  reactor.stop();
  reactor.run();
  CHECK(result == Event::Result::Set);
}

}  // namespace evener::net
