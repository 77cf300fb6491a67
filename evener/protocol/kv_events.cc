#include "evener/protocol/kv_events.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "evener/protocol/msgpack.h"

namespace evener::protocol {
namespace {

constexpr std::size_t NameBytesMax = 256;  // of an adapter, a medium, a kind

/// What goes wrong, as text; empty = nothing did.
using Problem = std::string_view;
constexpr Problem Fine;

// The names of the fields, in the order in which the form of arrays holds them.
constexpr std::array<std::string_view, 12> StoredFields = {
    "",       "block_hashes", "parent_block_hash", "token_ids", "block_size",         "lora_id",
    "medium", "lora_name",    "extra_keys",        "group_idx", "kv_cache_spec_kind", "kv_cache_spec_sliding_window"};
constexpr std::array<std::string_view, 4> RemovedFields = {"", "block_hashes", "medium", "group_idx"};

bool read_hash(MsgpackReader& reader, std::uint64_t& hash) {
  if (reader.read_bits(hash)) return true;
  std::string_view bytes;
  if (!reader.read_binary(bytes) && !reader.read_string(bytes)) return false;
  // The same number that an engine sends which shortens its hashes by itself.
  hash = 0;
  for (const char c : bytes.substr(bytes.size() - std::min<std::size_t>(bytes.size(), 8)))
    hash = (hash << 8) | static_cast<std::uint8_t>(c);
  return !bytes.empty();
}

class BatchReader {
 public:
  explicit BatchReader(std::string_view payload) : reader_(payload) {}

  Problem read(KvBatch& batch) {
    std::uint32_t fields = 0;
    if (reader_.read_array(fields)) {
      // ts, events, and what later versions add.
      if (fields < 2) return "a batch has less than two fields";
      if (!reader_.read_number(batch.published_at_s)) return "a batch does not begin with its time";
      if (const Problem bad = read_events(batch); !bad.empty()) return bad;
      if (fields > 2 && !read_rank(batch)) return "the rank is no number";
      for (std::uint32_t i = 3; i < fields; ++i) {
        if (!reader_.skip()) return "a field of the batch is not whole";
      }
    } else if (reader_.read_map(fields)) {
      bool has_events = false;
      for (std::uint32_t i = 0; i < fields; ++i) {
        std::string_view name;
        if (!reader_.read_string(name)) return "a field of the batch has no name";
        if (name == "ts") {
          if (!reader_.read_number(batch.published_at_s)) return "ts is no number";
        } else if (name == "events") {
          if (has_events) return "events are given twice";
          has_events = true;
          if (const Problem bad = read_events(batch); !bad.empty()) return bad;
        } else if (name == "data_parallel_rank") {
          if (!read_rank(batch)) return "the rank is no number";
        } else if (!reader_.skip()) {
          return "a field of the batch is not whole";
        }
      }
      if (!has_events) return "a batch has no events";
    } else {
      return "a batch is neither an array nor a map";
    }
    return reader_.at_end() ? Fine : Problem("there are bytes behind the batch");
  }

 private:
  bool read_rank(KvBatch& batch) {
    if (reader_.read_nil()) return true;
    std::uint64_t rank = 0;
    if (!reader_.read_unsigned(rank) || rank > std::numeric_limits<std::uint32_t>::max()) return false;
    batch.rank = static_cast<std::uint32_t>(rank);
    return true;
  }

  Problem read_events(KvBatch& batch) {
    std::uint32_t count = 0;
    if (!reader_.read_array(count)) return "events are no array";
    if (count > KvEventsMax) return "too many events in a batch";
    for (std::uint32_t i = 0; i < count; ++i) {
      KvEvent event;
      bool known = false;
      if (const Problem bad = read_event(event, known); !bad.empty()) return bad;
      if (known) {
        batch.events.push_back(std::move(event));
      } else {
        ++batch.unknown_events;
      }
    }
    return Fine;
  }

  static bool kind_of(std::string_view tag, KvEvent::Kind& kind) {
    if (tag == "BlockStored") {
      kind = KvEvent::Kind::Stored;
    } else if (tag == "BlockRemoved") {
      kind = KvEvent::Kind::Removed;
    } else if (tag == "AllBlocksCleared") {
      kind = KvEvent::Kind::Cleared;
    } else {
      return false;
    }
    return true;
  }

  Problem read_event(KvEvent& event, bool& known) {
    std::uint32_t fields = 0;
    std::string_view tag;
    if (reader_.read_array(fields)) {
      if (fields == 0 || !reader_.read_string(tag)) return "an event has no tag";
      known = kind_of(tag, event.kind);
      for (std::uint32_t i = 1; i < fields; ++i) {
        if (const Problem bad = known ? read_field(event, name_at(event.kind, i)) : pass(); !bad.empty()) return bad;
      }
    } else if (reader_.read_map(fields)) {
      // The tag comes first in what is seen, but a map has no order; look for it before reading the fields.
      MsgpackReader ahead = reader_;
      for (std::uint32_t i = 0; i < fields; ++i) {
        std::string_view name;
        if (!ahead.read_string(name)) return "a field of an event has no name";
        if (name == "type") {
          if (!ahead.read_string(tag)) return "an event's type is no text";
          break;
        }
        if (!ahead.skip()) return "a field of an event is not whole";
      }
      if (tag.empty()) return "an event has no type";
      known = kind_of(tag, event.kind);
      for (std::uint32_t i = 0; i < fields; ++i) {
        std::string_view name;
        if (!reader_.read_string(name)) return "a field of an event has no name";
        if (const Problem bad = known ? read_field(event, name) : pass(); !bad.empty()) return bad;
      }
    } else {
      return "an event is neither an array nor a map";
    }
    return known ? check(event) : Fine;
  }

  Problem pass() { return reader_.skip() ? Fine : Problem("a field of an event is not whole"); }

  static std::string_view name_at(KvEvent::Kind kind, std::uint32_t index) {
    if (kind == KvEvent::Kind::Stored && index < StoredFields.size()) return StoredFields[index];
    if (kind == KvEvent::Kind::Removed && index < RemovedFields.size()) return RemovedFields[index];
    return {};
  }

  Problem read_field(KvEvent& event, std::string_view name) {
    const bool stored = event.kind == KvEvent::Kind::Stored;
    if (event.kind == KvEvent::Kind::Cleared) return pass();
    if (name == "block_hashes") return read_blocks(event);
    if (name == "medium") return read_name(event.medium);
    if (name == "group_idx") return read_group(event);
    if (!stored) return pass();
    if (name == "parent_block_hash") {
      if (reader_.read_nil()) return Fine;
      std::uint64_t hash = 0;
      if (!read_hash(reader_, hash)) return "a parent is no hash";
      event.parent = hash;
      return Fine;
    }
    if (name == "token_ids") return read_tokens(event);
    if (name == "block_size") {
      std::uint64_t size = 0;
      if (!reader_.read_unsigned(size) || size == 0 || size > KvBlockTokensMax) return "a block size is not 1..65536";
      event.block_tokens = static_cast<std::uint32_t>(size);
      return Fine;
    }
    if (name == "lora_id") return read_adapter_number(event);
    if (name == "lora_name") {
      std::string adapter;
      if (const Problem bad = read_name(adapter); !bad.empty()) return bad;
      if (!adapter.empty()) event.adapter = std::move(adapter);  // the name says more than the number
      return Fine;
    }
    if (name == "extra_keys") return read_extra_keys(event);
    if (name == "kv_cache_spec_kind") return read_name(event.attention);
    return pass();
  }

  Problem read_blocks(KvEvent& event) {
    std::uint32_t count = 0;
    if (!reader_.read_array(count)) return "block hashes are no array";
    blocks_ += count;
    if (blocks_ > KvBlocksMax) return "too many blocks in a batch";
    event.blocks.clear();
    event.blocks.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint64_t hash = 0;
      if (!read_hash(reader_, hash)) return "a block hash is neither a number nor bytes";
      event.blocks.push_back(hash);
    }
    return Fine;
  }

  /// Anything else than a list of numbers counts as tokens that are not said: some engines list pairs where they look ahead.
  Problem read_tokens(KvEvent& event) {
    const MsgpackReader before = reader_;
    std::uint32_t count = 0;
    event.tokens.clear();
    if (!reader_.read_array(count)) return pass();
    tokens_ += count;
    if (tokens_ > KvTokensMax) return "too many tokens in a batch";
    event.tokens.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) {
      std::uint64_t token = 0;
      if (!reader_.read_unsigned(token) || token > std::numeric_limits<std::uint32_t>::max()) {
        event.tokens.clear();
        reader_ = before;
        return pass();
      }
      event.tokens.push_back(static_cast<std::uint32_t>(token));
    }
    return Fine;
  }

  Problem read_name(std::string& into) {
    if (reader_.read_nil()) return Fine;
    std::string_view name;
    if (!reader_.read_string(name)) return pass();
    if (name.size() > NameBytesMax) return "a name is longer than 256 bytes";
    into = name;
    return Fine;
  }

  Problem read_group(KvEvent& event) {
    if (reader_.read_nil()) return Fine;
    std::uint64_t group = 0;
    if (!reader_.read_unsigned(group) || group > std::numeric_limits<std::uint32_t>::max()) return "a group is no number";
    event.group = static_cast<std::uint32_t>(group);
    return Fine;
  }

  Problem read_adapter_number(KvEvent& event) {
    if (reader_.read_nil()) return Fine;
    std::uint64_t number = 0;
    if (!reader_.read_unsigned(number)) return pass();
    if (event.adapter.empty() && number > 0) event.adapter = std::to_string(number);
    return Fine;
  }

  /// Only whether there are any: one entry per block, nil or empty where the tokens were all.
  Problem read_extra_keys(KvEvent& event) {
    if (reader_.read_nil()) return Fine;
    std::uint32_t count = 0;
    if (!reader_.read_array(count)) {
      event.extra_keys = true;
      return pass();
    }
    for (std::uint32_t i = 0; i < count; ++i) {
      if (reader_.read_nil()) continue;
      event.extra_keys = true;
      if (!reader_.skip()) return "extra keys are not whole";
    }
    return Fine;
  }

  static Problem check(KvEvent& event) {
    if (event.kind != KvEvent::Kind::Stored) return Fine;
    if (event.block_tokens == 0) return "a stored event has no block size";
    // Tokens that do not match their blocks could only be attributed wrongly.
    if (event.tokens.size() != event.blocks.size() * event.block_tokens) event.tokens.clear();
    return Fine;
  }

  MsgpackReader reader_;
  std::size_t blocks_ = 0, tokens_ = 0;
};

void write_optional(MsgpackWriter& out, const std::string& text) {
  if (text.empty()) {
    out.nil();
  } else {
    out.string(text);
  }
}

void write_field(MsgpackWriter& out, const KvEvent& event, std::string_view name) {
  if (name == "block_hashes") {
    out.array(static_cast<std::uint32_t>(event.blocks.size()));
    for (const std::uint64_t hash : event.blocks) out.whole(hash);
  } else if (name == "parent_block_hash") {
    if (event.parent) {
      out.whole(*event.parent);
    } else {
      out.nil();
    }
  } else if (name == "token_ids") {
    out.array(static_cast<std::uint32_t>(event.tokens.size()));
    for (const std::uint32_t token : event.tokens) out.whole(token);
  } else if (name == "block_size") {
    out.whole(event.block_tokens);
  } else if (name == "medium") {
    write_optional(out, event.medium);
  } else if (name == "lora_name") {
    write_optional(out, event.adapter);
  } else if (name == "group_idx" && event.group) {
    out.whole(*event.group);
  } else if (name == "kv_cache_spec_kind") {
    write_optional(out, event.attention);
  } else if (name == "extra_keys" && event.extra_keys) {
    out.array(1).array(1).string("key");
  } else {
    out.nil();
  }
}

std::string_view tag_of(KvEvent::Kind kind) {
  switch (kind) {
    case KvEvent::Kind::Stored: return "BlockStored";
    case KvEvent::Kind::Removed: return "BlockRemoved";
    case KvEvent::Kind::Cleared: return "AllBlocksCleared";
  }
  return {};
}

}  // namespace

Result<KvBatch> read_kv_batch(std::string_view payload) {
  if (payload.size() > KvPayloadBytesMax) return fail("a batch of KV events is larger than 8 MiB", Fault::Endpoint);
  KvBatch batch;
  if (const Problem bad = BatchReader(payload).read(batch); !bad.empty()) {
    return fail("a batch of KV events cannot be read: " + std::string(bad), Fault::Endpoint);
  }
  return batch;
}

std::string write_kv_batch(const KvBatch& batch, KvEncoding encoding) {
  std::string text;
  MsgpackWriter out(text);
  const auto count = static_cast<std::uint32_t>(batch.events.size());
  const bool maps = encoding == KvEncoding::Maps;
  const auto name = [&](std::string_view field) {
    if (maps) out.string(field);
  };
  if (maps) {
    out.map(3);
  } else {
    out.array(3);
  }
  name("ts");
  out.number(batch.published_at_s);
  name("events");
  out.array(count);
  for (const KvEvent& event : batch.events) {
    std::span<const std::string_view> fields;
    if (event.kind == KvEvent::Kind::Stored) fields = StoredFields;
    if (event.kind == KvEvent::Kind::Removed) fields = RemovedFields;
    const auto fields_count = static_cast<std::uint32_t>(std::max<std::size_t>(1, fields.size()));
    if (maps) {
      out.map(fields_count).string("type");
    } else {
      out.array(fields_count);
    }
    out.string(tag_of(event.kind));
    for (std::size_t i = 1; i < fields.size(); ++i) {
      name(fields[i]);
      write_field(out, event, fields[i]);
    }
  }
  name("data_parallel_rank");
  out.whole(batch.rank);
  return text;
}

}  // namespace evener::protocol
