// multipart/form-data (RFC 7578), read only as far as the field "model" needs it, and strictly: a file may hold anything, so what separates the
// parts must be beyond doubt for us and for the engine.

#include <cstring>

#include "evener/protocol/openai.h"

namespace evener::protocol {

namespace {

constexpr std::size_t BoundaryBytesMax = 70;  // RFC 2046 section 5.1.1

tl::unexpected<Error> refuse(std::string message) { return fail(std::move(message), Fault::Client); }

constexpr bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_token_char(char c) { return is_alnum(c) || (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr); }
bool is_boundary_char(char c) { return is_alnum(c) || (c != '\0' && std::strchr("'()+_,-./:=? ", c) != nullptr); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::string_view take_token(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_token_char(text[length])) ++length;
  const std::string_view token = text.substr(0, length);
  text.remove_prefix(length);
  return token;
}

/// One `; name=value` or `; name="value"`. Backslashes are kept: what they mean differs from reader to reader.
struct Parameter {
  std::string_view name, value;
};
bool take_parameter(std::string_view& text, Parameter& out) {
  skip_blanks(text);
  if (text.empty() || text.front() != ';') return false;
  text.remove_prefix(1);
  skip_blanks(text);
  out.name = take_token(text);
  if (out.name.empty() || text.empty() || text.front() != '=') return false;
  text.remove_prefix(1);
  if (text.empty() || text.front() != '"') {
    out.value = take_token(text);
    return !out.value.empty();
  }
  for (std::size_t at = 1; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      out.value = text.substr(1, at - 1);
      text.remove_prefix(at + 1);
      return true;
    }
  }
  return false;
}

Result<std::string_view> find_boundary(std::string_view content_type) {
  std::string_view rest = content_type;
  const std::string_view type = take_token(rest);
  if (rest.empty() || rest.front() != '/') return refuse("Content-Type is not multipart/form-data");
  rest.remove_prefix(1);
  if (!equals_ignoring_case(type, "multipart") || !equals_ignoring_case(take_token(rest), "form-data"))
    return refuse("Content-Type is not multipart/form-data");
  std::string_view boundary;
  Parameter parameter;
  for (skip_blanks(rest); !rest.empty(); skip_blanks(rest)) {
    if (!take_parameter(rest, parameter)) return refuse("the parameters of Content-Type are malformed");
    if (!equals_ignoring_case(parameter.name, "boundary")) continue;
    if (!boundary.empty()) return refuse("Content-Type has more than one boundary");
    boundary = parameter.value;
    if (boundary.empty() || boundary.size() > BoundaryBytesMax || boundary.back() == ' ')
      return refuse("the boundary of Content-Type must have 1 to 70 bytes");
    for (const char c : boundary) {
      if (!is_boundary_char(c)) return refuse("the boundary of Content-Type holds a character that boundaries may not have");
    }
  }
  if (boundary.empty()) return refuse("Content-Type has no boundary");
  return boundary;
}

enum class Field : std::uint8_t { Model, Other };

/// Whether a reader that drops or interprets backslashes would see "model".
bool resembles_model(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != '\\') plain += c;
  }
  return equals_ignoring_case(plain, "model");
}

/// Reads the header lines of one part, the empty line not included.
Result<Field> read_part_head(std::string_view head) {
  bool has_disposition = false, encoded = false, has_filename = false;
  std::string_view name;
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    for (const char c : line) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
        return refuse("a header of a form part holds a control character");
    }
    const std::string_view field = take_token(line);
    if (field.empty() || line.empty() || line.front() != ':') return refuse("a header of a form part is malformed");
    line.remove_prefix(1);
    skip_blanks(line);
    if (equals_ignoring_case(field, "content-transfer-encoding")) encoded = true;
    if (!equals_ignoring_case(field, "content-disposition")) continue;
    if (has_disposition) return refuse("a form part has more than one Content-Disposition");
    has_disposition = true;
    if (!equals_ignoring_case(take_token(line), "form-data")) return refuse("a form part is not form-data");
    bool has_name = false;
    Parameter parameter;
    for (skip_blanks(line); !line.empty(); skip_blanks(line)) {
      if (!take_parameter(line, parameter)) return refuse("Content-Disposition of a form part is malformed");
      if (equals_ignoring_case(parameter.name, "name*")) return refuse("name* is not allowed in a form part");
      if (equals_ignoring_case(parameter.name, "filename") || equals_ignoring_case(parameter.name, "filename*")) has_filename = true;
      if (!equals_ignoring_case(parameter.name, "name")) continue;
      if (has_name) return refuse("a form part has more than one name");
      has_name = true;
      name = parameter.value;
    }
    if (!has_name) return refuse("a form part has no name");
  }
  if (!has_disposition) return refuse("a form part has no Content-Disposition");
  if (name != "model")
    return resembles_model(name) ? Result<Field>(refuse("a form field is named almost like model")) : Result<Field>(Field::Other);
  if (encoded) return refuse("the form field model is encoded");
  if (has_filename) return refuse("the form field model is a file");
  return Field::Model;
}

}  // namespace

Result<MultipartModel> read_multipart_model(std::string_view content_type, std::string_view body, ModelField model) {
  const auto boundary = find_boundary(content_type);
  if (!boundary) return tl::unexpected<Error>(boundary.error());
  const std::string delimiter = "\r\n--" + std::string(*boundary);

  // The first delimiter has no line before it.
  if (!body.starts_with(std::string_view(delimiter).substr(2))) return refuse("the form does not begin with its boundary");
  std::size_t at = delimiter.size() - 2;
  MultipartModel out;
  bool found = false;
  for (std::size_t parts = 0;; ++parts) {
    const std::string_view rest = body.substr(at);
    if (rest.starts_with("--")) {
      if (rest.size() != 2 && rest != "--\r\n") return refuse("text behind the last boundary of the form");
      break;
    }
    if (!rest.starts_with("\r\n")) return refuse("a boundary of the form is not followed by a line end");
    if (parts == MultipartPartsMax) return refuse("the form has more than 128 parts");
    at += 2;

    const std::size_t head_end = body.substr(at, MultipartHeadBytesMax).find("\r\n\r\n");
    if (head_end == std::string_view::npos) return refuse("the headers of a form part do not end within 8192 bytes");
    const auto field = read_part_head(body.substr(at, head_end));
    if (!field) return tl::unexpected<Error>(field.error());
    at += head_end + 4;

    const auto* next = static_cast<const char*>(::memmem(body.data() + at, body.size() - at, delimiter.data(), delimiter.size()));
    if (next == nullptr) return refuse("the form does not end with its boundary");
    const auto end = static_cast<std::size_t>(next - body.data());
    if (*field == Field::Model) {
      if (found) return refuse("the form has the field model twice");
      found = true;
      const std::string_view value = body.substr(at, end - at);
      if (value.empty()) return refuse("model is empty; name the model to use");
      if (value.size() > ModelBytesMax) return refuse("model is longer than 256 bytes");
      for (const char c : value) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return refuse("model holds a control character");
      }
      out.model = value;
      out.value = {.offset = at, .length = value.size()};
    }
    at = end + delimiter.size();
  }
  if (!found && model == ModelField::Required) return refuse("the form has no field model; name the model to use");
  return out;
}

}  // namespace evener::protocol
