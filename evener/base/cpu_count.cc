#include "evener/base/cpu_count.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <vector>

#include "evener/base/files.h"

namespace evener {
namespace {

constexpr std::size_t ProcFileBytesMax = 1U << 20;

// Calls `use` for each part between separators; empty parts too.
template <class Use>
void for_each_part(std::string_view text, char separator, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::optional<double> whole(std::string_view text) {
  std::int64_t number = 0;
  while (text.ends_with('\n') || text.ends_with(' ')) text.remove_suffix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<double>(number);
}

bool lists(std::string_view comma_separated, std::string_view word) {
  bool found = false;
  for_each_part(comma_separated, ',', [&](std::string_view part) { found = found || part == word; });
  return found;
}

// A hierarchy as it is mounted: the folder `root` of it is seen at `point`.
struct Mount {
  std::string root, point;
};

// One line of /proc/self/mountinfo: id parent major:minor ROOT POINT options... - TYPE source SUPEROPTIONS
std::optional<Mount> find_mount(std::string_view mountinfo, std::string_view type, std::string_view controller) {
  std::optional<Mount> found;
  for_each_part(mountinfo, '\n', [&](std::string_view line) {
    std::vector<std::string_view> words;
    for_each_part(line, ' ', [&](std::string_view word) { words.push_back(word); });
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4 || dash[1] != type) return;
    if (!controller.empty() && !lists(dash[3], controller)) return;
    if (!found) found = Mount{std::string(words[3]), std::string(words[4])};
  });
  return found;
}

// One line of /proc/self/cgroup: number:controllers:/path. Version 2 is number 0 without controllers.
std::optional<std::string> find_group(std::string_view cgroup, std::string_view controller) {
  std::optional<std::string> found;
  for_each_part(cgroup, '\n', [&](std::string_view line) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool wanted = controller.empty() ? controllers.empty() && line.starts_with("0:") : lists(controllers, controller);
    if (wanted && !found) found = std::string(line.substr(second + 1));
  });
  return found;
}

// The folders from the group's own up to the mount point.
std::vector<std::string> folders(const Mount& mount, std::string group) {
  // In a container the hierarchy may be mounted from the group on, while the group is named from the host's root.
  if (mount.root != "/" && (group + "/").starts_with(mount.root + "/")) group = group.substr(mount.root.size());
  if (group.find("..") != std::string::npos) group.clear();  // outside of what is mounted here
  std::vector<std::string> out;
  while (!group.empty() && group != "/") {
    out.push_back(mount.point + group);
    group.resize(group.rfind('/'));
  }
  out.push_back(mount.point);
  return out;
}

void lower(std::optional<double>& least, std::optional<double> quota) {
  if (quota && (!least || *quota < *least)) least = quota;
}

}  // namespace

std::optional<double> parse_cpu_max(std::string_view text) {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return parse_cfs_quota(text.substr(0, space), text.substr(space + 1));
}

std::optional<double> parse_cfs_quota(std::string_view quota_us, std::string_view period_us) {
  const auto quota = whole(quota_us);
  const auto period = whole(period_us);
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

std::optional<double> cgroup_cpu_quota(const FileReader& read) {
  const auto groups = read("/proc/self/cgroup");
  const auto mounts = read("/proc/self/mountinfo");
  if (!groups || !mounts) return std::nullopt;
  std::optional<double> least;
  const auto unified = find_mount(*mounts, "cgroup2", "");
  if (const auto group = find_group(*groups, ""); unified && group) {
    for (const std::string& folder : folders(*unified, *group)) {
      if (const auto text = read(folder + "/cpu.max")) lower(least, parse_cpu_max(*text));
    }
  }
  const auto v1 = find_mount(*mounts, "cgroup", "cpu");
  if (const auto group = find_group(*groups, "cpu"); v1 && group) {
    for (const std::string& folder : folders(*v1, *group)) {
      const auto quota = read(folder + "/cpu.cfs_quota_us");
      const auto period = read(folder + "/cpu.cfs_period_us");
      if (quota && period) lower(least, parse_cfs_quota(*quota, *period));
    }
  }
  return least;
}

unsigned cpus_to_use(unsigned in_affinity_mask, std::optional<double> quota) {
  const unsigned allowed = std::max(in_affinity_mask, 1U);
  if (!quota || *quota >= allowed) return allowed;
  return std::max(static_cast<unsigned>(std::ceil(*quota)), 1U);
}

unsigned cpu_count() {
  // The mask of a machine with more CPUs than cpu_set_t holds (1024) does not fit and is asked for again, larger.
  unsigned in_mask = 1;
  for (int cpus = CPU_SETSIZE; cpus <= 64 * CPU_SETSIZE; cpus *= 4) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const bool fits = ::sched_getaffinity(0, bytes, set) == 0;
    if (fits) in_mask = static_cast<unsigned>(CPU_COUNT_S(bytes, set));
    CPU_FREE(set);
    if (fits) break;
  }
  return cpus_to_use(in_mask, cgroup_cpu_quota([](const std::string& path) -> std::optional<std::string> {
                       auto text = read_file(path, ProcFileBytesMax);
                       if (!text) return std::nullopt;
                       return std::move(*text);
                     }));
}

}  // namespace evener
