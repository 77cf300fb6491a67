#pragma once
// What a configuration has to keep beyond the kind and range of each field: rules for the form of a text, and rules between fields.

#include <string>
#include <string_view>

#include "evener/base/config/problem.h"
#include "evener/gateway/config.h"

namespace evener::gateway {

// Rules for one text; each gives what it must be instead, or an empty text.
[[nodiscard]] std::string check_listen_address(std::string_view text);
[[nodiscard]] std::string check_endpoint_url(std::string_view text);
[[nodiscard]] std::string check_adapter(std::string_view text);
[[nodiscard]] std::string check_model_pattern(std::string_view text);
[[nodiscard]] std::string check_model_name(std::string_view text);
[[nodiscard]] std::string check_name(std::string_view text);
[[nodiscard]] std::string check_path(std::string_view text);
[[nodiscard]] std::string check_header_name(std::string_view text);
[[nodiscard]] std::string check_class_name(std::string_view text);
[[nodiscard]] std::string check_environment_name(std::string_view text);
[[nodiscard]] std::string check_socket_path(std::string_view text);
[[nodiscard]] std::string check_zmq_address(std::string_view text);
[[nodiscard]] std::string check_metric_name(std::string_view text);
[[nodiscard]] std::string check_label_name(std::string_view text);
[[nodiscard]] std::string check_figure(std::string_view text);

/// True when requests for the model would match the pattern, which has at most one '*'.
[[nodiscard]] bool pattern_matches(std::string_view pattern, std::string_view model);

/// Rules between fields. `root` is the tree of the file, for the places; null when there is none.
void check_between_fields(const Config& config, const config::Node* root, config::Problems& errors, config::Problems& warnings);

}  // namespace evener::gateway
