#include "evener/base/published.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace evener {
namespace {

struct Pair {
  int a = 0;
  int b = 0;
};

TEST_CASE("a reader sees what was published last, and the same object until then") {
  Published<int> number(std::make_shared<const int>(1));
  Published<int>::Reader reader(number);
  const int* first = reader.get().get();
  CHECK(*first == 1);
  CHECK(reader.get().get() == first);
  number.publish(std::make_shared<const int>(2));
  CHECK(*reader.get() == 2);
  CHECK(*number.current() == 2);
  CHECK(number.epoch() == 1);
}

TEST_CASE("nothing published yet reads as null") {
  Published<int> number;
  Published<int>::Reader reader(number);
  CHECK(reader.get() == nullptr);
  number.publish(std::make_shared<const int>(3));
  CHECK(*reader.get() == 3);
}

TEST_CASE("an old value lives while a reader holds it and goes when that reader looks again") {
  Published<int> number(std::make_shared<const int>(1));
  Published<int>::Reader reader(number);
  const std::weak_ptr<const int> old = reader.get();
  number.publish(std::make_shared<const int>(2));
  CHECK(!old.expired());
  CHECK(*reader.get() == 2);
  CHECK(old.expired());
}

TEST_CASE("a value may publish again while it is destroyed, as no lock is held then") {
  struct Chained {
    Published<int>* target;
    explicit Chained(Published<int>* t) : target(t) {}
    ~Chained() { target->publish(std::make_shared<const int>(9)); }
  };
  Published<int> other;
  Published<Chained> chain(std::make_shared<const Chained>(&other));
  chain.publish(nullptr);
  CHECK(*other.current() == 9);
}

TEST_CASE("readers never see a torn value, nor an older one after a newer one") {
  Published<Pair> pair(std::make_shared<const Pair>());
  constexpr int last = 2000;
  std::atomic<int> faults{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Published<Pair>::Reader reader(pair);
      int seen = 0;
      while (seen < last) {
        const Pair now = *reader.get();
        if (now.a != now.b || now.a < seen) faults.fetch_add(1);
        seen = now.a;
      }
    });
  }
  for (int i = 1; i <= last; ++i) pair.publish(std::make_shared<const Pair>(Pair{.a = i, .b = i}));
  for (std::thread& reader : readers) reader.join();
  CHECK(faults.load() == 0);
}

}  // namespace
}  // namespace evener
