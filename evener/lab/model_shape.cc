#include "evener/lab/model_shape.h"

#include <algorithm>
#include <array>

namespace evener::lab {
namespace {

constexpr auto Tied = ModelShape::Embedding::Tied;

// From the config.json that each model is published with.
constexpr std::array Models{
    ModelShape{"llama-3.2-1b", 16, 2048, 32, 64, 8, 8192, 128'256, 0, 0, Tied},
    ModelShape{"llama-3.2-3b", 28, 3072, 24, 128, 8, 8192, 128'256, 0, 0, Tied},
    ModelShape{"llama-3-8b", 32, 4096, 32, 128, 8, 14'336, 128'256},
    ModelShape{"llama-3-70b", 80, 8192, 64, 128, 8, 28'672, 128'256},
    ModelShape{"llama-3-405b", 126, 16'384, 128, 128, 8, 53'248, 128'256},
    ModelShape{"llama-2-7b", 32, 4096, 32, 128, 32, 11'008, 32'000},
    ModelShape{"llama-2-70b", 80, 8192, 64, 128, 8, 28'672, 32'000},
    ModelShape{"mistral-7b", 32, 4096, 32, 128, 8, 14'336, 32'768},
    ModelShape{"mixtral-8x7b", 32, 4096, 32, 128, 8, 14'336, 32'000, 8, 2},
    ModelShape{"qwen2.5-7b", 28, 3584, 28, 128, 4, 18'944, 152'064},
    ModelShape{"qwen3-8b", 36, 4096, 32, 128, 8, 12'288, 151'936},
    ModelShape{"qwen3-14b", 40, 5120, 40, 128, 8, 17'408, 151'936},
    ModelShape{"qwen3-32b", 64, 5120, 64, 128, 8, 25'600, 151'936},
    ModelShape{"qwen3-30b-a3b", 48, 2048, 32, 128, 4, 768, 151'936, 128, 8},
    ModelShape{"gpt-oss-20b", 24, 2880, 64, 64, 8, 2880, 201'088, 32, 4},
    ModelShape{"gpt-oss-120b", 36, 2880, 64, 64, 8, 2880, 201'088, 128, 4},
};

}  // namespace

std::span<const ModelShape> known_models() { return Models; }

const ModelShape* find_model(std::string_view name) {
  const auto found = std::find_if(Models.begin(), Models.end(), [&](const ModelShape& model) { return model.name == name; });
  return found == Models.end() ? nullptr : &*found;
}

}  // namespace evener::lab
