#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "evener/cli/lab_experiment.h"
#include "evener/cli/testing/lab.h"

namespace evener::cli {
namespace {

/// A log on disk for as long as it lives: requests that came one at a time, so that each took as long as it would alone.
class LogFile {
 public:
  explicit LogFile(int requests) : path_(fmt::format("/tmp/evener_served_{}_{}.csv", ::getpid(), requests)) {
    std::ofstream out(path_);
    out << "arrival_s,input_tokens,output_tokens,ttft_s,e2e_s\n";
    for (int i = 0; i < requests; ++i) {
      const int input = 200 + i % 7 * 300, output = 10 + i % 5 * 4;
      const double ttft_s = 0.02 + input * 0.0001, token_s = 0.03;
      out << fmt::format("{},{},{},{},{}\n", i * 3, input, output, ttft_s, ttft_s + token_s * (output - 1));
    }
  }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile() { std::remove(path_.c_str()); }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

int calibrate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "calibrate");
  return lab(std::move(arguments));
}

TEST_CASE("a log is calibrated, and one that is too short or of no engine is refused") {
  const LogFile log(40), short_log(10);
  CHECK(calibrate({log.path(), "--engine", "a100/llama-3-8b", "--evaluations", "30"}) == Ok);
  CHECK(calibrate({log.path(), "--engine", "a100/llama-3-8b:batch=8", "--evaluations", "30", "--every-other", "--json"}) == Ok);
  CHECK(calibrate({short_log.path(), "--engine", "a100/llama-3-8b"}) == Failure);
  CHECK(calibrate({log.path(), "--engine", "a100/llama"}) == Usage);
  CHECK(calibrate({log.path(), "--engine", "a100/llama-3-8b:colour=2"}) == Usage);
  CHECK(calibrate({log.path(), "--engine", "fast"}) == Usage);
  CHECK(calibrate({log.path(), "--engine", "a100/llama-3-8b:context=1300", "--evaluations", "30"}) ==
        Ok);  // three of seven prompts are longer
  CHECK(calibrate({log.path(), "--engine", "a100/llama-3-8b:context=100", "--evaluations", "30"}) == Failure);
  CHECK(calibrate({"/nonexistent/log", "--engine", "a100/llama-3-8b"}) == Failure);
}

TEST_CASE("the engine that calibration prints is one that the lab takes") {
  const auto experiment = read_experiment({.workload = "chat", .engines = "a100/llama-3-8b=2:matmul=0.45:layer_us=80:overhead_ms=22"});
  REQUIRE(experiment);
  const auto& engine = std::get<lab::EngineConfig>(experiment->scenario.endpoints.at(1).engine);
  CHECK(std::get<lab::RooflineStep>(engine.step).matmul_efficiency == 0.45);
  CHECK(experiment->scenario.endpoints[1].request_overhead == std::chrono::milliseconds(22));
}

}  // namespace
}  // namespace evener::cli
