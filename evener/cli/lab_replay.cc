// evener lab replay: decides once more what a gateway has recorded, and compares.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/cli/lab_subcommand.h"
#include "evener/gateway/recorder.h"
#include "evener/route/recording.h"
#include "evener/route/replay.h"

namespace evener::cli {
namespace {

constexpr std::size_t DifferencesShown = 10;

struct Difference {
  std::string pool;
  std::uint64_t event = 0;  // of its pool, from 1
  std::string recorded, replayed;
};

struct Report {
  std::string program;
  std::uint64_t pools = 0, events = 0, decisions = 0, requests = 0, differing = 0;
  std::vector<Difference> differences;       // the first of each pool, as far as DifferencesShown
  std::optional<route::RecordingEnd> ended;  // nothing = cut off
  double seconds = 0;
};

/// One pool of the recording, played so far.
class Track {
 public:
  /// False when the bytes are none that a gateway of this version writes.
  bool play(std::string_view payload, Report& report) {
    route::EventReader reader(payload);
    while (true) {
      const std::size_t before = reader.left();
      const auto event = reader.next();
      if (!event) return !reader.bad();
      const std::string_view bytes = payload.substr(payload.size() - before, before - reader.left());
      if (!play_one(*event, bytes, report)) return false;
    }
  }

 private:
  bool play_one(const route::recorded::Event& event, std::string_view bytes, Report& report) {
    if (const auto* began = std::get_if<route::recorded::Began>(&event)) name_ = began->pool;
    const auto replayed = replay_.apply(event);
    if (!replayed) return false;
    ++report.events;
    ++events_;
    report.decisions += route::decisions_in(event);
    if (std::holds_alternative<route::recorded::Arrived>(event)) ++report.requests;
    again_.clear();
    route::write_event(again_, *replayed);
    if (again_ == bytes) return true;
    ++report.differing;
    // What follows from a difference differs, too, and says nothing new.
    if (!differs_ && report.differences.size() < DifferencesShown) {
      report.differences.push_back(
          {.pool = name_, .event = events_, .recorded = route::describe(event), .replayed = route::describe(*replayed)});
    }
    differs_ = true;
    return true;
  }

  route::Replay replay_;
  std::string name_, again_;
  std::uint64_t events_ = 0;
  bool differs_ = false;
};

/// What stands at the reading place of the file, at most `bytes` of it.
std::string_view read_some(std::ifstream& file, std::string& buffer, std::size_t bytes) {
  buffer.resize(bytes);
  file.read(buffer.data(), static_cast<std::streamsize>(bytes));
  return std::string_view(buffer).substr(0, static_cast<std::size_t>(file.gcount()));
}

Result<Report> play_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(path + " cannot be opened", Fault::Client);
  std::string buffer;
  const auto head = route::read_recording_head(read_some(file, buffer, route::RecordingHeadBytesMax));
  if (!head) return fail(path + " is no recording; evener serve --record FILE makes one", Fault::Client);
  if (head->version != route::RecordingVersion) {
    return fail(fmt::format("{} is of version {}; this program reads version {}: replay it with the one that recorded it", path,
                            head->version, route::RecordingVersion),
                Fault::Client);
  }
  Report report{.program = head->program};
  std::map<std::uint32_t, Track> tracks;
  std::size_t at = head->bytes;
  const auto damaged = [&] { return fail(fmt::format("{} is damaged at byte {}", path, at), Fault::Client); };
  const auto began = std::chrono::steady_clock::now();
  while (!report.ended) {
    file.clear();
    file.seekg(static_cast<std::streamoff>(at));
    const std::string_view head_bytes = read_some(file, buffer, route::ChunkHead::Bytes);
    if (head_bytes.size() < route::ChunkHead::Bytes) break;
    const auto chunk = route::read_chunk_head(head_bytes);
    if (!chunk) return damaged();
    if (chunk->kind == route::ChunkHead::Kind::End) {
      report.ended = static_cast<route::RecordingEnd>(chunk->pool);
      break;
    }
    const std::string_view payload = read_some(file, buffer, chunk->bytes);
    if (payload.size() < chunk->bytes) break;
    if (!route::is_payload_of(*chunk, payload) || !tracks[chunk->pool].play(payload, report)) return damaged();
    at += route::ChunkHead::Bytes + chunk->bytes;
  }
  report.pools = tracks.size();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return report;
}

void print_json(const Report& report) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().member("schema", "evener.lab.replay.v1").member("recorded_by", report.program).member("replayed_by", version_text());
  json.member("pools", report.pools).member("requests", report.requests).member("events", report.events);
  json.member("decisions", report.decisions).member("differing", report.differing);
  json.member("end", report.ended ? gateway::recording_end_name(*report.ended) : std::string_view("cut_off"));
  json.member("seconds", report.seconds).key("differences").begin_array();
  for (const Difference& one : report.differences) {
    json.begin_object().member("pool", one.pool).member("event", one.event).member("recorded", one.recorded);
    json.member("replayed", one.replayed).end_object();
  }
  json.end_array().end_object();
  fmt::print("{}\n", text);
}

void print_text(const Report& report) {
  fmt::print("{} requests in {} pools: {} events, {} decisions, replayed in {:.2f} s ({:.0f} decisions/s)\n", report.requests, report.pools,
             report.events, report.decisions, report.seconds,
             report.seconds > 0 ? static_cast<double>(report.decisions) / report.seconds : 0);
  if (!report.ended) fmt::print("The recording was cut off; what came after its last whole chunk is missing.\n");
  if (report.ended && *report.ended != route::RecordingEnd::Stopped) {
    fmt::print("The recording ended before the gateway did: {}.\n", gateway::recording_end_name(*report.ended));
  }
  if (report.differing == 0) {
    fmt::print("Every decision is the same.\n");
    return;
  }
  fmt::print("{} events differ. The first of each pool:\n", report.differing);
  for (const Difference& one : report.differences) {
    fmt::print("  pool {}, event {}\n    recorded: {}\n    replayed: {}\n", one.pool, one.event, one.recorded, one.replayed);
  }
  if (report.program != version_text()) fmt::print("It was recorded by evener {}, this is {}.\n", report.program, version_text());
}

/// Ok when every decision is the same, Findings when one is not, Failure when the file cannot be read.
int replay_recording(const std::string& path, bool json) {
  const auto report = play_file(path);
  if (!report) {
    std::cerr << "evener lab replay: " << report.error().message << "\n";
    return Failure;
  }
  if (json) {
    print_json(*report);
  } else {
    print_text(*report);
  }
  return report->differing == 0 ? Ok : Findings;
}

struct ReplayArguments {
  std::string recording;
  bool json = false;
};

}  // namespace

LabSubcommand declare_lab_replay(CLI::App& lab) {
  CLI::App* app = lab.add_subcommand("replay", "Decides once more what evener serve --record wrote, and compares every decision");
  const auto arguments = std::make_shared<ReplayArguments>();
  app->add_option("FILE", arguments->recording, "The recording")->required();
  app->add_flag("--json", arguments->json, "Print JSON");
  return {.app = app, .run = [arguments] { return replay_recording(arguments->recording, arguments->json); }};
}

}  // namespace evener::cli
