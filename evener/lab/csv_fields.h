#pragma once
// The fields of a line between commas. No quotes: what is read here are numbers and short names.

#include <algorithm>
#include <string_view>
#include <vector>

namespace evener::lab {

/// Empty ones included; borrowed from the line.
inline std::vector<std::string_view> csv_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    fields.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return fields;
}

}  // namespace evener::lab
