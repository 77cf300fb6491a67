#pragma once
// TraceCollector: what all readers of traces do with what they have read. It numbers and counts, sorts what came out of order, and lets time
// begin with the first request.

#include <cstdint>
#include <span>
#include <string_view>

#include "evener/lab/trace.h"

namespace evener::lab {

class TraceCollector {
 public:
  explicit TraceCollector(std::string_view file_name) : file_name_(file_name) {}

  /// A line with content.
  void line() { ++reading_.lines; }
  void reject(std::uint64_t number, std::string_view why);
  void leave_out_failed() { ++reading_.failed; }
  /// Its blocks are those of `ids`; its time may be since whenever.
  void accept(TraceRequest request, std::span<const std::uint64_t> ids);
  /// The request has a length that nobody recorded.
  void guess() { ++reading_.guessed; }
  /// The requests in order of time, the first at 0.
  TraceReading finish(std::uint32_t block_tokens) &&;

 private:
  TraceReading reading_;
  std::string_view file_name_;
  Duration last_{};
};

}  // namespace evener::lab
