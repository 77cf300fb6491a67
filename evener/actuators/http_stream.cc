#include "evener/actuators/http_stream.h"

#include <curl/curl.h>

#include <cstdlib>

#include "evener/actuators/curl_transfer.h"
#include "evener/base/clock.h"

namespace evener::actuators {
namespace {

constexpr int PollMs = 100;

struct EasyEnd {
  void operator()(void* handle) const { curl_easy_cleanup(handle); }
};
struct MultiEnd {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

class HttpStream final : public ByteStream {
 public:
  HttpStream(HttpSettings settings, HttpCall call)
      : settings_(std::move(settings)),
        call_(std::move(call)),
        refusal_(check_call(call_, settings_)),
        multi_(curl_multi_init()),
        easy_(new_curl_handle()),
        transfer_(easy_.get(), settings_, call_, CurlTransfer::Ends::Never) {
    if (!multi_ || curl_multi_add_handle(multi_.get(), easy_.get()) != CURLM_OK) std::abort();  // no memory for a few kilobytes
  }
  ~HttpStream() override { curl_multi_remove_handle(multi_.get(), easy_.get()); }

  Result<State> read(std::string& out) override {
    if (!refusal_.empty()) return fail(shown_origin(call_.url) + ": " + refusal_);
    int running = 0;
    // Until the answer begins there are a few turns between the two sides; they are waited for here, because the next read may be seconds away.
    const Instant give_up = monotonic_now() + settings_.timeout;
    for (bool more = true; more;) {
      const std::size_t before = transfer_.answer().body.size();
      if (curl_multi_perform(multi_.get(), &running) != CURLM_OK) return fail(shown_origin(call_.url) + ": the call cannot go on");
      more = running > 0 && transfer_.answer().body.size() > before;  // when a round brings nothing there is nothing now
      if (running == 0 || transfer_.status() != 0) continue;
      if (monotonic_now() >= give_up) return fail(shown_origin(call_.url) + ": no answer in time", Fault::Endpoint, MayRetry::Yes);
      curl_multi_poll(multi_.get(), nullptr, 0, PollMs, nullptr);
      more = true;
    }
    out += transfer_.answer().body;
    transfer_.answer().body.clear();
    if (running > 0) return State::Open;
    int left = 0;
    const CURLMsg* const end = curl_multi_info_read(multi_.get(), &left);
    if (end != nullptr && end->data.result != CURLE_OK) return tl::unexpected(transfer_.failure(end->data.result));
    if (const int status = transfer_.status(); status < 200 || status >= 300) {
      return fail(shown_origin(call_.url) + ": status " + std::to_string(status), Fault::Endpoint);
    }
    return State::Ended;
  }

 private:
  HttpSettings settings_;
  HttpCall call_;
  std::string refusal_;
  std::unique_ptr<CURLM, MultiEnd> multi_;
  std::unique_ptr<void, EasyEnd> easy_;
  CurlTransfer transfer_;
};

}  // namespace

std::unique_ptr<ByteStream> open_http_stream(HttpSettings settings, HttpCall call) {
  return std::make_unique<HttpStream>(std::move(settings), std::move(call));
}

}  // namespace evener::actuators
