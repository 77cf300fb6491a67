#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "evener/cli/lab_rates.h"
#include "evener/cli/testing/lab.h"

namespace evener::cli {
namespace {

/// A file of its own with a day of rates in steps of 10 minutes; gone when the test ends.
class RatesFile {
 public:
  RatesFile()
      : path_(std::filesystem::temp_directory_path() /
              ("evener_rates_" + std::to_string(reinterpret_cast<std::uintptr_t>(this)) + ".csv")) {
    std::ofstream out(path_);
    out << "t_seconds,large,none\n";
    for (int i = 0; i < 144; ++i) out << i * 600 << "," << 100 + i % 12 << ",0\n";
  }
  ~RatesFile() { std::filesystem::remove(path_); }
  RatesFile(const RatesFile&) = delete;
  RatesFile& operator=(const RatesFile&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("lab scale and lab forecast refuse what they cannot use") {
  const RatesFile rates;
  CHECK(lab({"scale"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "guess"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "hpa=7"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--startup", "soon"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--column", "small"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--column", "none"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--training", "2"}) == Usage);
  for (const char* rate : {"0", "-1", "nan", "1e-7", "0.01"})
    CHECK(lab({"scale", "--rates", rates.path(), "--replica-rate", rate}) == Usage);
  for (const char* tick : {"0s", "1us", "4ms"}) CHECK(lab({"scale", "--rates", rates.path(), "--tick", tick}) == Usage);
  CHECK(lab({"forecast", "--rates", rates.path(), "--horizons", "144"}) == Usage);
  CHECK(lab({"forecast", "--rates", rates.path(), "--training", "144"}) == Usage);
  CHECK(lab({"forecast", "--rates", rates.path(), "--horizons", "0"}) == Usage);
  CHECK(lab({"forecast", "--rates", rates.path(), "--season", "100000"}) == Usage);
}

TEST_CASE("lab scale and lab forecast run on a series of rates") {
  const RatesFile rates;
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "fixed=14,hpa=0.7,panic=0.7,backlog=0.7,predictive=0.9"}) == Ok);
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "hpa", "--json"}) == Ok);
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "hpa=0.7", "--startup", "2000000h", "--service", "2000000h", "--noise", "10"}) ==
        Ok);
  CHECK(lab({"forecast", "--rates", rates.path()}) == Ok);
  CHECK(lab({"forecast", "--rates", rates.path(), "--horizons", "143", "--training", "143"}) == Ok);
  CHECK(lab({"forecast", "--rates", rates.path(), "--horizons", "2", "--json"}) == Ok);
}

TEST_CASE("lab scale takes the scale section of a configuration") {
  const RatesFile rates;
  const std::string config = rates.path() + ".yaml";
  std::ofstream(config)
      << "pools:\n- name: chat\n  models: [m]\n  scale: {most: 20, target: {measure: arrivals, per_replica: 7}, every: 30s}\n";
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "hpa=0.7", "--config", config}) == Ok);
  CHECK(lab({"scale", "--rates", rates.path(), "--plans", "hpa=0.7", "--config", config, "--pool", "chat", "--json"}) == Ok);
  CHECK(lab({"scale", "--rates", rates.path(), "--config", config, "--pool", "other"}) == Usage);
  CHECK(lab({"scale", "--rates", rates.path(), "--pool", "chat"}) == Usage);
  std::filesystem::remove(config);
}

}  // namespace evener::cli
