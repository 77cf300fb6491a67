#include "evener/cli/admin_client.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <utility>

#include "evener/base/files.h"
#include "evener/cli/command.h"
#include "evener/gateway/admin_token.h"
#include "evener/gateway/config_schema.h"
#include "evener/net/address.h"
#include "evener/net/http_client.h"
#include "evener/net/reactor.h"

namespace evener::cli {
namespace {

constexpr Duration AnswerWithin = std::chrono::seconds(10);
constexpr std::size_t AnswerBytesMax = std::size_t{64} << 20;
constexpr std::size_t ConfigBytesMax = std::size_t{8} << 20;

AdminAnswer wrong(int exit_code, std::string error) { return {.exit_code = exit_code, .error = std::move(error), .body = {}}; }

net::Task<> ask(net::Reactor& reactor, net::Address address, net::HttpRequest request, std::optional<Result<net::HttpResponse>>& out) {
  net::HttpClient client(reactor);
  const Instant deadline = reactor.now() + AnswerWithin;
  if (const auto connected = co_await client.connect(address, deadline); !connected) {
    out = tl::unexpected(connected.error());
  } else {
    out = co_await client.fetch(request, address.text(), AnswerBytesMax, deadline);
  }
  reactor.stop();
}

}  // namespace

void declare_admin(CLI::App& app, AdminOptions& options) {
  app.add_option("-c,--config", options.config_path, "The gateway's configuration file, for the address and the token's file");
  app.add_option("--admin", options.address, "Address of its admin listener (default: the configuration's, or 127.0.0.1:9900)")
      ->type_name("ADDRESS");
  app.add_option("--token-file", options.token_file, "File with the admin token (default: the configuration's, or the one made at start)")
      ->type_name("FILE");
}

std::string percent_encoded(const std::string& text) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

AdminAnswer ask_admin(const AdminOptions& options, const std::string& path, const std::string& query, const std::string& method) {
  gateway::AdminConfig admin;
  if (!options.config_path.empty()) {
    const auto text = read_file(options.config_path, ConfigBytesMax);
    if (!text) return wrong(ConfigInvalid, text.error().message);
    const auto config = gateway::read_config(options.config_path, *text);
    if (!config) return wrong(ConfigInvalid, config::with_caret(config.error().front()));
    admin = config->admin;
  }
  if (!options.address.empty()) admin.listen = options.address;
  if (!options.token_file.empty()) admin.token_file = options.token_file;
  if (admin.listen.empty()) return wrong(DaemonUnreachable, "the admin listener is switched off in " + options.config_path);
  const auto address = net::Address::parse(admin.listen);
  if (!address) return wrong(Usage, "--admin " + admin.listen + " is no address; write it as 127.0.0.1:9900");

  if (admin.token_file.empty()) admin.token_file = gateway::made_token_path(address->port());
  const auto token = gateway::read_admin_token(admin.token_file);
  if (!token) {
    return wrong(NotAllowed,
                 "no admin token: " + token.error().message +
                     "\nThe gateway names the file in its log at start; give it with --token-file, or the configuration with --config.");
  }

  net::Reactor reactor;
  std::optional<Result<net::HttpResponse>> answer;
  net::HttpRequest request{.method = method, .path = path, .query = query, .headers = {{"Authorization", "Bearer " + *token}}, .body = {}};
  reactor.spawn(ask(reactor, *address, std::move(request), answer));
  reactor.run();
  if (!answer || !*answer) {
    return wrong(DaemonUnreachable, "no gateway answers at " + admin.listen + (answer ? ": " + answer->error().message : std::string()));
  }
  const net::HttpResponse& response = **answer;
  if (response.status == 401 || response.status == 403) {
    return wrong(NotAllowed, "the gateway at " + admin.listen + " does not take the token in " + admin.token_file);
  }
  if (response.status != 200) return wrong(Failure, "the gateway answered " + std::to_string(response.status) + ": " + response.body);
  return {.exit_code = Ok, .error = {}, .body = response.body};
}

}  // namespace evener::cli
