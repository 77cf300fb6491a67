#pragma once
// Streams a request's body to an endpoint as it comes from the client: at most one block of it is here at a time. Framing is checked on the
// way, because an endpoint must not take a broken body for a whole one.

#include "evener/gateway/body_pace.h"
#include "evener/gateway/client_request.h"
#include "evener/net/http1/head_text.h"
#include "evener/net/socket.h"

namespace evener::gateway {

/// How long a client may take for the bytes of its body.
[[nodiscard]] BodyPace body_pace(const Config& config);

/// Sends the head and then the body to `connection`. How it ended is in `request`: body_read, or a body_fault, or client_gone; on everything
/// but body_read the connection has been cancelled or has failed.
[[nodiscard]] net::Task<> pump_body(ClientRequest& request, const Config& config, net::Socket& connection, net::http1::HeadText head);

}  // namespace evener::gateway
