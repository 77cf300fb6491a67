#include "evener/gateway/config_admission.h"

#include <algorithm>
#include <chrono>

#include "evener/core/hashing.h"
#include "evener/gateway/config.h"
#include "evener/gateway/config_rules.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using route::Priority;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

constexpr std::size_t ClassNamesMax = 20;  // other words for a class
constexpr std::size_t TenantWeightsMax = 10'000;
constexpr std::uint64_t TenantSeed = 2;  // tenants and sessions of the same name are different things

TextRule header_rule() {
  return {.what = "the name of a header",
          .bytes_max = 128,
          .may_be_empty = false,
          .pattern = "^[!-'*+\\-.0-9A-Z^_`a-z|~]+$",
          .check = check_header_name};
}

Of<Priority> priority() {
  return one_of<Priority>({{Priority::Realtime, "realtime", "Somebody waits for each token."},
                           {Priority::Standard, "standard", "Somebody waits for the answer."},
                           {Priority::Batch, "batch", "A job waits for all answers."},
                           {Priority::Background, "background", "Whenever there is nothing better to do."}});
}

template <Priority P>
Of<ClassConfigOf<P>> describe_class() {
  using S = ClassConfigOf<P>;
  using R = route::ClassSettings;
  constexpr R S::* rules = &S::rules;
  constexpr std::vector<std::string> S::* names = &S::names;
  const std::string name(route::priority_name(P));
  return Describe<S>(name + "_class", "How requests of the class " + name + " are treated.")
      .field("names", names,
             list_of(text({.what = "a word", .bytes_max = 64, .may_be_empty = false, .check = check_header_name}), {0, ClassNamesMax}),
             {.doc = "Other words that mean this class in the class header."})
      .field(
          "first_token_objective", rules, &R::first_token_objective, duration({milliseconds(1), hours(1)}, "none"),
          {.doc = "How soon an answer should begin. Orders the requests of a tenant by deadline, and policies that know objectives choose "
                  "by it; a request may bring its own (header x-evener-first-token-ms)."})
      .field("token_objective", rules, &R::token_objective, duration({milliseconds(1), minutes(1)}, "none"),
             {.doc = "How soon each further token should follow, for policies that know objectives; a request may bring its own (header "
                     "x-evener-token-ms)."})
      .field("refuse_late", rules, &R::refuse_late, boolean(),
             {.doc = "Refuse a request at once, with a truthful Retry-After, when the queue would make it miss its objective."})
      .field("promote_after", rules, &R::promote_after, duration({milliseconds(10), hours(24)}, "never"),
             {.doc = "When the next request of the class has waited so long it counts as one class more urgent; and again after that "
                     "class's time."})
      .field("wait_max", rules, &R::wait_max, duration({milliseconds(1), hours(24)}, "queue.wait_max"), {.doc = "Longest wait."})
      .field("waiting_max", rules, &R::waiting_max, whole_number<std::uint32_t>({0, 1'000'000}),
             {.doc = "Most that wait. 0: queue.requests_max."})
      .field("reserve", rules, &R::reserve, number({0, 0.9}),
             {.doc = "Share of all slots that less urgent classes leave free, so that a request of this class finds one."})
      .field("sheddable", rules, &R::sheddable, boolean(),
             {.doc = "In a full queue, the newest request of the class gives its place to a more urgent one."})
      .done();
}

}  // namespace

const ClassConfig& ClassesConfig::of(Priority priority) const {
  switch (priority) {
    case Priority::Realtime: return realtime;
    case Priority::Standard: return standard;
    case Priority::Batch: return batch;
    case Priority::Background: break;
  }
  return background;
}

std::uint64_t tenant_hash(std::string_view tenant) { return std::max<std::uint64_t>(hash64(tenant, TenantSeed), 1); }

route::AdmissionSettings admission_settings(const PoolConfig& pool) {
  route::AdmissionSettings settings{.tenant_share_max = pool.tenants.share_max, .capacity = pool.learned_capacity, .preempt = pool.classes.preempt};
  for (std::size_t i = 0; i < route::Priorities; ++i) settings.classes[i] = pool.classes.of(static_cast<Priority>(i)).rules;
  for (const auto& [name, weight] : pool.tenants.weights) settings.tenants.push_back({.tenant = tenant_hash(name), .weight = weight});
  std::sort(settings.tenants.begin(), settings.tenants.end(), [](const auto& a, const auto& b) { return a.tenant < b.tenant; });
  return settings;
}

Of<ClassesConfig> describe_classes() {
  using C = ClassesConfig;
  return Describe<C>("classes", "How urgent requests are, most urgent class first; see docs/admission.md.")
      .field("header", &C::header, text(header_rule()),
             {.doc = "Request header that names a class. Without it the body's service_tier counts: priority, default, flex."})
      .field("default", &C::fallback, priority(), {.doc = "Class of requests that name none that is known."})
      .field("max", &C::max, priority(), {.doc = "The most urgent class that a client gets, whatever it asks for."})
      .field("preempt", &C::preempt, boolean(),
             {.doc = "When a realtime request has to wait, the latest background request of which nothing has reached its client yet gives its place to it and waits again."})
      .field("realtime", &C::realtime, describe_class<Priority::Realtime>(), {.doc = "The most urgent class."})
      .field("standard", &C::standard, describe_class<Priority::Standard>(), {.doc = "The usual class."})
      .field("batch", &C::batch, describe_class<Priority::Batch>(), {.doc = "Yields to both."})
      .field("background", &C::background, describe_class<Priority::Background>(), {.doc = "Yields to all."})
      .done();
}

Of<TenantsConfig> describe_tenants() {
  using T = TenantsConfig;
  return Describe<T>(
             "tenants",
             "Who shares the pool. When requests wait, tenants of a class get equal shares of the tokens, or shares by their weights.")
      .field("header", &T::header, text(header_rule()),
             {.doc = "Request header that names the tenant. It is believed: set it in something trusted that stands before the gateway."})
      .field("share_max", &T::share_max, number({0, 1}),
             {.doc = "Share of the queue's places that one tenant may hold, at least one place. Requests without a tenant are not bound."})
      .field("weights", &T::weights,
             map_of({.what = "a tenant", .bytes_max = 256, .may_be_empty = false}, number({0.001, 1000}), {0, TenantWeightsMax}),
             {.doc = "Weights of tenants; others weigh 1. A tenant of weight 2 gets twice the tokens of one of weight 1 while both have "
                     "requests waiting."})
      .done();
}

Of<route::LearnedCapacitySettings> describe_learned_capacity() {
  using L = route::LearnedCapacitySettings;
  const auto requests = [] { return whole_number<std::uint32_t>({1, 1'000'000}); };
  return Describe<L>("learned_capacity", "Capacity of endpoints that have none configured, learned from how their latency answers to load.")
      .field("enabled", &L::enabled, boolean(), {.doc = "Whether it is learned. Otherwise such endpoints have no limit."})
      .field("least", &L::least, requests(), {.doc = "Never below."})
      .field("most", &L::most, requests(), {.doc = "Never above."})
      .field("first", &L::first, requests(), {.doc = "Until something was learned."})
      .field("slowdown_max", &L::slowdown_max, number({1.1, 100}),
             {.doc = "How many times slower than under light load an endpoint may get, in its first tokens and between tokens. More means "
                     "more throughput, less means shorter waits in the engine."})
      .done();
}

}  // namespace evener::gateway
