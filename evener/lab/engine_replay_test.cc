// Holds the engine model against real vLLM runs: the same 300 requests, simulated and measured.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>

#include "evener/lab/engine_model.h"
#include "evener/lab/engine_presets.h"
#include "tests/data_folder.h"

namespace evener::lab {
namespace {

struct Row {
  double arrival_s, input, output, ttft_s, tpot_s, e2e_s;
};

std::vector<Row> read_rows(const std::string& text) {
  std::vector<Row> rows;
  std::istringstream in(text);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    Row row{};
    REQUIRE((fields >> row.arrival_s >> row.input >> row.output >> row.ttft_s >> row.tpot_s >> row.e2e_s));
    rows.push_back(row);
  }
  return rows;
}

std::vector<Row> simulate(const EngineConfig& config, std::vector<Row> rows) {
  EngineModel engine(config);
  double now_s = 0;
  std::size_t next = 0;
  while (next < rows.size() || !engine.idle()) {
    if (engine.idle()) now_s = std::max(now_s, rows[next].arrival_s);
    for (; next < rows.size() && rows[next].arrival_s <= now_s; ++next) {
      REQUIRE(engine.submit({.id = next,
                             .prompt_tokens = static_cast<std::uint32_t>(rows[next].input),
                             .output_tokens = static_cast<std::uint32_t>(rows[next].output)}) == Submitted::Queued);
    }
    const StepOutcome& outcome = engine.step();
    now_s += seconds(outcome.duration);
    for (const Emission& emission : outcome.emissions) {
      Row& row = rows[emission.id];
      if (emission.first) row.ttft_s = now_s - row.arrival_s;
      if (emission.finished) row.e2e_s = now_s - row.arrival_s;
    }
  }
  for (Row& row : rows) row.tpot_s = row.output > 1 ? (row.e2e_s - row.ttft_s) / (row.output - 1) : 0;
  return rows;
}

// Mean of |simulated/measured - 1| over p25, p50, p75, p90, p99 of time to first token, per token, and end to end.
double mean_quantile_error(const std::vector<Row>& simulated, const std::vector<Row>& measured) {
  double sum = 0;
  int count = 0;
  for (double Row::* column : {&Row::ttft_s, &Row::tpot_s, &Row::e2e_s}) {
    const auto sorted = [&](const std::vector<Row>& rows) {
      std::vector<double> values;
      for (const Row& row : rows) values.push_back(row.*column);
      std::sort(values.begin(), values.end());
      return values;
    };
    const auto a = sorted(simulated), b = sorted(measured);
    for (const double quantile : {.25, .50, .75, .90, .99}) {
      const auto at = static_cast<std::size_t>(quantile * static_cast<double>(a.size() - 1));
      sum += std::abs(a[at] / b[at] - 1);
      ++count;
    }
  }
  return sum / count;
}

void check_replay(const char* file, const char* preset, double error_max) {
  const auto text = read_data_file(std::string("vllm-runs/") + file);
  if (!text) return;
  const std::vector<Row> measured = read_rows(*text);
  REQUIRE(measured.size() == 300);
  const double error = mean_quantile_error(simulate(find_engine_preset(preset)->config, measured), measured);
  MESSAGE(std::string(preset), ": mean quantile error ", error * 100, " %");
  CHECK(error < error_max);
}

TEST_CASE("the RTX 4090 preset replays a KV-starved vLLM run with at most 2 % mean quantile error") {
  check_replay("vllm_measured_RTX4090_Llama-3.1-8B.csv", "rtx4090-8b", 0.02);
}

TEST_CASE("the RTX PRO 6000 preset replays a vLLM run without KV pressure with at most 5 % mean quantile error") {
  check_replay("vllm_measured_RTXPRO6000_Llama-3.1-8B.csv", "rtxpro6000-8b", 0.05);
}

}  // namespace
}  // namespace evener::lab
