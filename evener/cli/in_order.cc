#include "evener/cli/in_order.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace evener::cli {

std::size_t run_in_order(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work,
                         const std::function<void(std::size_t)>& done, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t begun = 0, taken = 0;
  std::vector<bool> ended(count);
  const std::size_t ahead = AheadMax * threads;

  const auto worker = [&] {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return begun == count || begun < taken + ahead; });
      if (begun == count || stop.stop_requested()) {
        changed.notify_all();  // nothing more begins: done() may be waiting for what will not
        return;
      }
      const std::size_t index = begun++;
      lock.unlock();
      work(index);
      lock.lock();
      ended[index] = true;
      changed.notify_all();
    }
  };
  std::vector<std::jthread> workers;
  for (std::size_t i = 0; i < std::min<std::size_t>(threads, count); ++i) workers.emplace_back(worker);

  std::unique_lock lock(mutex);
  while (taken < count) {
    changed.wait(lock, [&] { return ended[taken] || (stop.stop_requested() && taken == begun); });
    if (!ended[taken]) break;
    lock.unlock();
    done(taken);
    lock.lock();
    ++taken;
    changed.notify_all();
  }
  begun = count;  // whoever still waits for its turn goes home
  changed.notify_all();
  lock.unlock();
  return taken;
}

}  // namespace evener::cli
