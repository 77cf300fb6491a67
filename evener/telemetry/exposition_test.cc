#include "evener/telemetry/exposition.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

namespace evener::telemetry {
namespace {

std::string written(double value) {
  std::string out;
  append_float(out, value);
  return out;
}

TEST_CASE("numbers are written plainly where people read them and in powers of ten where they do not") {
  CHECK(written(0) == "0");
  CHECK(written(0.0001) == "0.0001");
  CHECK(written(100000) == "100000");
  CHECK(written(1.5e20) == "150000000000000000000");
  CHECK(written(1e21) == "1e+21");
  CHECK(written(-2.5e-7) == "-2.5e-07");
  CHECK(written(std::numeric_limits<double>::infinity()) == "+Inf");
  CHECK(written(-std::numeric_limits<double>::infinity()) == "-Inf");
  CHECK(written(std::numeric_limits<double>::quiet_NaN()) == "NaN");
}

TEST_CASE("a sample joins its own labels and the extra one with a comma, and leaves the braces out when there are none") {
  std::string out;
  append_sample(out, "m", "_bucket", "a=\"1\"", "le=\"2\"", std::uint64_t{18446744073709551615U});
  append_sample(out, "m", "_bucket", "", "le=\"2\"", std::uint64_t{3});
  append_sample(out, "m", "", "a=\"1\"", "", 0.5);
  append_sample(out, "m", "_sum", "", "", 1.0);
  CHECK(out == "m_bucket{a=\"1\",le=\"2\"} 18446744073709551615\nm_bucket{le=\"2\"} 3\nm{a=\"1\"} 0.5\nm_sum 1\n");
}

TEST_CASE("label text pairs names and values") {
  const std::vector<std::string> names = {"pool", "endpoint"};
  const std::vector<std::string> values = {"p", ""};
  CHECK(label_text(names, values) == "pool=\"p\",endpoint=\"\"");
  CHECK(label_text({}, {}).empty());
}

}  // namespace
}  // namespace evener::telemetry
