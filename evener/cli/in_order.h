#pragma once
// Work spread over threads whose results are taken in order, so that what is written does not depend on who was faster.

#include <cstddef>
#include <functional>
#include <stop_token>

namespace evener::cli {

/// Calls work(i) for every i below `count`, on up to `threads` threads at once, and on this thread done(i), in order of i, each when work(i) has
/// ended. No thread works further ahead of done() than AheadMax times the threads, so that results do not pile up. After a stop was asked
/// for, nothing more begins. How many were done. `threads` at least 1; `work` is called from several threads at once.
inline constexpr std::size_t AheadMax = 4;
std::size_t run_in_order(std::size_t count, unsigned threads, const std::function<void(std::size_t)>& work,
                         const std::function<void(std::size_t)>& done, const std::stop_token& stop = {});

}  // namespace evener::cli
