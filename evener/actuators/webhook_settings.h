#pragma once
// How a webhook is told how many replicas there should be.

#include <map>
#include <string>

#include "evener/core/time.h"

namespace evener::actuators {

struct WebhookSettings {
  std::string url;
  bool ask = false;         // GET tells what is there
  std::string secret_env;   // environment variable with the key that calls are signed with; empty = they are not
  std::string api_key_env;  // the same for a bearer token
  std::map<std::string, std::string> headers;
  std::string ca_file;  // PEM; empty = the authorities of the system
  Duration timeout = std::chrono::seconds(15);

  bool operator==(const WebhookSettings&) const = default;
};

}  // namespace evener::actuators
