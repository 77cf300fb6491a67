#pragma once
// The measured runs of vLLM 0.19 (LLMServingSim, MIT) that the engine model is held against; nothing where the public data are absent.

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "evener/lab/served_log.h"
#include "tests/data_folder.h"

namespace evener::lab {

inline std::optional<std::vector<ServedRequest>> read_vllm_run(const char* file) {
  const auto text = read_data_file(std::string("vllm-runs/") + file);
  if (!text) return std::nullopt;
  std::vector<ServedRequest> requests;
  std::istringstream in(*text);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    double arrival_s = 0, ttft_s = 0, tpot_s = 0, e2e_s = 0;
    ServedRequest request;
    REQUIRE((fields >> arrival_s >> request.input_tokens >> request.output_tokens >> ttft_s >> tpot_s >> e2e_s));
    request.arrival = from_seconds(arrival_s);
    request.first_token = from_seconds(ttft_s);
    request.total = from_seconds(e2e_s);
    requests.push_back(request);
  }
  REQUIRE(requests.size() == 300);
  return requests;
}

}  // namespace evener::lab
