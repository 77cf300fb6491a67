#include "evener/cli/lab_fleet.h"

#include <fmt/format.h>

#include <algorithm>

#include "evener/cli/lab_pool.h"
#include "evener/cli/option_words.h"
#include "evener/core/hashing.h"

namespace evener::cli {
namespace {

constexpr std::uint32_t ReplicasMax = 10'000;  // of one kind

/// "8" is up to 8, "2..8" from 2 on.
bool read_range(const std::string& text, lab::FleetKind& kind) {
  const std::size_t dots = text.find("..");
  const auto max = read_count(dots == std::string::npos ? text : text.substr(dots + 2), ReplicasMax);
  const std::string from = dots == std::string::npos ? "0" : text.substr(0, dots);
  const auto min = from == "0" ? std::optional(0U) : read_count(from, ReplicasMax);
  if (!min || !max || *min > *max) return false;
  kind.min = *min;
  kind.max = *max;
  return true;
}

Result<LabKind> read_kind(const std::string& text) {
  std::vector<std::string> fields = split(text, ':');
  if (fields.empty()) fields.emplace_back();
  const std::size_t equals = fields.front().find('=');
  LabKind kind{.name = fields.front().substr(0, equals), .replica = {}, .range = {}};
  std::string engine = kind.name;
  std::optional<double> price;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    if (fields[i].starts_with("price=")) {
      price = read_number(fields[i].substr(6));
    } else {
      engine += ":" + fields[i];
    }
  }
  if (!price || equals == std::string::npos || !read_range(fields.front().substr(equals + 1), kind.range)) {
    return fail(fmt::format("--kinds: {} is not of the form ENGINE=FROM..TO:price=PER_HOUR, with up to {} replicas and a price above 0",
                            text, ReplicasMax),
                Fault::Client);
  }
  kind.range.price = *price;
  auto replica = read_replica(engine);
  if (!replica) return tl::unexpected(replica.error());
  kind.replica = std::move(*replica);
  return kind;
}

}  // namespace

Result<std::vector<LabKind>> read_kinds(const std::string& text) {
  std::vector<LabKind> kinds;
  std::vector<lab::FleetKind> ranges;
  for (const std::string& one : split(text, ',')) {
    auto kind = read_kind(one);
    if (!kind) return tl::unexpected(kind.error());
    const auto same = [&](const LabKind& other) { return other.name == kind->name; };
    if (std::any_of(kinds.begin(), kinds.end(), same)) {
      return fail(fmt::format("--kinds: {} is there twice, and a fleet could not say of which it has how many", kind->name), Fault::Client);
    }
    ranges.push_back(kind->range);
    kinds.push_back(std::move(*kind));
  }
  if (kinds.empty()) return fail("--kinds names no engine", Fault::Client);
  if (lab::fleet_lines(ranges) > lab::FleetLinesMax) {
    return fail(fmt::format("--kinds: more than {} combinations; ask for fewer kinds or smaller ranges", lab::FleetLinesMax),
                Fault::Client);
  }
  lab::Fleet largest;
  for (const lab::FleetKind& range : ranges) largest.push_back(range.max);
  if (auto fits = check_pool_size({.endpoints = endpoints_of(largest, kinds)}); !fits) {
    return fail(fmt::format("--kinds: in the largest fleet {}", fits.error().message), Fault::Client);
  }
  return kinds;
}

std::vector<lab::SimulatedEndpoint> endpoints_of(const lab::Fleet& fleet, const std::vector<LabKind>& kinds) {
  std::vector<lab::SimulatedEndpoint> endpoints;
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    for (std::uint32_t i = 0; i < fleet[kind]; ++i) {
      lab::SimulatedEndpoint& endpoint = endpoints.emplace_back(kinds[kind].replica);
      endpoint.name = fmt::format("{}-{}", endpoints.size(), kinds[kind].name);
      endpoint.settings.identity = splitmix64(endpoints.size());
    }
  }
  return endpoints;
}

std::string fleet_text(const lab::Fleet& fleet, const std::vector<LabKind>& kinds) {
  std::string text;
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    if (fleet[kind] > 0) text += fmt::format("{}{} {}", text.empty() ? "" : " + ", fleet[kind], kinds[kind].name);
  }
  return text;
}

}  // namespace evener::cli
