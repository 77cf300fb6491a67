#include "evener/gateway/routing.h"

#include <algorithm>
#include <tuple>

#include "evener/base/json_writer.h"

namespace evener::gateway {

std::string_view PoolRoute::base_of(std::string_view model) const {
  if (config.adapters.empty()) return model;
  const auto found = config.adapters.find(std::string(model));
  return found == config.adapters.end() ? model : std::string_view(found->second);
}

const Endpoint* PoolRoute::find(EndpointId id) const {
  const auto at = std::lower_bound(endpoints.begin(), endpoints.end(), id,
                                   [](const std::shared_ptr<const Endpoint>& endpoint, EndpointId wanted) { return endpoint->id < wanted; });
  return at != endpoints.end() && (*at)->id == id ? at->get() : nullptr;
}

const Endpoint* PoolRoute::find(std::string_view name) const {
  for (const auto& endpoint : endpoints) {
    if (endpoint->config.name == name) return endpoint.get();
  }
  return nullptr;
}

Routing::Routing(Config config, std::vector<PoolRoute> pools) : config_(std::move(config)), pools_(std::move(pools)) {
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    const PoolConfig& pool = pools_[i].config;
    if (!pool.path_prefix.empty()) prefixes_.emplace_back(pool.path_prefix, i);
    for (const auto& [adapter, base] : pool.adapters) {
      exact_.emplace(adapter, i);
      listed_[adapter] = true;
    }
    for (const std::string& model : pool.models) {
      const std::size_t star = model.find('*');
      if (star == std::string::npos) {
        exact_.emplace(model, i);
        listed_[model] = true;
      } else {
        patterns_.push_back({.prefix = model.substr(0, star), .suffix = model.substr(star + 1), .pool = i});
        if (models_pool_ == nullptr) models_pool_ = &pools_[i];
        // Behind a pattern the endpoints' own lists say what there really is.
        for (const auto& endpoint : pools_[i].endpoints) {
          for (const auto& [served, known_as] : endpoint->config.models) listed_[served] = true;
        }
      }
    }
  }
  std::sort(patterns_.begin(), patterns_.end(), [](const Pattern& a, const Pattern& b) {
    return std::tuple(b.prefix.size() + b.suffix.size(), a.prefix, a.pool) < std::tuple(a.prefix.size() + a.suffix.size(), b.prefix, b.pool);
  });
  std::sort(prefixes_.begin(), prefixes_.end(),
            [](const auto& a, const auto& b) { return std::tuple(b.first.size(), a.second) < std::tuple(a.first.size(), b.second); });

  for (const auto& [asked, first] : config_.aliases) {
    std::string target = first;
    // The config check refuses cycles; the bound keeps a programmatic one from looping.
    for (std::size_t hops = 0; hops < config_.aliases.size(); ++hops) {
      const auto next = config_.aliases.find(target);
      if (next == config_.aliases.end()) break;
      target = next->second;
    }
    aliases_.emplace(asked, target);
    listed_[asked] = true;
  }
  if (!listed_.empty()) {
    models_json_ = R"({"object":"list","data":[)";
    bool first = true;
    for (const auto& [model, unused] : listed_) {
      if (!first) models_json_ += ',';
      first = false;
      append_model_json(models_json_, model);
    }
    models_json_ += "]}";
  }
}

const PoolRoute* Routing::find_pool(std::string_view name) const {
  for (const PoolRoute& route : pools_) {
    if (route.config.name == name) return &route;
  }
  return nullptr;
}

std::string_view Routing::resolve_alias(std::string_view model) const {
  if (aliases_.empty()) return model;
  const auto found = aliases_.find(model);
  return found == aliases_.end() ? model : std::string_view(found->second);
}

const PoolRoute* Routing::by_model(std::string_view model) const {
  if (const auto found = exact_.find(model); found != exact_.end()) return &pools_[found->second];
  for (const Pattern& pattern : patterns_) {
    if (model.size() >= pattern.prefix.size() + pattern.suffix.size() && model.starts_with(pattern.prefix) &&
        model.ends_with(pattern.suffix)) {
      return &pools_[pattern.pool];
    }
  }
  return nullptr;
}

const PoolRoute* Routing::by_path(std::string_view path) const {
  for (const auto& [prefix, pool] : prefixes_) {
    if (!path.starts_with(prefix)) continue;
    if (prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/' || path[prefix.size()] == ':') return &pools_[pool];
  }
  return nullptr;
}

void append_model_json(std::string& out, std::string_view model) {
  JsonWriter json(out);
  json.begin_object().member("id", model).member("object", "model").member("created", 0).member("owned_by", "evener").end_object();
}

}  // namespace evener::gateway
