#pragma once
// Lines of CSV as RFC 4180 has them, written to a file as they come.

#include <fstream>
#include <string>
#include <string_view>

#include "evener/core/result.h"

namespace evener::cli::pages {

/// In quotes where it needs them.
[[nodiscard]] std::string csv_field(std::string_view text);

/// Not thread-safe. Replaces the file.
class CsvFile {
 public:
  [[nodiscard]] static Result<CsvFile> create(std::string path, std::string_view head);
  /// Whole lines, each with its end.
  void add(std::string_view lines) { out_ << lines; }
  /// Whether all of it was written.
  [[nodiscard]] Result<void> close();

 private:
  CsvFile(std::string path, std::ofstream out) : path_(std::move(path)), out_(std::move(out)) {}
  std::string path_;
  std::ofstream out_;
};

}  // namespace evener::cli::pages
