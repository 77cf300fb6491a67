#pragma once
// Tokens for Google's APIs: with the key of a service account, if there is one, else from the metadata of the machine that this process runs on.
// https://developers.google.com/identity/protocols/oauth2/service-account, https://cloud.google.com/compute/docs/access/authenticate-workloads

#include <string>

#include "evener/actuators/bearer_login.h"
#include "evener/actuators/cloud_world.h"

namespace evener::actuators {

inline constexpr std::size_t GoogleKeyBytesMax = 64U << 10;
inline constexpr std::string_view GoogleScope = "https://www.googleapis.com/auth/compute";

/// The JSON file of a service account's key.
struct GoogleKey {
  std::string email, key_id, token_url;
  Secret private_key;  // PEM
};
[[nodiscard]] Result<GoogleKey> read_google_key(const std::string& json);

/// `key_file` empty: GOOGLE_APPLICATION_CREDENTIALS, else the metadata server, which GCE_METADATA_HOST may name.
[[nodiscard]] FetchToken google_login(CloudWorld world, std::string key_file);

}  // namespace evener::actuators
