#pragma once
// Routing: which pool serves a request, as one immutable value that workers pick up when it is published. It names the pools and
// endpoints of one moment; pools live on from one Routing to the next, with their counts.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "evener/gateway/pool.h"
#include "evener/gateway/request_rules.h"

namespace evener::gateway {

/// A pool with its configuration and endpoints of this moment.
struct PoolRoute {
  std::shared_ptr<Pool> pool;
  PoolConfig config;
  std::vector<std::shared_ptr<const Endpoint>> endpoints;  // sorted by id
  RequestRules rules;

  /// The model behind this name: the base of an adapter, else the name itself.
  [[nodiscard]] std::string_view base_of(std::string_view model) const;
  [[nodiscard]] const Endpoint* find(EndpointId id) const;
  [[nodiscard]] const Endpoint* find(std::string_view name) const;
};

class Routing {
 public:
  Routing(Config config, std::vector<PoolRoute> pools);
  Routing(const Routing&) = delete;
  Routing& operator=(const Routing&) = delete;

  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const std::vector<PoolRoute>& pools() const { return pools_; }
  [[nodiscard]] const PoolRoute* find_pool(std::string_view name) const;

  /// The model a client's name stands for (aliases followed once; chains were resolved at load).
  [[nodiscard]] std::string_view resolve_alias(std::string_view model) const;
  /// The pool that serves a model: an exact name first, then the longest pattern. nullptr when none does.
  [[nodiscard]] const PoolRoute* by_model(std::string_view model) const;
  /// The pool whose path prefix matches on a segment boundary, the longest first; nullptr when none does.
  [[nodiscard]] const PoolRoute* by_path(std::string_view path) const;

  /// The body of GET /v1/models: every exact model name and alias, sorted. Empty when only patterns are configured: then the question is
  /// passed to an endpoint of models_pool().
  [[nodiscard]] const std::string& models_json() const { return models_json_; }
  [[nodiscard]] bool lists_model(std::string_view model) const { return listed_.contains(std::string(model)); }
  [[nodiscard]] const PoolRoute* models_pool() const { return models_pool_; }

 private:
  struct Pattern {
    std::string prefix, suffix;    // around the '*'
    std::size_t pool;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  template <class Value>
  using ByName = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;

  Config config_;
  std::vector<PoolRoute> pools_;
  ByName<std::string> aliases_;
  ByName<std::size_t> exact_;
  std::vector<Pattern> patterns_;  // longest first
  std::vector<std::pair<std::string, std::size_t>> prefixes_;  // longest first
  std::map<std::string, bool, std::less<>> listed_;
  std::string models_json_;
  const PoolRoute* models_pool_ = nullptr;
};

/// {"id":MODEL,"object":"model","created":0,"owned_by":"evener"}
void append_model_json(std::string& out, std::string_view model);

}  // namespace evener::gateway
