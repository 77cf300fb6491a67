#include "evener/actuators/kube_pod_table.h"

namespace evener::actuators {

void KubePodTable::replace(std::vector<KubePod> pods, std::string resource_version) {
  pods_.clear();
  rest_.clear();
  resource_version_ = std::move(resource_version);
  for (KubePod& pod : pods) {
    if (pods_.size() == PodsMax) break;
    std::string name = pod.name;
    pods_.insert_or_assign(std::move(name), std::move(pod));
  }
}

KubePodTable::Fed KubePodTable::feed(std::string_view bytes) {
  rest_ += bytes;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = rest_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    if (take(std::string_view(rest_).substr(begin, end - begin)) == Fed::ListAnew) return Fed::ListAnew;
  }
  rest_.erase(0, begin);
  return rest_.size() > LineBytesMax ? Fed::ListAnew : Fed::Ok;
}

KubePodTable::Fed KubePodTable::take(std::string_view line) {
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return Fed::Ok;
  auto event = read_kube_pod_event(line);
  if (!event) return Fed::ListAnew;
  resource_version_ = std::move(event->resource_version);
  switch (event->kind) {
    case KubePodEvent::Kind::Bookmark: return Fed::Ok;
    case KubePodEvent::Kind::Deleted: pods_.erase(event->pod.name); return Fed::Ok;
    case KubePodEvent::Kind::Changed: break;
  }
  if (pods_.size() == PodsMax && pods_.find(event->pod.name) == pods_.end()) return Fed::Ok;
  std::string name = event->pod.name;
  pods_.insert_or_assign(std::move(name), std::move(event->pod));
  return Fed::Ok;
}

std::vector<KubePod> KubePodTable::pods() const {
  std::vector<KubePod> all;
  all.reserve(pods_.size());
  for (const auto& [name, pod] : pods_) all.push_back(pod);
  return all;
}

}  // namespace evener::actuators
