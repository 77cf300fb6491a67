#include "evener/net/socket.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "evener/net/testing.h"
#include "tests/for_each_seed.h"

namespace evener::net {
namespace {

using namespace std::chrono_literals;
using testing::next_turn;
using testing::recv_text;
using testing::run_until_ended;
using testing::send_text;
using testing::socket_pair;
using testing::SocketPair;

TEST_CASE("bytes arrive as they were sent, and a clean close is an end") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    const long sent = co_await send_text(pair.ours, "hello");
    CHECK(sent == 5);
    pair.ours.close();
    CHECK(!pair.ours);
    const std::string got = co_await recv_text(pair.theirs);
    CHECK(got == "hello");
  };
  run_until_ended(reactor, body());
}

TEST_CASE("pieces of any size arrive complete and in order, however slowly the peer reads") {
  for_each_seed(30, [](Rng& rng) {
    Reactor reactor;
    std::string all;
    std::vector<std::string> pieces(rng.below(12));
    for (auto& piece : pieces) {
      piece.resize(rng.below(4) == 0 ? 0 : rng.below(600'000));
      for (char& c : piece) c = static_cast<char>(rng.next());
      all += piece;
    }
    const auto body = [&]() -> Task<> {
      SocketPair pair = socket_pair(reactor);
      const int small = 4096;
      ::setsockopt(pair.ours.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
      const auto read_slowly = [&]() -> Task<> {
        std::string got;
        std::vector<char> bytes(100'000);
        while (got.size() < all.size()) {
          const auto most = static_cast<std::size_t>(1 + rng.below(bytes.size()));
          const long count = co_await pair.theirs.recv(std::span(bytes.data(), most));
          CHECK(count > 0);
          if (count <= 0) break;
          got.append(bytes.data(), static_cast<std::size_t>(count));
          if (rng.below(3) == 0) co_await next_turn(reactor);
        }
        CHECK((got == all));
      };
      Sibling reader;
      reader.start(read_slowly());
      std::vector<iovec> views;
      for (auto& piece : pieces) views.push_back({piece.data(), piece.size()});
      const long sent = co_await pair.ours.send(views);
      CHECK(sent == static_cast<long>(all.size()));
      co_await reader.join();
    };
    run_until_ended(reactor, body());
  });
}

TEST_CASE("a read past its deadline fails with ETIMEDOUT, not early, and the socket still works") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    char bytes[16];
    const Instant deadline = monotonic_now() + 5ms;
    pair.ours.set_read_deadline(deadline);
    const long got = co_await pair.ours.recv(bytes);
    CHECK(got == -ETIMEDOUT);
    CHECK(monotonic_now() >= deadline);
    pair.ours.set_read_deadline(Instant::max());
    co_await send_text(pair.theirs, "late");
    const std::string text = co_await recv_text(pair.ours, 4);
    CHECK(text == "late");
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a send that the peer does not take fails with ETIMEDOUT at its own deadline, not at the read's") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    const auto read = [&]() -> Task<> {
      char bytes[16];
      const long got = co_await pair.ours.recv(bytes);
      CHECK(got == -ECANCELED);
    };
    pair.ours.set_read_deadline(monotonic_now() + 60s);
    Sibling reader;
    reader.start(read());
    const Instant deadline = monotonic_now() + 5ms;
    pair.ours.set_write_deadline(deadline);
    const long sent = co_await send_text(pair.ours, std::string(8 << 20, 'x'));
    CHECK(sent == -ETIMEDOUT);
    CHECK(monotonic_now() >= deadline);
    CHECK(reader.running());
    pair.ours.cancel();
    co_await reader.join();
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a send that the peer takes slowly, but always takes something of, may take longer than its idle time") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    constexpr std::size_t Bytes = 1 << 20;
    const auto slow_reader = [&]() -> Task<> {
      std::vector<char> bytes(64 << 10);
      for (std::size_t taken = 0; taken < Bytes;) {
        co_await reactor.sleep(40ms);
        const long got = co_await pair.theirs.recv(bytes);
        if (got <= 0) break;
        taken += static_cast<std::size_t>(got);
      }
    };
    Sibling reader;
    reader.start(slow_reader());
    const Instant began = monotonic_now();
    pair.ours.set_write_idle(300ms);
    const long sent = co_await send_text(pair.ours, std::string(Bytes, 'x'));
    CHECK(sent == static_cast<long>(Bytes));
    CHECK(monotonic_now() - began > 300ms);
    pair.ours.close();
    co_await reader.join();
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a send that the peer stops taking fails with ETIMEDOUT") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    pair.ours.set_write_idle(5ms);
    const long sent = co_await send_text(pair.ours, std::string(8 << 20, 'x'));
    CHECK(sent == -ETIMEDOUT);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a read deadline brought forward ends a read that waits already, but one put back does not") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    pair.ours.set_read_deadline(reactor.now() + 60s);
    reactor.post([&] {
      pair.ours.shorten_read_deadline(reactor.now() + 120s);  // later: ignored
      pair.ours.shorten_read_deadline(reactor.now() + 1ms);
    });
    const long got = co_await pair.ours.wait_readable();
    CHECK(got == -ETIMEDOUT);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("cancel() fails what is pending and everything after, in both directions") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    const auto read = [&]() -> Task<> {
      char bytes[16];
      const long got = co_await pair.ours.recv(bytes);
      CHECK(got == -ECANCELED);
    };
    Sibling reader;
    reader.start(read());
    reactor.post([&] { pair.ours.cancel(); });
    const long sent = co_await send_text(pair.ours, std::string(8 << 20, 'x'));
    CHECK(sent == -ECANCELED);
    co_await reader.join();
    CHECK(pair.ours.cancelled());
    char bytes[16];
    const long received = co_await pair.ours.recv(bytes);
    CHECK(received == -ECANCELED);
    const long waited = co_await pair.ours.wait_readable();
    CHECK(waited == -ECANCELED);
    const long tried = pair.ours.try_recv(bytes);
    CHECK(tried == -ECANCELED);
    const long again = co_await send_text(pair.ours, "x");
    CHECK(again == -ECANCELED);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a send that was cancelled before the end of its turn sends nothing") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    const auto send = [&]() -> Task<> {
      const long sent = co_await send_text(pair.ours, "never");
      CHECK(sent == -ECANCELED);
    };
    Sibling sender;
    sender.start(send());
    pair.ours.cancel();
    co_await sender.join();
    pair.ours.close();
    const std::string got = co_await recv_text(pair.theirs);
    CHECK(got.empty());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("interrupting a read leaves the socket as it is otherwise") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    pair.ours.interrupt_read();  // none is pending: nothing happens
    reactor.post([&] { pair.ours.interrupt_read(); });
    char bytes[16];
    const long got = co_await pair.ours.recv(bytes);
    CHECK(got == -ECANCELED);
    CHECK(!pair.ours.cancelled());
    co_await send_text(pair.ours, "ping");
    co_await send_text(pair.theirs, "pong");
    const std::string theirs = co_await recv_text(pair.theirs, 4);
    const std::string ours = co_await recv_text(pair.ours, 4);
    CHECK(theirs == "ping");
    CHECK(ours == "pong");
  };
  run_until_ended(reactor, body());
}

struct Counted {
  int times = 0;
  HangupWatch watch() {
    return {.notify = [](void* self) { ++static_cast<Counted*>(self)->times; }, .context = this};
  }
};

TEST_CASE("a watch is told once that the peer has gone, also while bytes wait, and the next one at once") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    Counted watch;
    Counted later;
    pair.ours.watch_hangup(watch.watch());
    co_await send_text(pair.theirs, "last words");
    co_await next_turn(reactor);
    CHECK(watch.times == 0);
    pair.theirs.close();
    while (!pair.ours.hung_up()) co_await next_turn(reactor);
    CHECK(watch.times == 1);
    const std::string rest = co_await recv_text(pair.ours);
    CHECK(rest == "last words");
    co_await next_turn(reactor);
    CHECK(watch.times == 1);
    pair.ours.watch_hangup(later.watch());
    CHECK(later.times == 1);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a watch that was replaced or forgotten is not told") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    SocketPair other = socket_pair(reactor);
    Counted replaced;
    Counted present;
    Counted forgotten;
    pair.ours.watch_hangup(replaced.watch());
    pair.ours.watch_hangup(present.watch());
    other.ours.watch_hangup(forgotten.watch());
    other.ours.forget_hangup_watch();
    pair.theirs.shutdown_send();  // closing the sending side is going, too
    other.theirs.close();
    while (!pair.ours.hung_up() || !other.ours.hung_up()) co_await next_turn(reactor);
    CHECK(replaced.times == 0);
    CHECK(present.times == 1);
    CHECK(forgotten.times == 0);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("waiting for input holds nothing back: what is there is announced, drained, and announced again") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    CHECK(!pair.ours.has_input());
    char bytes[16];
    CHECK(pair.ours.try_recv(bytes) == -EAGAIN);
    for (int i = 0; i < 3; ++i) {
      co_await send_text(pair.theirs, "abc");
      const long ready = co_await pair.ours.wait_readable();
      CHECK(ready == 0);
      CHECK(pair.ours.has_input());
      CHECK(pair.ours.try_recv(bytes) == 3);
      CHECK(!pair.ours.has_input());
    }
  };
  run_until_ended(reactor, body());
}

/// Counts how much one coroutine does between two ends of a turn.
struct PerTurn {
  explicit PerTurn(Reactor& reactor) {
    reactor.on_turn([this](Instant) { this_turn = 0; });
  }
  void one_more() { most = std::max(most, ++this_turn); }
  std::uint32_t this_turn = 0;
  std::uint32_t most = 0;
};

TEST_CASE("a coroutine with endless input leaves the loop its turn") {
  Reactor reactor;
  PerTurn reads(reactor);
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    co_await send_text(pair.theirs, std::string(2000, 'x'));
    char byte = 0;
    for (int i = 0; i < 2000; ++i) {
      const long got = co_await pair.ours.recv(std::span(&byte, 1));
      CHECK(got == 1);
      reads.one_more();
    }
  };
  run_until_ended(reactor, body());
  // It may be resumed by an event and once more by what it made ready in that turn.
  CHECK(reads.most <= 3 * SocketState::OperationsPerResume);
}

TEST_CASE("a coroutine that sends without end leaves the loop its turn") {
  Reactor reactor;
  PerTurn sends(reactor);
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    for (int i = 0; i < 200; ++i) {
      const long sent = co_await send_text(pair.ours, "x");
      CHECK(sent == 1);
      sends.one_more();
    }
  };
  run_until_ended(reactor, body());
  CHECK(sends.most <= 3 * SocketState::OperationsPerResume);
}

/// A coroutine whose frame its maker destroys while it is suspended.
struct Abandoned {
  struct promise_type {
    Abandoned get_return_object() { return {std::coroutine_handle<promise_type>::from_promise(*this)}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_always final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
  std::coroutine_handle<promise_type> frame;
};

TEST_CASE("a socket closed and its sender destroyed by an earlier send of the same turn is passed over") {
  Reactor reactor;
  std::string order;
  const auto body = [&]() -> Task<> {
    SocketPair first = socket_pair(reactor);
    SocketPair second = socket_pair(reactor);
    SocketPair third = socket_pair(reactor);
    co_await next_turn(reactor);
    const auto send_doomed = [&]() -> Abandoned {
      std::string text = "never";
      iovec piece{text.data(), text.size()};
      [[maybe_unused]] const long sent = co_await second.ours.send(std::span(&piece, 1));
      order += "doomed ";
    };
    Abandoned doomed{};
    const auto send_and_close = [&]() -> Task<> {
      co_await send_text(first.ours, "first");
      order += "first ";
      second.ours.close();
      doomed.frame.destroy();
    };
    const auto send_last = [&]() -> Task<> {
      co_await send_text(third.ours, "third");
      order += "third";
    };
    Sibling one;
    Sibling three;
    one.start(send_and_close());
    doomed = send_doomed();
    three.start(send_last());
    co_await one.join();
    co_await three.join();
    const std::string got = co_await recv_text(second.theirs);
    CHECK(got.empty());
  };
  run_until_ended(reactor, body());
  CHECK(order == "first third");
}

TEST_CASE("all sends that were begun in one turn leave in that turn") {
  Reactor reactor;
  int turns = 0;
  reactor.on_turn([&](Instant) { ++turns; });
  const auto body = [&]() -> Task<> {
    std::vector<SocketPair> pairs;
    for (int i = 0; i < 50; ++i) pairs.push_back(socket_pair(reactor));
    std::vector<int> sent_in(pairs.size(), -1);
    const auto send = [&](std::size_t i) -> Task<> {
      co_await send_text(pairs[i].ours, "x");
      sent_in[i] = turns;
    };
    std::vector<Sibling> senders(pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) senders[i].start(send(i));
    for (auto& sender : senders) co_await sender.join();
    for (const int turn : sent_in) CHECK(turn == sent_in.front());
  };
  run_until_ended(reactor, body());
}

TEST_CASE("connecting to a port where nobody listens is refused") {
  Reactor reactor;
  const int fd = testing::listen_anywhere();
  const Address address = local_address(fd);
  ::close(fd);
  const auto body = [&]() -> Task<> {
    Socket socket;
    const int result = co_await Socket::connect(socket, reactor, address, reactor.now() + 10s);
    CHECK(result == -ECONNREFUSED);
    CHECK(!socket);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("connecting to a listener whose queue is full fails with ETIMEDOUT at its deadline") {
  Reactor reactor;
  const int fd = testing::listen_anywhere(0);
  const Address address = local_address(fd);
  const auto body = [&]() -> Task<> {
    std::vector<Socket> fillers(4);
    int last = 0;
    for (Socket& filler : fillers) {
      if (last == 0) last = co_await Socket::connect(filler, reactor, address, monotonic_now() + 30ms);
    }
    CHECK(last == -ETIMEDOUT);
  };
  run_until_ended(reactor, body());
  ::close(fd);
}

TEST_CASE("a connection is established both ways, and abort() resets it") {
  Reactor reactor;
  const int fd = testing::listen_anywhere();
  const auto body = [&]() -> Task<> {
    Socket ours;
    const int connected = co_await Socket::connect(ours, reactor, local_address(fd), reactor.now() + 10s);
    CHECK(connected == 0);
    Socket theirs(reactor, ::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    CHECK(peer_address(theirs.fd()) == local_address(ours.fd()));
    ours.shutdown_send();
    const std::string nothing = co_await recv_text(theirs);
    CHECK(nothing.empty());
    co_await send_text(theirs, "still open this way");
    const std::string got = co_await recv_text(ours, 19);
    CHECK(got == "still open this way");
    theirs.abort();
    char bytes[16];
    const long result = co_await ours.recv(bytes);
    CHECK(result == -ECONNRESET);
  };
  run_until_ended(reactor, body());
  ::close(fd);
}

TEST_CASE("sending to a peer that has gone is an error, not a signal") {
  Reactor reactor;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    pair.theirs.close();
    const long sent = co_await send_text(pair.ours, "x");
    CHECK(sent == -EPIPE);
  };
  run_until_ended(reactor, body());
}

TEST_CASE("a stopping reactor cancels what its sockets wait for") {
  Reactor reactor;
  long got = 0;
  const auto body = [&]() -> Task<> {
    SocketPair pair = socket_pair(reactor);
    char bytes[16];
    got = co_await pair.ours.recv(bytes);
  };
  reactor.spawn(body());
  reactor.stop();
  reactor.run();
  CHECK(got == -ECANCELED);
}

}  // namespace
}  // namespace evener::net
