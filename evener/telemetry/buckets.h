#pragma once
// Bucket bounds for histograms. Those of the OpenTelemetry GenAI conventions where they have one, so that dashboards fit.

#include <array>

namespace evener::telemetry {

/// Seconds of whole requests, also of queueing: 0.01 * 2^k.
inline constexpr std::array<double, 14> RequestSecondsBuckets = {0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
/// Seconds to the first token, also to connect.
inline constexpr std::array<double, 16> FirstTokenSecondsBuckets = {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
/// Seconds per output token.
inline constexpr std::array<double, 13> OutputTokenSecondsBuckets = {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5};
/// Tokens of a request: 4^k.
inline constexpr std::array<double, 14> TokenBuckets = {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

}  // namespace evener::telemetry
