#pragma once
// Lines of CSV as RFC 4180 has them, written as they come to a file beside the one that is wanted, which they replace when all are there.

#include <fstream>
#include <string>
#include <string_view>

#include "evener/core/result.h"

namespace evener::cli::pages {

/// In quotes where it needs them.
[[nodiscard]] std::string csv_field(std::string_view text);

/// Not thread-safe. One that is not closed leaves what was at its path as it was.
class CsvFile {
 public:
  [[nodiscard]] static Result<CsvFile> create(std::string path, std::string_view head);
  CsvFile(CsvFile&&) = default;
  CsvFile& operator=(CsvFile&&) = delete;
  ~CsvFile();
  /// Whole lines, each with its end.
  void add(std::string_view lines) { out_ << lines; }
  /// Replaces the file, if all was written.
  [[nodiscard]] Result<void> close();

 private:
  CsvFile(std::string path, std::ofstream out) : path_(std::move(path)), out_(std::move(out)) {}
  static std::string unfinished(const std::string& path) { return path + ".unfinished"; }
  std::string path_;
  std::ofstream out_;
};

}  // namespace evener::cli::pages
