#pragma once
// Files of the repository that the code writes: a test says when one of them is not what the code would write now, and writes it anew with
// EVENER_UPDATE_GOLDEN=1.

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace evener {

inline void compare_or_update(const std::string& path, std::string_view generated) {
  const char* update = std::getenv("EVENER_UPDATE_GOLDEN");
  if (update != nullptr && std::string_view(update) == "1") std::ofstream(path, std::ios::binary) << generated;
  std::ifstream in(path, std::ios::binary);
  // Not CHECK(a == b): two pages of text side by side help nobody.
  const bool same = std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>()) == generated;
  INFO(path << " differs from what the code writes; run this test with EVENER_UPDATE_GOLDEN=1 to write it anew");
  CHECK(same);
}

}  // namespace evener
