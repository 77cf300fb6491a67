#pragma once
// Ids are types of their own, so that f(pool, endpoint) cannot be called backwards. They are never reused within a process.

#include <cstdint>

namespace evener {

enum class PoolId : std::uint32_t {};
enum class EndpointId : std::uint32_t {};

}  // namespace evener
