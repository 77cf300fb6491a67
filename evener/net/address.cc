#include "evener/net/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <charconv>
#include <cstring>

namespace evener::net {

Address::Address(const sockaddr* address, socklen_t size) {
  if (size > sizeof storage_) size = sizeof storage_;
  std::memcpy(&storage_, address, size);
  size_ = size;
}

Result<HostPort> split_host_port(std::string_view text) {
  const std::string shown(text);
  std::string_view host;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close + 1 >= text.size() || text[close + 1] != ':') {
      return fail("address \"" + shown + "\" must be [IPv6]:port", Fault::Client);
    }
    host = text.substr(1, close - 1);
    port = text.substr(close + 2);
  } else {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find(':') != colon) {
      return fail("address \"" + shown + "\" must be host:port or [IPv6]:port", Fault::Client);
    }
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) {
    return fail("port of \"" + shown + "\" must be 0..65535", Fault::Client);
  }
  if (host.empty()) return fail("address \"" + shown + "\" has no host", Fault::Client);
  return HostPort{std::string(host), number};
}

Result<Address> Address::parse(std::string_view text) {
  const auto parts = split_host_port(text);
  if (!parts) return tl::unexpected(parts.error());
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, parts->host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(parts->port);
    return Address(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, parts->host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(parts->port);
    return Address(reinterpret_cast<const sockaddr*>(&v6), sizeof v6);
  }
  return fail("\"" + parts->host + "\" is not an IP address", Fault::Client);
}

std::uint16_t Address::port() const { return ntohs(storage_.sin6_port); }  // same place in sockaddr_in
void Address::set_port(std::uint16_t port) { storage_.sin6_port = htons(port); }

bool Address::is_loopback() const {
  if (family() == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage_);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  return family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&storage_.sin6_addr);
}

std::string Address::host_text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(storage_).sin_addr, text, sizeof text);
  } else if (family() == AF_INET6) {
    ::inet_ntop(AF_INET6, &storage_.sin6_addr, text, sizeof text);
  }
  return text;
}

std::string Address::text() const {
  const std::string host = host_text();
  return (family() == AF_INET6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

bool Address::operator==(const Address& other) const {
  return size_ == other.size_ && std::memcmp(&storage_, &other.storage_, size_) == 0;
}

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return fail("cannot resolve \"" + host + "\": " + ::gai_strerror(error), Fault::Endpoint, MayRetry::Yes);
  std::vector<Address> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    Address address(entry->ai_addr, entry->ai_addrlen);
    address.set_port(port);
    found.push_back(address);
  }
  ::freeaddrinfo(list);
  if (found.empty()) return fail("\"" + host + "\" has no IPv4 or IPv6 address", Fault::Endpoint, MayRetry::Yes);
  return found;
}

Address local_address(int fd) {
  sockaddr_in6 storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Address(reinterpret_cast<const sockaddr*>(&storage), size);
}

Address peer_address(int fd) {
  sockaddr_in6 storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return Address(reinterpret_cast<const sockaddr*>(&storage), size);
}

}  // namespace evener::net
