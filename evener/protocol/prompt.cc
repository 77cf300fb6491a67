#include "evener/protocol/prompt.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "evener/core/hashing.h"
#include "evener/protocol/json_cursor.h"

namespace evener::protocol {

namespace {

/// What stands between the texts of a prompt. JSON strings hold no control characters, so these cannot be confused with them.
enum class Mark : char { Field = 1, Message = 2, Content = 3, Part = 4, Media = 5, Member = 6, Value = 7, Tools = 8 };

/// Calls `visit` with every token of a value: strings with their quotes, other values, and each bracket, comma and colon.
template <typename Visit>
void for_each_token(std::string_view value, Visit visit) {
  const char* p = value.data();
  const char* const end = p + value.size();
  const auto is_separator = [](char c) { return c == ',' || c == ':' || c == '[' || c == ']' || c == '{' || c == '}'; };
  while (p != end) {
    const char* const first = p;
    if (static_cast<unsigned char>(*p) <= ' ') {
      ++p;
      continue;
    }
    if (*p == '"') {
      StringTraits traits;
      p = end_of_string(p + 1, end, traits) + 1;
    } else if (is_separator(*p)) {
      ++p;
    } else {
      while (p != end && static_cast<unsigned char>(*p) > ' ' && !is_separator(*p)) ++p;
    }
    visit(std::string_view(first, static_cast<std::size_t>(p - first)));
  }
}

bool is_system(std::string_view role) { return role == "system" || role == "developer"; }

/// Keys that say how something is meant or stored, not what the model is shown.
bool is_hidden(std::string_view key) {
  return key == "type" || key == "id" || key == "status" || key == "cache_control" || key == "annotations";
}

std::uint8_t input_of_key(std::string_view key) {
  if (key == "image_url" || key == "image" || key == "image_embeds") return InputImage;
  if (key == "input_audio" || key == "audio_url" || key == "audio") return InputAudio;
  if (key == "video_url" || key == "video") return InputVideo;
  return 0;
}

class PromptWalk {
 public:
  PromptWalk(const OpenAiRequest& request, std::string_view body, PromptBlocks* blocks) : request_(request), body_(body) {
    std::size_t bytes = 0;
    for (const ByteRange& field : request.prompt) bytes += field.length;
    if (blocks != nullptr && bytes >= blocks->block_bytes()) blocks_ = blocks;
  }

  PromptFacts read(Operation operation) {
    switch (operation) {
      case Operation::ChatCompletions:
        head();
        system(PromptField::System);
        messages(PromptField::Messages);
        break;
      case Operation::Completions:
        head();
        plain(PromptField::Prompt);
        break;
      case Operation::Responses:
        head();
        system(PromptField::Instructions);
        messages(PromptField::Input);
        break;
      case Operation::Embeddings:
        blocks_ = nullptr;  // nothing of it is computed twice
        plain(PromptField::Input);
        break;
      default: break;
    }
    return facts_;
  }

 private:
  [[nodiscard]] std::string_view field(PromptField field) const {
    const ByteRange range = request_[field];
    return body_.substr(range.offset, range.length);
  }

  void mark(Mark mark) {
    const char byte = static_cast<char>(mark);
    bytes({&byte, 1});
  }
  void bytes(std::string_view bytes) {
    facts_.bytes += bytes.size();
    if (blocks_ != nullptr) blocks_->bytes(bytes);
  }
  void text(std::string_view text) {
    count_text(text, facts_.counts);
    facts_.bytes += text.size();
    if (blocks_ != nullptr) blocks_->text(text);
  }
  /// A value as it is, but for blanks between its tokens.
  void value(std::string_view value) {
    count_text(value, facts_.counts);
    if (blocks_ == nullptr) {
      facts_.bytes += value.size();
    } else {
      for_each_token(value, [this](std::string_view token) { bytes(token); });
    }
  }

  /// What separates a cache from others. Costs no tokens but for the effort, of which a word is shown.
  void head() {
    for (const PromptField part :
         {PromptField::CacheSalt, PromptField::PreviousResponse, PromptField::Conversation, PromptField::ReasoningEffort}) {
      const std::string_view text = field(part);
      if (text.empty()) continue;
      mark(Mark::Field);
      const char which = static_cast<char>('a' + static_cast<int>(part));
      bytes({&which, 1});
      for_each_token(text, [this](std::string_view token) { bytes(token); });
    }
  }

  void system(PromptField which) {
    const std::string_view text = field(which);
    if (text.empty()) return;
    begin_message("system");
    JsonCursor at(text);
    content(at);
  }

  void tools() {
    tools_done_ = true;
    for (const PromptField part : {PromptField::Tools, PromptField::Functions, PromptField::Documents}) {
      const std::string_view text = field(part);
      if (text.empty()) continue;
      mark(Mark::Tools);
      value(text);
    }
  }

  void messages(PromptField which) {
    if (const std::string_view text = field(which); !text.empty()) {
      JsonCursor at(text);
      if (at.at_array()) {
        if (at.enter()) {
          do message(at);
          while (at.next());
        }
      } else {
        begin_message("user");
        content(at);
      }
    }
    if (!tools_done_) tools();
  }

  void begin_message(std::string_view role) {
    if (!tools_done_ && !is_system(role)) tools();
    ++facts_.counts.messages;
    mark(Mark::Message);
    bytes(role);
  }

  void message(JsonCursor& at) {
    if (!at.at_object()) {
      begin_message("user");
      content(at);
      return;
    }
    if (!at.enter()) return;
    // The role goes first wherever it stands, for the place of the tools depends on it.
    struct Member {
      std::string_view key, value;
    };
    constexpr std::size_t BeforeRoleMax = 8;
    std::array<Member, BeforeRoleMax> before;
    std::size_t waiting = 0;
    bool begun = false;
    const auto begin = [&](std::string_view role) {
      begun = true;
      begin_message(role);
      for (std::size_t i = 0; i < waiting; ++i) {
        JsonCursor value_at(before[i].value);
        member(before[i].key, value_at);
      }
    };
    do {
      const std::string_view key = at.key();
      if (begun) {
        member(key, at);
      } else if (key == "role" && at.at_string()) {
        begin(at.string());
      } else if (waiting < BeforeRoleMax) {
        before[waiting++] = {key, at.skip()};
      } else {
        begin({});
        member(key, at);
      }
    } while (at.next());
    if (!begun) begin({});
  }

  void member(std::string_view key, JsonCursor& at) {
    if (key == "content") {
      content(at);
      return;
    }
    if (at.at_null() || is_hidden(key)) {
      at.skip();
      return;
    }
    mark(Mark::Member);
    bytes(key);
    mark(Mark::Value);
    if (key == "encrypted_content") {  // long, and not what the model is shown
      for_each_token(at.skip(), [this](std::string_view token) { bytes(token); });
    } else if (at.at_string()) {
      text(at.string());
    } else {
      value(at.skip());
    }
  }

  void content(JsonCursor& at) {
    if (at.at_null()) {
      at.skip();
      return;
    }
    mark(Mark::Content);
    if (at.at_string()) {
      text(at.string());
    } else if (!at.at_array()) {
      value(at.skip());
    } else if (at.enter()) {
      part(at);
      while (at.next()) {
        mark(Mark::Part);
        part(at);
      }
    }
  }

  void part(JsonCursor& at) {
    if (at.at_string()) {
      text(at.string());
      return;
    }
    if (!at.at_object()) {
      value(at.skip());
      return;
    }
    if (!at.enter()) return;
    do {
      const std::string_view key = at.key();
      if (key == "text" && at.at_string()) {
        text(at.string());
      } else if (const std::uint8_t input = input_of_key(key); input != 0 && !at.at_null()) {
        media(input, at.skip());
      } else if (key == "file" || key == "file_data") {
        media(0, at.skip());
      } else {
        member(key, at);
      }
    } while (at.next());
  }

  /// A picture is mostly a long string that becomes a number of tokens that has little to do with its length.
  void media(std::uint8_t input, std::string_view value) {
    facts_.inputs |= input;
    ++facts_.counts.media;
    facts_.bytes += MediaBytes;
    if (blocks_ == nullptr) return;
    std::uint64_t hash = static_cast<unsigned char>(Mark::Media) + input;
    for_each_token(value, [&hash](std::string_view token) { hash = hash_combine(hash, hash64(token)); });
    std::array<char, 8 * sizeof hash> filler;
    for (std::size_t i = 0; i < filler.size(); ++i) filler[i] = static_cast<char>(hash >> (8 * (i % sizeof hash)));
    static_assert(MediaBytes % sizeof filler == 0);
    for (std::size_t done = 0; done < MediaBytes; done += filler.size()) blocks_->bytes({filler.data(), filler.size()});
  }

  /// A string, an array of token ids, or an array of such.
  void plain(PromptField which) {
    const std::string_view given = field(which);
    if (given.empty()) return;
    JsonCursor at(given);
    if (!at.at_array()) {
      element(at);
    } else if (!ids(given) && at.enter()) {
      element(at);
      while (at.next()) {
        mark(Mark::Part);
        element(at);
      }
    }
  }

  void element(JsonCursor& at) {
    if (at.at_string()) {
      text(at.string());
      return;
    }
    const bool array = at.at_array();
    const std::string_view given = at.skip();
    if (!array || !ids(given)) value(given);
  }

  /// Token ids: four bytes for each, least first. False, with nothing done, if the array holds anything but whole numbers below 2^32.
  bool ids(std::string_view array) {
    if (!are_ids(array)) return false;
    std::array<char, 256> packed;
    std::size_t filled = 0;
    std::uint32_t id = 0;
    bool open = false;  // within a number
    for (const char c : array.substr(1)) {
      if (c >= '0' && c <= '9') {
        id = id * 10 + static_cast<std::uint32_t>(c - '0');
        open = true;
        continue;
      }
      if (!open) continue;
      for (unsigned shift = 0; shift < 32; shift += 8) packed[filled++] = static_cast<char>(id >> shift);
      id = 0;
      open = false;
      ++facts_.counts.token_ids;
      if (filled == packed.size()) {
        bytes({packed.data(), filled});
        filled = 0;
      }
    }
    bytes({packed.data(), filled});
    return true;
  }

  /// Whether there is nothing but digits, commas and blanks, and no number of more than nine digits.
  static bool are_ids(std::string_view array) {
    unsigned digits = 0;
    for (const char c : array.substr(1, array.size() - 2)) {
      if (c >= '0' && c <= '9') {
        if (++digits > 9) return false;
      } else {
        if (c != ',' && static_cast<unsigned char>(c) > ' ') return false;
        digits = 0;
      }
    }
    return true;
  }

  const OpenAiRequest& request_;
  std::string_view body_;
  PromptBlocks* blocks_ = nullptr;
  PromptFacts facts_;
  bool tools_done_ = false;
};

}  // namespace

PromptFacts read_prompt(Operation operation, const OpenAiRequest& request, std::string_view body) {
  return PromptWalk(request, body, nullptr).read(operation);
}

PromptFacts read_prompt(Operation operation, const OpenAiRequest& request, std::string_view body, PromptBlocks& blocks) {
  return PromptWalk(request, body, &blocks).read(operation);
}

}  // namespace evener::protocol
