#include "evener/actuators/replicas_json.h"

#include <doctest/doctest.h>

#include "evener/actuators/http_call.h"

namespace evener::actuators {

TEST_CASE("an answer may say how many there are, and where") {
  const auto said = read_replicas_json(R"({"replicas":3,"ready":2,"endpoints":["http:\/\/10.0.0.1:8000"],"more":true})", Silence::Refused);
  REQUIRE(said);
  CHECK(said->replicas == 3);
  CHECK(said->ready == 2);
  CHECK(said->endpoints == std::vector<std::string>{"http://10.0.0.1:8000"});
}

TEST_CASE("an answer that is no object says nothing") {
  for (const char* text : {"", "ok", "[1]", "{", R"({"other":1})", R"({"replicas":null,"endpoints":null})"}) {
    const auto said = read_replicas_json(text, Silence::Allowed);
    REQUIRE(said);
    CHECK(!said->replicas);
    CHECK(said->endpoints.empty());
  }
}

TEST_CASE("where it was asked what is there, an answer that is no object is an error: a page to log in is not an empty fleet") {
  for (const char* text : {"", "<html>", "{"}) CHECK(!read_replicas_json(text, Silence::Refused));
}

TEST_CASE("an address counts once, however often it is said") {
  const auto said = read_replicas_json(R"({"endpoints":["http://a","http://b","http://a"]})", Silence::Refused);
  REQUIRE(said);
  CHECK(said->endpoints == std::vector<std::string>{"http://a", "http://b"});
}

TEST_CASE("as many addresses as count fit in an answer") {
  const std::string tail(AddressBytesMax - 17, 'a');
  std::string text = R"({"endpoints":[)";
  for (std::size_t i = 0; i < AddressesMax; ++i)
    text += (i > 0 ? ",\n\"http://" : "\"http://") + std::to_string(1'000'000'000 + i) + tail + '"';
  text += "]}";
  CHECK(text.size() < HttpSettings{}.answer_bytes_max);
  const auto said = read_replicas_json(text, Silence::Refused);
  REQUIRE(said);
  CHECK(said->endpoints.size() == AddressesMax);
  CHECK(said->with(0).trouble.empty());
}

TEST_CASE("a wrong answer is an error that names the field") {
  for (const char* text : {R"({"replicas":"3"})", R"({"ready":-1})", R"({"replicas":2.5})", R"({"replicas":99999999})",
                           R"({"endpoints":"http://a"})", R"({"endpoints":[1]})", R"({"endpoints":["https://a"]})"}) {
    const auto said = read_replicas_json(text, Silence::Allowed);
    REQUIRE(!said);
    CHECK(said.error().find("of its answer must be") != std::string::npos);
  }
}

}  // namespace evener::actuators
