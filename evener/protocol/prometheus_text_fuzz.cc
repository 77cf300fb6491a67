// Any bytes as a page: nothing is read outside it, what is read is well-formed, and whoever reads one name alone sees the same samples of it
// as somebody who reads all.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "evener/protocol/prometheus_text.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // On the heap with its exact size, so that AddressSanitizer sees a read behind the end.
  const std::vector<char> bytes(data, data + size);
  const std::string_view page(bytes.data(), bytes.size());

  std::vector<std::string_view> names;
  std::size_t of_last = 0;
  PrometheusReader all(page);
  PrometheusSample sample;
  while (all.next()) {
    require(!all.name().empty() && all.name().find_first_of(" \n\"{}") == std::string_view::npos);
    if (!all.read(sample)) continue;
    names.push_back(sample.name);
    std::string_view rest = sample.labels.text();
    std::size_t labels = 0;
    while (const auto label = PrometheusLabels::take(rest)) {
      require(!label->name.empty() && sample.labels.find(label->name).has_value());
      require(unescape_label(label->value).size() <= label->value.size());
      ++labels;
    }
    require(labels <= PrometheusLabelsMax);
    require(rest.find_first_not_of(" \t") == std::string_view::npos);
  }
  if (names.empty()) return 0;
  for (const std::string_view name : names) of_last += name == names.back() ? 1 : 0;

  std::size_t alone = 0;
  PrometheusReader some(page);
  while (some.next()) {
    if (some.name() == names.back() && some.read(sample)) ++alone;
  }
  require(alone == of_last);
  return 0;
}
