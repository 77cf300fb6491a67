#include "evener/actuators/replicas_json.h"

#include "evener/actuators/actuator.h"
#include "evener/protocol/json_reader.h"

namespace evener::actuators {
namespace {

using protocol::JsonKind;
using protocol::JsonMember;
using protocol::JsonValue;

tl::unexpected<std::string> wrong(std::string text) { return tl::unexpected<std::string>(std::move(text)); }

Result<std::optional<std::uint32_t>, std::string> number(std::span<const JsonMember> members, std::string_view key) {
  const JsonMember* member = protocol::find_member(members, key);
  if (member == nullptr || member->value.kind == JsonKind::Null) return std::nullopt;
  const auto value = member->value.kind == JsonKind::Number ? protocol::to_unsigned(member->value) : std::nullopt;
  if (!value || *value > ReplicasSaidMax) return wrong("\"" + std::string(key) + "\" of its answer must be a number of replicas");
  return static_cast<std::uint32_t>(*value);
}

}  // namespace

Result<ReplicasSaid, std::string> read_replicas_json(std::string_view text, Silence silence) {
  protocol::JsonReader reader;
  if (reader.read(text, protocol::JsonCheck::Everything)) {
    return silence == Silence::Allowed ? Result<ReplicasSaid, std::string>() : wrong("its answer is no JSON object");
  }
  const auto replicas = number(reader.members(), "replicas"), ready = number(reader.members(), "ready");
  if (!replicas) return wrong(replicas.error());
  if (!ready) return wrong(ready.error());
  ReplicasSaid said;
  said.replicas = *replicas;
  said.ready = *ready;
  const JsonMember* endpoints = protocol::find_member(reader.members(), "endpoints");
  if (endpoints == nullptr || endpoints->value.kind == JsonKind::Null) return said;
  if (endpoints->value.kind != JsonKind::Array) return wrong("\"endpoints\" of its answer must be a list of URLs");
  for (const JsonValue& element : protocol::elements_of(endpoints->value)) {
    std::string url;
    const bool read = element.kind == JsonKind::String && protocol::unescape_json(element.text.substr(1, element.text.size() - 2), url);
    if (!read || !url.starts_with("http://")) return wrong("\"endpoints\" of its answer must be URLs that begin with http://");
    said.add(std::move(url));
  }
  return said;
}

}  // namespace evener::actuators
