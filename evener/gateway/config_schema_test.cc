#include "evener/gateway/config_schema.h"

#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/scalars.h"
#include "evener/base/config/yaml.h"
#include "evener/base/json_writer.h"
#include "evener/protocol/engine_kind.h"
#include "tests/golden.h"

namespace evener::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string lines(const std::vector<ConfigError>& errors) {
  std::string out;
  for (const ConfigError& error : errors) out += config::one_line(error) + "\n";
  return out;
}

struct Outcome {
  Config config;
  std::string errors, warnings;
};

Outcome read(std::string_view text) {
  std::vector<ConfigError> warnings;
  const auto result = read_config("e.yaml", text, &warnings);
  return {.config = result ? *result : Config{}, .errors = result ? "" : lines(result.error()), .warnings = lines(warnings)};
}

// A pool that is valid, for tests of something else.
const std::string SmallPool = "pools:\n  - name: chat\n    models: [\"*\"]\n    endpoints: [{url: \"http://127.0.0.1:8001\"}]\n";

TEST_CASE("a small file is enough, and the rest has its defaults") {
  const Outcome outcome = read(SmallPool);
  CHECK(outcome.errors == "");
  CHECK(outcome.warnings == "");
  Config expected;
  expected.pools.push_back({.name = "chat", .models = {"*"}, .endpoints = {{.name = "127.0.0.1:8001", .url = "http://127.0.0.1:8001"}}});
  CHECK(outcome.config == expected);
}

TEST_CASE("limits of money need a price, limits of tokens need bodies that are read, and adapters need a base") {
  const auto problems = [](std::string_view pool) { return read(pool).errors; };
  CHECK(problems("pools: [{name: a, models: [m], endpoints: [{url: \"http://h:1\", external: {enabled: true, spend: {limit: 1}}}]}]")
            .find("neither the endpoint nor its zone has a price") != std::string::npos);
  CHECK(problems("pools: [{name: a, models: [m], zones: {z: {price: {per_request: 1}}}, "
                 "endpoints: [{url: \"http://h:1\", zone: z, external: {enabled: true, spend: {limit: 1}}}]}]") == "");
  CHECK(
      problems("pools: [{name: a, path_prefix: /v2, endpoints: [{url: \"http://h:1\", external: {enabled: true, tokens_per_minute: 9}}]}]")
          .find("requests below a path_prefix are not read") != std::string::npos);
  CHECK(problems("pools: [{name: a, models: [m], adapters: {sql: other}, endpoints: []}]").find("matches its base model \"other\"") !=
        std::string::npos);
  CHECK(problems("pools: [{name: a, models: [m], adapters: {sql: m}, endpoints: [{url: \"http://h:1\", adapters: [poems]}]}]")
            .find("do not have \"poems\"") != std::string::npos);
  CHECK(read("pools: [{name: a, models: [m], endpoints: [{url: \"http://h:1\", external: {spill_over: false}}]}]")
            .warnings.find("counts with enabled: true only") != std::string::npos);
  CHECK(read("default_model: x\npools: [{name: a, models: [m], endpoints: [{url: \"http://h:1\"}]}]")
            .warnings.find("no pool serves the model \"x\"") != std::string::npos);
}

TEST_CASE("every field of the file arrives in its place") {
  const Outcome outcome = read(R"(
listen: ["0.0.0.0:80", "[::1]:81", "gateway.local:82"]
workers: 4
handover_socket: /run/evener/handover
admin: {listen: "10.0.0.1:9900", token_file: /etc/evener/token}
limits: {body_bytes: 1MiB, memory_bytes: 1GiB, head_bytes: 8KiB, connections: 5}
timeouts: {head: 1s, body_idle: 2s, send_idle: 3s, keep_alive: 4s, drain: 5m}
access_log: {path: /var/log/evener/access.log}
aliases: {gpt-4: llama-3}
default_model: gpt-4
dns_refresh: 10s
pools:
  - name: chat
    models: [llama-3, "qwen-*"]
    policy: composed
    composition: {filters: [{type: kv-used, threshold: 0.9}], scorers: [{type: prefix-hit, weight: 3}, {type: queue}], picker: weighted}
    prefix_index: {blocks_max: 2000, block_bytes: 512}
    adapters: {sql: llama-3}
    spend: {limit: 100, per: 24h, window: calendar}
    zones: {edge: {latency: 5ms, price: {per_request: 0.01}}}
    data_classes: {private: {zones: [edge, vault]}}
    default_data_class: private
    decision_header: true
    continuation: {enabled: true}
    session_headers: [x-user]
    slow_start: 30s
    panic_threshold: 0.25
    endpoints:
      - name: a
        url: http://10.0.0.2:8000/engine
        engine: vllm
        weight: 2.5
        capacity: 32
        tier: 4
        zone: edge
        power_watts: 700
        modalities: [text, image]
        context_tokens_max: 128000
        price: {input_per_million_tokens: 0.5, output_per_million_tokens: 1.5}
        external: {enabled: true, spill_over: false, spill_over_when_late: true, requests_per_minute: 60, tokens_per_minute: 1000,
                   spend: {limit: 2.5, per: 1h}}
        adapters: [sql, "*"]
        models: {llama-3: meta/llama-3}
        api_key_env: ENGINE_KEY
        metrics_port: 8002
    load_reports: {enabled: false, interval: 5s, timeout: 500ms, path: /stats,
                   figures: {kv_used: {metric: "app:cache_percent", labels: {gpu: "0"}, scale: 0.01, combine: max}}}
    health_check: {enabled: false, path: /ready, interval: 5s, timeout: 500ms, rise: 1, fall: 2}
    outlier: {enabled: false, consecutive_failures: 7, success_rate_stdev_factor: 2, success_rate_min_endpoints: 3,
              success_rate_min_requests: 50, interval: 20s, base_ejection: 15s, max_ejection: 1m, max_ejected_share: 0.1}
    retry: {attempts_max: 5, budget_share: 0.5, budget_min: 1, statuses: [503], on_reset: never}
    queue: {requests_max: 10, wait_max: 1s}
    timeouts: {connect: 100ms, first_token: 10s, first_token_by_class: {batch: 10m}, between_tokens: 0, total: 1h, upstream_idle: 0}
  - name: vision
    path_prefix: /v2
    endpoints: []
)");
  CHECK(outcome.errors == "");
  const Config& c = outcome.config;
  CHECK(c.listen == std::vector<std::string>{"0.0.0.0:80", "[::1]:81", "gateway.local:82"});
  CHECK(c.workers == 4);
  CHECK(c.handover_socket == "/run/evener/handover");
  CHECK(c.admin == AdminConfig{.listen = "10.0.0.1:9900", .token_file = "/etc/evener/token"});
  CHECK(c.limits == LimitsConfig{.body_bytes = 1U << 20, .memory_bytes = 1U << 30, .head_bytes = 8192, .connections = 5});
  CHECK(c.timeouts == ClientTimeoutConfig{.head = seconds(1), .body_idle = seconds(2), .send_idle = seconds(3), .keep_alive = seconds(4), .drain = minutes(5)});
  CHECK(c.access_log.path == "/var/log/evener/access.log");
  CHECK(c.aliases.at("gpt-4") == "llama-3");
  CHECK(c.default_model == "gpt-4");
  CHECK(c.dns_refresh == Duration(seconds(10)));
  REQUIRE(c.pools.size() == 2);
  const PoolConfig& p = c.pools[0];
  CHECK(p.models == std::vector<std::string>{"llama-3", "qwen-*"});
  CHECK(p.policy == route::PolicyKind::Composed);
  CHECK(p.composition ==
        route::CompositionSettings{.filters = {{.kind = route::FilterKind::KvUsed, .threshold = 0.9}},
                                   .scorers = {{.kind = route::ScorerKind::PrefixHit, .weight = 3}, {.kind = route::ScorerKind::Queue}},
                                   .picker = route::PickerKind::Weighted});
  CHECK(p.prefix_index == PrefixIndexConfig{.blocks_max = 2000, .block_bytes = 512});
  CHECK(p.zones == std::map<std::string, ZoneConfig>{{"edge", {.latency = milliseconds(5), .price = {.per_request = 0.01}}}});
  CHECK(p.adapters == std::map<std::string, std::string>{{"sql", "llama-3"}});
  CHECK(p.spend == SpendConfig{.limit = 100, .per = std::chrono::hours(24), .window = SpendWindow::Calendar});
  CHECK(p.data_classes == std::map<std::string, DataClassConfig>{{"private", {.zones = {"edge", "vault"}}}});
  CHECK(p.default_data_class == "private");
  CHECK(p.decision_header);
  CHECK(p.continuation.enabled);
  CHECK(p.session_headers == std::vector<std::string>{"x-user"});
  CHECK(p.slow_start == Duration(seconds(30)));
  CHECK(p.panic_threshold == 0.25);
  const EndpointConfig endpoint{.name = "a",
                                .url = "http://10.0.0.2:8000/engine",
                                .engine = EngineKind::Vllm,
                                .weight = 2.5,
                                .capacity = 32,
                                .tier = 4,
                                .zone = "edge",
                                .power_watts = 700,
                                .modalities = {route::Text, route::Image},
                                .context_tokens_max = 128'000,
                                .price = {.input_per_million_tokens = 0.5, .output_per_million_tokens = 1.5},
                                .external = {.enabled = true,
                                             .spill_over = false,
                                             .spill_over_when_late = true,
                                             .requests_per_minute = 60,
                                             .tokens_per_minute = 1000,
                                             .spend = {.limit = 2.5, .per = std::chrono::hours(1)}},
                                .adapters = {"sql", "*"},
                                .models = {{"llama-3", "meta/llama-3"}},
                                .api_key_env = "ENGINE_KEY",
                                .metrics_port = 8002};
  CHECK(p.endpoints == std::vector<EndpointConfig>{endpoint});
  CHECK(p.health_check == HealthCheckConfig{.enabled = false, .path = "/ready", .interval = seconds(5), .timeout = milliseconds(500), .rise = 1, .fall = 2});
  CHECK(p.load_reports == LoadReportConfig{.enabled = false, .interval = seconds(5), .timeout = milliseconds(500), .path = "/stats",
                                           .figures = {{"kv_used", {.metric = "app:cache_percent", .labels = {{"gpu", "0"}}, .scale = 0.01,
                                                                    .combine = protocol::Combine::Max}}}});
  CHECK(p.outlier == route::OutlierSettings{.enabled = false, .consecutive_failures = 7, .success_rate_stdev_factor = 2, .success_rate_min_hosts = 3,
                                            .success_rate_min_requests = 50, .interval = seconds(20), .base_ejection = seconds(15),
                                            .max_ejection = minutes(1), .max_ejected_share = 0.1});
  CHECK(p.retry == RetryConfig{.budget = {.attempts_max = 5, .budget_share = 0.5, .budget_min = 1}, .statuses = {503}, .on_reset = ResetRetry::Never});
  CHECK(p.queue == route::QueueSettings{.requests_max = 10, .wait_max = seconds(1)});
  CHECK(p.timeouts == TimeoutConfig{.connect = milliseconds(100), .first_token = seconds(10), .first_token_by_class = {{"batch", minutes(10)}},
                                    .between_tokens = seconds(0), .total = minutes(60), .upstream_idle = seconds(0)});
  CHECK(c.pools[1].path_prefix == "/v2");
}

TEST_CASE("figures of load reports are checked by name, and so are their metrics and labels") {
  const std::string errors = read(SmallPool +
                                  "    load_reports:\n"
                                  "      figures:\n"
                                  "        kv: {metric: x}\n"
                                  "        running: {metric: \"9x\"}\n"
                                  "        waiting: {metric: \"x{a=1}\", labels: {a-b: c}}\n")
                                 .errors;
  CAPTURE(errors);
  CHECK(errors.find("figures.kv") != std::string::npos);
  CHECK(errors.find("running, waiting, waiting_tokens, kv_used") != std::string::npos);
  CHECK(errors.find("running.metric") != std::string::npos);
  CHECK(errors.find("waiting.metric") != std::string::npos);
  CHECK(errors.find("the name of a label") != std::string::npos);
}

TEST_CASE("all mistakes of a file come at once, in its order, each with place, value, rule and suggestion") {
  CHECK(read("listen: [\":8080\"]\n"
             "worker: 2\n"
             "pools:\n"
             "  - name: chat\n"
             "    models: [\"a*b*\"]\n"
             "    policy: least-requests\n"
             "    endpoints:\n"
             "      - url: https://api.example.com\n"
             "        weight: 0\n"
             "      - url: 127.0.0.1:8001\n"
             "        engine: vLLM\n"
             "        weigth: 2\n")
            .errors ==
        "e.yaml:1:10: listen[0] is \":8080\"; it must be an address host:port or [IPv6]:port (write 0.0.0.0:8080)\n"
        "e.yaml:2:1: worker: unknown field (did you mean \"workers\"?)\n"
        "e.yaml:5:14: pools[0].models[0] is \"a*b*\"; it must be a model name with at most one '*'\n"
        "e.yaml:6:13: pools[0].policy is least-requests; it must be one of round-robin, weighted-round-robin, random, least-request, "
        "power-of-two, peak-ewma, "
        "bounded-hash, maglev, balanced, sticky-until-saturated, blend, dynamo-cost, smg-cache-aware, least-load, cheapest-within-slo, "
        "composed, dynamo-lmetric, aibrix-prefix-cache, vtc, orca-weighted (did you mean least-request?)\n"
        "e.yaml:8:14: pools[0].endpoints[0].url is \"https://api.example.com\"; it must be a URL http://host[:port][/prefix] (TLS to "
        "endpoints is not supported "
        "yet; put a local TLS forwarder in front of it and write http://)\n"
        "e.yaml:9:17: pools[0].endpoints[0].weight is 0; it must be a number 0.001..1000 (to take it out of rotation drain it)\n"
        "e.yaml:10:14: pools[0].endpoints[1].url is \"127.0.0.1:8001\"; it must be a URL http://host[:port][/prefix] (write "
        "http://127.0.0.1:8001)\n"
        "e.yaml:11:17: pools[0].endpoints[1].engine is vLLM; it must be one of openai, vllm, sglang, llama.cpp, tgi, trtllm, triton, "
        "tfserving, ollama, generic "
        "(did you mean vllm?)\n"
        "e.yaml:12:9: pools[0].endpoints[1].weigth: unknown field (did you mean \"weight\"?)\n");
}

TEST_CASE("a file without pools is refused, a pool without endpoints is a warning") {
  CHECK(read("workers: 1\n").errors == "e.yaml:1:1: pools is missing; it must be a list (1..1000 items), each a pool mapping\n");
  CHECK(read("").errors.find("pools is missing") != std::string::npos);
  CHECK(read("pools: []\n").errors.find("a list of 0; it must be a list with 1..1000 items") != std::string::npos);
  const Outcome empty = read("pools:\n  - {name: a, models: [m], endpoints: []}\n  - {name: b, models: [n]}\n");
  CHECK(empty.errors == "");
  CHECK(empty.warnings ==
        "e.yaml:2:39: pools[0].endpoints: the pool has no endpoint; its requests are refused until one is added at run time\n"
        "e.yaml:3:5: pools[1].endpoints: the pool has no endpoint; its requests are refused until one is added at run time\n");
}

TEST_CASE("names and models are taken once, and the message says where") {
  CHECK(read("pools:\n"
             "  - {name: a, models: [m, m, \"x*\"], endpoints: [{name: e, url: \"http://h:1\"}, {name: e, url: \"http://h:2\"}]}\n"
             "  - {name: a, models: [\"x*\"], endpoints: [{url: \"http://h:1\"}, {url: \"http://h:1\"}]}\n")
            .errors ==
        "e.yaml:2:27: pools[0].models[1]: the model \"m\" is served already (pools[0].models[0] in line 2)\n"
        "e.yaml:2:86: pools[0].endpoints[1].name: the name \"e\" is taken in this pool (pools[0].endpoints[0].name in line 2)\n"
        "e.yaml:3:12: pools[1].name: the name \"a\" is taken (pools[0].name in line 2)\n"
        "e.yaml:3:24: pools[1].models[0]: the model \"x*\" is served already (pools[0].models[2] in line 2)\n"
        "e.yaml:3:70: pools[1].endpoints[1].url: the name \"h:1\" is taken in this pool; give endpoints with the same address names of their own "
        "(pools[1].endpoints[0].url in line 3)\n");
  CHECK(read("pools:\n  - {name: a, path_prefix: /x, endpoints: []}\n  - {name: b, path_prefix: /x, endpoints: []}\n").errors.find("the prefix /x is served already") !=
        std::string::npos);
}

TEST_CASE("a pool is reached by model or by path, not by both or neither") {
  CHECK(read("pools:\n  - name: a\n    models: [m]\n    path_prefix: /x\n    endpoints: []\n").errors ==
        "e.yaml:4:18: pools[0].path_prefix: the pool has models too; requests come to a pool by model or by path, so remove one of the two\n");
  CHECK(read("pools:\n  - name: a\n    endpoints: []\n").errors ==
        "e.yaml:2:5: pools[0]: the pool has neither models nor path_prefix, so no request would come to it (models: [\"*\"] takes every model)\n");
}

TEST_CASE("aliases must not lead in a circle, and those that lead nowhere are warned about") {
  const std::string pool = "pools: [{name: p, models: [llama, \"qwen-*\"], endpoints: [{url: \"http://h:1\"}]}]\n";
  CHECK(read("aliases: {a: b, b: c, c: a, d: a, self: self}\n" + pool).errors ==
        "e.yaml:1:14: aliases.a: the aliases lead in a circle\n"
        "e.yaml:1:20: aliases.b: the aliases lead in a circle\n"
        "e.yaml:1:26: aliases.c: the aliases lead in a circle\n"
        "e.yaml:1:32: aliases.d: the aliases lead in a circle\n"
        "e.yaml:1:41: aliases.self: the aliases lead in a circle\n");
  const Outcome fine = read("aliases: {a: b, b: llama, c: qwen-7b}\n" + pool);
  CHECK(fine.errors == "");
  CHECK(fine.warnings == "");
  const Outcome odd = read("aliases: {a: gone, llama: qwen-1}\n" + pool);
  CHECK(odd.errors == "");
  CHECK(odd.warnings ==
        "e.yaml:1:14: aliases.a: no pool serves the model \"gone\"\n"
        "e.yaml:1:27: aliases.llama: a pool serves a model of this name, which the alias hides\n");
  CHECK(read("aliases: {\"a*\": b}\n" + pool).errors.find("the key is \"a*\"; it must be a model name without '*'") != std::string::npos);
}

TEST_CASE("an admin listener that others can reach needs a token file") {
  const auto admin = [](std::string_view listen, std::string_view more = "") {
    return read("admin: {listen: \"" + std::string(listen) + "\"" + std::string(more) + "}\n" + SmallPool).errors;
  };
  CHECK(admin("0.0.0.0:9900").find("admin.listen: 0.0.0.0:9900 can be reached from other machines, so admin.token_file must name a file") != std::string::npos);
  CHECK(admin("[::]:9900") != "");
  CHECK(admin("gateway.example.com:9900") != "");
  CHECK(admin("0.0.0.0:9900", ", token_file: /etc/evener/token") == "");
  CHECK(admin("127.0.0.1:9900") == "");
  CHECK(admin("127.9.9.9:9900") == "");
  CHECK(admin("[::1]:9900") == "");
  CHECK(admin("localhost:9900") == "");
  CHECK(admin("") == "");
}

TEST_CASE("two listeners on one address are refused, unless the port is any free one") {
  CHECK(read("listen: [\"127.0.0.1:80\", \"127.0.0.1:80\"]\n" + SmallPool).errors.find("listen[1]: 127.0.0.1:80 is listened on already") != std::string::npos);
  CHECK(read("listen: [\"127.0.0.1:9900\"]\n" + SmallPool).errors.find("the admin listener needs an address of its own") != std::string::npos);  // its default
  CHECK(read("listen: [\"127.0.0.1:9900\"]\nadmin: {listen: \"127.0.0.1:9900\"}\n" + SmallPool).errors.find("needs an address of its own") != std::string::npos);
  CHECK(read("listen: [\"127.0.0.1:0\", \"127.0.0.1:0\"]\nadmin: {listen: \"127.0.0.1:0\"}\n" + SmallPool).errors == "");
}

TEST_CASE("addresses and URLs are checked for their form") {
  const auto url = [](std::string_view text) {
    return read("pools: [{name: p, models: [m], endpoints: [{url: \"" + std::string(text) + "\"}]}]\n").errors;
  };
  for (const char* good : {"http://h", "http://h:80", "http://10.0.0.1:8000/", "http://h/a/b", "http://[::1]:8000", "http://[fe80::1]/x", "http://a-b.c_d.example:1"}) {
    CAPTURE(good);
    CHECK(url(good) == "");
  }
  for (const char* bad : {"", "http://", "http:///x", "http://h:0", "http://h:65536", "http://h:x", "http://u:p@h", "http://h?x=1", "http://h/#f", "http://h h", "ftp://h",
                          "http://h,g", "http://::1", "http://h/../x", "http://h//x", "https://h"}) {
    CAPTURE(bad);
    CHECK(url(bad) != "");
  }
  const auto listen = [](std::string_view text) { return read("listen: [\"" + std::string(text) + "\"]\n" + SmallPool).errors; };
  for (const char* bad : {"", "8080", "localhost", "http://localhost:80", "*:80", "[::1]", "1.2.3.4:99999", "a b:80", "::1:80"}) {
    CAPTURE(bad);
    CHECK(listen(bad) != "");
  }
  CHECK(listen("localhost").find("write localhost:8080") != std::string::npos);
}

TEST_CASE("a message is one line, whatever the value holds") {
  for (const char* text : {"pools: [{name: a, models: [m], endpoints: [{url: \"h\\nx\"}]}]", "listen: [\":80\\nx\", \"*:80\\nx\"]\npools: []",
                           "pools: [{name: \"a\\nb\", path_prefix: \"x\\ny\", policy: \"p\\nq\", \"k\\nl\": 1}]"}) {
    CAPTURE(text);
    const auto config = read_config("e.yaml", text);
    REQUIRE(!config.has_value());
    for (const ConfigError& error : config.error()) CHECK(error.message.find('\n') == std::string::npos);
  }
}

TEST_CASE("the form of names, paths, headers and variables is checked") {
  CHECK(read("pools: [{name: \"a b\", models: [m], endpoints: []}]").errors.find("a name without spaces") != std::string::npos);
  CHECK(read("pools: [{name: a/b, models: [m], endpoints: []}]").errors.find("a name without spaces") != std::string::npos);
  CHECK(read("pools: [{name: a, path_prefix: v2, endpoints: []}]").errors.find("(write /v2)") != std::string::npos);
  CHECK(read("pools: [{name: a, path_prefix: \"/a/../b\", endpoints: []}]").errors.find("'..' segments") != std::string::npos);
  CHECK(read("pools: [{name: a, path_prefix: /, endpoints: []}]").errors == "");
  CHECK(read("pools: [{name: a, models: [m], session_headers: [\"x y\"], endpoints: []}]").errors.find("the name of a header") != std::string::npos);
  CHECK(read("pools: [{name: a, models: [m], endpoints: [{url: \"http://h\", api_key_env: sk-123}]}]").errors.find("not the key itself") != std::string::npos);
  CHECK(read("handover_socket: run/x\n" + SmallPool).errors.find("an absolute path") != std::string::npos);
  CHECK(read("handover_socket: /" + std::string(107, 'x') + "\n" + SmallPool).errors.find("at most 107 bytes") != std::string::npos);
  CHECK(read("pools: [{name: a, models: [\"${MODEL}\"], endpoints: []}]").errors.find("references to the environment are not replaced") != std::string::npos);
}

TEST_CASE("limits and times that contradict each other are refused or warned about") {
  CHECK(read("limits: {body_bytes: 2MiB, memory_bytes: 1MiB}\n" + SmallPool).errors.find("it must be at least limits.body_bytes") != std::string::npos);
  CHECK(read("pools: [{name: a, models: [m], endpoints: [], outlier: {base_ejection: 2m, max_ejection: 1m}}]").errors.find("at least outlier.base_ejection") !=
        std::string::npos);
  CHECK(read("pools: [{name: a, models: [m], endpoints: [{url: \"http://h\"}], health_check: {timeout: 3s}}]").warnings.find("longer than the interval") !=
        std::string::npos);
}

TEST_CASE("a model of an endpoint that its pool does not serve is warned about") {
  const Outcome outcome = read("pools: [{name: a, models: [\"llama-*\"], endpoints: [{url: \"http://h\", models: {llama-3: x, lama-3: y}}]}]");
  CHECK(outcome.errors == "");
  CHECK(outcome.warnings.find("models.lama-3: none of the pool's models matches this name") != std::string::npos);
  CHECK(outcome.warnings.find("models.llama-3") == std::string::npos);
}

TEST_CASE("a configuration from the command line is held to the same rules, without lines") {
  Config config;
  CHECK(lines(check_config("command line", config)) == "command line: pools: there is no pool; write at least one\n");
  config.pools = {{.name = "p", .models = {"*"}, .endpoints = {{.url = "http://h:1"}, {.url = "http://h:1"}}}};
  CHECK(lines(check_config("command line", config)).find("command line: pools[0].endpoints[1].name: the name \"h:1\" is taken in this pool (pools[0].endpoints[0].name)") == 0);
  config.pools[0].endpoints.pop_back();
  CHECK(check_config("command line", config).empty());
  CHECK(config.pools[0].endpoints[0].name == "h:1");
}

TEST_CASE("one endpoint can be read on its own") {
  const auto endpoint = read_endpoint_config("request body", R"({"url": "http://h:1", "weight": 2})");
  REQUIRE(endpoint.has_value());
  CHECK(endpoint->name == "h:1");
  CHECK(endpoint->weight == 2);
  CHECK(lines(read_endpoint_config("request body", R"({"weight": 0})").error()) ==
        "request body:1:1: url is missing; it must be a URL http://host[:port][/prefix]\n"
        "request body:1:12: weight is 0; it must be a number 0.001..1000 (to take it out of rotation drain it)\n");
  CHECK(!read_endpoint_config("request body", "{").has_value());
}

TEST_CASE("an endpoint without a name is called by host and port") {
  CHECK(default_endpoint_name("http://h") == "h:80");
  CHECK(default_endpoint_name("http://[::1]:8000/x") == "[::1]:8000");
  CHECK(default_endpoint_name("nonsense") == "nonsense");
}

TEST_CASE("every policy that the router knows can be configured, under the same name") {
  for (const std::string_view name : route::policy_names()) {
    CAPTURE(std::string(name));
    const Outcome outcome =
        read("pools: [{name: a, models: [m], policy: " + std::string(name) + ", composition: {scorers: [{type: queue}]}, endpoints: []}]");
    CHECK(outcome.errors == "");
    REQUIRE(outcome.config.pools.size() == 1);
    CHECK(route::policy_name(outcome.config.pools[0].policy) == name);
  }
}

TEST_CASE("every engine that is known can be configured, under the same name") {
  for (const protocol::EngineName& engine : protocol::EngineNames) {
    CAPTURE(std::string(engine.name));
    const auto endpoint = read_endpoint_config("f", "{url: \"http://h\", engine: " + std::string(engine.name) + "}");
    REQUIRE(endpoint.has_value());
    CHECK(endpoint->engine == engine.kind);
  }
}

TEST_CASE("four thousand endpoints are read") {
  std::string text = "pools:\n  - name: a\n    models: [m]\n    endpoints:\n";
  for (int i = 0; i < 4000; ++i) text += "      - {name: e" + std::to_string(i) + ", url: \"http://10.0.0.1:" + std::to_string(1000 + i) + "\"}\n";
  const Outcome outcome = read(text);
  CHECK(outcome.errors == "");
  CHECK(outcome.config.pools.at(0).endpoints.size() == 4000);
}

TEST_CASE("a thousand pools, ten thousand aliases and ten thousand models of a pool are read, one more is refused, and so are 257 workers") {
  const auto pools = [](int count) {
    std::string text = "pools:\n";
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      text += "  - {name: p" + number + ", path_prefix: /p" + number + ", endpoints: [{url: \"http://h:1\"}]}\n";
    }
    return text;
  };
  const auto names = [](int count, const char* suffix) {
    std::string text;
    for (int i = 0; i < count; ++i) text += (i > 0 ? ", n" : "n") + std::to_string(i) + suffix;
    return text;
  };
  const auto pool_of = [](const std::string& models) {
    return "pools: [{name: p, models: [" + models + "], endpoints: [{url: \"http://h:1\"}]}]\n";
  };
  CHECK(read(pools(1000)).errors == "");
  CHECK(read(pools(1001)).errors.find("a list of 1001; it must be a list with 1..1000 items") != std::string::npos);
  CHECK(read("aliases: {" + names(10'000, ": m") + "}\n" + pool_of("m")).errors == "");
  CHECK(read("aliases: {" + names(10'001, ": m") + "}\n" + pool_of("m")).errors.find("10000") != std::string::npos);
  CHECK(read(pool_of(names(10'000, ""))).errors == "");
  CHECK(read(pool_of(names(10'001, ""))).errors.find("10000") != std::string::npos);
  CHECK(read("workers: 256\n" + pool_of("m")).errors == "");
  CHECK(read("workers: 257\n" + pool_of("m")).errors.find("workers is 257; it must be") != std::string::npos);
}

// ---- generated documents

TEST_CASE("the committed reference page, JSON Schema and example are what the code describes") {
  compare_or_update("docs/config-reference.md", config_reference_markdown());
  compare_or_update("docs/evener.schema.json", config_json_schema());
  compare_or_update("examples/evener.yaml", config_example_yaml());
}

TEST_CASE("the example file is valid as it is") {
  const Outcome outcome = read(config_example_yaml());
  CHECK(outcome.errors == "");
  CHECK(outcome.warnings == "");
  REQUIRE(outcome.config.pools.size() == 1);
  CHECK(outcome.config.pools[0].endpoints.size() == 2);
}

TEST_CASE("with every comment removed from its settings the example is still valid, and shows the true defaults") {
  const std::string all_set = std::regex_replace(config_example_yaml(), std::regex("(^|\\n)( *)#( {2,}|)([a-z_]+:)"), "$1$2$3$4");
  const Outcome outcome = read(all_set);
  CHECK(outcome.errors == "");
  Config with_defaults = read(config_example_yaml()).config;
  CHECK(outcome.config == with_defaults);
}

// The tree as the JSON that an editor's YAML reader would make of it.
void to_json(JsonWriter& json, const config::Node& node) {
  using config::Node;
  switch (node.kind) {
    case Node::Kind::Null: json.null(); return;
    case Node::Kind::List:
      json.begin_array();
      for (const Node& item : node.items) to_json(json, item);
      json.end_array();
      return;
    case Node::Kind::Map:
      json.begin_object();
      for (const config::Member& member : node.members) {
        json.key(member.key);
        to_json(json, member.value);
      }
      json.end_object();
      return;
    case Node::Kind::Scalar: break;
  }
  if (node.style == Node::Style::Plain && config::plain_kind(node.scalar) != config::PlainKind::Text) {
    json.raw(node.scalar);
  } else {
    json.value(node.scalar);
  }
}

TEST_CASE("the JSON Schema agrees with the reader about what is valid") {
  if (std::system("python3 -c 'import jsonschema' > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: the Python package jsonschema is not installed (Debian package python3-jsonschema)");
    return;
  }
  std::vector<std::string> files = {config_example_yaml(), SmallPool};
  const std::string pool = "pools: [{name: p, models: [m], endpoints: [{url: \"http://h:1\"}]}]\n";
  for (const char* text :
       {"workers: 2", "workers: -1", "workers: two", "workers: \"2\"", "worker: 2", "limits: {body_bytes: 4096}", "limits: {body_bytes: 32MB}",
        "timeouts: {head: 2s}", "timeouts: {head: 2}", "timeouts: {keep_alive: 0}", "timeouts: {head: 0}", "timeouts: {drain: 1m30s}", "listen: []", "listen: [5]",
        "admin: {listen: \"\"}", "access_log: {path: 5}", "aliases: {a: b}", "aliases: {\"a*\": b}", "aliases: [a]", "dns_refresh: 30s", "dns_refresh: true",
        "handover_socket: x"}) {
    files.push_back(std::string(text) + "\n" + pool);
  }
  for (const char* text : {"pools: []", "pools: [{}]", "pools: [{name: p, models: [m], endpoints: [{url: \"ftp://h\"}]}]", "pools: [{name: p, models: [\"a*b*\"], endpoints: []}]",
                           "pools: [{name: p, models: [m], policy: best, endpoints: []}]", "pools: [{name: p, models: [m], endpoints: [{url: \"http://h\", weight: 0}]}]",
                           "pools: [{name: p, models: [m], endpoints: [{url: \"http://h\", weight: 0.5}]}]", "pools: [{name: p, models: [m], retry: {statuses: [200]}}]",
                           "pools: [{name: p, models: [m], timeouts: {total: 0, first_token_by_class: {a: 1s}}}]"}) {
    files.emplace_back(text);
  }
  std::string documents;
  JsonWriter json(documents);
  json.begin_object().key("schema").raw(config_json_schema()).key("cases").begin_array();
  std::size_t valid = 0;
  for (const std::string& text : files) {
    config::Problems problems("f", text);
    const auto root = config::parse_yaml(text, problems);
    REQUIRE(root.has_value());
    const bool ours = read_config("f", text).has_value();
    valid += ours ? 1 : 0;
    json.begin_object().member("text", text).member("valid", ours).key("value");
    to_json(json, *root);
    json.end_object();
  }
  json.end_array().end_object();
  REQUIRE(valid > 5);
  REQUIRE(files.size() - valid > 10);
  char path[] = "/tmp/evener-schema-XXXXXX";
  const int fd = ::mkstemp(path);
  REQUIRE(fd >= 0);
  std::ofstream(path, std::ios::binary) << documents;
  const std::string script =
      "import json, sys, jsonschema\n"
      "all = json.load(open(sys.argv[1]))\n"
      "jsonschema.Draft202012Validator.check_schema(all[\"schema\"])\n"
      "check = jsonschema.Draft202012Validator(all[\"schema\"])\n"
      "wrong = [c for c in all[\"cases\"] if check.is_valid(c[\"value\"]) != c[\"valid\"]]\n"
      "for c in wrong: print(\"reader says\", c[\"valid\"], \"schema says otherwise:\\n\" + c[\"text\"], file=sys.stderr)\n"
      "sys.exit(1 if wrong else 0)\n";
  const int status = std::system(("python3 -c '" + script + "' " + path).c_str());
  std::remove(path);
  CHECK(status == 0);
}

}  // namespace
}  // namespace evener::gateway
