#include "evener/base/secret.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <type_traits>

#include "evener/base/json_writer.h"
#include "evener/base/log.h"

namespace evener {
namespace {

template <class T>
concept Streamed = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept WrittenAsJson = requires(JsonWriter& json, const T& value) { json.value(value); };

TEST_CASE("a secret turns into text only where somebody asks for it by name") {
  CHECK(Secret("token").reveal() == "token");
  static_assert(Streamed<std::string> && !Streamed<Secret>);
  static_assert(WrittenAsJson<std::string> && !WrittenAsJson<Secret>);
  static_assert(std::is_constructible_v<log::Value, std::string> && !std::is_constructible_v<log::Value, Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string> && !std::is_convertible_v<Secret, std::string_view>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
}

TEST_CASE("a secret that was moved from holds nothing any more, short or long") {
  for (const std::string& text : {std::string("short"), std::string(200, 'x')}) {
    Secret first{text};
    Secret second(std::move(first));
    CHECK(second.reveal() == text);
    CHECK(first.empty());  // NOLINT: what is left of it is the claim
    second = Secret("other");
    CHECK(second.reveal() == "other");
  }
}

}  // namespace
}  // namespace evener
