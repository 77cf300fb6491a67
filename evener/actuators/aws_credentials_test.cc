#include "evener/actuators/aws_credentials.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "evener/actuators/testing/fake_world.h"

namespace evener::actuators {
namespace {

using testing::FakeWorld;
using testing::header_of;

const std::string SharedFile = R"(# keys
[default]
aws_access_key_id = AKDEFAULT
aws_secret_access_key=default/secret+=
[ session ]
aws_access_key_id = AKSESSION
aws_secret_access_key = session-secret
aws_session_token = token==
[half]
aws_access_key_id = AKHALF
)";

std::string keys_json(const std::string& id, const std::string& expires) {
  return R"({"Code":"Success","AccessKeyId":")" + id + R"(","SecretAccessKey":"s","Token":"t","Expiration":")" + expires + R"("})";
}

TEST_CASE("a profile of the shared file has keys and perhaps a session") {
  const auto plain = read_aws_profile(SharedFile, "default");
  REQUIRE(plain.has_value());
  CHECK(plain->access_key_id == "AKDEFAULT");
  CHECK(plain->secret_access_key.reveal() == "default/secret+=");
  CHECK(plain->session_token.empty());
  CHECK(read_aws_profile(SharedFile, "session")->session_token.reveal() == "token==");
  CHECK(!read_aws_profile(SharedFile, "half"));
  CHECK(!read_aws_profile(SharedFile, "absent"));
  CHECK(!read_aws_profile("", "default"));
}

TEST_CASE("the environment comes first, then the shared file") {
  std::string path = (std::filesystem::temp_directory_path() / "evener-aws-XXXXXX").string();
  REQUIRE(::mkstemp(path.data()) >= 0);
  std::ofstream(path) << SharedFile;
  FakeWorld world;
  auto& variables = *world.variables;
  variables["AWS_SHARED_CREDENTIALS_FILE"] = path;
  CHECK(AwsLogin(world.world()).credentials()->access_key_id == "AKDEFAULT");
  variables["AWS_PROFILE"] = "session";
  CHECK(AwsLogin(world.world()).credentials()->access_key_id == "AKSESSION");
  variables["AWS_PROFILE"] = "half";
  const auto none = AwsLogin(world.world()).credentials();
  REQUIRE(!none.has_value());
  CHECK(none.error().message == "AWS: " + path + " has no keys of profile half");
  variables["AWS_ACCESS_KEY_ID"] = "AKENV";
  variables["AWS_SECRET_ACCESS_KEY"] = "s";
  CHECK(AwsLogin(world.world()).credentials()->access_key_id == "AKENV");
  CHECK(world.api.calls().empty());
  std::filesystem::remove(path);
}

TEST_CASE("a container is told its keys, with the token that it was given for that") {
  FakeWorld world;
  (*world.variables)["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = "/v2/credentials/1";
  world.api.then(200, keys_json("AKTASK", "2015-08-30T18:00:00Z"));
  CHECK(AwsLogin(world.world()).credentials()->access_key_id == "AKTASK");
  CHECK(world.api.calls()[0].url == "http://169.254.170.2/v2/credentials/1");
  world.variables->clear();
  (*world.variables)["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://169.254.170.23/v1/credentials";
  (*world.variables)["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = "pod-token";
  world.api.then(200, keys_json("AKPOD", "2015-08-30T18:00:00Z"));
  CHECK(AwsLogin(world.world()).credentials()->access_key_id == "AKPOD");
  CHECK(header_of(world.api.calls()[1], "Authorization") == "pod-token");
}

TEST_CASE("an instance is asked in a session, as IMDSv2 wants it, and again shortly before its keys end") {
  FakeWorld world;
  (*world.variables)["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1338/";
  AwsLogin login(world.world());
  const auto answers = [&](const std::string& id, const std::string& expires) {
    world.api.then(200, "session-token");
    world.api.then(200, "the-role\n");
    world.api.then(200, keys_json(id, expires));
  };
  answers("AKFIRST", "2015-08-30T12:46:00Z");
  const auto first = login.credentials();
  REQUIRE(first.has_value());
  CHECK(first->session_token.reveal() == "t");
  REQUIRE(world.api.calls().size() == 3);
  CHECK(world.api.calls()[0].method == "PUT");
  CHECK(world.api.calls()[0].url == "http://127.0.0.1:1338/latest/api/token");
  CHECK(header_of(world.api.calls()[1], "X-aws-ec2-metadata-token") == "session-token");
  CHECK(world.api.calls()[2].url.ends_with("/security-credentials/the-role"));
  CHECK(login.credentials()->access_key_id == "AKFIRST");
  CHECK(world.api.calls().size() == 3);
  const std::int64_t before = FakeWorld::now_s;
  FakeWorld::now_s += 301;
  answers("AKSECOND", "2015-08-30T18:46:00Z");
  CHECK(login.credentials()->access_key_id == "AKSECOND");
  FakeWorld::now_s = before;
}

TEST_CASE("where nobody tells keys, or tells nonsense, it is said") {
  FakeWorld world;
  (*world.variables)["AWS_EC2_METADATA_DISABLED"] = "true";
  const auto none = AwsLogin(world.world()).credentials();
  REQUIRE(!none.has_value());
  CHECK(none.error().may_retry == MayRetry::No);
  CHECK(none.error().message.find("AWS_ACCESS_KEY_ID") != std::string::npos);
  world.variables->clear();
  CHECK(AwsLogin(world.world()).credentials().error().may_retry == MayRetry::Yes);  // nobody is there
  world.api.then(200, "session-token");
  world.api.then(404, "");
  CHECK(!AwsLogin(world.world()).credentials().has_value());
  world.api.then(200, "session-token");
  world.api.then(200, "the-role");
  world.api.then(200, R"({"Code":"Success"})");
  CHECK(!AwsLogin(world.world()).credentials().has_value());
}

}  // namespace
}  // namespace evener::actuators
