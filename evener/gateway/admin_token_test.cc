#include "evener/gateway/admin_token.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "tests/for_each_seed.h"

namespace evener::gateway {
namespace {

/// A folder of the test's own, removed with all that is in it.
struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "evener-token-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::string with(const std::string& contents) const {
    std::ofstream(path + "/token", std::ios::binary) << contents;
    return path + "/token";
  }
  std::string path;
};

/// Sets or removes an environment variable until the end of the test.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    if (value == nullptr) {
      ::unsetenv(name);
    } else {
      ::setenv(name, value, 1);
    }
  }
  ~Environment() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

const std::string Token = "0123456789abcdef";

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

TEST_CASE("a token is read without the white space around it") {
  const Folder folder;
  for (const std::string& contents : {std::string(Token), Token + "\n", "  \t" + Token + "\r\n\n"}) {
    const auto token = read_admin_token(folder.with(contents));
    REQUIRE(token.has_value());
    CHECK(*token == Token);
  }
}

TEST_CASE("a file that holds no token, a short one, several or too much is refused, and its contents are not told") {
  const Folder folder;
  for (const std::string& contents : {std::string(), std::string(" \n\t"), Token.substr(1), Token + " " + Token, Token + "\n" + Token,
                                      std::string(4096, 'x'), std::string(100'000, 'x')}) {
    CAPTURE(contents.size());
    const std::string path = folder.with(contents);
    const auto token = read_admin_token(path);
    REQUIRE(!token.has_value());
    CHECK(token.error().message.find(path) != std::string::npos);
    CHECK(token.error().message.find("xxxx") == std::string::npos);
    CHECK(token.error().message.find("abcdef") == std::string::npos);
  }
  for (const std::string& path : {folder.path, folder.path + "/absent"}) CHECK(!read_admin_token(path).has_value());
}

TEST_CASE("a made token is new each time, 256 bits long, and readable by this user alone") {
  const Folder folder;
  const Environment none("RUNTIME_DIRECTORY", nullptr);
  const Environment runtime("XDG_RUNTIME_DIR", folder.path.c_str());
  const mode_t before = ::umask(0);
  const auto first = make_admin_token(9900);
  const auto second = make_admin_token(9900);
  const auto other = make_admin_token(9901);
  ::umask(before);
  REQUIRE(first.has_value());
  REQUIRE(second.has_value());
  REQUIRE(other.has_value());
  CHECK(first->token.size() == 64);
  CHECK(first->token.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(first->token != second->token);
  CHECK(first->path == second->path);
  CHECK(first->path != other->path);
  CHECK(first->path.starts_with(folder.path + "/"));
  struct stat found{};
  REQUIRE(::stat(second->path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0600);
  const auto read = read_admin_token(second->path);
  REQUIRE(read.has_value());
  CHECK(*read == second->token);
}

TEST_CASE("systemd's folder comes first, and a relative one is not taken") {
  const Folder systemd;
  const Folder session;
  const Environment runtime("XDG_RUNTIME_DIR", session.path.c_str());
  {
    const Environment first("RUNTIME_DIRECTORY", systemd.path.c_str());
    CHECK(make_admin_token(1)->path.starts_with(systemd.path));
  }
  const Environment relative("RUNTIME_DIRECTORY", "here");
  CHECK(make_admin_token(1)->path.starts_with(session.path));
}

TEST_CASE("a link in the place of the token's file is replaced and not followed") {
  const Folder folder;
  const Environment none("RUNTIME_DIRECTORY", nullptr);
  const Environment runtime("XDG_RUNTIME_DIR", folder.path.c_str());
  const std::string target = folder.with("precious");
  const auto made = make_admin_token(7);
  REQUIRE(made.has_value());
  std::filesystem::remove(made->path);
  std::filesystem::create_symlink(target, made->path);
  CHECK(make_admin_token(7).has_value());
  std::string kept;
  std::ifstream(target) >> kept;
  CHECK(kept == "precious");
}

TEST_CASE("a folder that cannot be written to is an error that says what to set") {
  const Environment none("RUNTIME_DIRECTORY", nullptr);
  const Environment runtime("XDG_RUNTIME_DIR", "/proc/no-such-folder");
  const auto made = make_admin_token(7);
  REQUIRE(!made.has_value());
  CHECK(made.error().message.find("admin.token_file") != std::string::npos);
}

TEST_CASE("the Bearer form carries the token exactly") {
  CHECK(bearer_is("Bearer " + Token, Token));
  for (const std::string& value :
       {std::string(), std::string(Token), std::string("Bearer"), std::string("Bearer "), "Bearer " + Token + "0",
        "Bearer " + Token.substr(1), "Bearer  " + Token, std::string("Bearer 0123456789abcdeF"), "Basic " + Token}) {
    CAPTURE(value);
    CHECK(!bearer_is(value, Token));
  }
}

TEST_CASE("the Basic form carries the token as password, of any user, also with colons in it") {
  for (const char* user : {"", "a", "ab", "admin"}) CHECK(basic_password_is("Basic " + base64(std::string(user) + ":" + Token), Token));
  CHECK(basic_password_is("Basic " + base64("admin:" + Token + ":x"), Token + ":x"));
  for (const std::string& value :
       {std::string(), std::string("Basic "), std::string("Basic ===="), std::string("Basic ="), "Basic " + base64(Token),
        "Basic " + base64(Token + ":"), "Basic " + base64("admin:" + Token + "0"), "Basic " + base64("admin: " + Token),
        "Basic " + base64("admin:" + Token).substr(1), "Basic !!!!" + base64(":" + Token), "Bearer " + base64("admin:" + Token),
        "Basic " + base64(std::string(10'000, 'u') + ":" + Token)}) {
    CAPTURE(value);
    CHECK(!basic_password_is(value, Token));
  }
}

TEST_CASE("no bytes in an Authorization value do harm or pass for the token") {
  for_each_seed(2000, [](Rng& rng) {
    std::string value = rng.below(2) == 0 ? "Basic " : "Bearer ";
    for (std::uint64_t i = rng.below(40); i > 0; --i) value += rng.below(3) == 0 ? "=+/:\n A"[rng.below(7)] : static_cast<char>(rng.next());
    CHECK(!basic_password_is(value, Token));
    CHECK(!bearer_is(value, Token));
  });
}

}  // namespace
}  // namespace evener::gateway
