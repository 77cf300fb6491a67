#include "evener/gateway/connection_pool.h"

#include <algorithm>

namespace evener::gateway {
namespace {

bool usable(const net::Socket& socket) { return !socket.has_input() && !socket.hung_up() && !socket.cancelled(); }

}  // namespace

net::Socket ConnectionPool::take(const Endpoint& endpoint, Instant now, Duration idle_max) {
  const auto found = idle_.find(static_cast<std::uint32_t>(endpoint.id));
  if (found == idle_.end()) return {};
  auto& list = found->second;
  while (!list.empty()) {
    Idle last = std::move(list.back());
    list.pop_back();
    // Older ones further down have waited longer still.
    if (now - last.since > idle_max) {
      list.clear();
      break;
    }
    if (usable(last.socket) && last.address == endpoint.address) return std::move(last.socket);
  }
  return {};
}

void ConnectionPool::put(const Endpoint& endpoint, net::Socket socket, Instant now) {
  if (!usable(socket)) return;
  auto& list = idle_[static_cast<std::uint32_t>(endpoint.id)];
  if (list.size() >= IdlePerEndpointMax) return;
  list.push_back({.socket = std::move(socket), .address = endpoint.address, .since = now});
}

void ConnectionPool::purge(Instant now, Duration idle_max) {
  for (auto entry = idle_.begin(); entry != idle_.end();) {
    std::erase_if(entry->second, [&](const Idle& idle) { return now - idle.since > idle_max || !usable(idle.socket); });
    entry = entry->second.empty() ? idle_.erase(entry) : std::next(entry);
  }
}

std::size_t ConnectionPool::size() const {
  std::size_t total = 0;
  for (const auto& [endpoint, list] : idle_) total += list.size();
  return total;
}

}  // namespace evener::gateway
