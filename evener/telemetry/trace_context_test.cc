#include "evener/telemetry/trace_context.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace evener::telemetry {
namespace {

constexpr std::string_view Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr std::string_view Parent = "00f067aa0ba902b7";

std::string header(std::string_view version, std::string_view trace, std::string_view parent, std::string_view flags) {
  return std::string(version) + "-" + std::string(trace) + "-" + std::string(parent) + "-" + std::string(flags);
}

TEST_CASE("a caller's trace is continued with its id and flags and a parent id of our own") {
  const TraceContext context = continue_trace(header("00", Trace, Parent, "01"), 1, 2, 0x1122334455667789);
  CHECK(context.continued());
  CHECK(context.traceparent() == "00-4bf92f3577b34da6a3ce929d0e0e4736-1122334455667789-01");
  CHECK(context.trace_id() == Trace);
  CHECK(context.span_id() == "1122334455667789");
}

TEST_CASE("without a caller's trace a new one begins, not sampled") {
  const TraceContext context = continue_trace("", 0x0123456789abcdef, 0xfedcba9876543211, 0x11);
  CHECK(!context.continued());
  CHECK(context.traceparent() == "00-0123456789abcdeffedcba9876543211-0000000000000011-00");
}

TEST_CASE("no id is ever all zeros, whatever the random bits") {
  const TraceContext context = continue_trace("", 0, 0, 0);
  CHECK(context.traceparent() == "00-00000000000000000000000000000001-0000000000000001-00");
}

TEST_CASE("an invalid traceparent begins a new trace") {
  const std::string zeros32(32, '0');
  const std::string zeros16(16, '0');
  for (const std::string& bad :
       {header("00", zeros32, Parent, "01"), header("00", Trace, zeros16, "01"), header("ff", Trace, Parent, "01"), header("0x", Trace, Parent, "01"),
        header("00", "4BF92F3577B34DA6A3CE929D0E0E4736", Parent, "01"), header("00", Trace, Parent, "0g"), header("00", Trace, Parent, "1"),
        header("00", Trace, Parent, "01") + "-more", header("00", Trace, Parent, "01") + " ", header("01", Trace, Parent, "01") + "more",
        header("00", std::string(Trace) + "0", Parent.substr(1), "01"), std::string("00_") + header("00", Trace, Parent, "01").substr(3), std::string(55, '-'),
        std::string(10000, 'a')}) {
    CAPTURE(bad);
    CHECK(!continue_trace(bad, 1, 2, 3).continued());
  }
}

TEST_CASE("of a newer version the first 55 characters count, and we answer in version 00 with the flags we know") {
  CHECK(continue_trace(header("01", Trace, Parent, "01"), 1, 2, 3).continued());
  const TraceContext context = continue_trace(header("cc", Trace, Parent, "ff") + "-what-the-future-brings", 1, 2, 3);
  CHECK(context.continued());
  CHECK(context.traceparent() == "00-" + std::string(Trace) + "-0000000000000003-03");
}

TEST_CASE("a context that was never set is empty") {
  CHECK(TraceContext().traceparent().empty());
  CHECK(TraceContext().trace_id().empty());
  CHECK(!TraceContext().continued());
}

}  // namespace
}  // namespace evener::telemetry
