#include "evener/actuators/kube_access.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace evener::actuators {
namespace {

// "certificate" and "key" in base64.
const std::string Kubeconfig = R"(
apiVersion: v1
kind: Config
current-context: here
contexts:
- name: here
  context: {cluster: near, user: robot, namespace: llm}
- name: there
  context: {cluster: far, user: person}
clusters:
- name: near
  cluster: {server: "https://10.0.0.1:6443/", certificate-authority-data: Y2VydGlmaWNhdGU=}
- name: far
  cluster: {server: https://far.example/k8s/clusters/c-1, certificate-authority: pki/ca.crt, proxy-url: http://proxy:3128}
users:
- name: robot
  user: {token: plain-token, tokenFile: /run/token}
- name: person
  user: {client-certificate-data: Y2VydGlmaWNhdGU=, client-key-data: a2V5}
)";

std::string with(std::string text, const std::string& old, const std::string& now) { return text.replace(text.find(old), old.size(), now); }

std::string problem(const std::string& text, const std::string& context = "") {
  const auto access = read_kubeconfig("/etc/kube/config", text, context);
  return access ? "no problem" : access.error().message;
}

struct Folder {
  std::filesystem::path path = [] {
    std::string name = (std::filesystem::temp_directory_path() / "evener-kube-XXXXXX").string();
    return std::filesystem::path(::mkdtemp(name.data()));
  }();
  ~Folder() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

TEST_CASE("the current context says server, authority, namespace and token") {
  const auto access = read_kubeconfig("/etc/kube/config", Kubeconfig, "");
  REQUIRE(access.has_value());
  CHECK(access->server == "https://10.0.0.1:6443");
  CHECK(access->name_space == "llm");
  CHECK(access->ca_data == "certificate");
  CHECK(access->token.reveal() == "plain-token");
  CHECK(access->token_file == "/run/token");
  CHECK(access->certificate.empty());
}

TEST_CASE("another context is taken by its name, with files beside the kubeconfig, a proxy and a client certificate") {
  const auto access = read_kubeconfig("/etc/kube/config", Kubeconfig, "there");
  REQUIRE(access.has_value());
  CHECK(access->server == "https://far.example/k8s/clusters/c-1");
  CHECK(access->name_space.empty());
  CHECK(access->ca_file == "/etc/kube/pki/ca.crt");
  CHECK(access->proxy == "http://proxy:3128");
  CHECK(access->certificate.reveal() == "certificate");
  CHECK(access->key.reveal() == "key");
  CHECK(access->token.empty());
}

TEST_CASE("JSON is YAML too") {
  const auto access = read_kubeconfig("c", R"({"current-context":"c","contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],
    "clusters":[{"name":"k","cluster":{"server":"https://[::1]:6443"}}],"users":[{"name":"u","user":{}}]})",
                                      "");
  REQUIRE(access.has_value());
  CHECK(access->server == "https://[::1]:6443");
}

TEST_CASE("what is missing in a kubeconfig is named") {
  CHECK(problem(Kubeconfig, "nowhere") == "/etc/kube/config has no context \"nowhere\"");
  CHECK(problem(with(Kubeconfig, "current-context: here", "")) == "/etc/kube/config has no current-context; name one of its contexts");
  CHECK(problem(with(Kubeconfig, "cluster: near", "cluster: lost")) == "/etc/kube/config: cluster \"lost\" is not in the file");
  CHECK(problem(with(Kubeconfig, "user: robot", "user: lost")) == "/etc/kube/config: user \"lost\" is not in the file");
  CHECK(problem("[]") == "/etc/kube/config is no kubeconfig");
  CHECK(problem(with(Kubeconfig, ", client-key-data: a2V5", ""), "there").find("only one of") != std::string::npos);
  CHECK(problem(with(Kubeconfig, "Y2VydGlmaWNhdGU=", "'*'")).find("certificate-authority-data is no base64") != std::string::npos);
}

TEST_CASE("what would weaken TLS, start a program, or send credentials in the open is refused with what to do instead") {
  CHECK(problem(with(Kubeconfig, "{server: \"https://10", "{insecure-skip-tls-verify: true, server: \"https://10"))
            .find("must be verified") != std::string::npos);
  CHECK(problem(with(Kubeconfig, "{server: \"https://10", "{insecure-skip-tls-verify: false, server: \"https://10")) == "no problem");
  CHECK(problem(with(Kubeconfig, "token: plain-token", "exec: {command: aws}")).find("no program is started for credentials") !=
        std::string::npos);
  CHECK(problem(with(Kubeconfig, "https://10.0.0.1", "http://10.0.0.1")).find("credentials go over https only") != std::string::npos);
}

TEST_CASE("a malformed kubeconfig is refused by its line, without a word of what is in it") {
  const std::string message = problem("users:\n- name: u\n  user: {token: [sesame}\n");
  CHECK(message == "/etc/kube/config:3: not the YAML of a kubeconfig");
}

TEST_CASE("client certificate and key are read from the files that a kubeconfig names") {
  const Folder folder;
  folder.write("config", with(with(Kubeconfig, "client-certificate-data: Y2VydGlmaWNhdGU=", "client-certificate: c.pem"),
                              "client-key-data: a2V5", "client-key: k.pem"));
  folder.write("c.pem", "from file");
  CHECK(!load_kubeconfig((folder.path / "config").string(), "there").has_value());
  folder.write("k.pem", "key from file");
  const auto access = load_kubeconfig((folder.path / "config").string(), "there");
  REQUIRE(access.has_value());
  CHECK(access->certificate.reveal() == "from file");
  CHECK(access->key.reveal() == "key from file");
  CHECK(!load_kubeconfig((folder.path / "absent").string(), "").has_value());
}

TEST_CASE("a kubeconfig beyond the limit is not read") {
  const Folder folder;
  folder.write("config", Kubeconfig + std::string(KubeconfigBytesMax, '\n'));
  CHECK(!load_kubeconfig((folder.path / "config").string(), "").has_value());
}

TEST_CASE("a pod finds server, authority, namespace and token of its service account") {
  const Folder folder;
  folder.write("namespace", "llm");
  const auto access = load_service_account(folder.path.string(), "10.0.0.1", "443");
  REQUIRE(access.has_value());
  CHECK(access->server == "https://10.0.0.1:443");
  CHECK(access->name_space == "llm");
  CHECK(access->ca_file == (folder.path / "ca.crt").string());
  CHECK(access->token_file == (folder.path / "token").string());
  CHECK(load_service_account(folder.path.string(), "fd00::1", "443")->server == "https://[fd00::1]:443");
  CHECK(!load_service_account(folder.path.string(), nullptr, "443").has_value());
  CHECK(!load_service_account("/nonexistent", "10.0.0.1", "443").has_value());
}

}  // namespace
}  // namespace evener::actuators
