#pragma once
// One HTTP call on a libcurl handle: what it is told, what it hands over, and how it ended. Shared by HttpCaller, which waits for the whole answer,
// and HttpStream, which does not.

#include <cstddef>
#include <string>

#include "evener/actuators/http_call.h"

namespace evener::actuators {

/// A new handle of the library. The process ends if there is no memory for it.
[[nodiscard]] void* new_curl_handle();

/// Lives as long as its call; the handle holds pointers into it.
class CurlTransfer {
 public:
  /// The settings, the call and the handle must outlive it. `Ends::Never`: no limit of the whole call's time, for answers that go on.
  enum class Ends : bool { InTime, Never };
  CurlTransfer(void* handle, const HttpSettings& settings, const HttpCall& call, Ends ends);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer();

  /// What arrived so far.
  [[nodiscard]] HttpAnswer& answer() { return answer_; }
  /// The status line has come.
  [[nodiscard]] int status() const;
  /// Of the library's code of how the call ended, which is not that of a success.
  [[nodiscard]] Error failure(int code) const;

 private:
  void trust(const HttpSettings& settings);
  void limit(const HttpSettings& settings, Ends ends);
  void send(const HttpCall& call);
  void add_header(const std::string& line);
  static std::size_t take_body(char* bytes, std::size_t one, std::size_t count, void* transfer);
  static std::size_t take_header(char* bytes, std::size_t one, std::size_t count, void* transfer);

  void* handle_;
  std::string where_;
  void* headers_ = nullptr;
  HttpAnswer answer_;
  std::size_t body_bytes_max_;
  bool too_long_ = false;
  static constexpr std::size_t DetailsBytes = 256;
  char details_[DetailsBytes] = "";
};

/// Why the call must not be made at all; an empty text if it may.
[[nodiscard]] std::string check_call(const HttpCall& call, const HttpSettings& settings);

}  // namespace evener::actuators
