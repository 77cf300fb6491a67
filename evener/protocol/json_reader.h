#pragma once
// Where the top-level values of a JSON object are, and that the text around them is well-formed, so that we and the engine behind us agree on
// them. simdjson's first stage finds the structure (and checks UTF-8, control characters and unclosed strings); a flat walk over it, without
// recursion or copies, checks the grammar. Reads nothing behind the text.
//
// Checked: everything but escape sequences in strings that nobody reads. They cannot move a value (a backslash always takes one character with
// it), and checking them would cost as much as the rest.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evener::protocol {

inline constexpr std::size_t JsonDepthMax = 1024;
inline constexpr std::size_t JsonMembersMax = 256;         // of one object that is looked into
inline constexpr std::size_t JsonTextBytesMax = 1U << 30;  // the structure is kept in 32-bit offsets
/// Index memory that a reader keeps from one text to the next (4 bytes per byte of text); more is given back after use.
inline constexpr std::size_t JsonIndexBytesKept = 1U << 20;

enum class JsonKind : std::uint8_t { Object, Array, String, Number, True, False, Null };

struct JsonValue {
  JsonKind kind = JsonKind::Null;
  std::string_view text;       // exactly its bytes, quotes and brackets included
  std::uint32_t position = 0;  // in the structure; of no use to callers
};
struct JsonMember {
  std::string_view key;  // as written between the quotes, perhaps with escapes
  JsonValue value;
};

struct JsonError {
  const char* what = "";   // static
  std::size_t offset = 0;  // in the text
};

/// Whether numbers and literals are checked. What an engine wrote is trusted that far.
enum class JsonCheck : std::uint8_t { Everything, Structure };

/// One text at a time. Not safe for several threads; take this thread's own with thread_json_reader().
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Reads an object. Results point into `text` and stay valid until the next call. O(size of text).
  [[nodiscard]] std::optional<JsonError> read(std::string_view text, JsonCheck check);
  /// Members of the object, in the order of the text, duplicates included.
  [[nodiscard]] std::span<const JsonMember> members() const { return members_; }
  /// Members of an object inside of the one read. False if it is no object or has more than JsonMembersMax members.
  [[nodiscard]] bool members_of(const JsonValue& object, std::vector<JsonMember>& out) const;
  /// Elements of an array inside of the object read; none if it is no array. Small arrays only: it copies what it finds.
  [[nodiscard]] std::vector<JsonValue> elements_of(const JsonValue& array) const;
  /// The first member of a nested object with this key (written without escapes).
  [[nodiscard]] std::optional<JsonValue> find_in(const JsonValue& object, std::string_view key) const;
  /// Gives back what a huge text made it allocate. Values of the last text are invalid afterwards.
  void trim();
  [[nodiscard]] std::size_t index_bytes() const;

 private:
  struct Index;  // keeps simdjson out of this header

  template <JsonCheck Check>
  std::optional<JsonError> walk();
  [[nodiscard]] bool reserve(std::size_t bytes);
  [[nodiscard]] JsonValue value_at(std::uint32_t first, std::uint32_t last) const;
  [[nodiscard]] std::uint32_t after_value(std::uint32_t first) const;

  std::unique_ptr<Index> index_;
  std::string_view text_;
  std::vector<JsonMember> members_;
  std::array<std::uint64_t, JsonDepthMax / 64 + 1> is_array_{};
};

[[nodiscard]] JsonReader& thread_json_reader();

/// First member with this key; keys with escapes are compared unescaped.
[[nodiscard]] const JsonMember* find_member(std::span<const JsonMember> members, std::string_view key);

/// Appends the string that `raw` (without its quotes) stands for. False for bad escapes and lone surrogates; `out` is then unspecified.
[[nodiscard]] bool unescape_json(std::string_view raw, std::string& out);

/// Non-negative decimal integer without sign, fraction or exponent; nothing where the number is of another form or beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> to_unsigned(const JsonValue& value);

}  // namespace evener::protocol
