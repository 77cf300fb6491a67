#include "evener/base/files.h"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace evener {
namespace {

struct Folder {
  char path[32] = "/tmp/evener-files-XXXXXX";
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const char* name) const { return std::string(path) + "/" + name; }
};

unsigned mode_of(const std::string& path) {
  struct stat info {};
  REQUIRE(::stat(path.c_str(), &info) == 0);
  return info.st_mode & 07777U;
}

TEST_CASE("what was written is read back, and replaced as a whole") {
  const Folder folder;
  const std::string path = folder.file("a");
  REQUIRE(write_file_atomically(path, "first, and longer", 0644).has_value());
  REQUIRE(write_file_atomically(path, std::string_view("sec\0nd", 6), 0644).has_value());
  CHECK(*read_file(path, 100) == std::string("sec\0nd", 6));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path)) ++files;
  CHECK(files == 1);  // nothing temporary stays
}

TEST_CASE("the mode is the one asked for, whatever the umask and the old file's mode") {
  const Folder folder;
  const std::string path = folder.file("secret");
  const mode_t umask = ::umask(0);
  CHECK(write_file_atomically(path, "a", 0644).has_value());
  CHECK(mode_of(path) == 0644);
  ::umask(077);
  CHECK(write_file_atomically(path, "b", 0600).has_value());
  CHECK(mode_of(path) == 0600);
  CHECK(write_file_atomically(path, "c", 0644).has_value());
  CHECK(mode_of(path) == 0644);
  ::umask(umask);
}

TEST_CASE("a file is read up to the limit and refused beyond it") {
  const Folder folder;
  const std::string path = folder.file("a");
  REQUIRE(write_file_atomically(path, std::string(50000, 'x'), 0644).has_value());
  CHECK(read_file(path, 50000)->size() == 50000);
  const auto beyond = read_file(path, 49999);
  REQUIRE(!beyond.has_value());
  CHECK(beyond.error().message == "cannot read " + path + ": it has more than 49999 bytes");
}

TEST_CASE("files that do not tell their size are read too") {
  CHECK(!read_file("/proc/self/status", 1U << 20)->empty());
}

TEST_CASE("errors name the file and the reason, and leave the old file as it was") {
  const Folder folder;
  CHECK(read_file(folder.file("absent"), 10).error().message == "cannot open " + folder.file("absent") + ": No such file or directory");
  CHECK(read_file(folder.path, 10).error().message.find("Is a directory") != std::string::npos);
  CHECK(!write_file_atomically(folder.file("no/such/folder"), "x", 0644).has_value());
  REQUIRE(::mkdir(folder.file("taken").c_str(), 0755) == 0);
  CHECK(!write_file_atomically(folder.file("taken"), "x", 0644).has_value());
  CHECK(std::filesystem::is_directory(folder.file("taken")));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path)) ++files;
  CHECK(files == 1);
}

}  // namespace
}  // namespace evener
