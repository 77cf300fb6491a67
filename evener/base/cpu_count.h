#pragma once
// How many CPUs this process may use: what the scheduler's affinity mask allows, cut to the quota of its control groups (containers,
// systemd units). The number of CPUs of the machine would be wrong in both: too many threads under a quota are throttled all together.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace evener {

/// At least 1. A quota of 2.5 CPUs counts as 3: rounding down would leave half a CPU unused, and the third thread is only throttled when
/// all are busy.
[[nodiscard]] unsigned cpu_count();

// The parts, which take what they read as an argument.

/// The contents of a file, or nothing when it cannot be read.
using FileReader = std::function<std::optional<std::string>(const std::string& path)>;

/// The smallest quota of the process's control groups and those above, in CPUs; nothing = no quota. Versions 1 and 2.
[[nodiscard]] std::optional<double> cgroup_cpu_quota(const FileReader& read);
/// cpu.max of version 2: "150000 100000" is 1.5, "max 100000" is nothing.
[[nodiscard]] std::optional<double> parse_cpu_max(std::string_view text);
/// cpu.cfs_quota_us and cpu.cfs_period_us of version 1; a quota of -1 is nothing.
[[nodiscard]] std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us);
[[nodiscard]] unsigned cpus_to_use(unsigned in_affinity_mask, std::optional<double> quota);

}  // namespace evener
