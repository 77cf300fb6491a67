#include "evener/base/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "evener/base/utf8.h"

namespace evener::config {
namespace {

// Ends the parse from inside an event.
struct Refused {
  Mark mark;
  std::string message;
};

constexpr std::string_view ByteOrderMark = "\xEF\xBB\xBF";

Mark from(const YAML::Mark& mark) {
  return {.line = static_cast<std::uint32_t>(mark.line + 1), .column = static_cast<std::uint32_t>(mark.column + 1)};
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Problems& problems) : problems_(problems) {}

  Node take_root() { return std::move(root_); }
  /// Where the last quoted text of the file begins; line 0 = there is none.
  [[nodiscard]] Mark last_quoted() const { return last_quoted_; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{from(mark), "a second document begins; the file holds one"};
    root_.mark = from(mark);
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Node node;
    node.mark = from(mark);
    leaf(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    check_tag(mark, tag);
    Node node;
    node.kind = Node::Kind::Scalar;
    node.style = tag == "!" ? Node::Style::Quoted : Node::Style::Plain;
    node.mark = from(mark);
    node.scalar = value;
    if (node.style == Node::Style::Quoted) last_quoted_ = node.mark;
    leaf(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{from(mark), "the alias stands inside its own anchor"};
    // Counted before it is copied: a chain of aliases would otherwise double its way to the end of memory.
    check_depth(from(mark), found->second.height);
    count(from(mark), found->second.nodes);
    place(Subtree(found->second));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(from(mark), Node::Kind::List, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    check_tag(mark, tag);
    open(from(mark), Node::Kind::Map, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Subtree {
    Node node;
    std::size_t nodes = 1;
    std::size_t height = 0;  // 0 for a scalar
  };

  // A list or map that has begun and not ended.
  struct Open {
    Subtree tree;
    YAML::anchor_t anchor = 0;
    std::unordered_map<std::string, std::uint32_t> lines;  // of the keys so far
    // Of a map between a key and its value:
    bool has_key = false;
    bool key_repeated = false;  // its value is read and left out
    std::string key;
    Mark key_mark;
  };

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Refused{from(mark), "tags (such as !!str) are not supported; to make a text of a number, put it in quotes"};
  }

  void check_depth(Mark mark, std::size_t more) const {
    if (open_.size() + more <= DepthMax) return;
    throw Refused{mark, "lists and mappings are nested more than " + std::to_string(DepthMax) + " deep"};
  }

  void count(Mark mark, std::size_t more) {
    nodes_ += more;
    if (nodes_ > NodesMax) throw Refused{mark, "more than " + std::to_string(NodesMax) + " values (those of aliases counted where they are used)"};
  }

  void leaf(Node node, YAML::anchor_t anchor) {
    count(node.mark, 1);
    Subtree tree{.node = std::move(node)};
    if (anchor != 0) anchors_[anchor] = tree;
    place(std::move(tree));
  }

  void open(Mark mark, Node::Kind kind, YAML::anchor_t anchor) {
    check_depth(mark, 1);
    count(mark, 1);
    Open next;
    next.tree.node.kind = kind;
    next.tree.node.mark = mark;
    next.tree.height = 1;
    next.anchor = anchor;
    open_.push_back(std::move(next));
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    if (done.anchor != 0) anchors_[done.anchor] = done.tree;
    place(std::move(done.tree));
  }

  void place(Subtree tree) {
    if (open_.empty()) {
      root_ = std::move(tree.node);
      return;
    }
    Open& parent = open_.back();
    if (parent.tree.node.kind == Node::Kind::Map && !parent.has_key) {
      take_key(parent, std::move(tree.node));
      return;
    }
    parent.tree.nodes += tree.nodes;
    parent.tree.height = std::max(parent.tree.height, tree.height + 1);
    if (parent.tree.node.kind == Node::Kind::List) {
      parent.tree.node.items.push_back(std::move(tree.node));
      return;
    }
    parent.has_key = false;
    if (parent.key_repeated) return;
    parent.tree.node.members.push_back({.key = std::move(parent.key), .key_mark = parent.key_mark, .value = std::move(tree.node)});
  }

  void take_key(Open& parent, Node node) {
    if (node.kind != Node::Kind::Scalar) throw Refused{node.mark, "a key is " + shown(node) + "; keys are plain text"};
    if (node.scalar == "<<" && node.style == Node::Style::Plain) {
      throw Refused{node.mark, "merge keys (<<) are not supported; an alias can stand for a whole value only"};
    }
    parent.has_key = true;
    parent.key = std::move(node.scalar);
    parent.key_mark = node.mark;
    const auto [first, is_new] = parent.lines.emplace(parent.key, node.mark.line);
    parent.key_repeated = !is_new;
    if (is_new) return;
    const Path path = path_to_key();
    problems_.add(node.mark, path, path.text() + " is given twice; the first time in line " + std::to_string(first->second) + " (remove one)");
  }

  [[nodiscard]] Path path_to_key() const {
    Path path;
    for (const Open& open : open_) {
      if (open.tree.node.kind == Node::Kind::List) {
        path.push(open.tree.node.items.size());
      } else {
        path.push(open.key);
      }
    }
    return path;
  }

  Problems& problems_;
  Node root_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Subtree> anchors_;
  Mark last_quoted_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

struct Translation {
  std::string_view theirs;  // what yaml-cpp's message begins with
  std::string_view ours;
};

// yaml-cpp names tokens; an operator wants to know what to look at.
constexpr std::array<Translation, 15> translations = {{
    {"illegal map value", "a ':' cannot stand here (is the indentation right? put a text that holds ': ' in quotes)"},
    {"illegal map key", "a key cannot stand here (is the indentation right?)"},
    {"illegal block entry", "a '-' cannot stand here (is the indentation right?)"},
    {"end of map not found", "the mapping ends in the middle (is this line indented like the others of its mapping?)"},
    {"end of sequence not found", "the list ends in the middle (does this line begin with '-', indented like the others?)"},
    {"end of map flow not found", "a '{' has no '}'"},
    {"end of sequence flow not found", "a '[' has no ']'"},
    {"illegal flow end", "a ']' or '}' has nothing to close"},
    {"illegal EOF in scalar", "the file ends inside a quoted text"},
    {"illegal document indicator in scalar", "'---' or '...' inside a quoted text"},
    {"unknown escape character", "an unknown escape after '\\' in a quoted text (write '\\\\' for a backslash)"},
    {"invalid unicode", "an escape that is no character"},
    {"unknown token", "a character that no value begins with (put the text in quotes)"},
    {"the referenced anchor is not defined", "an alias (*name) without its anchor (&name) before it"},
    {"illegal character in scalar", "a character that cannot stand in a plain text (put it in quotes)"},
}};

std::string translated(std::string_view message) {
  for (const Translation& translation : translations) {
    if (message.starts_with(translation.theirs)) return std::string(translation.ours);
  }
  return "not valid YAML: " + std::string(message);
}

// yaml-cpp stumbles over a tab only later, with a message that does not name it. The last tab in an indentation up to there is the cause.
Mark indenting_tab(std::string_view text, std::uint32_t last_line) {
  Mark found;
  std::uint32_t line = 1;
  for (std::size_t begin = 0; begin <= text.size() && line <= last_line; ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    const std::size_t tab = content.find('\t');
    if (tab != std::string_view::npos && content.find_first_not_of(' ') == tab && content.find_first_not_of(" \t\r") != std::string_view::npos) {
      found = {.line = line, .column = static_cast<std::uint32_t>(tab + 1)};
    }
    begin = end + 1;
  }
  return found;
}

Mark mark_at(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
  return {.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
          .column = static_cast<std::uint32_t>(at - line_begin + 1)};
}

std::size_t offset_of(std::string_view text, Mark mark) {
  std::size_t begin = 0;
  for (std::uint32_t line = 1; line < mark.line; ++line) begin = text.find('\n', begin) + 1;
  return begin + mark.column - 1;
}

// yaml-cpp lets the end of the file close a quoted text when the last line is complete. Only the last one can be open.
bool is_closed(std::string_view text, Mark quoted) {
  if (quoted.line == 0) return true;
  std::size_t at = offset_of(text, quoted);
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) at = text.find_first_not_of(" \t\r\n", text.find_first_of(" \t\r\n", at));
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return true;  // a block of text
  const char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      if (quote == '"' || at + 1 >= text.size() || text[at + 1] != quote) return true;
      ++at;  // '' inside single quotes is one quote
    }
  }
  return false;
}

// Things that yaml-cpp would repair or read as another encoding, in silence.
bool is_plain_text(std::string_view text, Problems& problems) {
  if (text.size() > FileBytesMax) {
    problems.add({}, {}, "the file has " + std::to_string(text.size()) + " bytes; it must be at most " + std::to_string(FileBytesMax));
    return false;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_sequence_length(text, at);
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0) {
      problems.add(mark_at(text, at), {}, "a byte that is not UTF-8; the file must be UTF-8 text");
      return false;
    }
    if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7F) {
      problems.add(mark_at(text, at), {}, "a control character; the file must be plain text");
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

std::optional<Node> parse_yaml(std::string_view text, Problems& problems) {
  if (!is_plain_text(text, problems)) return std::nullopt;
  if (text.starts_with(ByteOrderMark)) text.remove_prefix(ByteOrderMark.size());
  TreeBuilder builder(problems);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused& refused) {
    problems.add(refused.mark, {}, refused.message);
    return std::nullopt;
  } catch (const YAML::Exception& error) {
    const Mark mark = from(error.mark);
    const Mark tab = indenting_tab(text, mark.line);
    if (tab.line > 0) {
      problems.add(tab, {}, "a tab in the indentation; YAML allows spaces only");
    } else {
      problems.add(mark, {}, translated(error.msg));
    }
    return std::nullopt;
  }
  if (!is_closed(text, builder.last_quoted())) {
    problems.add(builder.last_quoted(), {}, "a quoted text begins here and has no end");
    return std::nullopt;
  }
  return builder.take_root();
}

}  // namespace evener::config
