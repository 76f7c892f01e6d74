// Deadlines: of one call of the port, however many messages it takes.
#pragma once

#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>

namespace ovl {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline deadline_in(std::chrono::milliseconds time) {
  // A caller may mean "for ever"; the clock's own end must not be passed.
  return std::chrono::steady_clock::now() +
         std::min(time, std::chrono::milliseconds{std::chrono::hours{24 * 365}});
}

inline bool is_over(Deadline deadline) {
  return std::chrono::steady_clock::now() >= deadline;
}

// On the monotonic clock: a step of the wall clock neither cuts a call short nor draws it out.
inline gpr_timespec to_grpc(Deadline deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::nanoseconds>(deadline - std::chrono::steady_clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

}  // namespace ovl
