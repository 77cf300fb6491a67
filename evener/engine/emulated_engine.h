#pragma once
// One emulated inference server on a reactor: the HTTP side. Serves /v1/chat/completions, /v1/completions, /v1/embeddings, /v1/responses,
// /v1/models[/{id}], /tokenize, /health, /ping, /load, /version, /metrics, and /fault (GET, POST, DELETE) to change what it does wrong.

#include <cstdint>
#include <memory>
#include <string>

#include "evener/core/result.h"
#include "evener/engine/batch_runner.h"
#include "evener/engine/openai_answer.h"
#include "evener/engine/options.h"
#include "evener/net/http_server.h"

namespace evener::engine {

struct EngineSnapshot {
  std::string name;
  net::Address address;
  EngineState state;
  std::uint64_t requests = 0;      // that asked for an answer, refused ones included
  std::size_t connections = 0;
  bool down = false;
};

/// Not thread-safe: every call on its reactor's thread, or before the reactor runs. Must outlive the reactor's run.
class EmulatedEngine {
 public:
  /// Listens at once. Refuses an address that cannot be listened on.
  static Result<std::unique_ptr<EmulatedEngine>> open(net::Reactor& reactor, EngineOptions options);
  ~EmulatedEngine();
  EmulatedEngine(const EmulatedEngine&) = delete;
  EmulatedEngine& operator=(const EmulatedEngine&) = delete;

  [[nodiscard]] net::Address address() const { return address_; }
  [[nodiscard]] const EngineOptions& options() const { return options_; }
  void set_faults(const FaultPlan& plan);
  /// As if the process were killed: the listener closes, what is being answered is reset, kept connections are reset at their next request.
  void take_down();
  /// Listens again, on the same address. Refused when somebody else has taken the port.
  Result<void> bring_up();
  [[nodiscard]] EngineSnapshot snapshot() const;

 private:
  EmulatedEngine(net::Reactor& reactor, EngineOptions options);

  net::Task<> handle(const net::HttpRequest& request, net::HttpReply& reply);
  net::Task<> answer(ApiKind kind, const net::HttpRequest& request, net::HttpReply& reply);
  net::Task<> generate(const ApiRequest& request, ApiKind kind, const FaultDraw& draw, net::HttpReply& reply);
  net::Task<> stream(const AnswerHead& head, Generation& generation, std::uint32_t prompt_tokens, const FaultDraw& draw, net::HttpReply& reply);
  net::Task<> whole(const ApiRequest& request, const AnswerHead& head, Generation& generation, const FaultDraw& draw, net::HttpReply& reply);
  net::Task<bool> give_wrong_answer(const FaultDraw& draw, net::HttpReply& reply);
  net::Task<bool> pause(Generation& generation, Duration duration);
  net::Task<bool> change_faults(const net::HttpRequest& request, net::HttpReply& reply);
  net::Task<bool> refuse(net::HttpReply& reply, std::uint16_t status, std::string_view type, std::string message, std::string_view param = {});
  net::Task<bool> send_json(net::HttpReply& reply, std::uint16_t status, std::string body);
  [[nodiscard]] bool has_model(std::string_view name) const;
  [[nodiscard]] std::string model_list() const;
  [[nodiscard]] std::string model_object(std::string_view name) const;
  [[nodiscard]] std::uint32_t output_tokens_of(const ApiRequest& request, bool& cut) const;

  net::Reactor& reactor_;
  EngineOptions options_;
  EngineMetrics metrics_;
  std::unique_ptr<KvPublisher> publisher_;
  BatchRunner runner_;
  Rng dice_;
  net::Address address_;
  std::unique_ptr<net::HttpServer> server_;
  std::uint64_t requests_ = 0, answering_ = 0;
  std::int64_t started_s_;
  bool down_ = false;
};

}  // namespace evener::engine
