#pragma once
// Load size: how much a made-up load can come to, known before it is made, so that what would fill the memory or never end is refused instead.

#include "evener/core/result.h"
#include "evener/lab/made_load.h"

namespace evener::lab {

/// Of one run. A request takes some 250 bytes while it is simulated, a block of a prompt 8.
inline constexpr double MadeRequestsMax = 20e6;
inline constexpr double MadeBlocksMax = 1U << 28;
/// Bursts that begin or end, and steps of days.
inline constexpr double RateChangesMax = 10e6;
/// All stages together.
inline constexpr double MadeSecondsMax = 366.0 * 86'400;

/// The greatest factor of its rates at which a load keeps within these limits, even if it came at its highest rate all the time. Refused when no factor
/// helps: the time is too long, its rate changes too often, or its shared prompts are too many.
[[nodiscard]] Result<double> load_factor_max(const MadeLoad& load);

}  // namespace evener::lab
