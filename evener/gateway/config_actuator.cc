#include "evener/gateway/config_actuator.h"

#include <algorithm>
#include <cstdlib>

#include "evener/actuators/exec_actuator.h"
#include "evener/actuators/process_actuator.h"
#include "evener/actuators/webhook_actuator.h"
#include "evener/base/clock.h"
#include "evener/gateway/config_rules.h"

namespace evener::gateway {
namespace {

using namespace evener::config;  // the vocabulary of descriptions
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::size_t WordsMax = 200;  // of a command
constexpr std::size_t WordBytesMax = 4096;

std::string check_webhook_url(std::string_view url) {
  const std::string wrong = actuators::check_call_url(std::string(url), actuators::PlainHttp::LocalOnly);
  return wrong.empty() ? std::string() : "a URL https://host[:port][/path]; " + wrong;
}

TextRule word_rule(std::string what) { return {.what = std::move(what), .bytes_max = WordBytesMax}; }

Of<std::map<std::string, std::string>> environment() {
  return map_of({.what = "the name of an environment variable",
                 .bytes_max = 128,
                 .may_be_empty = false,
                 .pattern = "^[A-Za-z_][A-Za-z0-9_]*$",
                 .check = check_environment_name},
                text(word_rule("a value")), {0, WordsMax});
}

Of<actuators::ProcessSettings> process() {
  using P = actuators::ProcessSettings;
  return Describe<P>("process",
                     "Engines as processes on this host. In the command, the environment and output, {port}, {number} (from 0) and {pool} "
                     "are filled in.")
      .field("command", &P::command, list_of(text(word_rule("a word of the command")), {0, WordsMax}),
             {.doc = "The program and its arguments, one word each; no shell reads them. The program must stay in the foreground, listen "
                     "on {port} and end at SIGTERM."})
      .field("environment", &P::environment, environment(), {.doc = "Set for it, beside what the gateway's own environment has."})
      .field("directory", &P::directory, text({.what = "the path of a folder", .bytes_max = 4096}),
             {.doc = "Where it runs. Empty: where the gateway runs."})
      .field("output", &P::output, text({.what = "the path of a file", .bytes_max = 4096}),
             {.doc = "File that its output is appended to. Empty: the gateway's standard error."})
      .field("host", &P::host, text({.what = "an address", .bytes_max = 256, .may_be_empty = false}),
             {.doc = "Where it listens, for the endpoint's URL."})
      .field("first_port", &P::first_port, whole_number<std::uint16_t>({0, 65535}),
             {.doc = "The replica with number n gets the port first_port + n. 0: any port that is free."})
      .field("grace", &P::grace, duration({milliseconds(100), hours(1)}), {.doc = "From SIGTERM until SIGKILL."})
      .field("restart_pause", &P::restart_pause, duration({milliseconds(100), minutes(5)}),
             {.doc = "Before one that ended unasked is started again; doubled each time that it ends within a minute, up to 5 minutes."})
      .done();
}

Of<actuators::ExecSettings> exec() {
  using E = actuators::ExecSettings;
  const auto words = [] { return list_of(text(word_rule("a word of the command")), {0, WordsMax}); };
  return Describe<E>("exec",
                     "A command of yours. In it {pool}, {replicas} and {reason} are filled in; it finds the same in EVENER_POOL, "
                     "EVENER_REPLICAS, EVENER_REASON, and the URLs of drained replicas in EVENER_STOP_FIRST. Lines of its output that are "
                     "an http:// URL are endpoints of the pool.")
      .field("command", &E::command, words(),
             {.doc = "Sets the number of replicas; no shell reads its words. Any exit status but 0 is a failure and is tried again."})
      .field("status", &E::status, words(),
             {.doc = "Prints what is there: the lines \"replicas N\" and \"ready N\", and a URL per line. Empty: the latest wish is taken "
                     "for what is there, and at start what serves."})
      .field("environment", &E::environment, environment(), {.doc = "Set for them, beside what the gateway's own environment has."})
      .field("directory", &E::directory, text({.what = "the path of a folder", .bytes_max = 4096}),
             {.doc = "Where they run. Empty: where the gateway runs."})
      .field("timeout", &E::timeout, duration({milliseconds(100), minutes(10)}), {.doc = "After this time they are killed."})
      .done();
}

Of<actuators::WebhookSettings> webhook() {
  using W = actuators::WebhookSettings;
  const auto variable = [] {
    return text({.what = "the name of an environment variable",
                 .bytes_max = 128,
                 .pattern = "^([A-Za-z_][A-Za-z0-9_]*)?$",
                 .check = check_environment_name});
  };
  return Describe<W>("webhook", "A URL of yours that is told how many replicas there should be, by POST of JSON; see docs/scaling.md.")
      .field("url", &W::url,
             text({.what = "a URL https://... (http:// for this machine only)",
                   .bytes_max = actuators::HttpUrlBytesMax,
                   .check = check_webhook_url}),
             {.doc = "Where it is."})
      .field("ask", &W::ask, boolean(),
             {.doc = "Whether GET of the URL says what is there. If not, the latest wish is taken for it, and at start what serves."})
      .field("secret_env", &W::secret_env, variable(),
             {.doc = "Environment variable with the key that calls are signed with (HMAC-SHA256, header X-Evener-Signature). Empty: they "
                     "are not signed."})
      .field("api_key_env", &W::api_key_env, variable(),
             {.doc = "Environment variable whose value is sent as bearer token. Empty: none is."})
      .field("headers", &W::headers,
             map_of({.what = "the name of a header", .bytes_max = 128, .may_be_empty = false, .check = check_header_name},
                    text(word_rule("a value")), {0, 50}),
             {.doc = "Further headers."})
      .field("ca_file", &W::ca_file, text({.what = "the path of a file", .bytes_max = 4096}),
             {.doc = "Authorities (PEM) that vouch for it. Empty: the system's."})
      .field("timeout", &W::timeout, duration({milliseconds(100), minutes(10)}), {.doc = "Longest wait for an answer."})
      .done();
}

Secret secret_from(const std::string& variable) {
  const char* value = variable.empty() ? nullptr : std::getenv(variable.c_str());
  return Secret(value == nullptr ? "" : value);
}

std::unique_ptr<actuators::Actuator> make_webhook(const std::string& pool, const actuators::WebhookSettings& settings) {
  auto caller = std::make_shared<actuators::HttpCaller>(actuators::HttpSettings{.ca_file = settings.ca_file, .timeout = settings.timeout});
  return std::make_unique<actuators::WebhookActuator>(
      pool, settings, actuators::WebhookSecrets{.signing = secret_from(settings.secret_env), .api_key = secret_from(settings.api_key_env)},
      [caller](const actuators::HttpCall& call) { return (*caller)(call); }, wall_clock_ns);
}

actuators::ProcessSettings process_settings(const ActuatorConfig& config, std::uint32_t most) {
  actuators::ProcessSettings settings = config.process;
  settings.most = most;
  return settings;
}

bool mentions_port(const actuators::ProcessSettings& process) {
  const auto has = [](const std::string& text) { return text.find("{port}") != std::string::npos; };
  return std::any_of(process.command.begin(), process.command.end(), has) ||
         std::any_of(process.environment.begin(), process.environment.end(), [&](const auto& each) { return has(each.second); });
}

ActuatorGap gap_of(const actuators::ProcessSettings& process, std::uint32_t most) {
  if (process.command.empty()) return {{"process", "command"}, "kind: process needs the command that starts an engine"};
  if (!mentions_port(process)) {
    return {{"process", "command"}, "neither it nor the environment holds {port}, so engines would not know where to listen"};
  }
  if (most > actuators::PlacesMax) {
    return {{"kind"},
            "process runs at most " + std::to_string(actuators::PlacesMax) + " engines, and most is " + std::to_string(most) +
                "; make it smaller, or let exec run them on several hosts"};
  }
  constexpr std::uint32_t PortMax = 65535;
  const std::uint32_t last_port = process.first_port + most - 1;
  if (process.first_port > 0 && most > 0 && last_port > PortMax) {
    return {{"process", "first_port"},
            "with most: " + std::to_string(most) + " the last engine would get port " + std::to_string(last_port) + "; begin at " +
                std::to_string(PortMax - most + 1) + " or below"};
  }
  return {};
}

}  // namespace

Of<ActuatorConfig> describe_actuator() {
  using A = ActuatorConfig;
  return Describe<A>("actuator", "What starts and stops the replicas of a pool.")
      .field("kind", &A::kind,
             one_of<ActuatorKind>(
                 {{ActuatorKind::None, "none", "Nothing: the pool is not scaled."},
                  {ActuatorKind::Process, "process", "Engines run as processes on this host."},
                  {ActuatorKind::Exec, "exec", "A command sets the number of replicas."},
                  {ActuatorKind::Webhook, "webhook", "A URL is told the number of replicas."},
                  {ActuatorKind::Kubernetes, "kubernetes", "The scale of a Deployment, a StatefulSet or another resource is set."},
                  {ActuatorKind::Aws, "aws", "An Auto Scaling group of AWS is resized."},
                  {ActuatorKind::Google, "gcp", "A managed instance group of Google is resized."},
                  {ActuatorKind::Azure, "azure", "A virtual machine scale set of Azure is resized."}}),
             {.doc = "What it is."})
      .field("observe", &A::observe, duration({milliseconds(200), hours(1)}),
             {.doc = "Between two looks at what is there; processes are always watched."})
      .field("process", &A::process, process(), {.doc = "Settings of kind: process."})
      .field("exec", &A::exec, exec(), {.doc = "Settings of kind: exec."})
      .field("webhook", &A::webhook, webhook(), {.doc = "Settings of kind: webhook."})
      .field("kubernetes", &A::kubernetes, describe_kubernetes(), {.doc = "Settings of kind: kubernetes."})
      .field("aws", &A::aws, describe_aws(), {.doc = "Settings of kind: aws."})
      .field("gcp", &A::google, describe_google(), {.doc = "Settings of kind: gcp."})
      .field("azure", &A::azure, describe_azure(), {.doc = "Settings of kind: azure."})
      .done();
}

ActuatorGap gap_of(const ActuatorConfig& config, std::uint32_t most) {
  switch (config.kind) {
    case ActuatorKind::None: break;
    case ActuatorKind::Process: return gap_of(config.process, most);
    case ActuatorKind::Exec:
      if (config.exec.command.empty()) return {{"exec", "command"}, "kind: exec needs the command that sets the number of replicas"};
      break;
    case ActuatorKind::Webhook:
      if (config.webhook.url.empty()) return {{"webhook", "url"}, "kind: webhook needs the URL that is told"};
      break;
    case ActuatorKind::Kubernetes:
      if (config.kubernetes.name.empty()) return {{"kubernetes", "name"}, "kind: kubernetes needs the name of what it scales"};
      break;
    case ActuatorKind::Aws:
      if (config.aws.group.empty()) return {{"aws", "group"}, "kind: aws needs the name of an Auto Scaling group"};
      break;
    case ActuatorKind::Google:
      if (config.google.project.empty()) return {{"gcp", "project"}, "kind: gcp needs the project of the instance group"};
      if (config.google.location.empty()) return {{"gcp", "location"}, "kind: gcp needs the zone or region of the instance group"};
      if (config.google.group.empty()) return {{"gcp", "group"}, "kind: gcp needs the name of the instance group"};
      break;
    case ActuatorKind::Azure:
      if (config.azure.subscription.empty()) return {{"azure", "subscription"}, "kind: azure needs the subscription of the scale set"};
      if (config.azure.resource_group.empty())
        return {{"azure", "resource_group"}, "kind: azure needs the resource group of the scale set"};
      if (config.azure.scale_set.empty()) return {{"azure", "scale_set"}, "kind: azure needs the name of the scale set"};
      break;
  }
  return {};
}

std::unique_ptr<actuators::Actuator> make_actuator(const std::string& pool, const ActuatorConfig& config, std::uint32_t most) {
  switch (config.kind) {
    case ActuatorKind::None: break;
    case ActuatorKind::Process: return std::make_unique<actuators::ProcessActuator>(pool, process_settings(config, most), monotonic_now);
    case ActuatorKind::Exec: return std::make_unique<actuators::ExecActuator>(pool, config.exec);
    case ActuatorKind::Webhook: return make_webhook(pool, config.webhook);
    case ActuatorKind::Kubernetes: return std::make_unique<actuators::KubernetesActuator>(config.kubernetes);
    case ActuatorKind::Aws: return make_aws(config.aws);
    case ActuatorKind::Google: return make_google(config.google);
    case ActuatorKind::Azure: return make_azure(config.azure);
  }
  return nullptr;
}

bool reconfigure(actuators::Actuator& actuator, const ActuatorConfig& was, const ActuatorConfig& wanted, std::uint32_t most) {
  auto* process = dynamic_cast<actuators::ProcessActuator*>(&actuator);
  if (process == nullptr || wanted.kind != ActuatorKind::Process) return was == wanted;
  process->configure(process_settings(wanted, most));
  return true;
}

}  // namespace evener::gateway
