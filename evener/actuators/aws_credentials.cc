#include "evener/actuators/aws_credentials.h"

#include <algorithm>

#include "evener/actuators/api_error.h"
#include "evener/actuators/json_answer.h"
#include "evener/actuators/rfc3339.h"
#include "evener/base/files.h"

namespace evener::actuators {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// As containers and instances are told them.
std::optional<AwsCredentials> read_json(const std::string& body) {
  const auto answer = json_object(body);
  if (!answer) return std::nullopt;
  AwsCredentials read{.access_key_id = text_at(*answer, {"AccessKeyId"}),
                      .secret_access_key = Secret(text_at(*answer, {"SecretAccessKey"})),
                      .session_token = Secret(text_at(*answer, {"Token"})),
                      .expires_wall_s = read_utc_time(text_at(*answer, {"Expiration"})).value_or(0)};
  if (read.access_key_id.empty() || read.secret_access_key.empty()) return std::nullopt;
  return read;
}

ActuatorError no_login(const std::string& message) { return {.message = "AWS: " + message, .may_retry = MayRetry::No, .retry_after = {}}; }

}  // namespace

std::optional<AwsCredentials> read_aws_profile(std::string_view text, std::string_view profile) {
  AwsCredentials read;
  std::string secret, token;
  bool in_profile = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      in_profile = trimmed(line.substr(1, line.size() - 2)) == profile;
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!in_profile || equals == std::string_view::npos) continue;
    const std::string_view key = trimmed(line.substr(0, equals)), value = trimmed(line.substr(equals + 1));
    if (key == "aws_access_key_id") read.access_key_id = value;
    if (key == "aws_secret_access_key") secret = value;
    if (key == "aws_session_token") token = value;
  }
  if (read.access_key_id.empty() || secret.empty()) return std::nullopt;
  read.secret_access_key = Secret(std::move(secret));
  read.session_token = Secret(std::move(token));
  return read;
}

Result<AwsCredentials, ActuatorError> AwsLogin::credentials() {
  if (known_ && (known_->expires_wall_s == 0 || known_->expires_wall_s - world_.wall_s() > RenewBeforeS)) return *known_;
  for (const auto source : {&AwsLogin::from_environment, &AwsLogin::from_file, &AwsLogin::from_container, &AwsLogin::from_instance}) {
    auto found = (this->*source)();
    if (!found) return tl::unexpected(std::move(found.error()));
    if (!*found) continue;
    known_ = std::move(*found);
    return *known_;
  }
  return tl::unexpected(
      no_login("no credentials in the environment (AWS_ACCESS_KEY_ID), in ~/.aws/credentials, from a container or from the instance"));
}

AwsLogin::Found AwsLogin::from_environment() const {
  AwsCredentials read{.access_key_id = world_.variable("AWS_ACCESS_KEY_ID"),
                      .secret_access_key = Secret(world_.variable("AWS_SECRET_ACCESS_KEY")),
                      .session_token = Secret(world_.variable("AWS_SESSION_TOKEN"))};
  if (read.access_key_id.empty() || read.secret_access_key.empty()) return std::nullopt;
  return read;
}

AwsLogin::Found AwsLogin::from_file() const {
  std::string path = world_.variable("AWS_SHARED_CREDENTIALS_FILE"), profile = world_.variable("AWS_PROFILE");
  const std::string home = world_.variable("HOME");
  const bool is_asked_for = !path.empty() || !profile.empty();
  if (path.empty()) path = home + "/.aws/credentials";
  if (profile.empty()) profile = "default";
  const auto text = read_file(path, AwsFileBytesMax);
  if (!text && !is_asked_for) return std::nullopt;
  if (!text) return tl::unexpected(no_login(text.error().message));
  auto read = read_aws_profile(*text, profile);
  if (!read && is_asked_for) return tl::unexpected(no_login(path + " has no keys of profile " + profile));
  return read;
}

Result<HttpAnswer, ActuatorError> AwsLogin::ask(const std::string& what, const HttpCall& call) const {
  auto answer = world_.send(call);
  if (!answer) return tl::unexpected(no_answer("AWS: " + what, answer.error()));
  if (!is_success(*answer)) return tl::unexpected(refused("AWS: " + what, *answer, {}, world_.wall_ns));
  return std::move(*answer);
}

AwsLogin::Found AwsLogin::from_container() const {
  const std::string relative = world_.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
                    full = world_.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  if (relative.empty() && full.empty()) return std::nullopt;
  HttpCall call{.url = relative.empty() ? full : "http://169.254.170.2" + relative};
  Secret token(world_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
  if (const std::string file = world_.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !file.empty()) {
    const auto text = read_file(file, AwsFileBytesMax);
    if (!text) return tl::unexpected(no_login(text.error().message));
    token = Secret(std::string(trimmed(*text)));
  }
  if (!token.empty()) call.headers.push_back({"Authorization", token});
  const auto answer = ask("credentials of the container", call);
  if (!answer) return tl::unexpected(answer.error());
  auto read = read_json(answer->body);
  if (!read) return tl::unexpected(not_understood("AWS: credentials of the container", "no keys"));
  return read;
}

AwsLogin::Found AwsLogin::from_instance() const {
  if (world_.variable("AWS_EC2_METADATA_DISABLED") == "true") return std::nullopt;
  std::string base = world_.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty()) base = "http://169.254.169.254";
  while (base.ends_with('/')) base.pop_back();
  const auto session =
      ask("session with the instance's metadata",
          {.method = "PUT", .url = base + "/latest/api/token", .headers = {{"X-aws-ec2-metadata-token-ttl-seconds", Secret("60")}}});
  if (!session) return tl::unexpected(session.error());
  const HttpHeader header{"X-aws-ec2-metadata-token", Secret(session->body)};
  const std::string roles = base + "/latest/meta-data/iam/security-credentials/";
  const auto role = ask("role of the instance", {.url = roles, .headers = {header}});
  if (!role) return tl::unexpected(role.error());
  const auto answer = ask("credentials of the instance", {.url = roles + std::string(trimmed(role->body)), .headers = {header}});
  if (!answer) return tl::unexpected(answer.error());
  auto read = read_json(answer->body);
  if (!read) return tl::unexpected(not_understood("AWS: credentials of the instance", "no keys"));
  return read;
}

}  // namespace evener::actuators
