#pragma once
// A server on loopback that answers each request with the bytes that a test gives, with or without TLS, and keeps what it was asked.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "evener/actuators/testing/certificates.h"

namespace evener::actuators::testing {

[[nodiscard]] inline std::string answer_text(const std::string& status, const std::string& body, const std::string& headers = {}) {
  return "HTTP/1.1 " + status + "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct ServerTls {
  const Certificate& own;
  const Certificate* clients = nullptr;  // authority of which a client must show a certificate
};

/// One connection at a time and one request on each, in a thread of its own.
class LocalServer {
 public:
  /// Empty bytes: the connection is closed without an answer.
  using Answer = std::function<std::string(const std::string& request)>;

  using Write = std::function<void(const std::string& bytes)>;

  explicit LocalServer(Answer answer) : LocalServer(std::move(answer), nullptr) {}
  LocalServer(Answer answer, const ServerTls& tls) : LocalServer(std::move(answer), &tls) {}
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
  }

  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const {
    return (context_ != nullptr ? "https://" : "http://") + host + ":" + std::to_string(port_);
  }
  /// What else is done before a connection is closed. To be set before the first request.
  void after_answer(std::function<void(const Write& write)> then) { then_ = std::move(then); }
  /// Whole requests in the order in which they came.
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  LocalServer(Answer answer, const ServerTls* tls)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 || ::getsockname(listener_, generic, &size) != 0) {
      throw std::runtime_error("no socket for a test");
    }
    port_ = ntohs(address.sin_port);
    if (tls != nullptr) use(*tls);
    thread_ = std::thread([this] { run(); });
  }

  void use(const ServerTls& tls) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context_, tls.own.certificate.get());
    SSL_CTX_use_PrivateKey(context_, tls.own.key.get());
    if (tls.clients == nullptr) return;
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), tls.clients->certificate.get());
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }

  void run() {
    // OpenSSL writes without MSG_NOSIGNAL, also to clients that have refused the certificate and gone. In this thread alone.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (int connection = 0; (connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(connection)) {
      if (context_ == nullptr) {
        converse([&](char* to, int size) { return static_cast<int>(::recv(connection, to, static_cast<std::size_t>(size), 0)); },
                 [&](const std::string& bytes) { ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
        continue;
      }
      SSL* const ssl = SSL_new(context_);
      SSL_set_fd(ssl, connection);
      if (SSL_accept(ssl) == 1) {
        converse([&](char* to, int size) { return SSL_read(ssl, to, size); },
                 [&](const std::string& bytes) { SSL_write(ssl, bytes.data(), static_cast<int>(bytes.size())); });
        SSL_shutdown(ssl);
      }
      SSL_free(ssl);
    }
  }

  template <class Read, class Write>
  void converse(Read read, Write write) {
    std::string request;
    char bytes[4096];
    while (!is_whole(request)) {
      const int got = read(bytes, sizeof bytes);
      if (got <= 0) return;
      request.append(bytes, static_cast<std::size_t>(got));
    }
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    if (const std::string answer = answer_(request); !answer.empty()) write(answer);
    if (then_) then_(write);
  }

  static bool is_whole(const std::string& request) {
    const std::size_t head = request.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    constexpr std::string_view name = "Content-Length: ";
    const std::size_t length = request.find(name);
    return length > head || request.size() >= head + 4 + std::stoul(request.substr(length + name.size()));
  }

  Answer answer_;
  std::function<void(const Write& write)> then_;
  int listener_;
  std::uint16_t port_ = 0;
  SSL_CTX* context_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace evener::actuators::testing
