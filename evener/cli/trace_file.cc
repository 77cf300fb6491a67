#include "evener/cli/trace_file.h"

#include <fmt/format.h>

#include <iostream>

#include "evener/base/files.h"
#include "evener/lab/recorded_trace.h"

namespace evener::cli {
namespace {

constexpr std::size_t TraceBytesMax = std::size_t{4} << 30;

Result<lab::TraceReading> read_any(const std::string& text, const TraceFile& file, std::string_view command) {
  if (!lab::is_recording(text)) return lab::read_trace(text, file.path);
  auto recorded = lab::read_recorded_trace(text, file.path, file.pool);
  if (!recorded) return tl::unexpected(recorded.error());
  if (recorded->cut_off) std::cerr << command << ": " << file.path << " was cut off; what came after its last whole chunk is missing\n";
  return std::move(recorded->reading);
}

}  // namespace

Result<lab::Trace> read_trace_file(const TraceFile& file, std::string_view command) {
  const auto text = read_file(file.path, TraceBytesMax);
  if (!text) return tl::unexpected(text.error());
  auto reading = read_any(*text, file, command);
  if (!reading) return tl::unexpected(reading.error());
  for (const std::string& problem : reading->problems) std::cerr << problem << "\n";
  const auto say = [&](std::uint64_t count, std::string_view what) {
    if (count > 0) std::cerr << command << ": " << count << " of " << reading->lines << " " << what << "\n";
  };
  say(reading->malformed, "lines were left out because they cannot be read");
  say(reading->failed, "lines were left out because their requests failed when they were recorded");
  say(reading->out_of_order, "lines were out of order and have been sorted in");
  say(reading->guessed, "requests have no recorded answer; they get the length that was expected");
  if (reading->malformed_share() > file.malformed_max) {
    return fail(fmt::format("{}: {:.1f} % of the lines cannot be read, more than the {:g} % of --malformed-max", file.path,
                            100 * reading->malformed_share(), 100 * file.malformed_max),
                Fault::Client);
  }
  if (reading->trace.requests.empty()) return fail(file.path + " holds no request", Fault::Client);
  return std::move(reading->trace);
}

}  // namespace evener::cli
