#pragma once
// Where the top-level values of a JSON object are, and that the text around them is well-formed, so that we and the engine behind us agree on
// them. One pass over the text, without recursion, an index or copies: strings, which are most of a request, are passed over many bytes at a
// step, and what is between them is checked byte by byte. Reads nothing behind the text.
//
// Checked: everything but escape sequences in strings that nobody reads. They cannot move a value (a backslash always takes one character with
// it), and checking them would cost as much as the rest.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace evener::protocol {

inline constexpr std::size_t JsonDepthMax = 1024;
inline constexpr std::size_t JsonMembersMax = 256;         // of one object that is looked into
inline constexpr std::size_t JsonTextBytesMax = 1U << 30;

enum class JsonKind : std::uint8_t { Object, Array, String, Number, True, False, Null };

struct JsonValue {
  JsonKind kind = JsonKind::Null;
  std::string_view text;  // exactly its bytes, quotes and brackets included
};
struct JsonMember {
  std::string_view key;  // as written between the quotes
  JsonValue value;
  bool key_escaped = false;  // the key has escapes
};

struct JsonError {
  const char* what = "";   // static
  std::size_t offset = 0;  // in the text
};

/// Whether numbers and literals are checked, or any run of printable ASCII is taken for one. What an engine wrote is trusted that far, for
/// some write NaN.
enum class JsonCheck : std::uint8_t { Everything, Structure };

/// One text at a time. Not safe for several threads; take this thread's own with thread_json_reader(), which keeps its memory from text to text.
class JsonReader {
 public:
  JsonReader() = default;
  JsonReader(const JsonReader&) = delete;
  JsonReader& operator=(const JsonReader&) = delete;

  /// Reads an object. Results point into `text` and stay valid until the next call. O(size of text).
  [[nodiscard]] std::optional<JsonError> read(std::string_view text, JsonCheck check);
  /// Members of the object, in the order of the text, duplicates included.
  [[nodiscard]] std::span<const JsonMember> members() const { return members_; }

 private:
  std::vector<JsonMember> members_;  // at most JsonMembersMax
};

[[nodiscard]] JsonReader& thread_json_reader();

// The following take values that a reader has found, and so has checked.

/// Members of an object. False if it is no object or has more than JsonMembersMax members.
[[nodiscard]] bool members_of(const JsonValue& object, std::vector<JsonMember>& out);
/// Elements of an array; none if it is no array. Small arrays only: it copies what it finds.
[[nodiscard]] std::vector<JsonValue> elements_of(const JsonValue& array);
/// The first member of an object with this key; keys with escapes are compared unescaped.
[[nodiscard]] std::optional<JsonValue> find_in(const JsonValue& object, std::string_view key);

/// First member with this key; keys with escapes are compared unescaped.
[[nodiscard]] const JsonMember* find_member(std::span<const JsonMember> members, std::string_view key);

/// Appends the string that `raw` (without its quotes) stands for. False for bad escapes and lone surrogates; `out` is then unspecified.
[[nodiscard]] bool unescape_json(std::string_view raw, std::string& out);

/// Non-negative decimal integer without sign, fraction or exponent; nothing where the number is of another form or beyond 64 bits.
[[nodiscard]] std::optional<std::uint64_t> to_unsigned(const JsonValue& value);

}  // namespace evener::protocol
