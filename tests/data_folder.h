#pragma once
// Public traces and measurements that are not part of the repository. EVENER_DATA names their folder; a checkout beside a folder
// shared/data is found too. A test that needs a file says so and passes when it is absent: a fresh clone has none of them.

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace evener {

inline std::optional<std::string> read_data_file(const std::string& name) {
  const char* named = std::getenv("EVENER_DATA");
  const std::filesystem::path path = std::filesystem::path(named != nullptr ? named : "../shared/data") / name;
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    MESSAGE("skipped: no ", path.string(), " (EVENER_DATA names the folder with the public data)");
    return std::nullopt;
  }
  return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
}

}  // namespace evener
