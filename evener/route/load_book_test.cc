#include "evener/route/load_book.h"

#include <doctest/doctest.h>

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {
Instant at(Duration since_start) { return Instant{} + since_start; }

LoadBook book_of(std::uint32_t endpoints, std::uint32_t capacity = 0) {
  LoadBook book;
  for (std::uint32_t id = 1; id <= endpoints; ++id) book.insert({.id = EndpointId{id}, .capacity = capacity});
  return book;
}
}  // namespace

TEST_CASE("endpoints stand in the order of their ids, however they come") {
  LoadBook book;
  CHECK(book.insert({.id = EndpointId{5}}) == 0);
  CHECK(book.insert({.id = EndpointId{2}}) == 0);
  CHECK(book.insert({.id = EndpointId{9}}) == 2);
  CHECK(*book.find(EndpointId{5}) == 1);
  CHECK_FALSE(book.find(EndpointId{3}).has_value());
}

TEST_CASE("an ending without a beginning changes nothing") {
  LoadBook book = book_of(1);
  CHECK_FALSE(book.ended(0));
  CHECK(book.in_flight() == 0);
}

TEST_CASE("the count of full endpoints follows dispatches, endings, capacities and removals") {
  LoadBook book = book_of(2, 2);
  book.dispatched(0);
  CHECK(book.full() == 0);
  book.dispatched(0);
  CHECK(book.full() == 1);
  CHECK(book.ended(0));
  CHECK(book.full() == 0);
  book.set_capacity(0, 1);
  CHECK(book.full() == 1);
  book.set_capacity(0, 0);
  CHECK(book.full() == 0);
  book.set_capacity(0, 1);
  book.erase(0);
  CHECK(book.full() == 0);
  CHECK(book.in_flight() == 0);
}

TEST_CASE("a capacity lowered below what is in flight keeps the endpoint full until enough has ended") {
  LoadBook book = book_of(1, 4);
  for (int i = 0; i < 4; ++i) book.dispatched(0);
  book.set_capacity(0, 2);
  CHECK(book.full() == 1);
  CHECK(book.ended(0));
  CHECK(book.ended(0));
  CHECK(book.full() == 1);  // 2 of 2
  CHECK(book.ended(0));
  CHECK(book.full() == 0);
}

TEST_CASE("the way to an endpoint is in its predictions once: what is configured of it is not learned as well") {
  LoadBook near = book_of(1), far;
  far.insert({.id = EndpointId{1}, .network_s = 0.2});
  const Share share{.uncached_tokens = 1000};
  for (int i = 0; i < 20; ++i) {
    near.streamed(0, share, 0.1, at(1s));
    far.streamed(0, share, 0.3, at(1s));
  }
  const double near_s = predict(near[0], near[0].speed, 1000, 0).first_token_s;
  CHECK(near_s == doctest::Approx(0.1));
  CHECK(predict(far[0], far[0].speed, 1000, 0).first_token_s == doctest::Approx(0.2 + near_s));
  CHECK(far.speed().prefill_s_per_token == doctest::Approx(near.speed().prefill_s_per_token));
  far.streamed(0, share, 0.05, at(1s));  // sooner than the way takes by what is configured
  CHECK(far[0].speed.prefill_s_per_token >= 0);
}

TEST_CASE("who waits at an endpoint is corrected by what it reports, and counted on from there") {
  LoadBook book = book_of(1);
  Share shares[3];
  for (Share& share : shares) book.dispatched(0, share);
  book.reported(0, {.at = at(1s), .waiting = 5});  // of others
  CHECK(book[0].waiting_correction == 2);
  book.reported(0, {.at = at(11s), .waiting = 3});  // they are gone, and count half after ten seconds
  CHECK(book[0].waiting_correction == doctest::Approx(1));
  book.reported(0, {.at = at(12s), .running = 4});  // says nothing of it
  CHECK(book[0].waiting_correction == 0);

  LoadBook own = book_of(1);
  for (Share& share : shares) own.dispatched(0, share);
  own.reported(0, {.at = at(1s), .waiting = 1});  // two of the three are computed, not waiting
  own.dispatched(0);
  CHECK(own[0].in_prefill + own[0].waiting_correction == 2);
}

TEST_CASE("tiers count while they differ") {
  LoadBook book = book_of(2);
  CHECK(book.strongest_tier() == 0);
  book.insert({.id = EndpointId{3}, .tier = 10});
  CHECK(book.strongest_tier() == 10);
  book.describe(2, {.tier = 0.5});
  CHECK(book.strongest_tier() == 1);
  book.erase(2);
  CHECK(book.strongest_tier() == 0);
}

TEST_CASE("news older than the latest is dropped") {
  LoadBook book = book_of(1);
  book.answered(0, 0.2, at(100s));
  book.answered(0, 30.0, at(60s));  // a long stream that began a while ago and ends now
  CHECK(book[0].latency_s == doctest::Approx(0.2));
}

TEST_CASE("the same answer told at its first token and again at its end counts once") {
  LoadBook once = book_of(1), twice = book_of(1);
  for (LoadBook* book : {&once, &twice}) {
    book->answered(0, 2.0, at(0s));
    book->answered(0, 0.5, at(5s));
  }
  twice.answered(0, 0.5, at(5s));
  CHECK(once[0].latency_s == twice[0].latency_s);
}

TEST_CASE("a fast failure counts as a slow answer") {
  LoadBook book = book_of(2);
  book.answered(1, 0.5, at(1s));
  book.failed(0, 0.001, at(1s));
  CHECK(book[0].latency_s == doctest::Approx(LoadBook::FailureFactor * 0.5));
  CHECK(book.latency_s() == doctest::Approx(0.5));  // the pool's mean knows answers only
}

TEST_CASE("a slow failure counts with its own time, and without any answer yet a failure counts as one second") {
  LoadBook book = book_of(2);
  book.failed(0, 0.001, at(1s));
  CHECK(book[0].latency_s == LoadBook::FailureUnknown_s);
  book.failed(1, 120.0, at(1s));
  CHECK(book[1].latency_s == 120.0);
}

TEST_CASE("failures in a row do not drive the latency up without end") {
  LoadBook book = book_of(2);
  book.answered(1, 0.5, at(1s));
  for (int i = 0; i < 1000; ++i) book.failed(0, 0.001, at(1s));
  CHECK(book[0].latency_s == doctest::Approx(4.0));
}
