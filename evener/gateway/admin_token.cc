#include "evener/gateway/admin_token.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace evener::gateway {
namespace {

constexpr std::size_t TokenCharsMin = 16;
constexpr std::size_t TokenFileBytesMax = 4096;
constexpr std::size_t AuthorizationBytesMax = 4096;

bool same(std::string_view a, std::string_view b) { return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0; }

/// A folder that nobody else can write to; empty when there is none.
std::string runtime_folder() {
  for (const char* variable : {"RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"}) {
    if (const char* folder = std::getenv(variable); folder != nullptr && *folder == '/') return folder;
  }
  std::string folder = "/tmp/evener-" + std::to_string(::getuid());
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return {};
  struct stat found {};
  // Somebody else may have made it first, in order to read what we write there.
  if (::lstat(folder.c_str(), &found) != 0 || !S_ISDIR(found.st_mode) || found.st_uid != ::getuid() || (found.st_mode & 077) != 0) return {};
  return folder;
}

}  // namespace

Result<std::string> read_admin_token(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("admin.token_file " + path + ": " + std::strerror(errno), Fault::Client);
  std::array<char, TokenFileBytesMax> bytes{};
  const ssize_t got = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  if (got < 0) return fail("admin.token_file " + path + ": " + std::strerror(errno), Fault::Client);
  std::string_view text(bytes.data(), static_cast<std::size_t>(got));
  constexpr std::string_view blanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) text = {};
  if (!text.empty()) text = text.substr(first, text.find_last_not_of(blanks) - first + 1);
  if (static_cast<std::size_t>(got) == bytes.size() || text.size() < TokenCharsMin || text.find_first_of(blanks) != std::string_view::npos) {
    return fail("admin.token_file " + path + " must hold one token of at least " + std::to_string(TokenCharsMin) +
                    " characters, in less than 4 KiB; make one with: openssl rand -hex 32",
                Fault::Client);
  }
  return std::string(text);
}

std::string made_token_path(std::uint16_t port) {
  const std::string folder = runtime_folder();
  return folder.empty() ? folder : folder + "/admin-" + std::to_string(port) + ".token";
}

Result<MadeToken> make_admin_token(std::uint16_t port) {
  std::array<unsigned char, 32> bits{};
  if (RAND_bytes(bits.data(), static_cast<int>(bits.size())) != 1) return fail("no random bits for the admin token");
  MadeToken made;
  constexpr char digits[] = "0123456789abcdef";
  for (const unsigned char byte : bits) {
    made.token += digits[byte >> 4];
    made.token += digits[byte & 15];
  }
  made.path = made_token_path(port);
  if (made.path.empty()) return fail("no private folder for the admin token; set admin.token_file");
  ::unlink(made.path.c_str());
  const int fd = ::open(made.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const std::string line = made.token + "\n";
  const bool written = fd >= 0 && ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!written) return fail("cannot write the admin token to " + made.path + ": " + std::strerror(error) + "; set admin.token_file");
  return made;
}

bool bearer_is(std::string_view authorization, std::string_view token) {
  constexpr std::string_view scheme = "Bearer ";
  return authorization.starts_with(scheme) && same(authorization.substr(scheme.size()), token);
}

bool basic_password_is(std::string_view authorization, std::string_view token) {
  constexpr std::string_view scheme = "Basic ";
  if (!authorization.starts_with(scheme) || authorization.size() > AuthorizationBytesMax) return false;
  const std::string_view encoded = authorization.substr(scheme.size());
  std::vector<unsigned char> decoded(encoded.size() + 3);
  int length = EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(encoded.data()), static_cast<int>(encoded.size()));
  if (length < 0) return false;
  if (encoded.ends_with("==")) length -= 2;
  else if (encoded.ends_with("=")) length -= 1;
  const std::string_view text(reinterpret_cast<const char*>(decoded.data()), static_cast<std::size_t>(std::max(length, 0)));
  const std::size_t colon = text.find(':');
  return colon != std::string_view::npos && same(text.substr(colon + 1), token);
}

}  // namespace evener::gateway
