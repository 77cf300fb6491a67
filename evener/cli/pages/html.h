#pragma once
// HTML that is safe whatever the text: names come from configuration files and recordings.

#include <string>
#include <string_view>
#include <vector>

namespace evener::cli::pages {

/// For text and for values of attributes in double quotes. Control characters, which HTML does not allow, become U+FFFD.
[[nodiscard]] std::string escaped(std::string_view text);

struct Cell {
  std::string text;
  std::string css_class = {};  // one of the page's own
};
struct Table {
  std::string caption;
  std::vector<std::string> head;
  std::vector<std::vector<Cell>> rows;
};
/// Rows beyond so many are left out, and the caption says so.
inline constexpr std::size_t TableRowsMax = 500;
[[nodiscard]] std::string html_of(const Table& table);

/// A page without a script, that asks for nothing from elsewhere and follows the light or dark scheme of its reader.
class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}

  void heading(std::string_view text);
  void paragraph(std::string_view text);
  /// HTML of this module.
  void put(std::string html) { body_ += html; }
  [[nodiscard]] std::string text() const;

 private:
  std::string title_, body_;
};

}  // namespace evener::cli::pages
