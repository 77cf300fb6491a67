#pragma once
// Result<T>: an outcome that the caller has to look at. Error says what went wrong, whose fault it is, and whether a retry may help.

#include <cstdint>
#include <string>
#include <tl/expected.hpp>

namespace evener {

enum class Fault : std::uint8_t { Client, Us, Endpoint };
enum class MayRetry : std::uint8_t { No, Yes };

struct Error {
  std::string message;  // thing, value, limit, what to do
  Fault fault = Fault::Us;
  MayRetry may_retry = MayRetry::No;
};

template <class T, class E = Error>
using Result = tl::expected<T, E>;

inline tl::unexpected<Error> fail(std::string message, Fault fault = Fault::Us, MayRetry may_retry = MayRetry::No) {
  return tl::unexpected<Error>(Error{.message = std::move(message), .fault = fault, .may_retry = may_retry});
}

}  // namespace evener
