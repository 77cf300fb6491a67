// The load on the proxies that are measured: `client requests|streams|idle --target 127.0.0.1:8080 ...`. One thread, one epoll.

#include <cstdio>

#include "bench/proxy/modes.h"

int main(int argc, char** argv) {
  using namespace proxy_bench;
  const Arguments arguments(argc, argv,
                            {{"target", ""},
                             {"connections", "32"},
                             {"body", "1024"},           // bytes of the request's body
                             {"conversations", "0"},     // requests: so many different chats of that size in turn, instead of one prompt
                             {"warmup-ms", "300"},
                             {"window-ms", "2000"},
                             {"requests", "0"},          // requests: exactly so many, instead of a window of time
                             {"interval-us", "20000"},   // streams: between two chunks of one stream
                             {"hold", "no"},             // streams: say when all are open, then go on until standard input closes
                             {"after-request", "no"},    // idle: one request on each connection first
                             {"cpu-of", ""}});           // process ids whose CPU time over the window is reported
  const std::string mode = arguments.words().size() == 1 ? arguments.words().front() : "";
  if (mode == "requests") {
    return load_requests(arguments);
  }
  if (mode == "streams") {
    return load_streams(arguments);
  }
  if (mode == "idle") {
    return hold_connections(arguments);
  }
  Arguments::fail("usage: client requests|streams|idle --target ADDRESS:PORT [options]");
}
