#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "evener/cli/testing/lab.h"

namespace evener::cli {
namespace {

/// Gone when the test ends.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "evener_report_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }
  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

 private:
  std::filesystem::path path_;
};

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

const std::vector<std::string> Small = {"--workload", "bursts", "--sample", "0.02", "--engines", "fast=2"};

int lab_small(std::string command, std::vector<std::string> more) {
  std::vector<std::string> arguments = {std::move(command)};
  arguments.insert(arguments.end(), Small.begin(), Small.end());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return lab(arguments);
}

}  // namespace

TEST_CASE("a comparison writes its page, its JSON and its tables, the same bytes with any number of threads") {
  const Folder folder;
  const auto compare = [&](const std::string& name, const std::string& jobs) {
    return lab_small("compare",
                     {"--policies", "random,balanced", "--load", "1,2", "--seeds", "2", "--jobs", jobs, "--report", folder.path(name)});
  };
  REQUIRE(compare("one", "1") == Ok);
  REQUIRE(compare("four", "4") == Ok);
  CHECK(folder.read("one/report.json").starts_with(R"({"schema":"evener.lab.compare.v2")"));
  CHECK(folder.read("one/report.html").find("<svg") != std::string::npos);
  CHECK(lines(folder.read("one/summary.csv")) == 1 + 2 * 2 * 2);
  CHECK(folder.read("one/requests.csv").find("\nbalanced,2,,1,0,standard,") != std::string::npos);
  CHECK(folder.read("one/endpoints.csv").find("1-fast") != std::string::npos);
  for (const char* name : {"report.html", "report.json", "summary.csv", "requests.csv", "endpoints.csv"}) {
    CHECK(folder.read(std::string("one/") + name) == folder.read(std::string("four/") + name));
    CHECK(folder.read(std::string("one/") + name).size() > 100);
  }
}

TEST_CASE("run, sweep and plan write pages, too, alone or with tables alone") {
  const Folder folder;
  CHECK(lab_small("run", {"--html", folder.path("run.html")}) == Ok);
  CHECK(lab_small("sweep", {"--seeds", "1", "--over", "replicas", "--values", "1,2", "--find-capacity", "--precision", "40", "--html",
                            folder.path("sweep.html")}) == Ok);
  CHECK(lab_small("plan", {"--seeds", "1", "--kinds", "fast=1..2:price=2", "--html", folder.path("plan.html"), "--csv",
                           folder.path("plan")}) == Ok);
  for (const char* name : {"run.html", "sweep.html", "plan.html"}) CHECK(folder.read(name).find("</html>") != std::string::npos);
  CHECK(folder.read("plan/summary.csv").find("1 fast") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder.path("plan/report.html")));
}

TEST_CASE("a place that cannot be written to is refused before anything is simulated") {
  CHECK(lab_small("compare", {"--report", "/proc/nowhere"}) == Usage);
  CHECK(lab_small("run", {"--html", "/proc/nowhere/x.html"}) != Ok);
  CHECK(lab_small("run", {"--csv", "/proc/nowhere"}) == Usage);
}

}  // namespace evener::cli
