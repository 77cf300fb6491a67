#pragma once
// The part of a pool's configuration that says how requests are admitted: classes, tenants, learned capacity. Values and how they are written;
// what they mean is in docs/admission.md.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "evener/base/config/schema.h"
#include "evener/route/admission_settings.h"

namespace evener::gateway {

struct ClassConfig {
  route::ClassSettings rules;
  std::vector<std::string> names;  // other words for it in the class header

  bool operator==(const ClassConfig&) const = default;
};

/// A type for each class, because each has defaults of its own.
template <route::Priority P>
struct ClassConfigOf : ClassConfig {
  ClassConfigOf() { rules = route::default_classes()[static_cast<std::size_t>(P)]; }

  bool operator==(const ClassConfigOf&) const = default;
};

struct ClassesConfig {
  std::string header = "x-evener-class";
  route::Priority fallback = route::Priority::Standard;  // of requests that name none that is known
  route::Priority max = route::Priority::Realtime;       // the most urgent that a client may ask for
  bool preempt = false;                                  // background requests without a token give way to realtime ones
  ClassConfigOf<route::Priority::Realtime> realtime;
  ClassConfigOf<route::Priority::Standard> standard;
  ClassConfigOf<route::Priority::Batch> batch;
  ClassConfigOf<route::Priority::Background> background;

  [[nodiscard]] const ClassConfig& of(route::Priority priority) const;

  bool operator==(const ClassesConfig&) const = default;
};

struct TenantsConfig {
  std::string header = "x-evener-tenant";
  double share_max = 0.5;
  std::map<std::string, double> weights;

  bool operator==(const TenantsConfig&) const = default;
};

struct PoolConfig;

/// What the scheduler is to do.
[[nodiscard]] route::AdmissionSettings admission_settings(const PoolConfig& pool);
/// As in RequestView; never 0 for a name.
[[nodiscard]] std::uint64_t tenant_hash(std::string_view tenant);

[[nodiscard]] config::Of<ClassesConfig> describe_classes();
[[nodiscard]] config::Of<TenantsConfig> describe_tenants();
[[nodiscard]] config::Of<route::LearnedCapacitySettings> describe_learned_capacity();

}  // namespace evener::gateway
