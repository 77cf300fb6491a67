#pragma once
// What the client's three ways of loading share: its sockets, the request it sends, and the CPU time of the processes it watches.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>

namespace proxy_bench {

/// `127.0.0.1:8080`; exits with status 2 on anything else.
sockaddr_in parse_target(std::string_view text);

/// A non-blocking socket on its way to `target`; -1 when the system has no more of them. Every 20,000th connection moves on to another
/// loopback source address, because one address has at most 28,000 ports to offer to one target.
int start_connect(const sockaddr_in& target, std::uint64_t number);

/// Takes the outcome of start_connect() once the socket is writable.
bool connected(int fd);

void watch(int epoll, int fd, std::uint32_t events, std::uint64_t tag, int operation);

/// Receives into a buffer that all connections share; -1 when there is nothing to read, 0 at the end or on an error.
/// The bytes are valid until the next call.
std::int64_t receive(int fd, std::string_view& bytes);

/// A chat completion request as the OpenAI SDK for Python sends it: 10 headers, and a JSON body of `body_bytes` whose model comes after the
/// messages. `extra` goes to the end of the body: `,"stream":true`.
std::string chat_request(std::string_view host, std::size_t body_bytes, std::string_view extra);
/// The same with a body of one's own.
std::string chat_post(std::string_view host, const std::string& body);

/// CPU time in ns that all threads of `pids` have used so far, from /proc/PID/task/*/schedstat.
std::uint64_t cpu_ns(const std::vector<int>& pids);

/// Says on standard error what went wrong; only the first few times, since one cause usually breaks every connection.
void complain(const std::string& text);

/// `12,34` as numbers.
std::vector<int> parse_pids(std::string_view text);

/// The value below which `share` of the samples lie; sorts them. 0 when there is none.
double percentile(std::vector<std::uint32_t>& samples, double share);

}  // namespace proxy_bench
