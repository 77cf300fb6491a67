#include "evener/gateway/paths.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

TEST_CASE("a plain path is one that nobody can read in two ways") {
  for (const char* path : {"/", "/v1", "/v1/", "/v1/chat/completions", "/v2/models/a.b/infer", "/...", "/.a", "/a..", "/a/.../b",
                           "/v1/models/m:predict", "/a%20b", "/%41", "/a%", "/a%2", "/%252e%252e/"}) {
    CAPTURE(path);
    CHECK(is_plain_path(path));
  }
}

TEST_CASE("a path with an empty, dot or hidden segment is not plain") {
  for (const char* path : {"",
                           "v1",
                           "*",
                           "//",
                           "//v1",
                           "/v1//chat",
                           "/v1/chat//",
                           "/.",
                           "/..",
                           "/./v1",
                           "/v1/.",
                           "/v1/..",
                           "/v1/../admin",
                           "/v1/./chat",
                           "/v1\\admin",
                           "/v1/..\\admin",
                           "/v1/%2e%2e/admin",
                           "/v1/%2E./admin",
                           "/v1/.%2e",
                           "/v1%2fadmin",
                           "/v1%2Fadmin",
                           "/v1%5cadmin",
                           "/v1%5Cadmin",
                           "/a%2e",
                           "/%2f"}) {
    CAPTURE(path);
    CHECK(!is_plain_path(path));
  }
}

TEST_CASE("triplets are decoded once, and what is none stays as it is") {
  CHECK(percent_decoded("") == "");
  CHECK(percent_decoded("plain") == "plain");
  CHECK(percent_decoded("a%20b%2Fc%2fd") == "a b/c/d");
  CHECK(percent_decoded("%252e") == "%2e");
  CHECK(percent_decoded("%") == "%");
  CHECK(percent_decoded("%4") == "%4");
  CHECK(percent_decoded("%4g%zz%41") == "%4g%zzA");
  CHECK(percent_decoded("100%%41") == "100%A");
  CHECK(percent_decoded("%00") == std::string(1, '\0'));
  CHECK(percent_decoded("%ff") == "\xff");
  CHECK(percent_decoded("a+b") == "a+b");
}

TEST_CASE("what was encoded byte by byte decodes to the same bytes") {
  for_each_seed(200, [](Rng& rng) {
    constexpr char digits[] = "0123456789abcdefABCDEF";
    std::string bytes;
    std::string encoded;
    for (std::uint64_t i = rng.below(40); i > 0; --i) {
      const auto byte = static_cast<unsigned char>(rng.below(256));
      const auto digit = [&](unsigned value) { return digits[value < 10 || rng.below(2) == 0 ? value : value + 6]; };
      bytes += static_cast<char>(byte);
      encoded += '%';
      encoded += digit(byte >> 4);
      encoded += digit(byte & 15U);
    }
    CHECK(percent_decoded(encoded) == bytes);
  });
}

TEST_CASE("hops count up to the limit, and what no gateway would write counts as the limit") {
  for (int hops = 0; hops <= HopsMax; ++hops) CHECK(parse_hops(std::to_string(hops)) == hops);
  for (const char* value : {"", "6", "255", "256", "-1", "+1", "1.0", "1 ", " 1", "0x1", "1,2", "99999999999999999999", "many"}) {
    CAPTURE(value);
    CHECK(parse_hops(value) == HopsMax);
  }
}

TEST_CASE("names compare without ASCII case, and by their whole length") {
  CHECK(equals_ignoring_case("X-Evener-Hops", HopsHeader));
  CHECK(equals_ignoring_case("", ""));
  CHECK(!equals_ignoring_case("x-evener-hop", HopsHeader));
  CHECK(!equals_ignoring_case("x-evener-hops ", HopsHeader));
  CHECK(!equals_ignoring_case("K", "\xe2\x84\xaa"));  // the Kelvin sign folds to k only in Unicode
}

}  // namespace
}  // namespace evener::gateway
