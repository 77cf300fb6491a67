#pragma once
// What one event of a chat or completions stream brings, and where it stands in the event's data. Leaves out the framing of events: that is
// sse.h. A few hundred nanoseconds for a token's event.

#include <string_view>

namespace evener::protocol {

/// Views point into the data. What is absent, or null, is empty.
struct StreamChunk {
  /// Something that a client waits for: text, reasoning, a tool call, a refusal, an end, an error, the usage at the end; and whatever is not
  /// understood. A role, empty strings and nulls are nothing.
  bool content = true;
  /// A chunk of one choice that holds nothing besides a role, text, an end and usage. Only such an answer can be told by its text.
  bool text_only = false;
  bool finished = false;                       // the choice has a finish_reason
  std::string_view text;                       // delta.content (chat) or text (completions), as written between its quotes
  std::string_view id, created, model, usage;  // the values as written; usage is an object
};

[[nodiscard]] StreamChunk read_stream_chunk(std::string_view data);

}  // namespace evener::protocol
