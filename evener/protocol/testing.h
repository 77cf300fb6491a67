#pragma once
// For the fuzzers of this folder.

#include <cstdlib>

namespace evener::protocol::testing {

inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace evener::protocol::testing
