#include "evener/gateway/session.h"

#include <doctest/doctest.h>

#include "evener/gateway/exchange.h"

namespace evener::gateway {
namespace {

constexpr std::uint64_t KiB = 1024;

TEST_CASE("a request of unknown or small size gets an ordinary block, a larger one a block in which it fits whole") {
  const MemoryQuota memory(1 << 30);
  CHECK(expected_block_bytes(0, memory) == net::BlockBytes);
  CHECK(expected_block_bytes(300, memory) == net::BlockBytes);
  CHECK(expected_block_bytes(16 * KiB + 300, memory) == 16 * KiB + 300);
  CHECK(expected_block_bytes(200 * KiB, memory) == 200 * KiB);
}

TEST_CASE("no block larger than those that are kept for reuse is taken before its bytes are there") {
  const MemoryQuota memory(1 << 30);
  CHECK(expected_block_bytes(4'000'000, memory) == Session::ExpectedBytesMax);
}

TEST_CASE("half of the memory quota is out of reach of blocks that are only expected to be filled") {
  MemoryQuota memory(1024 * KiB);
  MemoryQuota::Share held;
  REQUIRE(memory.grow(held, 512 * KiB - 100 * KiB));
  CHECK(expected_block_bytes(100 * KiB, memory) == 100 * KiB);
  CHECK(expected_block_bytes(100 * KiB + 1, memory) == net::BlockBytes);
  const MemoryQuota none(0);
  CHECK(expected_block_bytes(100 * KiB, none) == net::BlockBytes);
}

TEST_CASE("an idle session takes less than 1 KiB") { CHECK(sizeof(Session) + sizeof(net::SocketState) < 512); }

// Its coroutine frames come on top: about half a KiB in an optimised build. Together they have to stay below 4 KiB (`./dev bench proxy --only memory`),
// because streams last minutes and a gateway holds thousands.
TEST_CASE("a request that is being answered takes less than 2 KiB beside its frames and the bytes that are passing") {
  CHECK(sizeof(Exchange) + sizeof(Session) + 2 * sizeof(net::SocketState) < 2048);
}

}  // namespace
}  // namespace evener::gateway
