#include "reconcile/words/time_text.hpp"

#include <fmt/chrono.h>

#include <algorithm>

namespace ovl {

namespace {

constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

}  // namespace

std::string time_text(std::int64_t when) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::clamp<std::int64_t>(when, 0, kLastSecond)));
}

}  // namespace ovl
