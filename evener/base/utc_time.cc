#include "evener/base/utc_time.h"

#include <chrono>

namespace evener {
namespace {

void put(UtcTimeText& out, std::size_t at, std::size_t digits, std::int64_t number) {
  for (std::size_t i = digits; i > 0; --i, number /= 10) out[at + i - 1] = static_cast<char>('0' + number % 10);
}

}  // namespace

std::string_view utc_time(std::int64_t wall_ns, UtcTimeText& buffer) {
  using namespace std::chrono;
  constexpr std::string_view frame = "0000-00-00T00:00:00.000Z";
  frame.copy(buffer.data(), buffer.size());
  const auto time = floor<milliseconds>(nanoseconds(wall_ns));
  const auto day = floor<days>(time);
  const year_month_day date{sys_days(day)};
  const std::int64_t ms = (time - day).count();
  put(buffer, 0, 4, static_cast<int>(date.year()));
  put(buffer, 5, 2, static_cast<unsigned>(date.month()));
  put(buffer, 8, 2, static_cast<unsigned>(date.day()));
  put(buffer, 11, 2, ms / 3'600'000);
  put(buffer, 14, 2, ms / 60'000 % 60);
  put(buffer, 17, 2, ms / 1000 % 60);
  put(buffer, 20, 3, ms % 1000);
  return {buffer.data(), buffer.size()};
}

}  // namespace evener
