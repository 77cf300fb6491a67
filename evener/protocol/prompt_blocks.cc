#include "evener/protocol/prompt_blocks.h"

#include <algorithm>
#include <cstring>

#include "evener/core/hashing.h"

namespace evener::protocol {

std::uint64_t prompt_salt(std::string_view tenant, std::string_view model, std::string_view adapter, std::uint64_t secret) {
  return hash_combine(hash_combine(hash_combine(secret, hash64(tenant)), hash64(model)), hash64(adapter));
}

PromptBlocks::PromptBlocks(std::uint64_t salt, std::size_t block_bytes, std::vector<std::uint64_t>& out)
    : out_(out), block_bytes_(std::clamp(block_bytes, BlockBytesMin, BlockBytesMax)), room_(block_bytes_), chain_(salt) {
  out_.clear();
}

void PromptBlocks::fold(std::string_view piece) { chain_ = hash_combine(chain_, hash64(piece)); }

void PromptBlocks::flush() {
  if (collected_ == 0) return;
  fold({collection_.data(), collected_});
  collected_ = 0;
}

void PromptBlocks::end_block() {
  flush();
  out_.push_back(chain_);
  room_ = out_.size() < BlocksMax ? block_bytes_ : 0;
}

void PromptBlocks::bytes(std::string_view bytes) {
  while (!bytes.empty() && room_ != 0) {
    const std::size_t size = std::min({bytes.size(), room_, collection_.size() - collected_});
    std::memcpy(collection_.data() + collected_, bytes.data(), size);
    collected_ += size;
    room_ -= size;
    bytes.remove_prefix(size);
    if (collected_ == collection_.size()) flush();
    if (room_ == 0) end_block();
  }
}

void PromptBlocks::text(std::string_view text) {
  while (!text.empty() && room_ != 0) {
    const std::string_view piece = text.substr(0, room_);
    text.remove_prefix(piece.size());
    if (piece.size() < PieceMin) {
      bytes(piece);
      continue;
    }
    flush();
    fold(piece);
    room_ -= piece.size();
    if (room_ == 0) end_block();
  }
}

}  // namespace evener::protocol
