#include "evener/cli/pages/csv.h"

#include <cstdio>

namespace evener::cli::pages {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char character : text) {
    out += character;
    if (character == '"') out += character;
  }
  return out + "\"";
}

Result<CsvFile> CsvFile::create(std::string path, std::string_view head) {
  std::ofstream out(unfinished(path), std::ios::binary);
  out << head << "\n";
  if (!out) return fail("cannot write " + path, Fault::Client);
  return CsvFile(std::move(path), std::move(out));
}

CsvFile::~CsvFile() {
  if (!out_.is_open()) return;  // closed, or moved away
  out_.close();
  std::remove(unfinished(path_).c_str());
}

Result<void> CsvFile::close() {
  out_.close();
  if (out_ && std::rename(unfinished(path_).c_str(), path_.c_str()) == 0) return {};
  std::remove(unfinished(path_).c_str());
  return fail("could not write all of " + path_);
}

}  // namespace evener::cli::pages
