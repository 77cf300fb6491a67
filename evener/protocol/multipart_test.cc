#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "evener/protocol/openai.h"

namespace {

using namespace evener;
using namespace evener::protocol;
using namespace std::string_view_literals;

constexpr std::string_view Type = "multipart/form-data; boundary=xyz";
constexpr std::string_view File =
    "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n--xy\r\n\0--\r\n"sv;
constexpr std::string_view Model = "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n";
constexpr std::string_view End = "--xyz--\r\n";

std::string join(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const std::string_view part : parts) out += part;
  return out;
}

std::string outcome(std::string_view type, std::string_view body) {
  const auto result = read_multipart_model(type, body);
  if (!result) {
    CHECK(result.error().fault == Fault::Client);
    return "refused: " + result.error().message;
  }
  CHECK(body.substr(result->value.offset, result->value.length) == result->model);
  return result->model;
}

bool refused(std::string_view type, std::string_view body) { return outcome(type, body).starts_with("refused: "); }

/// A form of one part with this head.
std::string with_head(std::string_view head) { return join({"--xyz\r\n", head, "\r\n\r\nm\r\n", End}); }

TEST_CASE("the model is found before and behind a file, with its exact bytes") {
  CHECK(outcome(Type, join({Model, File, End})) == "whisper-1");
  CHECK(outcome(Type, join({File, Model, End})) == "whisper-1");
  CHECK(outcome(Type, join({File, File, Model, "--xyz--"})) == "whisper-1");
}

TEST_CASE("a form without a model is taken where that is optional") {
  const std::string body = "--xyz\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na horse\r\n--xyz--\r\n";
  CHECK_FALSE(read_multipart_model(Type, body));
  const auto without = read_multipart_model(Type, body, ModelField::Optional);
  REQUIRE(without);
  CHECK(without->model.empty());
}

TEST_CASE("the model's bytes can be replaced") {
  const std::string body = join({File, Model, File, End});
  const auto found = read_multipart_model(Type, body);
  REQUIRE(found);
  std::string renamed = body;
  renamed.replace(found->value.offset, found->value.length, "other");
  CHECK(outcome(Type, renamed) == "other");
}

TEST_CASE("the boundary may be quoted, and its parameter stand anywhere") {
  const std::string body = join({Model, End});
  CHECK(outcome("Multipart/Form-Data;boundary=\"xyz\"", body) == "whisper-1");
  CHECK(outcome("multipart/form-data; charset=utf-8; Boundary=xyz", body) == "whisper-1");
}

TEST_CASE("a Content-Type that leaves the boundary open is refused") {
  const std::string body = join({Model, End});
  for (const std::string_view type :
       {"", "application/json", "multipart/mixed; boundary=xyz", "multipart/form-data", "multipart/form-data;",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=xyz; boundary=abc",
        "multipart/form-data; boundary=xyz; boundary=xyz", "multipart/form-data; boundary=xyz x", "multipart/form-data; boundary=x@z",
        "multipart/form-data; boundary=\"xyz ", "multipart/form-data; boundary=\"xyz \"", "multipart/form-data; boundary=\"x\\yz\"",
        "multipart/form-data boundary=xyz", "multipart/form-data; x; boundary=xyz", "multipart/form-data, boundary=xyz"}) {
    CAPTURE(type);
    CHECK(refused(type, body));
  }
  const std::string longest(70, 'b');
  CHECK(outcome("multipart/form-data; boundary=" + longest,
                "--" + longest + "\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--" + longest + "--") == "m");
  CHECK(refused("multipart/form-data; boundary=" + longest + "b",
                "--" + longest + "b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--" + longest + "b--"));
}

TEST_CASE("a body whose parts could be cut in two ways is refused") {
  CHECK(refused(Type, ""));
  CHECK(refused(Type, "--xyz"));
  CHECK(refused(Type, "--xyz--"));
  CHECK(refused(Type, join({"\r\n", Model, End})));  // a line before the first boundary
  CHECK(refused(Type, join({"preamble\r\n", Model, End})));
  CHECK(refused(Type, Model));  // no last boundary
  CHECK(refused(Type, join({Model, "--xyz-"})));
  CHECK(refused(Type, join({Model, "--xyz\r\n"})));
  CHECK(refused(Type, join({Model, End, "epilogue"})));
  CHECK(refused(Type, join({Model, End, File, End})));
  CHECK(refused(Type, join({Model, "--xyz \r\n", File, End})));  // blanks behind a boundary
  CHECK(refused(Type, "--xyz\nContent-Disposition: form-data; name=\"model\"\n\nm\n--xyz--\n"));
  CHECK(refused(Type, "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--xyzz\r\n"));  // a longer boundary in the data
  CHECK(refused(Type, "--abc\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--abc--"));
}

TEST_CASE("a part whose head is not beyond doubt is refused") {
  CHECK(outcome(Type, with_head("content-disposition:form-data; name=model")) == "m");
  CHECK(outcome(Type, with_head("Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=\"model\"")) == "m");
  for (const std::string_view head :
       {"X: y"sv, "Content-Disposition: form-data"sv, "Content-Disposition: attachment; name=\"model\""sv,
        "Content-Disposition: form-data; name=\"model\"; name=\"x\""sv, "Content-Disposition: form-data; name=\"x\"; name=\"model\""sv,
        "Content-Disposition: form-data; name=\"x\"; name*=utf-8''model"sv, "Content-Disposition: form-data; name=\"model"sv,
        "Content-Disposition: form-data; name=\"mod\\el\""sv, "Content-Disposition: form-data; name=\"Model\""sv,
        "Content-Disposition: form-data; name=\"model\"; filename=\"m\""sv,
        "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64"sv,
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\""sv,
        "Content-Disposition: form-data;\r\n name=\"model\""sv, "Content-Disposition : form-data; name=\"model\""sv, ": x"sv,
        "Content-Disposition: form-data; name=\"model\"x"sv, "Content-Disposition: form-data; name="sv,
        "Content-Disposition: form-data; name=\"mo\0del\""sv, "Content-Disposition: form-data; name=\"model\"\nX: y"sv}) {
    CAPTURE(head);
    CHECK(refused(Type, with_head(head)));
  }
}

TEST_CASE("the model must be there once, be no more than a name, and not be empty") {
  CHECK(outcome(Type, join({File, End})) == "refused: the form has no field model; name the model to use");
  CHECK(outcome(Type, join({Model, File, Model, End})) == "refused: the form has the field model twice");
  CHECK(refused(Type, "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\r\n--xyz--"));
  CHECK(refused(Type, "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\na\nb\r\n--xyz--"));
  const auto of_length = [](std::size_t length) {
    return join({"--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n", std::string(length, 'm'), "\r\n", End});
  };
  CHECK(outcome(Type, of_length(ModelBytesMax)).size() == ModelBytesMax);
  CHECK(refused(Type, of_length(ModelBytesMax + 1)));
}

TEST_CASE("a form may have 128 parts with heads of 8192 bytes and no more") {
  std::string parts;
  for (std::size_t i = 1; i < MultipartPartsMax; ++i) parts += "--xyz\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
  CHECK(outcome(Type, join({parts, Model, End})) == "whisper-1");
  CHECK(refused(Type, join({parts, Model, "--xyz\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n", End})));

  const std::string_view disposition = "Content-Disposition: form-data; name=\"model\"\r\nX: ";
  CHECK(outcome(Type, with_head(join({disposition, std::string(MultipartHeadBytesMax - disposition.size() - 4, 'x')}))) == "m");
  CHECK(refused(Type, with_head(join({disposition, std::string(MultipartHeadBytesMax - disposition.size() - 3, 'x')}))));
}

}  // namespace
