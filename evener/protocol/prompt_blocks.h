#pragma once
// Chained hashes of a prompt's blocks. Two prompts whose n-th hashes are equal began with the same n blocks, so an engine that has computed one
// of them holds the keys and values of that much of the other. Made of the bytes as the client wrote them, without unescaping; an engine's own
// hashes are of tokens and cannot be had without its tokenizer.
//
// Blocks are of equal size, and only whole ones have a hash: what comes later cannot change them. A prompt of more than BlocksMax blocks is
// known by its beginning; larger blocks for long prompts would match no others.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace evener::protocol {

inline constexpr std::size_t BlocksMax = 1024;
inline constexpr std::size_t BlockBytesMin = 64, BlockBytesMax = 64 * 1024;
/// About 256 tokens of English.
inline constexpr std::size_t BlockBytesDefault = 1024;
/// Bytes of text that an image, a sound or a film stands for, about 800 tokens: engines take 576 to 1,400 for a picture of usual size.
inline constexpr std::size_t MediaBytes = 3072;

/// Where a chain starts. Prompts of different tenants, models or adapters have no hash in common, so that how fast an answer comes tells a
/// tenant nothing about another. `secret` is the operator's; with it nobody can compute another tenant's hashes.
[[nodiscard]] std::uint64_t prompt_salt(std::string_view tenant, std::string_view model, std::string_view adapter, std::uint64_t secret);

/// Takes a prompt piece by piece and appends the hashes of its blocks to a vector. For one thread.
class PromptBlocks {
 public:
  /// `block_bytes` is held within its bounds. `out` must outlive this.
  PromptBlocks(std::uint64_t salt, std::size_t block_bytes, std::vector<std::uint64_t>& out);

  /// Content: hashed where it stands. Where a text begins and ends takes part in the hashes.
  void text(std::string_view text);
  /// Small things between the texts. How they are split over calls does not matter.
  void bytes(std::string_view bytes);

  [[nodiscard]] std::size_t block_bytes() const { return block_bytes_; }

 private:
  void fold(std::string_view piece);
  void flush();
  void end_block();

  /// Shorter pieces are collected: a hash of its own costs more than a copy.
  static constexpr std::size_t PieceMin = 64;

  std::vector<std::uint64_t>& out_;
  std::size_t block_bytes_;
  std::size_t room_;  // left in this block; 0 = there are BlocksMax blocks
  std::uint64_t chain_;
  std::size_t collected_ = 0;
  std::array<char, 256> collection_;  // its first `collected_` bytes
};

}  // namespace evener::protocol
