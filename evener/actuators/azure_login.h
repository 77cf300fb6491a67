#pragma once
// Tokens for Azure's resource manager: with the secret of an application, if there is one, else from the managed identity of the machine that this process runs
// on. https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, .../managed-identities-azure-resources/how-to-use-vm-token

#include <string>

#include "evener/actuators/bearer_login.h"
#include "evener/actuators/cloud_world.h"

namespace evener::actuators {

inline constexpr std::size_t AzureSecretBytesMax = 64U << 10;

struct AzureIdentity {
  std::string tenant, client;  // of an application; without a tenant, `client` chooses one of several managed identities
  std::string secret_file;
  std::string login_url = "https://login.microsoftonline.com";
  std::string metadata_url = "http://169.254.169.254";

  bool operator==(const AzureIdentity&) const = default;
};

/// What is empty in `identity` is taken from AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. `resource` is the API's URL.
[[nodiscard]] FetchToken azure_login(CloudWorld world, AzureIdentity identity, std::string resource);

}  // namespace evener::actuators
