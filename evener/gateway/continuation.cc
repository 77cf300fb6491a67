#include "evener/gateway/continuation.h"

namespace evener::gateway {

void Continuation::take(std::string_view data, std::string& out) {
  if (uncut_) {
    out += data;
    return;
  }
  cutter_.feed(data);
  while (const auto event = cutter_.next()) out += stream_.pass(*event);
  if (cutter_.overflown()) finish(out);
}

void Continuation::finish(std::string& out) {
  out += cutter_.unfinished();
  uncut_ = cutter_.overflown();
  cutter_.restart();
}

std::optional<std::string> Continuation::ending() const {
  if (uncut_) return std::nullopt;
  using Missing = protocol::ContinuedStream::Missing;
  return stream_.ending(protocol::tokens_left(where_, stream_.tokens()) ? Missing::Tokens : Missing::OnlyTheEnd, usage_wanted_);
}

std::optional<protocol::ContinuedBody> Continuation::request(std::string_view body, protocol::ByteRange model_value) const {
  if (uncut_ || !stream_.continuable() || !protocol::tokens_left(where_, stream_.tokens())) return std::nullopt;
  return protocol::continue_body(where_, body, model_value, stream_.text(), stream_.tokens());
}

void Continuation::resume(std::string_view from) {
  if (times_++ == 0) first_from_ = from;
  cutter_.restart();
  stream_.resume();
}

}  // namespace evener::gateway
