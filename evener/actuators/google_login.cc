#include "evener/actuators/google_login.h"

#include "evener/actuators/json_answer.h"
#include "evener/actuators/jwt.h"
#include "evener/actuators/percent.h"
#include "evener/base/files.h"
#include "evener/base/json_writer.h"

namespace evener::actuators {
namespace {

constexpr std::int64_t AssertionLastsS = 3600;  // as long as Google takes one for

ActuatorError no_login(const std::string& message) {
  return {.message = "Google: " + message, .may_retry = MayRetry::No, .retry_after = {}};
}

Result<BearerToken, ActuatorError> from_metadata(const CloudWorld& world) {
  std::string host = world.variable("GCE_METADATA_HOST");
  if (host.empty()) host = "metadata.google.internal";
  return ask_for_token(world, "Google: token of the machine",
                       {.url = "http://" + host + "/computeMetadata/v1/instance/service-accounts/default/token",
                        .headers = {{"Metadata-Flavor", Secret("Google")}}});
}

Result<BearerToken, ActuatorError> from_key(const CloudWorld& world, const std::string& file) {
  const auto text = read_file(file, GoogleKeyBytesMax);
  if (!text) return tl::unexpected(no_login(text.error().message));
  const auto key = read_google_key(*text);
  if (!key) return tl::unexpected(no_login(file + ": " + key.error().message));
  std::string header, claims;
  JsonWriter(header).begin_object().member("alg", "RS256").member("typ", "JWT").member("kid", key->key_id).end_object();
  JsonWriter(claims)
      .begin_object()
      .member("iss", key->email)
      .member("scope", GoogleScope)
      .member("aud", key->token_url)
      .member("iat", world.wall_s())
      .member("exp", world.wall_s() + AssertionLastsS)
      .end_object();
  const auto assertion = sign_jwt(header, claims, key->private_key);
  if (!assertion) return tl::unexpected(no_login(file + ": " + assertion.error().message));
  return ask_for_token(
      world, "Google: token for " + key->email,
      {.method = "POST",
       .url = key->token_url,
       .headers = {{"Content-Type", Secret("application/x-www-form-urlencoded")}},
       .body = query_text({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {"assertion", assertion->reveal()}})});
}

}  // namespace

Result<GoogleKey> read_google_key(const std::string& json) {
  const auto object = json_object(json);
  if (!object) return fail("no JSON object");
  const std::string type = text_at(*object, {"type"});
  if (type != "service_account") return fail("its type is \"" + type.substr(0, 40) + "\"; only the key of a service_account is read");
  GoogleKey key{.email = text_at(*object, {"client_email"}),
                .key_id = text_at(*object, {"private_key_id"}),
                .token_url = text_at(*object, {"token_uri"}),
                .private_key = Secret(text_at(*object, {"private_key"}))};
  if (key.token_url.empty()) key.token_url = "https://oauth2.googleapis.com/token";
  if (key.email.empty() || key.private_key.empty()) return fail("client_email or private_key is missing");
  return key;
}

FetchToken google_login(CloudWorld world, std::string key_file) {
  return [world = std::move(world), key_file = std::move(key_file)] {
    const std::string file = key_file.empty() ? world.variable("GOOGLE_APPLICATION_CREDENTIALS") : key_file;
    return file.empty() ? from_metadata(world) : from_key(world, file);
  };
}

}  // namespace evener::actuators
