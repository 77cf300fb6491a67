#pragma once
// The client's three ways of loading a proxy. Each prints one JSON object and returns the exit status: 0 only when nothing went wrong.

#include "bench/proxy/arguments.h"

namespace proxy_bench {

/// Closed loop: every connection sends its next request as soon as the answer to the last one is there.
int load_requests(const Arguments& arguments);

/// Concurrent streams of server-sent events: delay per chunk, reads per chunk, and the bytes checked against the backend's hash.
int load_streams(const Arguments& arguments);

/// Connections that do nothing, fresh or after one request, for the measurement of memory.
int hold_connections(const Arguments& arguments);

}  // namespace proxy_bench
