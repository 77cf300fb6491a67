#include "evener/actuators/kube_access.h"

#include <filesystem>
#include <optional>

#include "evener/actuators/base64.h"
#include "evener/base/config/yaml.h"
#include "evener/base/files.h"

namespace evener::actuators {
namespace {

using config::Node;

const Node* value_in(const Node* parent, std::string_view key) {
  const config::Member* found = parent != nullptr && parent->kind == Node::Kind::Map ? parent->member(key) : nullptr;
  return found != nullptr ? &found->value : nullptr;
}

const Node* map_in(const Node* parent, std::string_view key) {
  const Node* found = value_in(parent, key);
  return found != nullptr && found->kind == Node::Kind::Map ? found : nullptr;
}

std::string text_in(const Node* parent, std::string_view key) {
  const Node* found = value_in(parent, key);
  return found != nullptr && found->kind == Node::Kind::Scalar ? found->scalar : std::string();
}

/// The map `what` of the entry with this name in the list `list`: users: [{name: u, user: {...}}].
const Node* named(const Node& root, std::string_view list, std::string_view what, std::string_view name) {
  const Node* entries = value_in(&root, list);
  if (entries == nullptr || entries->kind != Node::Kind::List) return nullptr;
  for (const Node& entry : entries->items) {
    if (text_in(&entry, "name") == name) return map_in(&entry, what);
  }
  return nullptr;
}

/// What we do not do, and what to do instead.
struct Unsupported {
  std::string_view key, instead;
};
constexpr Unsupported unsupported_of_cluster[] = {
    {"insecure-skip-tls-verify", "the server must be verified: give its certificate-authority-data"},
    {"tls-server-name", "give the server by a name that its certificate is for"},
};
constexpr Unsupported unsupported_of_user[] = {
    {"exec",
     "no program is started for credentials: make a service account with the rights that docs/scaling.md lists, and give its token "
     "(tokenFile)"},
    {"auth-provider", "Kubernetes has it no more: give a token (tokenFile) or a client certificate"},
    {"username", "Kubernetes has passwords no more: give a token (tokenFile) or a client certificate"},
    {"as", "nobody is impersonated: give a token with the rights that docs/scaling.md lists"},
};

template <std::size_t Count>
std::optional<Error> find_unsupported(const std::string& where, const Node& in, const Unsupported (&all)[Count]) {
  for (const Unsupported& each : all) {
    const Node* found = value_in(&in, each.key);
    if (found == nullptr || (found->kind == Node::Kind::Scalar && found->scalar == "false")) continue;
    return Error{.message = where + " has " + std::string(each.key) + "; " + std::string(each.instead)};
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string path, const Node& root) : path_(std::move(path)), root_(root) {}

  Result<KubeAccess> read(std::string_view context_name) {
    const std::string name = context_name.empty() ? text_in(&root_, "current-context") : std::string(context_name);
    if (name.empty()) return fail(path_ + " has no current-context; name one of its contexts");
    const Node* context = named(root_, "contexts", "context", name);
    if (context == nullptr) return fail(path_ + " has no context " + config::shown(name));
    access_.name_space = text_in(context, "namespace");
    const std::string cluster = text_in(context, "cluster"), user = text_in(context, "user");
    if (auto wrong = read_cluster(cluster, named(root_, "clusters", "cluster", cluster))) return tl::unexpected(std::move(*wrong));
    if (auto wrong = read_user(user, named(root_, "users", "user", user))) return tl::unexpected(std::move(*wrong));
    return std::move(access_);
  }

 private:
  std::optional<Error> read_cluster(const std::string& name, const Node* cluster) {
    const std::string where = path_ + ": cluster " + config::shown(name);
    if (cluster == nullptr) return Error{.message = where + " is not in the file"};
    if (auto wrong = find_unsupported(where, *cluster, unsupported_of_cluster)) return wrong;
    access_.server = text_in(cluster, "server");
    while (access_.server.ends_with('/')) access_.server.pop_back();
    if (const std::string wrong = check_call_url(access_.server, PlainHttp::LocalOnly); !wrong.empty()) {
      return Error{.message = where + ": server: " + wrong};
    }
    access_.ca_file = beside(text_in(cluster, "certificate-authority"));
    access_.proxy = text_in(cluster, "proxy-url");
    return take_data(where, *cluster, "certificate-authority-data", access_.ca_data);
  }

  std::optional<Error> read_user(const std::string& name, const Node* user) {
    const std::string where = path_ + ": user " + config::shown(name);
    if (user == nullptr) return Error{.message = where + " is not in the file"};
    if (auto wrong = find_unsupported(where, *user, unsupported_of_user)) return wrong;
    access_.token = Secret(text_in(user, "token"));
    access_.token_file = beside(text_in(user, "tokenFile"));
    std::string certificate, key;
    if (auto wrong = take_data(where, *user, "client-certificate-data", certificate)) return wrong;
    if (auto wrong = take_data(where, *user, "client-key-data", key)) return wrong;
    if (certificate.empty()) access_.certificate_file = beside(text_in(user, "client-certificate"));
    if (key.empty()) access_.key_file = beside(text_in(user, "client-key"));
    if ((certificate.empty() && access_.certificate_file.empty()) != (key.empty() && access_.key_file.empty())) {
      return Error{.message = where + " has only one of client-certificate and client-key; both are needed"};
    }
    access_.certificate = Secret(std::move(certificate));
    access_.key = Secret(std::move(key));
    return std::nullopt;
  }

  std::optional<Error> take_data(const std::string& where, const Node& in, std::string_view key, std::string& out) {
    const std::string text = text_in(&in, key);
    auto bytes = base64_decoded(text);
    if (!bytes) return Error{.message = where + ": " + std::string(key) + " is no base64"};
    out = std::move(*bytes);
    return std::nullopt;
  }

  [[nodiscard]] std::string beside(const std::string& file) const {
    return file.empty() ? file : (std::filesystem::path(path_).parent_path() / file).string();
  }

  std::string path_;
  const Node& root_;
  KubeAccess access_;
};

std::optional<Error> take_file(const std::string& file, Secret& out) {
  if (file.empty()) return std::nullopt;
  auto text = read_file(file, CredentialBytesMax);
  if (!text) return std::move(text.error());
  out = Secret(std::move(*text));
  return std::nullopt;
}

}  // namespace

Result<KubeAccess> read_kubeconfig(const std::string& path, std::string_view text, std::string_view context) {
  config::Problems problems(path, text);
  const auto root = config::parse_yaml(text, problems);
  // Only the place: what is there may be a token.
  for (const config::ConfigError& problem : problems.take())
    return fail(path + ":" + std::to_string(problem.line) + ": not the YAML of a kubeconfig");
  if (!root || root->kind != Node::Kind::Map) return fail(path + " is no kubeconfig");
  return Reader(path, *root).read(context);
}

Result<KubeAccess> load_kubeconfig(const std::string& path, std::string_view context) {
  const auto text = read_file(path, KubeconfigBytesMax);
  if (!text) return tl::unexpected(text.error());
  auto access = read_kubeconfig(path, *text, context);
  if (!access) return access;
  if (auto wrong = take_file(access->certificate_file, access->certificate)) return tl::unexpected(std::move(*wrong));
  if (auto wrong = take_file(access->key_file, access->key)) return tl::unexpected(std::move(*wrong));
  return access;
}

Result<KubeAccess> load_service_account(const std::string& folder, const char* host, const char* port) {
  if (host == nullptr || port == nullptr) {
    return fail("this is no pod of Kubernetes (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set); give a kubeconfig");
  }
  const auto name_space = read_file(folder + "/namespace", CredentialBytesMax);
  if (!name_space) return tl::unexpected(name_space.error());
  const std::string address = host;
  KubeAccess access{.server = "https://" + (address.find(':') == std::string::npos ? address : "[" + address + "]") + ":" + port,
                    .name_space = *name_space,
                    .ca_file = folder + "/ca.crt"};
  access.token_file = folder + "/token";
  return access;
}

}  // namespace evener::actuators
