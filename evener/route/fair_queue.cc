#include "evener/route/fair_queue.h"

#include <algorithm>

namespace evener::route {
namespace {

constexpr std::array<Priority, Priorities> ByUrgency = {Priority::Realtime, Priority::Standard, Priority::Batch, Priority::Background};

bool is_blocked(std::span<const FairQueue::Blocked> blocked, std::uint64_t lane, Priority priority) {
  return std::any_of(blocked.begin(), blocked.end(),
                     [&](const FairQueue::Blocked& one) { return one.lane == lane && priority >= one.from; });
}

/// How urgent a request of the class is after a wait.
Priority urgency(Priority priority, Duration waited, const ClassesSettings& classes) {
  auto level = static_cast<std::size_t>(priority);
  while (level > 0) {
    const Duration step = classes[level].promote_after;
    if (step <= Duration::zero() || waited < step) break;
    waited -= step;
    --level;
  }
  return static_cast<Priority>(level);
}

}  // namespace

std::uint64_t FairQueue::push(Waiting waiting) {
  const std::uint64_t ticket = next_ticket_++;
  waiting.ticket = ticket;
  const RequestView& request = waiting.arrival.request;
  Class& all = of(request.priority);
  Flow& flow = flow_of(all, request.tenant);
  auto lane = std::find_if(flow.lanes.begin(), flow.lanes.end(), [&](const Lane& one) { return one.key == waiting.lane; });
  if (lane == flow.lanes.end()) lane = flow.lanes.insert(lane, Lane{.key = waiting.lane, .entries = {}});
  lane->entries.emplace(waiting.deadline, ticket);
  if (flow.waiting++ == 0) {
    // A tenant that comes (back) starts at the present: neither does it catch up on what it did not ask for, nor is it in debt for ever.
    flow.tag = std::max(flow.tag, all.virtual_time);
    flow.turn = next_turn_++;
    all.ready.insert({flow.tag, flow.turn, request.tenant});
  }
  ++all.lanes[waiting.lane];
  all.tickets.insert(ticket);
  expiries_.emplace(waiting.expires, ticket);
  waiting_.emplace(ticket, std::move(waiting));
  return ticket;
}

bool FairQueue::remove(std::uint64_t ticket) {
  const auto found = waiting_.find(ticket);
  if (found == waiting_.end()) return false;
  const Waiting& waiting = found->second;
  const std::uint64_t tenant = waiting.arrival.request.tenant;
  Class& all = of(waiting.arrival.request.priority);
  Flow& flow = all.flows.at(tenant);
  const auto lane = std::find_if(flow.lanes.begin(), flow.lanes.end(), [&](const Lane& one) { return one.key == waiting.lane; });
  lane->entries.erase({waiting.deadline, ticket});
  if (lane->entries.empty()) flow.lanes.erase(lane);
  const auto in_lane = all.lanes.find(waiting.lane);
  if (--in_lane->second == 0) all.lanes.erase(in_lane);
  all.tickets.erase(ticket);
  expiries_.erase({waiting.expires, ticket});
  if (--flow.waiting == 0) {
    all.ready.erase({flow.tag, flow.turn, tenant});
    forget_idle(all);
  }
  waiting_.erase(found);
  return true;
}

const FairQueue::Waiting* FairQueue::head(Priority priority, std::span<const Blocked> blocked) const {
  const Class& all = of(priority);
  const bool some_may =
      std::any_of(all.lanes.begin(), all.lanes.end(), [&](const auto& lane) { return !is_blocked(blocked, lane.first, priority); });
  if (!some_may) return nullptr;
  for (const auto& [tag, turn, tenant] : all.ready) {
    const Order* first = nullptr;
    for (const Lane& lane : all.flows.at(tenant).lanes) {
      if (is_blocked(blocked, lane.key, priority)) continue;
      const Order& earliest = *lane.entries.begin();
      if (first == nullptr || earliest < *first) first = &earliest;
    }
    if (first != nullptr) return &waiting_.at(first->second);
  }
  return nullptr;
}

std::optional<FairQueue::Pick> FairQueue::next(Instant now, const ClassesSettings& classes, std::span<const Blocked> blocked) const {
  if (waiting_.empty()) return std::nullopt;
  // Each class sends the one whose turn it is. The most urgent class goes, unless a request of another has become as urgent by its wait.
  const Waiting* first = nullptr;
  const Waiting* promoted = nullptr;  // the longest waiting of those
  for (const Priority priority : ByUrgency) {
    const Waiting* one = head(priority, blocked);
    if (one == nullptr) continue;
    if (first == nullptr) {
      first = one;
    } else if (urgency(priority, now - one->since, classes) <= first->arrival.request.priority) {
      if (promoted == nullptr || one->since < promoted->since) promoted = one;
    }
  }
  if (first == nullptr) return std::nullopt;
  if (promoted == nullptr) return Pick{.waiting = first};
  if (passed_over_ + 1 >= PromotedTurn) return Pick{.waiting = promoted, .over = Pick::Over::MoreUrgent};
  return Pick{.waiting = first, .over = Pick::Over::Promoted};
}

void FairQueue::take(const Pick& pick, double cost) {
  const RequestView& request = pick.waiting->arrival.request;
  if (pick.over == Pick::Over::Promoted) ++passed_over_;
  if (pick.over == Pick::Over::MoreUrgent) passed_over_ = 0;
  Class& all = of(request.priority);
  const std::uint64_t tenant = request.tenant;
  serve(all, all.flows.at(tenant), tenant, cost);
  remove(pick.waiting->ticket);
}

void FairQueue::charge(Priority priority, std::uint64_t tenant, double cost) {
  Class& all = of(priority);
  serve(all, flow_of(all, tenant), tenant, cost);
  forget_idle(all);
}

void FairQueue::correct(Priority priority, std::uint64_t tenant, double tokens) {
  Class& all = of(priority);
  const auto found = all.flows.find(tenant);
  if (found != all.flows.end()) move(all, found->second, tenant, found->second.tag + tokens / found->second.weight);
}

void FairQueue::serve(Class& all, Flow& flow, std::uint64_t tenant, double cost) {
  const double start = flow.waiting > 0 ? flow.tag : std::max(flow.tag, all.virtual_time);
  all.virtual_time = std::max(all.virtual_time, start);
  move(all, flow, tenant, start + cost / flow.weight);
}

void FairQueue::move(Class& all, Flow& flow, std::uint64_t tenant, double tag) {
  if (flow.waiting > 0) all.ready.erase({flow.tag, flow.turn, tenant});
  flow.tag = tag;
  flow.turn = next_turn_++;
  if (flow.waiting > 0) all.ready.insert({flow.tag, flow.turn, tenant});
}

FairQueue::Flow& FairQueue::flow_of(Class& all, std::uint64_t tenant) {
  const auto [found, is_new] = all.flows.try_emplace(tenant);
  if (is_new) {
    found->second.tag = all.virtual_time;
    found->second.weight = weight_of(tenant);
  }
  return found->second;
}

// Idle accounts at or below the virtual time say nothing that a new one would not. Those above it are the debts of recent guests; when too many
// have one, the smallest are forgiven. O(accounts), once for as many new accounts.
void FairQueue::forget_idle(Class& all) {
  if (all.flows.size() <= 2 * all.ready.size() + RememberedMax) return;
  std::erase_if(all.flows, [&](const auto& entry) { return entry.second.waiting == 0 && entry.second.tag <= all.virtual_time; });
  if (all.flows.size() <= all.ready.size() + RememberedMax / 2) return;
  std::vector<std::pair<double, std::uint64_t>> idle;
  for (const auto& [tenant, flow] : all.flows) {
    if (flow.waiting == 0) idle.emplace_back(flow.tag, tenant);
  }
  const auto kept = idle.end() - static_cast<std::ptrdiff_t>(RememberedMax / 2);
  std::nth_element(idle.begin(), kept, idle.end());
  std::for_each(idle.begin(), kept, [&](const auto& one) { all.flows.erase(one.second); });
}

void FairQueue::set_weights(std::span<const TenantWeight> weights) {
  weights_.assign(weights.begin(), weights.end());
  for (Class& all : classes_) {
    for (auto& [tenant, flow] : all.flows) flow.weight = weight_of(tenant);
  }
}

double FairQueue::weight_of(std::uint64_t tenant) const {
  const auto found = std::lower_bound(weights_.begin(), weights_.end(), tenant,
                                      [](const TenantWeight& one, std::uint64_t wanted) { return one.tenant < wanted; });
  return found != weights_.end() && found->tenant == tenant && found->weight > 0 ? found->weight : 1.0;
}

const FairQueue::Waiting* FairQueue::expired(Instant now) const {
  if (expiries_.empty() || expiries_.begin()->first > now) return nullptr;
  return &waiting_.at(expiries_.begin()->second);
}

const FairQueue::Waiting* FairQueue::newest(Priority priority) const {
  const auto& tickets = of(priority).tickets;
  return tickets.empty() ? nullptr : &waiting_.at(*tickets.rbegin());
}

const FairQueue::Waiting* FairQueue::oldest(Priority priority) const {
  const auto& tickets = of(priority).tickets;
  return tickets.empty() ? nullptr : &waiting_.at(*tickets.begin());
}

const FairQueue::Waiting* FairQueue::last_of(Priority priority, std::uint64_t tenant) const {
  const auto& flows = of(priority).flows;
  const auto found = flows.find(tenant);
  if (found == flows.end()) return nullptr;
  const Order* last = nullptr;
  for (const Lane& lane : found->second.lanes) {
    if (last == nullptr || *last < *lane.entries.rbegin()) last = &*lane.entries.rbegin();
  }
  return last == nullptr ? nullptr : &waiting_.at(last->second);
}

std::size_t FairQueue::waiting(Priority priority, std::uint64_t tenant) const {
  const auto& flows = of(priority).flows;
  const auto found = flows.find(tenant);
  return found == flows.end() ? 0 : found->second.waiting;
}

std::size_t FairQueue::waiting_of(std::uint64_t tenant) const {
  std::size_t all = 0;
  for (const Priority priority : ByUrgency) all += waiting(priority, tenant);
  return all;
}

std::size_t FairQueue::accounts() const {
  std::size_t all = 0;
  for (const Class& one : classes_) all += one.flows.size();
  return all;
}

}  // namespace evener::route
