#pragma once
// Connections are descriptors, and the usual soft limit of 1,024 is kept low only for programs that still use select().

#include <sys/resource.h>

namespace evener::cli {

/// Raises the soft limit of open descriptors to the hard one; where that is not allowed everything goes on with what there is.
inline void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace evener::cli
