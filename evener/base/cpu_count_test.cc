#include "evener/base/cpu_count.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>

namespace evener {
namespace {

std::optional<double> quota(const std::map<std::string, std::string>& files) {
  return cgroup_cpu_quota([&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  });
}

TEST_CASE("cpu.max is a quota and a period, or no limit") {
  CHECK(parse_cpu_max("150000 100000\n") == 1.5);
  CHECK(parse_cpu_max("max 100000\n") == std::nullopt);
  for (const char* text : {"", "max", "100000", "0 100000", "-1 100000", "100000 0", "1e5 100000", "100000 x"}) {
    CAPTURE(text);
    CHECK(parse_cpu_max(text) == std::nullopt);
  }
  CHECK(parse_cfs_quota("-1\n", "100000\n") == std::nullopt);
  CHECK(parse_cfs_quota("50000\n", "100000\n") == 0.5);
}

TEST_CASE("of nested groups the smallest quota counts, up to the root of the mount") {
  const std::string mounts =
      "22 1 0:20 / /proc rw shared:5 - proc proc rw\n"
      "30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  std::map<std::string, std::string> files = {{"/proc/self/cgroup", "0::/system.slice/evener.service\n"},
                                              {"/proc/self/mountinfo", mounts},
                                              {"/sys/fs/cgroup/system.slice/evener.service/cpu.max", "400000 100000\n"},
                                              {"/sys/fs/cgroup/system.slice/cpu.max", "250000 100000\n"}};
  CHECK(quota(files) == 2.5);
  files["/sys/fs/cgroup/cpu.max"] = "100000 100000\n";  // a container sees its own group as the root
  CHECK(quota(files) == 1.0);
  files["/proc/self/cgroup"] = "0::/\n";
  CHECK(quota(files) == 1.0);
  files.erase("/sys/fs/cgroup/cpu.max");
  CHECK(quota(files) == std::nullopt);
}

TEST_CASE("a version 1 hierarchy mounted from the group on is found") {
  const std::string mounts =
      "40 30 0:31 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n"
      "41 30 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  CHECK(quota({{"/proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n"},
               {"/proc/self/mountinfo", mounts},
               {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "300000\n"},
               {"/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}}) == 3.0);
}

TEST_CASE("a group outside of what is mounted, or unreadable files, are no quota") {
  CHECK(quota({}) == std::nullopt);
  CHECK(quota({{"/proc/self/cgroup", "garbage\n0:\n::\n"}, {"/proc/self/mountinfo", "a b c\n - \n"}}) == std::nullopt);
  const std::string mounts = "30 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  CHECK(quota({{"/proc/self/cgroup", "0::/../other\n"}, {"/proc/self/mountinfo", mounts}, {"/sys/fs/cgroup/cpu.max", "200000 100000"}}) == 2.0);
}

TEST_CASE("threads follow the mask and the quota, whichever is less, and there is at least one") {
  CHECK(cpus_to_use(8, std::nullopt) == 8);
  CHECK(cpus_to_use(8, 2.5) == 3);
  CHECK(cpus_to_use(8, 2.0) == 2);
  CHECK(cpus_to_use(2, 16.0) == 2);
  CHECK(cpus_to_use(8, 0.1) == 1);
  CHECK(cpus_to_use(0, std::nullopt) == 1);
}

TEST_CASE("this process may use at least one CPU") {
  CHECK(cpu_count() >= 1);
}

}  // namespace
}  // namespace evener
