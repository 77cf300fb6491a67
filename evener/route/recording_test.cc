#include "evener/route/recording.h"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <vector>

#include "evener/route/replay.h"
#include "tests/golden.h"

using namespace evener;
using namespace evener::route;
using namespace std::chrono_literals;

namespace {

std::string bytes_of(const recorded::Event& event) {
  std::string bytes;
  write_event(bytes, event);
  return bytes;
}

const std::array<std::uint64_t, 3> Blocks = {1, std::numeric_limits<std::uint64_t>::max(), 77};
const std::array Tried = {EndpointId{4}, EndpointId{9}};

/// One event of each kind, with something in every part.
std::vector<recorded::Event> one_of_each() {
  const Instant now = Instant{} + 5s;
  const RequestView request{.affinity_key = 5, .prompt_tokens = 1000, .first_token_objective = 2s, .blocks = Blocks, .block_tokens = 250};
  Share share{.prompt_tokens = 1000, .predicted_first_token_s = 0.25F, .predicted_token_s = 0.01F};
  share.prefix.age_blocks[3] = 1.5F;
  share.reserved = -5;
  RateAllowance allowance;
  allowance.of(RateOf::Tokens) = {.limit = 100, .remaining = 7.5, .reset = 3s, .window = {}, .gradual = true};
  PoolSettings settings;
  settings.policy = PolicyKind::Composed;
  settings.spend = {.limit = 1'000'000'000'000, .aligned = true, .phase = Instant{} - 5s};
  settings.composition = {.filters = {{.kind = FilterKind::KvUsed, .threshold = 0.9}},
                          .scorers = {{.kind = ScorerKind::Power, .weight = 2}}};
  settings.admission.tenants = {{.tenant = 7, .weight = 3}};
  return {
      recorded::Began{.pool = "a pool", .settings = settings, .seed = 99},
      recorded::Configured{.settings = settings, .now = now},
      recorded::EndpointPut{.id = EndpointId{3}, .settings = {.models = {1, 2}}, .start = Scheduler::Start::AwaitCheck, .now = now},
      recorded::EndpointRemoved{.id = EndpointId{3}, .now = now},
      recorded::WeightSet{.id = EndpointId{3}, .weight = 0.1, .now = now},
      recorded::DrainSet{.id = EndpointId{3}, .drain = Scheduler::Drain::Yes, .now = now},
      recorded::Arrived{.arrival = {.request = request, .cookie = ~0ULL},
                        .now = now,
                        .decision = Dispatch{.endpoint = EndpointId{3}, .reason = PickReason::Panic, .candidates = 2, .share = share}},
      recorded::Retried{.request = request,
                        .tried = Tried,
                        .attempt = Scheduler::Attempt::Failover,
                        .cookie = 1,
                        .now = now,
                        .decision = Refusal{.reason = RefusalReason::ContextTooLong, .retry_after = -1ns}},
      recorded::FirstToken{.endpoint = EndpointId{3}, .share = share, .since_dispatch = 20ms, .now = now},
      recorded::LoadNoted{.endpoint = EndpointId{3}, .report = {.at = now, .waiting = 2}, .now = now},
      recorded::LoadReported{.endpoint = EndpointId{3}, .report = {.at = now, .running = 4.5, .kv_used = 0.25}, .now = now},
      recorded::Finished{.endpoint = EndpointId{3},
                         .outcome = {.ending = Ending::Reset,
                                     .first_token = 5ms,
                                     .share = share,
                                     .usage = TokenUsage{.prompt_tokens = 900, .cached_tokens = 0},
                                     .blocks = Blocks},
                         .attempt = Scheduler::Attempt::Retry,
                         .now = now},
      recorded::Abandoned{.ticket = 12, .now = now, .waited = true},
      recorded::Checked{.endpoint = EndpointId{3}, .result = Scheduler::Check::Failed, .now = now},
      recorded::Ticked{.now = now},
      recorded::Released{.now = now, .requests = {{.cookie = 8, .decision = Dispatch{.share = share}, .waited = 3s}}},
      recorded::Preempted{.requests = {{.endpoint = EndpointId{3}, .cookie = 8}}},
      recorded::Explained{.request = request, .now = now},
      recorded::PanicAsked{},
      recorded::CacheStored{.endpoint = EndpointId{3}, .blocks = Blocks},
      recorded::CacheEvicted{.endpoint = EndpointId{3}, .blocks = Blocks},
      recorded::CacheFollowed{.endpoint = EndpointId{3}, .knowledge = PrefixKnowledge::Exact},
      recorded::CacheCleared{.endpoint = EndpointId{3}},
      recorded::CacheCapacity{.endpoint = EndpointId{3}, .blocks = 12.5},
      recorded::AllowanceTold{.endpoint = EndpointId{3}, .share = share, .allowance = allowance, .now = now},
      recorded::AdaptersReported{.endpoint = EndpointId{3}, .adapters = Blocks, .now = now},
  };
}

}  // namespace

TEST_CASE("every kind of event comes back as it was written") {
  const auto events = one_of_each();
  REQUIRE(events.size() == std::variant_size_v<recorded::Event>);
  std::string all;
  for (const recorded::Event& event : events) {
    const std::string bytes = bytes_of(event);
    EventReader reader(bytes);
    const auto read = reader.next();
    REQUIRE(read);
    CHECK(read->index() == event.index());
    CHECK(bytes_of(*read) == bytes);
    CHECK(reader.left() == 0);
    all += bytes;
  }
  EventReader reader(all);
  for (const recorded::Event& event : events) CHECK(reader.next()->index() == event.index());
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.bad());
}

TEST_CASE("what is borrowed and what is of a float's last bit comes back, too") {
  const auto events = one_of_each();
  const std::string bytes = bytes_of(events[6]);
  EventReader again(bytes);
  const auto event = again.next();
  REQUIRE(event);
  const auto& arrived = std::get<recorded::Arrived>(*event);
  CHECK(std::vector(arrived.arrival.request.blocks.begin(), arrived.arrival.request.blocks.end()) ==
        std::vector(Blocks.begin(), Blocks.end()));
  CHECK(arrived.arrival.request.first_token_objective == 2s);
  CHECK(std::get<Dispatch>(arrived.decision).share == std::get<Dispatch>(std::get<recorded::Arrived>(events[6]).decision).share);
}

TEST_CASE("an event that is cut off anywhere is found to be bad and nothing else happens") {
  for (const recorded::Event& event : one_of_each()) {
    const std::string bytes = bytes_of(event);
    for (std::size_t length = 1; length < bytes.size(); ++length) {
      EventReader reader(std::string_view(bytes).substr(0, length));
      CHECK_FALSE(reader.next());
      CHECK(reader.bad());
    }
  }
}

TEST_CASE("numbers of no enumerator, counts beyond the bytes that are there, and unknown kinds are refused") {
  for (const std::string_view bytes :
       {std::string_view("\xff"), std::string_view("\x12\x03\xff\xff\xff\xff\x0f", 7),  // a stored list of 4 G hashes
        std::string_view("\x14\x03\x09", 3)}) {
    EventReader reader(bytes);
    CHECK_FALSE(reader.next());
    CHECK(reader.bad());
  }
}

TEST_CASE("the head of a file names its version and the program, another version is told, anything else is none") {
  const std::string head = recording_head("0.1.0");
  const auto read = read_recording_head(head + "more");
  REQUIRE(read);
  CHECK(read->version == RecordingVersion);
  CHECK(read->program == "0.1.0");
  CHECK(read->bytes == head.size());
  std::string other = head;
  ++other[16];
  CHECK(read_recording_head(other)->version == RecordingVersion + 1);
  CHECK_FALSE(read_recording_head("GIF89a"));
  for (std::size_t length = 0; length < head.size(); ++length) CHECK_FALSE(read_recording_head(std::string_view(head).substr(0, length)));
}

TEST_CASE("a chunk whose bytes changed is known by its checksum") {
  std::string chunk = chunk_of(7, "payload");
  const auto head = read_chunk_head(chunk);
  REQUIRE(head);
  CHECK(head->pool == 7);
  CHECK(is_payload_of(*head, std::string_view(chunk).substr(ChunkHead::Bytes)));
  CHECK_FALSE(is_payload_of(*head, "payloaD"));
  CHECK_FALSE(is_payload_of(*head, "payloa"));
  chunk[0] = 9;
  CHECK_FALSE(read_chunk_head(chunk));
  const auto end = read_chunk_head(end_chunk(RecordingEnd::Lost));
  REQUIRE(end);
  CHECK(end->kind == ChunkHead::Kind::End);
}

TEST_CASE("the seeds of the fuzzer are recordings as they are written now") {
  std::string events;
  for (const recorded::Event& event : one_of_each()) events += bytes_of(event);
  const std::string file = recording_head("0.1.0") + chunk_of(1, events) + end_chunk(RecordingEnd::Stopped);
  std::string other_version = recording_head("0.1.0");
  ++other_version[16];
  const std::string seeds = "fuzz/corpus/recording_fuzz/";
  compare_or_update(seeds + "events", events);
  compare_or_update(seeds + "file", file);
  compare_or_update(seeds + "cut_off", std::string_view(file).substr(0, file.size() / 2));
  compare_or_update(seeds + "other_version", other_version);
}

TEST_CASE("a replay begins with the pool's first event, which comes once, and shows what is decided otherwise now") {
  const Instant now = Instant{} + 1s;
  Replay replay;
  CHECK_FALSE(replay.apply(recorded::Ticked{.now = now}));
  REQUIRE(replay.apply(recorded::Began{.pool = "p"}));
  CHECK_FALSE(replay.apply(recorded::Began{.pool = "p"}));
  REQUIRE(replay.apply(recorded::EndpointPut{.id = EndpointId{5}, .now = now}));
  const recorded::Event recorded = recorded::Arrived{.now = now, .decision = Dispatch{.endpoint = EndpointId{6}}};
  const auto replayed = replay.apply(recorded);
  REQUIRE(replayed);
  CHECK(bytes_of(*replayed) != bytes_of(recorded));
  CHECK(describe(*replayed).find("endpoint 5 (only_candidate") != std::string::npos);
  CHECK(decisions_in(recorded) == 1);
}
