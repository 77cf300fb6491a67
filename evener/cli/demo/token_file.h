#pragma once
// The admin token of one demo, in a folder that only this user can read and that goes when the demo ends.

#include <string>

#include "evener/core/result.h"

namespace evener::cli::demo {

class TokenFile {
 public:
  [[nodiscard]] static Result<TokenFile> make();
  ~TokenFile();
  TokenFile(TokenFile&& other) noexcept;
  TokenFile& operator=(TokenFile&&) = delete;
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  TokenFile(std::string folder, std::string path) : folder_(std::move(folder)), path_(std::move(path)) {}
  std::string folder_, path_;
};

}  // namespace evener::cli::demo
