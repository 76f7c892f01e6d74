// How long calls wait for a store that has fallen silent.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>

namespace ovl {

// A store that let one call wait in vain is not waited for as long by what comes right after it: whether
// a write was taken, a lock's return. So a command ends soon after its one timeout, however many calls
// its end takes. Whoever comes back later waits the full time again. Thread-safe.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Patience(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  // What a call that begins now may take.
  [[nodiscard]] std::chrono::milliseconds left() const {
    const Clock::duration silent = Clock::now().time_since_epoch() - silent_.load();
    return silent < kRightAfter ? std::min(timeout_, kOnceMore) : timeout_;
  }

  // A call was given up at its deadline.
  void ran_out() { silent_ = Clock::now().time_since_epoch(); }

  // A call was answered.
  void answered() { silent_ = kNever; }

  // What is shorter says nothing about the store.
  static constexpr std::chrono::milliseconds kOnceMore{300};

 private:
  static constexpr std::chrono::milliseconds kRightAfter{1000};
  static constexpr Clock::duration kNever{std::chrono::hours{-24}};

  std::chrono::milliseconds timeout_;
  std::atomic<Clock::duration> silent_ = kNever;
};

}  // namespace ovl
