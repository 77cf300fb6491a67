#include "evener/cli/demo/comparison_table.h"

#include <doctest/doctest.h>

namespace evener::cli::demo {
namespace {

const TextStyle Plain{.color = false, .unicode = false, .width = 80};

PolicyFigures figures(std::string policy, double p50, double p99, double tpot, double goodput, std::uint64_t errors, double strong,
                      double weak) {
  return {.policy = std::move(policy),
          .ttft_p50_s = p50,
          .ttft_p99_s = p99,
          .tpot_p50_s = tpot,
          .goodput_per_s = goodput,
          .requests = 500,
          .errors = errors,
          .engines = {{.name = "strong", .share = strong, .capacity = 0.8}, {.name = "weak", .share = weak, .capacity = 0.2}}};
}

const std::vector<ShareColumn> Shares = {{.title = "strong", .engines = {"strong"}}, {.title = "1 weak", .engines = {"weak"}}};

TEST_CASE("the best figure of each column has a star, and what reads the same is equally good") {
  const Comparison comparison{.policies = {figures("round-robin", 0.2071, 1.449, 0.0359, 39.8, 2, 0.5, 0.5),
                                           figures("least-request", 0.04694, 0.117, 0.0256, 77.1, 0, 0.8, 0.2),
                                           figures("peak-ewma", 0.04689, 0.181, 0.0261, 76.5, 0, 0.78, 0.22)}};
  const auto lines = comparison_lines(comparison, Shares, Plain);
  REQUIRE(lines.size() == 5);
  CHECK(lines[0] == "policy              TTFT p50 TTFT p99 TPOT p50 goodput errors strong 1 weak");
  CHECK(lines[1] == "round-robin           207 ms   1.45 s  35.9 ms    39.8      2    50%    50%");
  CHECK(lines[2] == "least-request        46.9 ms*  117 ms* 25.6 ms*   77.1*     0*   80%    20%");
  CHECK(lines[3] == "peak-ewma            46.9 ms*  181 ms  26.1 ms    76.5      0*   78%    22%");
  CHECK(lines[4] == "what the engines can do                                          80%    20%");
}

TEST_CASE("a column in which all are equal has no star") {
  const Comparison comparison{
      .policies = {figures("random", 0.05, 0.1, 0.02, 70, 0, 0.8, 0.2), figures("peak-ewma", 0.05, 0.1, 0.02, 70, 0, 0.8, 0.2)}};
  for (const std::string& line : comparison_lines(comparison, Shares, Plain)) CHECK(line.find('*') == std::string::npos);
}

TEST_CASE("a policy without any answer has dashes, and cannot be the best") {
  PolicyFigures none{.policy = "random", .requests = 0, .errors = 500, .engines = {}};
  const auto lines = comparison_lines({.policies = {none, figures("peak-ewma", 0.05, 0.1, 0.02, 70, 0, 0.8, 0.2)}}, Shares, Plain);
  CHECK(lines[1] == "random                     -        -        -     0.0    500     0%     0%");
  CHECK(lines[2] == "peak-ewma            50.0 ms*  100 ms* 20.0 ms*   70.0*     0*   80%    20%");
}

TEST_CASE("colour marks the best and nothing else differs") {
  const Comparison comparison{
      .policies = {figures("random", 0.06, 0.1, 0.02, 70, 0, 0.8, 0.2), figures("peak-ewma", 0.05, 0.2, 0.02, 70, 0, 0.8, 0.2)}};
  const auto lines = comparison_lines(comparison, Shares, {.color = true, .unicode = true, .width = 80});
  CHECK(lines[1].find("\x1b[32m100 ms\x1b[0m\x1b[32m*\x1b[0m") != std::string::npos);
  CHECK(lines[2].find("\x1b[32m50.0 ms\x1b[0m") != std::string::npos);
}

TEST_CASE("the table of the demo's own fleet fits 80 columns") {
  const Scenario scenario = make_scenario();
  Comparison comparison;
  for (const route::PolicyKind policy : compared_policies()) {
    PolicyFigures row = figures(std::string(route::policy_name(policy)), 0.0999, 12.34, 0.0999, 100.1, 9999, 1, 1);
    row.engines.clear();
    for (const DemoEngine& engine : scenario.engines) row.engines.push_back({.name = engine.name, .share = 1, .capacity = 1});
    comparison.policies.push_back(std::move(row));
  }
  const TextStyle wide{.color = false, .unicode = false, .width = 200};
  for (const std::string& line : comparison_lines(comparison, share_columns(scenario), wide)) CHECK(columns_of(line) <= 80);
}

TEST_CASE("the shares shown are those of the strong engine, the slow one, and the weak ones together") {
  const auto columns = share_columns(make_scenario());
  REQUIRE(columns.size() == 3);
  CHECK(columns[0].engines == std::vector<std::string>{"strong"});
  CHECK(columns[1].engines == std::vector<std::string>{"slow"});
  CHECK(columns[2].title == "4 weak");
  CHECK(columns[2].engines == std::vector<std::string>{"weak-1", "weak-2", "weak-3", "weak-4"});
}

TEST_CASE("the verdict names the best, the worst, the factor and the engine that got too much") {
  const Comparison comparison{.policies = {figures("round-robin", 0.2, 1.17, 0.03, 39.8, 0, 0.5, 0.5),
                                           figures("least-request", 0.05, 0.117, 0.02, 77.1, 0, 0.8, 0.2)}};
  CHECK(verdict(comparison) ==
        "With least-request 99 of 100 requests had their first token within 117 ms; with round-robin it took 1.17 s, 10.0 times as long, "
        "because 50% of the "
        "requests went to 'weak', which has 20% of the fleet's strength.");
}

TEST_CASE("a verdict gives no reason that the figures do not show") {
  const Comparison comparison{
      .policies = {figures("random", 0.2, 0.3, 0.03, 39.8, 0, 0.8, 0.2), figures("least-request", 0.05, 0.1, 0.02, 77.1, 0, 0.8, 0.2)}};
  CHECK(verdict(comparison) ==
        "With least-request 99 of 100 requests had their first token within 100 ms; with random it took 300 ms, 3.0 times as long.");
}

TEST_CASE("policies that came out alike are not ranked") {
  const Comparison comparison{
      .policies = {figures("random", 0.2, 0.105, 0.03, 39.8, 0, 0.5, 0.5), figures("least-request", 0.05, 0.1, 0.02, 77.1, 0, 0.8, 0.2)}};
  CHECK(verdict(comparison) ==
        "Under this load the policies hardly differ: 100 ms at best and 105 ms at worst for 99 of 100 first tokens.");
  CHECK(verdict({}).empty());
}

TEST_CASE("figures of a machine that was too busy are not judged") {
  Comparison comparison{
      .policies = {figures("random", 0.2, 0.3, 0.03, 39.8, 0, 0.8, 0.2), figures("least-request", 0.05, 0.1, 0.02, 77.1, 0, 0.8, 0.2)},
      .lateness_p99_s = LatenessMax_s};
  CHECK(verdict(comparison).starts_with("With least-request"));
  comparison.lateness_p99_s = 0.25;
  CHECK(verdict(comparison) ==
        "This machine was too busy to compare policies: the load itself was up to 250 ms late. Try again when less else runs.");
}

}  // namespace
}  // namespace evener::cli::demo
