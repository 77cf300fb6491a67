#include "evener/lab/hardware.h"

#include <algorithm>
#include <array>

namespace evener::lab {
namespace {

constexpr double GiB = 1024.0 * 1024 * 1024;

// Fitted to the linear operators that Vidur profiled, one set per card for all models and sizes: 4.7, 6.0 and 5.7 % mean error.
constexpr Efficiencies Ampere{.matmul = .66, .weight_read = .80};
constexpr Efficiencies Hopper{.matmul = .62, .weight_read = .95, .attention = .40};
constexpr Efficiencies AmpereGddr{.matmul = .68, .weight_read = .80};
// From the kernel times that LLMServingSim profiled on an RTX 4090 and an RTX PRO 6000. GeForce cards halve the rate of 32-bit sums, so the
// kernels come near what is left of it.
constexpr Efficiencies GeForce{.matmul = .95, .weight_read = .91, .kv_read = .85, .layer_overhead_s = 30e-6};
constexpr Efficiencies GddrWorkstation{.matmul = .66, .weight_read = .89, .layer_overhead_s = 30e-6};
// What is usual where nobody has measured: about 25 % uncertain.
constexpr Efficiencies Usual{};
// Rules of thumb: decoding is bandwidth over weight bytes, prefill reaches 0.3 of the vector units.
constexpr Efficiencies Cpu{.matmul = .30, .weight_read = .95, .layer_overhead_s = 20e-6};

// Rules of thumb. All-reduces of small tensors take some 15 us over NVLink. Over PCIe they take longer and pass through the host's memory, so
// that each byte crosses the bus twice.
constexpr double NvlinkLatency = 15e-6, PcieLatency = 60e-6;
// With 16 lanes of PCIe 3.0, 4.0 and 5.0, one way.
constexpr double Pcie3 = 15.8e9 / 2, Pcie4 = 31.5e9 / 2, Pcie5 = 63e9 / 2;

constexpr std::array Table{
    Hardware{.name = "b200",
             .source = "NVIDIA B200: AIConfigurator's system file; efficiencies of an H100",
             .flops_per_s = 2250e12,
             .bytes_per_s = 7700e9,
             .memory_bytes = 180 * GiB,
             .link_bytes_per_s = 900e9,
             .link_latency_s = NvlinkLatency,
             .efficiencies = Hopper,
             .batch_sequences_max = 1024,
             .batch_tokens_max = 8192},
    Hardware{.name = "h200",
             .source = "NVIDIA H200: AIConfigurator's system file; efficiencies of an H100",
             .flops_per_s = 989e12,
             .bytes_per_s = 4800e9,
             .memory_bytes = 141 * GiB,
             .link_bytes_per_s = 450e9,
             .link_latency_s = NvlinkLatency,
             .efficiencies = Hopper,
             .batch_sequences_max = 1024,
             .batch_tokens_max = 8192},
    Hardware{.name = "h100",
             .source = "NVIDIA H100 SXM: datasheet; efficiencies from Vidur's profiles, KV and attention from cluster runs",
             .flops_per_s = 989e12,
             .bytes_per_s = 3350e9,
             .memory_bytes = 80 * GiB,
             .link_bytes_per_s = 450e9,
             .link_latency_s = NvlinkLatency,
             .efficiencies = Hopper,
             .batch_sequences_max = 1024,
             .batch_tokens_max = 8192},
    Hardware{.name = "a100",
             .source = "NVIDIA A100 SXM 80 GB: datasheet; efficiencies from Vidur's profiles",
             .flops_per_s = 312e12,
             .bytes_per_s = 2039e9,
             .memory_bytes = 80 * GiB,
             .link_bytes_per_s = 300e9,
             .link_latency_s = NvlinkLatency,
             .efficiencies = Ampere},
    Hardware{.name = "a800",
             .source = "NVIDIA A800 SXM 80 GB: an A100 with two thirds of its links",
             .flops_per_s = 312e12,
             .bytes_per_s = 2039e9,
             .memory_bytes = 80 * GiB,
             .link_bytes_per_s = 200e9,
             .link_latency_s = NvlinkLatency,
             .efficiencies = Ampere},
    Hardware{.name = "rtxpro6000",
             .source = "NVIDIA RTX PRO 6000 server: peaks unverified; efficiencies from kernel profiles",
             .flops_per_s = 504e12,
             .bytes_per_s = 1597e9,
             .memory_bytes = 96 * GiB,
             .link_bytes_per_s = Pcie5,
             .link_latency_s = PcieLatency,
             .efficiencies = GddrWorkstation},
    Hardware{.name = "rtx4090",
             .source = "NVIDIA RTX 4090: peaks unverified; efficiencies from kernel profiles",
             .flops_per_s = 165e12,
             .bytes_per_s = 1008e9,
             .memory_bytes = 24 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = GeForce},
    Hardware{.name = "a30",
             .source = "NVIDIA A30: datasheet; usual efficiencies",
             .flops_per_s = 165e12,
             .bytes_per_s = 933e9,
             .memory_bytes = 24 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = Ampere,
             .batch_sequences_max = 128},
    Hardware{.name = "l40s",
             .source = "NVIDIA L40S: datasheet; efficiencies of another GDDR card",
             .flops_per_s = 362e12,
             .bytes_per_s = 864e9,
             .memory_bytes = 45 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = GddrWorkstation},
    Hardware{.name = "a40",
             .source = "NVIDIA A40: peaks unverified; efficiencies from Vidur's profiles",
             .flops_per_s = 149.7e12,
             .bytes_per_s = 696e9,
             .memory_bytes = 48 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = AmpereGddr},
    Hardware{.name = "a10",
             .source = "NVIDIA A10: peaks unverified; usual efficiencies",
             .flops_per_s = 125e12,
             .bytes_per_s = 600e9,
             .memory_bytes = 24 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = Usual,
             .batch_sequences_max = 128},
    Hardware{.name = "t4",
             .source = "NVIDIA T4: peaks unverified (fp16); usual efficiencies",
             .flops_per_s = 65e12,
             .bytes_per_s = 320e9,
             .memory_bytes = 16 * GiB,
             .link_bytes_per_s = Pcie3,
             .link_latency_s = PcieLatency,
             .efficiencies = Usual,
             .batch_sequences_max = 64},
    Hardware{.name = "l4",
             .source = "NVIDIA L4: datasheet; usual efficiencies",
             .flops_per_s = 121e12,
             .bytes_per_s = 300e9,
             .memory_bytes = 24 * GiB,
             .link_bytes_per_s = Pcie4,
             .link_latency_s = PcieLatency,
             .efficiencies = Usual,
             .batch_sequences_max = 128},
    // 96 cores * 2.4 GHz * 32 FLOP per cycle; 12 channels of DDR5-4800.
    Hardware{.name = "cpu-96c",
             .source = "server CPU, 96 cores, 12 channels of DDR5-4800: rules of thumb",
             .kind = Hardware::Kind::Cpu,
             .flops_per_s = 7.4e12,
             .bytes_per_s = 400e9,
             .memory_bytes = 384 * GiB,
             .efficiencies = Cpu,
             .batch_sequences_max = 16,
             .batch_tokens_max = 512},
    // 32 cores * 2.5 GHz * 64 AVX-512 FLOP per cycle (two fused multiply-adds of 16); 8 channels of DDR5 give about 250 GB/s.
    Hardware{.name = "cpu-32c",
             .source = "server CPU, 32 cores with AVX-512, 8 channels of DDR5: rules of thumb",
             .kind = Hardware::Kind::Cpu,
             .flops_per_s = 5.1e12,
             .bytes_per_s = 250e9,
             .memory_bytes = 256 * GiB,
             .efficiencies = Cpu,
             .batch_sequences_max = 8,
             .batch_tokens_max = 512},
    // 8 cores * 2.5 GHz * 32 AVX2 FLOP per cycle; two channels of DDR4-3200 give about 40 GB/s.
    Hardware{.name = "cpu-8c",
             .source = "desktop or edge CPU, 8 cores with AVX2, 2 channels of DDR4-3200: rules of thumb",
             .kind = Hardware::Kind::Cpu,
             .flops_per_s = 0.64e12,
             .bytes_per_s = 40e9,
             .memory_bytes = 32 * GiB,
             .efficiencies = Cpu,
             .batch_sequences_max = 4,
             .batch_tokens_max = 512},
};

}  // namespace

std::span<const Hardware> known_hardware() { return Table; }

const Hardware* find_hardware(std::string_view name) {
  const auto found = std::find_if(Table.begin(), Table.end(), [&](const Hardware& hardware) { return hardware.name == name; });
  return found == Table.end() ? nullptr : &*found;
}

}  // namespace evener::lab
