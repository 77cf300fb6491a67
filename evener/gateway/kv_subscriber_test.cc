#include "evener/gateway/kv_subscriber.h"

#include <doctest/doctest.h>

#include "evener/protocol/prompt_blocks.h"

using namespace evener;
using namespace evener::gateway;

TEST_CASE("kv subscriber: beyond NotesMax notes are dropped and counted, and nobody waits") {
  KvSubscriber subscriber;  // follows nothing, so nobody takes the notes
  for (std::size_t i = 0; i < KvSubscriber::NotesMax; ++i) subscriber.ended(EndpointId{1}, i, {});
  CHECK(subscriber.notes_dropped() == 0);
  subscriber.dispatched(EndpointId{1}, {.id = 7});
  subscriber.ended(EndpointId{1}, 7, {});
  CHECK(subscriber.notes_dropped() == 2);
}

TEST_CASE("kv subscriber: who follows nothing has no status and no thread") {
  KvSubscriber subscriber;
  subscriber.forget(EndpointId{1});
  CHECK(subscriber.status().empty());
}

TEST_CASE("kv subscriber: token ids are hashed as the gateway hashes prompts") {
  std::vector<std::uint32_t> ids(1000);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint32_t>(i * 77 + 5);
  std::vector<std::uint64_t> wanted;
  protocol::PromptBlocks blocks(42, protocol::BlockBytesDefault, wanted);
  const std::string_view bytes(reinterpret_cast<const char*>(ids.data()), ids.size() * 4);
  // However a walk over a request cuts it.
  for (std::size_t at = 0; at < bytes.size(); at += 100) blocks.bytes(bytes.substr(at, 100));
  REQUIRE(wanted.size() == 3);
  std::uint64_t chain = 42;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    chain = KvSubscriber::chain(chain, std::span(ids).subspan(i * 256, 256));
    CHECK(chain == wanted[i]);
  }
}
