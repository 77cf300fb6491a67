#pragma once
// How made-up load is written: a name, then what is to be other than it is under that name, such as sessions:turns=5,think=20s,rate=2.

#include <string>
#include <string_view>
#include <vector>

#include "evener/core/result.h"
#include "evener/lab/made_load.h"

namespace evener::cli {

/// Unknown names and keys are refused with a list of those that there are, values with what they should look like.
[[nodiscard]] Result<lab::MadeLoad> read_load_spec(std::string_view text);

struct LoadKey {
  std::string_view key, form, meaning;
};
/// Of the keys that this kind of load has.
[[nodiscard]] std::vector<LoadKey> load_keys(const lab::MadeLoad& load);

}  // namespace evener::cli
