#pragma once
// The shape of a language model, as its published configuration has it: enough to count parameters, multiplications and bytes of KV cache.
// Transformers with grouped-query attention and gated feed-forward layers, dense or with experts; leaves out compressed KV (MLA), sliding
// windows and vision towers.

#include <cstdint>
#include <span>
#include <string_view>

namespace evener::lab {

struct ModelShape {
  std::string_view name;
  double layers = 0, width = 0;  // width: of the residual stream
  double heads = 0, head_width = 0, kv_heads = 0;
  double feed_forward_width = 0;  // of one expert, where there are experts
  double vocabulary = 0;
  double experts = 0, experts_active = 0;                                                  // 0 = dense
  enum class Embedding : std::uint8_t { Separate, Tied } embedding = Embedding::Separate;  // tied: the output layer is the embedding

  [[nodiscard]] double attention_parameters() const { return layers * width * head_width * 2 * (heads + kv_heads); }
  /// Of one expert in all layers, or of a dense model's feed-forward layers.
  [[nodiscard]] double feed_forward_parameters() const { return layers * 3 * width * feed_forward_width; }
  [[nodiscard]] double output_layer_parameters() const { return width * vocabulary; }
  [[nodiscard]] double layer_parameters() const { return attention_parameters() + feed_forward_parameters() * (experts > 0 ? experts : 1); }
  [[nodiscard]] double parameters() const {
    return layer_parameters() + output_layer_parameters() * (embedding == Embedding::Tied ? 1 : 2);
  }
  /// Keys and values in 16 bits.
  [[nodiscard]] double kv_bytes_per_token() const { return 2 * layers * kv_heads * head_width * 2; }
};

[[nodiscard]] std::span<const ModelShape> known_models();
/// Null when there is none with this name.
[[nodiscard]] const ModelShape* find_model(std::string_view name);

}  // namespace evener::lab
