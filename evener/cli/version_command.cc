// evener version: what this program is made of.

#include <CLI/Version.hpp>
#include <fmt/core.h>
#include <openssl/crypto.h>
#include <simdjson.h>
#include <xxhash.h>

#include <cstdio>
#include <string_view>

#include "evener/actuators/http_call.h"
#include "evener/base/json_writer.h"
#include "evener/cli/command.h"
#include "evener/net/zmq_socket.h"

namespace evener::cli {

std::string version_text() { return EVENER_VERSION; }

int version_command(int argc, char** argv) {
  const bool as_json = argc > 1 && std::string_view(argv[1]) == "--json";
  if (argc > 1 && !as_json) {
    const bool help = std::string_view(argv[1]) == "--help" || std::string_view(argv[1]) == "-h";
    std::fputs("Prints the version, the compiler and the libraries.\nUsage: evener version [--json]\nExample: evener version --json\n",
               help ? stdout : stderr);
    return help ? Ok : Usage;
  }
  const std::string fmt_version = fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100);
  const std::string simdjson_version =
      fmt::format("{}.{}.{}", int{simdjson::SIMDJSON_VERSION_MAJOR}, int{simdjson::SIMDJSON_VERSION_MINOR}, int{simdjson::SIMDJSON_VERSION_REVISION});
  const unsigned xxhash = XXH_versionNumber();
  const std::string xxhash_version = fmt::format("{}.{}.{}", xxhash / 10000, xxhash / 100 % 100, xxhash % 100);
  if (as_json) {
    std::string out;
    JsonWriter json(out);
    json.begin_object().member("schema", "evener.version/1").member("version", version_text()).member("compiler", __VERSION__);
    json.key("libraries").begin_object().member("openssl", OpenSSL_version(OPENSSL_VERSION_STRING)).member("simdjson", simdjson_version);
    json.member("fmt", fmt_version).member("xxhash", xxhash_version).member("yaml-cpp", EVENER_YAML_CPP_VERSION);
    json.member("cli11", CLI11_VERSION).member("libzmq", net::zmq_library_version());
    json.member("libcurl", actuators::curl_library_version()).end_object().end_object();
    std::printf("%s\n", out.c_str());
    return Ok;
  }
  std::printf("evener %s\ncompiler  %s\nopenssl   %s\nsimdjson  %s\nfmt       %s\nxxhash    %s\nyaml-cpp  %s\nCLI11     %s\nlibzmq    %s\n",
              version_text().c_str(), __VERSION__, OpenSSL_version(OPENSSL_VERSION_STRING), simdjson_version.c_str(), fmt_version.c_str(),
              xxhash_version.c_str(), EVENER_YAML_CPP_VERSION, CLI11_VERSION, net::zmq_library_version().c_str());
  std::printf("libcurl   %s\n", actuators::curl_library_version().c_str());
  return Ok;
}

}  // namespace evener::cli
