#pragma once
// Socket addresses as values, and the blocking name resolution that a resolver thread calls.

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"

namespace evener::net {

/// An IPv4 or IPv6 address with its port.
class Address {
 public:
  Address() = default;
  Address(const sockaddr* address, socklen_t size);

  /// "127.0.0.1:80" or "[::1]:80": literals only, no look-up.
  [[nodiscard]] static Result<Address> parse(std::string_view text);

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t size() const { return size_; }
  [[nodiscard]] int family() const { return storage_.sin6_family; }
  [[nodiscard]] std::uint16_t port() const;
  void set_port(std::uint16_t port);
  [[nodiscard]] bool is_loopback() const;
  /// "127.0.0.1:80", "[::1]:80".
  [[nodiscard]] std::string text() const;
  /// The same without port and brackets.
  [[nodiscard]] std::string host_text() const;

  bool operator==(const Address& other) const;

 private:
  sockaddr_in6 storage_{};  // large enough for sockaddr_in too
  socklen_t size_ = 0;
};

/// The parts of "host:port", "[v6]:port"; the port is required.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<HostPort> split_host_port(std::string_view text);

/// getaddrinfo(): blocks. Addresses in the system's order of preference; at least one, or an error.
[[nodiscard]] Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port);

/// The local and the peer's address of a connected or listening socket.
[[nodiscard]] Address local_address(int fd);
[[nodiscard]] Address peer_address(int fd);

}  // namespace evener::net
