#include "evener/actuators/process_actuator.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "evener/actuators/placeholders.h"
#include "evener/base/log.h"

namespace evener::actuators {
namespace {

constexpr Duration EndPoll = std::chrono::milliseconds(20);

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

/// A port that nobody listens on now. Somebody may before the program does; its next start gets another one then.
std::optional<std::uint16_t> free_port() {
  const Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (socket.get() < 0 || ::bind(socket.get(), generic, size) != 0 || ::getsockname(socket.get(), generic, &size) != 0) return std::nullopt;
  return ntohs(address.sin_port);
}

std::string url_of(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace

ProcessActuator::ProcessActuator(std::string pool, ProcessSettings settings, std::function<Instant()> clock)
    : pool_(std::move(pool)), clock_(std::move(clock)) {
  configure(std::move(settings));
}

void ProcessActuator::configure(ProcessSettings settings) {
  settings_ = std::move(settings);
  // Places beyond the greatest number stay until the wish that follows has emptied them.
  while (places_.size() < std::min(settings_.most, PlacesMax)) places_.push_back({.number = static_cast<std::uint32_t>(places_.size())});
}

ProcessActuator::~ProcessActuator() {
  for (Place& place : places_) {
    place.wanted = false;
    if (place.child) place.child->terminate();
  }
  const auto any_left = [this] {
    for (Place& place : places_) {
      if (place.child && place.child->ended()) place.child.reset();
    }
    return std::any_of(places_.begin(), places_.end(), [](const Place& place) { return place.child.has_value(); });
  };
  for (Duration waited{}; any_left() && waited < settings_.grace; waited += EndPoll) std::this_thread::sleep_for(EndPoll);
}

Result<Replicas, ActuatorError> ProcessActuator::observe() {
  settle(clock_());
  return replicas();
}

Result<Replicas, ActuatorError> ProcessActuator::set(const Wish& wish) {
  const Instant now = clock_();
  target_ = wish.replicas;
  const auto stop_while_too_many = [&](auto&& is_next) {
    for (auto place = places_.rbegin(); place != places_.rend() && wanted() > target_; ++place) {
      if (place->wanted && is_next(*place)) stop(*place, now);
    }
  };
  stop_while_too_many([&](const Place& place) {
    return place.child && std::find(wish.stop_first.begin(), wish.stop_first.end(), place.url) != wish.stop_first.end();
  });
  stop_while_too_many([](const Place& place) { return !place.child; });  // they do nothing yet
  stop_while_too_many([](const Place&) { return true; });
  settle(now);
  return replicas();
}

void ProcessActuator::settle(Instant now) {
  for (Place& place : places_) notice_end(place, now);
  for (Place& place : places_) {
    if (wanted() >= target_) break;
    if (!place.wanted && !place.child && place.number < settings_.most) place.wanted = true;
  }
  for (Place& place : places_) {
    if (place.wanted && !place.child && now >= place.start_at) start(place, now);
    if (place.stopping() && now >= place.kill_at) place.child->kill();
  }
}

void ProcessActuator::notice_end(Place& place, Instant now) {
  if (!place.child) return;
  const auto how = place.child->ended();
  if (!how) return;
  place.child.reset();
  if (!place.wanted) {
    log::info("engine stopped", {{"pool", pool_}, {"url", place.url}, {"how", *how}});
    place.failures = 0;
    place.start_at = now;
    return;
  }
  if (now - place.started >= Settled) place.failures = 0;
  put_off(place, now, place.url + " ended with " + *how);
}

void ProcessActuator::start(Place& place, Instant now) {
  const auto port = settings_.first_port > 0 ? std::optional(static_cast<std::uint16_t>(settings_.first_port + place.number)) : free_port();
  if (!port) return put_off(place, now, "no port is free");
  const std::array<Placeholder, 3> values = {
      Placeholder{"{port}", std::to_string(*port)}, {"{number}", std::to_string(place.number)}, {"{pool}", pool_}};
  ChildCommand command{.directory = settings_.directory};
  for (const std::string& word : settings_.command) command.words.push_back(filled(word, values));
  for (const auto& [name, value] : settings_.environment) command.environment.emplace_back(name, filled(value, values));
  const std::string file = filled(settings_.output, values);
  const Descriptor output(file.empty() ? -1 : ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!file.empty() && output.get() < 0) return put_off(place, now, file + ": " + std::strerror(errno));
  if (output.get() >= 0) command.output = command.errors = output.get();
  auto child = Child::start(command);
  if (!child) return put_off(place, now, child.error().message);
  place.child.emplace(std::move(*child));
  place.port = *port;
  place.url = url_of(settings_.host, *port);
  place.started = now;
  log::info("engine started", {{"pool", pool_}, {"url", place.url}, {"pid", place.child->pid()}, {"number", place.number}});
}

void ProcessActuator::put_off(Place& place, Instant now, std::string why) {
  constexpr std::uint32_t DoublingsMax = 16;
  const Duration pause = std::min(settings_.restart_pause * (1U << std::min(place.failures, DoublingsMax)), RestartPauseMax);
  ++place.failures;
  place.start_at = now + pause;
  trouble_ = std::move(why);
  log::warn("engine not running", {{"pool", pool_}, {"number", place.number}, {"why", trouble_}, {"next_start_s", seconds(pause)}});
}

void ProcessActuator::stop(Place& place, Instant now) {
  place.wanted = false;
  place.failures = 0;
  place.start_at = now;
  if (!place.child) return;
  place.kill_at = now + settings_.grace;
  place.child->terminate();
}

std::uint32_t ProcessActuator::wanted() const {
  return static_cast<std::uint32_t>(std::count_if(places_.begin(), places_.end(), [](const Place& place) { return place.wanted; }));
}

Replicas ProcessActuator::replicas() const {
  Replicas all{.desired = target_};
  bool all_run = true;
  for (const Place& place : places_) {
    if (place.running()) all.endpoints.push_back(place.url);
    all_run = all_run && place.running() == place.wanted;
  }
  if (!all_run) all.trouble = trouble_;
  return all;
}

}  // namespace evener::actuators
