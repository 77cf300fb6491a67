#include "evener/cli/demo/token_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "evener/gateway/admin_token.h"

namespace evener::cli::demo {
namespace {

TEST_CASE("a token is one that the gateway takes, only its owner can read it, and it goes with its object") {
  std::string path;
  {
    const auto one = TokenFile::make(), other = TokenFile::make();
    REQUIRE(one);
    REQUIRE(other);
    path = one->path();
    struct stat file{};
    REQUIRE(::stat(path.c_str(), &file) == 0);
    CHECK((file.st_mode & 0777) == 0600);
    const auto token = gateway::read_admin_token(path), second = gateway::read_admin_token(other->path());
    REQUIRE(token);
    REQUIRE(second);
    CHECK(token->size() == 64);
    CHECK(*token != *second);
  }
  struct stat file{};
  CHECK(::stat(path.c_str(), &file) != 0);
  CHECK(::stat(path.substr(0, path.rfind('/')).c_str(), &file) != 0);
}

}  // namespace
}  // namespace evener::cli::demo
