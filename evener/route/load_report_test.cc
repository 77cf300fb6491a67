#include "evener/route/load_report.h"

#include <doctest/doctest.h>

#include "evener/route/load_book.h"
#include "evener/route/speed.h"
#include "evener/route/testing/scheduler_fixture.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

constexpr Instant Start = Instant{} + 1000s;

LoadBook book_of_one() {
  LoadBook book;
  book.insert({.id = EndpointId{1}});
  return book;
}

}  // namespace

TEST_CASE("a report loses half of its say every two seconds") {
  const std::optional<LoadReport> report = LoadReport{.at = Start};
  CHECK(report_trust(report, Start) == 1.0);
  CHECK(report_trust(report, Start + 2s) == doctest::Approx(0.5));
  CHECK(report_trust(report, Start + 4s) == doctest::Approx(0.25));
  CHECK(report_trust(report, Start + 60s) < 1e-8);
}

TEST_CASE("an endpoint that never reported is not taken for one that reported nothing to do") {
  CHECK(report_trust(std::nullopt, Start) == 0.0);
  LoadBook book = book_of_one();
  book.dispatched(0, {.prompt_tokens = 700, .uncached_tokens = 700});
  book.reported(0, {.at = Start});  // of no figure of load
  CHECK(load_in_requests(book[0], report_trust(book[0].report, Start)) == 1);
  CHECK(load_in_uncached_tokens(book[0], report_trust(book[0].report, Start)) == 700);
}

TEST_CASE("a report from a clock that is ahead is news, not the future") {
  CHECK(report_trust(LoadReport{.at = Start + 5s}, Start) == 1.0);
}

TEST_CASE("only what an endpoint has beyond our own requests is foreign") {
  LoadBook book = book_of_one();
  for (int i = 0; i < 3; ++i) book.dispatched(0, {.prompt_tokens = 100, .uncached_tokens = 100});
  book.reported(0, {.at = Start, .running = 4, .waiting = 2, .waiting_tokens = 1000});
  CHECK(book[0].foreign_requests == 3);
  CHECK(book[0].foreign_uncached_tokens == 700);
}

TEST_CASE("an endpoint that reports less than we sent has nothing foreign: ours have not arrived there") {
  LoadBook book = book_of_one();
  for (int i = 0; i < 3; ++i) book.dispatched(0, {.prompt_tokens = 100, .uncached_tokens = 100});
  book.reported(0, {.at = Start, .running = 2, .waiting_tokens = 50});
  CHECK(book[0].foreign_requests == 0);
  CHECK(book[0].foreign_uncached_tokens == 0);
  CHECK(foreign_trust(book[0], Start) == 0);
}

TEST_CASE("what others have in flight is a mean over reports: one idle moment does not make an endpoint everybody's choice") {
  LoadBook book = book_of_one();
  book.reported(0, {.at = Start, .running = 8, .waiting_tokens = 1000});
  book.reported(0, {.at = Start + 1s, .running = 0, .waiting_tokens = 0});
  CHECK(book[0].foreign_requests == doctest::Approx(7.46).epsilon(0.01));
  CHECK(book[0].foreign_uncached_tokens == doctest::Approx(933).epsilon(0.01));
  book.reported(0, {.at = Start + 11s, .running = 0});
  CHECK(book[0].foreign_requests == doctest::Approx(3.73).epsilon(0.01));
  CHECK(book[0].foreign_uncached_tokens == doctest::Approx(933).epsilon(0.01));  // of which the last report said nothing
}

TEST_CASE("what others sent there fades with the report's age, our own requests never do") {
  LoadBook book = book_of_one();
  book.dispatched(0, {.prompt_tokens = 100, .uncached_tokens = 100});
  book.reported(0, {.at = Start, .running = 9, .waiting_tokens = 900});
  const auto requests = [&](Instant now) { return load_in_requests(book[0], foreign_trust(book[0], now)); };
  const auto tokens = [&](Instant now) { return load_in_uncached_tokens(book[0], foreign_trust(book[0], now)); };
  CHECK(requests(Start) == 9);
  CHECK(requests(Start + 2s) == doctest::Approx(5));
  CHECK(requests(Start + 10min) == doctest::Approx(1));
  CHECK(tokens(Start) == 900);
  CHECK(tokens(Start + 2s) == doctest::Approx(500));
  CHECK(tokens(Start + 10min) == doctest::Approx(100));
}

TEST_CASE("an older report does not replace a newer one") {
  LoadBook book = book_of_one();
  book.reported(0, {.at = Start + 5s, .running = 7});
  book.reported(0, {.at = Start, .running = 1});
  CHECK(book[0].foreign_requests == 7);
}

TEST_CASE("when all reports stop, every policy goes on and spreads by what it counts itself") {
  for (const std::string_view name : policy_names()) {
    CAPTURE(name);
    if (name == policy_name(PolicyKind::Vtc)) continue;  // a tenant's place follows from what it took, not from who is free
    const PolicyKind kind = *policy_kind(name);
    if (kind == PolicyKind::Composed) continue;  // it has no parts here
    SchedulerFixture pool({.policy = kind});
    pool.with(4);
    for (std::uint32_t id = 1; id <= 4; ++id) {
      const double waiting = id == 1 ? 0 : 50;  // whoever believed this for ever would send all to the first
      pool.scheduler.load_reported(EndpointId{id}, {.at = pool.now, .running = waiting, .waiting = waiting, .kv_used = waiting / 100},
                                   pool.now);
    }
    pool.pass(10min);
    std::uint32_t sent[5] = {};
    for (int i = 0; i < 400; ++i) {
      const std::uint32_t id = pool.send({.affinity_key = static_cast<std::uint64_t>(i) + 1, .prompt_tokens = 1000, .output_tokens = 100});
      REQUIRE(id != 0);
      ++sent[id];
    }
    for (std::uint32_t id = 1; id <= 4; ++id) CHECK(sent[id] < 200);
  }
}

TEST_CASE("figures that come with an answer complete the report, which stays as old as what they do not repeat") {
  const LoadReport before{.at = Start, .running = 5, .waiting = 2, .kv_used = 0.5};
  const LoadReport after = completed(before, {.at = Start + 1s, .waiting = 9, .kv_used = 0.7});
  CHECK(after == LoadReport{.at = Start, .running = 5, .waiting = 9, .kv_used = 0.7});
}

TEST_CASE("figures that say all that was known are a report of their own age") {
  const LoadReport before{.at = Start, .waiting = 2, .kv_used = 0.5};
  CHECK(completed(before, {.at = Start + 1s, .waiting = 0, .kv_used = 0.6}) == LoadReport{.at = Start + 1s, .waiting = 0, .kv_used = 0.6});
}

TEST_CASE("what has not been repeated for long is dropped rather than kept alive by answers") {
  const LoadReport before{.at = Start, .running = 5, .kv_used = 0.5};
  const LoadReport after = completed(before, {.at = Start + CompletedMax + 1s, .kv_used = 0.7});
  CHECK(after == LoadReport{.at = Start + CompletedMax + 1s, .kv_used = 0.7});
}
