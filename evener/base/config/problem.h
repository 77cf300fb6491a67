#pragma once
// What is wrong with a configuration, where, and what would be right. All problems of a file are reported together, since an operator who
// fixes them one restart at a time is an operator who is kept waiting.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "evener/base/config/node.h"

namespace evener::config {

struct ConfigError {
  std::string file;
  std::uint32_t line = 0;    // from 1; 0 = the value does not come from a file
  std::uint32_t column = 0;  // from 1, in bytes
  std::string path;          // pools[2].endpoints[0].weight; empty = the file as a whole
  std::string message;       // a sentence that begins with the path
  std::string source_line;   // the line of the file, for the caret

  bool operator==(const ConfigError&) const = default;
};

/// evener.yaml:42:7: pools[2].endpoints[0].weight is 0; it must be 0.001..1000
[[nodiscard]] std::string one_line(const ConfigError& error);
/// The same, with the source line and a caret below it.
[[nodiscard]] std::string with_caret(const ConfigError& error);

/// Gathers the problems of one file; keeps the first ErrorsMax and counts the rest.
class Problems {
 public:
  static constexpr std::size_t ErrorsMax = 100;

  Problems(std::string_view file, std::string_view text) : file_(file), text_(text) {}

  void add(Mark mark, const Path& path, std::string message);
  /// True when something at this path was found wrong already: a rule about it would only confuse.
  [[nodiscard]] bool has(const Path& path) const;
  [[nodiscard]] bool empty() const { return errors_.empty(); }
  /// In the order of the file.
  [[nodiscard]] std::vector<ConfigError> take();

 private:
  std::string file_;
  std::string_view text_;
  std::vector<ConfigError> errors_;
  std::size_t more_ = 0;
};

/// The candidate that the word was probably meant to be, or an empty text: few edits away (insert, delete, replace, swap), and unique in that.
[[nodiscard]] std::string_view nearest_word(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace evener::config
