#include "evener/core/text_counts.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

namespace {

using namespace evener;

TextCounts counted(std::string_view text) {
  TextCounts counts;
  count_text(text, counts);
  return counts;
}

TEST_CASE("characters are counted by script, not by bytes") {
  const TextCounts counts =
      counted("ab 12, \xc3\xa9 \xd0\x96\xce\xb1 \xe4\xb8\xad\xea\xb0\x80\xe3\x81\x82 \xd7\x90\xf0\x9f\x98\x80\xe2\x80\x9c");
  CHECK(counts[TextClass::Letter] == 2);
  CHECK(counts[TextClass::Space] == 5);
  CHECK(counts[TextClass::Digit] == 2);
  CHECK(counts[TextClass::Symbol] == 1);
  CHECK(counts[TextClass::Latin] == 1);
  CHECK(counts[TextClass::Cyrillic] == 2);
  CHECK(counts[TextClass::Cjk] == 3);
  CHECK(counts[TextClass::Other] == 3);
}

TEST_CASE("an escape is one character of what it stands for") {
  const TextCounts counts = counted(R"(a\n\"\\\u4e2d\u0416\u00e9\u0627\ud83d\ude00b)");
  CHECK(counts[TextClass::Letter] == 2);
  CHECK(counts[TextClass::Digit] == 0);
  CHECK(counts[TextClass::Symbol] == 3);
  CHECK(counts[TextClass::Cjk] == 1);
  CHECK(counts[TextClass::Cyrillic] == 1);
  CHECK(counts[TextClass::Latin] == 1);
  CHECK(counts[TextClass::Other] == 2);
}

TEST_CASE("escapes that are cut off or wrong are counted somehow") {
  for (const std::string_view text : {"\\", "\\u", "\\u12", "\\uzzzz", "a\\", "\\\\u"}) {
    float sum = 0;
    for (const float n : counted(text).chars) sum += n;
    CHECK(sum >= 0);
    CHECK(sum <= static_cast<float>(text.size()));
  }
}

TEST_CASE(
    "of long texts windows are looked at, and the counts differ from the whole's by less than a tenth, and in longer ones by half of "
    "that") {
  for (const std::string sentence :
       {"The quick brown fox jumps over 13 lazy dogs; ", "\xd0\xa1\xd1\x8a\xd0\xb5\xd1\x88\xd1\x8c \xd0\xb6\xd0\xb5, ",
        "\\u4e2d\\u6587\\u6587\\uff0c", "if (x[0] == '\\\"') {\\n  return \\\"y\\\";\\n}\\n"}) {
    TextCounts exact = counted(sentence);
    for (const std::size_t times : {37UL, 1000UL, 20000UL}) {
      std::string text;
      for (std::size_t i = 0; i < times; ++i) text += sentence;
      const TextCounts counts = counted(text);
      float sum = 0, error = 0;
      for (std::size_t i = 0; i < TextClasses; ++i) {
        sum += exact.chars[i] * static_cast<float>(times);
        error += std::abs(counts.chars[i] - exact.chars[i] * static_cast<float>(times));
      }
      CAPTURE(sentence);
      CAPTURE(times);
      CHECK(error / sum < (times < 100 ? 0.1F : 0.05F));
    }
  }
}

TEST_CASE("a text that repeats itself at the distance of the windows is still seen as a whole") {
  std::string text;
  for (int i = 0; i < 400; ++i) text += std::string(128, 'a') + std::string(128, '1');
  CHECK(counted(text)[TextClass::Digit] == doctest::Approx(128 * 400).epsilon(0.1));
}

TEST_CASE("counts of several texts add up") {
  TextCounts counts;
  count_text("abc", counts);
  count_text("", counts);
  count_text("de", counts);
  CHECK(counts[TextClass::Letter] == 5);
}

}  // namespace
