#include "evener/net/zmq_socket.h"

#include <zmq.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace evener::net {
namespace {

constexpr int HeartbeatMs = 5'000, HeartbeatTimeoutMs = 15'000;  // a peer that vanished without a word is noticed in this time
constexpr int ReconnectMs = 100, ReconnectMsMax = 2'000;

std::string last_error(const std::string& what) { return what + ": " + zmq_strerror(zmq_errno()); }

template <class Value>
void set(void* socket, int option, Value value) {
  // These cannot be refused: the values are constants, and the socket is open.
  if (zmq_setsockopt(socket, option, &value, sizeof value) != 0) std::abort();
}

int type_of(ZmqSocket::Kind kind) {
  switch (kind) {
    case ZmqSocket::Kind::Publish: return ZMQ_PUB;
    case ZmqSocket::Kind::Subscribe: return ZMQ_SUB;
    case ZmqSocket::Kind::Router: return ZMQ_ROUTER;
    case ZmqSocket::Kind::Dealer: return ZMQ_DEALER;
  }
  return ZMQ_SUB;
}

/// One frame. False when nothing waits.
bool receive_frame(void* socket, std::string& frame, bool& more) {
  zmq_msg_t message;
  zmq_msg_init(&message);
  const int size = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT);
  if (size >= 0) {
    frame.assign(static_cast<const char*>(zmq_msg_data(&message)), static_cast<std::size_t>(size));
    more = zmq_msg_more(&message) != 0;
  }
  zmq_msg_close(&message);
  return size >= 0;
}

}  // namespace

std::string zmq_library_version() {
  int major = 0, minor = 0, patch = 0;
  ::zmq_version(&major, &minor, &patch);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

ZmqContext::ZmqContext() : handle_(zmq_ctx_new()) {
  if (!handle_) std::abort();  // no memory for a few hundred bytes
}

void ZmqContext::End::operator()(void* handle) const { zmq_ctx_term(handle); }
void ZmqSocket::Close::operator()(void* handle) const { zmq_close(handle); }

Result<ZmqSocket> ZmqSocket::open(const ZmqContext& context, Kind kind, int messages_max) {
  ZmqSocket socket;
  socket.handle_.reset(zmq_socket(context.handle(), type_of(kind)));
  if (!socket.handle_) return fail(last_error("a ZeroMQ socket cannot be opened"));
  void* handle = socket.handle_.get();
  set(handle, ZMQ_LINGER, 0);
  set(handle, ZMQ_IPV6, 1);
  set(handle, ZMQ_SNDHWM, messages_max);
  set(handle, ZMQ_RCVHWM, messages_max);
  set(handle, ZMQ_MAXMSGSIZE, static_cast<std::int64_t>(ZmqFrameBytesMax));
  set(handle, ZMQ_HEARTBEAT_IVL, HeartbeatMs);
  set(handle, ZMQ_HEARTBEAT_TIMEOUT, HeartbeatTimeoutMs);
  set(handle, ZMQ_RECONNECT_IVL, ReconnectMs);
  set(handle, ZMQ_RECONNECT_IVL_MAX, ReconnectMsMax);
  return socket;
}

Result<std::string> ZmqSocket::bind(const std::string& address) {
  if (zmq_bind(handle_.get(), address.c_str()) != 0) return fail(last_error("cannot listen on " + address));
  std::array<char, 512> bound{};
  std::size_t size = bound.size();
  if (zmq_getsockopt(handle_.get(), ZMQ_LAST_ENDPOINT, bound.data(), &size) != 0) return address;
  return std::string(bound.data());
}

Result<void> ZmqSocket::connect(const std::string& address) {
  if (zmq_connect(handle_.get(), address.c_str()) != 0) return fail(last_error("cannot connect to " + address));
  return {};
}

Result<void> ZmqSocket::subscribe(std::string_view topic) {
  if (zmq_setsockopt(handle_.get(), ZMQ_SUBSCRIBE, topic.data(), topic.size()) != 0) return fail(last_error("cannot subscribe"));
  return {};
}

bool ZmqSocket::send(std::span<const std::string_view> frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int flags = ZMQ_DONTWAIT | (i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    if (zmq_send(handle_.get(), frames[i].data(), frames[i].size(), flags) < 0) return false;
  }
  return true;
}

bool ZmqSocket::receive(std::vector<std::string>& frames) {
  frames.clear();
  bool more = true;
  while (more) {
    std::string frame;
    // A message comes whole or not at all: only its first frame can be missing.
    if (!receive_frame(handle_.get(), frame, more)) return false;
    if (frames.size() <= ZmqFramesMax) frames.push_back(std::move(frame));
  }
  return true;
}

Result<void> ZmqSocket::watch(const ZmqContext& context) {
  static std::atomic<std::uint64_t> watched{0};
  const std::string name = "inproc://watch-" + std::to_string(watched.fetch_add(1));
  if (zmq_socket_monitor(handle_.get(), name.c_str(), ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) != 0) {
    return fail(last_error("a ZeroMQ socket cannot be watched"));
  }
  monitor_.reset(zmq_socket(context.handle(), ZMQ_PAIR));
  if (!monitor_ || zmq_connect(monitor_.get(), name.c_str()) != 0) return fail(last_error("a ZeroMQ socket cannot be watched"));
  set(monitor_.get(), ZMQ_LINGER, 0);
  return {};
}

ZmqSocket::Change ZmqSocket::next_change() {
  std::string event, rest;
  bool more = false;
  if (!receive_frame(monitor_.get(), event, more)) return Change::None;
  while (more && receive_frame(monitor_.get(), rest, more)) {}
  std::uint16_t number = 0;
  if (event.size() >= sizeof number) std::memcpy(&number, event.data(), sizeof number);
  return number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED ? Change::Connected : Change::Disconnected;
}

void zmq_wait(std::span<ZmqWait> sources, Duration most) {
  std::vector<zmq_pollitem_t> items(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i)
    items[i] = {.socket = sources[i].handle, .fd = sources[i].fd, .events = ZMQ_POLLIN, .revents = 0};
  const auto wait_ms = std::chrono::duration_cast<std::chrono::milliseconds>(most).count();
  const int ready = zmq_poll(items.data(), static_cast<int>(items.size()), wait_ms);
  for (std::size_t i = 0; i < sources.size(); ++i) sources[i].ready = ready > 0 && items[i].revents != 0;
}

Result<void> check_zmq_address(std::string_view address, ZmqPort port) {
  constexpr std::string_view Tcp = "tcp://", Ipc = "ipc://";
  if (address.starts_with(Ipc) && address.size() > Ipc.size()) return {};
  const std::size_t colon = address.rfind(':');
  if (address.starts_with(Tcp) && colon > Tcp.size()) {
    std::uint32_t number = 0;
    const char* end = address.data() + address.size();
    const auto [at, error] = std::from_chars(address.data() + colon + 1, end, number);
    if (error == std::errc() && at == end && number <= 65'535 && (number > 0 || port == ZmqPort::MayBeFree)) return {};
  }
  return fail("\"" + std::string(address) + "\" is not an address tcp://host:port or ipc://path", Fault::Client);
}

}  // namespace evener::net
