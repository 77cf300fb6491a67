#include "evener/actuators/kube_pods.h"

#include <algorithm>

#include "evener/actuators/api_error.h"
#include "evener/actuators/percent.h"

namespace evener::actuators {
namespace {

std::string path_of(const std::string& name_space, const Parameters& query) {
  return "/api/v1/namespaces/" + percent_encoded(name_space) + "/pods?" + query_text(query);
}

}  // namespace

Result<std::vector<KubePod>, ActuatorError> KubePods::read(const std::string& name_space, const std::string& selector) {
  if (name_space != name_space_ || selector != selector_) stream_.reset();
  name_space_ = name_space;
  selector_ = selector;
  if (catch_up()) return table_.pods();
  if (auto listed = list(); !listed) return tl::unexpected(std::move(listed.error()));
  watch();
  return table_.pods();
}

bool KubePods::catch_up() {
  if (!stream_) return false;
  std::string bytes;
  const auto state = stream_->read(bytes);
  const bool goes_on = table_.feed(bytes) == KubePodTable::Fed::Ok && state.has_value();
  if (!goes_on || *state == ByteStream::State::Ended) stream_.reset();
  if (goes_on && !stream_) watch();
  return goes_on;
}

void KubePods::watch() {
  table_.forget_rest();
  const Parameters query = {{"labelSelector", selector_},
                            {"watch", "true"},
                            {"allowWatchBookmarks", "true"},
                            {"resourceVersion", table_.resource_version()},
                            {"timeoutSeconds", std::to_string(WatchLastsS)}};
  auto opened = api_.stream({.what = "watch on pods in " + name_space_, .path = path_of(name_space_, query)});
  if (opened) stream_ = std::move(*opened);
}

Result<void, ActuatorError> KubePods::list() {
  std::vector<KubePod> pods;
  std::string next, version;
  do {
    Parameters query = {{"labelSelector", selector_}, {"limit", std::to_string(PodsPerPage)}};
    if (!next.empty()) query.emplace_back("continue", next);
    const std::string what = "pods in " + name_space_;
    const auto answer = api_({.what = what, .path = path_of(name_space_, query)});
    if (!answer) return tl::unexpected(answer.error());
    auto page = read_kube_pods(answer->body);
    if (!page) return tl::unexpected(not_understood("Kubernetes: " + what, "no PodList"));
    std::move(page->pods.begin(), page->pods.end(), std::back_inserter(pods));
    next = std::move(page->next);
    version = std::move(page->resource_version);
  } while (!next.empty() && pods.size() < KubePodTable::PodsMax);
  table_.replace(std::move(pods), std::move(version));
  return {};
}

}  // namespace evener::actuators
