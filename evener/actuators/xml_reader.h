#pragma once
// The XML that AWS answers with, as a tree of elements: names, texts, children. Attributes are passed over, and everything that makes XML dangerous is refused:
// document types, entities other than the five of the standard, depth and size beyond limits.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace evener::actuators {

inline constexpr std::size_t XmlDepthMax = 32;
inline constexpr std::size_t XmlElementsMax = 200'000;

struct XmlElement {
  std::string name;
  std::string text;  // its own, without blanks around it
  std::vector<XmlElement> children;

  /// The first child with this name.
  [[nodiscard]] const XmlElement* child(std::string_view wanted) const;
  /// The text of the first child with this name; empty if there is none.
  [[nodiscard]] std::string_view text_of(std::string_view wanted) const;
  /// Down the names; nullptr where one is missing.
  [[nodiscard]] const XmlElement* at(std::initializer_list<std::string_view> path) const;
};

/// The root element. Nothing if the text is not the XML described above.
[[nodiscard]] std::optional<XmlElement> read_xml(std::string_view text);

}  // namespace evener::actuators
