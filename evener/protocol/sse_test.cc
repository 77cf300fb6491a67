#include "evener/protocol/sse.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/for_each_seed.h"

namespace {

using namespace evener;
using namespace evener::protocol;

struct Seen {
  std::uint64_t events = 0;
  bool done = false, error = false, has_usage = false;
  std::uint64_t prompt = 0, completion = 0, cached = 0;

  bool operator==(const Seen&) const = default;
};

Seen result_of(const SseObserver& observer) {
  Seen out{.events = observer.events(), .done = observer.done(), .error = observer.error_event()};
  if (const auto usage = observer.usage()) {
    out.has_usage = true;
    out.prompt = usage->prompt_tokens;
    out.completion = usage->completion_tokens;
    out.cached = usage->cached_tokens;
  }
  return out;
}

Seen watch(std::string_view stream) {
  SseObserver observer;
  observer.feed(stream);
  return result_of(observer);
}

std::string with_line_ends(std::string_view stream, std::string_view line_end) {
  std::string out;
  for (const char c : stream) {
    if (c == '\n') {
      out += line_end;
    } else {
      out += c;
    }
  }
  return out;
}

constexpr std::string_view Chat =
    ": connected\n\n"
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}],\"usage\":null}\n\n"
    "data:{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"[DONE] "
    "\\\"usage\\\":{\\\"prompt_tokens\\\":99}\"}}],\"usage\":null}\n\n"
    ": ping\n\n"
    "data: "
    "{\"id\":\"1\",\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":8}}}"
    "\n\n"
    "data: [DONE]\n\n";
constexpr std::string_view Responses =
    "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n"
    "event: response.output_text.delta\ndata: {\"delta\":\"hi\"}\n\n"
    "event: response.completed\ndata: "
    "{\"type\":\"response.completed\",\"response\":{\"output\":[],\"usage\":{\"input_tokens\":4,\"output_tokens\":6}}}\n\n";

TEST_CASE("a chat stream is counted to its end, and its usage read") {
  CHECK(watch(Chat) == Seen{.events = 3, .done = true, .has_usage = true, .prompt = 12, .completion = 3, .cached = 8});
}

TEST_CASE("a Responses stream ends with a terminal event, which carries the usage") {
  CHECK(watch(Responses) == Seen{.events = 3, .done = true, .has_usage = true, .prompt = 4, .completion = 6});
  CHECK_FALSE(watch(Responses.substr(0, Responses.rfind("event:"))).done);
}

TEST_CASE("lines may end in LF, CRLF or CR") {
  for (const std::string_view stream : {Chat, Responses}) {
    const Seen expected = watch(stream);
    CHECK(watch(with_line_ends(stream, "\r\n")) == expected);
    CHECK(watch(with_line_ends(stream, "\r")) == expected);
  }
}

TEST_CASE("cutting the stream anywhere in two changes nothing, nor does feeding it byte by byte") {
  for (const std::string_view original : {Chat, Responses}) {
    for (const std::string_view line_end : {"\n", "\r\n", "\r"}) {
      const std::string stream = with_line_ends(original, line_end);
      const Seen expected = watch(stream);
      for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        SseObserver observer;
        observer.feed(std::string(stream.substr(0, cut)));
        observer.feed(std::string(stream.substr(cut)));
        if (!(result_of(observer) == expected)) FAIL("cut at ", cut);
      }
      SseObserver observer;
      for (const char c : stream) observer.feed(std::string(1, c));
      CHECK(result_of(observer) == expected);
    }
  }
}

TEST_CASE("random cuts of a stream with mixed line ends change nothing") {
  for_each_seed(500, [](Rng& rng) {
    std::string stream;
    for (const char c : Chat) {
      constexpr std::string_view Ends[] = {"\n", "\r\n", "\r"};
      if (c == '\n') {
        // A CR that is followed by an LF of its own would be one line end, not two.
        stream += !stream.empty() && stream.back() == '\r' ? Ends[1 + rng.below(2)] : Ends[rng.below(3)];
      } else {
        stream += c;
      }
    }
    SseObserver observer;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t size = 1 + rng.below(60);
      observer.feed(std::string(stream.substr(at, size)));
      at += size;
    }
    CAPTURE(stream);
    CHECK(result_of(observer) == Seen{.events = 3, .done = true, .has_usage = true, .prompt = 12, .completion = 3, .cached = 8});
  });
}

TEST_CASE("comments are no content") {
  SseObserver observer;
  observer.feed(": hello\n\n:\n\n:data: x\n\n");
  CHECK_FALSE(observer.saw_content());
  observer.feed("data: {}\n");
  CHECK_FALSE(observer.saw_content());
  observer.feed("\n");
  CHECK(observer.saw_content());
}

TEST_CASE("content begins with the first event that brings some") {
  const auto brings = [](std::string_view stream) {
    SseObserver observer;
    observer.feed(stream);
    return observer.saw_content();
  };
  CHECK_FALSE(brings("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"));
  CHECK(brings("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}}]}\n\n"));
  CHECK_FALSE(brings("event: response.created\ndata: {\"type\":\"response.created\"}\n\n"));
  CHECK_FALSE(brings("event: response.created\ndata: \"" + std::string(2 * SseEventBytesMax, 'x') + "\"\n\n"));
  CHECK(brings("event: response.output_text.delta\ndata: {\"delta\":\"a\"}\n\n"));
  CHECK(brings("event: response.completed\ndata: {}\n\n"));
  CHECK(brings("data: \"" + std::string(2 * SseEventBytesMax, 'x') + "\"\n\n"));
  CHECK(brings("data: [DONE]\n\n"));
  CHECK(brings("error: {}\n"));
}

TEST_CASE("the stream is done only when a whole data line says [DONE]") {
  CHECK(watch("data: [DONE]\n").done);
  CHECK(watch("data:[DONE]\n\n").done);
  CHECK(watch("data: [DONE]\n\n").events == 0);
  for (const std::string_view stream :
       {"data: [DONE]", "data: [DONE] \n\n", "data:  [DONE]\n\n", "data: x[DONE]\n\n", "data: {\"a\":\"[DONE]\"}\n\n", "[DONE]\n\n",
        ": [DONE]\n\n", "event: [DONE]\n\n", "datas: [DONE]\n\n", "data [DONE]\n\n", "data: \"[DONE]\"\n\n"}) {
    CAPTURE(stream);
    CHECK_FALSE(watch(stream).done);
  }
}

TEST_CASE("an event may have several data lines, which are one JSON text") {
  const Seen seen = watch("data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1,\ndata:\"completion_tokens\":2}}\n\n");
  CHECK(seen == Seen{.events = 1, .has_usage = true, .prompt = 1, .completion = 2});
}

TEST_CASE("other fields, unknown ones and empty events are passed over") {
  CHECK(watch("id: 1\nretry: 500\nfoo\nfoo: bar\n\n\n\n").events == 0);
  CHECK(watch("id: 1\ndata: {}\nretry: 500\n\n").events == 1);
  CHECK(watch("data\n\n").events == 1);
  CHECK(watch("data:\n\n").events == 1);
  CHECK(watch("\xef\xbb\xbf"
              "data: [DONE]\n\n")
            .done);
}

TEST_CASE("an error in the stream is seen in every form that engines give it") {
  CHECK(watch("data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n").error);
  CHECK(watch("data: {\"id\":1, \"error\" : \"x\"}\n\n").error);
  CHECK(watch("data: {\"object\":\"error\",\"message\":\"x\"}\n\n").error);
  CHECK(watch("error: {\"code\":500}\n\n").error);
  CHECK(watch("event: error\ndata: {\"message\":\"x\"}\n\n").error);
  CHECK(watch("event: error\ndata: {\"message\":\"x\"}\n\n").done);
  CHECK(watch("event: response.failed\ndata: {}\n\n").error);
  CHECK(watch("event: response.failed\ndata: {}\n\n").done);
  CHECK_FALSE(watch("data: {\"error\":null}\n\n").error);
  CHECK_FALSE(watch("data: {\"choices\":[{\"delta\":{\"content\":\"error\"}}]}\n\n").error);
  CHECK_FALSE(watch("data: {\"choices\":[{\"delta\":{\"content\":\"\\\"error\\\":1\"}}]}\n\n").error);
  CHECK_FALSE(watch("data: {\"choices\":[{\"error\":1}]}\n\n").error);
  CHECK_FALSE(watch("event: error\n\n").error);  // no data, no event
  CHECK_FALSE(watch("event: error\n\nevent: x\ndata: {}\n\n").error);
}

TEST_CASE("incomplete and cancelled Responses are terminal without being errors") {
  for (const std::string_view type : {"response.incomplete", "response.cancelled"}) {
    const Seen seen =
        watch("event: " + std::string(type) + "\ndata: {\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n");
    CHECK(seen == Seen{.events = 1, .done = true, .has_usage = true, .prompt = 1, .completion = 2});
  }
}

TEST_CASE("of several usages the last one counts: some engines send a running one") {
  const Seen seen = watch(
      "data: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}\n\ndata: "
      "{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: {\"usage\":null}\n\n");
  CHECK(seen.completion == 2);
}

TEST_CASE("a body that ends without its last line ends is complete once it is said to be") {
  SseObserver done;
  done.feed("data: {}\n\ndata: [DONE]");
  CHECK_FALSE(done.done());
  done.finish();
  CHECK(done.done());
  CHECK(done.events() == 1);
  SseObserver event;
  event.feed("event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":1}}}");
  event.finish();
  CHECK(event.done());
  CHECK(event.usage()->prompt_tokens == 1);
  SseObserver nothing;
  nothing.finish();
  CHECK(result_of(nothing) == Seen{});
}

/// A data line of this many bytes with a usage at its end, and what follows that usage.
std::string long_event(std::size_t line_bytes, std::string_view behind_usage = "}") {
  const std::string head = "data: {\"response\":{\"x\":\"", usage = "\",\"usage\":{\"prompt_tokens\":1}";
  const std::string tail = usage + std::string(behind_usage);
  return head + std::string(line_bytes - head.size() - tail.size(), 'x') + tail + "\n\n";
}

Seen watch_in_pieces(std::string_view stream, std::size_t piece) {
  SseObserver observer;
  for (std::size_t at = 0; at < stream.size(); at += piece) observer.feed(stream.substr(at, piece));
  return result_of(observer);
}

TEST_CASE("an event of 16 KiB is read whole, and of a longer one the usage at its end") {
  const Seen read{.events = 1, .done = true, .has_usage = true, .prompt = 1};
  for (const std::size_t bytes :
       {SseEventBytesMax - 1, SseEventBytesMax, SseEventBytesMax + 1, 2 * SseEventBytesMax, std::size_t{1} << 20}) {
    const std::string stream = "event: response.completed\n" + long_event(bytes, "}}");
    CAPTURE(bytes);
    CHECK(watch(stream) == read);
    for (const std::size_t piece : {7U, 100U, 5000U, 10000U, 70000U}) CHECK(watch_in_pieces(stream, piece) == read);
  }
  SseObserver observer;
  observer.feed("event: response.completed\n" + long_event(SseEventBytesMax, "}}"));
  CHECK(observer.too_large() == 0);
  observer.feed("event: response.completed\n" + long_event(SseEventBytesMax + 1, "}}"));
  CHECK(observer.too_large() == 1);
}

TEST_CASE("of an event that is too large to be kept no usage is taken from where the API does not put it") {
  const Seen none{.events = 1, .done = true};
  const std::string terminal = "event: response.completed\n";
  const auto far = long_event(2 * SseEventBytesMax, ",\"y\":\"" + std::string(SseEndBytes, 'y') + "\"}}");
  const auto cut_off = long_event(2 * SseEventBytesMax, "");
  const auto deeper = long_event(2 * SseEventBytesMax, "}]}}");
  for (const std::string& stream : {far, cut_off, deeper}) {
    CHECK(watch(terminal + stream) == none);
    CHECK(watch_in_pieces(terminal + stream, 1000) == none);
  }
  // Below "response" it counts in a terminal event only, at the top in any.
  CHECK(watch(long_event(2 * SseEventBytesMax, "}}")) == Seen{.events = 1});
  CHECK(watch("data: {\"x\":\"" + std::string(20000, 'x') + "\",\"usage\":{\"prompt_tokens\":5}}\n\n") ==
        Seen{.events = 1, .has_usage = true, .prompt = 5});
}

TEST_CASE("whether the stream stands between two events is known after every byte") {
  SseObserver observer;
  CHECK(observer.between_events());
  const auto after = [&](std::string_view bytes) {
    observer.feed(bytes);
    return observer.between_events();
  };
  CHECK_FALSE(after("data: {\"a"));
  CHECK_FALSE(after("\":1}"));
  CHECK_FALSE(after("\n"));
  CHECK(after("\n"));
  CHECK_FALSE(after(":"));
  CHECK_FALSE(after(" ping\r\n"));
  CHECK(after("\r\n"));
  CHECK_FALSE(after(std::string(SseEventBytesMax + 5, 'x')));
  CHECK(after("\n\n"));
}

TEST_CASE("lines that belong to one event are limited together") {
  // The event after it is read again.
  std::string lines;
  for (int i = 0; i < 5; ++i) lines += "data: " + std::string(4000, 'x') + "\n";
  const std::string stream =
      lines + "data: {\"usage\":{\"prompt_tokens\":2}}\n\ndata: {\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n";
  CHECK(watch(stream) == Seen{.events = 2, .done = true, .has_usage = true, .prompt = 3});
  CHECK(watch_in_pieces(stream, 10000) == watch(stream));
}

}  // namespace
