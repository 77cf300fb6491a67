#include "evener/gateway/config_rules.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "evener/gateway/endpoint_url.h"
#include "evener/gateway/paths.h"
#include "evener/net/address.h"
#include "evener/net/zmq_socket.h"

namespace evener::gateway {
namespace {

using config::Path;

constexpr std::size_t SocketPathMax = 107;  // sun_path of a Unix socket, less its end

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool all_of(std::string_view text, std::string_view extra) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_alphanumeric(c) || extra.find(c) != std::string_view::npos; });
}

bool has_blank_or_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; });
}

bool is_host(std::string_view host) { return host.find(':') != std::string_view::npos ? all_of(host, ":.%") : all_of(host, "-._"); }

// " (write X)", where the text can stand in a message as it is.
std::string suggest(const std::string& text) {
  constexpr std::size_t SuggestionBytesMax = 100;
  return has_blank_or_control(text) || text.size() > SuggestionBytesMax ? std::string() : " (write " + text + ")";
}

bool is_loopback(const std::string& listen) {
  const auto address = net::Address::parse(listen);
  if (address) return address->is_loopback();
  const auto parts = net::split_host_port(listen);
  return parts && parts->host == "localhost";
}

bool any_free_port(const std::string& listen) {
  const auto parts = net::split_host_port(listen);
  return parts && parts->port == 0;
}

class Rules {
 public:
  Rules(const Config& config, const config::Node* root, config::Problems& errors, config::Problems& warnings)
      : config_(config), root_(root), errors_(errors), warnings_(warnings) {}

  void check() {
    check_listeners();
    check_limits();
    if (config_.pools.empty()) wrong({"pools"}, "there is no pool; write at least one");
    for (std::size_t i = 0; i < config_.pools.size(); ++i) check_pool(i);
    check_aliases();
    check_default_model();
  }

 private:
  // A rule about a value that was found wrong already would only confuse.
  void wrong(const Path& path, const std::string& what) {
    if (!errors_.has(path)) errors_.add(mark(path), path, path.text() + ": " + what);
  }
  void warn(const Path& path, const std::string& what) {
    if (!errors_.has(path)) warnings_.add(mark(path), path, path.text() + ": " + what);
  }
  [[nodiscard]] config::Mark mark(const Path& path) const { return root_ == nullptr ? config::Mark{} : config::find_mark(*root_, path); }

  // For the words of a message: "line 12", or the path when there are no lines.
  [[nodiscard]] std::string reference(const Path& path) const {
    return root_ == nullptr ? path.text() : path.text() + " in line " + std::to_string(mark(path).line);
  }

  // The first to take a key wins; the second hears about it.
  template <class Key>
  bool take(std::map<Key, Path>& taken, const Key& key, const Path& path, const std::string& what) {
    const auto [first, is_new] = taken.emplace(key, path);
    if (!is_new) wrong(path, what + " (" + reference(first->second) + ")");
    return is_new;
  }

  void check_listeners() {
    std::map<std::string, Path> taken;
    for (std::size_t i = 0; i < config_.listen.size(); ++i) {
      if (!any_free_port(config_.listen[i])) take(taken, config_.listen[i], {"listen", i}, config_.listen[i] + " is listened on already");
    }
    const std::string& admin = config_.admin.listen;
    if (admin.empty()) return;
    const Path path = {"admin", "listen"};
    if (!any_free_port(admin)) take(taken, admin, path, admin + " is listened on already; the admin listener needs an address of its own");
    if (!is_loopback(admin) && config_.admin.token_file.empty()) {
      wrong(path,
            admin + " can be reached from other machines, so admin.token_file must name a file with the token (or listen on 127.0.0.1)");
    }
  }

  void check_limits() {
    if (config_.limits.memory_bytes < config_.limits.body_bytes) {
      wrong({"limits", "memory_bytes"}, "it must be at least limits.body_bytes, or the largest allowed request could never be taken");
    }
  }

  void check_pool(std::size_t i) {
    const PoolConfig& pool = config_.pools[i];
    const Path path = {"pools", i};
    const auto at = [&](const char* field) { return Path{"pools", i, field}; };
    if (!pool.name.empty()) take(pool_names_, pool.name, at("name"), "the name \"" + pool.name + "\" is taken");
    const bool by_model = !pool.models.empty() || errors_.has(at("models"));
    const bool by_path = !pool.path_prefix.empty() || errors_.has(at("path_prefix"));
    if (by_model && by_path) {
      wrong(at("path_prefix"), "the pool has models too; requests come to a pool by model or by path, so remove one of the two");
    } else if (!by_model && !by_path) {
      wrong(path, "the pool has neither models nor path_prefix, so no request would come to it (models: [\"*\"] takes every model)");
    }
    for (std::size_t k = 0; k < pool.models.size(); ++k) {
      const std::string& model = pool.models[k];
      if (!model.empty()) take(models_, model, {"pools", i, "models", k}, "the model \"" + model + "\" is served already");
    }
    for (const auto& [adapter, base] : pool.adapters) {
      if (std::find(pool.models.begin(), pool.models.end(), adapter) == pool.models.end()) {
        take(models_, adapter, {"pools", i, "adapters", adapter}, "the model \"" + adapter + "\" is served already");
      }
      const bool served =
          std::any_of(pool.models.begin(), pool.models.end(), [&](const auto& pattern) { return pattern_matches(pattern, base); });
      if (!served) wrong({"pools", i, "adapters", adapter}, "none of the pool's models matches its base model \"" + base + "\"");
    }
    if (!pool.path_prefix.empty())
      take(prefixes_, pool.path_prefix, at("path_prefix"), "the prefix " + pool.path_prefix + " is served already");
    check_scale(i);
    if (pool.endpoints.empty() && !pool.scale.enabled()) {
      warn(at("endpoints"), "the pool has no endpoint; its requests are refused until one is added at run time");
    }
    std::map<std::string, Path> names;
    for (std::size_t k = 0; k < pool.endpoints.size(); ++k) check_endpoint(i, k, names);
    if (pool.health_check.enabled && pool.health_check.timeout > pool.health_check.interval) {
      warn({"pools", i, "health_check", "timeout"},
           "it is longer than the interval, so checks of a dead endpoint come less often than the interval says");
    }
    check_admission(i);
    check_scheduling(i);
    if (pool.outlier.max_ejection < pool.outlier.base_ejection) {
      wrong({"pools", i, "outlier", "max_ejection"}, "it must be at least outlier.base_ejection");
    }
  }

  void check_scale(std::size_t i) {
    const PoolConfig& pool = config_.pools[i];
    const ScaleConfig& scale = pool.scale;
    if (!scale.enabled()) {
      if (scale != ScaleConfig{}) warn({"pools", i, "scale"}, "it counts with an actuator only");
      return;
    }
    if (++scaled_pools_ > ScaledPoolsMax) {
      wrong({"pools", i, "scale"}, "more than " + std::to_string(ScaledPoolsMax) + " pools are scaled; each takes a thread");
    }
    const auto check_gap = [&](const ActuatorConfig& actuator, std::uint32_t most, Path path) {
      const ActuatorGap gap = gap_of(actuator, most);
      if (gap.what.empty()) return;
      for (const std::string& step : gap.where) path.push(step);
      wrong(path, gap.what);
    };
    if (scale.kinds.empty()) check_gap(scale.actuator, scale.limits.most, {"pools", i, "scale", "actuator"});
    std::map<std::string, Path> kinds;
    for (std::size_t k = 0; k < scale.kinds.size(); ++k) {
      const KindConfig& kind = scale.kinds[k];
      const auto in_kind = [&](const char* field) { return Path{"pools", i, "scale", "kinds", k, field}; };
      take(kinds, kind.name, in_kind("name"), "the name \"" + kind.name + "\" is taken in this pool");
      check_gap(kind.actuator, kind.most, in_kind("actuator"));
      if (kind.actuator.kind == ActuatorKind::None) wrong(in_kind("actuator"), "a kind of replica needs an actuator of its own");
      if (kind.least > kind.most) wrong(in_kind("least"), "it is greater than the kind's most");
    }
    if (!scale.kinds.empty() && scale.actuator.kind != ActuatorKind::None) {
      wrong({"pools", i, "scale", "actuator"}, "the pool has kinds, each with an actuator of its own; remove one of the two");
    }
    if (scale.limits.least > scale.limits.most) wrong({"pools", i, "scale", "least"}, "it is greater than scale.most");
    if (!pool.health_check.enabled) {
      wrong({"pools", i, "health_check", "enabled"}, "a pool with scale needs its checks: a replica gets requests once its check passes");
    }
    const auto asked = [&](ControllerKind kind) {
      return std::find(scale.controllers.begin(), scale.controllers.end(), kind) != scale.controllers.end();
    };
    if (asked(ControllerKind::Schedule) && scale.schedule.empty())
      wrong({"pools", i, "scale", "schedule"}, "the controller schedule needs at least one rule");
    if (scale.controllers.size() == 1 && asked(ControllerKind::Schedule)) {
      warn({"pools", i, "scale", "controllers"},
           "schedule asks for nothing outside of its times, and the pool then stays as it is; put target beside it");
    }
    if (scale.controllers.size() == 1 && asked(ControllerKind::Predictive)) {
      warn({"pools", i, "scale", "controllers"}, "predictive is silent until it has history; put target or backlog beside it");
    }
    if (scale.limits.least == 0 && pool.queue.requests_max == 0) {
      wrong({"pools", i, "scale", "least"}, "with no replica a request has to wait for the first one, and queue.requests_max is 0");
    }
    if (scale.limits.least == 0 && pool.queue.wait_max < scale.predictive.startup) {
      warn({"pools", i, "queue", "wait_max"},
           "it is shorter than scale.predictive.startup, the time that a first replica is expected to take");
    }
  }

  void check_scheduling(std::size_t i) {
    const PoolConfig& pool = config_.pools[i];
    const bool any_external =
        std::any_of(pool.endpoints.begin(), pool.endpoints.end(), [](const auto& one) { return one.external.enabled; });
    if (pool.spend.limit > 0 && !any_external) warn({"pools", i, "spend"}, "no endpoint of the pool is external, so nothing is counted");
    const bool composed = pool.policy == route::PolicyKind::Composed;
    if (composed && pool.composition.scorers.empty()) {
      wrong({"pools", i, "composition", "scorers"}, "policy: composed needs at least one scorer");
    } else if (!composed && pool.composition != route::CompositionSettings{}) {
      warn({"pools", i, "composition"}, "it counts with policy: composed only");
    }
    check_composition(i);
    if (pool.hedging.delay_max < pool.hedging.delay_min)
      wrong({"pools", i, "hedging", "delay_max"}, "it must be at least hedging.delay_min");
    std::set<std::string_view> zones;
    for (const EndpointConfig& endpoint : pool.endpoints) zones.insert(endpoint.zone);
    for (const auto& [zone, one] : pool.zones) {
      if (!zones.contains(zone)) warn({"pools", i, "zones", zone}, "no endpoint of the pool is in this zone yet");
    }
    for (const auto& [name, data_class] : pool.data_classes) {
      const bool reached =
          std::any_of(data_class.zones.begin(), data_class.zones.end(), [&](const std::string& zone) { return zones.contains(zone); });
      if (!reached) warn({"pools", i, "data_classes", name}, "no endpoint is in one of its zones, so its requests are refused");
    }
    for (const auto& [zone, one] : pool.zones) zones.insert(zone);
    for (const auto& [name, data_class] : pool.data_classes) zones.insert(data_class.zones.begin(), data_class.zones.end());
    zones.erase("");
    if (zones.size() > route::ZonesMax) {
      wrong({"pools", i, "zones"}, "endpoints, zones and data_classes of the pool name " + std::to_string(zones.size()) +
                                       " zones; at most " + std::to_string(route::ZonesMax) + " can be told apart");
    }
    if (!pool.default_data_class.empty() && !pool.data_classes.contains(pool.default_data_class)) {
      wrong({"pools", i, "default_data_class"}, "there is no data class \"" + pool.default_data_class + "\" in data_classes");
    }
  }

  void check_composition(std::size_t i) {
    const PoolConfig& pool = config_.pools[i];
    const auto& [scorers, filters] = std::tie(pool.composition.scorers, pool.composition.filters);
    for (std::size_t n = 0; n < filters.size(); ++n) {
      const bool share = filters[n].kind != route::FilterKind::FirstToken;
      const Path path = {"pools", i, "composition", "filters", n, "threshold"};
      if (filters[n].threshold <= 0) wrong(path, "a filter needs a bound above 0");
      if (share && filters[n].threshold > 1) wrong(path, "it is a share, from 0 to 1: 0.9 for 90 %");
    }
    std::map<route::ScorerKind, Path> taken;
    for (std::size_t n = 0; n < scorers.size(); ++n) {
      const Path path = {"pools", i, "composition", "scorers", n, "type"};
      take(taken, scorers[n].kind, path, "this is scored already; one weight says how much it counts");
    }
    const auto any = [&](const auto& says) { return std::any_of(pool.endpoints.begin(), pool.endpoints.end(), says); };
    const bool priced =
        any([](const EndpointConfig& one) { return one.price != PriceConfig{}; }) ||
        std::any_of(pool.zones.begin(), pool.zones.end(), [](const auto& zone) { return zone.second.price != PriceConfig{}; });
    if (pool.scale.enabled() || pool.endpoints.empty()) return;  // who comes later may have a price
    if (const auto found = taken.find(route::ScorerKind::Price); found != taken.end() && !priced)
      warn(found->second, "neither an endpoint nor a zone has a price, so all score the same");
    if (const auto found = taken.find(route::ScorerKind::Power);
        found != taken.end() && !any([](const EndpointConfig& one) { return one.power_watts > 0; }))
      warn(found->second, "no endpoint says its power, so all score the same");
    if (pool.policy == route::PolicyKind::CheapestWithinSlo && !priced)
      warn({"pools", i, "policy"}, "neither an endpoint nor a zone has a price, so none is cheaper than another");
  }

  void check_admission(std::size_t i) {
    const PoolConfig& pool = config_.pools[i];
    double reserved = 0;
    std::map<std::string, std::string> taken;
    for (std::size_t k = 0; k < route::Priorities; ++k) {
      const auto priority = static_cast<route::Priority>(k);
      const ClassConfig& one = pool.classes.of(priority);
      const std::string class_name(route::priority_name(priority));
      reserved += one.rules.reserve;
      for (std::size_t n = 0; n < one.names.size(); ++n) {
        std::string folded = one.names[n];
        for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        const auto [first, is_new] = taken.emplace(folded, class_name);
        if (!is_new)
          wrong({"pools", i, "classes", class_name, "names", n},
                "the word \"" + one.names[n] + "\" means the class " + first->second + " already");
      }
    }
    constexpr double ReservedMax = 0.9;
    if (reserved > ReservedMax)
      wrong({"pools", i, "classes"}, "the reserves of all classes together leave less than a tenth of the slots to everybody");
    const route::LearnedCapacitySettings& learned = pool.learned_capacity;
    if (learned.least > learned.first || learned.first > learned.most) {
      wrong({"pools", i, "learned_capacity"}, "least, first and most must not be each smaller than the one before");
    }
  }

  void check_endpoint(std::size_t i, std::size_t k, std::map<std::string, Path>& names) {
    const PoolConfig& pool = config_.pools[i];
    const EndpointConfig& endpoint = pool.endpoints[k];
    const auto at = [&](const char* field) { return Path{"pools", i, "endpoints", k, field}; };
    if (!endpoint.name.empty() && !errors_.has(at("url"))) {
      const bool named = root_ == nullptr || mark(at("name")) != mark({"pools", i, "endpoints", k});
      take(names, endpoint.name, named ? at("name") : at("url"),
           "the name \"" + endpoint.name + "\" is taken in this pool" +
               (named ? "" : "; give endpoints with the same address names of their own"));
    }
    if (!endpoint.kv_events.replay.empty() && endpoint.kv_events.address.empty()) {
      wrong({"pools", i, "endpoints", k, "kv_events", "replay"}, "there is no kv_events.address whose events could be missed");
    }
    check_external(i, k);
    for (std::size_t n = 0; n < endpoint.adapters.size(); ++n) {
      const std::string& adapter = endpoint.adapters[n];
      if (adapter != AnyAdapter && !pool.adapters.contains(adapter)) {
        wrong({"pools", i, "endpoints", k, "adapters", n},
              "the pool's adapters do not have \"" + adapter + "\", so nobody knows its base model");
      }
    }
    for (const auto& [served, known_as] : endpoint.models) {
      const bool reached =
          std::any_of(pool.models.begin(), pool.models.end(), [&](const std::string& pattern) { return pattern_matches(pattern, served); });
      if (!reached)
        warn({"pools", i, "endpoints", k, "models", served}, "none of the pool's models matches this name, so it is never asked for");
    }
  }

  void check_external(std::size_t i, std::size_t k) {
    const PoolConfig& pool = config_.pools[i];
    const EndpointConfig& endpoint = pool.endpoints[k];
    const ExternalConfig& external = endpoint.external;
    const Path path = {"pools", i, "endpoints", k, "external"};
    if (!external.enabled) {
      if (external != ExternalConfig{}) warn(path, "it counts with enabled: true only");
      return;
    }
    const auto zone = pool.zones.find(endpoint.zone);
    const bool priced = endpoint.price != PriceConfig{} || (zone != pool.zones.end() && zone->second.price != PriceConfig{});
    const bool by_tokens = external.tokens_per_minute > 0 || external.spend.limit > 0 || pool.spend.limit > 0;
    if (by_tokens && !pool.path_prefix.empty()) {
      wrong(path, "limits on tokens and money need to know a request's tokens, and requests below a path_prefix are not read");
    }
    if ((external.spend.limit > 0 || pool.spend.limit > 0) && !priced) {
      wrong(path, "there is a limit of what may be spent, but neither the endpoint nor its zone has a price");
    }
  }

  void check_aliases() {
    for (const auto& [alias, first_target] : config_.aliases) {
      const Path path = {"aliases", alias};
      std::set<std::string_view> seen = {alias};
      std::string_view target = first_target;
      bool cycle = false;
      for (auto next = config_.aliases.find(first_target); !cycle; next = config_.aliases.find(std::string(target))) {
        cycle = !seen.insert(target).second;
        if (cycle || next == config_.aliases.end()) break;
        target = next->second;
      }
      if (cycle) {
        wrong(path, "the aliases lead in a circle");
        continue;
      }
      if (models_.contains(alias)) warn(path, "a pool serves a model of this name, which the alias hides");
      const bool served =
          std::any_of(models_.begin(), models_.end(), [&](const auto& model) { return pattern_matches(model.first, target); });
      if (!served && !models_.empty()) warn(path, "no pool serves the model \"" + std::string(target) + "\"");
    }
  }

  void check_default_model() {
    if (config_.default_model.empty() || config_.aliases.contains(config_.default_model)) return;  // where an alias leads is checked there
    const bool served =
        std::any_of(models_.begin(), models_.end(), [&](const auto& model) { return pattern_matches(model.first, config_.default_model); });
    if (!served) warn({"default_model"}, "no pool serves the model \"" + config_.default_model + "\"");
  }

  const Config& config_;
  const config::Node* root_;
  config::Problems& errors_;
  config::Problems& warnings_;
  std::map<std::string, Path> pool_names_, models_, prefixes_;
  std::size_t scaled_pools_ = 0;
};

}  // namespace

std::string check_listen_address(std::string_view text) {
  const std::string rule = "an address host:port or [IPv6]:port";
  if (text.starts_with(':') || text.starts_with("*:")) return rule + suggest("0.0.0.0" + std::string(text.substr(text.find(':'))));
  if (text.find("://") != std::string_view::npos) return rule + ", without a scheme";
  const auto parts = net::split_host_port(text);
  if (!parts) {
    const bool host_only = !text.empty() && is_host(text) && text.find(':') == std::string_view::npos;
    return rule + (host_only ? suggest(std::string(text) + ":8080") : std::string());
  }
  return is_host(parts->host) ? std::string() : rule;
}

std::string check_endpoint_url(std::string_view text) {
  const std::string rule = "a URL http://host[:port][/prefix]";
  if (text.starts_with("https://")) {
    return rule + " (TLS to endpoints is not supported yet; put a local TLS forwarder in front of it and write http://)";
  }
  if (text.find("://") == std::string_view::npos) return rule + suggest("http://" + std::string(text));
  const auto url = parse_endpoint_url(text);
  if (!url) return rule + ", without user, query or fragment";
  if (!is_host(url->target.host)) return rule + "; the host holds a character that no host name has";
  if (!url->path_prefix.empty() && !is_plain_path(url->path_prefix)) return rule + "; the prefix must not hold empty, '.' or '..' segments";
  return {};
}

std::string check_model_name(std::string_view text) {
  if (has_blank_or_control(text)) return "a model name without spaces";
  return text.find('*') == std::string_view::npos ? std::string() : "a model name without '*'";
}

std::string check_adapter(std::string_view text) {
  return text == AnyAdapter               ? std::string()
         : check_model_name(text).empty() ? std::string()
                                          : "the name of an adapter without spaces and '*', or * alone";
}

std::string check_model_pattern(std::string_view text) {
  if (has_blank_or_control(text)) return "a model name without spaces, with at most one '*'";
  return std::count(text.begin(), text.end(), '*') <= 1 ? std::string() : "a model name with at most one '*'";
}

std::string check_name(std::string_view text) {
  const bool plain = !has_blank_or_control(text) && text.find_first_of("/\\\"'?#%") == std::string_view::npos;
  return plain ? std::string() : "a name without spaces, quotes or any of / \\ ? # %";
}

std::string check_path(std::string_view text) {
  const std::string rule = "a path that begins with '/'";
  if (!text.starts_with('/')) return rule + suggest("/" + std::string(text));
  if (has_blank_or_control(text) || text.find_first_of("?#*\\\"") != std::string_view::npos)
    return rule + ", without spaces, query, fragment or '*'";
  return text == "/" || is_plain_path(text) ? std::string() : rule + ", without empty, '.' or '..' segments";
}

std::string check_header_name(std::string_view text) { return all_of(text, "!#$%&'*+-.^_`|~") ? std::string() : "the name of a header"; }

std::string check_class_name(std::string_view text) {
  for (std::size_t i = 0; i < route::Priorities; ++i) {
    if (text == route::priority_name(static_cast<route::Priority>(i))) return {};
  }
  return "realtime, standard, batch or background";
}

std::string check_environment_name(std::string_view text) {
  const std::string rule = "the name of an environment variable, not the key itself";
  return all_of(text, "_") && !(text[0] >= '0' && text[0] <= '9') ? std::string() : rule;
}

std::string check_zmq_address(std::string_view text) {
  return net::check_zmq_address(text, net::ZmqPort::Given) ? std::string() : "an address tcp://host:port or ipc://path";
}

std::string check_socket_path(std::string_view text) {
  if (!text.starts_with('/')) return "an absolute path";
  return text.size() <= SocketPathMax
             ? std::string()
             : "a path of at most " + std::to_string(SocketPathMax) + " bytes (the system's limit for Unix sockets)";
}

std::string check_metric_name(std::string_view text) {
  return all_of(text, "_:") && !(text[0] >= '0' && text[0] <= '9') ? std::string() : "the name of a metric, without labels";
}

std::string check_label_name(std::string_view text) {
  return all_of(text, "_") && !(text[0] >= '0' && text[0] <= '9') ? std::string() : "the name of a label";
}

std::string check_figure(std::string_view text) {
  if (protocol::figure_named(text)) return {};
  std::string rule;
  for (const protocol::FigureName& figure : protocol::FigureNames) rule.append(rule.empty() ? "one of " : ", ").append(figure.key);
  return rule;
}

bool pattern_matches(std::string_view pattern, std::string_view model) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == model;
  const std::string_view before = pattern.substr(0, star);
  const std::string_view after = pattern.substr(star + 1);
  return model.size() >= before.size() + after.size() && model.starts_with(before) && model.ends_with(after);
}

void check_between_fields(const Config& config, const config::Node* root, config::Problems& errors, config::Problems& warnings) {
  Rules(config, root, errors, warnings).check();
}

}  // namespace evener::gateway
