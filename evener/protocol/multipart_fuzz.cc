// Any bytes as a form (the first line is its Content-Type). What is accepted has exactly one model, at the range told, which can be replaced.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "evener/protocol/openai.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = input.find('\n');
  if (line == std::string_view::npos) return 0;
  const std::string type(input.substr(0, line));
  const std::string_view rest = input.substr(line + 1);
  const auto exact = std::make_unique<char[]>(rest.size());
  if (!rest.empty()) std::memcpy(exact.get(), rest.data(), rest.size());
  const std::string_view body(exact.get(), rest.size());

  const auto found = read_multipart_model(type, body);
  if (!found) {
    require(found.error().fault == evener::Fault::Client && !found.error().message.empty());
    return 0;
  }
  require(!found->model.empty() && found->model.size() <= ModelBytesMax);
  require(body.substr(found->value.offset, found->value.length) == found->model);
  std::string renamed(body);
  renamed.replace(found->value.offset, found->value.length, "x");
  const auto again = read_multipart_model(type, renamed);
  require(again.has_value() && again->model == "x" && again->value.offset == found->value.offset);
  return 0;
}
