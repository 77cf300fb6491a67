#pragma once
// Asks the admin listener of a running gateway. Finds its address and token as the gateway itself does: from a configuration file, or the
// defaults; options go first.

#include <string>

#include "evener/core/result.h"

namespace CLI {
class App;
}

namespace evener::cli {

struct AdminOptions {
  std::string config_path, address, token_file;
};
/// --config, --admin and --token-file.
void declare_admin(CLI::App& app, AdminOptions& options);

struct AdminAnswer {
  int exit_code = 0;  // Ok; else DaemonUnreachable, NotAllowed, or what is wrong with the options
  std::string error;  // when it is not Ok
  std::string body;   // when it is
};
/// GET, or another method, of a path with its query. Waits for at most 10 s.
[[nodiscard]] AdminAnswer ask_admin(const AdminOptions& options, const std::string& path, const std::string& query,
                                    const std::string& method = "GET");

/// For a value in a query.
[[nodiscard]] std::string percent_encoded(const std::string& text);

}  // namespace evener::cli
