#include "evener/telemetry/registry.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "evener/telemetry/buckets.h"

namespace evener::telemetry {
namespace {

std::string page(const Registry& registry) {
  std::string out;
  registry.expose(out);
  return out;
}

bool has_line(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line + "\n") != std::string::npos; }

TEST_CASE("a counter is shown with its help, its type and its labels in the declared order") {
  Registry registry(2);
  const auto family = registry.counter({.name = "evener_requests_total", .help = "Requests by outcome.", .labels = {"pool", "outcome"}});
  family.with({"chat", "ok"}).add();
  family.with({"chat", "ok"}).add(41);
  family.with({"chat", "error"}).add(0);
  CHECK(page(registry) ==
        "# HELP evener_requests_total Requests by outcome.\n"
        "# TYPE evener_requests_total counter\n"
        "evener_requests_total{pool=\"chat\",outcome=\"error\"} 0\n"
        "evener_requests_total{pool=\"chat\",outcome=\"ok\"} 42\n");
}

TEST_CASE("metrics come sorted by name and series by label values, whatever the order they were made in") {
  Registry registry(1);
  const auto b = registry.gauge({.name = "b", .help = "B.", .labels = {"x"}});
  const auto a = registry.gauge({.name = "a", .help = "A."});
  b.with({"2"}).set(2.5);
  b.with({"1"}).set(-1);
  a.with({}).set(std::numeric_limits<double>::infinity());
  CHECK(page(registry) ==
        "# HELP a A.\n# TYPE a gauge\na +Inf\n"
        "# HELP b B.\n# TYPE b gauge\nb{x=\"1\"} -1\nb{x=\"2\"} 2.5\n");
}

TEST_CASE("the same metric declared twice, and the same series resolved twice, are one") {
  Registry registry(1);
  const MetricSpec spec{.name = "evener_x_total", .help = "X."};
  registry.counter(spec).with({}).add(1);
  registry.counter(spec).with({}).add(2);
  CHECK(has_line(page(registry), "evener_x_total 3"));
}

TEST_CASE("a histogram's buckets are cumulative, a bound belongs to its bucket, and NaN is not counted") {
  Registry registry(1);
  constexpr std::array<double, 3> bounds = {0.005, 1, 100000};
  const Histogram histogram = registry.histogram({.name = "evener_wait_seconds", .help = "Wait."}, bounds).with({});
  for (const double value : {0.001, 0.005, 0.5, 100000.0, 200000.0}) histogram.observe(value);
  histogram.observe(std::numeric_limits<double>::quiet_NaN());
  CHECK(page(registry) ==
        "# HELP evener_wait_seconds Wait.\n"
        "# TYPE evener_wait_seconds histogram\n"
        "evener_wait_seconds_bucket{le=\"0.005\"} 2\n"
        "evener_wait_seconds_bucket{le=\"1\"} 3\n"
        "evener_wait_seconds_bucket{le=\"100000\"} 4\n"
        "evener_wait_seconds_bucket{le=\"+Inf\"} 5\n"
        "evener_wait_seconds_sum 300000.506\n"
        "evener_wait_seconds_count 5\n");
}

TEST_CASE("what one thread adds another may take away") {
  Registry registry(2);
  const UpDown in_flight = registry.up_down({.name = "evener_in_flight", .help = "In flight."}).with({});
  std::thread([&] { use_shard(1); in_flight.add(5); }).join();
  std::thread([&] { use_shard(2); in_flight.subtract(7); }).join();
  CHECK(has_line(page(registry), "evener_in_flight -2"));
}

TEST_CASE("threads with a shard, without one and with one too many lose no count") {
  Registry registry(2);
  constexpr std::array<double, 1> bounds = {1};
  const Counter counter = registry.counter({.name = "evener_x_total", .help = "X."}).with({});
  const Histogram histogram = registry.histogram({.name = "evener_y_seconds", .help = "Y."}, bounds).with({});
  std::vector<std::thread> threads;
  for (const std::uint32_t shard : {0U, 0U, 1U, 2U, 3U, 4'000'000'000U}) {
    threads.emplace_back([&, shard] {
      use_shard(shard);
      for (int i = 0; i < 10000; ++i) {
        counter.add();
        histogram.observe(0.5);
      }
    });
  }
  std::string during;
  for (int i = 0; i < 20; ++i) registry.expose(during);  // scraping meanwhile disturbs nobody
  for (std::thread& thread : threads) thread.join();
  const std::string after = page(registry);
  CHECK(has_line(after, "evener_x_total 60000"));
  CHECK(has_line(after, "evener_y_seconds_sum 30000"));
  CHECK(has_line(after, "evener_y_seconds_count 60000"));
}

TEST_CASE("a handle that was never resolved counts into nothing") {
  use_shard(1);
  Counter().add();
  UpDown().subtract();
  Gauge().set(1);
  Histogram().observe(1);
  use_shard(0);
}

TEST_CASE("a dropped series disappears everywhere, its handles count into nothing, and coming back it begins at zero") {
  Registry registry(1);
  constexpr std::array<double, 1> bounds = {1};
  const auto requests = registry.counter({.name = "evener_a_total", .help = "A.", .labels = {"pool", "endpoint"}});
  const auto seconds = registry.histogram({.name = "evener_b_seconds", .help = "B.", .labels = {"endpoint", "pool"}}, bounds);
  const auto pools = registry.counter({.name = "evener_c_total", .help = "C.", .labels = {"pool"}});
  const Counter gone = requests.with({"p", "gone"});
  const Counter stays = requests.with({"p", "stays"});
  gone.add(5);
  stays.add(6);
  seconds.with({"gone", "p"}).observe(1);
  pools.with({"p"}).add(7);
  CHECK(registry.drop_series({{"pool", "p"}, {"endpoint", "gone"}}) == 2);
  const Counter fresh = requests.with({"p", "fresh"});  // must not take the memory that `gone` still counts in
  gone.add(100);
  const std::string text = page(registry);
  CHECK(text.find("gone") == std::string::npos);
  CHECK(has_line(text, "evener_a_total{pool=\"p\",endpoint=\"fresh\"} 0"));
  CHECK(has_line(text, "evener_a_total{pool=\"p\",endpoint=\"stays\"} 6"));
  CHECK(has_line(text, "evener_c_total{pool=\"p\"} 7"));
  (void)requests.with({"p", "gone"});
  CHECK(has_line(page(registry), "evener_a_total{pool=\"p\",endpoint=\"gone\"} 0"));
  CHECK(registry.drop_series({}) == 0);
}

TEST_CASE("series that come and go a thousand times do not show each other's counts") {
  Registry registry(2);
  const auto family = registry.counter({.name = "evener_a_total", .help = "A.", .labels = {"endpoint"}});
  use_shard(2);
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "e" + std::to_string(i);
    const Counter counter = family.with({name});
    counter.add(3);
    CHECK(has_line(page(registry), "evener_a_total{endpoint=\"" + name + "\"} 3"));
    CHECK(registry.drop_series({{"endpoint", name}}) == 1);
  }
  use_shard(0);
}

TEST_CASE("a handle may outlive its registry") {
  Counter counter;
  {
    Registry registry(1);
    counter = registry.counter({.name = "evener_a_total", .help = "A."}).with({});
  }
  counter.add();
}

TEST_CASE("beyond the series limit new label sets count together, and that is itself counted") {
  Registry registry(1);
  const auto family = registry.counter({.name = "evener_z_total", .help = "Z.", .labels = {"who"}, .series_max = 2});
  for (const char* who : {"a", "b", "c", "d", "a"}) family.with({who}).add();
  const std::string text = page(registry);
  CHECK(has_line(text, "evener_z_total{who=\"a\"} 2"));
  CHECK(has_line(text, "evener_z_total{who=\"b\"} 1"));
  CHECK(has_line(text, "evener_z_total{otel_metric_overflow=\"true\"} 2"));
  CHECK(text.find("who=\"c\"") == std::string::npos);
  CHECK(has_line(text, "evener_metric_series_overflow_total{metric=\"evener_z_total\"} 2"));
  // A place that becomes free is used.
  CHECK(registry.drop_series({{"who", "a"}}) == 1);
  family.with({"d"}).add();
  CHECK(has_line(page(registry), "evener_z_total{who=\"d\"} 1"));
}

TEST_CASE("hostile label values and help stay on their line") {
  Registry registry(1);
  registry.counter({.name = "evener_a_total", .help = "Line\nbreak and \\ and \"quotes\".", .labels = {"v"}}).with({"a\"b\\c\nd\xFF"}).add();
  const std::string text = page(registry);
  CHECK(text.find("# HELP evener_a_total Line\\nbreak and \\\\ and \"quotes\".\n") == 0);
  CHECK(has_line(text, "evener_a_total{v=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 1"));
}

TEST_CASE("collected values are asked for at each scrape, sorted, and end with their collection") {
  Registry registry(1);
  int asked = 0;
  const auto metrics = [] {
    return std::vector<CollectedMetric>{
        {.spec = {.name = "evener_endpoint_weight", .help = "Weight.", .labels = {"endpoint"}}},
        {.spec = {.name = "evener_ejections_total", .help = "Ejections.", .labels = {"endpoint"}}, .kind = CollectedKind::Counter}};
  };
  const auto other = registry.collect(metrics(), [](Samples& samples) { samples.put(0, {"c"}, 0.5); });
  {
    const auto collection = registry.collect(metrics(), [&asked](Samples& samples) {
      ++asked;
      samples.put(0, {"b"}, 2);
      samples.put(0, {"a"}, 1);
      samples.put(0, {"a"}, 99);  // twice the same series would spoil the page
      samples.put(1, {"a"}, asked);
    });
    CHECK(page(registry) ==
          "# HELP evener_ejections_total Ejections.\n# TYPE evener_ejections_total counter\n"
          "evener_ejections_total{endpoint=\"a\"} 1\n"
          "# HELP evener_endpoint_weight Weight.\n# TYPE evener_endpoint_weight gauge\n"
          "evener_endpoint_weight{endpoint=\"a\"} 1\nevener_endpoint_weight{endpoint=\"b\"} 2\nevener_endpoint_weight{endpoint=\"c\"} 0.5\n");
    CHECK(has_line(page(registry), "evener_ejections_total{endpoint=\"a\"} 2"));
  }
  const std::string text = page(registry);
  CHECK(asked == 2);
  CHECK(text.find("endpoint=\"a\"") == std::string::npos);
  CHECK(has_line(text, "evener_endpoint_weight{endpoint=\"c\"} 0.5"));
}

TEST_CASE("collected values beyond the limit are left out and counted") {
  Registry registry(1);
  const auto collection = registry.collect({{.spec = {.name = "evener_g", .help = "G.", .labels = {"i"}, .series_max = 3}}}, [](Samples& samples) {
    for (int i = 0; i < 5; ++i) samples.put(0, {std::to_string(i)}, i);
  });
  CHECK(has_line(page(registry), "evener_metric_series_overflow_total{metric=\"evener_g\"} 2"));
  CHECK(page(registry).find("i=\"3\"") == std::string::npos);
}

TEST_CASE("promtool finds no fault with a page of every kind of metric") {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) {
    MESSAGE("skipped: promtool is not installed (Debian package prometheus)");
    return;
  }
  Registry registry(1);
  registry.counter({.name = "evener_requests_total", .help = "Requests.", .labels = {"pool", "v"}}).with({"p", "q\"\\\n\xFF"}).add(3);
  registry.up_down({.name = "evener_requests_in_flight", .help = "In flight.", .labels = {"pool"}}).with({"p"}).add(2);
  registry.gauge({.name = "evener_start_timestamp_seconds", .help = "Start."}).with({}).set(1.5e9);
  registry.histogram({.name = "evener_request_seconds", .help = "Duration.", .labels = {"pool"}}, RequestSecondsBuckets).with({"p"}).observe(0.3);
  const auto limited = registry.counter({.name = "evener_limited_total", .help = "Limited.", .labels = {"x"}, .series_max = 1});
  limited.with({"1"}).add();
  limited.with({"2"}).add();
  const auto collection = registry.collect({{.spec = {.name = "evener_endpoint_up", .help = "Up.", .labels = {"endpoint"}}}},
                                           [](Samples& samples) { samples.put(0, {"e"}, 1); });
  char path[] = "/tmp/evener-metrics-XXXXXX";
  const int fd = ::mkstemp(path);
  REQUIRE(fd >= 0);
  ::close(fd);
  std::ofstream(path, std::ios::binary) << page(registry);
  const int status = std::system((std::string("promtool check metrics < ") + path + " >&2").c_str());
  std::remove(path);
  CHECK(status == 0);
}

}  // namespace
}  // namespace evener::telemetry
