// Any bytes as a batch of KV events: what is read stays within its bounds, and reads the same after it was written in either form. The
// reader of msgpack is walked over the same bytes by itself.

#include <cstdint>
#include <string_view>

#include "evener/protocol/kv_events.h"
#include "evener/protocol/msgpack.h"
#include "evener/protocol/testing.h"

using namespace evener::protocol;
using testing::require;

namespace {

void walk(std::string_view bytes) {
  MsgpackReader reader(bytes);
  while (reader.skip()) {}
  const std::size_t left = reader.left();
  require(left <= bytes.size());
  require(!reader.skip() && reader.left() == left);
}

void check(const KvBatch& batch) {
  std::size_t blocks = 0, tokens = 0;
  for (const KvEvent& event : batch.events) {
    blocks += event.blocks.size();
    tokens += event.tokens.size();
    require(event.tokens.empty() || event.tokens.size() == event.blocks.size() * event.block_tokens);
    require(event.block_tokens <= KvBlockTokensMax);
  }
  require(blocks <= KvBlocksMax && tokens <= KvTokensMax && batch.events.size() <= KvEventsMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  walk(bytes);
  const auto batch = read_kv_batch(bytes);
  if (!batch) return 0;
  check(*batch);
  KvBatch written = *batch;
  written.unknown_events = 0;
  if (!(written.published_at_s == written.published_at_s)) written.published_at_s = 0;  // NaN is equal to nothing
  for (const KvEncoding encoding : {KvEncoding::Arrays, KvEncoding::Maps}) {
    const auto again = read_kv_batch(write_kv_batch(written, encoding));
    require(again.has_value() && *again == written);
  }
  return 0;
}
