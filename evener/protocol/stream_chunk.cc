#include "evener/protocol/stream_chunk.h"

#include "evener/protocol/json_cursor.h"
#include "evener/protocol/json_reader.h"

namespace evener::protocol {
namespace {

/// null, and strings, lists and objects with nothing in them.
bool is_empty(std::string_view value) {
  JsonCursor cursor(value);
  if (cursor.at_string()) return value.size() == 2;
  return cursor.at_null() || ((cursor.at_array() || cursor.at_object()) && !cursor.enter());
}

void take_text(StreamChunk& chunk, std::string_view value) {
  if (is_empty(value)) return;
  chunk.content = true;
  if (value.front() == '"') {
    chunk.text = value.substr(1, value.size() - 2);
  } else {
    chunk.text_only = false;
  }
}

void take_delta(StreamChunk& chunk, JsonCursor delta) {
  if (!delta.at_object()) {
    chunk.content = true;
    chunk.text_only = false;
    return;
  }
  if (!delta.enter()) return;
  do {
    const std::string_view key = delta.key(), value = delta.skip();
    if (key == "content") {
      take_text(chunk, value);
    } else if (key != "role" && !is_empty(value)) {
      chunk.content = true;
      chunk.text_only = false;
    }
  } while (delta.next());
}

void take_choice(StreamChunk& chunk, JsonCursor choice) {
  bool has_text = false;
  if (choice.at_object() && choice.enter()) {
    do {
      const std::string_view key = choice.key(), value = choice.skip();
      if (key == "delta") {
        has_text = true;
        take_delta(chunk, JsonCursor(value));
      } else if (key == "text") {
        has_text = true;
        take_text(chunk, value);
      } else if (key == "finish_reason") {
        chunk.finished = value != "null";
        chunk.content |= chunk.finished;
      } else if ((key == "logprobs" && value != "null") || (key == "index" && value != "0")) {
        chunk.text_only = false;
      }
    } while (choice.next());
  }
  if (!has_text) {
    chunk.content = true;
    chunk.text_only = false;
  }
}

}  // namespace

StreamChunk read_stream_chunk(std::string_view data) {
  JsonReader& reader = thread_json_reader();
  if (reader.read(data, JsonCheck::Structure)) return {};
  StreamChunk chunk;
  std::string_view choices;
  for (const JsonMember& member : reader.members()) {
    const std::string_view value = member.value.kind == JsonKind::Null ? std::string_view() : member.value.text;
    if (member.key == "choices") {
      choices = value;
    } else if (member.key == "id") {
      chunk.id = value;
    } else if (member.key == "created") {
      chunk.created = value;
    } else if (member.key == "model") {
      chunk.model = value;
    } else if (member.key == "usage") {
      if (member.value.kind == JsonKind::Object) chunk.usage = value;
    } else if (member.key == "error" && !value.empty()) {
      return {};
    }
  }
  if (choices.empty() || choices.front() != '[') return {};
  JsonCursor list(choices);
  chunk.text_only = true;
  if (!list.enter()) {
    // The usage at the end, or what an engine says of the prompt (Azure: whether its filters passed it) before it answers.
    chunk.content = !chunk.usage.empty();
    return chunk;
  }
  chunk.content = false;
  take_choice(chunk, JsonCursor(list.skip()));
  while (list.next()) {
    chunk.text_only = false;
    take_choice(chunk, JsonCursor(list.skip()));
  }
  return chunk;
}

}  // namespace evener::protocol
