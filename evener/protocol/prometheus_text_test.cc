#include "evener/protocol/prometheus_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

using namespace evener::protocol;

namespace {

struct Page {
  std::string text;  // the samples borrow from it
  std::vector<PrometheusSample> samples;
  std::size_t malformed = 0;
};

Page read_all(std::string_view text) {
  Page page{.text = std::string(text), .samples = {}, .malformed = 0};
  PrometheusReader reader(page.text);
  PrometheusSample sample;
  while (reader.next()) {
    if (reader.read(sample)) page.samples.push_back(sample);
  }
  page.malformed = reader.malformed();
  return page;
}

}  // namespace

TEST_CASE("a page is read into names, labels, values and timestamps") {
  const Page page = read_all(
      "# HELP vllm:num_requests_running Requests.\n"
      "# TYPE vllm:num_requests_running gauge\n"
      "vllm:num_requests_running{model_name=\"m\",engine=\"0\"} 3.0\n"
      "\n"
      "plain 12\n"
      "stamped{a=\"b\"} 1.5e3 1395066363000\n"
      "last -0.25");
  REQUIRE(page.samples.size() == 4);
  CHECK(page.malformed == 0);
  CHECK(page.samples[0].name == "vllm:num_requests_running");
  CHECK(page.samples[0].value == 3);
  CHECK(page.samples[0].labels.find("model_name") == "m");
  CHECK(page.samples[0].labels.find("engine") == "0");
  CHECK_FALSE(page.samples[0].labels.find("model"));
  CHECK(page.samples[1].labels.text().empty());
  CHECK(page.samples[2].value == 1500);
  CHECK(page.samples[2].timestamp_ms == 1395066363000);
  CHECK(page.samples[3].value == -0.25);
  CHECK_FALSE(page.samples[3].timestamp_ms);
}

TEST_CASE("names may begin with a colon, as TensorFlow Serving's do") {
  const Page page = read_all(":tensorflow:serving:request_count{model_name=\"m\",status=\"OK\"} 7\n");
  REQUIRE(page.samples.size() == 1);
  CHECK(page.samples[0].name == ":tensorflow:serving:request_count");
}

TEST_CASE("what Go and Python write as special numbers is read") {
  const Page page = read_all("a NaN\nb +Inf\nc -Inf\nd +3\n");
  REQUIRE(page.samples.size() == 4);
  CHECK(std::isnan(page.samples[0].value));
  CHECK(page.samples[1].value == std::numeric_limits<double>::infinity());
  CHECK(page.samples[2].value == -std::numeric_limits<double>::infinity());
  CHECK(page.samples[3].value == 3);
}

TEST_CASE("labels may hold anything that is escaped, braces and spaces included") {
  const Page page = read_all("x{ path = \"C:\\\\d \\\"q\\\" }\\n\" , empty=\"\", } 1\n");
  REQUIRE(page.samples.size() == 1);
  CHECK(unescape_label(page.samples[0].labels.find("path").value()) == "C:\\d \"q\" }\n");
  CHECK(page.samples[0].labels.find("empty") == "");
  CHECK(unescape_label("a\\tb\\") == "a\\tb\\");
}

TEST_CASE("a malformed line costs only that line and is counted") {
  for (const char* bad : {"9name 1",  "x{a=b} 1",  "x{a=\"b} 1",  "x{a=\"b\"c=\"d\"} 1",
                          "x{,} 1",   "x{a} 1",    "x",           "x 1 2 3",
                          "x 1 soon", "x one",     "x 0x10",      "x 1e999",
                          "x +-1",    "x{a=\"b\"", "x{=\"b\"} 1", "x\x01 1",
                          "x 1,5",    "x-y 1",     "{a=\"b\"} 1", "<html>"}) {
    CAPTURE(bad);
    const Page page = read_all(std::string("good 1\n") + bad + "\nalso_good 2\n");
    REQUIRE(page.samples.size() == 2);
    CHECK(page.samples[1].name == "also_good");
    CHECK(page.malformed == 1);
  }
}

TEST_CASE("OpenMetrics' exemplars, fractional timestamps and end mark, and lines of Windows do no harm") {
  const Page page = read_all("a_bucket{le=\"1\"} 5 # {trace_id=\"abc\"} 0.5 1520879607.789\r\nb 1 1520879607.789\r\n# EOF\r\n");
  REQUIRE(page.samples.size() == 2);
  CHECK(page.malformed == 0);
  CHECK(page.samples[0].value == 5);
  CHECK_FALSE(page.samples[1].timestamp_ms);
}

TEST_CASE("samples of a name that was not read are passed over together") {
  PrometheusReader reader("h_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 2\nh_bucket 3\nh_bucket_more 4\nh_bucket 5\nh 6\n");
  std::vector<std::string> names;
  while (reader.next()) names.emplace_back(reader.name());
  CHECK(names == std::vector<std::string>{"h_bucket", "h_bucket_more", "h_bucket", "h"});
}

TEST_CASE("a line and a sample's labels have limits") {
  std::string labels;
  for (std::size_t i = 0; i < PrometheusLabelsMax; ++i) labels += "l" + std::to_string(i) + "=\"v\",";
  CHECK(read_all("x{" + labels + "} 1").samples.size() == 1);
  CHECK(read_all("x{" + labels + "one_more=\"v\"} 1").malformed == 1);

  const std::string value(PrometheusLineBytesMax - 9, 'v');
  CHECK(read_all("x{a=\"" + value + "\"} 1").samples.size() == 1);
  const Page page = read_all("x{a=\"" + value + "v\"} 1\ny 1\n");
  CHECK(page.malformed == 1);
  CHECK(page.samples.size() == 1);
}

TEST_CASE("nothing is read before the first and after the last sample") {
  PrometheusReader reader("a 1\n");
  PrometheusSample sample;
  CHECK_FALSE(reader.read(sample));
  CHECK(reader.next());
  CHECK(reader.read(sample));
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.read(sample));
  CHECK(reader.malformed() == 0);
  CHECK(read_all("").samples.empty());
}
