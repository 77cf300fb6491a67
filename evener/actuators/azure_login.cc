#include "evener/actuators/azure_login.h"

#include "evener/actuators/percent.h"
#include "evener/base/files.h"

namespace evener::actuators {
namespace {

std::string own_or(const std::string& own, const CloudWorld& world, const std::string& variable) {
  return own.empty() ? world.variable(variable) : own;
}

Result<BearerToken, ActuatorError> from_metadata(const CloudWorld& world, const AzureIdentity& identity, const std::string& resource) {
  Parameters query = {{"api-version", "2018-02-01"}, {"resource", resource + "/"}};
  if (!identity.client.empty()) query.emplace_back("client_id", identity.client);
  return ask_for_token(
      world, "Azure: token of the machine",
      {.url = identity.metadata_url + "/metadata/identity/oauth2/token?" + query_text(query), .headers = {{"Metadata", Secret("true")}}});
}

Result<BearerToken, ActuatorError> from_secret(const CloudWorld& world, const AzureIdentity& identity, const Secret& secret,
                                               const std::string& resource) {
  return ask_for_token(world, "Azure: token for application " + identity.client,
                       {.method = "POST",
                        .url = identity.login_url + "/" + percent_encoded(identity.tenant) + "/oauth2/v2.0/token",
                        .headers = {{"Content-Type", Secret("application/x-www-form-urlencoded")}},
                        .body = query_text({{"grant_type", "client_credentials"},
                                            {"client_id", identity.client},
                                            {"client_secret", secret.reveal()},
                                            {"scope", resource + "/.default"}})});
}

}  // namespace

FetchToken azure_login(CloudWorld world, AzureIdentity identity, std::string resource) {
  return [world = std::move(world), given = std::move(identity), resource = std::move(resource)]() -> Result<BearerToken, ActuatorError> {
    AzureIdentity identity = given;
    Secret secret(world.variable("AZURE_CLIENT_SECRET"));
    if (!identity.secret_file.empty()) {
      auto text = read_file(identity.secret_file, AzureSecretBytesMax);
      if (!text)
        return tl::unexpected(ActuatorError{.message = "Azure: " + text.error().message, .may_retry = MayRetry::No, .retry_after = {}});
      while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
      secret = Secret(std::move(*text));
    }
    if (secret.empty()) return from_metadata(world, identity, resource);
    identity.tenant = own_or(identity.tenant, world, "AZURE_TENANT_ID");
    identity.client = own_or(identity.client, world, "AZURE_CLIENT_ID");
    if (identity.tenant.empty() || identity.client.empty()) {
      return tl::unexpected(
          ActuatorError{.message = "Azure: a client secret needs a tenant and a client (or AZURE_TENANT_ID and AZURE_CLIENT_ID)",
                        .may_retry = MayRetry::No,
                        .retry_after = {}});
    }
    return from_secret(world, identity, secret, resource);
  };
}

}  // namespace evener::actuators
